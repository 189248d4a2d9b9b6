//! A small corpus that is easy to tell apart, as files; and short ways to train on it.

use std::fs;

use arborist_plugin_api::{
    Host, LoadRequest, Method, Model, ModelError, Predictions, TrainRequest, Unattended,
};
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use tempfile::TempDir;

use crate::scale::Scale;
use crate::{Hyperparameters, Linear, LinearModel};

/// Files of a corpus and a place for the checkpoint.
pub(crate) struct Toy {
    directory: TempDir,
    pub(crate) taxonomy: Taxonomy,
}

/// A label as `(id, parents)`.
pub(crate) fn taxonomy(labels: &[(&str, &[&str])]) -> Taxonomy {
    let labels = labels.iter().map(|&(id, parents)| NewLabel {
        id: id.to_owned(),
        name: String::new(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    });
    Taxonomy::new(labels.collect()).unwrap()
}

impl Toy {
    /// Documents are texts with ids of labels.
    pub(crate) fn new(
        taxonomy: Taxonomy,
        train: &[(String, Vec<&str>)],
        validation: &[(String, Vec<&str>)],
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::write(
            path.join("taxonomy.json"),
            serde_json::to_vec(&taxonomy).unwrap(),
        )
        .unwrap();
        fs::create_dir(path.join("checkpoint")).unwrap();
        for (name, documents) in [("train", train), ("validation", validation)] {
            let mut lines = String::new();
            for (number, (text, labels)) in documents.iter().enumerate() {
                let explicit: Vec<u32> = labels
                    .iter()
                    .map(|id| taxonomy.index_of(id).unwrap())
                    .collect();
                let document = SnapshotDocument {
                    id: number.to_string(),
                    text: text.clone(),
                    labels: taxonomy.close(&explicit),
                    explicit,
                };
                lines.push_str(&serde_json::to_string(&document).unwrap());
                lines.push('\n');
            }
            fs::write(path.join(format!("{name}.jsonl")), lines).unwrap();
        }
        Self {
            directory,
            taxonomy,
        }
    }

    pub(crate) fn checkpoint(&self) -> std::path::PathBuf {
        self.directory.path().join("checkpoint")
    }

    pub(crate) fn train(
        &self,
        hyperparameters: Hyperparameters,
        threads: u32,
        validation: bool,
    ) -> Result<(), ModelError> {
        let request = self.train_request(threads, validation);
        Linear::train(hyperparameters, &request, &Host::new(&Unattended))
    }

    /// The same with other limits.
    pub(crate) fn train_at(
        &self,
        hyperparameters: Hyperparameters,
        threads: u32,
        validation: bool,
        scale: Scale,
    ) -> Result<(), ModelError> {
        let request = self.train_request(threads, validation);
        let host = Host::new(&Unattended);
        crate::pool(threads)?
            .install(|| crate::train::train(&hyperparameters, &request, host, scale))
    }

    /// What a host asks for.
    pub(crate) fn train_request(&self, threads: u32, validation: bool) -> TrainRequest {
        let path = |name: &str| self.directory.path().join(name);
        TrainRequest {
            checkpoint: self.checkpoint(),
            train: path("train.jsonl"),
            validation: validation.then(|| path("validation.jsonl")),
            taxonomy: path("taxonomy.json"),
            seed: 1,
            device: "cpu".to_owned(),
            threads,
            encoder: None,
            word_vectors: None,
        }
    }

    pub(crate) fn load(&self) -> Result<LinearModel, ModelError> {
        Linear::load(&self.load_request())
    }

    /// What a host asks for.
    pub(crate) fn load_request(&self) -> LoadRequest {
        LoadRequest {
            checkpoint: self.checkpoint(),
            taxonomy: self.directory.path().join("taxonomy.json"),
            device: "cpu".to_owned(),
            threads: 2,
            encoder: None,
        }
    }

    /// Trains and scores texts: `[texts, labels]`.
    pub(crate) fn scores(
        &self,
        hyperparameters: Hyperparameters,
        threads: u32,
        texts: &[&str],
    ) -> Vec<Vec<f32>> {
        self.train(hyperparameters, threads, true).unwrap();
        self.dense(self.load().unwrap().predict(texts).unwrap())
    }

    pub(crate) fn dense(&self, predictions: Predictions) -> Vec<Vec<f32>> {
        (0..predictions.scores.len())
            .map(|row| {
                predictions
                    .scores
                    .row(row)
                    .unwrap()
                    .to_dense(self.taxonomy.len())
            })
            .collect()
    }
}

/// Two top labels with three leaves each; every leaf and every top label has words of its own. `n` documents per leaf.
pub(crate) fn two_levels(n: usize) -> Toy {
    let taxonomy = taxonomy(&[
        ("a", &[]),
        ("a1", &["a"]),
        ("a2", &["a"]),
        ("a3", &["a"]),
        ("b", &[]),
        ("b1", &["b"]),
        ("b2", &["b"]),
        ("b3", &["b"]),
        ("unused", &["b"]),
    ]);
    let documents = |n: usize, shift: usize| -> Vec<(String, Vec<&'static str>)> {
        let mut documents = Vec::new();
        for number in 0..n {
            for leaf in ["a1", "a2", "a3", "b1", "b2", "b3"] {
                let top = &leaf[..1];
                let noise = (number * 7 + shift) % 13;
                documents.push((
                    format!("common words top{top} noise{noise} leaf{leaf} leaf{leaf} more"),
                    vec![leaf],
                ));
            }
            documents.push((
                format!("common words nothing noise{} here", number % 13),
                vec![],
            ));
        }
        documents
    };
    Toy::new(taxonomy, &documents(n, 0), &documents(n / 2, 3))
}
