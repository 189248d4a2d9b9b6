//! The network: its size, its gradients, its kernels, what it can learn.

use arborist_himatch::network::Network;
use arborist_himatch::{HiMatch, Hyperparameters, LabelRepr};
use arborist_model_kit::checks::{
    self, Corpus, batch, gradients_by_name, logged, parameter, scores, t5, taxonomy, tree_of,
};
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::settings::EncoderKind;
use arborist_model_kit::training::Trainable;
use arborist_plugin_api::Model;
use arborist_shared::taxonomy::Taxonomy;
use tch::{Device, Kind};

use crate::tiny::{by_dot_product, of_bert, of_the_paper, still, tiny};

const MOMENT: Moment = Moment {
    seed: 1,
    stage: 0,
    step: 0,
};

fn variants() -> Vec<Hyperparameters> {
    let changed = |base: Hyperparameters, change: fn(&mut Hyperparameters)| {
        let mut hyperparameters = base;
        change(&mut hyperparameters);
        hyperparameters
    };
    vec![
        tiny(),
        of_the_paper(),
        changed(tiny(), |h| h.propagation_gcn = false),
        changed(tiny(), |h| h.matching.hierarchy_sampling = false),
        changed(tiny(), |h| {
            h.matching.l2_norm = true;
            h.matching.positive_num = 2;
        }),
        changed(tiny(), |h| h.matching.use_joint = false),
        changed(tiny(), |h| {
            h.matching.use_joint = false;
            h.matching.use_match = false;
        }),
        of_bert(),
        by_dot_product(),
        changed(by_dot_product(), |h| {
            h.matching = of_the_paper().matching;
        }),
    ]
}

#[test]
fn parameters_are_as_many_as_in_the_authors_model() {
    let mut hyperparameters = Hyperparameters::default();
    hyperparameters.text.max_vocab = 60_000;
    let network: Network = checks::network(&hyperparameters, &tree_of(103), 60_002, Kind::Float);
    assert_eq!(network.parameters().count(), 37_394_851);
    // The table that the paper trains is 300 values a label more.
    hyperparameters.matching.label_repr = LabelRepr::NameGloveMean;
    let network: Network = checks::network(&hyperparameters, &tree_of(103), 60_002, Kind::Float);
    assert_eq!(network.parameters().count(), 37_394_851 + 103 * 300);
}

#[test]
fn maps_to_the_common_space_rectify() {
    let network: Network = checks::network(&still(tiny()), &t5(), 20, Kind::Float);
    for head in ["text", "label"] {
        for (name, value) in [("layer1.bias", -1e3), ("layer2.bias", 0.25)] {
            let name = format!("matching.{head}.{name}");
            let _ = parameter(&network, &name).detach().fill_(value);
        }
    }
    let losses = network.losses(&batch(1), &Pass::training(MOMENT));
    let term = |name: &str| {
        let found = losses.terms.iter().find(|(term, _)| *term == name);
        found.unwrap().1.double_value(&[])
    };
    // Nothing passes: texts and labels are in one place, and the margins of siblings and of others are left.
    assert!(term("joint").abs() < 1e-6, "{}", term("joint"));
    assert!((term("match") - 0.3).abs() < 1e-6, "{}", term("match"));
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
fn the_network_for_prediction_scores_the_same() {
    for hyperparameters in variants() {
        checks::trained_scores::<Network>(&hyperparameters);
    }
}

#[test]
fn every_dropout_acts() {
    let names = [
        "embedding_dropout",
        "rnn_dropout",
        "projection_dropout",
        "node_dropout",
        "head_dropout",
        "classifier_dropout",
    ];
    checks::dropouts_are_felt::<Network>(&tiny(), &names);
}

#[test]
fn a_network_without_dropout_learns_200_documents_by_heart() {
    for mut hyperparameters in [tiny(), of_the_paper(), of_bert(), by_dot_product()].map(still) {
        let pretrained = hyperparameters.encoder == EncoderKind::Bert;
        hyperparameters.training.epochs = if pretrained { 100 } else { 40 };
        checks::learns_by_heart::<HiMatch>(hyperparameters);
    }
}

#[test]
fn labels_without_documents_are_scored_by_their_names() {
    // Texts say leaves by `word2` to `word4`.
    let named = taxonomy(&[
        ("top", &[]),
        ("side", &[]),
        ("word2", &["top"]),
        ("word3", &["top"]),
        ("word4", &["side"]),
    ]);
    let corpus = Corpus::new(&named);
    let mut hyperparameters = still(by_dot_product());
    hyperparameters.training.epochs = 20;
    corpus.train::<HiMatch>(hyperparameters).0.unwrap();
    let mut model = corpus.load::<HiMatch>().unwrap();
    let rows = scores(
        &model
            .predict(&["word2 filler1 word2 filler2", "word4 filler1 word4"])
            .unwrap(),
    );
    assert!(
        rows[0][2] > rows[0][4] && rows[1][4] > rows[1][2],
        "{rows:?}"
    );
    // Tops are nobody's explicit label, and have scores all the same.
    assert!(rows.iter().flatten().all(|score| score.is_finite()));
}

/// The toy tree and a label that no document has.
fn with_an_unseen_label() -> Taxonomy {
    taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
        ("B2", &["B"]),
    ])
}

