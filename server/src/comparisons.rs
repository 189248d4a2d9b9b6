//! Comparing runs on documents that they all judged: figures of each, and paired tests of every pair.

mod compare;
pub mod routes;
mod store;

use arborist_shared::LabelIndex;
use arborist_shared::decode::Judged;
use arborist_shared::significance::{self, Options, PairedTest};
use arborist_shared::taxonomy::Taxonomy;

pub use compare::Compare;

/// A paired test of two runs, named by their positions.
#[derive(Clone, Debug, PartialEq)]
pub struct PairTest {
    pub a: usize,
    pub b: usize,
    pub test: PairedTest,
    /// Corrected by Holm over all tests of the comparison.
    pub p_holm: f64,
}

/// Tests every pair of runs by every metric. All runs judged the same documents, in the order of `gold`.
#[must_use]
pub fn paired_tests(
    taxonomy: &Taxonomy,
    gold: &[Vec<LabelIndex>],
    runs: &[Vec<Judged>],
    options: Options,
) -> Vec<PairTest> {
    let mut tests = Vec::new();
    for a in 0..runs.len() {
        for b in a + 1..runs.len() {
            let compared = significance::compare(&runs[a], &runs[b], gold, taxonomy, options);
            tests.extend(compared.into_iter().map(|test| PairTest {
                a,
                b,
                test,
                p_holm: 1.0,
            }));
        }
    }
    let corrected = significance::holm(&tests.iter().map(|pair| pair.test.p).collect::<Vec<_>>());
    for (pair, p_holm) in tests.iter_mut().zip(corrected) {
        pair.p_holm = p_holm;
    }
    tests
}
