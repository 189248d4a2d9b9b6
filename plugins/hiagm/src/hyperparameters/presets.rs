//! `fast`, `balanced`, `best`, `code` and `paper` (METHODS 0.1, 0.4).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Values of each preset that differ from the defaults.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    // What both references share: their text, their stopping rule, their pooling.
    let authors = json!({
        "learning_rate": 1e-4, "epochs": 250, "patience": 50, "stop_rule": "both_worse",
        "cleaning": "english", "conv_tail": "batch_max", "prior_from": "train_validation", "vocabulary_from": "train_validation"
    });
    let mut paper = authors.clone();
    merge(
        &mut paper,
        json!({
            "prior_from": "train", "vocabulary_from": "train", "min_freq": 2, "max_vocab": 60_000, "bce_reduction": "sum",
            "adam_eps": 1e-6, "init": "xavier"
        }),
    );
    let presets = [
        (
            "fast",
            json!({"budget": "fast", "max_length": 128, "patience": 3}),
        ),
        ("balanced", json!({})),
        (
            "best",
            json!({"budget": "best", "max_length": 400, "patience": 15, "batch_size": 32}),
        ),
        ("code", authors),
        ("paper", paper),
    ];
    let object = |(name, values): (&str, Value)| match values {
        Value::Object(values) => Some((name.to_owned(), values)),
        _ => None,
    };
    presets.into_iter().filter_map(object).collect()
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
