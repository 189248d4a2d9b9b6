//! What a method's author implements, and what goes in and out of it.

use std::fmt;
use std::io;

use arborist_shared::LabelIndex;
use arborist_shared::manifest::MethodManifest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::documents::ReadError;
use crate::events::Host;
use crate::request::{LoadRequest, TrainRequest};

/// A method of hierarchical text classification: how it describes itself, how it trains, how a trained model is loaded.
///
/// The functions are called one after the other from one thread. They may panic: the seam reports a panic as a
/// failed call. They must not install a global allocator, and must not rely on statics to talk to the host.
pub trait Method: 'static {
    /// The hyperparameters, as the JSON Schema in the manifest describes them: what nobody chose comes with the schema's
    /// default, and a key that the schema does not have is refused before it gets here.
    type Hyperparameters: DeserializeOwned;
    /// A trained model, ready to score texts.
    type Model: Model;

    /// Describes the method. Cheap, and the same at every call.
    fn manifest() -> MethodManifest;

    /// Refuses a configuration that the JSON Schema accepts and that cannot work on a corpus with these facts.
    ///
    /// # Errors
    /// [`ModelError::Input`] with a message that says what to change.
    fn check(hyperparameters: &Self::Hyperparameters, facts: &Facts) -> Result<(), ModelError> {
        let _ = (hyperparameters, facts);
        Ok(())
    }

    /// Estimated peak memory of training in bytes; unless overridden, the manifest's formula.
    fn memory(hyperparameters: &Self::Hyperparameters, facts: &Facts) -> u64 {
        let _ = hyperparameters;
        Self::manifest()
            .memory
            .estimate(facts.documents, facts.tokens, facts.labels)
    }

    /// Trains and leaves everything that [`Method::load`] needs in `request.checkpoint`.
    ///
    /// The directory may hold the state of an interrupted attempt: training then goes on from there and ends as an
    /// unbroken run would have ended. [`Host::is_cancelled`] is polled at least once per step.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] when asked to stop; otherwise what went wrong, in words for the person who started the run.
    fn train(
        hyperparameters: Self::Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError>;

    /// Loads what [`Method::train`] left. The corpora of the training are not there any more, and the checkpoint may have moved.
    ///
    /// # Errors
    /// What is missing or broken in the checkpoint.
    fn load(request: &LoadRequest) -> Result<Self::Model, ModelError>;
}

/// A trained model.
///
/// One thread at a time uses it, never two concurrently.
pub trait Model: 'static {
    /// Scores texts: one row per text, in their order. Texts may be empty and may hold any Unicode.
    ///
    /// # Errors
    /// What went wrong, in words for people.
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError>;

    /// The threshold that belongs to the scores: a label is predicted when its score is strictly above.
    fn threshold(&self) -> f32 {
        0.5
    }

    /// One vector per label of the taxonomy, in its order. Capability `label_embeddings`.
    ///
    /// # Errors
    /// [`ModelError::Unsupported`] unless the method has the capability.
    fn label_embeddings(&mut self) -> Result<Embeddings, ModelError> {
        Err(ModelError::Unsupported)
    }

    /// One vector per text. Capability `text_embeddings`.
    ///
    /// # Errors
    /// [`ModelError::Unsupported`] unless the method has the capability.
    fn text_embeddings(&mut self, texts: &[&str]) -> Result<Embeddings, ModelError> {
        let _ = texts;
        Err(ModelError::Unsupported)
    }

    /// The parts of `text` that speak for or against `label`. Capability `evidence`.
    ///
    /// # Errors
    /// [`ModelError::Unsupported`] unless the method has the capability.
    fn evidence(&mut self, text: &str, label: LabelIndex) -> Result<Vec<Evidence>, ModelError> {
        let _ = (text, label);
        Err(ModelError::Unsupported)
    }
}

/// What a corpus and its taxonomy amount to: enough to check a configuration and to estimate memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Documents of the training split.
    pub documents: u64,
    /// White-space separated tokens of the training split.
    pub tokens: u64,
    /// Labels of the taxonomy.
    pub labels: u64,
    /// Levels of the taxonomy.
    pub depth: u32,
}

