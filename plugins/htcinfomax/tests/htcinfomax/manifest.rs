//! Hyperparameters and presets.

use arborist_htcinfomax::{HtcInfoMax, Hyperparameters, LabelInit, TextFeatures};
use arborist_plugin_api::{Facts, Method, ModelError};
use serde_json::Value;

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
