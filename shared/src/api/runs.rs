//! Runs, their epochs, and prediction.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::jobs::JobStatus;
use crate::decode::DecodeOptions;
use crate::edits::Retrain;
use crate::metrics::Metrics;
use crate::significance::Intervals;

/// `POST /api/v1/projects/{id}/runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Name of the method.
    pub method: String,
    /// Preset to start from; the default preset unless named.
    #[serde(default)]
    pub preset: Option<String>,
    /// Values that differ from the preset.
    #[serde(default)]
    pub hyperparameters: Map<String, Value>,
    /// Id of the corpus version to train on.
    pub corpus: i64,
    /// Id of the taxonomy version.
    pub taxonomy: i64,
    /// Asset id or `"minilm"`.
    #[serde(default)]
    pub encoder: Option<Value>,
    /// Asset id.
    #[serde(default)]
    pub word_vectors: Option<i64>,
    /// Seed of all randomness; 0 unless given.
    #[serde(default)]
    pub seed: Option<u64>,
    /// `auto`, `cpu`, `cuda:N`, or `ray` where the server has a cluster.
    #[serde(default)]
    pub device: Option<String>,
    /// Higher ones are trained first; 0 unless told otherwise, -100 to 100. Administrators give more than 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Jobs of the project that have to succeed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<i64>,
}

/// Answer of `POST /api/v1/projects/{id}/runs/estimate`, which takes the body of a new run and starts nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunEstimate {
    /// Memory that training needs, by the method's own formula.
    pub memory_bytes: u64,
    /// Memory that the server's machine has; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_available_bytes: Option<u64>,
    /// Whether the run would be accepted.
    pub fits: bool,
    /// Time of as many epochs as runs like it took; absent while no finished run of the method is like this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Where `seconds` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_from: Option<SecondsFrom>,
}

/// The finished runs whose speed an estimate takes: of the same method on documents of like length, and of those the ones
/// with the fewest other hyperparameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondsFrom {
    /// How many runs of this server, in whichever project.
    pub n_runs: u64,
    /// Those of this project, newest first.
    pub runs: Vec<i64>,
    /// Their speed in training, the median.
    pub documents_per_second: f64,
    /// Words in each of their training documents, on average.
    pub words_per_document: f64,
    /// Whether their hyperparameters differ in nothing but the number of epochs.
    pub same_hyperparameters: bool,
}

/// A run; `GET /api/v1/projects/{id}/runs?limit=&cursor=` → `{"runs":[…],"next"}`, one as `{"run":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// Id of the run.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// Its job.
    pub job: i64,
    /// Name of the method.
    pub method: String,
    /// Preset the hyperparameters started from.
    pub preset: Option<String>,
    /// Complete: defaults, preset and overrides resolved.
    pub hyperparameters: Map<String, Value>,
    /// Corpus version it trained on.
    pub corpus: i64,
    /// Taxonomy version of its labels.
    pub taxonomy: i64,
    /// The encoder that it starts from, as in a new run: asset id or `"minilm"`; none where the method takes none.
    #[serde(default)]
    pub encoder: Option<Value>,
    /// Asset id of the word vectors that it starts from.
    #[serde(default)]
    pub word_vectors: Option<i64>,
    /// Seed of all randomness.
    pub seed: u64,
    /// As asked for until the run starts, then the one it ran on.
    pub device: String,
    /// That of its job.
    pub status: JobStatus,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: String,
    /// When training began.
    #[serde(default)]
    pub started_at: Option<String>,
    /// When its job ended.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// Epochs trained.
    #[serde(default)]
    pub epochs: Option<u32>,
    /// Duration of training.
    #[serde(default)]
    pub train_seconds: Option<f64>,
    /// Training documents per second.
    #[serde(default)]
    pub train_docs_per_s: Option<f64>,
    /// Highest memory use of its process.
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Headline figures once there are any; the whole set is at `/runs/{id}/metrics?split=`.
    #[serde(default)]
    pub validation: Option<Headline>,
    /// Figures on the test documents.
    #[serde(default)]
    pub test: Option<Headline>,
    /// How its model fits the newest taxonomy of the project; none where that has the content it was trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy_fit: Option<TaxonomyFit>,
}

