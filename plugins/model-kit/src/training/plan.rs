//! What a stage of training is asked for: epochs, batches, optimizer, when to stop and which weights to keep.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::batch::Dealing;
use crate::optimizer::AdamOptions;
use crate::schedule::Schedule;

/// The validation score that names the checkpoint to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    #[default]
    MacroF1,
    MicroF1,
}

/// When training stops before its last epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadEpoch {
    /// The selected score did not rise.
    #[default]
    NotBetter,
    /// Both scores are strictly below their bests (METHODS 1.10).
    BothWorse,
    /// Micro- or macro-F1 did not rise (METHODS 5.5).
    EitherNotBetter,
}

/// How a stage is trained.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the stage, for reports and files.
    pub stage: &'static str,
    /// Number of the stage, for randomness.
    pub stage_number: u64,
    pub seed: u64,
    pub epochs: u32,
    /// Documents of a forward pass.
    pub batch_size: usize,
    /// Forward passes of an update.
    pub accumulate: usize,
    pub dealing: Dealing,
    pub optimizer: AdamOptions,
    pub schedule: Schedule,
    /// Bad epochs in a row after which training stops; 0 = never.
    pub patience: u32,
    pub bad_epoch: BadEpoch,
    pub select: Select,
    pub threshold: f32,
    /// Evaluates within an epoch as well, after this many updates.
    pub evaluate_every: Option<u64>,
    /// Epochs that go by before evaluations within an epoch begin.
    pub evaluate_from: u32,
    /// Directory of the checkpoint.
    pub checkpoint: PathBuf,
    /// Says what was asked for; a state of another request is not taken up.
    pub fingerprint: String,
    /// Time between two states to resume from. Writing never takes more than a fiftieth of the training.
    pub state_interval: Duration,
}

impl Plan {
    /// Updates of an epoch over `documents` documents.
    #[must_use]
    pub fn updates_per_epoch(documents: usize, batch_size: usize, accumulate: usize) -> u64 {
        documents
            .div_ceil(batch_size.max(1))
            .div_ceil(accumulate.max(1)) as u64
    }
}
