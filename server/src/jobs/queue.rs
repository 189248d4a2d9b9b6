//! The queue as people see it: where each job runs, its turn, why it waits, and how long it will.

use std::collections::HashMap;

use arborist_shared::api::jobs::JobStatus;
use arborist_shared::api::queue::{DeviceKind, DeviceState, Queue, QueueJob};

use super::dispatch::Allowed;
use super::plan::{Verdict, plan};
use super::store::order::{self, Candidate};
use super::{JobRow, Slot, show, store};
use crate::db::{DbErr, now};
use crate::devices::Place;
use crate::{App, accounts, runs};

/// Ended jobs that are shown.
const FINISHED: u64 = 30;
/// Waiting trainings that the plan is asked about; those behind wait for the ones before them.
const PLANNED: u64 = 200;

/// The queue of some projects (none = of all), with waiting jobs from the `skip`th on.
pub(super) async fn of(
    app: &App,
    projects: Option<&[i64]>,
    skip: u64,
    limit: u64,
) -> Result<Queue, DbErr> {
    let db = app.db.read();
    let running = order::running(db, projects).await?;
    let mut waiting = order::list(db, projects, skip, limit + 1).await?;
    let next = (waiting.len() as u64 > limit).then(|| (skip + limit).to_string());
    waiting.truncate(limit as usize);
    let n_waiting = order::count(db, projects).await?;
    let finished = store::ended(db, projects, FINISHED).await?;
    let mut shown = Shown::prepare(app, &[&running, &waiting, &finished]).await?;
    let mut queue = Queue {
        devices: app.devices.show(),
        running: Vec::new(),
        waiting: Vec::new(),
        n_waiting,
        next,
        finished: Vec::new(),
    };
    let left = shown.time_left(app, &running);
    shown.turns(app, &waiting, left).await?;
    queue.running = running.into_iter().map(|row| shown.job(app, row)).collect();
    queue.waiting = waiting.into_iter().map(|row| shown.job(app, row)).collect();
    queue.finished = finished
        .into_iter()
        .map(|row| shown.job(app, row))
        .collect();
    Ok(queue)
}

/// One job with its place in the queue.
pub(super) async fn one(app: &App, row: JobRow) -> Result<QueueJob, DbErr> {
    let rows = std::slice::from_ref(&row);
    let mut shown = Shown::prepare(app, &[rows]).await?;
    let running = order::running(app.db.read(), None).await?;
    let left = shown.time_left(app, &running);
    if row.status == JobStatus::Queued {
        shown.turns(app, rows, left).await?;
    }
    Ok(shown.job(app, row))
}

/// What is looked up for many jobs at once.
struct Shown {
    names: HashMap<i64, String>,
    runs: HashMap<i64, runs::OfJob>,
    needs: HashMap<i64, Vec<(i64, bool)>>,
    turns: HashMap<i64, (u64, Option<f64>)>,
    reasons: HashMap<i64, String>,
    left: HashMap<i64, f64>,
}

impl Shown {
    async fn prepare(app: &App, rows: &[&[JobRow]]) -> Result<Self, DbErr> {
        let rows = || rows.iter().copied().flatten();
        let jobs: Vec<i64> = rows().map(|row| row.id).collect();
        let mut people: Vec<i64> = rows().filter_map(|row| row.created_by).collect();
        people.sort_unstable();
        people.dedup();
        Ok(Self {
            names: accounts::names(app, &people).await?,
            runs: runs::of_jobs(app, &jobs).await?,
            needs: order::needed(app.db.read(), &jobs).await?,
            turns: HashMap::new(),
            reasons: HashMap::new(),
            left: HashMap::new(),
        })
    }

    /// Notes how long those at work will take yet; answers the time until the first of the trainings is done.
    fn time_left(&mut self, app: &App, running: &[JobRow]) -> Option<f64> {
        for row in running {
            if let Some(left) = seconds_left(app, row) {
                self.left.insert(row.id, left);
            }
        }
        running
            .iter()
            .filter(|row| row.slot == Slot::Train.word())
            .map(|row| self.left.get(&row.id).copied())
            .fold(None, |least: Option<f64>, left| match (least, left) {
                (Some(least), Some(left)) => Some(least.min(left)),
                (least, left) => least.or(left),
            })
    }

