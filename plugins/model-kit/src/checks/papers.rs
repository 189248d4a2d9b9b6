//! The rows of the papers' tables as a method sees them: what the server's catalogue asks for has to be accepted.

use std::path::Path;

use arborist_plugin_api::host::validate_hyperparameters;
use arborist_plugin_api::{Facts, Method};
use serde_json::{Map, Value};

/// Where the server keeps its tables.
const CATALOGUE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../server/src/cli/bench/papers/catalogue"
);
/// Memory that every row has to fit in under the authors' presets, as the method estimates it.
const GIGABYTES: f64 = 16.0;

/// Resolves every row of the papers' tables and figures that trains this method under each of its presets, and has
/// schema, check and estimate of memory look at it, as they do before a training. Returns how many rows there are.
///
/// # Panics
/// If a row is refused, or too large for its corpus.
#[must_use]
pub fn rows_of_papers<M: Method>() -> usize {
    let manifest = M::manifest();
    let rows = rows(&manifest.name);
    for row in &rows {
        for preset in manifest.presets.keys() {
            let of_authors = matches!(preset.as_str(), "code" | "paper");
            let mut layers = vec![row.set.clone()];
            if of_authors {
                layers.insert(0, row.schedule.clone());
            }
            let values = manifest.resolve(Some(preset), &layers).unwrap();
            let at = format!("{}, row `{}`, preset {preset}", row.exhibit, row.name);
            validate_hyperparameters(&manifest, &values)
                .unwrap_or_else(|errors| panic!("{at}: {errors:?}"));
            let hyperparameters: M::Hyperparameters =
                serde_json::from_value(Value::Object(values)).unwrap();
            M::check(&hyperparameters, &row.facts).unwrap_or_else(|error| panic!("{at}: {error}"));
            let gigabytes = M::memory(&hyperparameters, &row.facts) as f64 / 1e9;
            assert!(
                !of_authors || gigabytes < GIGABYTES,
                "{at}: {gigabytes:.1} GB"
            );
        }
    }
    rows.len()
}

struct Row {
    exhibit: String,
    name: String,
    set: Map<String, Value>,
    schedule: Map<String, Value>,
    facts: Facts,
}

fn rows(method: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in std::fs::read_dir(Path::new(CATALOGUE)).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let catalogue: Value = toml::from_str(&text).unwrap();
        for kind in ["table", "figure"] {
            for exhibit in list(&catalogue[kind]) {
                for row in list(&exhibit["row"]) {
                    if row["method"] == method {
                        rows.push(Row {
                            exhibit: format!("{kind} {}", exhibit["name"]),
                            name: row["name"].to_string(),
                            set: map(&row["set"]),
                            schedule: map(&row["schedule"]),
                            facts: facts(exhibit["view"] == "groups"),
                        });
                    }
                }
            }
        }
    }
    rows
}

/// Of EURLEX57K, or larger than each of the other corpora.
fn facts(is_eurlex: bool) -> Facts {
    let (documents, labels, depth) = if is_eurlex {
        (45_000, 4_271, 6)
    } else {
        (30_070, 166, 8)
    };
    Facts {
        documents,
        tokens: documents * 700,
        labels,
        depth,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
