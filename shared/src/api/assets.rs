//! Assets: encoders and word vectors that people upload for methods to start from.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/projects/{id}/assets?kind=…&name=…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A zip of a Hugging Face folder with `config.json`, `model.safetensors` and a tokenizer.
    Encoder,
    /// Text vectors, `.txt` or `.vec`: a word and its numbers on each line.
    WordVectors,
}

/// An asset; `GET /api/v1/projects/{id}/assets?limit=&cursor=` → `{"assets":[…],"next"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asset {
    /// Id of the asset.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// What it is.
    pub kind: AssetKind,
    /// Name of the uploaded file.
    pub name: String,
    /// SHA-256 of the uploaded file.
    pub content_hash: String,
    /// Size on disk.
    pub n_bytes: u64,
    /// What is in it, in plain words: `BERT, 6 layers, 384 wide`, `400,000 words, 300 numbers each`.
    pub summary: String,
    /// When it was uploaded.
    pub created_at: String,
}

/// `GET /api/v1/projects/{id}/assets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssetList {
    /// Newest first.
    pub assets: Vec<Asset>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}
