//! A run as a directory: the request that starts it and the events that it writes.
//!
//! The files themselves are read and written elsewhere; this module only says what is in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decode::DecodeOptions;

/// `request.json`: everything a child process needs to train one method. Paths are absolute or relative to the run directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Id of the run; on the command line the name of its directory.
    pub run: String,
    /// Name of the method.
    pub method: String,
    /// Preset the hyperparameters started from, for the record.
    #[serde(default)]
    pub preset: Option<String>,
    /// Complete: schema defaults, preset and overrides are already resolved.
    pub hyperparameters: Map<String, Value>,
    /// Seed of all randomness.
    pub seed: u64,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Threads the child may use; 0 = all cores.
    #[serde(default)]
    pub threads: u32,
    /// Absolute path of the plugin library.
    pub plugin: String,
    /// Canonical taxonomy (`taxonomy.json`).
    pub taxonomy: String,
    /// Snapshots (JSON lines of `corpus::SnapshotDocument`); validation and test may be absent.
    pub train: String,
    /// Snapshot to select by.
    #[serde(default)]
    pub validation: Option<String>,
    /// Snapshot to test on; the plugin never sees it.
    #[serde(default)]
    pub test: Option<String>,
    /// Resolved directory of a Hugging Face encoder.
    #[serde(default)]
    pub encoder: Option<String>,
    /// Resolved file of word vectors.
    #[serde(default)]
    pub word_vectors: Option<String>,
    /// How label sets are made from scores.
    #[serde(default)]
    pub decoding: DecodeOptions,
}

/// A line of `events.jsonl`. Times are milliseconds since the run's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// First line of each attempt.
    Started {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// Name of the method.
        method: String,
        /// Device that is used.
        device: String,
        /// Whether an earlier attempt is continued.
        #[serde(default)]
        resumed: bool,
        /// Versions and sizes that the result depends on.
        #[serde(default)]
        environment: BTreeMap<String, String>,
    },
    /// Where the work stands: a stack of steps, outermost first.
    Progress {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// Outermost first.
        steps: Vec<ProgressStep>,
    },
    /// One or several optimizer updates; a few per second at most.
    Step {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// Counts from 1.
        epoch: u32,
        /// Optimizer updates so far.
        step: u64,
        /// Each named loss term.
        losses: BTreeMap<String, f64>,
        /// Learning rate of the update.
        learning_rate: f64,
        /// Training speed.
        documents_per_second: f64,
    },
    /// End of an epoch. `validation` feeds the learning curves; reported scores are the host's own.
    Epoch {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// Counts from 1.
        epoch: u32,
        /// Optimizer updates so far.
        step: u64,
        /// Mean of each named loss term.
        losses: BTreeMap<String, f64>,
        /// Validation scores by metric.
        validation: BTreeMap<String, f64>,
        /// Learning rate at its end.
        learning_rate: f64,
        /// Training speed.
        documents_per_second: f64,
        /// Duration.
        seconds: f64,
        /// Highest memory use so far.
        peak_memory_bytes: u64,
    },
    /// A checkpoint was written; `selected` = best so far.
    Checkpoint {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// Epoch it was written after.
        epoch: u32,
        /// Optimizer updates so far.
        step: u64,
        /// Whether it is the best so far.
        selected: bool,
    },
    /// A line for people.
    Log {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// How serious it is.
        level: LogLevel,
        /// The line.
        message: String,
    },
    /// Last line of an attempt that ended in an orderly way.
    Finished {
        /// Milliseconds since the run's start.
        at_ms: u64,
        /// How it ended.
        outcome: Outcome,
        /// Why it failed.
        #[serde(default)]
        message: Option<String>,
        /// Epochs trained.
        #[serde(default)]
        epochs: u32,
        /// Duration of training.
        #[serde(default)]
        train_seconds: f64,
        /// Training documents per second.
        #[serde(default)]
        train_docs_per_s: f64,
        /// Highest memory use so far.
        #[serde(default)]
        peak_memory_bytes: u64,
    },
}

/// One typed step of a progress stack: `import` › `rows` 120/500.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgressStep {
    /// What is being done.
    pub name: String,
    /// How much of it is done.
    pub current: u64,
    /// 0 = not known.
    pub total: u64,
}

/// How serious a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Good to know.
    Info,
    /// Something was decided or left out.
    Warning,
    /// Something went wrong.
    Error,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Trained and predicted.
    Done,
    /// Ended with an error.
    Failed,
    /// The method refused what it was asked for: hyperparameters or documents that it cannot work with.
    Refused,
    /// Stopped on request.
    Cancelled,
    /// The plugin panicked.
    Panicked,
}

impl Outcome {
    /// Exit code of the child process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 10,
            Self::Cancelled => 11,
            Self::Panicked => 12,
            Self::Refused => 13,
        }
    }
}
