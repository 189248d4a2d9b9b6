//! Jobs at work in this process, and the bell for those who watch any job.

use std::sync::{Arc, Mutex, PoisonError};

use arborist_shared::run::{ProgressStep, RunEvent};
use rustc_hash::FxHashMap;
use tokio::sync::{broadcast, watch};

use super::context::Stop;

/// Changes that a slow watcher may be behind before it just looks again.
const BELL_CAPACITY: usize = 1_024;
/// Events of a run that a slow watcher may be behind before it misses some.
const EVENT_CAPACITY: usize = 1_024;

/// A job at work.
#[derive(Debug)]
pub(super) struct LiveJob {
    pub(super) progress: watch::Sender<Vec<ProgressStep>>,
    pub(super) stop: watch::Sender<Stop>,
    /// With the numbers of their lines in the run's file, from 1.
    pub(super) events: broadcast::Sender<(u64, RunEvent)>,
}

/// All jobs at work.
#[derive(Debug)]
pub struct LiveJobs {
    jobs: Mutex<FxHashMap<i64, Arc<LiveJob>>>,
    /// Ids of jobs whose row changed.
    bell: broadcast::Sender<i64>,
    /// Set when the server stops: nobody can watch any longer.
    closed: watch::Sender<bool>,
}

impl Default for LiveJobs {
    fn default() -> Self {
        Self {
            jobs: Mutex::default(),
            bell: broadcast::channel(BELL_CAPACITY).0,
            closed: watch::channel(false).0,
        }
    }
}

impl LiveJobs {
    /// Enters a job that starts.
    pub(super) fn enter(&self, id: i64, progress: Vec<ProgressStep>) -> Arc<LiveJob> {
        let live = Arc::new(LiveJob {
            progress: watch::channel(progress).0,
            stop: watch::channel(Stop::No).0,
            events: broadcast::channel(EVENT_CAPACITY).0,
        });
        self.lock().insert(id, Arc::clone(&live));
        self.tell(id);
        live
    }

    /// Takes a job out once its row says how it ended.
    pub(super) fn leave(&self, id: i64) {
        self.lock().remove(&id);
        self.tell(id);
    }

    pub(super) fn find(&self, id: i64) -> Option<Arc<LiveJob>> {
        self.lock().get(&id).cloned()
    }

    /// Ids of all jobs at work.
    pub(super) fn ids(&self) -> Vec<i64> {
        self.lock().keys().copied().collect()
    }

    pub(super) fn progress(&self, id: i64) -> Option<Vec<ProgressStep>> {
        self.find(id).map(|live| live.progress.borrow().clone())
    }

    /// Asks a job to stop; a stronger reason replaces a weaker one.
    pub(super) fn stop(&self, id: i64, reason: Stop) {
        if let Some(live) = self.find(id) {
            raise(&live, reason);
        }
    }

    /// Asks all jobs to stop.
    pub(super) fn stop_all(&self, reason: Stop) {
        for live in self.lock().values() {
            raise(live, reason);
        }
    }

    /// Rings for a job.
    pub(super) fn tell(&self, id: i64) {
        // Fails when nobody watches.
        let _ = self.bell.send(id);
    }

    /// Sends those who watch home.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits for the end of all watching.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Hears the bell of all jobs.
    pub(super) fn listen(&self) -> broadcast::Receiver<i64> {
        self.bell.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<i64, Arc<LiveJob>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(live: &LiveJob, reason: Stop) {
    live.stop.send_if_modified(|stop| {
        let raised = reason > *stop;
        if raised {
            *stop = reason;
        }
        raised
    });
}
