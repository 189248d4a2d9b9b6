//! The method's hyperparameters: as a struct, as a JSON Schema, and the presets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperparameters {
    /// Words of the longest n-grams.
    pub ngram_max: u32,
    /// Documents that an n-gram must occur in.
    pub min_df: u32,
    /// N-grams at most: the most frequent ones.
    pub max_features: u32,
    /// Which loss.
    pub classifier: Classifier,
    /// Cost of errors; small = simple models.
    pub c: f64,
    /// How far rare labels are made up for: cost of a document with the label is `c · (without / with) ^ balance`.
    pub balance: f64,
    /// Which classifier is trained among which documents.
    pub mode: Mode,
    /// A label is predicted when its score is strictly above.
    pub threshold: f32,
    /// Try several values of `c` and `balance` and keep the best on validation.
    pub tune: bool,
    /// What is best on validation.
    pub select: Select,
    /// Nodes that prediction follows on each level of a tree.
    pub beam: u32,
    /// Weights of a tree that are smaller than this share of the label's largest are dropped.
    pub prune: f32,
    /// Margins are exact up to this.
    pub tolerance: f32,
    /// Passes over the documents at most.
    pub epochs: u32,
}

/// The loss of the classifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classifier {
    /// Squared hinge.
    #[default]
    Svm,
    /// Logistic loss.
    Logistic,
}

/// Which classifier is trained among which documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Flat where that is affordable.
    #[default]
    Auto,
    /// Every label against all documents.
    Flat,
    /// Every label among the documents of its parent.
    Tree,
}

/// The validation score that tuning looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Mean over labels.
    #[default]
    MacroF1,
    /// Over all labels pooled.
    MicroF1,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            ngram_max: 2,
            min_df: 2,
            max_features: 500_000,
            classifier: Classifier::Svm,
            c: 1.0,
            balance: 0.5,
            mode: Mode::Auto,
            threshold: 0.5,
            tune: false,
            select: Select::MacroF1,
            beam: 32,
            prune: 0.02,
            tolerance: 0.01,
            epochs: 200,
        }
    }
}

/// The schema that the server validates with and the dashboard makes a form of.
pub(crate) fn schema() -> Value {
    let default = Hyperparameters::default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "ngram_max": {
                "type": "integer", "minimum": 1, "maximum": 4, "default": default.ngram_max, "x-order": 1,
                "title": "Longest n-gram",
                "description": "Words in a row that count as one feature, at most. 1 = single words only."
            },
            "min_df": {
                "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": default.min_df, "x-order": 2,
                "title": "Rarest n-gram",
                "description": "Documents of the training split that an n-gram must occur in."
            },
            "max_features": {
                "type": "integer", "minimum": 1, "maximum": 20_000_000, "default": default.max_features, "x-order": 3,
                "title": "Features at most",
                "description": "If more n-grams are left, the most frequent ones are kept."
            },
            "classifier": {
                "type": "string", "enum": ["svm", "logistic"], "default": "svm", "x-order": 4,
                "title": "Classifier",
                "description": "Linear support vector machine (squared hinge) or logistic regression, one per label."
            },
            "c": {
                "type": "number", "minimum": 1e-4, "maximum": 1e4, "default": default.c, "x-order": 5,
                "title": "C",
                "description": "Cost of errors on the training documents. Small = simpler models."
            },
            "balance": {
                "type": "number", "minimum": 0, "maximum": 1, "default": default.balance, "x-order": 6,
                "title": "Balance of rare labels",
                "description": "An error on a document that has the label costs (documents without it / documents with it) ^ balance times as much. 0 = all errors cost the same, 1 = both sides of every label weigh the same."
            },
            "mode": {
                "type": "string", "enum": ["auto", "flat", "tree"], "default": "auto", "x-order": 7,
                "title": "Use of the taxonomy",
                "description": "flat: every label against all documents. tree: every label among the documents of its parent, for large taxonomies. auto: flat unless it would take too long."
            },
            "threshold": {
                "type": "number", "minimum": 0, "maximum": 1, "default": rounded(default.threshold), "x-order": 8,
                "title": "Threshold",
                "description": "A label is predicted when its score is strictly above. 0.5 is the classifiers' own decision."
            },
            "tune": {
                "type": "boolean", "default": default.tune, "x-order": 9,
                "title": "Tune on validation",
                "description": "Train with several values of C and balance and keep what is best on the validation split. Flat mode only."
            },
            "select": {
                "type": "string", "enum": ["macro_f1", "micro_f1"], "default": "macro_f1", "x-order": 10,
                "title": "Best by",
                "description": "The validation score that tuning goes by."
            },
            "beam": {
                "type": "integer", "minimum": 1, "maximum": 100_000, "default": default.beam, "x-order": 11, "x-advanced": true,
                "title": "Beam",
                "description": "Labels per level whose children prediction looks at, in tree mode."
            },
            "prune": {
                "type": "number", "minimum": 0, "maximum": 0.5, "default": rounded(default.prune), "x-order": 12, "x-advanced": true,
                "title": "Pruning",
                "description": "Where weights are stored sparsely, those smaller than this share of the label's largest are dropped."
            },
            "tolerance": {
                "type": "number", "minimum": 1e-5, "maximum": 1, "default": rounded(default.tolerance), "x-order": 13, "x-advanced": true,
                "title": "Tolerance",
                "description": "Training of a label ends when all its margins are this close to the optimum's conditions."
            },
            "epochs": {
                "type": "integer", "minimum": 1, "maximum": 100_000, "default": default.epochs, "x-order": 14, "x-advanced": true,
                "title": "Passes at most",
                "description": "Passes over the documents after which training of a label ends in any case."
            }
        }
    })
}

/// A single-precision default reads 0.02 and not its nearest double.
fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1e9).round() / 1e9
}

/// `fast`, `balanced`, `best`, `code` and `paper`.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    // What scikit-learn's LinearSVC does, on the features of the reference (min_df = 2).
    let reference = json!({"balance": 0.0, "mode": "flat", "max_features": 20_000_000, "tolerance": 1e-4, "epochs": 1000});
    let presets = [
        (
            "fast",
            json!({"ngram_max": 1, "max_features": 100_000, "tolerance": 0.05}),
        ),
        ("balanced", json!({})),
        ("best", json!({"tune": true, "max_features": 2_000_000})),
        ("code", reference.clone()),
        ("paper", reference),
    ];
    presets
        .into_iter()
        .filter_map(|(name, values)| match values {
            Value::Object(values) => Some((name.to_owned(), values)),
            _ => None,
        })
        .collect()
}
