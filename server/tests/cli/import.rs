//! Importers on small files of the form that the collections have, written by the tests.

mod eurlex;
mod nyt;
mod rcv1;
mod wos;

use serde_json::Value;

use crate::workbench::Workbench;

/// Rows of a part.
fn rows(bench: &Workbench, file: &str) -> Vec<Value> {
    bench
        .read(file)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Ids of the training, validation and test documents, in the order of the files.
fn ids(bench: &Workbench, out: &str) -> [Vec<String>; 3] {
    ["train", "validation", "test"].map(|split| {
        let rows = rows(bench, &format!("{out}/{split}.jsonl"));
        assert!(rows.iter().all(|row| row["split"] == split));
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    })
}

/// The document with this id, wherever it is.
fn document(bench: &Workbench, out: &str, id: &str) -> Value {
    ["train", "validation", "test"]
        .iter()
        .flat_map(|split| rows(bench, &format!("{out}/{split}.jsonl")))
        .find(|row| row["id"] == id)
        .unwrap_or_else(|| panic!("no document {id}"))
}

/// Reason and count of what was left out.
fn dropped(summary: &Value) -> Vec<(&str, u64)> {
    let dropped = summary["dropped"].as_array().unwrap();
    dropped
        .iter()
        .map(|kind| {
            (
                kind["reason"].as_str().unwrap(),
                kind["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// Whatever goes wrong, nothing is left that could be taken for a corpus.
fn nothing_is_left(bench: &Workbench, out: &str) {
    assert!(!bench.path(out).exists());
    let left: Vec<String> = std::fs::read_dir(bench.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
