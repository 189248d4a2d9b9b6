//! From a raw set and scores to a set that does not contradict the taxonomy.
//!
//! Two rules weigh scores: a label counts for a set by how far its score lies above the threshold, in log-odds, and
//! against it where it lies below. Labels that nothing speaks for only ever come in as ancestors.

mod closure;

use std::collections::{BTreeSet, HashMap};

use super::{DecodingRule, Ends};
use crate::LabelIndex;
use crate::scores::DocumentScores;
use crate::sets;
use crate::taxonomy::Taxonomy;

/// Scores and thresholds count as at least this, and at most one minus it: a score of 0 speaks against a label, but not
/// against everything below it.
const LEAST: f64 = 0.001;
/// Weights are whole multiples of this part of a unit of log-odds: sums are exact, and the same in every browser.
const PARTS: f64 = 1_048_576.0;

/// What rules decide from.
pub(super) struct Evidence<'a> {
    pub(super) taxonomy: &'a Taxonomy,
    /// The set before decoding, sorted.
    pub(super) raw: &'a [LabelIndex],
    scores: HashMap<LabelIndex, f32>,
    threshold: &'a dyn Fn(LabelIndex) -> f32,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(
        taxonomy: &'a Taxonomy,
        raw: &'a [LabelIndex],
        scores: &DocumentScores,
        threshold: &'a dyn Fn(LabelIndex) -> f32,
    ) -> Self {
        Self {
            taxonomy,
            raw,
            scores: scores.scores.iter().copied().collect(),
            threshold,
        }
    }

    /// What speaks for a label, in parts of log-odds.
    fn weight(&self, label: LabelIndex) -> i64 {
        let odds = |p: f32| {
            let p = f64::from(p).clamp(LEAST, 1.0 - LEAST);
            (p / (1.0 - p)).ln()
        };
        let score = self.scores.get(&label).copied().unwrap_or(0.0);
        ((odds(score) - odds((self.threshold)(label))) * PARTS).round() as i64
    }

    /// A label with its ancestors, sorted.
    fn upwards(&self, label: LabelIndex) -> Vec<LabelIndex> {
        self.taxonomy.close(&[label])
    }

    /// What speaks for a label and its ancestors together.
    fn weight_upwards(&self, label: LabelIndex) -> i64 {
        let path = self.upwards(label);
        path.into_iter().map(|label| self.weight(label)).sum()
    }

    /// The decided set, closed upwards and sorted.
    pub(super) fn decide(
        &self,
        rule: DecodingRule,
        ends: Ends,
        at_least_one: bool,
    ) -> Vec<LabelIndex> {
        let mut labels = match rule {
            DecodingRule::CloseUp => self.taxonomy.close(self.raw),
            DecodingRule::TopDown => self.top_down(),
            DecodingRule::BestSet => self.best_set(),
            DecodingRule::BestPath => self.best_path(ends, false),
        };
        if labels.is_empty() && at_least_one {
            labels = self.best_path(ends, true);
        }
        match ends {
            Ends::Anywhere => labels,
            Ends::Leaves => self.down_to_leaves(&labels),
        }
    }

    /// Labels of the raw set that can be reached from the top through labels of the raw set.
    fn top_down(&self) -> Vec<LabelIndex> {
        let mut kept: BTreeSet<LabelIndex> = BTreeSet::new();
        let in_raw = |label: LabelIndex| self.raw.binary_search(&label).is_ok();
        let mut open: Vec<LabelIndex> = self.taxonomy.top_level().to_vec();
        while let Some(label) = open.pop() {
            if in_raw(label) && kept.insert(label) {
                open.extend_from_slice(self.taxonomy.children(label));
            }
        }
        let kept: Vec<LabelIndex> = kept.into_iter().collect();
        self.taxonomy.close(&kept)
    }

    /// Of all sets that are closed upwards one with the highest sum of weights; of several, the smallest.
    fn best_set(&self) -> Vec<LabelIndex> {
        let speaking: Vec<LabelIndex> = self
            .scores
            .keys()
            .copied()
            .filter(|&label| self.weight(label) > 0)
            .collect();
        let labels = self.taxonomy.close(&sets::sorted(&speaking));
        let weights: Vec<i64> = labels.iter().map(|&label| self.weight(label)).collect();
        let place = |label: &LabelIndex| labels.binary_search(label).ok();
        let parents: Vec<Vec<usize>> = labels
            .iter()
            .map(|&label| {
                self.taxonomy
                    .parents(label)
                    .iter()
                    .filter_map(place)
                    .collect()
            })
            .collect();
        let chosen = closure::heaviest(&weights, &parents);
        labels
            .iter()
            .zip(chosen)
            .filter_map(|(&label, chosen)| chosen.then_some(label))
            .collect()
    }

    /// The label with its ancestors for which most speaks together: nothing when more speaks against each, unless one is
    /// `wanted`. Of several, the one nearest to the top, then the first.
    fn best_path(&self, ends: Ends, wanted: bool) -> Vec<LabelIndex> {
        let is_end = |label: LabelIndex| match ends {
            Ends::Anywhere => true,
            Ends::Leaves => self.taxonomy.children(label).is_empty(),
        };
        // Nothing speaks for what has no score: such labels are looked at only where there must be an answer.
        let scored: Vec<LabelIndex> = self.scores.keys().copied().collect();
        let scored = self.taxonomy.close(&sets::sorted(&scored));
        let best_of = |labels: &mut dyn Iterator<Item = LabelIndex>| {
            labels
                .filter(|&label| is_end(label))
                .map(|label| {
                    let level = self.taxonomy.level(label);
                    (std::cmp::Reverse(self.weight_upwards(label)), level, label)
                })
                .min()
        };
        let best = best_of(&mut scored.iter().copied());
        let best = match best {
            None if wanted => best_of(&mut self.taxonomy.indexes()),
            best => best,
        };
        match best {
            Some((weight, _, label)) if wanted || weight.0 > 0 => self.upwards(label),
            _ => Vec::new(),
        }
    }

    /// The set, and below each of its ends that is no leaf the children for which most speaks, one on each level.
    fn down_to_leaves(&self, labels: &[LabelIndex]) -> Vec<LabelIndex> {
        let mut all = labels.to_vec();
        for &end in labels {
            let children = self.taxonomy.children(end);
            if children
                .iter()
                .any(|child| labels.binary_search(child).is_ok())
            {
                continue;
            }
            let mut at = end;
            while let Some(&child) = self
                .taxonomy
                .children(at)
                .iter()
                .min_by_key(|&&child| (std::cmp::Reverse(self.weight(child)), child))
            {
                all.push(child);
                at = child;
            }
        }
        self.taxonomy.close(&sets::sorted(&all))
    }
}
