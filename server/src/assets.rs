//! Assets: encoders and word vectors that people upload for methods to start from.
//!
//! Files lie under `assets/<hash>` in the data directory, by the hash of what was uploaded. Nothing that executes on load is
//! kept: of an archive, only weights as safetensors and text files are unpacked.

pub mod import;
mod inspect;
pub mod routes;
mod store;
mod unpack;

use std::path::PathBuf;

use arborist_shared::api::assets::AssetKind;

use crate::App;
use crate::db::DbErr;

pub use store::AssetRow;

/// Name of the file of word vectors within its folder.
const VECTORS: &str = "vectors.txt";

/// An asset of a project, whoever asks.
///
/// # Errors
/// When the database does not answer.
pub async fn in_project(app: &App, project: i64, id: i64) -> Result<Option<AssetRow>, DbErr> {
    Ok(store::find(app.db.read(), id)
        .await?
        .filter(|row| row.project_id == project))
}

/// What a method is given: the folder of an encoder, the file of word vectors.
#[must_use]
pub fn path(app: &App, asset: &AssetRow) -> PathBuf {
    let folder = app.folders.assets().join(&asset.content_hash);
    match asset.kind {
        AssetKind::Encoder => folder,
        AssetKind::WordVectors => folder.join(VECTORS),
    }
}