/// The answer to a batch of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// A score for each text and label, before any decision.
    pub scores: Scores,
    /// The label set of each text where the method decides in its own way (capability `decided_sets`); not necessarily sorted or closed.
    pub decided: Option<Vec<Vec<LabelIndex>>>,
}

/// Scores of a batch, one row per text.
#[derive(Clone, Debug, PartialEq)]
pub enum Scores {
    /// Every label has a score: `values` is `[texts, n_labels]`, row after row.
    Dense {
        /// Length of a row: the number of labels of the taxonomy.
        n_labels: usize,
        /// `[texts, n_labels]`
        values: Vec<f32>,
    },
    /// Only some labels have a score, the others count as 0. Row `i` is `offsets[i]..offsets[i + 1]` of `labels` and `values`.
    Sparse {
        /// `[texts + 1]`, starts with 0, ends with the length of `labels`.
        offsets: Vec<u64>,
        /// Each label at most once in a row, in any order.
        labels: Vec<LabelIndex>,
        /// One score for each entry of `labels`.
        values: Vec<f32>,
    },
}

/// A row of [`Scores`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScoreRow<'a> {
    /// `[n_labels]`
    Dense(&'a [f32]),
    /// Labels and their scores.
    Sparse(&'a [LabelIndex], &'a [f32]),
}

impl Scores {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Dense { n_labels: 0, .. } => 0,
            Self::Dense { n_labels, values } => values.len() / n_labels,
            Self::Sparse { offsets, .. } => offsets.len().saturating_sub(1),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of text `index`; none when out of range or when the rows do not fit their offsets.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<ScoreRow<'_>> {
        match self {
            Self::Dense { n_labels, values } => {
                let start = index.checked_mul(*n_labels)?;
                values
                    .get(start..start.checked_add(*n_labels)?)
                    .map(ScoreRow::Dense)
            }
            Self::Sparse {
                offsets,
                labels,
                values,
            } => {
                let start = usize::try_from(*offsets.get(index)?).ok()?;
                let end = usize::try_from(*offsets.get(index.checked_add(1)?)?).ok()?;
                Some(ScoreRow::Sparse(
                    labels.get(start..end)?,
                    values.get(start..end)?,
                ))
            }
        }
    }
}

impl ScoreRow<'_> {
    /// The row with a score for each of `n_labels` labels; labels out of range are dropped.
    #[must_use]
    pub fn to_dense(self, n_labels: usize) -> Vec<f32> {
        let mut dense = vec![0.0; n_labels];
        match self {
            Self::Dense(values) => {
                for (slot, value) in dense.iter_mut().zip(values) {
                    *slot = *value;
                }
            }
            Self::Sparse(labels, values) => {
                for (label, value) in labels.iter().zip(values) {
                    if let Some(slot) = dense.get_mut(*label as usize) {
                        *slot = *value;
                    }
                }
            }
        }
        dense
    }
}

/// Vectors of labels or texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// Length of a vector.
    pub width: usize,
    /// `[rows, width]`, row after row.
    pub values: Vec<f32>,
}

/// A part of a text and how much it speaks for a label (positive) or against it (negative).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// First byte of the part in the UTF-8 text.
    pub start: u32,
    /// First byte after the part.
    pub end: u32,
    /// Comparable within one answer only.
    pub weight: f32,
}

/// Why a method could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It went wrong; the message is for the person who started the run.
    #[error("{0}")]
    Failed(String),
    /// The configuration or the data cannot be used as they are; the message says what to change.
    #[error("{0}")]
    Input(String),
    /// The host asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The method does not have this ability.
    #[error("this method does not support the request")]
    Unsupported,
    /// A file of the request could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file could not be read or written.
    #[error("{what}")]
    Io {
        /// What was attempted, with the path.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ModelError {
    /// A failure with its cause in one line: `cannot read the vocabulary: unexpected end of file`.
    pub fn failed(what: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self::Failed(format!("{what}: {cause}"))
    }

    /// For `map_err` after work on files: `.map_err(ModelError::io(format!("cannot write {}", path.display())))`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<io::Error> for ModelError {
    fn from(source: io::Error) -> Self {
        Self::Io {
            what: "a file could not be read or written".to_owned(),
            source,
        }
    }
}
