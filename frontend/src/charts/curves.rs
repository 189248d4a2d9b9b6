//! Learning curves: loss and validation scores over the epochs, also while they grow.

use std::collections::{BTreeMap, BTreeSet};
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
    /// In order, each once.
    pub epochs: Vec<Epoch>,
    /// Epochs that came as events: an answer to a request may be older.
    seen: BTreeSet<u32>,
    /// Loss between epochs, as (updates done, loss).
    steps: Vec<(u64, f64)>,
    steps_per_epoch: Option<f64>,
}

/// What methods call the sum that they minimise; its terms stand beside it.
const TOTAL: &str = "loss";

/// The loss as a whole: what the method says it is, else the sum of its terms.
pub fn total(losses: &BTreeMap<String, f64>) -> Option<f64> {
    let sum = || (!losses.is_empty()).then(|| losses.values().sum());
    losses.get(TOTAL).copied().or_else(sum)
}

/// Points between epochs that are kept; every other one goes when there are more.
const MOST_STEPS: usize = 2_000;

impl Course {
    /// Adds what the server has of the epochs. Events may have brought some of them before, and others that the
    /// answer does not have yet: whatever the order, every epoch is there once.
    pub fn merge(&mut self, epochs: Vec<Epoch>) {
        for epoch in epochs {
            if !self.seen.contains(&epoch.epoch) {
                self.add_epoch(epoch);
            } else if epoch.selected
                && let Some(known) = self.known(epoch.epoch)
            {
                known.selected = true;
            }
        }
        // The best so far only moves forwards, so the last that either side knows of is the one that is kept.
        let kept = self.epochs.iter().rposition(|epoch| epoch.selected);
        for (at, epoch) in self.epochs.iter_mut().enumerate() {
            epoch.selected = Some(at) == kept;
        }
    }

    fn known(&mut self, epoch: u32) -> Option<&mut Epoch> {
        self.epochs.iter_mut().find(|other| other.epoch == epoch)
    }

    /// The first epoch that is missing before a later one.
    pub fn gap(&self) -> Option<u32> {
        (1..)
            .zip(&self.epochs)
            .find(|(number, epoch)| *number < epoch.epoch)
            .map(|(number, _)| number)
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
                let Some(total) = total(losses) else {
                    return false;
                };
                // A resumed run repeats steps; the later one counts.
                self.steps.retain(|(other, _)| other < step);
                self.steps.push((*step, total));
                if self.steps.len() > MOST_STEPS {
                    let mut index = 0;
                    self.steps.retain(|_| {
                        index += 1;
                        index % 2 == 0
                    });
                }
                self.steps_per_epoch.is_some()
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
                self.seen.insert(*epoch);
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
        self.epochs.len() > 1 || self.has_loss() && (is_active || self.has_steps())
    }

    pub fn has_loss(&self) -> bool {
        self.has_steps() || self.epochs.iter().any(|epoch| !epoch.losses.is_empty())
    }

    fn has_steps(&self) -> bool {
        self.steps_per_epoch.is_some() && !self.steps.is_empty()
    }

    /// Loss between epochs, as (epochs done, loss); none until it is known how many updates an epoch has.
    fn points_between(&self) -> Vec<(f64, f64)> {
        let Some(per_epoch) = self.steps_per_epoch.filter(|steps| *steps > 0.0) else {
            return Vec::new();
        };
        let place = |(step, loss): &(u64, f64)| (*step as f64 / per_epoch, *loss);
        self.steps.iter().map(place).collect()
    }

    /// Epochs with their loss as a whole.
    pub fn totals(&self) -> Vec<(u32, f64)> {
        let whole = |epoch: &Epoch| Some((epoch.epoch, total(&epoch.losses)?));
        self.epochs.iter().filter_map(whole).collect()
    }

