//! Whether the difference between two runs on the same documents is more than chance.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

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
    /// Bootstrap samples and random swaps.
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
