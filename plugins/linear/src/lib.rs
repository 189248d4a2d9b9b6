//! TF-IDF with one linear classifier per label: the baseline that trains in seconds and needs no GPU.
//!
//! A document's way: words (`tokens`) → n-gram features with weights (`vocabulary`) → margins and scores
//! (`classifier`). Training: `train` reads the snapshots, `structure` says which label is trained among which
//! documents, `fit` hands blocks of labels to the `solver`, `calibration` turns margins into scores, `checkpoint`
//! keeps the result. What this crate deliberately does not do: decide label sets (the host does, from scores) or
//! report scores of its own.

mod calibration;
mod checkpoint;
mod classifier;
mod fit;
mod hyperparameters;
mod matrix;
mod random;
mod solver;
mod structure;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;
mod train;
mod vocabulary;

use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, Model, ModelError, Predictions, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Capability, HierarchyKind, MemoryFormula, PathKind};
use rayon::{ThreadPool, ThreadPoolBuilder};

pub use crate::hyperparameters::{Classifier, Hyperparameters, Mode, Select};

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

/// A trained model.
#[derive(Debug)]
pub struct LinearModel {
    classifier: classifier::Classifier,
    threshold: f32,
    pool: ThreadPool,
}

impl Method for Linear {
    type Hyperparameters = Hyperparameters;
    type Model = LinearModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "linear".to_owned(),
            title: "Linear".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Counts words and pairs of words and learns a weight of each for each label. Trains in seconds; \
                      the baseline that other methods have to beat."
                .to_owned(),
            paper: None,
            hierarchy: HierarchyKind::Dag,
            paths: PathKind::Multi,
            encoder: AssetNeed::None,
            word_vectors: AssetNeed::None,
            capabilities: vec![Capability::SparseScores],
            memory: memory(&Hyperparameters::default()),
            max_labels: None,
            presets: hyperparameters::presets(),
            hyperparameters: hyperparameters::schema(),
        }
    }

    fn memory(hyperparameters: &Hyperparameters, facts: &Facts) -> u64 {
        memory(hyperparameters).estimate(facts.documents, facts.tokens, facts.labels)
    }

    fn train(hyperparameters: Hyperparameters, request: &TrainRequest, host: &Host<'_>) -> Result<(), ModelError> {
        pool(request.threads)?.install(|| train::train(&hyperparameters, request, *host))
    }

    fn load(request: &LoadRequest) -> Result<LinearModel, ModelError> {
        let (classifier, threshold) = checkpoint::load(&request.checkpoint)?;
        Ok(LinearModel { classifier, threshold, pool: pool(request.threads)? })
    }
}

impl Model for LinearModel {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        let scores = self.pool.install(|| self.classifier.scores(texts));
        Ok(Predictions { scores, decided: None })
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }
}

fn pool(threads: u32) -> Result<ThreadPool, ModelError> {
    ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .thread_name(|number| format!("linear-{number}"))
        .build()
        .map_err(|error| ModelError::failed("cannot start threads", error))
}

fn memory(_hyperparameters: &Hyperparameters) -> MemoryFormula {
    MemoryFormula { base: 1e8, per_document: 100.0, per_token: 24.0, per_label: 20_000.0, per_label_squared: 0.0 }
}

export_method!(Linear);
