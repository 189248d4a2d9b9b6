//! How a corpus file is to be read, as people choose it and as it was detected.

use serde::{Deserialize, Serialize};

use super::CorpusFormat;

/// What may be said about a file; what is left out is detected.
///
/// Columns go by their name, or by their number from 1 where there is no header line. Several, for `text` and `labels`,
/// are separated by commas: texts are joined by a line break, columns of labels are the levels of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Reading {
    /// One of the formats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<CorpusFormat>,
    /// Label of an encoding as on the web: `utf-8`, `windows-1252`, `utf-16le`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Between columns: one character, or `tab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Whether the first line names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Columns of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Column of the document's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Columns of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Between labels in a cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
    /// Between the names of a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_separator: Option<String>,
    /// Column of the part: train, validation or test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Column of where the document comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Column of when the document was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Column of what belongs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Column of the language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
}
