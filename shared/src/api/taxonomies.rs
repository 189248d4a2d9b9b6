//! Taxonomies and their labels.

use serde::{Deserialize, Serialize};

use crate::taxonomy::{Loss, Problem, TaxonomyFormat};

/// A taxonomy version; `GET /api/v1/projects/{id}/taxonomies?limit=&cursor=` → `{"taxonomies":[…],"next"}`, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Taxonomy {
    /// Id of the taxonomy version.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// Counts from 1 within the project.
    pub version: i64,
    /// SHA-256 of the canonical form.
    pub content_hash: String,
    /// Number of labels.
    pub n_labels: u64,
    /// The deepest level.
    pub depth: u32,
    /// Labels with more than one parent.
    pub n_multi_parent: u64,
    /// When it was made.
    pub created_at: String,
    /// Name of the file it came from.
    #[serde(default)]
    pub name: String,
    /// What its reader noticed, in plain sentences.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// `GET /api/v1/taxonomies/{id}/labels?search=&parent=&limit=&cursor=` → `{"labels":[…],"next"}`. `parent=` absent and
/// no search: all labels in taxonomy order; `parent=` empty: those below the root; `in_use=true`: without deprecated ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelRow {
    /// Id of the label.
    pub id: String,
    /// Name of the label.
    pub name: String,
    /// Names from below the root to this label, along primary parents.
    pub path: Vec<String>,
    /// Level; 1 = below the root.
    pub level: u32,
    /// Number of children over all edges.
    pub n_children: u64,
    /// Documents with this label (closed upwards) in the newest corpus of the taxonomy.
    pub n_documents: u64,
    /// Whether it should not be used any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Id of the label to use instead of a deprecated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// Problems of the taxonomy that name it.
    #[serde(default)]
    pub n_problems: u64,
}

/// `GET /api/v1/taxonomies/{id}/problems?limit=&cursor=`: what is wrong with a version, none of it so that it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyProblems {
    /// How many there are.
    pub n_problems: u64,
    /// The page.
    pub problems: Vec<Problem>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// Answer of the labels route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelPage {
    /// In taxonomy order.
    pub labels: Vec<LabelRow>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/projects/{id}/taxonomies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyList {
    /// Newest first.
    pub taxonomies: Vec<Taxonomy>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/taxonomies/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyAnswer {
    /// The taxonomy version.
    pub taxonomy: Taxonomy,
}

/// `POST /api/v1/projects/{id}/taxonomies/preview?format=…&partial=true`; the body is the file (16 MiB at most).
/// `partial=true` says that only its beginning was sent: the line that was cut is left out, which the line formats bear and JSON does not.
/// Nothing is stored. A file that cannot be read is answered with `error` set, not with an error status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyPreview {
    /// The detected or given format, one of the words of `?format=`; empty when it could not be told.
    pub format: String,
    /// Number of labels.
    pub n_labels: u64,
    /// The deepest level.
    pub depth: u32,
    /// Labels with more than one parent.
    pub n_multi_parent: u64,
    /// Labels of each level, level 1 first.
    pub labels_per_level: Vec<u64>,
    /// The first 50 labels below the root, in taxonomy order.
    pub top: Vec<LabelRow>,
    /// What the reader changed or noticed: duplicate lines, labels introduced by use.
    pub notes: Vec<String>,
    /// What is wrong, with line and column; the other fields are empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A file that a version can be downloaded as: `GET /api/v1/taxonomies/{id}/file?format=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyFile {
    /// The word for `format=`.
    pub format: TaxonomyFormat,
    /// What it is sent as.
    pub media_type: String,
    /// Name of the file.
    pub name: String,
    /// What the format cannot hold of this version; nothing when it holds everything.
    pub losses: Vec<Loss>,
    /// The same in plain sentences.
    pub notes: Vec<String>,
    /// Why the format cannot hold this version at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `GET /api/v1/taxonomies/{id}/files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyFiles {
    /// In the order in which formats are listed to people.
    pub files: Vec<TaxonomyFile>,
}

/// `POST /api/v1/projects/{id}/taxonomy-links`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewTaxonomyLink {
    /// What it is for, for people to read.
    #[serde(default)]
    pub name: String,
}

/// A link by which other tools read the newest taxonomy of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyLink {
    /// Id of the link; `DELETE /api/v1/taxonomy-links/{id}` revokes it.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created_at: String,
}

/// Answer to making a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedTaxonomyLink {
    /// The link.
    pub link: TaxonomyLink,
    /// Its address on this server, which is shown nowhere else: `apiUrl` of Label Studio's `<Taxonomy>`.
    pub path: String,
}

/// `GET /api/v1/projects/{id}/taxonomy-links?limit=&cursor=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyLinkList {
    /// Newest first.
    pub links: Vec<TaxonomyLink>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/remote-taxonomies/{token}?path=A&path=B`: Label Studio's protocol for remote taxonomies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RemoteItems {
    /// In taxonomy order.
    pub items: Vec<RemoteItem>,
}

/// A label that can be chosen there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RemoteItem {
    /// Name of the label.
    pub value: String,
    /// Id of the label, which is what paths and annotations hold.
    pub alias: String,
    /// Whether nothing is below it.
    pub is_leaf: bool,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
