//! What every method over words can be told about its texts and its training.

use serde::{Deserialize, Serialize};

use crate::text::{Cleaning, StopWords};
use crate::training::{BadEpoch, Select};

/// How texts become words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextSettings {
    pub cleaning: Cleaning,
    pub stop_words: StopWords,
    /// Words after these many are not read.
    pub max_length: usize,
    /// Times that a word must occur.
    pub min_freq: u64,
    pub max_vocab: usize,
    pub vocabulary_from: CountedFrom,
    /// Width of word vectors; a word-vector file's own width goes first.
    pub word_size: i64,
}

/// How a network is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingSettings {
    pub learning_rate: f64,
    pub batch_size: usize,
    /// 0 = from the number of documents and the budget.
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
    pub adam_eps: f64,
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
pub enum CountedFrom {
    #[default]
    Train,
    TrainValidation,
}
