//! The method's hyperparameters (METHODS 2.7): as a struct, as a JSON Schema, and the presets.

mod presets;
mod schema;

use arborist_model_kit::blocks::{
    BceReduction, ConvolutionTail, DropoutSite, EdgeStart, Initialization, Propagation,
    StructureKind, TopDownIndex,
};
use arborist_model_kit::text::{Cleaning, StopWords};
use arborist_model_kit::training::{BadEpoch, Select};
use arborist_model_kit::word_method::{
    Budget, CountedFrom, TextSettings, TrainSchedule, TrainingSettings, WordHyperparameters,
};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};

pub(crate) use self::presets::presets;
pub(crate) use self::schema::schema;

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperparameters {
    pub variant: Variant,
    pub structure: StructureKind,
    pub learning_rate: f64,
    pub batch_size: usize,
    /// 0 = from the number of documents, see `budget`.
    pub epochs: u32,
    pub budget: Budget,
    /// Bad epochs in a row; 0 = never stop early.
    pub patience: u32,
    pub stop_rule: BadEpoch,
    pub schedule: TrainSchedule,
    /// Updates over which the learning rate rises; at most a tenth of all is used.
    pub warmup_steps: u64,
    pub select: Select,
    pub threshold: f32,
    pub max_length: usize,
    pub cleaning: Cleaning,
    pub stop_words: StopWords,
    pub min_freq: u64,
    pub max_vocab: usize,
    pub vocabulary_from: CountedFrom,
    pub prior_from: CountedFrom,
    /// Width of word vectors; a word-vector file's own width goes first.
    pub word_size: i64,
    pub rnn_hidden: i64,
    pub num_kernels: i64,
    pub kernel_sizes: Vec<usize>,
    pub top_k: i64,
    pub conv_tail: ConvolutionTail,
    /// Width of a label's vector in the variant TP.
    pub node_size: i64,
    /// Width of a label's vector in the variant LA.
    pub la_label_dim: i64,
    pub la_text: LaText,
    /// Whether padding takes no part in the attention over tokens.
    pub mask_padding_in_attention: bool,
    pub gcn_layers: usize,
    pub prior_top_down: EdgeStart,
    pub prior_bottom_up: EdgeStart,
    pub prior_trainable: bool,
    pub propagation: Propagation,
    pub edge_wise: bool,
    pub tree_td_index: TopDownIndex,
    pub embedding_dropout: f64,
    pub rnn_dropout: f64,
    pub projection_dropout: f64,
    pub label_dropout: f64,
    pub node_dropout: f64,
    pub classifier_dropout: f64,
    pub classifier_dropout_site: DropoutSite,
    pub recursive_reg: bool,
    pub lambda_rec: f64,
    pub bce_reduction: BceReduction,
    pub init: Initialization,
    pub adam_eps: f64,
}

/// How text and labels meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Text propagation.
    #[default]
    Tp,
    /// Label attention.
    La,
    /// No tree at all: one linear layer on the text's features.
    Flat,
}

/// What the labels of the variant LA attend over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaText {
    /// The pooled features of the convolutions, cut into vectors of `la_label_dim`.
    #[default]
    Cnn,
    /// The GRU's states of all tokens.
    RnnTokens,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            variant: Variant::Tp,
            structure: StructureKind::Gcn,
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
            prior_from: CountedFrom::Train,
            word_size: 300,
            rnn_hidden: 64,
            num_kernels: 100,
            kernel_sizes: vec![2, 3, 4],
            top_k: 1,
            conv_tail: ConvolutionTail::Masked,
            node_size: 300,
            la_label_dim: 100,
            la_text: LaText::Cnn,
            mask_padding_in_attention: false,
            gcn_layers: 1,
            prior_top_down: EdgeStart::Prior,
            prior_bottom_up: EdgeStart::One,
            prior_trainable: true,
            propagation: Propagation::Hierarchy,
            edge_wise: false,
            tree_td_index: TopDownIndex::Correct,
            embedding_dropout: 0.5,
            rnn_dropout: 0.1,
            projection_dropout: 0.5,
            label_dropout: 0.5,
            node_dropout: 0.05,
            classifier_dropout: 0.5,
            classifier_dropout_site: DropoutSite::Logits,
            recursive_reg: true,
            lambda_rec: 1e-6,
            bce_reduction: BceReduction::Mean,
            init: Initialization::TorchDefault,
            adam_eps: 1e-8,
        }
    }
}

impl Hyperparameters {
    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        let longest = self.kernel_sizes.iter().copied().max().unwrap_or(0);
        if self.kernel_sizes.is_empty() || longest == 0 {
            return Err(ModelError::Input(
                "kernel_sizes needs at least one size of 1 or more".to_owned(),
            ));
        }
        let (key, width) = match self.variant {
            Variant::Tp => ("node_size", self.node_size),
            Variant::La => ("la_label_dim", self.la_label_dim),
            Variant::Flat => return Ok(()),
        };
        if self.structure == StructureKind::TreeLstm && width % 2 != 0 {
            return Err(ModelError::Input(format!(
                "{key} is {width}; with structure tree_lstm it must be even"
            )));
        }
        if self.variant == Variant::La {
            self.check_attention()?;
        }
        Ok(())
    }

    /// The text's vectors must be as wide as the labels'.
    fn check_attention(&self) -> Result<(), ModelError> {
        let width = self.la_label_dim;
        match self.la_text {
            LaText::Cnn => {
                let features = self.num_kernels * self.kernel_sizes.len() as i64 * self.top_k;
                if features % width != 0 {
                    return Err(ModelError::Input(format!(
                        "la_label_dim is {width}; it must divide the {features} features of the text (num_kernels times kernel sizes times top_k)"
                    )));
                }
            }
            LaText::RnnTokens if width != 2 * self.rnn_hidden => {
                return Err(ModelError::Input(format!(
                    "la_label_dim is {width}; with la_text rnn_tokens it must be twice rnn_hidden, {}",
                    2 * self.rnn_hidden
                )));
            }
            LaText::RnnTokens => {}
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

    fn prior_from(&self) -> CountedFrom {
        self.prior_from
    }

    fn label_width(&self) -> usize {
        match self.variant {
            Variant::Tp => self.node_size as usize,
            Variant::La => self.la_label_dim as usize,
            Variant::Flat => 1,
        }
    }
}
