//! What a method is asked to do, and helpers that read the files named in the request.

use std::fs;
use std::path::{Path, PathBuf};

use arborist_shared::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};

use crate::documents::{DocumentReader, Documents, ReadError};

/// Everything a training needs besides the hyperparameters. All paths are absolute; a method writes in `checkpoint` only.
///
/// There is no test split here: a plugin never sees test documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainRequest {
    /// Existing directory to write the model to. It may hold the resumable state of an interrupted attempt.
    pub checkpoint: PathBuf,
    /// Snapshot of the training split.
    pub train: PathBuf,
    /// Snapshot of the validation split.
    #[serde(default)]
    pub validation: Option<PathBuf>,
    /// The taxonomy as canonical JSON, a DAG.
    pub taxonomy: PathBuf,
    /// All randomness comes from here, reseeded per stage and step.
    pub seed: u64,
    /// `cpu` or `cuda:N`, never `auto`.
    pub device: String,
    /// Threads to use, at least 1.
    pub threads: u32,
    /// Directory of a Hugging Face encoder.
    #[serde(default)]
    pub encoder: Option<PathBuf>,
    /// File of word vectors in the text format of `GloVe` or fastText.
    #[serde(default)]
    pub word_vectors: Option<PathBuf>,
}

impl TrainRequest {
    /// Reads the taxonomy. A method that understands trees only takes `.to_tree()` of it.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn taxonomy(&self) -> Result<Taxonomy, ReadError> {
        read_taxonomy(&self.taxonomy)
    }

    /// Reads a snapshot of this request into memory and checks its label indexes against the taxonomy.
    ///
    /// # Errors
    /// Names file, line and column, and what is wrong there.
    pub fn documents(&self, path: &Path) -> Result<Documents, ReadError> {
        Documents::read(path, count_labels(&self.taxonomy)?)
    }

    /// Reads the training split into memory.
    ///
    /// # Errors
    /// See [`TrainRequest::documents`].
    pub fn train_documents(&self) -> Result<Documents, ReadError> {
        self.documents(&self.train)
    }

    /// Reads the validation split into memory; none when there is no such split.
    ///
    /// # Errors
    /// See [`TrainRequest::documents`].
    pub fn validation_documents(&self) -> Result<Option<Documents>, ReadError> {
        self.validation
            .as_deref()
            .map(|path| self.documents(path))
            .transpose()
    }

    /// Opens a snapshot of this request for reading document by document, for corpora that do not fit into memory.
    ///
    /// # Errors
    /// Names the file that cannot be opened.
    pub fn document_reader(&self, path: &Path) -> Result<DocumentReader, ReadError> {
        DocumentReader::open(path, count_labels(&self.taxonomy)?)
    }
}

/// Everything that loading a trained model needs. All paths are absolute; nothing is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRequest {
    /// Directory that a training wrote. It may have been moved since.
    pub checkpoint: PathBuf,
    /// The taxonomy of the training as canonical JSON.
    pub taxonomy: PathBuf,
    /// `cpu` or `cuda:N`, never `auto`.
    pub device: String,
    /// Threads to use, at least 1.
    pub threads: u32,
    /// Directory of the Hugging Face encoder that the training started from.
    #[serde(default)]
    pub encoder: Option<PathBuf>,
}

impl LoadRequest {
    /// Reads the taxonomy. A method that understands trees only takes `.to_tree()` of it.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn taxonomy(&self) -> Result<Taxonomy, ReadError> {
        read_taxonomy(&self.taxonomy)
    }
}

fn read_taxonomy(path: &Path) -> Result<Taxonomy, ReadError> {
    let bytes = fs::read(path).map_err(|error| ReadError::open(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| ReadError::json(path, error.line(), &error))
}

/// Number of labels of a taxonomy file, without building the taxonomy.
pub(crate) fn count_labels(path: &Path) -> Result<usize, ReadError> {
    #[derive(Deserialize)]
    struct Labels {
        labels: Vec<serde::de::IgnoredAny>,
    }
    let bytes = fs::read(path).map_err(|error| ReadError::open(path, &error))?;
    let counted: Labels = serde_json::from_slice(&bytes)
        .map_err(|error| ReadError::json(path, error.line(), &error))?;
    Ok(counted.labels.len())
}
