//! Errors as `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};

use super::drafts::Meanwhile;

/// Body of every error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Stable code as a URN: `urn:arborist:corpus_not_found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence that is the same for every occurrence.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What was found, where, and what was expected.
    pub detail: String,
    /// Path of the request.
    #[serde(default)]
    pub instance: Option<String>,
    /// Fields at fault, for forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What others did meanwhile, where that is the problem (`draft_stale`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meanwhile: Option<Box<Meanwhile>>,
}

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer: `/hyperparameters/learning_rate`.
    pub field: String,
    /// What was found and what was expected.
    pub message: String,
}
