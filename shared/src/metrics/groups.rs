//! Rank figures by group of labels: those that many training documents have, few, and none (zero-shot).
//!
//! Labels that no document of any split has, such as ancestors that are never given, are in no group: nothing could be
//! right about them. EURLEX57K has 746 frequent, 3,362 few and 163 zero ones of some seven thousand.
//!
//! A document is ranked within each group by itself: labels outside it are masked first, and a document without gold
//! label in it does not count. Gold are the labels as given, not closed upwards (EURLEX57K gives leaves only).

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};

use super::ranking::{DEPTH, RankCounts, masked};
use crate::LabelIndex;
use crate::scores::best_first;
use crate::sets;

/// A label in more training documents than this is frequent, as in the standard release of EURLEX57K.
pub const FREQUENT_ABOVE: u64 = 50;

/// Rank figures of one group of labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupMetrics {
    /// `frequent`, `few`, `zero` or `overall`.
    pub name: String,
    /// Labels in the group.
    pub labels: u64,
    /// Documents with a gold label in the group; the figures are means over them.
    pub documents: u64,
    /// Share of the group's gold labels that are on the first five ranks within the group.
    pub recall_at_5: f64,
    /// Discounted gain of the first five ranks within the group, as a share of the best possible.
    pub ndcg_at_5: f64,
}

/// Which labels belong to which group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelGroups {
    groups: [Group; 4],
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: &'static str,
    /// Sorted.
    labels: Vec<LabelIndex>,
    /// For every label of the taxonomy.
    has: Vec<bool>,
}

impl LabelGroups {
    /// Groups labels by the number of training documents that have them (as given): more than `frequent_above`, at least
    /// one, none though some document has them; and these three together. `elsewhere` counts the documents of other
    /// splits.
    #[must_use]
    pub fn new(documents: &[u64], elsewhere: &[u64], frequent_above: u64) -> Self {
        let group = |name, belongs: &dyn Fn(u64, bool) -> bool| {
            let has: Vec<bool> = documents
                .iter()
                .zip(elsewhere)
                .map(|(&n, &others)| belongs(n, n + others > 0))
                .collect();
            let labels = (0..).zip(&has).filter(|&(_, &has)| has);
            Group {
                name,
                labels: labels.map(|(label, _)| label).collect(),
                has,
            }
        };
        Self {
            groups: [
                group("frequent", &|n, _| n > frequent_above),
                group("few", &|n, _| 0 < n && n <= frequent_above),
                group("zero", &|n, carried| n == 0 && carried),
                group("overall", &|_, carried| carried),
            ],
        }
    }
}

/// Scores of a document.
#[derive(Clone, Copy, Debug)]
pub enum ScoreList<'a> {
    /// One for each label.
    Dense(&'a [f32]),
    /// Of some labels, in any order, each once; the others have the score 0.
    Listed(&'a [(LabelIndex, f32)]),
}

/// Counts documents one by one; their order does not change a digit.
#[derive(Clone, Debug)]
pub struct GroupRanks<'g> {
    groups: &'g LabelGroups,
    counts: [RankCounts; 4],
}

impl<'g> GroupRanks<'g> {
    /// Starts without documents.
    #[must_use]
    pub fn new(groups: &'g LabelGroups) -> Self {
        Self {
            groups,
            counts: Default::default(),
        }
    }

    /// Counts a document: its labels as given and its scores. Labels rank by score descending, then by index.
    pub fn add(&mut self, gold: &[LabelIndex], scores: ScoreList<'_>) {
        let gold = sets::sorted(gold);
        let scored = Scored {
            scores,
            not_zero: OnceCell::new(),
        };
        for (group, counts) in self.groups.groups.iter().zip(&mut self.counts) {
            let gold = masked(&gold, |label| group.has[label as usize]);
            if !gold.is_empty() {
                counts.add_first(&group.first(&scored), &gold);
            }
        }
    }

    /// The figures: `frequent`, `few`, `zero`, `overall`.
    #[must_use]
    pub fn finish(&self) -> Vec<GroupMetrics> {
        let metrics = |(group, counts): (&Group, &RankCounts)| {
            let ranks = counts.finish();
            GroupMetrics {
                name: group.name.to_owned(),
                labels: group.labels.len() as u64,
                documents: counts.documents(),
                recall_at_5: ranks.recall_at_5,
                ndcg_at_5: ranks.ndcg_at_5,
            }
        };
        self.groups
            .groups
            .iter()
            .zip(&self.counts)
            .map(metrics)
            .collect()
    }
}

impl Group {
    /// The first ranks within the group: scores above 0, then labels with the score 0, then scores below.
    fn first(&self, scored: &Scored<'_>) -> Vec<LabelIndex> {
        let (mut above, mut below) = (Best::default(), Best::default());
        scored.for_each(|label, score| {
            if self.has[label as usize] {
                if score > 0.0 {
                    above.offer(label, score);
                } else if score < 0.0 {
                    below.offer(label, score);
                }
            }
        });
        let mut ranked = above.labels();
        if ranked.len() < DEPTH {
            let zeros = self.labels.iter().filter(|&&label| scored.is_zero(label));
            ranked.extend(zeros.take(DEPTH - ranked.len()));
            ranked.extend(below.labels());
            ranked.truncate(DEPTH);
        }
        ranked
    }
}

/// The best few of many.
#[derive(Default)]
struct Best(Vec<(LabelIndex, f32)>);

impl Best {
    fn offer(&mut self, label: LabelIndex, score: f32) {
        let at = self
            .0
            .partition_point(|kept| best_first(kept, &(label, score)).is_lt());
        if at < DEPTH {
            self.0.truncate(DEPTH - 1);
            self.0.insert(at, (label, score));
        }
    }

    fn labels(&self) -> Vec<LabelIndex> {
        self.0.iter().map(|&(label, _)| label).collect()
    }
}

struct Scored<'a> {
    scores: ScoreList<'a>,
    /// Of a list: its labels whose score is not 0, sorted. Made when somebody asks.
    not_zero: OnceCell<Vec<LabelIndex>>,
}

impl Scored<'_> {
    fn for_each(&self, mut visit: impl FnMut(LabelIndex, f32)) {
        match self.scores {
            ScoreList::Dense(scores) => (0..)
                .zip(scores)
                .for_each(|(label, &score)| visit(label, score)),
            ScoreList::Listed(scores) => scores
                .iter()
                .for_each(|&(label, score)| visit(label, score)),
        }
    }

    /// Scores that are not numbers count as 0.
    fn is_zero(&self, label: LabelIndex) -> bool {
        let counts = |score: f32| !score.is_nan() && score != 0.0;
        match self.scores {
            ScoreList::Dense(scores) => !scores.get(label as usize).copied().is_some_and(counts),
            ScoreList::Listed(scores) => {
                let not_zero = self.not_zero.get_or_init(|| {
                    let listed = scores.iter().filter(|&&(_, score)| counts(score));
                    let mut labels: Vec<LabelIndex> = listed.map(|&(label, _)| label).collect();
                    labels.sort_unstable();
                    labels
                });
                not_zero.binary_search(&label).is_err()
            }
        }
    }
}
