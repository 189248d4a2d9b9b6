//! The method's hyperparameters (METHODS 6.3, 6.6): as a struct, as a JSON Schema, and the presets.

mod schema;

use std::collections::BTreeMap;

use arborist_model_kit::settings::{PretrainedSettings, TrainingSettings};
use arborist_model_kit::text_method::{Evaluation, Source, TextHyperparameters};
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
    /// Word pieces that are read in prediction; 0 = as many as in training.
    pub max_source_test: usize,
    #[serde(flatten)]
    pub pretrained: PretrainedSettings,
    /// Updates; 0 = epochs say how many.
    pub steps: u64,
    /// Updates between two evaluations; 0 = only after epochs.
    pub eval_every: u64,
    pub mode: Mode,
    pub label_init: LabelInit,
    pub name_pool: NamePool,
    /// Steps of the label stage.
    pub global_steps: u64,
    pub global_lr: f64,
    /// Copies of the label sequence in a step; 0 = as many as the labels allow.
    pub global_batch: usize,
    pub mask_ratio_start: f64,
    pub mask_ratio_end: f64,
    pub global_loss: GlobalLoss,
    pub global_self_attention: bool,
    /// Segment that labels are in.
    pub global_segment: i64,
    pub global_mlm_transform: bool,
    pub global_dropout: bool,
    pub sibling_targets: SiblingTargets,
    /// Chance that a label row of the input is masked in training.
    pub target_mask_prob: f64,
    /// Whether no gradient reaches labels through the input.
    pub detach_target_embeddings: bool,
    pub level_candidates: LevelCandidates,
    /// What follows a step that predicts nothing.
    pub empty_row: EmptyRow,
    /// Whether a step adds labels of its own level only.
    pub restrict_to_level: bool,
    /// Label rows at most, the closing one included; 0 = as many as there are levels, and one.
    pub max_target: usize,
    /// Whether scores have biases besides the vectors that they share with the input.
    pub tied_bias: bool,
}

/// What is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Label sets, level by level.
    #[default]
    Local,
    /// Labels, one by one.
    Seq2seq,
    /// All labels at once, from `[CLS]`.
    MultiLabel,
}

/// What labels' vectors start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelInit {
    Random,
    Name,
    /// The label stage with the encoder.
    #[default]
    GlobalBert,
    /// The label stage with graph attention in the encoder's place (the paper's comparison, never released).
    GlobalGat,
}

/// How pieces of a name become one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamePool {
    /// The authors' code.
    #[default]
    Sum,
    /// The paper.
    Mean,
}

/// Loss of the label stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlobalLoss {
    #[default]
    Bce,
    /// A masked label predicts itself alone; labels see their parents only.
    SoftmaxCe,
}

/// Which labels besides itself a masked leaf predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiblingTargets {
    #[default]
    Correct,
    /// As the authors' code: judged by the label before.
    Shifted,
}

/// What a level chooses from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelCandidates {
    /// All labels and the end (the authors' code).
    #[default]
    AllPlusSep,
    /// The labels of the level (the paper).
    OwnLevel,
}

/// What follows a step that predicts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyRow {
    /// The authors' code.
    #[default]
    Zero,
    /// The paper.
    Sep,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            training: TrainingSettings::default(),
            max_length: 512,
            max_source_test: 0,
            pretrained: PretrainedSettings::default(),
            steps: 0,
            eval_every: 0,
            mode: Mode::Local,
            label_init: LabelInit::GlobalBert,
            name_pool: NamePool::Sum,
            global_steps: 300,
            global_lr: 1e-3,
            global_batch: 0,
            mask_ratio_start: 0.15,
            mask_ratio_end: 0.15,
            global_loss: GlobalLoss::Bce,
            global_self_attention: false,
            global_segment: 0,
            global_mlm_transform: true,
            global_dropout: true,
            sibling_targets: SiblingTargets::Correct,
            target_mask_prob: 0.5,
            detach_target_embeddings: true,
            level_candidates: LevelCandidates::AllPlusSep,
            empty_row: EmptyRow::Zero,
            restrict_to_level: false,
            max_target: 0,
            tied_bias: true,
        }
    }
}

