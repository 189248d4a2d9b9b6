//! The way back from a method to the host: events, log lines, progress, and the question whether to stop.

use std::collections::BTreeMap;
use std::fmt;

use arborist_shared::run::{LogLevel, ProgressStep, RunEvent};

use crate::method::ModelError;

/// What the host does with a method's events. Called from any thread of the plugin; must not block for long.
pub trait HostCallbacks: Sync {
    /// Takes an event. Its `at_ms` is 0: whoever writes it down stamps it.
    fn emit(&self, event: RunEvent);

    /// Whether the work should stop as soon as it can. Cheap: methods ask at every step.
    fn is_cancelled(&self) -> bool;
}

/// A method's handle on its host. May be copied and used from any thread for as long as the call lasts.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    callbacks: &'a dyn HostCallbacks,
}

impl<'a> Host<'a> {
    /// A handle that talks to `callbacks`.
    #[must_use]
    pub fn new(callbacks: &'a dyn HostCallbacks) -> Self {
        Self { callbacks }
    }

    /// Reports an event. The host stamps the time: `at_ms` may be anything.
    ///
    /// Numbers that are not finite cannot be written as JSON: they are left out, and a warning names them.
    pub fn emit(&self, mut event: RunEvent) {
        let dropped = drop_non_finite(&mut event);
        if !dropped.is_empty() {
            self.warning(format!("not a finite number: {}", dropped.join(", ")));
        }
        self.callbacks.emit(event);
    }

    /// Whether the host asked to stop. Ask at every step.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.callbacks.is_cancelled()
    }

    /// The same for use with `?`.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] when the host asked to stop.
    pub fn check_cancelled(&self) -> Result<(), ModelError> {
        if self.is_cancelled() {
            Err(ModelError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Writes a line to the run's log.
    pub fn log(&self, level: LogLevel, message: impl Into<String>) {
        self.emit(RunEvent::Log {
            at_ms: 0,
            level,
            message: message.into(),
        });
    }

    /// Writes a line of level `info` to the run's log.
    pub fn info(&self, message: impl Into<String>) {
        self.log(LogLevel::Info, message);
    }

    /// Writes a line of level `warning` to the run's log.
    pub fn warning(&self, message: impl Into<String>) {
        self.log(LogLevel::Warning, message);
    }

    /// Says where the work stands: a stack of steps, outermost first.
    pub fn progress(&self, steps: impl Into<Vec<ProgressStep>>) {
        self.emit(RunEvent::Progress {
            at_ms: 0,
            steps: steps.into(),
        });
    }

    /// Says where the work stands when one step says it all; `total` 0 = not known.
    pub fn step(&self, name: impl Into<String>, current: u64, total: u64) {
        self.progress([ProgressStep {
            name: name.into(),
            current,
            total,
        }]);
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Host").finish_non_exhaustive()
    }
}

/// Removes what JSON cannot hold from an event, and returns the names of what was removed.
fn drop_non_finite(event: &mut RunEvent) -> Vec<String> {
    let mut dropped = Vec::new();
    let mut clean_map = |what: &str, numbers: &mut BTreeMap<String, f64>| {
        numbers.retain(|name, number| {
            if !number.is_finite() {
                dropped.push(format!("{what} `{name}`"));
            }
            number.is_finite()
        });
    };
    match event {
        RunEvent::Step { losses, .. } => clean_map("loss", losses),
        RunEvent::Epoch {
            losses, validation, ..
        } => {
            clean_map("loss", losses);
            clean_map("validation score", validation);
        }
        _ => {}
    }
    let mut clean = |what: &str, number: &mut f64| {
        if !number.is_finite() {
            dropped.push(what.to_owned());
            *number = 0.0;
        }
    };
    match event {
        RunEvent::Step {
            learning_rate,
            documents_per_second,
            ..
        } => {
            clean("learning rate", learning_rate);
            clean("documents per second", documents_per_second);
        }
        RunEvent::Epoch {
            learning_rate,
            documents_per_second,
            seconds,
            ..
        } => {
            clean("learning rate", learning_rate);
            clean("documents per second", documents_per_second);
            clean("seconds", seconds);
        }
        RunEvent::Finished {
            train_seconds,
            train_docs_per_s,
            ..
        } => {
            clean("seconds", train_seconds);
            clean("documents per second", train_docs_per_s);
        }
        _ => {}
    }
    dropped
}

/// A host that listens to nothing and never cancels: for tests and tools, `Host::new(&Unattended)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl HostCallbacks for Unattended {
    fn emit(&self, _event: RunEvent) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}
