//! All figures that are ever reported, computed from gold and predicted label sets.
//!
//! Two kinds that are never mixed: figures of decoded sets (what a user gets) at the top, and figures of the sets
//! before decoding (what the papers score) under `raw`. A document counts by integers only, and rates are made once
//! at the end from sums in a fixed order: neither the order of documents nor how they are cut into batches changes a
//! digit, and micro and macro figures do not depend on the order of labels either.

#![allow(
    clippy::indexing_slicing,
    reason = "a label is a position in arrays as long as the taxonomy"
)]

pub mod breakdown;
mod counts;
mod groups;
pub mod ranking;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::LabelIndex;
use crate::decode::DecodingRule;
use crate::sets;
use crate::taxonomy::Taxonomy;

pub use crate::decode::Judged;
use counts::mean;
pub use counts::{Counts, f1, micro_macro, precision, recall};
pub use groups::{FREQUENT_ABOVE, GroupMetrics, GroupRanks, LabelGroups, ScoreList};
use ranking::RankCounts;

/// The figures of one set of documents. Rates are fractions, 0 to 1; a rate over nothing is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metrics {
    /// Documents judged.
    pub documents: u64,
    /// F1 of the pooled counts of all labels.
    pub micro_f1: f64,
    /// Mean F1 over all labels of the taxonomy; labels with neither gold nor prediction count 0.
    pub macro_f1: f64,
    /// Mean F1 over the labels that some document has.
    pub macro_f1_supported: f64,
    /// Precision of the pooled counts.
    pub micro_precision: f64,
    /// Recall of the pooled counts.
    pub micro_recall: f64,
    /// Share of documents whose set is predicted exactly.
    pub exact_match: f64,
    /// Share of gold labels on the first rank; rank figures are means over documents with a label.
    pub precision_at_1: f64,
    /// Share of gold labels on the first three ranks.
    pub precision_at_3: f64,
    /// Share of gold labels on the first five ranks.
    pub precision_at_5: f64,
    /// Share of the gold labels that are on the first five ranks.
    pub recall_at_5: f64,
    /// Discounted gain of the first five ranks as a share of the best possible.
    pub ndcg_at_5: f64,
    /// Share of gold labels on the first R ranks, R = number of gold labels.
    pub r_precision: f64,
    /// Figures of each level, from level 1.
    pub levels: Vec<LevelMetrics>,
    /// Figures of each label, in taxonomy order.
    pub labels: Vec<LabelMetrics>,
    /// Figures of the sets before decoding.
    pub raw: RawMetrics,
    /// What decoding did.
    pub decoding: DecodingMetrics,
}

/// Figures restricted to the labels of one level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelMetrics {
    /// 1 = below the root.
    pub level: u32,
    /// F1 of the pooled counts of the level.
    pub micro_f1: f64,
    /// Mean F1 over all labels of the level.
    pub macro_f1: f64,
    /// Gold labels of the level, over all documents.
    pub support: u64,
}

/// Figures of one label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelMetrics {
    /// Id of the label.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Documents that have it.
    pub support: u64,
    /// Right predictions among all predictions of it.
    pub precision: f64,
    /// Right predictions among all documents that have it.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// Figures of the sets before decoding, as the papers count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RawMetrics {
    /// F1 of the pooled counts of all labels.
    pub micro_f1: f64,
    /// Mean F1 over all labels of the taxonomy.
    pub macro_f1: f64,
    /// Micro-F1 where a prediction is only right when all ancestors of the label are predicted too.
    pub constrained_micro_f1: f64,
    /// Macro-F1 counted the same way.
    pub constrained_macro_f1: f64,
    /// Micro-precision after adding all ancestors to both sets.
    pub hierarchical_precision: f64,
    /// Micro-recall after adding all ancestors to both sets.
    pub hierarchical_recall: f64,
    /// Micro-F1 after adding all ancestors to both sets.
    pub hierarchical_f1: f64,
    /// Share of documents with a predicted label none of whose parents is predicted.
    pub inconsistency_rate: f64,
    /// Share of documents whose set is predicted exactly.
    pub exact_match: f64,
}

