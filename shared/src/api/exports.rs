//! Corpus versions as files that jobs write.

use serde::{Deserialize, Serialize};

use crate::corpus::CorpusFormat;
use crate::split::Split;

/// `POST /api/v1/corpora/{id}/exports`: a file that a job writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewExport {
    /// `jsonl` unless told otherwise; `csv`, `hiagm`, `label_studio`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `train`, `validation` or `test`; all unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
}

/// A corpus version as a file. `GET /api/v1/exports/{id}` answers with the file itself, from any byte on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Export {
    /// Id of the export, and of the job that writes it.
    pub id: i64,
    /// Corpus version it is of.
    pub corpus: i64,
    /// Name of the file.
    pub name: String,
    /// How the file is written.
    pub format: CorpusFormat,
    /// The part it is of; all where none is named.
    pub split: Option<Split>,
    /// Length of the file; none while it is being written.
    pub n_bytes: Option<u64>,
    /// When it will be removed.
    pub until: Option<String>,
}

/// `GET /api/v1/projects/{id}/exports?limit=&cursor=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportList {
    /// Newest first.
    pub exports: Vec<Export>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}
