//! The runner: claims jobs, works on them, and writes how they ended.

use std::sync::Arc;
use std::time::Duration;

use arborist_shared::api::jobs::{JobResult, JobStatus};
use arborist_shared::api::queue::{Attempt, Cause};
use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::context::{JobContext, JobError, Stop};
use super::live::LiveJob;
use super::{JobRequest, JobRow, Slot, store};
use crate::App;
use crate::db::{DbErr, now};
use crate::devices::Placement;

/// How long a job stays ours without a sign of life.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a job at work shows a sign of life and stores its progress.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Waiting jobs are looked for this often, should a wake-up be lost or another process have queued one.
pub(super) const LOOK: Duration = Duration::from_secs(2);
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
    /// Takes over what an earlier process of this data directory left, and starts to work. Only one server at a time may use
    /// the data directory.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(app: &Arc<App>) -> Result<Self, DbErr> {
        let owner = app.owner.as_str();
        let recovered = store::recover(&app.db, Some(owner), &[]).await?;
        if !recovered.is_empty() {
            tracing::info!(jobs = ?recovered, "took up jobs that an earlier server left");
        }
        let (stop, stopped) = watch::channel(false);
        let mut workers = Vec::new();
        let worker = Worker {
            app: Arc::clone(app),
            stopped: stopped.clone(),
        };
        for _ in 0..IMPORT_SLOTS {
            workers.push(tokio::spawn(worker.clone().work()));
        }
        workers.push(tokio::spawn(super::dispatch::run(worker)));
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

/// Works on jobs, one at a time.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) app: Arc<App>,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Worker {
    /// Jobs that need no device. One turn: 1. listen for the bell, before looking, so that nothing is missed between; 2. stop if asked to;
    /// 3. claim a job and work on it; 4. if there is none, wait for the bell.
    async fn work(mut self) {
        let bell = Arc::clone(self.app.jobs.bell(Slot::Import));
        loop {
            let rings = bell.notified();
            if *self.stopped.borrow() {
                return;
            }
            match store::claim(&self.app.db, Slot::Import, &self.app.owner, LEASE).await {
                Ok(Some(row)) => self.work_on(row, None).await,
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

    /// Carries a job out that was claimed, until its row says how it ended.
    pub(super) async fn work_on(&self, row: JobRow, placement: Option<Placement>) {
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
        let context = JobContext::new(&row, placement, Arc::clone(&live));
        let work = tokio::spawn(carry_out(Arc::clone(&self.app), context, row.request));
        let ended = self.tend(id, &live, work).await;
        if let Err(error) = self.write_end(id, &live, ended, row.history).await {
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
                    match store::heartbeat(&self.app.db, id, &self.app.owner, LEASE, &progress).await {
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
        mut history: Vec<Attempt>,
    ) -> Result<(), DbErr> {
        let progress = live.progress.borrow().clone();
        store::set_progress(self.app.db.write(), id, &progress).await?;
        let (status, error, result) = match ended {
            Ok(result) => (JobStatus::Succeeded, None, Some(result)),
            Err(JobError::Interrupted) => {
                tracing::info!(job.id = id, "a job was interrupted and waits to be resumed");
                return store::release(&self.app.db, id, &self.app.owner).await;
            }
            Err(JobError::Again(attempt)) => {
                tracing::warn!(job.id = id, cause = ?attempt.cause, next = attempt.next, "an attempt ended, there will be another");
                history.push(*attempt);
                return store::again(&self.app.db, id, &self.app.owner, &history).await;
            }
            Err(JobError::Cancelled) => (JobStatus::Cancelled, None, None),
            Err(JobError::Abandoned(why)) => {
                (JobStatus::Cancelled, Some((why, Cause::Hopeless)), None)
            }
            Err(JobError::Because(cause, why)) => (JobStatus::Failed, Some((why, cause)), None),
            Err(error @ (JobError::Failed(_) | JobError::Internal(_))) => (
                JobStatus::Failed,
                Some((error.to_string(), Cause::Failed)),
                None,
            ),
        };
        match (&status, &error) {
            (JobStatus::Failed, Some((error, cause))) => {
                tracing::warn!(job.id = id, error, ?cause, "a job failed");
            }
            _ => tracing::info!(job.id = id, status = ?status, "a job ended"),
        }
        store::finish(
            self.app.db.write(),
            id,
            status,
            error
                .as_ref()
                .map(|(error, cause)| (error.as_str(), *cause)),
            result.as_ref(),
            now(),
        )
        .await?;
        if status == JobStatus::Succeeded {
            // Those that needed it may start.
            self.app.jobs.bell(Slot::Train).notify_one();
        } else {
            super::tell_dependents(&self.app).await?;
        }
        Ok(())
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
        JobRequest::ExportCorpus(export) => export.carry_out(&app, &context).await,
        JobRequest::Train(train) => train.carry_out(&app, context).await,
        JobRequest::Compare(compare) => compare.carry_out(&app, &context).await,
        JobRequest::PublishDraft(publish) => publish.carry_out(&app, &context).await,
        JobRequest::UndoTaxonomy(undo) => undo.carry_out(&app, &context).await,
        JobRequest::ProposeReviews(propose) => propose.carry_out(&app, &context).await,
        JobRequest::ApplyReviews(apply) => apply.carry_out(&app, &context).await,
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
        if let Err(error) = crate::corpora::export::file::clear_up(&app, false) {
            tracing::error!(%error, "could not look for exports whose time is over");
        }
        if let Err(error) = crate::uploads::clear_up(&app) {
            tracing::error!(%error, "could not look for uploads that nobody went on with");
        }
        if let Err(error) = super::tell_dependents(&app).await {
            tracing::error!(%error, "could not look for jobs whose needs failed");
        }
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
