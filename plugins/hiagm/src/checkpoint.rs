//! What a trained model leaves besides weights and words: how to build it again.

use std::path::Path;

use arborist_model_kit::error::KitError;
use arborist_model_kit::files;
use arborist_shared::taxonomy::Taxonomy;
use serde::{Deserialize, Serialize};

use crate::hyperparameters::Hyperparameters;

const FILE: &str = "hiagm.json";
const FORMAT: u32 = 1;

/// `hiagm.json` of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    format: u32,
    pub(crate) hyperparameters: Hyperparameters,
    /// Ids of the vocabulary.
    pub(crate) words: usize,
    pub(crate) word_size: i64,
    /// Ids of the labels, in the order of scores.
    labels: Vec<String>,
}

impl Description {
    pub(crate) fn new(
        hyperparameters: &Hyperparameters,
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

    pub(crate) fn save(&self, checkpoint: &Path) -> Result<(), KitError> {
        let path = checkpoint.join(FILE);
        let json =
            serde_json::to_vec_pretty(self).map_err(|error| KitError::broken(&path, error))?;
        files::write(&path, &json)
    }

    /// Reads the description and checks that the labels are those of `taxonomy`.
    pub(crate) fn load(checkpoint: &Path, taxonomy: &Taxonomy) -> Result<Self, KitError> {
        let path = checkpoint.join(FILE);
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
