//! From scores to label sets: the one place where predictions are decided, for command line, API, metrics and browser.
//!
//! A decoded set never contradicts the taxonomy: whoever has a label has its ancestors. Raw sets and raw scores stay
//! beside it, because the papers score those.

mod rules;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::LabelIndex;
use crate::api::runs::{PredictedDocument, PredictedLabel};
use crate::scores::{DocumentScores, best_first};
use crate::sets;
use crate::taxonomy::Taxonomy;

/// How label sets are made from scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DecodeOptions {
    /// How the raw set is made consistent with the taxonomy.
    pub rule: DecodingRule,
    /// How the raw set is chosen.
    pub selection: Selection,
    /// Where the paths of a set may end.
    #[serde(skip_serializing_if = "is_default")]
    pub ends: Ends,
    /// Whether an empty set is replaced by the best path.
    #[serde(skip_serializing_if = "is_default")]
    pub at_least_one: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl DecodeOptions {
    /// The threshold that makes the raw set of this document; none when the method decided or labels are counted.
    #[must_use]
    pub fn threshold(&self, scores: &DocumentScores, method_threshold: f32) -> Option<f32> {
        match self.selection {
            Selection::Method => scores.decided.is_none().then_some(method_threshold),
            Selection::Threshold(threshold) => Some(threshold),
            Selection::Top(_) | Selection::TopAbove(..) | Selection::Levels(_) => None,
        }
    }
}

impl Selection {
    /// The threshold for labels of a level, counted from 1.
    fn threshold_of(&self, level: u32, method_threshold: f32) -> f32 {
        match self {
            Self::Method | Self::Top(_) => method_threshold,
            Self::Threshold(threshold) | Self::TopAbove(_, threshold) => *threshold,
            Self::Levels(thresholds) => {
                let own = thresholds.get(level.saturating_sub(1) as usize);
                own.or(thresholds.last())
                    .copied()
                    .unwrap_or(method_threshold)
            }
        }
    }
}

/// How a raw set is made consistent with the taxonomy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecodingRule {
    /// Adds all ancestors to the raw set.
    #[default]
    CloseUp,
    /// Takes labels of the raw set away unless one of their parents stays; those on the top level stay.
    TopDown,
    /// Of all sets that have the ancestors of each of their labels, the one for which most speaks: the sum over its labels
    /// of how far their scores lie above the threshold, in log-odds.
    BestSet,
    /// One label with its ancestors, by the same sum; nothing when it is not above 0.
    BestPath,
}

/// Where the paths of a set may end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// In any label.
    #[default]
    Anywhere,
    /// In labels without children: where a path ends earlier it is continued with the children of the highest scores.
    Leaves,
}

/// How the raw set is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The set that the method decided on, else the labels above the method's own threshold.
    #[default]
    Method,
    /// Labels with a raw score strictly above this.
    Threshold(f32),
    /// So many labels with the highest raw scores, before ancestors are added.
    Top(usize),
    /// The same, and of those the ones with a raw score strictly above this.
    TopAbove(usize, f32),
    /// Labels with a raw score strictly above the threshold of their level: the first is that of the top level, the last
    /// one goes for all below it as well.
    Levels(Vec<f32>),
}

/// The decision about one document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The set before decoding, sorted.
    pub raw: Vec<LabelIndex>,
    /// The set after it, closed upwards and sorted.
    pub labels: Vec<LabelIndex>,
    /// Label, shown score and raw score of all stored labels and all of `labels`, by shown score descending, then
    /// label. The shown score of a predicted label is the highest among itself and its predicted descendants.
    /// A label that was not stored has the raw score 0.
    pub shown: Vec<(LabelIndex, f32, f32)>,
}

impl Decoded {
    /// What metrics need; the same as through a line of predictions and back.
    #[must_use]
    pub fn judged(&self) -> Judged {
        let mut scores: Vec<(LabelIndex, f32)> = self
            .shown
            .iter()
            .map(|&(label, _, raw)| (label, raw))
            .collect();
        scores.sort_unstable_by(best_first);
        Judged {
            scores,
            raw: self.raw.clone(),
            labels: self.labels.clone(),
        }
    }
}

/// A prediction as metrics see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// Raw scores by score descending, then label ascending; labels that are missing rank last.
    pub scores: Vec<(LabelIndex, f32)>,
    /// The set before decoding, sorted.
    pub raw: Vec<LabelIndex>,
    /// The decoded set, sorted.
    pub labels: Vec<LabelIndex>,
}

/// Decides about one document. `method_threshold` is the method's own; a score must lie strictly above it.
#[must_use]
pub fn decode(
    taxonomy: &Taxonomy,
    scores: &DocumentScores,
    options: &DecodeOptions,
    method_threshold: f32,
) -> Decoded {
    let threshold = |label: LabelIndex| {
        let level = taxonomy.level(label);
        options.selection.threshold_of(level, method_threshold)
    };
    let raw = match options.selection {
        Selection::Method => match &scores.decided {
            Some(decided) => sets::sorted(decided).into_owned(),
            None => scores.above(method_threshold),
        },
        Selection::Threshold(threshold) => scores.above(threshold),
        Selection::Top(count) => top(scores, count, f32::NEG_INFINITY),
        Selection::TopAbove(count, threshold) => top(scores, count, threshold),
        Selection::Levels(_) => scores.above_each(threshold),
    };
    let plain = options.rule == DecodingRule::CloseUp && is_default(&options.ends);
    let labels = if plain && !(raw.is_empty() && options.at_least_one) {
        taxonomy.close(&raw)
    } else {
        let evidence = rules::Evidence::new(taxonomy, &raw, scores, &threshold);
        evidence.decide(options.rule, options.ends, options.at_least_one)
    };
    let shown = show(taxonomy, scores, &labels);
    Decoded { raw, labels, shown }
}

