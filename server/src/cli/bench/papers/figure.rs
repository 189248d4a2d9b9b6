//! Figures: which lines a paper's figure has, as a drawing and as the numbers in it.

use std::fmt::Write as _;

use super::catalogue::{Exhibit, View};
use super::summary::{Spread, Summary};
use super::svg::{Chart, Line, Panel};

/// What the two panels of every figure show.
const PANELS: [(&str, &str); 2] = [("micro_f1", "micro-F1"), ("macro_f1", "macro-F1")];

/// A figure as SVG.
pub(super) fn svg(exhibit: &Exhibit, summary: &Summary) -> String {
    let axis = match exhibit.view {
        View::Levels => "level",
        _ => exhibit.axis.as_str(),
    };
    let panels = PANELS.map(|(metric, title)| Panel {
        title: title.to_owned(),
        axis: axis.to_owned(),
        ticks: ticks(exhibit, summary),
        lines: lines(exhibit, summary, metric),
    });
    Chart {
        title: exhibit.title.clone(),
        panels: panels.into(),
    }
    .render()
}

fn ticks(exhibit: &Exhibit, summary: &Summary) -> Vec<String> {
    match exhibit.view {
        View::Levels => {
            let deepest = summary.rows.iter().map(|row| row.levels.len()).max();
            (1..=deepest.unwrap_or(0))
                .map(|level| level.to_string())
                .collect()
        }
        _ => summary.rows.iter().map(|row| row.name.clone()).collect(),
    }
}

fn lines(exhibit: &Exhibit, summary: &Summary, metric: &str) -> Vec<Line> {
    let of = |micro: Option<Spread>, macro_: Option<Spread>| {
        if metric == "micro_f1" { micro } else { macro_ }
    };
    if exhibit.view == View::Levels {
        let line = |row: &super::summary::RowSummary| Line {
            name: row.name.clone(),
            points: row
                .levels
                .iter()
                .map(|level| of(Some(level.micro_f1), Some(level.macro_f1)))
                .collect(),
        };
        return summary.rows.iter().map(line).collect();
    }
    vec![Line {
        name: String::new(),
        points: summary
            .rows
            .iter()
            .map(|row| of(row.micro_f1, row.macro_f1))
            .collect(),
    }]
}

/// The numbers of a figure, one line each, as fractions.
pub(super) fn csv(exhibit: &Exhibit, summary: &Summary) -> String {
    let mut text = "row,level,figure,mean,sd,seeds\n".to_owned();
    for row in &summary.rows {
        let mut push = |level: &str, metric: &str, spread: Option<Spread>| {
            if let Some(Spread { mean, sd }) = spread {
                let sd = sd.map_or_else(String::new, |sd| sd.to_string());
                let _ = writeln!(
                    text,
                    "{},{level},{metric},{mean},{sd},{}",
                    quoted(&row.name),
                    row.seeds.len()
                );
            }
        };
        if exhibit.view == View::Levels {
            for level in &row.levels {
                let number = level.level.to_string();
                push(&number, "micro_f1", Some(level.micro_f1));
                push(&number, "macro_f1", Some(level.macro_f1));
            }
        } else {
            push("", "micro_f1", row.micro_f1);
            push("", "macro_f1", row.macro_f1);
        }
    }
    text
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
