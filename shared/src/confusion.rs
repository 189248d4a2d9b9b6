//! What a prediction says in place of what is right: by kind of error, and from label to label.
//!
//! A set is looked at through its ends, the labels without a child in the set: what lies above them follows. An end that
//! both sets have is right. Each other gold end is set beside a wrong predicted end, if one can be meant by it:
//!
//! 1. one below it (the prediction went too deep), or one above it (not deep enough); several may share one;
//! 2. else, one to one and nearest first, any other within reach: below the same parent, or in another branch.
//!
//! What is left of the gold ends was missed, what is left of the predicted ones is extra.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::LabelIndex;
use crate::sets;
use crate::taxonomy::Taxonomy;

/// What became of a gold end, or where a predicted one came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Predicted as it is.
    Right,
    /// The prediction ends above.
    TooShallow,
    /// The prediction goes on below.
    TooDeep,
    /// Another label below the same parent, or on the top level.
    WrongSibling,
    /// A label elsewhere.
    WrongBranch,
    /// Nothing was predicted for it.
    Missed,
    /// Predicted where nothing was right.
    Extra,
}

/// A gold end and what was predicted in its place. At least one of the two is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// The gold end.
    pub gold: Option<LabelIndex>,
    /// The predicted end.
    pub predicted: Option<LabelIndex>,
    /// How they differ.
    pub kind: ErrorKind,
    /// Edges between them over their nearest common ancestor, or the root: 0 where they are one label. For what was missed
    /// or is extra, the edges to the root.
    pub distance: u32,
}

/// The ends of a closed set: its labels without a child in it. `labels` is sorted.
#[must_use]
pub fn ends(taxonomy: &Taxonomy, labels: &[LabelIndex]) -> Vec<LabelIndex> {
    let mut inner: Vec<LabelIndex> = labels
        .iter()
        .flat_map(|&label| taxonomy.parents(label).iter().copied())
        .collect();
    inner.sort_unstable();
    labels
        .iter()
        .copied()
        .filter(|label| inner.binary_search(label).is_err())
        .collect()
}

/// What became of each gold end of a document, then the extra predicted ones; each by label. Both sets are closed upwards.
#[must_use]
pub fn outcomes(
    taxonomy: &Taxonomy,
    gold: &[LabelIndex],
    predicted: &[LabelIndex],
) -> Vec<Outcome> {
    let (gold, predicted) = (sets::sorted(gold), sets::sorted(predicted));
    let (gold_ends, predicted_ends) = (ends(taxonomy, &gold), ends(taxonomy, &predicted));
    let is_in = |set: &[LabelIndex], label: LabelIndex| set.binary_search(&label).is_ok();
    let mut found: Vec<Outcome> = Vec::new();
    let mut push = |gold: Option<LabelIndex>, predicted: Option<LabelIndex>, kind, distance| {
        found.push(Outcome {
            gold,
            predicted,
            kind,
            distance,
        });
    };
    let mut open_gold = Vec::new();
    for &end in &gold_ends {
        if is_in(&predicted_ends, end) {
            push(Some(end), Some(end), ErrorKind::Right, 0);
        } else {
            open_gold.push(end);
        }
    }
    let wrong: Vec<LabelIndex> = predicted_ends
        .iter()
        .copied()
        .filter(|&end| !is_in(&gold_ends, end))
        .collect();
    let (mut used, mut left) = (vec![false; wrong.len()], Vec::new());
    for &end in &open_gold {
        let mut is_met = false;
        for (used, &other) in used.iter_mut().zip(&wrong) {
            let kind = if is_in(taxonomy.ancestors(other), end) {
                ErrorKind::TooDeep
            } else if is_in(taxonomy.ancestors(end), other) {
                ErrorKind::TooShallow
            } else {
                continue;
            };
            push(Some(end), Some(other), kind, distance(taxonomy, end, other));
            (*used, is_met) = (true, true);
        }
        if !is_met {
            left.push(end);
        }
    }
    let rest: Vec<LabelIndex> = wrong
        .iter()
        .zip(&used)
        .filter_map(|(&end, used)| (!used).then_some(end))
        .collect();
    let mut pairs: Vec<(u32, LabelIndex, LabelIndex)> = left
        .iter()
        .flat_map(|&gold| rest.iter().map(move |&other| (gold, other)))
        .map(|(gold, other)| (distance(taxonomy, gold, other), gold, other))
        .collect();
    pairs.sort_unstable();
    let (mut paired, mut pairing) = (BTreeMap::new(), BTreeMap::new());
    for (distance, gold, other) in pairs {
        if paired.contains_key(&gold) || pairing.contains_key(&other) {
            continue;
        }
        paired.insert(gold, other);
        pairing.insert(other, gold);
        let kind = if are_siblings(taxonomy, gold, other) {
            ErrorKind::WrongSibling
        } else {
            ErrorKind::WrongBranch
        };
        push(Some(gold), Some(other), kind, distance);
    }
    for gold in left.into_iter().filter(|end| !paired.contains_key(end)) {
        push(Some(gold), None, ErrorKind::Missed, taxonomy.level(gold));
    }
    for other in rest.into_iter().filter(|end| !pairing.contains_key(end)) {
        push(None, Some(other), ErrorKind::Extra, taxonomy.level(other));
    }
    found.sort_unstable_by_key(|outcome| (outcome.gold.is_none(), outcome.gold, outcome.predicted));
    found
}

