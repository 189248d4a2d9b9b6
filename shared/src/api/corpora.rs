//! Corpora, their documents, and the preview and rejects of imports.

use serde::{Deserialize, Serialize};

use crate::split::Split;

/// A corpus version; `GET /api/v1/projects/{id}/corpora` → `{"corpora":[…]}` newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Corpus {
    pub id: i64,
    pub project: i64,
    pub taxonomy: i64,
    /// Counts from 1 within the project.
    pub version: i64,
    /// SHA-256 over the documents.
    pub content_hash: String,
    pub n_documents: u64,
    /// Documents that carry a `labels` field, empty or not.
    pub n_annotated: u64,
    pub n_train: u64,
    pub n_validation: u64,
    pub n_test: u64,
    pub n_rejected: u64,
    /// Mean number of labels (closed upwards) per annotated document.
    pub labels_per_document: f64,
    pub created_at: String,
}

/// A document; `GET /api/v1/projects/{id}/documents?search=&label=&split=&corpus=&limit=&cursor=` → `{"documents":[…],"next","total"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    pub id: i64,
    /// The row's own id, or the hash of its text.
    pub key: String,
    pub text: String,
    pub split: Split,
    /// Label ids as given; none = not annotated.
    pub explicit: Option<Vec<String>>,
    /// Label ids closed upwards.
    pub labels: Option<Vec<String>>,
    /// Name path of each deepest label in `labels`.
    pub paths: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentPage {
    pub documents: Vec<Document>,
    pub next: Option<String>,
    /// Matching documents in all.
    pub total: u64,
}

/// A row that an import refused; `GET /api/v1/corpora/{id}/rejects` streams them as JSON lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reject {
    /// Counts from 1.
    pub line: u64,
    /// Counts from 1, in bytes; 1 where the whole row is at fault.
    pub column: u64,
    /// What was found and what was expected.
    pub reason: String,
    /// The row as it came, cut at 10,000 characters.
    pub row: String,
}
