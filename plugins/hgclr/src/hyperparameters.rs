//! The method's hyperparameters (METHODS 5.5, 5.7): as a struct, as a JSON Schema, and the presets.

mod schema;

use std::collections::BTreeMap;

use arborist_model_kit::blocks::BceReduction;
use arborist_model_kit::settings::{PretrainedSettings, TrainSchedule, TrainingSettings};
use arborist_model_kit::text_method::{Source, TextHyperparameters};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use self::schema::schema;

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    #[serde(flatten)]
    pub training: TrainingSettings,
    /// Word pieces that are read.
    pub max_length: usize,
    #[serde(flatten)]
    pub pretrained: PretrainedSettings,
    pub graph: Graph,
    pub graph_layers: usize,
    /// Heads of the labels' attention among each other, at most.
    pub self_heads: i64,
    /// Heads of the tokens' attention over labels, at most.
    pub cross_heads: i64,
    pub name_emb: NameEmbedding,
    /// Whether each label has a vector of its own besides its name.
    pub id_emb: bool,
    /// Whether labels' attention knows their distance.
    pub spatial: bool,
    /// Whether it knows the edges between them.
    pub edge: bool,
    pub positive: Positive,
    pub gumbel_input: GumbelInput,
    pub gumbel_tau: f64,
    pub keep_threshold: f64,
    /// Whether `[CLS]` and `[SEP]` are always kept.
    pub protect_special: bool,
    /// Step of the adversarial view.
    pub fgsm_epsilon: f64,
    pub contrast: bool,
    /// Weight of the contrast.
    pub contrast_weight: f64,
    pub ntxent_tau: f64,
    pub bce_reduction: BceReduction,
}

/// What relates labels to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Graph {
    /// Attention with distances and edges.
    #[default]
    Graphormer,
    Gcn,
    Gat,
    /// Attention without either.
    None,
    /// Names as they are.
    Identity,
}

/// What a label's name is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameEmbedding {
    /// The mean of the encoder's whole embeddings of `[CLS] name [SEP]`.
    #[default]
    FullEmbedding,
    /// The mean of the vectors of its pieces.
    WordOnly,
    None,
}

/// What a document is contrasted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positive {
    /// The tokens that its labels keep.
    #[default]
    Hierarchy,
    /// Itself, with other dropout.
    Dropout,
    /// As many tokens as its labels keep, by chance.
    RandomMask,
    /// Itself, moved against its classification.
    Fgsm,
}

/// What the Gumbel softmax reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GumbelInput {
    /// Shares of attention (the authors' code).
    #[default]
    Probs,
    /// Scores (the paper).
    Logits,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            training: TrainingSettings::default(),
            max_length: 512,
            pretrained: PretrainedSettings {
                weight_decay: 0.0,
                clip_norm: 0.0,
                ..PretrainedSettings::default()
            },
            graph: Graph::Graphormer,
            graph_layers: 1,
            self_heads: 12,
            cross_heads: 8,
            name_emb: NameEmbedding::FullEmbedding,
            id_emb: true,
            spatial: true,
            edge: true,
            positive: Positive::Hierarchy,
            gumbel_input: GumbelInput::Probs,
            gumbel_tau: 1.0,
            keep_threshold: 0.02,
            protect_special: false,
            fgsm_epsilon: 0.01,
            contrast: true,
            contrast_weight: 0.1,
            ntxent_tau: 1.0,
            bce_reduction: BceReduction::Mean,
        }
    }
}

impl Hyperparameters {
    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if self.name_emb == NameEmbedding::None && !self.id_emb {
            return Err(ModelError::Input(
                "without names (name_emb none) labels need vectors of their own (id_emb true)"
                    .to_owned(),
            ));
        }
        if self.name_emb == NameEmbedding::None
            && matches!(self.graph, Graph::Gcn | Graph::Gat | Graph::None)
        {
            return Err(ModelError::Input(
                "graph gcn, gat and none read names only; name_emb none leaves them nothing"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

impl TextHyperparameters for Hyperparameters {
    fn source(&self) -> Source<'_> {
        Source::Pretrained {
            max_length: self.max_length,
            settings: &self.pretrained,
        }
    }

    fn training(&self) -> &TrainingSettings {
        &self.training
    }

    /// The rate stays after the warm-up (METHODS 5.5).
    fn schedule(&self) -> TrainSchedule {
        TrainSchedule::Constant
    }

    fn label_width(&self) -> usize {
        1
    }
}

/// Values of each preset that differ from the defaults.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    let authors = json!({
        "learning_rate": 3e-5, "batch_size": 12, "epochs": 1_000, "patience": 6, "schedule": "constant", "max_length": 512
    });
    let presets = [
        (
            "fast",
            vec![json!({"budget": "fast", "max_length": 128, "patience": 3})],
        ),
        ("balanced", vec![json!({"max_length": 256})]),
        ("best", vec![json!({"budget": "best", "patience": 15})]),
        (
            "code",
            vec![
                authors.clone(),
                json!({"warmup_steps": 2_000, "stop_rule": "either_not_better"}),
            ],
        ),
        (
            "paper",
            vec![
                authors,
                json!({"gumbel_input": "logits", "bce_reduction": "sum", "stop_rule": "not_better"}),
            ],
        ),
    ];
    presets
        .into_iter()
        .map(|(name, layers)| {
            let mut values = Map::new();
            for layer in layers {
                if let Value::Object(layer) = layer {
                    values.extend(layer);
                }
            }
            (name.to_owned(), values)
        })
        .collect()
}
