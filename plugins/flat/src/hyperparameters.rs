//! The baselines' hyperparameters: as a struct, as a JSON Schema, and the presets.

use std::collections::BTreeMap;

use arborist_model_kit::blocks::{BceReduction, ConvolutionTail, DropoutSite, Initialization};
use arborist_model_kit::text::{Cleaning, StopWords};
use arborist_model_kit::training::{BadEpoch, Select};
use arborist_model_kit::word_method::schema::{
    ADVANCED, BASIC, Property, choice, dropout, encoder, integer, object, text, training,
};
use arborist_model_kit::word_method::{
    Budget, CountedFrom, TextSettings, TrainSchedule, TrainingSettings, WordHyperparameters,
};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperparameters {
    pub architecture: Architecture,
    pub learning_rate: f64,
    pub batch_size: usize,
    pub epochs: u32,
    pub budget: Budget,
    pub patience: u32,
    pub stop_rule: BadEpoch,
    pub schedule: TrainSchedule,
    pub warmup_steps: u64,
    pub select: Select,
    pub threshold: f32,
    pub max_length: usize,
    pub cleaning: Cleaning,
    pub stop_words: StopWords,
    pub min_freq: u64,
    pub max_vocab: usize,
    pub vocabulary_from: CountedFrom,
    pub word_size: i64,
    pub rnn_hidden: i64,
    pub num_kernels: i64,
    pub kernel_sizes: Vec<usize>,
    pub top_k: i64,
    pub conv_tail: ConvolutionTail,
    pub init: Initialization,
    /// Width of a label's vector with label attention.
    pub la_label_dim: i64,
    pub embedding_dropout: f64,
    pub rnn_dropout: f64,
    pub label_dropout: f64,
    pub classifier_dropout: f64,
    pub classifier_dropout_site: DropoutSite,
    pub bce_reduction: BceReduction,
    pub adam_eps: f64,
}

/// The text encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// A bidirectional GRU; its last states of both directions.
    TextRnn,
    /// Convolutions over the words; the highest values of each channel.
    TextCnn,
    /// Convolutions over the GRU's states.
    #[default]
    TextRcnn,
    /// `TextRcnn`, and a vector per label that attends over the features.
    LabelAttention,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            architecture: Architecture::TextRcnn,
            learning_rate: 1e-3,
            batch_size: 64,
            epochs: 0,
            budget: Budget::Balanced,
            patience: 6,
            stop_rule: BadEpoch::NotBetter,
            schedule: TrainSchedule::Constant,
            warmup_steps: 0,
            select: Select::MacroF1,
            threshold: 0.5,
            max_length: 256,
            cleaning: Cleaning::Words,
            stop_words: StopWords::English,
            min_freq: 5,
            max_vocab: 50_000,
            vocabulary_from: CountedFrom::Train,
            word_size: 300,
            rnn_hidden: 64,
            num_kernels: 100,
            kernel_sizes: vec![2, 3, 4],
            top_k: 1,
            conv_tail: ConvolutionTail::Masked,
            init: Initialization::TorchDefault,
            la_label_dim: 100,
            embedding_dropout: 0.5,
            rnn_dropout: 0.1,
            label_dropout: 0.5,
            classifier_dropout: 0.5,
            classifier_dropout_site: DropoutSite::Logits,
            bce_reduction: BceReduction::Mean,
            adam_eps: 1e-8,
        }
    }
}

impl Hyperparameters {
    /// Features of a text in front of the classifier, without label attention.
    pub(crate) fn features(&self) -> i64 {
        match self.architecture {
            Architecture::TextRnn => 2 * self.rnn_hidden,
            _ => self.num_kernels * self.kernel_sizes.len() as i64 * self.top_k,
        }
    }

    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        if self.kernel_sizes.is_empty() || self.kernel_sizes.contains(&0) {
            return Err(ModelError::Input(
                "kernel_sizes needs at least one size, each of 1 or more".to_owned(),
            ));
        }
        let (width, features) = (self.la_label_dim, self.features());
        if self.architecture == Architecture::LabelAttention && features % width != 0 {
            return Err(ModelError::Input(format!(
                "la_label_dim is {width}; it must divide the {features} features of the text (num_kernels times kernel sizes times top_k)"
            )));
        }
        Ok(())
    }
}

