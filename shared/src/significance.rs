//! Whether the difference between two runs on the same documents is more than chance.
//!
//! Documents are the unit: they are drawn with replacement (paired bootstrap, which also gives the interval), or the
//! answers of the two runs are swapped document by document (approximate randomization); exact matches are compared
//! by the exact test of `McNemar`. Where several trainings stand on each side, [`permutation`] tests their figures. Everything is a pure function of the documents and the seed; their order does not matter.

#![allow(
    clippy::indexing_slicing,
    reason = "the inner loops walk arrays that were made for each other"
)]

mod documents;
mod intervals;
mod permutation;
mod random;
mod resample;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::LabelIndex;
use crate::decode::Judged;
use crate::metrics::{Counts, f1};
use crate::sets;
use crate::taxonomy::Taxonomy;
use documents::Documents;
pub use intervals::{Intervals, RawIntervals, intervals};
pub use permutation::permutation;
use random::Random;
use resample::{Differences, LANES, Plan};

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TestMethod {
    /// Documents drawn with replacement.
    PairedBootstrap,
    /// The two runs' answers swapped at random, document by document.
    ApproximateRandomization,
    /// Exact binomial test on the documents that only one of the two has right.
    McnemarExact,
}

impl TestMethod {
    /// The word in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PairedBootstrap => "paired_bootstrap",
            Self::ApproximateRandomization => "approximate_randomization",
            Self::McnemarExact => "mcnemar_exact",
        }
    }
}

impl fmt::Display for TestMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One test of the difference `a - b` of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PairedTest {
    /// `micro_f1`, `macro_f1`, `hierarchical_f1` or `exact_match`.
    pub metric: String,
    /// The metric of the first run minus that of the second.
    pub difference: f64,
    /// 95 % interval of the difference, from the bootstrap.
    pub interval: [f64; 2],
    /// Two-sided.
    pub p: f64,
    /// How `p` was found.
    pub method: TestMethod,
}

/// How much work to do, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Options {
    /// Bootstrap samples, and as many random swaps.
    pub resamples: u32,
    /// Seed of both.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            resamples: 10_000,
            seed: 0,
        }
    }
}

/// Tests the difference of two runs that judged the same documents, in the order of `gold` (closed upwards).
///
/// Seven tests: `micro_f1`, `macro_f1` (decoded sets) and `hierarchical_f1` by bootstrap and by randomization each,
/// `exact_match` by the exact binomial test. None without documents; documents beyond the shortest of the three lists are ignored.
#[must_use]
pub fn compare(
    a: &[Judged],
    b: &[Judged],
    gold: &[Vec<LabelIndex>],
    taxonomy: &Taxonomy,
    options: Options,
) -> Vec<PairedTest> {
    let comparison = Comparison::new(a, b, gold, taxonomy, options);
    let batches: Vec<Batch> = (0..comparison.n_batches())
        .map(|batch| comparison.batch(batch))
        .collect();
    comparison.finish(&batches)
}

/// A comparison cut into batches that do not depend on each other, for callers with several threads.
pub struct Comparison {
    plan: Plan,
    options: Options,
    /// Micro-F1, macro-F1, hierarchical F1 and share of exact matches: first run minus second.
    differences: [f64; 4],
    /// Documents that only the first, and only the second run has exactly right.
    only_one: [u64; 2],
    is_empty: bool,
}

/// The resamples of one batch.
pub struct Batch {
    bootstrap: [Differences; LANES],
    swapped: [Differences; LANES],
}

impl Comparison {
    /// Counts the documents. See [`compare`].
    #[must_use]
    pub fn new(
        a: &[Judged],
        b: &[Judged],
        gold: &[Vec<LabelIndex>],
        taxonomy: &Taxonomy,
        options: Options,
    ) -> Self {
        let n = gold.len().min(a.len()).min(b.len());
        let (a, b, gold) = (&a[..n], &b[..n], &gold[..n]);
        let (first, second) = (figures(a, gold, taxonomy), figures(b, gold, taxonomy));
        Self {
            plan: Plan::new(Documents::new(a, b, gold, taxonomy)),
            options,
            differences: std::array::from_fn(|metric| first[metric] - second[metric]),
            only_one: only_one(a, b, gold),
            is_empty: n == 0,
        }
    }

    /// Number of batches to compute, in any order.
    #[must_use]
    pub fn n_batches(&self) -> u32 {
        if self.is_empty {
            0
        } else {
            self.options.resamples.div_ceil(LANES as u32)
        }
    }

    /// Computes the batch with this number, below [`n_batches`](Self::n_batches).
    #[must_use]
    pub fn batch(&self, batch: u32) -> Batch {
        let mut counters = self.plan.counters();
        let stream = u64::from(batch) * 2;
        Batch {
            bootstrap: self
                .plan
                .bootstrap(&mut Random::new(self.options.seed, stream), &mut counters),
            swapped: self.plan.swap(
                &mut Random::new(self.options.seed, stream + 1),
                &mut counters,
            ),
        }
    }

