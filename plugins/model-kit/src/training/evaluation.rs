//! Validation scores, from counts that are added up batch by batch.

use std::collections::BTreeMap;

use arborist_plugin_api::{Host, LabelIndex};
use arborist_shared::metrics::Counts;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{Predicted, Select, Trainable, host_check};
use crate::batch::{Batch, EncodedDocuments, JoinedScores, deal_sorted};
use crate::error::KitError;

/// Documents of a batch that is only predicted.
const DOCUMENTS: usize = 64;
/// Tokens of such a batch, padded.
const TOKENS: usize = 16_384;

/// Scores on the validation split: raw label sets at the threshold, as the papers count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    pub micro_f1: f64,
    pub macro_f1: f64,
}

impl Validation {
    pub(super) fn by(self, select: Select) -> f64 {
        match select {
            Select::MacroF1 => self.macro_f1,
            Select::MicroF1 => self.micro_f1,
        }
    }

    pub(super) fn named(self) -> BTreeMap<String, f64> {
        BTreeMap::from([
            ("micro_f1".to_owned(), self.micro_f1),
            ("macro_f1".to_owned(), self.macro_f1),
        ])
    }
}

/// Scores of a model on a split.
///
/// # Errors
/// [`KitError::Cancelled`] when the host asked to stop.
pub fn evaluate<M: Trainable>(
    model: &M,
    split: &EncodedDocuments,
    threshold: f32,
    host: &Host<'_>,
) -> Result<Validation, KitError> {
    evaluate_with(
        |batch| model.predict(batch),
        Split {
            documents: split,
            n_labels: model.n_labels(),
            groups: model.parameters().groups(),
        },
        threshold,
        host,
    )
}

/// Documents that something predicts.
#[derive(Clone, Copy)]
pub(crate) struct Split<'a> {
    pub(crate) documents: &'a EncodedDocuments,
    pub(crate) n_labels: usize,
    /// Groups that a batch is cut into.
    pub(crate) groups: usize,
}

/// The same for anything that predicts.
pub(crate) fn evaluate_with(
    predict: impl Fn(&Batch) -> Predicted,
    split: Split<'_>,
    threshold: f32,
    host: &Host<'_>,
) -> Result<Validation, KitError> {
    let _guard = tch::no_grad_guard();
    let Split {
        documents: split,
        n_labels,
        groups,
    } = split;
    let mut counts = Counts::new(n_labels);
    let mut joined = split
        .has_parts()
        .then(|| JoinedScores::new(split, n_labels));
    for documents in deal_sorted(split, DOCUMENTS, TOKENS) {
        host_check(host)?;
        let batch = Batch::new(split, &documents, groups);
        let predicted = predict(&batch);
        if let Some(joined) = &mut joined {
            joined.add(&batch.documents, &on_host(&predicted.scores));
            continue;
        }
        let sets = match predicted.decided {
            Some(sets) => sets.into_iter().map(sorted).collect(),
            None => sets_above(on_host(&predicted.scores), threshold),
        };
        for (gold, predicted) in batch.labels.iter().zip(&sets) {
            counts.add(gold, predicted);
        }
    }
    if let Some(joined) = joined {
        let sets = sets_above(joined.into_scores(), threshold);
        for (text, predicted) in split.texts().zip(&sets) {
            counts.add(split.labels(text.start), predicted);
        }
    }
    Ok(Validation {
        micro_f1: counts.micro_f1(),
        macro_f1: counts.macro_f1(),
    })
}

fn sorted(mut labels: Vec<LabelIndex>) -> Vec<LabelIndex> {
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// Scores as a float tensor in main memory.
fn on_host(scores: &Tensor) -> Tensor {
    scores
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
}

/// Labels strictly above the threshold, row by row.
fn sets_above(scores: Tensor, threshold: f32) -> Vec<Vec<LabelIndex>> {
    let width = scores.size()[1] as usize;
    let set = |row: &[f32]| {
        (0..)
            .zip(row)
            .filter(|(_, score)| **score > threshold)
            .map(|(label, _)| label)
            .collect()
    };
    crate::cpu::slices::read(&scores)
        .chunks_exact(width.max(1))
        .map(set)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_at_the_threshold_is_negative() {
        let scores = Tensor::from_slice(&[0.5_f32, 0.500_001, 0.499_999, 1.0]).view([2, 2]);
        assert_eq!(sets_above(scores, 0.5), [vec![1], vec![1]]);
    }
}
