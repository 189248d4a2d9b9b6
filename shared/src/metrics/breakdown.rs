//! Where figures come from: which part of the taxonomy, labels of which frequency, documents of which length.
//!
//! Everything is made from [`Counts`], so that the figures of a part are those that its labels have in the whole.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::counts::{Counts, f1, mean, precision, recall};
use crate::LabelIndex;
use crate::taxonomy::Taxonomy;

/// Figures of some labels or documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartMetrics {
    /// Labels that count.
    pub labels: u64,
    /// Gold labels of documents.
    pub support: u64,
    /// Predicted labels of documents.
    pub predicted: u64,
    /// Of the pooled counts.
    pub micro_f1: f64,
    /// Right ones among those predicted.
    pub micro_precision: f64,
    /// Right ones among those that are gold.
    pub micro_recall: f64,
    /// Mean over the labels.
    pub macro_f1: f64,
}

/// Sums of the counts of labels, and their F1.
#[derive(Clone, Debug, Default)]
struct Sum {
    counts: [u64; 3],
    scores: Vec<f64>,
}

impl Sum {
    fn add(&mut self, [tp, predicted, gold]: [u64; 3]) {
        self.counts[0] += tp;
        self.counts[1] += predicted;
        self.counts[2] += gold;
        self.scores.push(f1(tp, predicted, gold));
    }

    fn finish(self) -> PartMetrics {
        let [tp, predicted, gold] = self.counts;
        PartMetrics {
            labels: self.scores.len() as u64,
            support: gold,
            predicted,
            micro_f1: f1(tp, predicted, gold),
            micro_precision: precision(tp, predicted),
            micro_recall: recall(tp, gold),
            macro_f1: mean(self.scores),
        }
    }
}

/// Figures of some of the labels.
#[must_use]
pub fn part(counts: &Counts, labels: impl IntoIterator<Item = LabelIndex>) -> PartMetrics {
    let mut sum = Sum::default();
    for label in labels {
        sum.add(counts.of(label));
    }
    sum.finish()
}

/// The subtrees below a label, or below the root: each child with the figures of itself and of all labels below it, in
/// taxonomy order. A label that lies below two of the children counts for both.
#[must_use]
pub fn subtrees(
    taxonomy: &Taxonomy,
    counts: &Counts,
    below: Option<LabelIndex>,
) -> Vec<(LabelIndex, PartMetrics)> {
    let children = match below {
        Some(label) => taxonomy.children(label),
        None => taxonomy.top_level(),
    };
    children
        .iter()
        .map(|&child| {
            let labels = std::iter::once(child).chain(taxonomy.descendants(child));
            (child, part(counts, labels))
        })
        .collect()
}

/// Bounds between groups of labels by how many training documents have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FrequencyBounds {
    /// Many-shot labels have more than this.
    pub many_above: u64,
    /// Few-shot labels have at most this, and at least one.
    pub few_up_to: u64,
}

impl Default for FrequencyBounds {
    /// The bounds of long-tailed recognition (Liu et al. 2019): more than 100, and at most 20.
    fn default() -> Self {
        Self {
            many_above: 100,
            few_up_to: 20,
        }
    }
}

/// A group of labels by frequency in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// In many training documents.
    Many,
    /// Between the two.
    Medium,
    /// In few.
    Few,
    /// In none.
    Zero,
}

impl FrequencyBounds {
    /// The group of a label with so many training documents.
    #[must_use]
    pub fn group(self, documents: u64) -> Frequency {
        match documents {
            0 => Frequency::Zero,
            n if n > self.many_above => Frequency::Many,
            n if n <= self.few_up_to => Frequency::Few,
            _ => Frequency::Medium,
        }
    }
}

/// Figures of labels by how many training documents have them: the groups that have labels, from many to zero.
/// `training`: documents of each label, `[labels]`.
#[must_use]
pub fn by_frequency(
    counts: &Counts,
    training: &[u64],
    bounds: FrequencyBounds,
) -> Vec<(Frequency, PartMetrics)> {
    use Frequency::{Few, Many, Medium, Zero};
    [Many, Medium, Few, Zero]
        .into_iter()
        .filter_map(|group| {
            let labels = (0..)
                .zip(training)
                .filter(|&(_, &documents)| bounds.group(documents) == group)
                .map(|(label, _)| label);
            let figures = part(counts, labels);
            (figures.labels > 0).then_some((group, figures))
        })
        .collect()
}

/// Figures of documents by length, in parts of about as many documents.
#[derive(Clone, Debug)]
pub struct LengthCounts {
    /// The longest document of each part but the last.
    bounds: Vec<u32>,
    parts: Vec<(u64, Counts)>,
}

/// Documents of some lengths.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LengthMetrics {
    /// Longer than this.
    pub above: u32,
    /// At most this long; absent for the longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u32>,
    /// Documents that are.
    pub documents: u64,
    /// Over all labels.
    #[serde(flatten)]
    pub figures: PartMetrics,
}

impl LengthCounts {
    /// Parts into which the lengths of all documents fall evenly; fewer where many are equal.
    #[must_use]
    pub fn new(n_labels: usize, lengths: &[u32], parts: usize) -> Self {
        let mut sorted = lengths.to_vec();
        sorted.sort_unstable();
        let mut bounds: Vec<u32> = (1..parts.max(1))
            .filter_map(|part| {
                sorted
                    .get((sorted.len() * part / parts).checked_sub(1)?)
                    .copied()
            })
            .collect();
        bounds.dedup();
        // Nothing is longer than the longest.
        bounds.retain(|bound| Some(bound) != sorted.last());
        let parts = vec![(0, Counts::new(n_labels)); bounds.len() + 1];
        Self { bounds, parts }
    }

    /// Counts a document.
    pub fn add(&mut self, length: u32, gold: &[LabelIndex], predicted: &[LabelIndex]) {
        let part = self.bounds.partition_point(|&bound| bound < length);
        let (documents, counts) = &mut self.parts[part];
        *documents += 1;
        counts.add(gold, predicted);
    }

    /// From the shortest to the longest.
    #[must_use]
    pub fn finish(&self) -> Vec<LengthMetrics> {
        let above = std::iter::once(0).chain(self.bounds.iter().copied());
        let up_to = self.bounds.iter().copied().map(Some).chain([None]);
        self.parts
            .iter()
            .zip(above.zip(up_to))
            .map(|((documents, counts), (above, up_to))| LengthMetrics {
                above,
                up_to,
                documents: *documents,
                figures: part(counts, 0..counts.gold.len() as LabelIndex),
            })
            .collect()
    }
}