/// At most `count` labels with the highest raw scores, all of them strictly above `threshold`; sorted.
fn top(scores: &DocumentScores, count: usize, threshold: f32) -> Vec<LabelIndex> {
    let best = scores.scores.iter().take(count);
    let best = best.filter(|&&(_, score)| score > threshold);
    sets::sorted(&best.map(|&(label, _)| label).collect::<Vec<_>>()).into_owned()
}

#[allow(
    clippy::indexing_slicing,
    reason = "positions that a search of the same list has found"
)]
fn show(
    taxonomy: &Taxonomy,
    scores: &DocumentScores,
    labels: &[LabelIndex],
) -> Vec<(LabelIndex, f32, f32)> {
    // Stored labels and predicted ones, sorted by label: (label, shown, raw).
    let mut shown: Vec<(LabelIndex, f32, f32)> = scores
        .scores
        .iter()
        .map(|&(label, score)| (label, score, score))
        .collect();
    shown.sort_unstable_by_key(|&(label, ..)| label);
    let stored = shown.len();
    for &label in labels {
        if shown[..stored]
            .binary_search_by_key(&label, |&(label, ..)| label)
            .is_err()
        {
            shown.push((label, 0.0, 0.0));
        }
    }
    if shown.len() > stored {
        shown.sort_unstable_by_key(|&(label, ..)| label);
    }
    for &label in labels {
        let Ok(at) = shown.binary_search_by_key(&label, |&(label, ..)| label) else {
            continue;
        };
        let own = shown[at].2;
        for &ancestor in taxonomy.ancestors(label) {
            if let Ok(above) = shown.binary_search_by_key(&ancestor, |&(label, ..)| label) {
                shown[above].1 = shown[above].1.max(own);
            }
        }
    }
    shown.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shown
}

/// A line of predictions. `threshold` is the one that made the raw set, if one did ([`DecodeOptions::threshold`]).
#[must_use]
pub fn to_prediction(
    taxonomy: &Taxonomy,
    id: impl Into<String>,
    decoded: &Decoded,
    threshold: Option<f32>,
) -> PredictedDocument {
    let label = |&(label, score, raw_score): &(LabelIndex, f32, f32)| {
        let predicted = decoded.labels.binary_search(&label).is_ok();
        let raw_predicted = decoded.raw.binary_search(&label).is_ok();
        PredictedLabel {
            label: taxonomy.id(label).to_owned(),
            path: taxonomy.path_names(label),
            score,
            predicted,
            raw_score: (raw_score != score).then_some(raw_score),
            raw_predicted: (raw_predicted != predicted).then_some(raw_predicted),
        }
    };
    PredictedDocument {
        id: id.into(),
        labels: decoded.shown.iter().map(label).collect(),
        threshold,
    }
}

/// Why a line of predictions cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictionError {
    /// A label id that the taxonomy does not have.
    #[error(
        "document `{document}`: found the label `{label}`, which is not in the taxonomy, expected the id of a label"
    )]
    UnknownLabel {
        /// Id of the document.
        document: String,
        /// The unknown id.
        label: String,
    },
    /// A label that stands twice.
    #[error("document `{document}`: found the label `{label}` twice, expected every label once")]
    RepeatedLabel {
        /// Id of the document.
        document: String,
        /// The repeated id.
        label: String,
    },
    /// A score that is not a number.
    #[error(
        "document `{document}`: found no finite score for the label `{label}`, expected a number"
    )]
    BadScore {
        /// Id of the document.
        document: String,
        /// Id of the label.
        label: String,
    },
}

/// Reads a line of predictions back, ours or somebody else's: the decoded set is the closure of the predicted labels.
///
/// # Errors
/// Unknown or repeated labels, and scores that are no numbers.
pub fn from_prediction(
    taxonomy: &Taxonomy,
    prediction: &PredictedDocument,
) -> Result<Judged, PredictionError> {
    let at_fault = |label: &PredictedLabel| (prediction.id.clone(), label.label.clone());
    let mut judged = Judged::default();
    for label in &prediction.labels {
        let Some(index) = taxonomy.index_of(&label.label) else {
            let (document, label) = at_fault(label);
            return Err(PredictionError::UnknownLabel { document, label });
        };
        let score = label.raw_score.unwrap_or(label.score);
        if !score.is_finite() {
            let (document, label) = at_fault(label);
            return Err(PredictionError::BadScore { document, label });
        }
        judged.scores.push((index, score));
        if label.predicted {
            judged.labels.push(index);
        }
        if label.raw_predicted.unwrap_or(label.predicted) {
            judged.raw.push(index);
        }
    }
    let mut seen: Vec<LabelIndex> = judged.scores.iter().map(|&(label, _)| label).collect();
    seen.sort_unstable();
    let followed = seen.iter().zip(seen.iter().skip(1));
    if let Some((&repeated, _)) = followed.into_iter().find(|(label, next)| label == next) {
        let label = taxonomy.id(repeated).to_owned();
        return Err(PredictionError::RepeatedLabel {
            document: prediction.id.clone(),
            label,
        });
    }
    judged.scores.sort_unstable_by(best_first);
    judged.raw.sort_unstable();
    judged.labels = taxonomy.close(&judged.labels);
    Ok(judged)
}
