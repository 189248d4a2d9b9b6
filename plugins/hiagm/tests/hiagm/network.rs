//! The network against the paper's figures (METHODS 8.1, 8.2).

use arborist_hiagm::network::Network;
use arborist_hiagm::{Hyperparameters, LaText, StructureKind, Variant};
use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::training::Trainable;
use arborist_model_kit::word_method::{TrainedNetwork, WordNetwork};
use arborist_shared::taxonomy::Taxonomy;
use tch::{Device, Kind, Tensor};

use crate::corpus::{t5, taxonomy, tiny};

fn tree_of(labels: usize) -> Taxonomy {
    let names: Vec<String> = (0..labels).map(|label| format!("l{label}")).collect();
    let parents: Vec<Vec<&str>> = (0..labels)
        .map(|label| {
            if label < 4 {
                vec![]
            } else {
                vec![names[(label - 4) / 5].as_str()]
            }
        })
        .collect();
    let labels: Vec<(&str, &[&str])> = names
        .iter()
        .zip(&parents)
        .map(|(name, parents)| (name.as_str(), parents.as_slice()))
        .collect();
    taxonomy(&labels)
}

fn network(hyperparameters: &Hyperparameters, taxonomy: &Taxonomy, words: usize) -> Network {
    // Every edge has a prior: at weights of exactly 0 the ReLU has no slope.
    let sets: Vec<Vec<u32>> = taxonomy
        .indexes()
        .map(|label| taxonomy.close(&[label]))
        .collect();
    let hierarchy = Hierarchy::new(taxonomy, sets.iter().map(Vec::as_slice));
    Network::new(
        Parameters::fresh(Device::Cpu, 1),
        hyperparameters,
        &hierarchy,
        words,
        hyperparameters.word_size,
    )
    .unwrap()
}

fn batch() -> Batch {
    let mut documents = EncodedDocuments::default();
    for (length, labels) in [
        (4, vec![0, 2]),
        (9, vec![1, 4]),
        (1, vec![]),
        (6, vec![0, 3]),
    ] {
        let tokens: Vec<u32> = (0..length).map(|place| (place * 5 + length) % 18).collect();
        documents.push(&tokens, &labels);
    }
    Batch::new(&documents, &[0, 1, 2, 3], 2)
}

/// Each variant with each structure encoder.
fn variants() -> Vec<Hyperparameters> {
    let mut all = Vec::new();
    for structure in [
        StructureKind::Gcn,
        StructureKind::TreeLstm,
        StructureKind::None,
    ] {
        let tp = Hyperparameters {
            structure,
            ..tiny()
        };
        let la = Hyperparameters {
            variant: Variant::La,
            la_label_dim: 6,
            ..tp.clone()
        };
        let tokens = Hyperparameters {
            la_text: LaText::RnnTokens,
            la_label_dim: 2 * tp.rnn_hidden,
            ..la.clone()
        };
        all.extend([tp, la, tokens]);
    }
    all.push(Hyperparameters {
        variant: Variant::Flat,
        ..tiny()
    });
    all
}

#[test]
fn parameters_are_as_many_as_in_the_authors_model() {
    let taxonomy = tree_of(103);
    let gcn = network(&Hyperparameters::default(), &taxonomy, 50_002);
    assert_eq!(gcn.parameters().count(), 27_824_471);
    let tree_lstm = Hyperparameters {
        structure: StructureKind::TreeLstm,
        ..Hyperparameters::default()
    };
    // The authors' model has a projection [150, 300] on top that nothing uses.
    assert_eq!(
        network(&tree_lstm, &taxonomy, 50_002).parameters().count(),
        28_349_115 - 45_150
    );
    let attention = Hyperparameters {
        variant: Variant::La,
        ..Hyperparameters::default()
    };
    assert_eq!(
        network(&attention, &taxonomy, 50_002).parameters().count(),
        16_370_271
    );
}

#[test]
fn labels_own_consecutive_rows_of_the_projection() {
    let network = network(&tiny(), &t5(), 20);
    let before = network.node_inputs(&Pass::evaluation(), &batch()).unwrap();
    for entry in network
        .parameters()
        .entries()
        .iter()
        .filter(|entry| entry.name.starts_with("projection"))
    {
        let _ = entry.tensor.detach().narrow(0, 6, 6).zero_();
    }
    let after = network.node_inputs(&Pass::evaluation(), &batch()).unwrap();
    assert_eq!(
        after.select(1, 1).abs().max().double_value(&[]),
        0.0,
        "label 1"
    );
    for label in [0, 2, 3, 4] {
        assert_eq!(
            (after.select(1, label) - before.select(1, label))
                .abs()
                .max()
                .double_value(&[]),
            0.0,
            "label {label}"
        );
    }
}

