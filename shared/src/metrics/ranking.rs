//! Figures of rankings: labels by raw score, ties by label index, labels without score last.
//!
//! `RankCounts` counts hit patterns, so that even sums of logarithms do not depend on the order of documents. The
//! functions of one document are there for other rankings: mask gold and ranking to a group of labels first and skip
//! documents without gold label in it.

use std::collections::BTreeMap;

use super::ratio;
use crate::LabelIndex;

/// Ranks that are looked at.
pub(super) const DEPTH: usize = 5;

/// The first `k` labels of a ranking in which unscored labels follow in taxonomy order.
///
/// `scores` is sorted by score descending, then label ascending.
#[must_use]
pub fn top(scores: &[(LabelIndex, f32)], n_labels: usize, k: usize) -> Vec<LabelIndex> {
    let k = k.min(n_labels);
    let mut ranked: Vec<LabelIndex> = scores.iter().take(k).map(|&(label, _)| label).collect();
    if ranked.len() < k {
        let mut scored = ranked.clone();
        scored.sort_unstable();
        let unscored =
            (0..n_labels as LabelIndex).filter(|label| scored.binary_search(label).is_err());
        ranked.extend(unscored.take(k - scored.len()));
    }
    ranked
}

/// The labels of a group, in the order given.
#[must_use]
pub fn masked(labels: &[LabelIndex], is_in_group: impl Fn(LabelIndex) -> bool) -> Vec<LabelIndex> {
    labels
        .iter()
        .copied()
        .filter(|&label| is_in_group(label))
        .collect()
}

/// Share of gold labels among the first `k` ranks; none without gold labels. `gold` is sorted.
#[must_use]
pub fn precision_at(ranked: &[LabelIndex], gold: &[LabelIndex], k: usize) -> Option<f64> {
    (!gold.is_empty()).then(|| ratio(hits(ranked, gold, k), k as u64))
}

/// Share of all gold labels that are among the first `k` ranks; none without gold labels. `gold` is sorted.
#[must_use]
pub fn recall_at(ranked: &[LabelIndex], gold: &[LabelIndex], k: usize) -> Option<f64> {
    (!gold.is_empty()).then(|| ratio(hits(ranked, gold, k), gold.len() as u64))
}

/// Gain of the first `k` ranks with discount log2(rank + 1), as a share of the best possible; none without gold
/// labels. `gold` is sorted.
#[must_use]
pub fn ndcg_at(ranked: &[LabelIndex], gold: &[LabelIndex], k: usize) -> Option<f64> {
    if gold.is_empty() {
        return None;
    }
    let is_hit = |&(_, label): &(usize, &LabelIndex)| gold.binary_search(label).is_ok();
    let gain: f64 = ranked
        .iter()
        .take(k)
        .enumerate()
        .filter(is_hit)
        .map(|(rank, _)| discount(rank))
        .sum();
    let best: f64 = (0..k.min(gold.len())).map(discount).sum();
    Some(if best == 0.0 { 0.0 } else { gain / best })
}

fn hits(ranked: &[LabelIndex], gold: &[LabelIndex], k: usize) -> u64 {
    ranked
        .iter()
        .take(k)
        .filter(|label| gold.binary_search(label).is_ok())
        .count() as u64
}

/// Weight of a rank counted from 0.
fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// Means over documents with at least one gold label.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RankMetrics {
    pub(super) precision_at_1: f64,
    pub(super) precision_at_3: f64,
    pub(super) precision_at_5: f64,
    pub(super) recall_at_5: f64,
    pub(super) ndcg_at_5: f64,
    pub(super) r_precision: f64,
}

/// How many documents had which hits; everything that the rank figures need.
#[derive(Clone, Debug, Default)]
pub(super) struct RankCounts {
    documents: u64,
    /// By hits on the first ranks (bit r = rank r is gold) and number of gold labels, at most [`DEPTH`].
    patterns: [[u64; DEPTH + 1]; 1 << DEPTH],
    /// By number of gold labels and hits on the first [`DEPTH`] ranks.
    recalled: BTreeMap<(u64, u64), u64>,
    /// By number of gold labels and hits on as many ranks.
    r_recalled: BTreeMap<(u64, u64), u64>,
}