/// What decoding did to the raw sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecodingMetrics {
    /// The rule that made sets consistent.
    pub rule: DecodingRule,
    /// The threshold on raw scores; none when the method decided by itself or labels were counted.
    pub threshold: Option<f32>,
    /// Labels added to raw sets, over all documents.
    pub labels_added: u64,
    /// Labels removed from raw sets, over all documents.
    pub labels_removed: u64,
    /// Documents whose set changed.
    pub documents_changed: u64,
}

/// How the judged sets were decoded, for the record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DecodingRecord {
    /// The rule that made sets consistent.
    pub rule: DecodingRule,
    /// The threshold on raw scores, if one made the raw sets.
    pub threshold: Option<f32>,
}

/// Counts documents one by one and makes [`Metrics`] of them.
#[derive(Clone, Debug)]
pub struct MetricsBuilder<'t> {
    taxonomy: &'t Taxonomy,
    decoding: DecodingRecord,
    documents: u64,
    exact: u64,
    decoded: Counts,
    raw_exact: u64,
    raw: Counts,
    /// Right predictions of labels all of whose ancestors are predicted too.
    constrained_tp: Vec<u64>,
    /// Right, predicted and gold labels after adding ancestors.
    hierarchical: [u64; 3],
    inconsistent: u64,
    labels_added: u64,
    labels_removed: u64,
    documents_changed: u64,
    ranks: RankCounts,
}

impl<'t> MetricsBuilder<'t> {
    /// Starts without documents.
    #[must_use]
    pub fn new(taxonomy: &'t Taxonomy, decoding: DecodingRecord) -> Self {
        Self {
            taxonomy,
            decoding,
            documents: 0,
            exact: 0,
            decoded: Counts::new(taxonomy.len()),
            raw_exact: 0,
            raw: Counts::new(taxonomy.len()),
            constrained_tp: vec![0; taxonomy.len()],
            hierarchical: [0; 3],
            inconsistent: 0,
            labels_added: 0,
            labels_removed: 0,
            documents_changed: 0,
            ranks: RankCounts::default(),
        }
    }

    /// Counts one document: its gold labels, closed upwards, and its prediction.
    pub fn add(&mut self, gold: &[LabelIndex], judged: &Judged) {
        let gold = sets::sorted(gold);
        let raw = sets::sorted(&judged.raw);
        let labels = sets::sorted(&judged.labels);
        self.documents += 1;
        self.exact += u64::from(gold == labels);
        self.decoded.add(&gold, &labels);
        self.raw_exact += u64::from(gold == raw);
        self.raw.add(&gold, &raw);
        self.add_raw(&gold, &raw);
        let kept = sets::n_common(&raw, &labels);
        self.labels_added += labels.len() as u64 - kept;
        self.labels_removed += raw.len() as u64 - kept;
        self.documents_changed += u64::from(raw != labels);
        self.ranks.add(&judged.scores, &gold, self.taxonomy.len());
    }

    /// Figures that need the hierarchy.
    fn add_raw(&mut self, gold: &[LabelIndex], raw: &[LabelIndex]) {
        let taxonomy = self.taxonomy;
        let is_predicted = |label: &LabelIndex| raw.binary_search(label).is_ok();
        sets::for_each_common(gold, raw, |label| {
            let is_complete = taxonomy.ancestors(label).iter().all(is_predicted);
            self.constrained_tp[label as usize] += u64::from(is_complete);
        });
        let lacks_parents = |&label: &LabelIndex| {
            let parents = taxonomy.parents(label);
            !parents.is_empty() && !parents.iter().any(is_predicted)
        };
        self.inconsistent += u64::from(raw.iter().any(lacks_parents));
        let closed = taxonomy.close(raw);
        self.hierarchical[0] += sets::n_common(gold, &closed);
        self.hierarchical[1] += closed.len() as u64;
        self.hierarchical[2] += gold.len() as u64;
    }

