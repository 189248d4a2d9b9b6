//! Corpora, their documents, and the preview and rejects of imports.

use serde::{Deserialize, Serialize};

use crate::corpus::Reading;
use crate::split::Split;

/// A corpus version; `GET /api/v1/projects/{id}/corpora?limit=&cursor=` → `{"corpora":[…],"next"}`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpus {
    /// Id of the corpus version.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// Taxonomy version its labels belong to.
    pub taxonomy: i64,
    /// Counts from 1 within the project.
    pub version: i64,
    /// SHA-256 over the documents.
    pub content_hash: String,
    /// Number of documents.
    pub n_documents: u64,
    /// Documents that carry a `labels` field, empty or not.
    pub n_annotated: u64,
    /// Documents to train on.
    pub n_train: u64,
    /// Documents to select by.
    pub n_validation: u64,
    /// Documents to test on.
    pub n_test: u64,
    /// Rows that the import refused.
    pub n_rejected: u64,
    /// Mean number of labels (closed upwards) per annotated document.
    pub labels_per_document: f64,
    /// When it was made.
    pub created_at: String,
    /// Name of the file it came from.
    #[serde(default)]
    pub name: String,
    /// Documents that an earlier version put into another part than their row asks for; they keep the earlier one.
    #[serde(default)]
    pub n_split_kept: u64,
}

/// A document; `GET /api/v1/projects/{id}/documents?search=&label=&split=&corpus=&limit=&cursor=` → `{"documents":[…],"next","total"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// Id of the document.
    pub id: i64,
    /// The row's own id, or the hash of its text.
    pub key: String,
    /// The whole text.
    pub text: String,
    /// The part it belongs to.
    pub split: Split,
    /// Label ids as given; none = not annotated.
    pub explicit: Option<Vec<String>>,
    /// Label ids closed upwards.
    pub labels: Option<Vec<String>>,
    /// Name path of each deepest label in `labels`.
    pub paths: Vec<Vec<String>>,
}

/// A page of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
    /// Matching documents in all; with a search, counted up to 10,000.
    pub total: u64,
    /// Whether there are more than `total`.
    #[serde(default)]
    pub total_is_capped: bool,
}

/// A row that an import refused; `GET /api/v1/corpora/{id}/rejects` streams them as JSON lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reject {
    /// The file within an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Counts from 1.
    pub line: u64,
    /// Counts from 1, in bytes; 1 where the whole row is at fault.
    pub column: u64,
    /// What was found and what was expected.
    pub reason: String,
    /// The row as it came, cut at 10,000 characters.
    pub row: String,
}

/// `GET /api/v1/projects/{id}/corpora`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusList {
    /// Newest first.
    pub corpora: Vec<Corpus>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/corpora/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusAnswer {
    /// The corpus version.
    pub corpus: Corpus,
}

/// `GET /api/v1/documents/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentAnswer {
    /// The document.
    pub document: Document,
}

/// `POST /api/v1/projects/{id}/corpora/preview?taxonomy=ID&format=…&partial=true`; the body is the file, or its beginning
/// (256 KiB are plenty, 1 MiB is the limit). `partial=true` says that the file goes on: the line that was cut is left out.
/// Nothing is stored. A body that cannot be read at all is answered with `error` set, not with an error status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CorpusPreview {
    /// The detected or given format, one of the words of `?format=`.
    pub format: String,
    /// `UTF-8`, `UTF-8 with byte order mark`, or another one by its name on the web.
    pub encoding: String,
    /// How the file is read: what was asked for, and what was found out.
    #[serde(default)]
    pub reading: Reading,
    /// Names of the columns of a table, in their order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Rows of the sent part, good and bad.
    pub n_rows: u64,
    /// The first 20 good rows, as they will be read.
    pub rows: Vec<PreviewRow>,
    /// Rows of the sent part that the import would refuse.
    pub n_problems: u64,
    /// The first 50 of them.
    pub problems: Vec<Reject>,
    /// Good rows without a `labels` field.
    pub n_unannotated: u64,
    /// Distinct labels of the sent part that the taxonomy does not know or that are ambiguous.
    pub n_unknown_labels: u64,
    /// The 20 most frequent of them.
    pub unknown_labels: Vec<UnknownLabel>,
    /// Rows that name their split; the import's `split` and `seed` apply to the others.
    pub n_with_split: u64,
    /// Why nothing could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A row of a preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewRow {
    /// Counts from 1.
    pub line: u64,
    /// The row's own id.
    pub id: Option<String>,
    /// Cut at 2,000 characters.
    pub text: String,
    /// Name path of each label as given, once resolved; none = not annotated.
    pub paths: Option<Vec<Vec<String>>>,
    /// The part that the row asks for.
    pub split: Option<Split>,
}

/// A label that rows use and the taxonomy cannot resolve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnknownLabel {
    /// As given; the names of a path are joined with ` › `.
    pub label: String,
    /// Rows of the sent part that use it.
    pub n_rows: u64,
    /// What was found and which labels could have been meant.
    pub reason: String,
}