impl RankCounts {
    pub(super) fn add(
        &mut self,
        scores: &[(LabelIndex, f32)],
        gold: &[LabelIndex],
        n_labels: usize,
    ) {
        if gold.is_empty() {
            return;
        }
        debug_assert!(scores.is_sorted_by(|a, b| crate::scores::best_first(a, b).is_le()));
        let ranked = top(scores, n_labels, gold.len().max(DEPTH));
        self.add_first(&ranked, gold);
        *self
            .r_recalled
            .entry((gold.len() as u64, hits(&ranked, gold, gold.len())))
            .or_default() += 1;
    }

    /// Counts a document by its first [`DEPTH`] ranks: enough for all figures but the R-precision. `gold` is sorted and not empty.
    pub(super) fn add_first(&mut self, ranked: &[LabelIndex], gold: &[LabelIndex]) {
        let n_gold = gold.len() as u64;
        let is_hit = |label: &LabelIndex| gold.binary_search(label).is_ok();
        let bit = |(rank, label)| usize::from(is_hit(label)) << rank;
        let pattern: usize = ranked.iter().take(DEPTH).enumerate().map(bit).sum();
        self.documents += 1;
        self.patterns[pattern][gold.len().min(DEPTH)] += 1;
        *self
            .recalled
            .entry((n_gold, u64::from(pattern.count_ones())))
            .or_default() += 1;
    }

    /// Documents counted.
    pub(super) fn documents(&self) -> u64 {
        self.documents
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.documents += other.documents;
        for (sum, more) in self
            .patterns
            .iter_mut()
            .flatten()
            .zip(other.patterns.iter().flatten())
        {
            *sum += more;
        }
        for (sums, more) in [
            (&mut self.recalled, &other.recalled),
            (&mut self.r_recalled, &other.r_recalled),
        ] {
            for (&key, count) in more {
                *sums.entry(key).or_default() += count;
            }
        }
    }

    pub(super) fn finish(&self) -> RankMetrics {
        RankMetrics {
            precision_at_1: self.precision_at(1),
            precision_at_3: self.precision_at(3),
            precision_at_5: self.precision_at(5),
            recall_at_5: self.mean_share(&self.recalled),
            ndcg_at_5: self.ndcg(),
            r_precision: self.mean_share(&self.r_recalled),
        }
    }

    fn precision_at(&self, k: usize) -> f64 {
        let hits = |pattern: usize| u64::from((pattern & ((1 << k) - 1)).count_ones());
        let rows = self.patterns.iter().enumerate();
        let total: u64 = rows
            .map(|(pattern, row)| hits(pattern) * row.iter().sum::<u64>())
            .sum();
        ratio(total, self.documents * k as u64)
    }

    fn mean_share(&self, counts: &BTreeMap<(u64, u64), u64>) -> f64 {
        let total: f64 = counts
            .iter()
            .map(|(&(gold, hits), &n)| ratio(hits * n, gold))
            .sum();
        if self.documents == 0 {
            0.0
        } else {
            total / self.documents as f64
        }
    }

    fn ndcg(&self) -> f64 {
        let mut total = 0.0;
        for (pattern, row) in self.patterns.iter().enumerate() {
            let gain: f64 = (0..DEPTH)
                .filter(|rank| pattern >> rank & 1 == 1)
                .map(discount)
                .sum();
            for (n_gold, &n) in row.iter().enumerate().filter(|&(_, &n)| n > 0) {
                let best: f64 = (0..n_gold).map(discount).sum();
                total += n as f64 * (gain / best);
            }
        }
        if self.documents == 0 {
            0.0
        } else {
            total / self.documents as f64
        }
    }
}
