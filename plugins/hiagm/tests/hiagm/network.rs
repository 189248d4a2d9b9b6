//! The network against the paper's figures (METHODS 8.1, 8.2).

use arborist_hiagm::network::Network;
use arborist_hiagm::{HiAgm, Hyperparameters, LaText, Variant};
use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::blocks::{EdgeStart, Propagation, StructureKind};
use arborist_model_kit::checks::{
    self, batch, gradients_by_name, parameter, t5, taxonomy, tree_of,
};
use arborist_model_kit::optimizer::{AdamOptions, Optimizer};
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::settings::EncoderKind;
use arborist_model_kit::text_method::TextNetwork;
use arborist_model_kit::training::Trainable;
use arborist_shared::taxonomy::Taxonomy;
use tch::{Kind, Tensor};

use crate::corpus::{still, tiny};

fn network(hyperparameters: &Hyperparameters, taxonomy: &Taxonomy, words: usize) -> Network {
    checks::network(hyperparameters, taxonomy, words, Kind::Float)
}

fn count(change: impl FnOnce(&mut Hyperparameters)) -> i64 {
    let mut hyperparameters = Hyperparameters::default();
    change(&mut hyperparameters);
    network(&hyperparameters, &tree_of(103), 50_002)
        .parameters()
        .count()
}

/// Each variant with each structure encoder, and the options that change what is computed.
fn variants() -> Vec<Hyperparameters> {
    let mut all = Vec::new();
    for structure in [
        StructureKind::Gcn,
        StructureKind::TreeLstm,
        StructureKind::None,
    ] {
        let mut tp = tiny();
        tp.structure.structure = structure;
        tp.recursive.lambda_rec = 0.1;
        let la = Hyperparameters {
            variant: Variant::La,
            la_label_dim: 6,
            ..tp.clone()
        };
        let tokens = Hyperparameters {
            la_text: LaText::RnnTokens,
            la_label_dim: 2 * tp.rcnn.rnn_hidden,
            ..la.clone()
        };
        all.extend([tp, la, tokens]);
    }
    let changed = |change: fn(&mut Hyperparameters)| {
        let mut hyperparameters = tiny();
        change(&mut hyperparameters);
        hyperparameters
    };
    all.extend([
        changed(|h| h.variant = Variant::Flat),
        changed(|h| h.encoder = EncoderKind::Bert),
        changed(|h| {
            h.encoder = EncoderKind::Bert;
            h.variant = Variant::La;
            h.la_label_dim = 6;
        }),
        changed(|h| {
            h.encoder = EncoderKind::Bert;
            h.variant = Variant::Flat;
        }),
        changed(|h| h.structure.graph.gcn_layers = 2),
        changed(|h| h.structure.graph.edge_wise = true),
        changed(|h| h.structure.graph.propagation = Propagation::AllPairs),
        changed(|h| {
            h.structure.graph.prior_top_down = EdgeStart::Random;
            h.structure.graph.prior_bottom_up = EdgeStart::Prior;
            h.structure.graph.prior_trainable = false;
        }),
        changed(|h| h.rcnn.top_k = 2),
        changed(|h| {
            h.structure.structure = StructureKind::TreeLstm;
            h.structure.graph.prior_top_down = EdgeStart::One;
            h.structure.graph.prior_bottom_up = EdgeStart::Random;
        }),
    ]);
    all
}

#[test]
fn parameters_are_as_many_as_in_the_authors_model() {
    assert_eq!(count(|_| ()), 27_824_471);
    // The authors' model has a projection [150, 300] on top that nothing uses.
    assert_eq!(
        count(|h| h.structure.structure = StructureKind::TreeLstm),
        28_349_115 - 45_150
    );
    assert_eq!(count(|h| h.variant = Variant::La), 16_370_271);
}

