//! The dispatcher: starts trainings where the plan puts them, as many at once as devices allow.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::plan::{Verdict, plan};
use super::runner::{LEASE, LOOK, Worker};
use super::{Slot, store};
use crate::App;
use crate::db::{DbErr, kinds};

/// Waiting jobs that are looked at; those behind have to wait in any case.
const LOOKED_AT: u64 = 200;

/// Starts trainings until the server stops, then waits for those at work.
pub(super) async fn run(worker: Worker) {
    let bell = Arc::clone(worker.app.jobs.bell(Slot::Train));
    let mut stopped = worker.stopped.clone();
    let mut at_work = JoinSet::new();
    loop {
        // Heard from before the look on, so that nothing is missed between.
        let rings = bell.notified();
        if *stopped.borrow() {
            break;
        }
        match start_what_fits(&worker, &mut at_work).await {
            // What started may have left room; the claim may have lost to another server.
            Ok(n) if n > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not look for trainings"),
        }
        tokio::select! {
            () = rings => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.changed() => {}
            Some(_) = at_work.join_next() => {}
        }
    }
    while at_work.join_next().await.is_some() {}
}

async fn start_what_fits(worker: &Worker, at_work: &mut JoinSet<()>) -> Result<usize, DbErr> {
    let app = &worker.app;
    let mut allowed = Allowed::read(app).await?;
    let at_limit = allowed.at_limit();
    let waiting =
        store::order::candidates(app.db.read(), Slot::Train, &at_limit, LOOKED_AT).await?;
    let verdicts = plan(&waiting, &mut app.devices.places());
    let mut started = 0;
    for (job, verdict) in waiting.into_iter().zip(verdicts) {
        let Verdict::Start(place) = verdict else {
            continue;
        };
        if !allowed.take(job.created_by) {
            continue;
        }
        let row = store::claim_one(&app.db, job.id, &app.owner, LEASE, &place).await?;
        let Some(row) = row else { continue };
        started += 1;
        let placement = app.devices.hold(row.id, &place, row.memory_bytes);
        let worker = worker.clone();
        at_work.spawn(async move {
            let id = row.id;
            worker.work_on(row, Some(placement.clone())).await;
            worker.app.devices.release(id, &placement).await;
            worker.app.jobs.bell(Slot::Train).notify_one();
        });
    }
    Ok(started)
}

/// How many more trainings people may have at work.
pub(super) struct Allowed {
    limits: HashMap<Option<i64>, Option<u64>>,
    running: HashMap<i64, u64>,
}

impl Allowed {
    pub(super) async fn read(app: &App) -> Result<Self, DbErr> {
        let limits: HashMap<Option<i64>, Option<u64>> = store::order::limits(app.db.read())
            .await?
            .into_iter()
            .map(|(user, limit)| (user, limit.running.map(|running| running as u64)))
            .collect();
        // Most servers have none.
        let running = if limits.is_empty() {
            HashMap::new()
        } else {
            store::order::counts(app.db.read(), kinds::JobStatus::Running).await?
        };
        Ok(Self { limits, running })
    }

    /// How many somebody may have at work; none = as many as they like.
    pub(super) fn limit(&self, user: i64) -> Option<u64> {
        let own = self.limits.get(&Some(user));
        own.or_else(|| self.limits.get(&None)).copied().flatten()
    }

    pub(super) fn is_at_limit(&self, user: i64) -> bool {
        let running = self.running.get(&user).copied().unwrap_or(0);
        self.limit(user).is_some_and(|limit| running >= limit)
    }

    fn at_limit(&self) -> Vec<i64> {
        let named = self.limits.keys().copied().flatten();
        let mut people: Vec<i64> = self.running.keys().copied().chain(named).collect();
        people.sort_unstable();
        people.dedup();
        people.retain(|user| self.is_at_limit(*user));
        people
    }

    /// Counts one more, if there may be one.
    fn take(&mut self, user: Option<i64>) -> bool {
        let Some(user) = user else { return true };
        if self.is_at_limit(user) {
            return false;
        }
        *self.running.entry(user).or_default() += 1;
        true
    }
}
