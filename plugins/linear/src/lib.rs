//! TF-IDF with one linear classifier per label: the baseline that trains in seconds and needs no GPU.
//!
//! A document's way: words (`tokens`) → n-gram features with weights (`vocabulary`) → margins and scores
//! (`classifier`). Training: `train` reads the snapshots, `structure` says which label is trained among which
//! documents, `fit` hands blocks of labels to the `solver`, `calibration` turns margins into scores, `checkpoint`
//! keeps the result. What this crate deliberately does not do: decide label sets (the host does, from scores) or
//! report scores of its own.

#![allow(
    clippy::needless_range_loop,
    clippy::type_complexity,
    reason = "the inner loops walk several arrays by one index"
)]

mod calibration;
mod checkpoint;
mod classifier;
mod fit;
mod hyperparameters;
mod matrix;
mod random;
mod scale;
mod solver;
mod structure;
mod tables;
#[cfg(test)]
mod tests;
mod tokens;
mod train;
mod vocabulary;

use arborist_plugin_api::{
    Evidence, Facts, Host, LabelIndex, LoadRequest, Method, MethodManifest, Model, ModelError,
    Predictions, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Capability, HierarchyKind, MemoryFormula, PathKind};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::scale::Scale;

pub use crate::hyperparameters::{Classifier, Hyperparameters, Mode, Select};

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

/// A trained model.
#[derive(Debug)]
pub struct LinearModel {
    classifier: classifier::Classifier,
    threshold: f32,
    scale: Scale,
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
            capabilities: vec![Capability::SparseScores, Capability::Evidence],
            memory: MemoryFormula {
                base: 2e8,
                per_document: 200.0,
                per_token: BYTES_PER_TOKEN,
                per_label: BYTES_PER_LABEL,
                per_label_squared: 0.0,
            },
            max_labels: None,
            presets: hyperparameters::presets(),
            hyperparameters: hyperparameters::schema(),
        }
    }

    /// The text as numbers and as vectors, the models that are held at once, and what training a block of labels takes.
    fn memory(hyperparameters: &Hyperparameters, facts: &Facts) -> u64 {
        // About every third token of a text is the first of its kind, or begins a new frequent n-gram.
        let n_features = (facts.tokens as f64 * 0.35).min(f64::from(hyperparameters.max_features));
        let n_weights = n_features * facts.labels as f64;
        let model = if n_weights <= Scale::default().max_dense_weights as f64 {
            4.0 * n_weights
        } else {
            BYTES_PER_LABEL * facts.labels as f64
        };
        let lanes = (4 * solver::MAX_LANES) as f64;
        let blocks = SOLVING_THREADS * lanes * (n_features + facts.documents as f64);
        let formula = Self::manifest().memory;
        let fixed = formula.base
            + formula.per_document * facts.documents as f64
            + BYTES_PER_TOKEN * facts.tokens as f64;
        (fixed + 2.0 * model + blocks) as u64
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        pool(request.threads)?
            .install(|| train::train(&hyperparameters, request, *host, Scale::default()))
    }

    fn load(request: &LoadRequest) -> Result<LinearModel, ModelError> {
        let (classifier, threshold) = checkpoint::load(&request.checkpoint)?;
        Ok(LinearModel {
            classifier,
            threshold,
            scale: Scale::default(),
            pool: pool(request.threads)?,
        })
    }
}

impl Model for LinearModel {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        let scores = self
            .pool
            .install(|| self.classifier.scores(texts, self.scale.max_dense_labels));
        Ok(Predictions {
            scores,
            decided: None,
        })
    }

    fn threshold(&self) -> f32 {
        self.threshold
    }

    fn evidence(&mut self, text: &str, label: LabelIndex) -> Result<Vec<Evidence>, ModelError> {
        if label as usize >= self.classifier.n_labels {
            return Err(ModelError::Input(format!(
                "found label {label}, expected a position below {}, the number of labels of the taxonomy",
                self.classifier.n_labels
            )));
        }
        Ok(self.classifier.evidence(text, label))
    }
}

fn pool(threads: u32) -> Result<ThreadPool, ModelError> {
    ThreadPoolBuilder::new()
        .num_threads(threads as usize)
        .thread_name(|number| format!("linear-{number}"))
        .build()
        .map_err(|error| ModelError::failed("cannot start threads", error))
}

/// A token as a number, counted in n-grams, and as part of vectors.
const BYTES_PER_TOKEN: f64 = 24.0;
/// Sparse weights of a label of a large taxonomy.
const BYTES_PER_LABEL: f64 = 20_000.0;
/// Threads that the estimate counts with; it is asked for before the number is known.
const SOLVING_THREADS: f64 = 4.0;

export_method!(Linear);