/// How a model fits a taxonomy version that is newer than the one it was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyFit {
    /// Id of the newer version.
    pub taxonomy: i64,
    /// Its number within the project.
    pub version: i64,
    /// Whether labels or parents of labels are others than those that the model has learnt.
    pub structure_changed: bool,
    /// Labels that have another name; it matters to methods that read names.
    pub n_renamed: u64,
    /// Labels that the model cannot tell, or not as well as it could, until it is trained again.
    pub n_retrain: u64,
    /// All of this as a sentence: `structure changed, needs retraining for 3 labels`.
    pub sentence: String,
}

/// `GET /api/v1/runs/{id}/taxonomy?taxonomy=`: what a newer version does to a run's model, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunTaxonomy {
    /// The run.
    pub run: i64,
    /// The version it was trained on.
    pub trained_on: i64,
    /// In short.
    pub fit: TaxonomyFit,
    /// Outputs that mean the same label.
    pub n_kept: u64,
    /// Outputs that count for the label that theirs was merged into.
    pub n_combined: u64,
    /// Outputs that are answered with the labels above theirs, which was split.
    pub n_stopped: u64,
    /// Outputs that mean nothing any more.
    pub n_masked: u64,
    /// Ids of labels that have another name.
    pub renamed: Vec<String>,
    /// Labels for which the model has to be trained again, and why.
    pub retrain: Vec<Retrain>,
}

/// Figures for tables; same values as the full metrics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Headline {
    /// As in the metrics.
    pub micro_f1: f64,
    /// As in the metrics.
    pub macro_f1: f64,
    /// As in the metrics, on raw sets.
    pub hierarchical_f1: f64,
    /// As in the metrics.
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

/// `GET /api/v1/runs/{id}/metrics?split=&intervals=true`: the figures, digit by digit as without, and their intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunFigures {
    /// The figures.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// 95 % intervals of the headline figures, by drawing documents with replacement; only where they are asked for, and
    /// not for a run without documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
}

/// `POST /api/v1/runs/{id}/predict`; as `application/x-ndjson` a `PredictDocument` a line in, a `PredictedDocument` a line out,
/// with `limit`, `threshold` and `decoding` in the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictRequest {
    /// The documents to classify.
    pub documents: Vec<PredictDocument>,
    /// Labels at most in each answer, best first; ancestors of those are always there.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Labels must score strictly above this; the method's own unless given.
    #[serde(default)]
    pub threshold: Option<f32>,
    /// How label sets are made from scores; as the run does it unless given. A `threshold` goes before its selection.
    #[serde(default)]
    pub decoding: Option<DecodeOptions>,
}

/// A document to classify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictDocument {
    /// Comes back in the answer, as text where it is a number.
    #[serde(deserialize_with = "text_or_number")]
    pub id: String,
    /// The text to classify.
    pub text: String,
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "an id that is a string or a number")]
    enum Id {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string(),
    })
}

/// Answer of the predict route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictResponse {
    /// In the order of the request.
    pub documents: Vec<PredictedDocument>,
    /// The run whose model answered.
    pub run: i64,
    /// Taxonomy version of the labels.
    pub taxonomy: i64,
    /// Time from reading the request to the answer.
    pub milliseconds: f64,
}

/// A line of predictions, the same on the command line and over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictedDocument {
    /// Id of the document.
    pub id: String,
    /// Best first: by score, then by position in the taxonomy.
    pub labels: Vec<PredictedLabel>,
    /// Threshold that made the raw set; absent when the method decided by itself or by `--top`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

/// A label with its scores.
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
    /// Why this line was not classified.
    pub error: String,
}

/// `GET /api/v1/projects/{id}/runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPage {
    /// Newest first.
    pub runs: Vec<Run>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/runs/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunAnswer {
    /// The run.
    pub run: Run,
}

/// `GET /api/v1/runs/{id}/epochs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EpochList {
    /// In order.
    pub epochs: Vec<Epoch>,
}

/// One epoch of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Epoch {
    /// Counts from 1.
    pub epoch: u32,
    /// Optimizer updates so far.
    pub step: u64,
    /// Named loss terms, means over the epoch.
    pub losses: BTreeMap<String, f64>,
    /// The method's own validation scores, for learning curves only.
    pub validation: BTreeMap<String, f64>,
    /// Learning rate at its end.
    pub learning_rate: f64,
    /// Training speed.
    pub documents_per_second: f64,
    /// Duration.
    pub seconds: f64,
    /// Highest memory use so far.
    pub peak_memory_bytes: u64,
    /// Whether the checkpoint of this epoch is the one that is kept.
    pub selected: bool,
}