    /// Finds out the turns of waiting jobs, and why they wait. `left`: until the first training at work is done.
    async fn turns(&mut self, app: &App, rows: &[JobRow], left: Option<f64>) -> Result<(), DbErr> {
        let places = app.devices.places();
        let at_once = at_once(&places);
        self.reasons = reasons(app, places).await?;
        let mut slots: Vec<&str> = rows.iter().map(|row| row.slot.as_str()).collect();
        slots.dedup();
        for slot in slots {
            let line = order::line(app.db.read(), slot).await?;
            // Where nothing is known of a job, it takes as long as the others do.
            let known: Vec<f64> = line.iter().filter_map(|(_, seconds)| *seconds).collect();
            let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
            let mut before = left.unwrap_or(0.0);
            for (turn, (id, seconds)) in line.into_iter().enumerate() {
                let starts = (turn == 0 || !known.is_empty()).then_some(before);
                self.turns.insert(id, (turn as u64 + 1, starts));
                before += seconds.unwrap_or(mean) / at_once;
            }
        }
        Ok(())
    }

    fn job(&self, app: &App, row: JobRow) -> QueueJob {
        let run = self.runs.get(&row.id);
        let needs = self.needs.get(&row.id).map_or(&[][..], Vec::as_slice);
        let (position, starts) = self.turns.get(&row.id).copied().unzip();
        let waits = row.status == JobStatus::Queued;
        let open: Vec<String> = needs
            .iter()
            .filter(|(_, succeeded)| !succeeded)
            .map(|(id, _)| format!("job {id}"))
            .collect();
        let reason = waits.then(|| {
            if !open.is_empty() {
                return format!("it needs {} to succeed first", open.join(", "));
            }
            match self.reasons.get(&row.id) {
                Some(reason) => reason.clone(),
                None if row.slot != Slot::Train.word() => {
                    "a place for imports is not free".to_owned()
                }
                None => "others are before it".to_owned(),
            }
        });
        let seconds_left = match row.status {
            JobStatus::Running => self.left.get(&row.id).copied(),
            JobStatus::Queued => row.seconds,
            _ => None,
        };
        QueueJob {
            run: run.map(|run| run.run),
            method: run.map(|run| run.method.clone()),
            group: run.and_then(|run| run.group),
            created_by: row
                .created_by
                .and_then(|user| self.names.get(&user).cloned()),
            priority: row.priority,
            position,
            reason,
            starts_in_seconds: starts.flatten(),
            seconds_left,
            memory_bytes: row.memory_bytes,
            device: row.device.clone(),
            place: row.place.clone(),
            cause: row.cause,
            attempts: row.history.clone(),
            needs: needs.iter().map(|(id, _)| *id).collect(),
            job: show(app, row),
        }
    }
}

/// Why the first waiting trainings wait.
async fn reasons(app: &App, mut places: Vec<Place>) -> Result<HashMap<i64, String>, DbErr> {
    let waiting = order::candidates(app.db.read(), Slot::Train, &[], PLANNED).await?;
    let allowed = Allowed::read(app).await?;
    let mut reasons = HashMap::new();
    let mut planned: Vec<Candidate> = Vec::new();
    for job in waiting {
        match job.created_by.filter(|user| allowed.is_at_limit(*user)) {
            Some(user) => {
                let limit = allowed.limit(user).unwrap_or(0);
                let reason = format!("its owner has {limit} at work already, which is the limit");
                reasons.insert(job.id, reason);
            }
            None => planned.push(job),
        }
    }
    let verdicts = plan(&planned, &mut places);
    for (job, verdict) in planned.into_iter().zip(verdicts) {
        let reason = match verdict {
            Verdict::Start(place) => format!("it is about to start on {place}"),
            Verdict::Wait(reason) => reason,
        };
        reasons.insert(job.id, reason);
    }
    Ok(reasons)
}

/// How many trainings run beside each other, roughly: GPUs count one each.
fn at_once(places: &[Place]) -> f64 {
    let open = places
        .iter()
        .filter(|place| place.state == DeviceState::Enabled);
    let n: usize = open
        .map(|place| match place.kind {
            DeviceKind::Cpu | DeviceKind::Cluster => {
                place.free_slots.unwrap_or(0) as usize + place.n_jobs
            }
            DeviceKind::Cuda => 1,
        })
        .sum();
    n.max(1) as f64
}

/// Time left of a job at work: from its outermost step that says how far it is, else from the estimate.
fn seconds_left(app: &App, row: &JobRow) -> Option<f64> {
    let started = row.started_at?;
    let spent = (now() - started).num_milliseconds().max(0) as f64 / 1_000.0;
    if let Some(estimate) = row.seconds {
        return Some((estimate - spent).max(0.0));
    }
    let progress = app.jobs.live().progress(row.id).unwrap_or_default();
    // The innermost steps refine the outer ones: epoch 3 of 10, batch 50 of 100.
    let mut share = 0.0;
    let mut width = 1.0;
    for step in progress.iter().filter(|step| step.total > 0) {
        let total = step.total as f64;
        share += width * (step.current as f64 / total).min(1.0);
        width /= total;
    }
    (share > 0.01).then(|| spent * (1.0 - share.min(1.0)) / share)
}