    /// The tests, from all batches.
    #[must_use]
    pub fn finish(&self, batches: &[Batch]) -> Vec<PairedTest> {
        if self.is_empty {
            return Vec::new();
        }
        let n = self.options.resamples as usize;
        let bootstrap: Vec<Differences> = batches
            .iter()
            .flat_map(|batch| batch.bootstrap)
            .take(n)
            .collect();
        let swapped: Vec<Differences> = batches
            .iter()
            .flat_map(|batch| batch.swapped)
            .take(n)
            .collect();
        let observed = self.plan.observed();
        let mut tests = Vec::new();
        for (position, (metric, value)) in METRICS.into_iter().enumerate() {
            let difference = self.differences[position];
            let mut sorted: Vec<f64> = bootstrap.iter().map(value).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let interval = [
                quantile(&sorted, 0.025, difference),
                quantile(&sorted, 0.975, difference),
            ];
            let mut push = |p, method| {
                tests.push(PairedTest {
                    metric: metric.to_owned(),
                    difference,
                    interval,
                    p,
                    method,
                })
            };
            if metric == "exact_match" {
                push(mcnemar(self.only_one), TestMethod::McnemarExact);
            } else {
                push(bootstrap_p(&sorted), TestMethod::PairedBootstrap);
                push(
                    swap_p(value(&observed), swapped.iter().map(value)),
                    TestMethod::ApproximateRandomization,
                );
            }
        }
        tests
    }
}

type Figure = fn(&Differences) -> f64;

/// Metrics in the order of [`Comparison::differences`].
const METRICS: [(&str, Figure); 4] = [
    ("micro_f1", |differences| differences.micro),
    ("macro_f1", |differences| differences.macro_),
    ("hierarchical_f1", |differences| differences.hierarchical),
    ("exact_match", |differences| differences.exact),
];

/// Sums of the same numbers in another order differ by less than this.
const ROUNDING: f64 = 1e-12;

/// The tested figures of one run, by the arithmetic of the metrics.
fn figures(run: &[Judged], gold: &[Vec<LabelIndex>], taxonomy: &Taxonomy) -> [f64; 4] {
    let mut counts = Counts::new(taxonomy.len());
    let mut hierarchical = [0; 3];
    let mut exact: u64 = 0;
    for (judged, gold) in run.iter().zip(gold) {
        let gold = sets::sorted(gold);
        counts.add(&gold, &judged.labels);
        let closed = taxonomy.close(&judged.raw);
        hierarchical[0] += sets::n_common(&gold, &closed);
        hierarchical[1] += closed.len() as u64;
        hierarchical[2] += gold.len() as u64;
        exact += u64::from(*gold == judged.labels[..]);
    }
    let [tp, predicted, gold] = hierarchical;
    let share = if run.is_empty() {
        0.0
    } else {
        exact as f64 / run.len() as f64
    };
    [
        counts.micro_f1(),
        counts.macro_f1(),
        f1(tp, predicted, gold),
        share,
    ]
}

fn only_one(a: &[Judged], b: &[Judged], gold: &[Vec<LabelIndex>]) -> [u64; 2] {
    let mut counts = [0, 0];
    for ((a, b), gold) in a.iter().zip(b).zip(gold) {
        let gold = sets::sorted(gold);
        match (*gold == a.labels[..], *gold == b.labels[..]) {
            (true, false) => counts[0] += 1,
            (false, true) => counts[1] += 1,
            _ => {}
        }
    }
    counts
}

/// Linear interpolation between the two nearest values; `default` without values.
fn quantile(sorted: &[f64], share: f64, default: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return default;
    };
    let position = share * last as f64;
    let below = position.floor() as usize;
    let above = sorted[(below + 1).min(last)];
    sorted[below] + (above - sorted[below]) * position.fract()
}

/// Twice the share of samples on the rarer side of zero; the observed difference counts as one more sample.
fn bootstrap_p(sorted: &[f64]) -> f64 {
    let below = sorted.partition_point(|&difference| difference <= ROUNDING);
    let above = sorted.len() - sorted.partition_point(|&difference| difference < -ROUNDING);
    (2.0 * (below.min(above) + 1) as f64 / (sorted.len() + 1) as f64).min(1.0)
}

/// Share of samples at least as far from zero as the observed difference, which counts as one of them.
fn swap_p(observed: f64, samples: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = samples.len();
    let extreme = samples
        .filter(|sample| sample.abs() >= observed.abs() - ROUNDING)
        .count();
    (extreme + 1) as f64 / (n + 1) as f64
}

/// Two-sided exact test that both numbers come from fair coins.
#[must_use]
pub fn mcnemar(only_one: [u64; 2]) -> f64 {
    let n = only_one[0] + only_one[1];
    let fewer = only_one[0].min(only_one[1]);
    // From the logarithm of the mass at 0, upwards; masses far from the middle may vanish, their sum is what counts.
    let mut log_mass = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = log_mass.exp();
    for k in 0..fewer {
        log_mass += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
        sum += log_mass.exp();
    }
    (2.0 * sum).min(1.0)
}

/// p-values adjusted by Holm's step-down procedure, in the order given.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut highest: f64 = 0.0;
    for (rank, &position) in order.iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        highest = highest.max((p_values[position] * factor).min(1.0));
        adjusted[position] = highest;
    }
    adjusted
}
