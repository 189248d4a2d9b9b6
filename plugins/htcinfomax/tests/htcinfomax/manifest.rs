//! Hyperparameters and presets.

use arborist_htcinfomax::{HtcInfoMax, Hyperparameters, LabelInit, TextFeatures};
use arborist_model_kit::blocks::TopDownIndex;
use arborist_model_kit::checks;
use arborist_plugin_api::{Facts, Method, ModelError};
use serde_json::{Value, json};

fn resolved(preset: &str) -> Hyperparameters {
    let values = HtcInfoMax::manifest().resolve(Some(preset), &[]).unwrap();
    serde_json::from_value(Value::Object(values)).unwrap()
}

#[test]
fn schema_and_struct_have_the_same_keys_and_defaults() {
    let manifest = HtcInfoMax::manifest();
    let properties = manifest.hyperparameters["properties"].as_object().unwrap();
    let defaults = serde_json::to_value(Hyperparameters::default()).unwrap();
    let mut described: Vec<&String> = properties.keys().collect();
    described.sort();
    let mut expected: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    expected.sort();
    assert_eq!(described, expected);
    assert_eq!(resolved("balanced"), Hyperparameters::default());
}

#[test]
fn the_paper_trains_what_the_code_does_not() {
    let (code, paper) = (resolved("code"), resolved("paper"));
    assert!(!code.train_aux && paper.train_aux);
    assert_eq!(
        (code.text_features, code.rcnn.rnn_hidden, code.la_label_dim),
        (TextFeatures::RnnTokens, 150, 300)
    );
    assert_eq!(
        (
            paper.text_features,
            paper.rcnn.rnn_hidden,
            paper.la_label_dim
        ),
        (TextFeatures::Cnn, 64, 100)
    );
    // What only these presets have, as the file says it: another value is another method.
    let presets = HtcInfoMax::manifest().presets;
    assert_eq!(
        Value::Object(presets["code"].clone()),
        json!({
            "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 250, "patience": 200,
            "stop_rule": "both_worse", "cleaning": "english", "conv_tail": "batch_max",
            "vocabulary_from": "train_validation", "prior_from": "train_validation",
            "tree_td_index": "as_released_zero"
        })
    );
    assert_eq!(
        Value::Object(presets["paper"].clone()),
        json!({
            "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 250, "patience": 200,
            "stop_rule": "both_worse", "cleaning": "english", "conv_tail": "batch_max", "vocabulary_from": "train",
            "min_freq": 2, "max_vocab": 60_000, "bce_reduction": "sum", "adam_eps": 1e-6, "init": "xavier",
            "train_aux": true, "text_features": "cnn", "rnn_hidden": 64, "la_label_dim": 100,
            "prior_trainable": false
        })
    );
    // A correction of the code, and so in the everyday presets.
    assert_eq!(
        resolved("balanced").structure.tree_td_index,
        TopDownIndex::Correct
    );
}

#[test]
fn the_rows_of_the_papers_are_accepted() {
    assert!(checks::rows_of_papers::<HtcInfoMax>() > 3);
}

#[test]
fn widths_that_do_not_fit_are_refused() {
    let facts = Facts {
        documents: 10,
        tokens: 100,
        labels: 5,
        depth: 2,
    };
    let wrong = [
        Hyperparameters {
            la_label_dim: 100,
            ..Hyperparameters::default()
        },
        Hyperparameters {
            text_features: TextFeatures::Cnn,
            la_label_dim: 128,
            ..Hyperparameters::default()
        },
        Hyperparameters {
            text_features: TextFeatures::Cnn,
            la_label_dim: 100,
            label_init: LabelInit::GloveName,
            ..Hyperparameters::default()
        },
    ];
    for hyperparameters in wrong {
        let Err(ModelError::Input(message)) = HtcInfoMax::check(&hyperparameters, &facts) else {
            panic!("the widths do not fit")
        };
        assert!(message.contains("la_label_dim"), "{message}");
    }
}
