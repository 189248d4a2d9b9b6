//! Work: what runs in child processes, and the supervision of those.
//!
//! A child loads one plugin, once, and never unloads it. It knows neither database nor network; what it is asked for lies in
//! its run directory and what it makes goes there. `train`, `serve` and `describe` are the child's side; `executor`, `child`
//! and `warm` are the side of whoever wants something done: server and command line alike. Nothing here queues jobs.

pub mod batches;
pub mod child;
pub mod describe;
mod device;
mod events;
pub mod executor;
mod explain;
pub mod frames;
mod leash;
mod memory;
pub mod program;
mod scoring;
pub mod serve;
pub(crate) mod tail;
pub mod train;
pub mod warm;

use std::io;
use std::path::PathBuf;

pub use child::{LocalExecutor, StopPolicy};
pub use device::{device_kind, is_device};
pub use executor::{Canceller, Ending, Executor, Exit, RunningChild};
pub use frames::Kept;
pub use memory::{available_bytes, memory_total};
pub use program::ChildProgram;
pub use warm::{WarmModel, WarmOptions};

/// Why a child could not be started, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error("cannot find the path of the running executable")]
    Executable(#[source] io::Error),
    #[error("cannot start a child process from {program}")]
    Spawn {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot use {path}")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The child ended; the text says why, with its last log lines.
    #[error("{0}")]
    Ended(String),
    /// The model refused or failed on this request; the child lives on.
    #[error("the model failed: {0}")]
    Model(String),
    #[error("the child process wrote something that is not an answer")]
    Protocol(#[source] io::Error),
}
