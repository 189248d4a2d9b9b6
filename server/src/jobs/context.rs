//! What a job is given while it works, and how it may end.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use arborist_shared::api::queue::{Attempt, Cause};
use arborist_shared::run::{ProgressStep, RunEvent};
use tokio::sync::watch;

use super::JobRow;
use super::live::LiveJob;
use crate::devices::Placement;

/// Why a job should stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    #[default]
    No,
    /// The server is stopping; the job will be resumed.
    Interrupted,
    /// Somebody asked for it.
    Cancelled,
}

/// Why a job did not succeed.
#[derive(Debug)]
pub enum JobError {
    /// Something about the request or its data; the text is for people.
    Failed(String),
    /// The same, where more is known of why.
    Because(Cause, String),
    /// An attempt ended that need not be the last one.
    Again(Box<Attempt>),
    /// Given up on purpose, before its end; the text says why.
    Abandoned(String),
    /// Something on our side; the text is shown, since the job belongs to whoever reads it.
    Internal(Box<dyn Error + Send + Sync>),
    Cancelled,
    Interrupted,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(text) | Self::Because(_, text) | Self::Abandoned(text) => {
                f.write_str(text)
            }
            Self::Again(attempt) => f.write_str(&attempt.message),
            Self::Internal(error) => write!(f, "the server failed: {error}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Internal(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl From<crate::db::DbErr> for JobError {
    fn from(error: crate::db::DbErr) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<std::io::Error> for JobError {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<serde_json::Error> for JobError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<tokio::task::JoinError> for JobError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// A job at work, as its work sees it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobContext {
    id: i64,
    project: i64,
    /// Whether an earlier attempt was interrupted.
    resumed: bool,
    live: Arc<LiveJob>,
    stop: watch::Receiver<Stop>,
    placement: Option<Placement>,
    history: Arc<Vec<Attempt>>,
}

impl JobContext {
    pub(super) fn new(row: &JobRow, placement: Option<Placement>, live: Arc<LiveJob>) -> Self {
        let stop = live.stop.subscribe();
        Self {
            id: row.id,
            project: row.project_id,
            resumed: row.interruptions > 0 || row.attempts > 0,
            live,
            stop,
            placement,
            history: Arc::new(row.history.clone()),
        }
    }

    /// The device that it was given, for jobs that take one.
    #[must_use]
    pub fn placement(&self) -> Option<&Placement> {
        self.placement.as_ref()
    }

    /// Attempts that did not end it, oldest first.
    #[must_use]
    pub fn history(&self) -> &[Attempt] {
        &self.history
    }

    /// Id of the job.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Project that it belongs to.
    #[must_use]
    pub fn project(&self) -> i64 {
        self.project
    }

    /// Whether an earlier attempt was interrupted, so that part of the work may be done already.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Shows where the work stands. May be called often; watchers see a few states a second, the row one.
    pub fn progress(&self, steps: Vec<ProgressStep>) {
        self.live.progress.send_replace(steps);
    }

    /// Passes an event of a run on to those who watch the job, with the number of its line in the run's file.
    pub fn run_event(&self, line: u64, event: &RunEvent) {
        // Fails when nobody watches.
        let _ = self.live.events.send((line, event.clone()));
    }

    /// Whether to go on; to be asked between steps.
    ///
    /// # Errors
    /// `Cancelled` or `Interrupted`.
    pub fn check(&self) -> Result<(), JobError> {
        match *self.stop.borrow() {
            Stop::No => Ok(()),
            Stop::Interrupted => Err(JobError::Interrupted),
            Stop::Cancelled => Err(JobError::Cancelled),
        }
    }

    /// Waits until the job should stop.
    pub async fn stopped(&mut self) -> Stop {
        match self.stop.wait_for(|stop| *stop != Stop::No).await {
            Ok(stop) => *stop,
            // The sender lives as long as the job does.
            Err(_) => Stop::Interrupted,
        }
    }
}

/// A step of a progress stack.
#[must_use]
pub fn step(name: &str, current: u64, total: u64) -> ProgressStep {
    ProgressStep {
        name: name.to_owned(),
        current,
        total,
    }
}
