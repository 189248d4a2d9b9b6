//! A tiny corpus on disk, and trainings on it.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use arborist_hiagm::{HiAgm, HiAgmModel, Hyperparameters};
use arborist_plugin_api::{
    Host, HostCallbacks, LoadRequest, Method, ModelError, Predictions, Scores, TrainRequest,
};
use arborist_shared::run::RunEvent;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use tempfile::TempDir;

/// A corpus with a checkpoint directory, gone when dropped.
pub(crate) struct Corpus {
    pub(crate) directory: TempDir,
    pub(crate) request: TrainRequest,
}

/// Labels as `(id, parents)`.
pub(crate) fn taxonomy(labels: &[(&str, &[&str])]) -> Taxonomy {
    let label = |(id, parents): &(&str, &[&str])| NewLabel {
        id: (*id).to_owned(),
        name: (*id).to_owned(),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
    };
    Taxonomy::new(labels.iter().map(label).collect()).unwrap()
}

pub(crate) fn t5() -> Taxonomy {
    taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
    ])
}

impl Corpus {
    /// 60 documents: each says its leaf in every third word.
    pub(crate) fn new(taxonomy: &Taxonomy) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(
            root.join("taxonomy.json"),
            serde_json::to_vec(taxonomy).unwrap(),
        )
        .unwrap();
        let leaves: Vec<u32> = taxonomy
            .indexes()
            .filter(|label| taxonomy.children(*label).is_empty())
            .collect();
        let line = |document: usize| {
            let leaf = leaves[document % leaves.len()];
            let word = |place: usize| match place % 3 {
                0 => format!("word{leaf}"),
                _ => format!("filler{}", (document * 7 + place * 5) % 11),
            };
            let text: Vec<String> = (0..5 + document % 9).map(word).collect();
            let row = serde_json::json!({"id": document.to_string(), "text": text.join(" "), "labels": taxonomy.close(&[leaf]), "explicit": [leaf]});
            format!("{row}\n")
        };
        fs::write(
            root.join("train.jsonl"),
            (0..60).map(line).collect::<String>(),
        )
        .unwrap();
        fs::write(
            root.join("validation.jsonl"),
            (60..80).map(line).collect::<String>(),
        )
        .unwrap();
        fs::create_dir(root.join("checkpoint")).unwrap();
        let request = TrainRequest {
            checkpoint: root.join("checkpoint"),
            train: root.join("train.jsonl"),
            validation: Some(root.join("validation.jsonl")),
            taxonomy: root.join("taxonomy.json"),
            seed: 1,
            device: "cpu".to_owned(),
            threads: 1,
            encoder: None,
            word_vectors: None,
        };
        Self { directory, request }
    }

    pub(crate) fn train(
        &self,
        hyperparameters: Hyperparameters,
    ) -> (Result<(), ModelError>, Vec<RunEvent>) {
        let listener = Listener::default();
        let result = HiAgm::train(hyperparameters, &self.request, &Host::new(&listener));
        (result, listener.0.into_inner().unwrap())
    }

    pub(crate) fn load(&self) -> Result<HiAgmModel, ModelError> {
        self.load_with(&self.request.taxonomy)
    }

    pub(crate) fn load_with(&self, taxonomy: &Path) -> Result<HiAgmModel, ModelError> {
        HiAgm::load(&LoadRequest {
            checkpoint: self.request.checkpoint.clone(),
            taxonomy: taxonomy.to_owned(),
            device: "cpu".to_owned(),
            threads: 1,
            encoder: None,
        })
    }
}

pub(crate) fn tiny() -> Hyperparameters {
    Hyperparameters {
        epochs: 10,
        patience: 0,
        learning_rate: 0.01,
        batch_size: 8,
        min_freq: 1,
        word_size: 12,
        rnn_hidden: 8,
        num_kernels: 10,
        node_size: 6,
        classifier_dropout: 0.0,
        projection_dropout: 0.1,
        ..Hyperparameters::default()
    }
}

pub(crate) fn scores(predictions: &Predictions) -> Vec<Vec<f32>> {
    match &predictions.scores {
        Scores::Dense { n_labels, values } => {
            values.chunks(*n_labels).map(<[f32]>::to_vec).collect()
        }
        Scores::Sparse { .. } => panic!("HiAGM scores every label"),
    }
}

pub(crate) fn logged(events: &[RunEvent], part: &str) -> bool {
    events
        .iter()
        .any(|event| matches!(event, RunEvent::Log { message, .. } if message.contains(part)))
}

#[derive(Default)]
struct Listener(Mutex<Vec<RunEvent>>);

impl HostCallbacks for Listener {
    fn emit(&self, event: RunEvent) {
        self.0.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}