impl WordHyperparameters for Hyperparameters {
    fn text(&self) -> TextSettings {
        TextSettings {
            cleaning: self.cleaning,
            stop_words: self.stop_words,
            max_length: self.max_length,
            min_freq: self.min_freq,
            max_vocab: self.max_vocab,
            vocabulary_from: self.vocabulary_from,
            word_size: self.word_size,
        }
    }

    fn training(&self) -> TrainingSettings {
        TrainingSettings {
            learning_rate: self.learning_rate,
            batch_size: self.batch_size,
            epochs: self.epochs,
            budget: self.budget,
            patience: self.patience,
            stop_rule: self.stop_rule,
            schedule: self.schedule,
            warmup_steps: self.warmup_steps,
            select: self.select,
            threshold: self.threshold,
            adam_eps: self.adam_eps,
        }
    }

    fn label_width(&self) -> usize {
        match self.architecture {
            Architecture::LabelAttention => self.la_label_dim as usize,
            _ => 1,
        }
    }
}

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    let mut properties: Vec<Property> = vec![(
        "architecture",
        BASIC,
        choice(
            "Architecture",
            &["text_rnn", "text_cnn", "text_rcnn", "label_attention"],
            "text_rnn: a recurrent network. text_cnn: convolutions over words. text_rcnn: convolutions over the recurrent network's states. label_attention: the same, and labels attend over the text.",
        ),
    )];
    properties.extend(training());
    properties.extend(text());
    properties.extend(encoder());
    properties.extend([
        (
            "la_label_dim",
            ADVANCED,
            integer(
                "Width of a label's vector",
                1,
                2_048,
                "With label_attention. It must divide the features of the text.",
            ),
        ),
        (
            "embedding_dropout",
            ADVANCED,
            dropout(
                "Dropout of words",
                "Share of the word vectors' values that is dropped in training.",
            ),
        ),
        (
            "rnn_dropout",
            ADVANCED,
            dropout(
                "Dropout of recurrent states",
                "Share of the GRU's outputs that is dropped in training.",
            ),
        ),
        (
            "label_dropout",
            ADVANCED,
            dropout(
                "Dropout of label table",
                "With label_attention: share of the labels' vectors that is dropped in training.",
            ),
        ),
        (
            "classifier_dropout",
            ADVANCED,
            dropout("Dropout of the classifier", "See where it acts."),
        ),
        (
            "classifier_dropout_site",
            ADVANCED,
            choice(
                "Where the classifier's dropout acts",
                &["logits", "input", "none"],
                "logits: on the scores before the sigmoid, as in the authors' code. input: on the features.",
            ),
        ),
        (
            "bce_reduction",
            ADVANCED,
            choice(
                "Loss over labels",
                &["mean", "sum"],
                "Whether losses of single labels are averaged or summed.",
            ),
        ),
    ]);
    object(properties, &Hyperparameters::default())
}

/// Values of each preset that differ from the defaults; those of HiAGM where the papers compare with it.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
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
        (
            "code",
            json!({
                "learning_rate": 1e-4, "epochs": 250, "patience": 50, "stop_rule": "both_worse",
                "cleaning": "english", "conv_tail": "batch_max", "vocabulary_from": "train_validation"
            }),
        ),
        (
            "paper",
            json!({
                "learning_rate": 1e-4, "epochs": 250, "patience": 50, "stop_rule": "both_worse",
                "cleaning": "english", "conv_tail": "batch_max", "min_freq": 2, "max_vocab": 60_000,
                "bce_reduction": "sum", "adam_eps": 1e-6, "init": "xavier"
            }),
        ),
    ];
    let object = |(name, values): (&str, Value)| match values {
        Value::Object(values) => Some((name.to_owned(), values)),
        _ => None,
    };
    presets.into_iter().filter_map(object).collect()
}
