//! What a trained model leaves besides weights and words: how to build it again.

use std::path::Path;

use arborist_shared::taxonomy::Taxonomy;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::KitError;
use crate::files;

const FORMAT: u32 = 1;

/// `<method>.json` of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Description<H> {
    format: u32,
    pub(super) hyperparameters: H,
    /// Ids of the vocabulary.
    pub(super) words: usize,
    pub(super) word_size: i64,
    /// Ids of the labels, in the order of scores.
    labels: Vec<String>,
}

impl<H: Clone + Serialize + DeserializeOwned> Description<H> {
    pub(super) fn new(
        hyperparameters: &H,
        words: usize,
        word_size: i64,
        taxonomy: &Taxonomy,
    ) -> Self {
        Self {
            format: FORMAT,
            hyperparameters: hyperparameters.clone(),
            words,
            word_size,
            labels: ids(taxonomy),
        }
    }

    pub(super) fn save(&self, method: &str, checkpoint: &Path) -> Result<(), KitError> {
        let path = checkpoint.join(format!("{method}.json"));
        let json =
            serde_json::to_vec_pretty(self).map_err(|error| KitError::broken(&path, error))?;
        files::write(&path, &json)
    }

    /// Reads the description and checks that the labels are those of `taxonomy`.
    pub(super) fn load(
        method: &str,
        checkpoint: &Path,
        taxonomy: &Taxonomy,
    ) -> Result<Self, KitError> {
        let path = checkpoint.join(format!("{method}.json"));
        let description: Self = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| KitError::broken(&path, error))?;
        if description.format != FORMAT {
            return Err(KitError::broken(
                &path,
                format!("format {}, this version reads {FORMAT}", description.format),
            ));
        }
        if description.labels != ids(taxonomy) {
            return Err(KitError::Mismatch(format!(
                "it was trained on other labels ({}, the taxonomy has {}), or in another order",
                description.labels.len(),
                taxonomy.len()
            )));
        }
        Ok(description)
    }
}

fn ids(taxonomy: &Taxonomy) -> Vec<String> {
    taxonomy
        .indexes()
        .map(|label| taxonomy.id(label).to_owned())
        .collect()
}