    /// Names of the terms that say more than the loss as a whole.
    fn terms(&self) -> Vec<&String> {
        let names: BTreeSet<&String> = self
            .epochs
            .iter()
            .flat_map(|epoch| epoch.losses.keys())
            .filter(|name| *name != TOTAL)
            .collect();
        let differs = |name: &String| {
            self.epochs.iter().any(|epoch| {
                epoch
                    .losses
                    .get(name)
                    .is_some_and(|value| total(&epoch.losses) != Some(*value))
            })
        };
        names.into_iter().filter(|name| differs(name)).collect()
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

/// The loss of the epochs and its terms, and the loss between them as a thin line.
pub fn loss(course: &Course) -> Rc<str> {
    let mut chart = base(false);
    let totals = course.totals();
    if !totals.is_empty() {
        let values = totals
            .into_iter()
            .map(|(epoch, loss)| (f64::from(epoch), loss));
        chart = chart.series(Line::new().name(TOTAL).data(points(values)));
    }
    for name in course.terms() {
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
    let between = course.points_between();
    if !between.is_empty() {
        chart = chart.series(
            Line::new()
                .name("each step")
                .show_symbol(false)
                .line_style(LineStyle::new().width(1).opacity(0.6))
                .data(points(between.into_iter())),
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

    /// As methods on torch send them: the loss as a whole and the terms that it is the sum of.
    fn losses(terms: [f64; 2]) -> BTreeMap<String, f64> {
        [
            ("classification", terms[0]),
            ("recursive_reg", terms[1]),
            ("loss", terms[0] + terms[1]),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn epoch(number: u32, loss: f64, f1: f64) -> Epoch {
        Epoch {
            epoch: number,
            step: u64::from(number) * 10,
            losses: losses([loss, 0.5]),
            validation: BTreeMap::from([("macro_f1".into(), f1)]),
            learning_rate: 0.001,
            documents_per_second: 70.0,
            seconds: 3.0,
            peak_memory_bytes: 1,
            selected: number == 2,
        }
    }

    fn of(epochs: Vec<Epoch>) -> Course {
        let mut course = Course::default();
        course.merge(epochs);
        course
    }

    fn ended(epoch: Epoch) -> RunEvent {
        RunEvent::Epoch {
            at_ms: 0,
            epoch: epoch.epoch,
            step: epoch.step,
            losses: epoch.losses,
            validation: epoch.validation,
            learning_rate: epoch.learning_rate,
            documents_per_second: epoch.documents_per_second,
            seconds: epoch.seconds,
            peak_memory_bytes: epoch.peak_memory_bytes,
        }
    }

    fn step(number: u64, loss: f64) -> RunEvent {
        RunEvent::Step {
            at_ms: 0,
            epoch: 1,
            step: number,
            losses: losses([loss, 0.5]),
            learning_rate: 0.1,
            documents_per_second: 1.0,
        }
    }

    fn numbers(course: &Course) -> Vec<u32> {
        course.epochs.iter().map(|epoch| epoch.epoch).collect()
    }

    #[test]
    fn steps_are_placed_once_an_epochs_length_is_known() {
        let mut course = Course::default();
        assert!(!course.see(&step(1, 3.0)));
        assert!(!course.has_loss());
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
        assert_eq!(
            course.points_between(),
            vec![(0.1, 3.5), (0.5, 2.5), (1.0, 1.5)],
            "the loss as a whole, from the first step"
        );
        assert!(course.see(&step(5, 1.5)));
        assert_eq!(
            course.points_between(),
            vec![(0.1, 3.5), (0.5, 2.0)],
            "a resumed run goes over its steps again"
        );
    }

    #[test]
    fn no_epoch_is_lost_whatever_comes_first() {
        // The answer was asked for after the second epoch and comes after the fourth.
        let mut course = Course::default();
        for number in [3, 4] {
            course.see(&ended(epoch(number, 0.1, 0.5)));
        }
        assert_eq!(course.gap(), Some(1));
        course.merge(vec![epoch(1, 0.4, 0.5), epoch(2, 0.2, 0.6)]);
        assert_eq!(numbers(&course), [1, 2, 3, 4]);
        assert_eq!(course.gap(), None);
        assert_eq!(course.selected().map(|epoch| epoch.epoch), Some(2));

        // The stream opens too late for the second.
        let mut course = of(vec![epoch(1, 0.4, 0.5)]);
        course.see(&ended(epoch(3, 0.1, 0.5)));
        assert_eq!(course.gap(), Some(2));
        course.merge(vec![epoch(1, 0.4, 0.5), epoch(2, 0.2, 0.6)]);
        assert_eq!(numbers(&course), [1, 2, 3]);
    }

    #[test]
    fn an_older_answer_changes_nothing_that_events_have_told() {
        let mut course = of(vec![epoch(1, 0.4, 0.5), epoch(2, 0.2, 0.6)]);
        // A resumed run goes over its second epoch again.
        course.see(&ended(epoch(2, 0.3, 0.7)));
        course.see(&ended(epoch(3, 0.1, 0.8)));
        course.see(&RunEvent::Checkpoint {
            at_ms: 0,
            epoch: 3,
            step: 30,
            selected: true,
        });
        course.merge(vec![epoch(1, 0.4, 0.5), epoch(2, 0.2, 0.6)]);
        assert_eq!(course.totals(), [(1, 0.9), (2, 0.8), (3, 0.6)]);
        assert_eq!(course.selected().map(|epoch| epoch.epoch), Some(3));
        assert_eq!(
            course.epochs.iter().filter(|epoch| epoch.selected).count(),
            1
        );
    }

    #[test]
    fn the_loss_is_counted_once_and_its_terms_stand_beside_it() {
        assert_eq!(total(&losses([0.4, 0.5])), Some(0.9));
        let only_terms = BTreeMap::from([("a".to_owned(), 0.25), ("b".to_owned(), 0.5)]);
        assert_eq!(total(&only_terms), Some(0.75));
        assert_eq!(total(&BTreeMap::new()), None);

        let names = |course: &Course| {
            let option: Value = serde_json::from_str(&loss(course)).expect("an option");
            let series = option["series"].as_array().expect("series").clone();
            let name = |series: Value| series["name"].as_str().unwrap_or_default().to_owned();
            series.into_iter().map(name).collect::<Vec<_>>()
        };
        let mut course = of(vec![epoch(1, 0.4, 0.5), epoch(2, 0.2, 0.6)]);
        assert_eq!(names(&course), ["loss", "classification", "recursive reg"]);
        assert_eq!(course.totals(), [(1, 0.9), (2, 0.7)]);
        for epoch in &mut course.epochs {
            epoch.losses = BTreeMap::from([("total".into(), 0.9)]);
        }
        assert_eq!(names(&course), ["loss"], "one term is the loss itself");
    }

    #[test]
    fn curves_mark_the_kept_epoch() {
        let course = of(vec![
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
        assert_eq!(option["series"][0]["data"][0][1], 0.9);
    }
}