/// Whether two labels have a parent in common, the root where neither has one.
fn are_siblings(taxonomy: &Taxonomy, a: LabelIndex, b: LabelIndex) -> bool {
    let (a, b) = (taxonomy.parents(a), taxonomy.parents(b));
    (a.is_empty() && b.is_empty()) || a.iter().any(|parent| b.contains(parent))
}

/// Edges from a label to the other over the common ancestor for which they are fewest, the root included.
#[must_use]
pub fn distance(taxonomy: &Taxonomy, a: LabelIndex, b: LabelIndex) -> u32 {
    let above_a = heights(taxonomy, a);
    let above_b = heights(taxonomy, b);
    let over_root = taxonomy.level(a) + taxonomy.level(b);
    above_a
        .iter()
        .filter_map(|(label, up)| Some(up + above_b.get(label)?))
        .min()
        .map_or(over_root, |found| found.min(over_root))
}

/// Edges up to the label itself and to each of its ancestors, by the shortest way.
fn heights(taxonomy: &Taxonomy, label: LabelIndex) -> HashMap<LabelIndex, u32> {
    let mut heights = HashMap::from([(label, 0)]);
    let mut layer = vec![label];
    let mut height = 0;
    while !layer.is_empty() {
        height += 1;
        let mut above = Vec::new();
        for label in layer {
            for &parent in taxonomy.parents(label) {
                if let std::collections::hash_map::Entry::Vacant(place) = heights.entry(parent) {
                    place.insert(height);
                    above.push(parent);
                }
            }
        }
        layer = above;
    }
    heights
}

/// How often what was predicted in place of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    cells: BTreeMap<Cell, u64>,
    documents: u64,
    distances: u64,
    ends: u64,
}

/// A gold end, a predicted one, and how they differ.
type Cell = (Option<LabelIndex>, Option<LabelIndex>, ErrorKind);

impl Confusion {
    /// Counts a document. Both sets are closed upwards.
    pub fn add(&mut self, taxonomy: &Taxonomy, gold: &[LabelIndex], predicted: &[LabelIndex]) {
        self.documents += 1;
        for outcome in outcomes(taxonomy, gold, predicted) {
            let cell = (outcome.gold, outcome.predicted, outcome.kind);
            *self.cells.entry(cell).or_default() += 1;
            self.distances += u64::from(outcome.distance);
            self.ends += 1;
        }
    }

    /// Adds what another counted on other documents of the same taxonomy.
    pub fn merge(&mut self, other: &Self) {
        for (&cell, count) in &other.cells {
            *self.cells.entry(cell).or_default() += count;
        }
        self.documents += other.documents;
        self.distances += other.distances;
        self.ends += other.ends;
    }

    /// Outcomes by kind, those that did not come up left out.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<ErrorKind, u64> {
        let mut kinds = BTreeMap::new();
        for (&(_, _, kind), count) in &self.cells {
            *kinds.entry(kind).or_default() += count;
        }
        kinds
    }

    /// Mean edges between what is right and what was predicted, over all outcomes; 0 without any.
    #[must_use]
    pub fn mean_distance(&self) -> f64 {
        if self.ends == 0 {
            0.0
        } else {
            self.distances as f64 / self.ends as f64
        }
    }

    /// Every pair of ends with its count, errors and right ones, most frequent first, then by label.
    #[must_use]
    pub fn cells(&self) -> Vec<(Outcome, u64)> {
        self.collapsed(|label| label)
            .into_iter()
            .map(|((gold, predicted, kind), count)| {
                let outcome = Outcome {
                    gold,
                    predicted,
                    kind,
                    distance: 0,
                };
                (outcome, count)
            })
            .collect()
    }

    /// The same with each label replaced by what it is shown as, such as its ancestor on a level that is collapsed.
    #[must_use]
    pub fn collapsed(&self, shown_as: impl Fn(LabelIndex) -> LabelIndex) -> Vec<(Cell, u64)> {
        let mut sums: BTreeMap<Cell, u64> = BTreeMap::new();
        for (&(gold, predicted, kind), count) in &self.cells {
            let cell = (gold.map(&shown_as), predicted.map(&shown_as), kind);
            *sums.entry(cell).or_default() += count;
        }
        let mut cells: Vec<(Cell, u64)> = sums.into_iter().collect();
        cells.sort_by_key(|&(cell, count)| (std::cmp::Reverse(count), cell));
        cells
    }
}