/// Options of generation, which a classification of all labels at once has no use for.
const OF_GENERATION: [&str; 18] = [
    "label_init",
    "name_pool",
    "global_steps",
    "global_lr",
    "global_batch",
    "mask_ratio_start",
    "mask_ratio_end",
    "global_loss",
    "global_self_attention",
    "global_segment",
    "global_mlm_transform",
    "global_dropout",
    "sibling_targets",
    "target_mask_prob",
    "detach_target_embeddings",
    "max_source_test",
    "max_target",
    "tied_bias",
];

/// Options of sets, which labels one by one have no use for either.
const OF_LEVELS: [&str; 3] = ["level_candidates", "empty_row", "restrict_to_level"];

impl Hyperparameters {
    /// Options that are chosen other than the default and have no effect with the mode.
    #[must_use]
    pub fn without_effect(&self) -> Vec<&'static str> {
        let mut useless = match self.mode {
            Mode::Local => Vec::new(),
            Mode::Seq2seq => OF_LEVELS.to_vec(),
            Mode::MultiLabel => [&OF_GENERATION[..], &OF_LEVELS[..]].concat(),
        };
        let values = |hyperparameters: &Self| serde_json::to_value(hyperparameters);
        if let (Ok(own), Ok(default)) = (values(self), values(&Self::default())) {
            useless.retain(|key| own[*key] != default[*key]);
        }
        useless
    }

    /// Refuses what the schema cannot.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let read = self.max_source_test;
        if read > 0 && (read < 8 || read > self.max_length) {
            return Err(ModelError::Input(format!(
                "max_source_test is {read}; it is 0, or at least 8 and at most max_length, {}",
                self.max_length
            )));
        }
        if read > 0 && self.pretrained.long_text.in_windows() {
            return Err(ModelError::Input(
                "max_source_test does not go with long_text in windows: what lies between them would never be read".to_owned(),
            ));
        }
        if self.max_target == 1 && self.mode != Mode::MultiLabel {
            return Err(ModelError::Input(
                "max_target is 1, which leaves room for the end of the list only; it is 0 or at least 2"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether labels' vectors are trained in a stage of their own.
    #[must_use]
    pub fn has_label_stage(&self) -> bool {
        self.mode != Mode::MultiLabel
            && self.global_steps > 0
            && matches!(
                self.label_init,
                LabelInit::GlobalBert | LabelInit::GlobalGat
            )
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

    fn evaluation(&self) -> Evaluation {
        Evaluation {
            every: self.eval_every,
            from_epoch: 0,
        }
    }

    fn updates(&self) -> u64 {
        self.steps
    }

    fn reserved(&self, levels: usize) -> usize {
        match (self.mode, self.max_target) {
            (Mode::MultiLabel, _) => 0,
            (Mode::Local, 0) => levels + 1,
            (Mode::Local, most) => most.min(levels + 1),
            // How long lists get, only the documents say; what no longer fits is cut then.
            (Mode::Seq2seq, most) => most,
        }
    }

    fn label_width(&self) -> usize {
        1
    }
}

/// Values of each preset that differ from the defaults.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    let authors = json!({
        "learning_rate": 3e-5, "batch_size": 12, "steps": 96_000, "eval_every": 1_500, "patience": 0,
        "schedule": "linear", "warmup_steps": 500, "max_length": 512, "global_batch": 32
    });
    let presets = [
        (
            "fast",
            vec![json!({"budget": "fast", "max_length": 128, "patience": 3, "global_steps": 100})],
        ),
        ("balanced", vec![json!({"max_length": 256})]),
        ("best", vec![json!({"budget": "best", "patience": 15})]),
        (
            "code",
            vec![authors.clone(), json!({"sibling_targets": "shifted"})],
        ),
        (
            "paper",
            vec![
                authors,
                json!({
                    "mask_ratio_end": 0.45, "name_pool": "mean", "global_self_attention": true, "global_segment": 1,
                    "global_mlm_transform": false, "target_mask_prob": 0.0, "level_candidates": "own_level",
                    "empty_row": "sep", "restrict_to_level": true, "detach_target_embeddings": false, "weight_decay": 0.0
                }),
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
