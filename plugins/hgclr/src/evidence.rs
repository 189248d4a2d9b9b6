//! What a trained model says about its choice of tokens: how much each one attends to a label (METHODS 5.3).
//!
//! The labels' side of the network is gone after training. What is kept for this are the labels' vectors and the
//! attention of tokens over them, in a file of its own that nothing else reads.

use std::collections::BTreeMap;
use std::path::Path;

use arborist_model_kit::error::KitError;
use arborist_model_kit::files::Durability;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_shared::LabelIndex;
use tch::{Device, Tensor};

use crate::positives::TokenLabels;

const FILE: &str = "evidence.safetensors";

/// Labels' vectors and the attention of tokens over them.
#[derive(Debug)]
pub(crate) struct Evidence {
    tokens: TokenLabels,
    /// `[L, d]`
    labels: Tensor,
}

/// Names of the tensors: those of the attention, and the labels' vectors.
const LABELS: &str = "labels";

/// Writes what [`Evidence::load`] reads. `trained`: all tensors of the training, `labels`: `[L, d]`.
pub(crate) fn save(
    trained: &Parameters,
    labels: &Tensor,
    heads: i64,
    checkpoint: &Path,
) -> Result<(), KitError> {
    let mut given: BTreeMap<String, Tensor> = trained
        .entries()
        .iter()
        .map(|entry| (entry.name.clone(), entry.tensor.detach()))
        .collect();
    given.insert(LABELS.to_owned(), labels.detach());
    let size = labels.size();
    let mut parameters = Parameters::fresh(Device::Cpu, 0).starting_from(given);
    TokenLabels::new(&mut parameters, size[1], heads)?;
    let _ = parameters.add_frozen(LABELS, &size, &Initializer::Constant(0.0))?;
    parameters.save(&checkpoint.join(FILE), Durability::Synced)
}

impl Evidence {
    pub(crate) fn load(
        checkpoint: &Path,
        n_labels: usize,
        width: i64,
        heads: i64,
    ) -> Result<Self, KitError> {
        let mut parameters = Parameters::from_file(Device::Cpu, &checkpoint.join(FILE))?;
        let tokens = TokenLabels::new(&mut parameters, width, heads)?;
        let shape = [n_labels as i64, width];
        let labels = parameters.add_frozen(LABELS, &shape, &Initializer::Constant(0.0))?;
        Ok(Self { tokens, labels })
    }

    /// For each token, by how much more it attends to a label than the text's tokens do on average; 0 where it is less.
    /// `words`: `[tokens, d]`.
    pub(crate) fn weights(&self, words: &Tensor, label: LabelIndex) -> Vec<f32> {
        let shares = self
            .tokens
            .shares(&words.to_device(Device::Cpu), &self.labels);
        let shares = shares.select(1, i64::from(label));
        let above = (&shares - shares.mean(shares.kind())).clamp_min(0.0);
        Vec::try_from(above / shares.mean(shares.kind())).unwrap_or_default()
    }
}
