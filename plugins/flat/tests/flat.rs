//! The baselines: their networks, their manifest, the conformance kit.
#![allow(clippy::unwrap_used, reason = "test code")]

use arborist_flat::network::Network;
use arborist_flat::{Architecture, Flat, Hyperparameters};
use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::training::Trainable;
use arborist_model_kit::word_method::{Inputs, TrainedNetwork, WordNetwork};
use arborist_plugin_api::{Facts, Method, ModelError};
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

const ARCHITECTURES: [Architecture; 4] = [
    Architecture::TextRnn,
    Architecture::TextCnn,
    Architecture::TextRcnn,
    Architecture::LabelAttention,
];

mod kit_of_the_text_rnn {
    arborist_plugin_api::conformance!(arborist_flat::Flat, {
        "architecture": "text_rnn",
        "epochs": 12, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 12,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2
    });
}

mod kit_of_the_text_cnn {
    arborist_plugin_api::conformance!(arborist_flat::Flat, {
        "architecture": "text_cnn",
        "epochs": 12, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "num_kernels": 12,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2
    });
}

mod kit_of_label_attention {
    arborist_plugin_api::conformance!(arborist_flat::Flat, {
        "architecture": "label_attention", "la_label_dim": 12,
        "epochs": 15, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2, "label_dropout": 0.1
    });
}

fn tiny(architecture: Architecture) -> Hyperparameters {
    Hyperparameters {
        architecture,
        word_size: 12,
        rnn_hidden: 8,
        num_kernels: 10,
        la_label_dim: 6,
        classifier_dropout: 0.3,
        ..Hyperparameters::default()
    }
}

fn network(hyperparameters: &Hyperparameters) -> Network {
    let label = |id: &str, parents: &[&str]| NewLabel {
        id: id.to_owned(),
        name: id.to_owned(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
    };
    let taxonomy =
        Taxonomy::new(vec![label("A", &[]), label("B", &[]), label("A1", &["A"])]).unwrap();
    let hierarchy = Hierarchy::new(&taxonomy, []);
    let inputs = Inputs {
        hierarchy: &hierarchy,
        words: 20,
        word_size: 12,
    };
    Network::build(Parameters::fresh(Device::Cpu, 1), hyperparameters, inputs).unwrap()
}

fn batch() -> Batch {
    let mut documents = EncodedDocuments::default();
    for (length, labels) in [(4_u32, vec![0, 2]), (9, vec![1]), (1, vec![])] {
        let tokens: Vec<u32> = (0..length).map(|place| (place * 5 + length) % 18).collect();
        documents.push(&tokens, &labels);
    }
    Batch::new(&documents, &[0, 1, 2], 2)
}

#[test]
fn the_network_for_prediction_scores_the_same() {
    for architecture in ARCHITECTURES {
        let network = network(&tiny(architecture));
        let _guard = tch::no_grad_guard();
        let expected = network.predict(&batch()).scores;
        let found = network.into_trained().scores(&batch());
        assert_eq!(found.size(), [3, 3]);
        assert!(
            (found - expected).abs().max().double_value(&[]) < 1e-6,
            "{architecture:?}"
        );
    }
}

#[test]
fn the_slope_of_the_loss_is_its_gradient() {
    for architecture in ARCHITECTURES {
        let network = network(&tiny(architecture));
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
            // A maximum over windows may change hands within a step: then one side has another slope.
            let (step, here) = (2e-3, at(0.0));
            let slopes = [(at(step) - here) / step, (here - at(-step)) / step];
            let slope = slopes
                .into_iter()
                .min_by(|a, b| (a - norm).abs().total_cmp(&(b - norm).abs()))
                .unwrap();
            assert!(
                (slope - norm).abs() < 0.03 * norm + 2e-4,
                "{} of {architecture:?}: slope {slope}, gradient {norm}",
                entry.name
            );
        }
    }
}

#[test]
fn schema_and_struct_have_the_same_keys_and_defaults() {
    let manifest = Flat::manifest();
    let properties = manifest.hyperparameters["properties"].as_object().unwrap();
    let defaults = serde_json::to_value(Hyperparameters::default()).unwrap();
    let mut described: Vec<&String> = properties.keys().collect();
    described.sort();
    let mut expected: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    expected.sort();
    assert_eq!(described, expected);
    let resolved = manifest.resolve(Some("balanced"), &[]).unwrap();
    let balanced: Hyperparameters = serde_json::from_value(Value::Object(resolved)).unwrap();
    assert_eq!(balanced, Hyperparameters::default());
}

#[test]
fn widths_that_do_not_fit_are_refused() {
    let facts = Facts {
        documents: 10,
        tokens: 100,
        labels: 5,
        depth: 2,
    };
    let wrong = Hyperparameters {
        architecture: Architecture::LabelAttention,
        la_label_dim: 128,
        ..Hyperparameters::default()
    };
    let Err(ModelError::Input(message)) = Flat::check(&wrong, &facts) else {
        panic!("128 does not divide 300")
    };
    assert!(message.contains("la_label_dim"), "{message}");
}
