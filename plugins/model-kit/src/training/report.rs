//! What the host hears about a training, and how often.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arborist_shared::run::ProgressStep;

use super::Plan;
use super::state::Position;

/// Time between two reports of steps.
const INTERVAL: Duration = Duration::from_millis(350);

/// Throughput and means of losses, since the last report and over the epoch.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    last: Option<Instant>,
    documents: usize,
    busy: Duration,
    epoch_started: Option<Instant>,
    epoch_documents: usize,
    epoch_busy: Duration,
    losses: BTreeMap<&'static str, f64>,
    weight: f64,
}

impl Reporter {
    pub(super) fn begin_epoch(&mut self, position: &Position) {
        *self = Self {
            last: self.last,
            ..Self::default()
        };
        self.epoch_started = Some(Instant::now());
        if position.passes == 0 {
            self.last = None;
        }
    }

    /// Counts an update.
    pub(super) fn count(&mut self, documents: usize, time: Duration) {
        self.documents += documents;
        self.busy += time;
        self.epoch_documents += documents;
        self.epoch_busy += time;
    }

    /// Whether it is time to report; the first step always is.
    pub(super) fn step_is_due(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }

    /// Documents per second since the last call.
    pub(super) fn take_rate(&mut self) -> f64 {
        let rate = self.documents as f64 / self.busy.as_secs_f64().max(1e-9);
        self.documents = 0;
        self.busy = Duration::ZERO;
        rate
    }

    pub(super) fn add_losses(&mut self, means: &BTreeMap<&'static str, f64>, n: f64) {
        for (name, mean) in means {
            *self.losses.entry(name).or_default() += mean * n;
        }
        if !means.is_empty() {
            self.weight += n;
        }
    }

    /// Means over the epoch.
    pub(super) fn epoch_losses(&self) -> BTreeMap<String, f64> {
        self.losses
            .iter()
            .map(|(name, sum)| ((*name).to_owned(), sum / self.weight.max(1.0)))
            .collect()
    }

    /// Seconds since the epoch began, and documents per second of its training steps.
    pub(super) fn end_epoch(&self) -> (f64, f64) {
        let seconds = self
            .epoch_started
            .map_or(0.0, |started| started.elapsed().as_secs_f64());
        (
            seconds,
            self.epoch_documents as f64 / self.epoch_busy.as_secs_f64().max(1e-9),
        )
    }

    pub(super) fn progress(
        &self,
        plan: &Plan,
        position: &Position,
        updates_per_epoch: usize,
    ) -> Vec<ProgressStep> {
        vec![
            ProgressStep {
                name: plan.stage.to_owned(),
                current: u64::from(position.epoch),
                total: u64::from(plan.epochs),
            },
            ProgressStep {
                name: "steps".to_owned(),
                current: position.updates_in_epoch,
                total: updates_per_epoch as u64,
            },
        ]
    }
}
