//! `--list`: the tables and figures with their rows, and what keeps a row from being trained here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use arborist_plugin_api::host::FoundPlugins;
use serde::Serialize;
use serde_json::{Map, Value};

use super::catalogue::{Exhibit, Row};
use super::plan::{Settings, resolve};
use crate::cli::{CliError, output};

#[derive(Serialize)]
struct Listing<'a> {
    tables: Vec<ListedExhibit<'a>>,
    figures: Vec<ListedExhibit<'a>>,
}

#[derive(Serialize)]
struct ListedExhibit<'a> {
    name: &'a str,
    title: &'a str,
    note: &'a str,
    seeds: Vec<u64>,
    rows: Vec<ListedRow<'a>>,
}

#[derive(Serialize)]
struct ListedRow<'a> {
    name: &'a str,
    method: &'a str,
    set: &'a Map<String, Value>,
    /// In percent, as in the paper.
    published: &'a BTreeMap<String, [f64; 2]>,
    /// What keeps it from being trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Prints them.
pub(super) fn print(
    tables: &[Exhibit],
    figures: &[Exhibit],
    settings: &Settings,
    found: &FoundPlugins,
    json: bool,
) -> Result<(), CliError> {
    let row = |row: &'_ Row| resolve(settings, row, found, settings.select.any()).err();
    let exhibit = |exhibit| listed(exhibit, settings, &row);
    let listing = Listing {
        tables: tables.iter().map(exhibit).collect(),
        figures: figures.iter().map(exhibit).collect(),
    };
    output::result(json, &listing, |listing| {
        let mut text = String::new();
        for (kind, exhibits) in [("table", &listing.tables), ("figure", &listing.figures)] {
            for exhibit in exhibits {
                for_people(kind, exhibit, &mut text);
            }
        }
        text
    })
}

fn listed<'a>(
    exhibit: &'a Exhibit,
    settings: &Settings,
    problem: &dyn Fn(&Row) -> Option<String>,
) -> ListedExhibit<'a> {
    ListedExhibit {
        name: &exhibit.name,
        title: &exhibit.title,
        note: &exhibit.note,
        seeds: settings.seeds(exhibit),
        rows: exhibit
            .rows
            .iter()
            .map(|row| ListedRow {
                name: &row.name,
                method: &row.method,
                set: &row.set,
                published: &row.published,
                problem: problem(row),
            })
            .collect(),
    }
}

fn for_people(kind: &str, exhibit: &ListedExhibit<'_>, text: &mut String) {
    let _ = writeln!(text, "--{kind} {}   {}", exhibit.name, exhibit.title);
    let width = exhibit
        .rows
        .iter()
        .map(|row| row.name.chars().count())
        .max()
        .unwrap_or_default();
    for row in &exhibit.rows {
        let set: String = row
            .set
            .iter()
            .map(|(key, value)| match value {
                Value::String(word) => format!(" {key}={word}"),
                value => format!(" {key}={value}"),
            })
            .collect();
        let _ = write!(text, "    {:<width$}  {}{set}", row.name, row.method);
        if let Some(problem) = &row.problem {
            let _ = write!(text, "   [{problem}]");
        }
        text.push('\n');
    }
    text.push('\n');
}
