//! The runner: claims jobs, works on them, and writes how they ended.

use std::sync::Arc;
use std::time::Duration;

use arborist_shared::api::jobs::{JobResult, JobStatus};
use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::context::{JobContext, JobError, Stop};
use super::live::LiveJob;
use super::{JobRequest, JobRow, Slot, store};
use crate::App;
use crate::db::{DbErr, now};

/// How long a job stays ours without a sign of life.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a job at work shows a sign of life and stores its progress.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Waiting jobs are looked for this often, should a wake-up be lost or another process have queued one.
const LOOK: Duration = Duration::from_secs(2);
/// Jobs of servers that went away, and idle models, are looked for this often.
const RECOVER: Duration = Duration::from_secs(30);
/// Imports at the same time: a small one need not wait for a large one.
const IMPORT_SLOTS: usize = 2;

/// The tasks that work on jobs.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Runner {
    /// Takes over what an earlier process of this data directory left, and starts to work. `owner` names this data
    /// directory; only one server at a time may use it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(app: &Arc<App>, owner: &str) -> Result<Self, DbErr> {
        let recovered = store::recover(&app.db, Some(owner), &[]).await?;
        if !recovered.is_empty() {
            tracing::info!(jobs = ?recovered, "took up jobs that an earlier server left");
        }
        let (stop, stopped) = watch::channel(false);
        let mut workers = Vec::new();
        for slot in Slot::ALL {
            let n = match slot {
                Slot::Import => IMPORT_SLOTS,
                Slot::Train => app.options.training_slots.max(1),
            };
            for _ in 0..n {
                let worker = Worker {
                    app: Arc::clone(app),
                    owner: owner.to_owned(),
                    slot,
                    stopped: stopped.clone(),
                };
                workers.push(tokio::spawn(worker.work()));
            }
        }
        workers.push(tokio::spawn(keep_house(Arc::clone(app), stopped)));
        Ok(Self { stop, workers })
    }

    /// Takes no more jobs, interrupts those at work, and waits until they are put back.
    pub async fn stop(self, app: &App) {
        self.stop.send_replace(true);
        app.jobs.live().stop_all(Stop::Interrupted);
        for worker in self.workers {
            if let Err(error) = worker.await {
                tracing::error!(%error, "a worker of the queue ended unexpectedly");
            }
        }
        app.jobs.live().close();
    }
}

struct Worker {
    app: Arc<App>,
    owner: String,
    slot: Slot,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    /// One turn: 1. listen for the bell, before looking, so that nothing is missed between; 2. stop if asked to;
    /// 3. claim a job and work on it; 4. if there is none, wait for the bell.
    async fn work(mut self) {
        let bell = Arc::clone(self.app.jobs.bell(self.slot));
        loop {
            let rings = bell.notified();
            if *self.stopped.borrow() {
                return;
            }
            match store::claim(&self.app.db, self.slot, &self.owner, LEASE).await {
                Ok(Some(row)) => self.work_on(row).await,
                Ok(None) => {
                    tokio::select! {
                        () = rings => {}
                        () = tokio::time::sleep(LOOK) => {}
                        _ = self.stopped.changed() => {}
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "could not look for jobs");
                    tokio::select! {
                        () = tokio::time::sleep(LOOK) => {}
                        _ = self.stopped.changed() => {}
                    }
                }
            }
        }
    }

    async fn work_on(&self, row: JobRow) {
        let id = row.id;
        let live = self.app.jobs.live().enter(id, row.progress.clone());
        // The server may have been told to stop while the job was claimed.
        if *self.stopped.borrow() {
            self.app.jobs.live().stop(id, Stop::Interrupted);
        }
        tracing::info!(
            job.id = id,
            job.kind = row.kind,
            resumed = row.interruptions > 0,
            "a job starts"
        );
        let context = JobContext::new(id, row.project_id, row.interruptions > 0, Arc::clone(&live));
        let work = tokio::spawn(carry_out(Arc::clone(&self.app), context, row.request));
        let ended = self.tend(id, &live, work).await;
        if let Err(error) = self.write_end(id, &live, ended).await {
            // The lease runs out, and the job is taken up again.
            tracing::error!(job.id = id, %error, "could not write how a job ended");
        }
        self.app.jobs.live().leave(id);
    }