#[test]
fn the_papers_priors_are_trained_with_tp_and_fixed_with_la() {
    for structure in [StructureKind::Gcn, StructureKind::TreeLstm] {
        for (variant, prior_trainable, la_prior_trainable, expected) in [
            (Variant::Tp, true, false, true),
            (Variant::La, true, false, false),
            (Variant::La, true, true, true),
            (Variant::La, false, true, false),
            (Variant::Tp, false, true, false),
        ] {
            let mut hyperparameters = Hyperparameters {
                variant,
                la_label_dim: 6,
                la_prior_trainable,
                ..tiny()
            };
            hyperparameters.structure.structure = structure;
            hyperparameters.structure.graph.prior_trainable = prior_trainable;
            let network = network(&hyperparameters, &t5(), 20);
            let is_weight = |name: &str| name.ends_with("adjacency") || name.ends_with("edges");
            let entries = network.parameters().entries().iter();
            let trained: Vec<bool> = entries
                .filter(|entry| is_weight(&entry.name))
                .map(|entry| entry.trained)
                .collect();
            assert_eq!(trained, [expected; 2], "{hyperparameters:?}");
        }
    }
}

#[test]
fn labels_own_consecutive_rows_of_the_projection() {
    let network = network(&tiny(), &t5(), 20);
    let batch = batch(2);
    let before = network.node_inputs(&Pass::evaluation(), &batch).unwrap();
    for name in ["projection.weight", "projection.bias"] {
        let _ = parameter(&network, name).detach().narrow(0, 6, 6).zero_();
    }
    let after = network.node_inputs(&Pass::evaluation(), &batch).unwrap();
    assert_eq!(
        after.select(1, 1).abs().max().double_value(&[]),
        0.0,
        "label 1"
    );
    for label in [0, 2, 3, 4] {
        assert_eq!(
            apart(&after.select(1, label), &before.select(1, label)),
            0.0,
            "label {label}"
        );
    }
}

fn apart(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn the_network_for_prediction_scores_the_same() {
    for hyperparameters in variants() {
        checks::trained_scores::<Network>(&hyperparameters);
    }
}

#[test]
fn gradients_are_slopes() {
    for hyperparameters in variants() {
        checks::gradients::<Network>(&hyperparameters, &[]);
    }
}

#[test]
fn kernels_compute_what_libtorch_does() {
    for hyperparameters in variants() {
        checks::kernels::<Network>(&still(hyperparameters));
    }
}

#[test]
fn every_dropout_acts() {
    let common = ["embedding_dropout", "rnn_dropout", "classifier_dropout"];
    for structure in [StructureKind::Gcn, StructureKind::TreeLstm] {
        let mut tp = tiny();
        tp.structure.structure = structure;
        checks::dropouts_are_felt::<Network>(&tp, &common);
        checks::dropouts_are_felt::<Network>(&tp, &["node_dropout", "projection_dropout"]);
        let la = Hyperparameters {
            variant: Variant::La,
            la_label_dim: 6,
            ..tp
        };
        checks::dropouts_are_felt::<Network>(&la, &common);
        checks::dropouts_are_felt::<Network>(&la, &["node_dropout"]);
        // Behind a tree LSTM as small as this the label table hardly moves the loss.
        if structure == StructureKind::Gcn {
            checks::dropouts_are_felt::<Network>(&la, &["label_dropout"]);
        }
    }
}

#[test]
fn the_pull_towards_parents_is_weighed() {
    let terms = |weight: f64| {
        let mut hyperparameters = still(tiny());
        hyperparameters.recursive.lambda_rec = weight;
        let network = network(&hyperparameters, &t5(), 20);
        let moment = Moment {
            seed: 1,
            stage: 0,
            step: 0,
        };
        let losses = network.losses(&batch(1), &Pass::training(moment));
        let names: Vec<&str> = losses.terms.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["classification", "recursive"]);
        let value = |tensor: &Tensor| tensor.double_value(&[]);
        let terms: Vec<f64> = losses.terms.iter().map(|(_, term)| value(term)).collect();
        assert!((value(&losses.total) - terms[0] - terms[1]).abs() < 1e-6);
        terms[1]
    };
    assert!(terms(0.1) > 0.0);
    assert!((terms(0.3) / terms(0.1) - 3.0).abs() < 1e-4);
}

