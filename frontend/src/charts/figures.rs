//! Charts of finished runs: scores per level, and what a score costs.

use std::rc::Rc;

use arborist_shared::metrics::Metrics;
use charming::Chart;
use charming::component::{Axis, Grid, Legend};
use charming::element::{AxisType, Tooltip, Trigger};
use charming::series::{Bar, Scatter};

use super::{PERCENT_AXIS, json, percent_series};

fn grid() -> Grid {
    Grid::new()
        .left(4)
        .right(16)
        .top(36)
        .bottom(4)
        .contain_label(true)
}

/// Micro and macro F1 for each level.
pub fn levels(metrics: &Metrics) -> Rc<str> {
    let names: Vec<String> = metrics
        .levels
        .iter()
        .map(|level| format!("Level {}", level.level))
        .collect();
    json(
        &Chart::new()
            .tooltip(Tooltip::new().trigger(Trigger::Axis))
            .legend(Legend::new().top(0).left(0))
            .grid(grid())
            .x_axis(Axis::new().type_(AxisType::Category).data(names))
            .y_axis(
                Axis::new()
                    .type_(AxisType::Value)
                    .name(PERCENT_AXIS)
                    .min(0)
                    .max(1),
            )
            .series(
                Bar::new().name(percent_series("Micro F1")).data(
                    metrics
                        .levels
                        .iter()
                        .map(|level| level.micro_f1)
                        .collect::<Vec<_>>(),
                ),
            )
            .series(
                Bar::new().name(percent_series("Macro F1")).data(
                    metrics
                        .levels
                        .iter()
                        .map(|level| level.macro_f1)
                        .collect::<Vec<_>>(),
                ),
            ),
    )
}

/// One metric for each level, a series for each run.
pub fn levels_of_runs(runs: &[(String, Rc<Metrics>)]) -> Rc<str> {
    let deepest = runs
        .iter()
        .map(|(_, metrics)| metrics.levels.len())
        .max()
        .unwrap_or_default();
    let names: Vec<String> = (1..=deepest)
        .map(|level| format!("Level {level}"))
        .collect();
    let mut chart = Chart::new()
        .tooltip(Tooltip::new().trigger(Trigger::Axis))
        .legend(Legend::new().top(0).left(0))
        .grid(grid())
        .x_axis(Axis::new().type_(AxisType::Category).data(names))
        .y_axis(
            Axis::new()
                .type_(AxisType::Value)
                .name(PERCENT_AXIS)
                .min(0)
                .max(1),
        );
    for (name, metrics) in runs {
        let values: Vec<f64> = metrics.levels.iter().map(|level| level.macro_f1).collect();
        chart = chart.series(Bar::new().name(percent_series(name)).data(values));
    }
    json(&chart)
}

/// Training time against a score, a point for each run.
pub fn cost(runs: &[(String, f64, f64)]) -> Rc<str> {
    let mut chart = Chart::new()
        .tooltip(Tooltip::new().trigger(Trigger::Item))
        .legend(Legend::new().top(0).left(0))
        .grid(grid().top(44).bottom(20))
        .x_axis(
            Axis::new()
                .type_(AxisType::Value)
                .name("seconds of training")
                .name_location(charming::element::NameLocation::Middle)
                .name_gap(24),
        )
        .y_axis(
            Axis::new()
                .type_(AxisType::Value)
                .name(PERCENT_AXIS)
                .scale(true),
        );
    for (name, seconds, score) in runs {
        chart = chart.series(
            Scatter::new()
                .name(name.clone())
                .symbol_size(14)
                .data(vec![vec![*seconds, *score]]),
        );
    }
    json(&chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_points() {
        let option: serde_json::Value =
            serde_json::from_str(&cost(&[("linear".into(), 4.0, 0.5)])).expect("an option");
        assert_eq!(option["series"][0]["data"][0][0], 4.0);
        assert_eq!(option["yAxis"]["name"], PERCENT_AXIS);
    }
}