    /// Adds the documents that another builder counted, for the same taxonomy.
    pub fn merge(&mut self, other: &Self) {
        self.documents += other.documents;
        self.exact += other.exact;
        self.decoded.merge(&other.decoded);
        self.raw_exact += other.raw_exact;
        self.raw.merge(&other.raw);
        for (sum, more) in self.constrained_tp.iter_mut().zip(&other.constrained_tp) {
            *sum += more;
        }
        for (sum, more) in self.hierarchical.iter_mut().zip(other.hierarchical) {
            *sum += more;
        }
        self.inconsistent += other.inconsistent;
        self.labels_added += other.labels_added;
        self.labels_removed += other.labels_removed;
        self.documents_changed += other.documents_changed;
        self.ranks.merge(&other.ranks);
    }

    /// The figures of all documents counted so far.
    #[must_use]
    pub fn finish(&self) -> Metrics {
        let decoded = &self.decoded;
        let [tp, predicted, gold] = decoded.totals();
        let ranks = self.ranks.finish();
        Metrics {
            documents: self.documents,
            micro_f1: decoded.micro_f1(),
            macro_f1: decoded.macro_f1(),
            macro_f1_supported: decoded.macro_f1_supported(),
            micro_precision: precision(tp, predicted),
            micro_recall: recall(tp, gold),
            exact_match: ratio(self.exact, self.documents),
            precision_at_1: ranks.precision_at_1,
            precision_at_3: ranks.precision_at_3,
            precision_at_5: ranks.precision_at_5,
            recall_at_5: ranks.recall_at_5,
            ndcg_at_5: ranks.ndcg_at_5,
            r_precision: ranks.r_precision,
            levels: self.levels(),
            labels: self.labels(),
            raw: self.finish_raw(),
            decoding: DecodingMetrics {
                rule: self.decoding.rule,
                threshold: self.decoding.threshold,
                labels_added: self.labels_added,
                labels_removed: self.labels_removed,
                documents_changed: self.documents_changed,
            },
        }
    }

    fn levels(&self) -> Vec<LevelMetrics> {
        let depth = self.taxonomy.depth() as usize;
        let mut sums = vec![[0_u64; 3]; depth];
        let mut scores: Vec<Vec<f64>> = vec![Vec::new(); depth];
        for label in self.taxonomy.indexes() {
            let level = self.taxonomy.level(label) as usize - 1;
            let counts = self.decoded.of(label);
            for (sum, count) in sums[level].iter_mut().zip(counts) {
                *sum += count;
            }
            scores[level].push(f1(counts[0], counts[1], counts[2]));
        }
        let levels = (1..).zip(sums.into_iter().zip(scores));
        let finish =
            |(level, ([tp, predicted, gold], scores)): (u32, ([u64; 3], Vec<f64>))| LevelMetrics {
                level,
                micro_f1: f1(tp, predicted, gold),
                macro_f1: mean(scores),
                support: gold,
            };
        levels.map(finish).collect()
    }

    fn labels(&self) -> Vec<LabelMetrics> {
        let label = |label: LabelIndex| {
            let [tp, predicted, gold] = self.decoded.of(label);
            LabelMetrics {
                id: self.taxonomy.id(label).to_owned(),
                name: self.taxonomy.name(label).to_owned(),
                support: gold,
                precision: precision(tp, predicted),
                recall: recall(tp, gold),
                f1: f1(tp, predicted, gold),
            }
        };
        self.taxonomy.indexes().map(label).collect()
    }

    fn finish_raw(&self) -> RawMetrics {
        let constrained = Counts {
            tp: self.constrained_tp.clone(),
            ..self.raw.clone()
        };
        let [tp, predicted, gold] = self.hierarchical;
        RawMetrics {
            micro_f1: self.raw.micro_f1(),
            macro_f1: self.raw.macro_f1(),
            constrained_micro_f1: constrained.micro_f1(),
            constrained_macro_f1: constrained.macro_f1(),
            hierarchical_precision: precision(tp, predicted),
            hierarchical_recall: recall(tp, gold),
            hierarchical_f1: f1(tp, predicted, gold),
            inconsistency_rate: ratio(self.inconsistent, self.documents),
            exact_match: ratio(self.raw_exact, self.documents),
        }
    }
}

/// A share of a whole; 0 of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
