//! Showing how far a run is: bars on a terminal, plain lines elsewhere. Always on standard error.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use arborist_shared::run::{LogLevel, ProgressStep, RunEvent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Plain progress lines come no faster than this.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Shows progress.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    last_line: Instant,
    /// Name of the step that is shown.
    step: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(false));
        Self {
            bar,
            is_terminal,
            last_line: Instant::now(),
            step: String::new(),
        }
    }

    /// Shows an event of a run.
    pub(super) fn event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started {
                device, resumed, ..
            } => {
                let how = if *resumed { "resumed" } else { "started" };
                self.line(&format!("{how} on {device}"));
            }
            RunEvent::Progress { steps, .. } => self.steps(steps),
            RunEvent::Step {
                epoch,
                losses,
                documents_per_second,
                ..
            } => {
                self.bar.set_message(format!(
                    "epoch {epoch}{}  {documents_per_second:.0} documents/s",
                    figures(losses)
                ));
                self.bar.tick();
            }
            RunEvent::Epoch {
                epoch,
                losses,
                validation,
                documents_per_second,
                seconds,
                ..
            } => self.line(&format!(
                "epoch {epoch}{}{}  {documents_per_second:.0} documents/s  {seconds:.1} s",
                figures(losses),
                figures(validation)
            )),
            RunEvent::Log {
                level: LogLevel::Info,
                message,
                ..
            } => self.line(message),
            RunEvent::Log {
                level: LogLevel::Warning,
                message,
                ..
            } => self.line(&format!("warning: {message}")),
            RunEvent::Log {
                level: LogLevel::Error,
                message,
                ..
            } => self.line(&format!("error: {message}")),
            RunEvent::Checkpoint { .. } | RunEvent::Finished { .. } => {}
        }
    }

    /// Shows how far a single step is; `total` 0 = not known.
    pub(super) fn step(&mut self, name: &str, current: u64, total: u64) {
        self.steps(&[ProgressStep {
            name: name.to_owned(),
            current,
            total,
        }]);
    }

    /// Writes a line for good.
    pub(super) fn line(&mut self, text: &str) {
        if self.is_terminal {
            self.bar.suspend(|| eprintln!("{text}"));
        } else {
            eprintln!("{text}");
        }
    }

    fn steps(&mut self, steps: &[ProgressStep]) {
        let Some(innermost) = steps.last() else {
            return;
        };
        let name = steps
            .iter()
            .map(|step| step.name.as_str())
            .collect::<Vec<_>>()
            .join(" › ");
        let ProgressStep { current, total, .. } = *innermost;
        if self.is_terminal {
            if name != self.step {
                self.bar.reset_eta();
                self.bar.set_message(String::new());
                self.bar.set_prefix(name.clone());
            }
            self.bar.set_style(style(total > 0));
            self.bar.set_length(total);
            self.bar.set_position(current);
        } else if self.last_line.elapsed() >= PLAIN_INTERVAL {
            self.last_line = Instant::now();
            if total > 0 {
                eprintln!("{name}: {current} of {total}");
            } else {
                eprintln!("{name}: {current}");
            }
        }
        self.step = name;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total {
        "{prefix:<24} {bar:30} {pos}/{len} {eta} {msg}"
    } else {
        "{prefix:<24} {spinner} {pos} {elapsed} {msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn figures(figures: &BTreeMap<String, f64>) -> String {
    figures
        .iter()
        .map(|(name, value)| format!("  {name} {value:.4}"))
        .collect()
}