fn with_weight(unseen_weight: f64) -> Network {
    let mut hyperparameters = still(by_dot_product());
    hyperparameters.unseen_weight = unseen_weight;
    checks::network(&hyperparameters, &with_an_unseen_label(), 20, Kind::Float)
}

#[test]
fn the_loss_is_over_seen_labels_and_unseen_ones_count_a_little() {
    let batch = checks::batch(1);
    for weight in [0.0, 0.1, 2.0] {
        let network = with_weight(weight);
        let losses = network.losses(&batch, &Pass::training(MOMENT));
        let (name, found) = &losses.terms[0];
        assert_eq!(*name, "classification");
        let logits = network.logits(&Pass::training(MOMENT), &batch).detach();
        let gold = batch.gold(6, (Kind::Float, Device::Cpu));
        let each = logits.softplus() - &logits * gold;
        let mean = |first: i64, labels: i64| -> f64 {
            let part = each.narrow(1, first, labels);
            part.mean(Kind::Double).double_value(&[])
        };
        let expected = mean(0, 5) + weight * mean(5, 1);
        let found = found.double_value(&[]);
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }
}

#[test]
fn priors_count_ancestors_though_they_are_not_gold() {
    let documents = || {
        [vec![2], vec![2], vec![2], vec![3]]
            .into_iter()
            .cycle()
            .take(12)
    };
    let corpus = Corpus::of(
        &with_an_unseen_label(),
        documents().map(|labels| ("word1 word2".to_owned(), labels)),
        documents().map(|labels| ("word1 word2".to_owned(), labels)),
    );
    let mut hyperparameters = by_dot_product();
    hyperparameters.training.epochs = 1;
    hyperparameters.graph.prior_trainable = false;
    corpus.train::<HiMatch>(hyperparameters).0.unwrap();
    let weights = corpus.request.checkpoint.join("model.safetensors");
    let edges = Parameters::from_file(Device::Cpu, &weights)
        .unwrap()
        .add(
            "gcn.0.top_down.adjacency",
            &[6, 6],
            &Initializer::Constant(0.0),
        )
        .unwrap();
    // Three quarters and a quarter of A; half each of B, whose children have no documents.
    let from_above: Vec<f64> = [(2, 0), (3, 0), (4, 1), (5, 1)]
        .map(|(child, parent)| edges.double_value(&[child, parent]))
        .to_vec();
    assert_eq!(from_above, [0.75, 0.25, 0.5, 0.5]);
}

#[test]
fn what_unseen_labels_are_made_of_learns_nothing() {
    let network = with_weight(1.0);
    let gradients = gradients_by_name(&network);
    for name in ["gcn.0.bottom_up.bias", "gcn.0.top_down.bias"] {
        let found = gradients.iter().find(|(found, _)| found == name);
        let gradient = found.and_then(|(_, gradient)| gradient.as_ref()).unwrap();
        let of_row = |row: i64| gradient.get(row).abs().max().double_value(&[]);
        assert_eq!(of_row(5), 0.0, "{name}");
        assert!((0..5).any(|row| of_row(row) > 0.0), "{name}");
    }
}

#[test]
fn the_bias_starts_at_the_share_of_right_labels() {
    // Ten labels of five documents are right, of five labels that are seen.
    let bias = parameter(&with_weight(0.1), "bias").double_value(&[0]);
    let expected = (10.0_f64 / (25.0 - 10.0)).ln();
    assert!((bias - expected).abs() < 1e-6, "{bias}");
}

#[test]
fn the_matching_is_not_in_the_checkpoint() {
    let corpus = Corpus::new(&t5());
    corpus.train::<HiMatch>(tiny()).0.unwrap();
    let weights = std::fs::read(corpus.request.checkpoint.join("model.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&weights[..weights.len().min(4_096)]).into_owned();
    assert!(header.contains("classifier.weight"), "{header}");
    assert!(!header.contains("matching."), "{header}");
}

#[test]
fn choices_that_dot_products_do_without_are_named() {
    let corpus = Corpus::new(&t5());
    let mut hyperparameters = by_dot_product();
    hyperparameters.training.epochs = 1;
    hyperparameters.node_size = Hyperparameters::default().node_size;
    hyperparameters.matching.label_repr = LabelRepr::NameGloveMean;
    hyperparameters.rcnn.top_k = 2;
    let (result, events) = corpus.train::<HiMatch>(hyperparameters);
    result.unwrap();
    assert!(logged(&events, "does without label_repr,"));
    assert!(logged(&events, "top_k"));
    assert!(!logged(&events, "node_size"));
}
