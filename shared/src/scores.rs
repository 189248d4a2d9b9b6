//! What a model said about a document, as it is stored: the best labels with their scores, and the decided set.
//!
//! Scores are kept as 16-bit floats. Rounding never moves a score across the threshold that it was stored with,
//! so that decoding stored scores equals decoding the model's own.

mod file;
#[cfg(test)]
mod tests;

use half::f16;
use serde::{Deserialize, Serialize};

use crate::LabelIndex;

pub use file::{ScoresError, ScoresReader, ScoresWriter};

/// Labels that are kept for every document, whatever their scores.
pub const TOP: usize = 64;

/// Every label with a higher score is kept.
pub const FLOOR: f32 = 0.01;

/// The stored scores of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentScores {
    /// By score descending, then label ascending; every value is exactly representable in 16 bits.
    pub scores: Vec<(LabelIndex, f32)>,
    /// The set of labels that the method decided on in its own way, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Vec<LabelIndex>>,
}

impl DocumentScores {
    /// Keeps of one score per label the [`TOP`] highest, those above [`FLOOR`] and those above `threshold`.
    ///
    /// Scores that are not numbers are left out.
    #[must_use]
    pub fn from_dense(scores: &[f32], threshold: f32) -> Self {
        Self::keep((0..).zip(scores.iter().copied()).collect(), threshold)
    }

    /// The same for labels with scores in any order; of a label that stands twice the higher score counts.
    #[must_use]
    pub fn from_sparse(scores: &[(LabelIndex, f32)], threshold: f32) -> Self {
        Self::keep(each_once(scores), threshold)
    }

    /// All of one score per label, for those who rank among labels with low scores.
    ///
    /// Scores that are not numbers are left out.
    #[must_use]
    pub fn all_from_dense(scores: &[f32], threshold: f32) -> Self {
        let scores = (0..).zip(scores.iter().copied());
        Self::stored(
            scores.filter(|(_, score)| !score.is_nan()).collect(),
            threshold,
        )
    }

    /// The same for labels with scores in any order; of a label that stands twice the higher score counts.
    #[must_use]
    pub fn all_from_sparse(scores: &[(LabelIndex, f32)], threshold: f32) -> Self {
        Self::stored(each_once(scores), threshold)
    }

    fn keep(mut scores: Vec<(LabelIndex, f32)>, threshold: f32) -> Self {
        scores.retain(|(_, score)| !score.is_nan());
        if scores.len() > TOP {
            let bar = FLOOR.min(threshold);
            if scores.iter().filter(|&&(_, score)| score > bar).count() >= TOP {
                scores.retain(|&(_, score)| score > bar);
            } else {
                scores.select_nth_unstable_by(TOP - 1, best_first);
                scores.truncate(TOP);
            }
        }
        Self::stored(scores, threshold)
    }

    fn stored(mut scores: Vec<(LabelIndex, f32)>, threshold: f32) -> Self {
        for (_, score) in &mut scores {
            *score = stored_score(*score, threshold);
        }
        scores.sort_unstable_by(best_first);
        Self {
            scores,
            decided: None,
        }
    }

    /// Labels with a score strictly above a threshold of their own, sorted.
    #[must_use]
    pub fn above_each(&self, threshold: impl Fn(LabelIndex) -> f32) -> Vec<LabelIndex> {
        let above = self.scores.iter();
        let above = above.filter(|&&(label, score)| score > threshold(label));
        let mut labels: Vec<LabelIndex> = above.map(|&(label, _)| label).collect();
        labels.sort_unstable();
        labels
    }

    /// Labels with a score strictly above the threshold, sorted.
    #[must_use]
    pub fn above(&self, threshold: f32) -> Vec<LabelIndex> {
        let above = self.scores.partition_point(|&(_, score)| score > threshold);
        let mut labels: Vec<LabelIndex> = self
            .scores
            .iter()
            .take(above)
            .map(|&(label, _)| label)
            .collect();
        labels.sort_unstable();
        labels
    }
}

/// Labels with their higher score, by label.
fn each_once(scores: &[(LabelIndex, f32)]) -> Vec<(LabelIndex, f32)> {
    let mut scores = scores.to_vec();
    scores.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    scores.retain(|(_, score)| !score.is_nan());
    scores.dedup_by_key(|&mut (label, _)| label);
    scores
}

/// By score descending, then label ascending.
pub(crate) fn best_first(a: &(LabelIndex, f32), b: &(LabelIndex, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// A score as it is stored beside this threshold.
#[must_use]
pub fn stored_score(score: f32, threshold: f32) -> f32 {
    // Adding zero makes a negative zero a positive one, so that equal scores have equal bits.
    round(score, threshold).to_f32() + 0.0
}

/// The nearest 16-bit float on the same side of the threshold (strictly above it, or not).
fn round(score: f32, threshold: f32) -> f16 {
    let limit = f16::MAX.to_f32();
    let score = score.clamp(-limit, limit);
    let rounded = f16::from_f32(score);
    match (score > threshold, rounded.to_f32() > threshold) {
        (true, false) => next_up(rounded),
        (false, true) => next_down(rounded),
        _ => rounded,
    }
}

fn next_up(value: f16) -> f16 {
    let bits = value.to_bits();
    match bits {
        0x8000 | 0x0000 => f16::from_bits(0x0001),
        _ if bits & 0x8000 == 0 => f16::from_bits(bits + 1),
        _ => f16::from_bits(bits - 1),
    }
}

fn next_down(value: f16) -> f16 {
    -next_up(-value)
}
