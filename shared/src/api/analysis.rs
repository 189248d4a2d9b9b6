//! Where a run's figures come from: which labels, which documents, which kinds of error. Everything is of decoded sets,
//! what a user gets, unless it says otherwise.

use serde::{Deserialize, Serialize};

use crate::calibration::{LevelMap, Reliability};
use crate::confusion::ErrorKind;
use crate::metrics::breakdown::{Frequency, FrequencyBounds, LengthMetrics, PartMetrics};
use crate::split::Split;

/// `GET /api/v1/runs/{id}/analysis`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Analysis {
    /// Id of the run.
    pub run: i64,
    /// The part that is looked at.
    pub split: Split,
    /// Documents of it.
    pub documents: u64,
    /// Documents whose labels are all right.
    pub right_documents: u64,
    /// Ends of label paths by what became of them, those that did not come up left out.
    pub kinds: Vec<KindCount>,
    /// Mean edges between what is right and what was predicted.
    pub mean_distance: f64,
    /// Figures of the labels of each level, from the top.
    pub levels: Vec<LevelFigures>,
    /// Figures of labels by how many training documents have them.
    pub frequency: Vec<FrequencyFigures>,
    /// Bounds between those groups.
    pub bounds: FrequencyBounds,
    /// Figures of documents by their length in words.
    pub lengths: Vec<LengthMetrics>,
    /// What decoding made of the raw sets.
    pub decoding: DecodingEffect,
    /// Whether scores mean what they say: of all labels first, then of each level.
    pub calibration: Vec<LevelCalibration>,
}

/// How often something became of the end of a label path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KindCount {
    /// What.
    pub kind: ErrorKind,
    /// How often.
    pub count: u64,
}

/// Figures of the labels of a level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelFigures {
    /// Counts from 1.
    pub level: u32,
    /// Of decoded sets.
    #[serde(flatten)]
    pub figures: PartMetrics,
}

/// Figures of labels of a frequency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FrequencyFigures {
    /// In how many training documents they are.
    pub frequency: Frequency,
    /// Of decoded sets.
    #[serde(flatten)]
    pub figures: PartMetrics,
}

/// What decoding made of raw sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecodingEffect {
    /// Documents whose raw set contradicts the tree: a label without one of its ancestors.
    pub contradictions: u64,
    /// Documents whose set was changed.
    pub changed: u64,
    /// Labels that were added to them.
    pub added: u64,
    /// Those among the added that are right.
    pub added_right: u64,
    /// Labels that were taken from them.
    pub removed: u64,
    /// Those among the removed that are right.
    pub removed_right: u64,
}

/// Whether the scores of a level mean what they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelCalibration {
    /// Counts from 1; none = all labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// As the scores are.
    pub scores: Reliability,
    /// As they would be under the map, which was fitted to the validation documents; none where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Reliability>,
    /// The map of the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<LevelMap>,
}

/// A label where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacedLabel {
    /// Id of the label.
    pub label: String,
    /// Names from the top level down to it.
    pub path: Vec<String>,
}

/// `GET /api/v1/runs/{id}/analysis/subtrees?label=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subtrees {
    /// What is looked into; none = the whole taxonomy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<PlacedLabel>,
    /// The label itself, where one is looked into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itself: Option<PartMetrics>,
    /// One for each child, in taxonomy order.
    pub subtrees: Vec<Subtree>,
}

/// A label with all that is below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subtree {
    /// The label.
    #[serde(flatten)]
    pub label: PlacedLabel,
    /// Whether there is something to look into.
    pub has_children: bool,
    /// Training documents that have the label.
    pub training: u64,
    /// Of the label and all below it.
    #[serde(flatten)]
    pub figures: PartMetrics,
}

/// `GET /api/v1/runs/{id}/analysis/confusion?level=&under=&kind=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfusionPage {
    /// Most frequent first.
    pub cells: Vec<ConfusionCell>,
    /// Outcomes of all cells, of this page and of the others.
    pub total: u64,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// What was predicted in place of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConfusionCell {
    /// What is right; none where something was predicted beyond it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gold: Option<PlacedLabel>,
    /// What was predicted; none where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<PlacedLabel>,
    /// How they differ.
    pub kind: ErrorKind,
    /// How often.
    pub count: u64,
}

/// `GET /api/v1/runs/{id}/analysis/documents?level=&gold=&predicted=&under=&kind=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JudgedPage {
    /// In the order of the part.
    pub documents: Vec<JudgedDocument>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// A document with what is right and what a run predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JudgedDocument {
    /// Id of the document, as its corpus has it.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Ends of the paths that are right.
    pub gold: Vec<PlacedLabel>,
    /// Ends of the predicted paths, with the scores of their labels.
    pub predicted: Vec<PredictedEnd>,
    /// What became of each end that is right, and what is extra.
    pub outcomes: Vec<ConfusionCell>,
}

/// The end of a predicted path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictedEnd {
    /// The label.
    #[serde(flatten)]
    pub label: PlacedLabel,
    /// Its raw score; none where it was not stored, being low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
}
