//! The five presets, as far as the methods over words share them (METHODS 0.1, 0.4).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The presets of a method: what differs from its defaults. `code` and `paper` are laid over what the authors' code and
/// papers have in common.
#[must_use]
pub fn presets(code: Value, paper: Value) -> BTreeMap<String, Map<String, Value>> {
    // What both references share: their text, their stopping rule, their pooling.
    let authors = json!({
        "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 250, "patience": 50, "stop_rule": "both_worse",
        "cleaning": "english", "conv_tail": "batch_max", "vocabulary_from": "train_validation"
    });
    let of_papers = json!({
        "vocabulary_from": "train", "min_freq": 2, "max_vocab": 60_000, "bce_reduction": "sum", "adam_eps": 1e-6, "init": "xavier"
    });
    let presets = [
        (
            "fast",
            vec![json!({"budget": "fast", "max_length": 128, "patience": 3})],
        ),
        ("balanced", Vec::new()),
        (
            "best",
            vec![json!({"budget": "best", "max_length": 400, "patience": 15, "batch_size": 32})],
        ),
        ("code", vec![authors.clone(), code]),
        ("paper", vec![authors, of_papers, paper]),
    ];
    presets
        .into_iter()
        .map(|(name, layers)| (name.to_owned(), layers.into_iter().fold(Map::new(), laid)))
        .collect()
}

fn laid(mut below: Map<String, Value>, above: Value) -> Map<String, Value> {
    if let Value::Object(above) = above {
        below.extend(above);
    }
    below
}
