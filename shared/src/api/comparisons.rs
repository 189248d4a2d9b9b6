//! Comparisons of runs on the documents that are test in all of them.

use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;
use crate::split::Split;

/// `POST /api/v1/comparisons`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewComparison {
    /// Two to ten runs.
    pub runs: Vec<i64>,
    /// `test`, which is also the default; nothing else can be compared.
    #[serde(default)]
    pub split: Option<Split>,
    /// Resamples of the bootstrap; 10,000 unless told otherwise.
    #[serde(default)]
    pub resamples: Option<u32>,
    /// Seed of the resampling.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// Answer of `POST /api/v1/comparisons` (201) and of `GET /api/v1/comparisons/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// Id of the comparison.
    pub id: i64,
    /// The part that was compared on.
    pub split: Split,
    /// Documents that count: in the split in every run, train or validation in none.
    pub n_documents: u64,
    /// Figures of each run.
    pub runs: Vec<ComparedRun>,
    /// One for each pair of runs, metric and way of testing it.
    pub tests: Vec<ComparedPair>,
    /// When it was made.
    pub created_at: String,
}

/// A run's figures on the shared documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparedRun {
    /// Id of the run.
    pub run: i64,
    /// Its figures.
    pub metrics: Metrics,
}

/// A paired test of `a` against `b`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparedPair {
    /// Id of the first run.
    pub a: i64,
    /// Id of the second run.
    pub b: i64,
    /// Key of the metric.
    pub metric: String,
    /// Figure of `a` minus figure of `b`.
    pub difference: f64,
    /// 95 % interval of the difference.
    pub interval: [f64; 2],
    /// Two-sided p-value.
    pub p: f64,
    /// Corrected by Holm over all tests of this comparison.
    pub p_holm: f64,
    /// `paired_bootstrap`, `approximate_randomization`, `mcnemar_exact`.
    pub method: String,
}