#[test]
fn a_network_without_dropout_learns_200_documents_by_heart() {
    let la = Hyperparameters {
        variant: Variant::La,
        la_label_dim: 6,
        ..tiny()
    };
    let tokens = Hyperparameters {
        la_text: LaText::RnnTokens,
        la_label_dim: 2 * la.rcnn.rnn_hidden,
        ..la.clone()
    };
    let mut tree = tiny();
    tree.structure.structure = StructureKind::TreeLstm;
    let pretrained = [Variant::Tp, Variant::La].map(|variant| {
        let mut own = tiny();
        own.encoder = EncoderKind::Bert;
        own.variant = variant;
        own.la_label_dim = 6;
        own.training.learning_rate = 0.003;
        own
    });
    let [bert, bert_la] = pretrained;
    let variants = [tiny(), la, tokens, tree, bert, bert_la];
    for mut hyperparameters in variants.map(still) {
        hyperparameters.training.epochs = 40;
        checks::learns_by_heart::<HiAgm>(hyperparameters);
    }
}

/// Gradient of the label table, as its largest value.
fn pull_on_labels(network: &Network) -> f64 {
    gradients_by_name(network)
        .into_iter()
        .find(|(name, _)| name == "labels")
        .and_then(|(_, gradient)| gradient)
        .map_or(0.0, |gradient| gradient.abs().max().double_value(&[]))
}

#[test]
fn with_one_vector_to_attend_to_labels_learn_nothing() {
    let la = Hyperparameters {
        variant: Variant::La,
        ..tiny()
    };
    let features = la.rcnn.features();
    let degenerate = Hyperparameters {
        la_label_dim: features,
        ..la.clone()
    };
    let found = network(&degenerate, &t5(), 20);
    assert_eq!(pull_on_labels(&found), 0.0);
    // Nor does the tree matter: another table gives the same logits.
    let logits = |network: &Network, batch: &Batch| {
        tch::no_grad(|| network.logits(&Pass::evaluation(), batch))
    };
    let batch = batch(2);
    let before = logits(&found, &batch);
    let other_tree = taxonomy(&[
        ("A", &[]),
        ("B", &["A"]),
        ("A1", &["B"]),
        ("A2", &["A1"]),
        ("B1", &[]),
    ]);
    let elsewhere = network(&degenerate, &other_tree, 20);
    assert_eq!(apart(&before, &logits(&elsewhere, &batch)), 0.0);
    let _ = parameter(&found, "labels").detach().fill_(0.5);
    assert_eq!(apart(&before, &logits(&found, &batch)), 0.0);

    let sound = Hyperparameters {
        la_label_dim: features / 5,
        ..la
    };
    let found = network(&sound, &t5(), 20);
    assert!(pull_on_labels(&found) > 0.0);
    let elsewhere = network(&sound, &other_tree, 20);
    assert!(apart(&logits(&found, &batch), &logits(&elsewhere, &batch)) > 0.0);
}

/// Where the values of a tensor start: the bounds of METHODS 2.4, by name, for 103 labels and vectors of 300.
fn bound(name: &str) -> Option<f64> {
    let fan_in = |inputs: f64| inputs.sqrt().recip();
    let size = |size: f64| fan_in(128.0 * size);
    if name.contains("adjacency") {
        // These are the priors.
        return None;
    }
    Some(match name {
        "labels" => 0.1,
        _ if name.contains("gru") => 0.125,
        _ if name.contains("convolution.2") => size(2.0),
        _ if name.contains("convolution.3") => size(3.0),
        _ if name.contains("convolution.4") => size(4.0),
        _ if name.contains("projection") => fan_in(300.0),
        _ if name.contains("classifier") => fan_in(300.0 * 103.0),
        _ if name.ends_with(".gate") => (6.0_f64 / 301.0).sqrt(),
        _ if name.ends_with("bias") => 0.0,
        _ => panic!("{name} has no bound"),
    })
}

#[test]
fn tensors_start_within_the_frameworks_bounds() {
    let la = Hyperparameters {
        variant: Variant::La,
        la_label_dim: 300,
        ..Hyperparameters::default()
    };
    for hyperparameters in [Hyperparameters::default(), la] {
        let network = network(&hyperparameters, &tree_of(103), 20);
        for entry in network.parameters().entries() {
            let Some(bound) = bound(&entry.name) else {
                continue;
            };
            let largest = entry.tensor.abs().max().double_value(&[]);
            assert!(
                largest <= bound * 1.000_001 && largest >= 0.9 * bound,
                "{} starts within {largest}, expected {bound}",
                entry.name
            );
        }
    }
}

