//! Files that are sent in pieces.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/projects/{id}/uploads`: a file that is about to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUpload {
    /// Name of the file, for people to read.
    pub name: String,
    /// Its length.
    pub n_bytes: u64,
    /// SHA-256 of its content in hexadecimal digits, where it is known: what arrives is checked against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// What the sender knows the file again by, when it goes on later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// A file of which some has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// Id of the upload.
    pub id: String,
    /// Project it is for.
    pub project: i64,
    /// Name of the file, for people to read.
    pub name: String,
    /// Length of the file.
    pub n_bytes: u64,
    /// How much of it has arrived; what is sent next goes on there.
    pub n_received: u64,
    /// SHA-256 of its content, as the sender says.
    pub content_hash: Option<String>,
    /// What the sender knows the file again by.
    pub mark: Option<String>,
    /// When it was begun.
    pub created_at: String,
    /// When it will be removed, unless more arrives or it is used.
    pub until: String,
}

/// `GET /api/v1/uploads/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadAnswer {
    /// The upload.
    pub upload: Upload,
}

/// `GET /api/v1/projects/{id}/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadList {
    /// The caller's own that nothing was made of yet, newest first.
    pub uploads: Vec<Upload>,
}
