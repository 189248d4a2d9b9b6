//! Writing `events.jsonl`: each event is stamped, appended as one line and there for readers at once.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arborist_plugin_api::HostCallbacks;
use arborist_shared::run::{LogLevel, ProgressStep, RunEvent};

use super::leash::Leash;
use super::tail::end_of_last_line;
use crate::runs::directory::{RunDirectory, RunDirectoryError};

/// How long a new attempt waits for the child of an earlier one, whose parent has gone, to let go of the run.
const LOCK_PATIENCE: Duration = Duration::from_secs(90);

/// The events of a run, as its child writes them.
#[derive(Debug)]
pub(super) struct EventLog {
    state: Mutex<State>,
    leash: Leash,
    start: Instant,
    /// Time of the run's last event before this attempt.
    base_ms: u64,
}

#[derive(Debug)]
struct State {
    file: File,
    /// What the events say so far, those of earlier attempts included.
    tally: Tally,
    /// Why an event could not be written.
    failure: Option<io::Error>,
}

/// Figures that are gathered from a run's events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// Documents per second by epoch.
    epochs: BTreeMap<u32, f64>,
    pub(super) peak_memory_bytes: u64,
    /// Time that earlier attempts spent.
    pub(super) earlier_seconds: f64,
}

impl Tally {
    fn of(events: &[RunEvent]) -> Self {
        let mut tally = Self::default();
        let mut started_ms = 0;
        let mut last_ms = 0;
        for event in events {
            tally.add(event);
            if matches!(event, RunEvent::Started { .. }) {
                tally.earlier_seconds += seconds_between(started_ms, last_ms);
                started_ms = at_ms(event);
            }
            last_ms = at_ms(event);
        }
        tally.earlier_seconds += seconds_between(started_ms, last_ms);
        tally
    }

    fn add(&mut self, event: &RunEvent) {
        if let RunEvent::Epoch {
            epoch,
            documents_per_second,
            peak_memory_bytes,
            ..
        } = event
        {
            self.epochs.insert(*epoch, *documents_per_second);
            self.peak_memory_bytes = self.peak_memory_bytes.max(*peak_memory_bytes);
        }
    }

    /// Number of epochs.
    pub(super) fn epochs(&self) -> u32 {
        self.epochs.len() as u32
    }

    /// Training documents per second over all epochs; none when no epoch told its speed.
    pub(super) fn documents_per_second(&self) -> Option<f64> {
        let speeds: Vec<f64> = self
            .epochs
            .values()
            .copied()
            .filter(|speed| *speed > 0.0)
            .collect();
        // Each epoch sees the same documents, so the speed over all is the harmonic mean.
        let seconds_per_document: f64 = speeds.iter().map(|speed| 1.0 / speed).sum();
        (!speeds.is_empty()).then(|| speeds.len() as f64 / seconds_per_document)
    }
}

impl EventLog {
    /// Opens the events of a run for this attempt; a line that was cut by a kill is removed first.
    ///
    /// # Errors
    /// When the file cannot be used, or another process is at work on the run.
    pub(super) fn open(directory: &RunDirectory, leash: Leash) -> Result<Self, RunDirectoryError> {
        let path = directory.events();
        let error = |source| RunDirectoryError::File {
            path: path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(error)?;
        lock(&file, &leash).map_err(error)?;
        file.set_len(end_of_last_line(&path).map_err(error)?)
            .map_err(error)?;
        let earlier = directory.read_events()?;
        let state = State {
            file,
            tally: Tally::of(&earlier),
            failure: None,
        };
        let base_ms = earlier.last().map_or(0, at_ms);
        Ok(Self {
            state: Mutex::new(state),
            leash,
            start: Instant::now(),
            base_ms,
        })
    }

    /// Writes a log line as an event.
    pub(super) fn log(&self, level: LogLevel, message: impl Into<String>) {
        self.emit(RunEvent::Log {
            at_ms: 0,
            level,
            message: message.into(),
        });
    }

    /// Says how far a single step is.
    pub(super) fn step(&self, name: &str, current: u64, total: u64) {
        self.emit(RunEvent::Progress {
            at_ms: 0,
            steps: vec![ProgressStep {
                name: name.to_owned(),
                current,
                total,
            }],
        });
    }

    /// The figures so far.
    pub(super) fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// When that fails, or when an earlier event could not be written.
    pub(super) fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        state.file.sync_all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostCallbacks for EventLog {
    fn emit(&self, event: RunEvent) {
        let mut state = self.state();
        // Stamped under the lock: times never go back.
        let event = stamped(
            event,
            self.base_ms + self.start.elapsed().as_millis() as u64,
        );
        state.tally.add(&event);
        let written = serde_json::to_vec(&event)
            .map_err(io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                state.file.write_all(&line)
            });
        if let Err(error) = written {
            eprintln!("cannot write an event: {error}");
            // A run whose events are lost is not worth its time: stop it.
            self.leash.pull();
            state.failure.get_or_insert(error);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.leash.is_pulled()
    }
}

/// Takes the run for this process.
fn lock(file: &File, leash: &Leash) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock)
                if start.elapsed() < LOCK_PATIENCE && !leash.is_pulled() =>
            {
                thread::sleep(Duration::from_millis(100));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another process is at work on this run",
                ));
            }
        }
    }
}

fn seconds_between(from_ms: u64, to_ms: u64) -> f64 {
    to_ms.saturating_sub(from_ms) as f64 / 1000.0
}

fn at_ms(event: &RunEvent) -> u64 {
    match event {
        RunEvent::Started { at_ms, .. }
        | RunEvent::Progress { at_ms, .. }
        | RunEvent::Step { at_ms, .. }
        | RunEvent::Epoch { at_ms, .. }
        | RunEvent::Checkpoint { at_ms, .. }
        | RunEvent::Log { at_ms, .. }
        | RunEvent::Finished { at_ms, .. } => *at_ms,
    }
}

fn stamped(mut event: RunEvent, now_ms: u64) -> RunEvent {
    match &mut event {
        RunEvent::Started { at_ms, .. }
        | RunEvent::Progress { at_ms, .. }
        | RunEvent::Step { at_ms, .. }
        | RunEvent::Epoch { at_ms, .. }
        | RunEvent::Checkpoint { at_ms, .. }
        | RunEvent::Log { at_ms, .. }
        | RunEvent::Finished { at_ms, .. } => *at_ms = now_ms,
    }
    event
}