#[test]
fn words_start_within_a_quarter_and_padding_stays_zero() {
    let words = 2_000;
    let padding = words - 2;
    let network = network(&tiny(), &t5(), words as usize);
    let table = network.table().unwrap();
    let row = |row: i64| table.values().get(row).copy();
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    assert!((0.249..=0.25).contains(&largest(table.values())));
    assert!(
        largest(&row(words - 1)) > 0.1,
        "unknown words start like others"
    );
    assert_eq!(largest(&row(padding)), 0.0);

    // A document without words is padding, beside one with a word.
    let mut documents = EncodedDocuments::default();
    documents.push(&[padding as u32], &[0]);
    documents.push(&[3, 4], &[1]);
    let before = row(3);
    let mut optimizer = Optimizer::new(network.parameters(), AdamOptions::default());
    for step in 0..3 {
        let pass = Pass::training(Moment {
            seed: 1,
            stage: 0,
            step,
        });
        let losses = network.losses(&Batch::new(&documents, &[0, 1], 1), &pass);
        let gradients = pass.backward(&losses.total, &optimizer.wanted());
        optimizer.update(&gradients, 0.1, 1.0);
    }
    drop(optimizer);
    assert_eq!(largest(&row(padding)), 0.0);
    assert!(apart(&row(3), &before) > 1e-3);
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    use arborist_plugin_api::{Facts, Method, ModelError};

    let facts = Facts {
        documents: 10,
        tokens: 100,
        labels: 5,
        depth: 2,
    };
    let la = |la_label_dim, la_text| Hyperparameters {
        variant: Variant::La,
        la_label_dim,
        la_text,
        ..Hyperparameters::default()
    };
    assert!(HiAgm::check(&la(100, LaText::Cnn), &facts).is_ok());
    assert!(HiAgm::check(&la(128, LaText::RnnTokens), &facts).is_ok());
    for wrong in [la(128, LaText::Cnn), la(100, LaText::RnnTokens)] {
        let Err(ModelError::Input(message)) = HiAgm::check(&wrong, &facts) else {
            panic!("the widths do not fit")
        };
        assert!(message.contains("la_label_dim"), "{message}");
    }
}

/// How far each label's part of the classifier's input moves when one label's projection does.
fn reach(layers: usize) -> Vec<bool> {
    let mut hyperparameters = tiny();
    hyperparameters.structure.graph.gcn_layers = layers;
    let tree = taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
    ]);
    let network = network(&hyperparameters, &tree, 20);
    for entry in network.parameters().entries() {
        // Gates of a half, and inputs that no ReLU stops.
        if entry.name.contains("gate") {
            let _ = entry.tensor.detach().zero_();
        }
        if entry.name.starts_with("projection") {
            let _ = entry.tensor.detach().abs_();
        }
    }
    // The classifier lets each label's logit see its own vector only.
    let width = hyperparameters.node_size;
    let classifier = parameter(&network, "classifier.weight").detach();
    let _ = classifier.shallow_clone().zero_();
    for label in 0..5 {
        let _ = classifier
            .get(label)
            .narrow(0, label * width, width)
            .fill_(1.0);
    }
    let batch = batch(2);
    let logits = || tch::no_grad(|| network.logits(&Pass::evaluation(), &batch));
    let before = logits();
    let _ = parameter(&network, "projection.bias")
        .detach()
        .narrow(0, 2 * width, width)
        .g_add_scalar_(1.0);
    let moved = (logits() - before)
        .abs()
        .sum_dim_intlist(0_i64, false, Kind::Float);
    (0..5)
        .map(|label| moved.double_value(&[label]) > 1e-6)
        .collect()
}

#[test]
fn a_label_reaches_its_neighbours_a_layer_at_a_time() {
    // A1 moves: itself and A; with two layers A2 as well, and nothing under B.
    assert_eq!(reach(1), [true, false, true, false, false]);
    assert_eq!(reach(2), [true, false, true, true, false]);
}
