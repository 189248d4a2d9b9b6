//! Runs, their epochs, and prediction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::jobs::JobStatus;
use crate::metrics::Metrics;

/// `POST /api/v1/projects/{id}/runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    pub method: String,
    #[serde(default)]
    pub preset: Option<String>,
    #[serde(default)]
    pub hyperparameters: Map<String, Value>,
    pub corpus: i64,
    pub taxonomy: i64,
    /// Asset id or `"minilm"`.
    #[serde(default)]
    pub encoder: Option<Value>,
    /// Asset id.
    #[serde(default)]
    pub word_vectors: Option<i64>,
    #[serde(default)]
    pub seed: Option<u64>,
    /// `auto`, `cpu` or `cuda:N`.
    #[serde(default)]
    pub device: Option<String>,
}

/// A run; `GET /api/v1/projects/{id}/runs?limit=&cursor=` → `{"runs":[…],"next"}`, one as `{"run":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    pub id: i64,
    pub project: i64,
    pub job: i64,
    pub method: String,
    pub preset: Option<String>,
    pub hyperparameters: Map<String, Value>,
    pub corpus: i64,
    pub taxonomy: i64,
    pub seed: u64,
    /// As asked for until the run starts, then the one it ran on.
    pub device: String,
    /// That of its job.
    pub status: JobStatus,
    #[serde(default)]
    pub error: Option<String>,
    pub created_at: String,
    #[serde(default)]
    pub started_at: Option<String>,
    #[serde(default)]
    pub finished_at: Option<String>,
    #[serde(default)]
    pub epochs: Option<u32>,
    #[serde(default)]
    pub train_seconds: Option<f64>,
    #[serde(default)]
    pub train_docs_per_s: Option<f64>,
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Headline figures once there are any; the whole set is at `/runs/{id}/metrics?split=`.
    #[serde(default)]
    pub validation: Option<Headline>,
    #[serde(default)]
    pub test: Option<Headline>,
}

/// Figures for tables; same values as the full metrics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Headline {
    pub micro_f1: f64,
    pub macro_f1: f64,
    pub hierarchical_f1: f64,
    pub exact_match: f64,
}

impl From<&Metrics> for Headline {
    fn from(metrics: &Metrics) -> Self {
        Self {
            micro_f1: metrics.micro_f1,
            macro_f1: metrics.macro_f1,
            hierarchical_f1: metrics.raw.hierarchical_f1,
            exact_match: metrics.exact_match,
        }
    }
}

/// `POST /api/v1/runs/{id}/predict`; as `application/x-ndjson` a `PredictDocument` a line in, a `PredictedDocument` a line out,
/// with `limit` and `threshold` in the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictRequest {
    pub documents: Vec<PredictDocument>,
    /// Labels at most in each answer, best first; ancestors of those are always there.
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub threshold: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictDocument {
    pub id: String,
    pub text: String,
}

/// Answer of the predict route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictResponse {
    pub documents: Vec<PredictedDocument>,
    pub run: i64,
    pub taxonomy: i64,
    pub milliseconds: f64,
}

/// A line of predictions, the same on the command line and over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictedDocument {
    pub id: String,
    /// Best first: by score, then by position in the taxonomy.
    pub labels: Vec<PredictedLabel>,
    /// Threshold that made the raw set; absent when the method decided by itself or by `--top`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictedLabel {
    /// Id of the label.
    pub label: String,
    /// Names along primary parents.
    pub path: Vec<String>,
    /// The highest score among the label and its predicted descendants.
    pub score: f32,
    /// Whether the label is in the decoded set.
    pub predicted: bool,
    /// The method's own score, where it differs from `score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_score: Option<f32>,
    /// Whether the label was in the set before decoding, where that differs from `predicted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_predicted: Option<bool>,
}

/// A line of a streamed prediction whose document could not be classified; it stands where the answer would stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictFailure {
    /// Id of the document; none when the line could not be read so far.
    pub id: Option<String>,
    /// Line of the request, counting from 1.
    pub line: u64,
    pub error: String,
}

/// `GET /api/v1/projects/{id}/runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// Newest first.
    pub runs: Vec<Run>,
    pub next: Option<String>,
}

/// `GET /api/v1/runs/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunAnswer {
    pub run: Run,
}

/// `GET /api/v1/runs/{id}/epochs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EpochList {
    pub epochs: Vec<Epoch>,
}

/// One epoch of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Epoch {
    pub epoch: u32,
    pub step: u64,
    /// Named loss terms, means over the epoch.
    pub losses: BTreeMap<String, f64>,
    /// The method's own validation scores, for learning curves only.
    pub validation: BTreeMap<String, f64>,
    pub learning_rate: f64,
    pub documents_per_second: f64,
    pub seconds: f64,
    pub peak_memory_bytes: u64,
    /// Whether the checkpoint of this epoch is the one that is kept.
    pub selected: bool,
}
