//! A job as server-sent events.
//!
//! `job` events carry the whole job, at most a few a second; the last one has a final status and ends the stream. Events of
//! a run pass as `run` events. Comments keep proxies from closing a quiet stream.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use arborist_shared::api::jobs::Job;
use arborist_shared::run::{ProgressStep, RunEvent};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::live::LiveJob;
use super::{show, store};
use crate::App;

/// Shortest time between two `job` events.
const PACE: Duration = Duration::from_millis(200);
/// A quiet stream says so this often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that may wait for a slow reader.
const QUEUE: usize = 64;

/// Starts to watch a job; the receiver ends after its last event. `seen`: number of the last event of its run that the
/// reader has; what came after it is sent first.
pub(super) fn watch(app: Arc<App>, id: i64, seen: Option<u64>) -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        // Ends early when the reader goes away.
        let _ = Watcher {
            app,
            id,
            sender,
            last: None,
            seen,
        }
        .run()
        .await;
    });
    receiver
}

/// The reader has gone away, or the job.
struct Gone;

struct Watcher {
    app: Arc<App>,
    id: i64,
    sender: mpsc::Sender<Bytes>,
    last: Option<Job>,
    /// Number of the last event of the run that was sent.
    seen: Option<u64>,
}

impl Watcher {
    async fn run(mut self) -> Result<(), Gone> {
        let mut bell = self.app.jobs.live().listen();
        let mut closing = self.app.jobs.live().closing();
        let mut ears = Ears::default();
        let mut last_look = Instant::now();
        // When to look at the job again, if there is a reason to.
        let mut look_at = Some(last_look);
        ears.attach(self.app.jobs.live().find(self.id));
        if self.seen.is_some() {
            // Heard from before reading: what is written meanwhile comes either way, and once.
            self.catch_up().await?;
        }
        loop {
            ears.attach(self.app.jobs.live().find(self.id));
            let Ears {
                progress, events, ..
            } = &mut ears;
            tokio::select! {
                event = next_event(events) => match event {
                    Some(event) => self.send_event(event).await?,
                    // Too slow: what passed by stands in the run's file.
                    None => self.catch_up().await?,
                },
                () = sleep_until(look_at.unwrap_or(last_look)), if look_at.is_some() => {
                    while let Some(event) = events.as_mut().and_then(|events| events.try_recv().ok()) {
                        self.send_event(event).await?;
                    }
                    last_look = Instant::now();
                    look_at = None;
                    if self.send_job().await? {
                        return Ok(());
                    }
                }
                told = bell.recv() => {
                    // Told of another job: no reason. Too many told at once: one of them may have been this one.
                    if !matches!(told, Ok(other) if other != self.id) {
                        look_at.get_or_insert(last_look + PACE);
                    }
                }
                () = next_change(progress) => {
                    look_at.get_or_insert(last_look + PACE);
                }
                () = closed(&mut closing) => return Ok(()),
                () = sleep(KEEP_ALIVE) => {
                    self.sender.send(Bytes::from_static(b": still here\n\n")).await.map_err(|_| Gone)?;
                }
            }
        }
    }

    /// Sends what the run's file has behind the last event that was sent.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        let seen = self.seen.unwrap_or(0);
        let missed = crate::runs::events_after(&self.app, self.id, seen).await;
        for event in missed.map_err(|error| {
            tracing::warn!(job.id = self.id, %error, "could not read the events of a run");
            Gone
        })? {
            self.send_event(event).await?;
        }
        Ok(())
    }

    async fn send_event(&mut self, (line, event): (u64, RunEvent)) -> Result<(), Gone> {
        // A resumed run goes on counting; what was sent already is not sent again.
        if self.seen.is_some_and(|seen| line <= seen) {
            return Ok(());
        }
        self.seen = Some(line);
        let json = serde_json::to_string(&event).map_err(|_| Gone)?;
        self.sender
            .send(Bytes::from(format!(
                "id: {line}\nevent: run\ndata: {json}\n\n"
            )))
            .await
            .map_err(|_| Gone)
    }

    /// Sends the job if it changed; answers whether that was the last time.
    async fn send_job(&mut self) -> Result<bool, Gone> {
        let row = match store::find(self.app.db.read(), self.id).await {
            Ok(Some(row)) => row,
            Ok(None) => return Err(Gone),
            Err(error) => {
                tracing::warn!(job.id = self.id, %error, "could not look at a watched job");
                return Err(Gone);
            }
        };
        let job = show(&self.app, row);
        let is_final = job.status.is_final();
        if self.last.as_ref() != Some(&job) {
            self.send("job", &job).await?;
            self.last = Some(job);
        }
        Ok(is_final)
    }

    async fn send(&self, name: &str, value: &impl serde::Serialize) -> Result<(), Gone> {
        let json = serde_json::to_string(value).map_err(|_| Gone)?;
        self.sender
            .send(Bytes::from(format!("event: {name}\ndata: {json}\n\n")))
            .await
            .map_err(|_| Gone)
    }
}

type Progress = watch::Receiver<Vec<ProgressStep>>;
type Events = broadcast::Receiver<(u64, RunEvent)>;

/// Channels of the job at work, while it is.
#[derive(Default)]
struct Ears {
    job: Option<Arc<LiveJob>>,
    progress: Option<Progress>,
    events: Option<Events>,
}

impl Ears {
    fn attach(&mut self, live: Option<Arc<LiveJob>>) {
        let is_same = match (&self.job, &live) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            self.progress = live.as_ref().map(|live| live.progress.subscribe());
            self.events = live.as_ref().map(|live| live.events.subscribe());
            self.job = live;
        }
    }
}

/// Waits for the end of all watching.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // Fails when the sender is gone, which is an end, too.
    let _ = closing.wait_for(|closed| *closed).await;
}

/// Waits for progress; for ever while the job is not at work: the bell rings when it is.
async fn next_change(progress: &mut Option<Progress>) {
    if let Some(progress) = progress
        && progress.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Waits for an event of the run, none where some passed by; for ever while the job is not at work.
async fn next_event(events: &mut Option<Events>) -> Option<(u64, RunEvent)> {
    if let Some(events) = events {
        match events.recv().await {
            Ok(event) => return Some(event),
            Err(RecvError::Lagged(_)) => return None,
            Err(RecvError::Closed) => {}
        }
    }
    std::future::pending().await
}
