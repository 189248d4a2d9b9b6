//! The method's hyperparameters (METHODS 2.7): as a struct, as a JSON Schema, and the presets.

mod presets;
mod schema;

use arborist_model_kit::blocks::{
    BceReduction, ConvolutionTail, DropoutSite, EdgeStart, Initialization, Propagation,
    TopDownIndex,
};
use arborist_model_kit::text::{Cleaning, StopWords};
use arborist_model_kit::training::{BadEpoch, Select};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};

pub(crate) use self::presets::presets;
pub(crate) use self::schema::schema;

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hyperparameters {
    pub variant: Variant,
    pub structure: Structure,
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
    pub vocabulary_from: From,
    pub prior_from: From,
    /// Width of word vectors; a word-vector file's own width goes first.
    pub word_size: i64,
    pub rnn_hidden: i64,
    pub num_kernels: i64,
    pub kernel_sizes: Vec<usize>,
    pub top_k: i64,
    pub conv_tail: ConvolutionTail,
    /// Width of a label's vector.
    pub node_size: i64,
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
}

/// What carries information along the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Structure {
    #[default]
    Gcn,
    TreeLstm,
}

/// How much training is spent when `epochs` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    Fast,
    #[default]
    Balanced,
    Best,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainSchedule {
    #[default]
    Constant,
    /// Falls to 0 at the last epoch.
    Linear,
}

/// Which splits something is counted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    #[default]
    Train,
    TrainValidation,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            variant: Variant::Tp,
            structure: Structure::Gcn,
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
            vocabulary_from: From::Train,
            prior_from: From::Train,
            word_size: 300,
            rnn_hidden: 64,
            num_kernels: 100,
            kernel_sizes: vec![2, 3, 4],
            top_k: 1,
            conv_tail: ConvolutionTail::Masked,
            node_size: 300,
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
        if self.structure == Structure::TreeLstm && self.node_size % 2 != 0 {
            return Err(ModelError::Input(format!(
                "node_size is {}; with structure tree_lstm it must be even",
                self.node_size
            )));
        }
        Ok(())
    }
}