#[test]
fn the_compiled_network_scores_the_same() {
    for hyperparameters in variants() {
        let network = network(&hyperparameters, &t5(), 20);
        let _guard = tch::no_grad_guard();
        let expected = network.predict(&batch()).scores;
        let found = network.into_trained().scores(&batch());
        assert!((found - expected).abs().max().double_value(&[]) < 1e-6);
    }
}

/// Whole network: hand-written kernels, recorded blocks, libtorch's graph and regularizer together.
#[test]
fn the_slope_of_the_loss_is_its_gradient() {
    for variant in variants() {
        let hyperparameters = Hyperparameters {
            lambda_rec: 0.1,
            classifier_dropout: 0.3,
            ..variant
        };
        let network = network(&hyperparameters, &t5(), 20);
        let moment = Moment {
            seed: 3,
            stage: 0,
            step: 9,
        };
        let parameters: Vec<&Tensor> = network
            .parameters()
            .entries()
            .iter()
            .map(|entry| &entry.tensor)
            .collect();
        let pass = Pass::training(moment);
        let losses = network.losses(&batch(), &pass);
        let gradients = pass.backward(&losses.total, &parameters);
        for (entry, gradient) in network.parameters().entries().iter().zip(&gradients) {
            let gradient = gradient
                .as_ref()
                .unwrap_or_else(|| panic!("no gradient of {}", entry.name));
            // Along the gradient the slope is its squared norm.
            let norm = gradient.norm().double_value(&[]);
            let direction = gradient / norm.max(1e-12);
            let at = |step: f64| {
                let before = entry.tensor.detach().copy();
                let _ = entry.tensor.detach().g_add_(&(&direction * step));
                let loss = network
                    .losses(&batch(), &Pass::training(moment))
                    .total
                    .to_kind(Kind::Double)
                    .double_value(&[]);
                entry.tensor.detach().copy_(&before);
                loss
            };
            let step = 2e-3;
            let slope = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (slope - norm).abs() < 0.03 * norm + 2e-4,
                "{} with {:?} and {:?}: slope {slope}, gradient {norm}",
                entry.name,
                hyperparameters.variant,
                hyperparameters.structure
            );
        }
    }
}

fn parameter<'a>(network: &'a Network, name: &str) -> &'a Tensor {
    let entry = network
        .parameters()
        .entries()
        .iter()
        .find(|entry| entry.name == name);
    &entry
        .unwrap_or_else(|| panic!("no parameter {name}"))
        .tensor
}

/// Gradient of the label table, as its largest value.
fn pull_on_labels(network: &Network) -> f64 {
    let pass = Pass::training(Moment {
        seed: 1,
        stage: 0,
        step: 0,
    });
    let losses = network.losses(&batch(), &pass);
    let gradients = pass.backward(&losses.total, &[parameter(network, "labels")]);
    gradients[0]
        .as_ref()
        .map_or(0.0, |gradient| gradient.abs().max().double_value(&[]))
}

#[test]
fn with_one_vector_to_attend_to_labels_learn_nothing() {
    let la = Hyperparameters {
        variant: Variant::La,
        ..tiny()
    };
    let features = la.num_kernels * la.kernel_sizes.len() as i64;
    let degenerate = Hyperparameters {
        la_label_dim: features,
        ..la.clone()
    };
    let found = network(&degenerate, &t5(), 20);
    assert_eq!(pull_on_labels(&found), 0.0);
    // Nor does the tree matter: another table gives the same logits.
    let _guard = tch::no_grad_guard();
    let before = found.logits(&Pass::evaluation(), &batch());
    let _ = parameter(&found, "labels").detach().fill_(0.5);
    let after = found.logits(&Pass::evaluation(), &batch());
    assert_eq!((before - after).abs().max().double_value(&[]), 0.0);
    drop(_guard);

    let sound = Hyperparameters {
        la_label_dim: features / 5,
        ..la
    };
    assert!(pull_on_labels(&network(&sound, &t5(), 20)) > 0.0);
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    use arborist_hiagm::HiAgm;
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
