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
    pub method: String,
    /// Preset the hyperparameters started from, for the record.
    #[serde(default)]
    pub preset: Option<String>,
    /// Complete: schema defaults, preset and overrides are already resolved.
    pub hyperparameters: Map<String, Value>,
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
    #[serde(default)]
    pub validation: Option<String>,
    #[serde(default)]
    pub test: Option<String>,
    /// Resolved directory of a Hugging Face encoder.
    #[serde(default)]
    pub encoder: Option<String>,
    /// Resolved file of word vectors.
    #[serde(default)]
    pub word_vectors: Option<String>,
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
        at_ms: u64,
        method: String,
        device: String,
        #[serde(default)]
        resumed: bool,
        #[serde(default)]
        environment: BTreeMap<String, String>,
    },
    /// Where the work stands: a stack of steps, outermost first.
    Progress {
        at_ms: u64,
        steps: Vec<ProgressStep>,
    },
    /// One or several optimizer updates; a few per second at most.
    Step {
        at_ms: u64,
        epoch: u32,
        step: u64,
        losses: BTreeMap<String, f64>,
        learning_rate: f64,
        documents_per_second: f64,
    },
    /// End of an epoch. `validation` feeds the learning curves; reported scores are the host's own.
    Epoch {
        at_ms: u64,
        epoch: u32,
        step: u64,
        losses: BTreeMap<String, f64>,
        validation: BTreeMap<String, f64>,
        learning_rate: f64,
        documents_per_second: f64,
        seconds: f64,
        peak_memory_bytes: u64,
    },
    /// A checkpoint was written; `selected` = best so far.
    Checkpoint {
        at_ms: u64,
        epoch: u32,
        step: u64,
        selected: bool,
    },
    Log {
        at_ms: u64,
        level: LogLevel,
        message: String,
    },
    /// Last line of an attempt that ended in an orderly way.
    Finished {
        at_ms: u64,
        outcome: Outcome,
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        epochs: u32,
        #[serde(default)]
        train_seconds: f64,
        #[serde(default)]
        train_docs_per_s: f64,
        #[serde(default)]
        peak_memory_bytes: u64,
    },
}

/// One typed step of a progress stack: `import` › `rows` 120/500.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgressStep {
    pub name: String,
    pub current: u64,
    /// 0 = not known.
    pub total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Info,
    Warning,
    Error,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Failed,
    Cancelled,
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
        }
    }
}
