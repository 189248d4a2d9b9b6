//! Libraries to open, and a corpus to train the toy method on.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use arborist_plugin_api::host::Plugin;
use arborist_plugin_api::shared::run::RunEvent;
use arborist_plugin_api::{HostCallbacks, LoadRequest, TrainRequest};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A library that the examples of this crate build, beside the test executable.
pub(crate) fn library(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let file = format!(
        "{}{name}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let path = target.join("examples").join(file);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --package arborist-plugin-api --examples`, or all tests of the package",
        path.display()
    );
    path
}

pub(crate) fn toy() -> Plugin {
    Plugin::open(&library("plugin_toy")).unwrap()
}

/// The toy's hyperparameters with `changes` on top.
pub(crate) fn hyperparameters(changes: Value) -> Value {
    let mut complete = json!({"epochs": 2, "smoothing": 0.5, "step_ms": 0, "fault": "none"});
    for (key, value) in changes.as_object().unwrap() {
        complete[key] = value.clone();
    }
    complete
}

/// Four labels and some documents on disk.
pub(crate) struct Bench {
    /// Held for its `Drop`.
    _directory: TempDir,
    pub(crate) request: TrainRequest,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let taxonomy = json!({"labels": [
            {"id": "fruit", "name": "Fruit", "parents": []},
            {"id": "apple", "name": "Apple", "parents": ["fruit"]},
            {"id": "tool", "name": "Tool", "parents": []},
            {"id": "saw", "name": "Saw", "parents": ["tool"]},
        ]});
        fs::write(root.join("taxonomy.json"), taxonomy.to_string()).unwrap();
        let mut lines = String::new();
        for index in 0..40 {
            let (text, labels) = if index % 2 == 0 {
                ("a sweet red apple", [0, 1])
            } else {
                ("a sharp long saw", [2, 3])
            };
            let line = json!({"id": index.to_string(), "text": text, "labels": labels, "explicit": [labels[1]]});
            lines.push_str(&format!("{line}\n"));
        }
        fs::write(root.join("train.jsonl"), lines).unwrap();
        fs::create_dir(root.join("checkpoint")).unwrap();
        let request = TrainRequest {
            checkpoint: root.join("checkpoint"),
            train: root.join("train.jsonl"),
            validation: None,
            taxonomy: root.join("taxonomy.json"),
            seed: 7,
            device: "cpu".to_owned(),
            threads: 1,
            encoder: None,
            word_vectors: None,
        };
        Self {
            _directory: directory,
            request,
        }
    }

    pub(crate) fn load_request(&self) -> LoadRequest {
        LoadRequest {
            checkpoint: self.request.checkpoint.clone(),
            taxonomy: self.request.taxonomy.clone(),
            device: "cpu".to_owned(),
            threads: 1,
            encoder: None,
        }
    }
}

/// Writes down events; asks to stop after `stop_after` of them.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) heard: Mutex<Vec<RunEvent>>,
    pub(crate) stop_after: Option<usize>,
}

impl HostCallbacks for Listener {
    fn emit(&self, event: RunEvent) {
        self.heard.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        let n_heard = self.heard.lock().unwrap().len();
        self.stop_after.is_some_and(|limit| n_heard >= limit)
    }
}
