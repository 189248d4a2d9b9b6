//! Learning curves: loss and validation scores over the epochs, also while they grow.

use std::collections::BTreeSet;
use std::rc::Rc;

use arborist_shared::api::runs::Epoch;
use arborist_shared::run::RunEvent;
use charming::Chart;
use charming::component::{Axis, Grid, Legend};
use charming::element::{AxisType, LineStyle, Tooltip, Trigger};
use charming::series::Line;
use serde_json::Value;

use super::{PERCENT_AXIS, json, percent_series};

/// What is known of a run's course.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    pub epochs: Vec<Epoch>,
    /// Loss between epochs, as (epochs done, loss).
    pub steps: Vec<(f64, f64)>,
    steps_per_epoch: Option<f64>,
}

/// Points between epochs that are kept; every other one goes when there are more.
const MOST_STEPS: usize = 2_000;

impl Course {
    pub fn of(epochs: Vec<Epoch>) -> Self {
        let mut course = Self::default();
        for epoch in epochs {
            course.add_epoch(epoch);
        }
        course
    }

    fn add_epoch(&mut self, epoch: Epoch) {
        if epoch.epoch > 0 && epoch.step > 0 {
            self.steps_per_epoch = Some(epoch.step as f64 / f64::from(epoch.epoch));
        }
        match self
            .epochs
            .binary_search_by_key(&epoch.epoch, |other| other.epoch)
        {
            Ok(at) => self.epochs[at] = epoch,
            Err(at) => self.epochs.insert(at, epoch),
        }
    }

    /// Takes note of an event; true when the curves change.
    pub fn see(&mut self, event: &RunEvent) -> bool {
        match event {
            RunEvent::Progress { steps, .. } => {
                if self.steps_per_epoch.is_none()
                    && let [.., inner] = steps.as_slice()
                    && inner.name.contains("step")
                    && inner.total > 0
                {
                    self.steps_per_epoch = Some(inner.total as f64);
                }
                false
            }
            RunEvent::Step { step, losses, .. } => {
                let Some(per_epoch) = self.steps_per_epoch.filter(|steps| *steps > 0.0) else {
                    return false;
                };
                if losses.is_empty() {
                    return false;
                }
                let at = *step as f64 / per_epoch;
                // A resumed run repeats steps; the later one counts.
                self.steps.retain(|(other, _)| *other < at);
                self.steps.push((at, losses.values().sum()));
                if self.steps.len() > MOST_STEPS {
                    let mut index = 0;
                    self.steps.retain(|_| {
                        index += 1;
                        index % 2 == 0
                    });
                }
                true
            }
            RunEvent::Epoch {
                epoch,
                step,
                losses,
                validation,
                learning_rate,
                documents_per_second,
                seconds,
                peak_memory_bytes,
                ..
            } => {
                self.add_epoch(Epoch {
                    epoch: *epoch,
                    step: *step,
                    losses: losses.clone(),
                    validation: validation.clone(),
                    learning_rate: *learning_rate,
                    documents_per_second: *documents_per_second,
                    seconds: *seconds,
                    peak_memory_bytes: *peak_memory_bytes,
                    selected: false,
                });
                true
            }
            RunEvent::Checkpoint {
                epoch,
                selected: true,
                ..
            } => {
                for other in &mut self.epochs {
                    other.selected = other.epoch == *epoch;
                }
                true
            }
            _ => false,
        }
    }

    /// Whether there is more to see than a single point; while a run lasts, one point is a beginning.
    pub fn is_worth_drawing(&self, is_active: bool) -> bool {
        self.epochs.len() > 1 || self.has_loss() && (is_active || !self.steps.is_empty())
    }

    pub fn has_loss(&self) -> bool {
        !self.steps.is_empty() || self.epochs.iter().any(|epoch| !epoch.losses.is_empty())
    }

    /// The epoch whose checkpoint is kept.
    pub fn selected(&self) -> Option<&Epoch> {
        self.epochs.iter().rev().find(|epoch| epoch.selected)
    }
}

fn base(y_percent: bool) -> Chart {
    let mut y = Axis::new().type_(AxisType::Value).scale(true);
    if y_percent {
        y = y.name(PERCENT_AXIS).min(0).scale(false);
    }
    Chart::new()
        .tooltip(Tooltip::new().trigger(Trigger::Axis))
        .legend(Legend::new().top(0).left(0))
        .grid(
            Grid::new()
                .left(4)
                .right(16)
                .top(36)
                .bottom(4)
                .contain_label(true),
        )
        .x_axis(Axis::new().type_(AxisType::Value).min_interval(1))
        .y_axis(y)
}

fn points(values: impl Iterator<Item = (f64, f64)>) -> Vec<Vec<f64>> {
    values.map(|(x, y)| vec![x, y]).collect()
}

