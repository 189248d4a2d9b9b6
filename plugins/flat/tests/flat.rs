//! The baselines: their networks, their manifest, the conformance kit.
#![allow(clippy::unwrap_used, reason = "test code")]

use arborist_flat::network::Network;
use arborist_flat::{Architecture, Flat, Hyperparameters};
use arborist_model_kit::checks;
use arborist_model_kit::settings::TrainSchedule;
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_plugin_api::{Facts, Method, ModelError};
use arborist_shared::run::RunEvent;
use serde_json::Value;

const ARCHITECTURES: [Architecture; 5] = [
    Architecture::TextRnn,
    Architecture::TextCnn,
    Architecture::TextRcnn,
    Architecture::LabelAttention,
    Architecture::Bert,
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

mod kit_of_bert {
    arborist_plugin_api::conformance!(arborist_flat::Flat, {
        "architecture": "bert", "max_length": 48, "epochs": 10, "patience": 0, "learning_rate": 0.003, "batch_size": 12
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

fn tiny(architecture: Architecture) -> Hyperparameters {
    let (training, text, encoder) = checks::tiny();
    Hyperparameters {
        architecture,
        training,
        text,
        rcnn: encoder,
        la_label_dim: 6,
        ..Hyperparameters::default()
    }
}

fn still(architecture: Architecture) -> Hyperparameters {
    let mut hyperparameters = tiny(architecture);
    hyperparameters.rcnn.embedding_dropout = 0.0;
    hyperparameters.rcnn.rnn_dropout = 0.0;
    hyperparameters.label_dropout = 0.0;
    hyperparameters.pretrained.encoder_dropout = 0.0;
    hyperparameters.classifier.classifier_dropout = 0.0;
    hyperparameters
}

#[test]
fn the_network_for_prediction_scores_the_same() {
    for architecture in ARCHITECTURES {
        checks::trained_scores::<Network>(&tiny(architecture));
    }
}

#[test]
fn gradients_are_slopes() {
    for architecture in ARCHITECTURES {
        checks::gradients::<Network>(&tiny(architecture), &[]);
    }
}

#[test]
fn kernels_compute_what_libtorch_does() {
    for architecture in ARCHITECTURES {
        checks::kernels::<Network>(&still(architecture));
    }
}

#[test]
fn every_dropout_acts() {
    for architecture in [
        Architecture::TextRnn,
        Architecture::TextCnn,
        Architecture::TextRcnn,
        Architecture::LabelAttention,
    ] {
        let recurrent = architecture != Architecture::TextCnn;
        let names = [
            (true, "embedding_dropout"),
            (recurrent, "rnn_dropout"),
            (
                architecture == Architecture::LabelAttention,
                "label_dropout",
            ),
            (true, "classifier_dropout"),
        ];
        let names: Vec<&str> = names
            .iter()
            .filter(|(acts, _)| *acts)
            .map(|(_, name)| *name)
            .collect();
        checks::dropouts_are_felt::<Network>(&tiny(architecture), &names);
    }
}

#[test]
fn networks_without_dropout_learn_200_documents_by_heart() {
    for architecture in ARCHITECTURES {
        let mut hyperparameters = still(architecture);
        hyperparameters.training.epochs = 40;
        if architecture == Architecture::Bert {
            hyperparameters.training.learning_rate = 0.003;
        }
        checks::learns_by_heart::<Flat>(hyperparameters);
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

/// METHODS 5.5: the encoder is tuned as under HGCLR, so the rate stays after the warm-up. Networks over words have no
/// warm-up either.
#[test]
fn the_rate_stays_until_the_end() {
    for architecture in ARCHITECTURES {
        let mut chosen = tiny(architecture);
        assert_eq!(chosen.schedule(), TrainSchedule::Constant);
        // 60 documents are 8 updates of an epoch; a tenth of 20 epochs is 2.
        chosen.training.epochs = 20;
        let rate = chosen.training.learning_rate;
        let (result, events) = checks::Corpus::new(&checks::t5()).train::<Flat>(chosen);
        result.unwrap();
        let rates: Vec<f64> = events
            .iter()
            .filter_map(|event| match event {
                RunEvent::Epoch { learning_rate, .. } => Some(*learning_rate),
                _ => None,
            })
            .collect();
        let mut expected = [rate; 20];
        if architecture == Architecture::Bert {
            expected[0] = rate / 2.0;
        }
        assert_eq!(rates, expected, "{architecture:?}");
    }
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

#[test]
fn the_rows_of_the_papers_are_accepted() {
    assert!(checks::rows_of_papers::<Flat>() > 10);
}
