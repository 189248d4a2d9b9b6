//! Taxonomies and their labels.

use serde::{Deserialize, Serialize};

/// A taxonomy version; `GET /api/v1/projects/{id}/taxonomies` → `{"taxonomies":[…]}` newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Taxonomy {
    pub id: i64,
    pub project: i64,
    /// Counts from 1 within the project.
    pub version: i64,
    /// SHA-256 of the canonical form.
    pub content_hash: String,
    pub n_labels: u64,
    pub depth: u32,
    /// Labels with more than one parent.
    pub n_multi_parent: u64,
    pub created_at: String,
}

/// `GET /api/v1/taxonomies/{id}/labels?search=&parent=&limit=&cursor=` → `{"labels":[…],"next"}`. `parent=` absent and
/// no search: all labels in taxonomy order; `parent=` empty: those below the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelRow {
    pub id: String,
    pub name: String,
    /// Names from below the root to this label, along primary parents.
    pub path: Vec<String>,
    pub level: u32,
    pub n_children: u64,
    /// Documents with this label (closed upwards) in the newest corpus of the taxonomy.
    pub n_documents: u64,
}

/// Answer of the labels route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelPage {
    pub labels: Vec<LabelRow>,
    pub next: Option<String>,
}