    /// Shows signs of life until the work is done.
    async fn tend(
        &self,
        id: i64,
        live: &LiveJob,
        mut work: JoinHandle<Result<JobResult, JobError>>,
    ) -> Result<JobResult, JobError> {
        let mut beat = interval(HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            tokio::select! {
                ended = &mut work => {
                    return match ended {
                        Ok(ended) => ended,
                        Err(error) => Err(JobError::Internal(Box::new(error))),
                    };
                }
                _ = beat.tick() => {
                    let progress = live.progress.borrow().clone();
                    match store::heartbeat(&self.app.db, id, &self.owner, LEASE, &progress).await {
                        Ok(Some(true)) => self.app.jobs.live().stop(id, Stop::Cancelled),
                        Ok(Some(false)) => {}
                        // Ended within its own transaction a moment ago, or taken by somebody else.
                        Ok(None) => {}
                        Err(error) => tracing::warn!(job.id = id, %error, "a heartbeat failed"),
                    }
                }
            }
        }
    }

    async fn write_end(
        &self,
        id: i64,
        live: &LiveJob,
        ended: Result<JobResult, JobError>,
    ) -> Result<(), DbErr> {
        let progress = live.progress.borrow().clone();
        store::set_progress(self.app.db.write(), id, &progress).await?;
        let (status, error, result) = match ended {
            Ok(result) => (JobStatus::Succeeded, None, Some(result)),
            Err(JobError::Interrupted) => {
                tracing::info!(job.id = id, "a job was interrupted and waits to be resumed");
                return store::release(&self.app.db, id, &self.owner).await;
            }
            Err(JobError::Cancelled) => (JobStatus::Cancelled, None, None),
            Err(error @ (JobError::Failed(_) | JobError::Internal(_))) => {
                (JobStatus::Failed, Some(error.to_string()), None)
            }
        };
        match (&status, &error) {
            (JobStatus::Failed, Some(error)) => tracing::warn!(job.id = id, error, "a job failed"),
            _ => tracing::info!(job.id = id, status = ?status, "a job ended"),
        }
        store::finish(
            self.app.db.write(),
            id,
            status,
            error.as_deref(),
            result.as_ref(),
            now(),
        )
        .await
    }
}

/// Gives a job to the room that knows how.
async fn carry_out(
    app: Arc<App>,
    context: JobContext,
    request: serde_json::Value,
) -> Result<JobResult, JobError> {
    match JobRequest::read(request)? {
        JobRequest::ImportTaxonomy(import) => import.carry_out(&app, &context).await,
        JobRequest::ImportCorpus(import) => import.carry_out(&app, &context).await,
        JobRequest::ImportAsset(import) => import.carry_out(&app, &context).await,
        JobRequest::Train(train) => train.carry_out(&app, context).await,
        JobRequest::Compare(compare) => compare.carry_out(&app, &context).await,
        JobRequest::PublishDraft(publish) => publish.carry_out(&app, &context).await,
        JobRequest::UndoTaxonomy(undo) => undo.carry_out(&app, &context).await,
    }
}

/// Keeps house from time to time: puts jobs back whose lease ran out (of other servers on the same database), lets models
/// go that nobody uses.
async fn keep_house(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(RECOVER) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        app.models.let_idle_go();
        let ours = app.jobs.live().ids();
        match store::recover(&app.db, None, &ours).await {
            Ok(jobs) if jobs.is_empty() => {}
            Ok(jobs) => {
                tracing::warn!(?jobs, "put jobs back whose lease ran out");
                for slot in Slot::ALL {
                    app.jobs.bell(slot).notify_one();
                }
            }
            Err(error) => tracing::error!(%error, "could not look for lost jobs"),
        }
    }
}