/// Loss terms of the epochs, and the loss between them as a thin line.
pub fn loss(course: &Course) -> Rc<str> {
    let mut chart = base(false);
    let names: BTreeSet<&String> = course
        .epochs
        .iter()
        .flat_map(|epoch| epoch.losses.keys())
        .collect();
    for name in names {
        let values = course
            .epochs
            .iter()
            .filter_map(|epoch| Some((f64::from(epoch.epoch), *epoch.losses.get(name)?)));
        chart = chart.series(
            Line::new()
                .name(name.replace('_', " "))
                .data(points(values)),
        );
    }
    if !course.steps.is_empty() {
        chart = chart.series(
            Line::new()
                .name("each step")
                .show_symbol(false)
                .line_style(LineStyle::new().width(1).opacity(0.6))
                .data(points(course.steps.iter().copied())),
        );
    }
    json(&chart)
}

/// Validation scores of the epochs, the kept one marked.
pub fn validation(course: &Course) -> Rc<str> {
    let mut chart = base(true);
    let names: BTreeSet<&String> = course
        .epochs
        .iter()
        .flat_map(|epoch| epoch.validation.keys())
        .filter(|name| is_share(name))
        .collect();
    for name in names {
        let values = course
            .epochs
            .iter()
            .filter_map(|epoch| Some((f64::from(epoch.epoch), *epoch.validation.get(name)?)));
        chart = chart.series(
            Line::new()
                .name(percent_series(&title(name)))
                .data(points(values)),
        );
    }
    let option = json(&chart);
    let Some(selected) = course.selected() else {
        return option;
    };
    // charming has no mark line without an end; the option takes it as plain JSON.
    let Ok(mut value) = serde_json::from_str::<Value>(&option) else {
        return option;
    };
    if let Some(first) = value.get_mut("series").and_then(|series| series.get_mut(0)) {
        first["markLine"] = serde_json::json!({
            "silent": true,
            "symbol": "none",
            "label": {"formatter": "kept", "position": "end"},
            "lineStyle": {"type": "dashed"},
            "data": [{"xAxis": selected.epoch}],
        });
    }
    value.to_string().into()
}

/// Whether a validation score is a fraction that belongs on the axis of percentages.
fn is_share(name: &str) -> bool {
    !name.contains("loss") && !name.contains("threshold")
}

fn title(name: &str) -> String {
    crate::format::words(name).replace("f1", "F1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arborist_shared::run::ProgressStep;
    use std::collections::BTreeMap;

    fn epoch(number: u32, loss: f64, f1: f64) -> Epoch {
        Epoch {
            epoch: number,
            step: u64::from(number) * 10,
            losses: BTreeMap::from([("classification".into(), loss)]),
            validation: BTreeMap::from([("macro_f1".into(), f1)]),
            learning_rate: 0.001,
            documents_per_second: 70.0,
            seconds: 3.0,
            peak_memory_bytes: 1,
            selected: number == 2,
        }
    }

    fn step(number: u64, loss: f64) -> RunEvent {
        RunEvent::Step {
            at_ms: 0,
            epoch: 1,
            step: number,
            losses: BTreeMap::from([("classification".into(), loss)]),
            learning_rate: 0.1,
            documents_per_second: 1.0,
        }
    }

    #[test]
    fn steps_wait_until_an_epochs_length_is_known() {
        let mut course = Course::default();
        assert!(!course.see(&step(1, 3.0)));
        course.see(&RunEvent::Progress {
            at_ms: 0,
            steps: vec![
                ProgressStep {
                    name: "epochs".into(),
                    current: 0,
                    total: 3,
                },
                ProgressStep {
                    name: "steps".into(),
                    current: 1,
                    total: 10,
                },
            ],
        });
        assert!(course.see(&step(5, 2.0)));
        assert!(course.see(&step(10, 1.0)));
        assert_eq!(course.steps, vec![(0.5, 2.0), (1.0, 1.0)]);
        assert!(course.see(&step(5, 1.5)));
        assert_eq!(
            course.steps,
            vec![(0.5, 1.5)],
            "a resumed run goes over its steps again"
        );
    }

    #[test]
    fn curves_mark_the_kept_epoch() {
        let course = Course::of(vec![
            epoch(2, 0.2, 0.6),
            epoch(1, 0.4, 0.5),
            epoch(2, 0.3, 0.7),
        ]);
        assert_eq!(course.epochs.len(), 2);
        let option: Value = serde_json::from_str(&validation(&course)).expect("an option");
        assert_eq!(option["series"][0]["name"], "Macro F1 (percent)");
        assert_eq!(option["series"][0]["data"][1][1], 0.7);
        assert_eq!(option["series"][0]["markLine"]["data"][0]["xAxis"], 2);
        let option: Value = serde_json::from_str(&loss(&course)).expect("an option");
        assert_eq!(option["series"][0]["data"][0][0], 1.0);
    }
}
