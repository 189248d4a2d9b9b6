//! An upload becomes an asset.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arborist_shared::api::assets::AssetKind;
use arborist_shared::api::jobs::JobResult;
use serde::{Deserialize, Serialize};

use super::inspect::{self, AssetError};
use super::{VECTORS, store, unpack};
use crate::App;
use crate::http::upload::Upload;
use crate::jobs::{self, JobContext, JobError, step};
use crate::runs::directory::sync_directory;

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub upload: Upload,
    /// Not `kind`: that is the job's, which is stored beside it.
    pub asset: AssetKind,
}

impl From<AssetError> for JobError {
    fn from(error: AssetError) -> Self {
        match error {
            AssetError::Io(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Import {
    /// Unpacks and inspects the upload, moves it to its place, and enters it.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let ended = self.import(app, job).await;
        if !matches!(ended, Err(JobError::Interrupted)) {
            self.upload.discard(app).await;
        }
        ended
    }

    async fn import(&self, app: &Arc<App>, job: &JobContext) -> Result<JobResult, JobError> {
        job.progress(vec![step("unpack", 0, self.upload.n_bytes)]);
        let upload = self.upload.path(app);
        let target = app.folders.assets().join(&self.upload.content_hash);
        let passing = app.folders.passing().join(format!("asset-{}", job.id()));
        let kind = self.asset;
        let summary =
            tokio::task::spawn_blocking(move || place(kind, &upload, &passing, &target)).await??;
        job.check()?;
        let transaction = app.db.begin().await?;
        let id = store::insert(&transaction, job.project(), kind, &self.upload, summary).await?;
        let result = JobResult {
            kind: "asset".to_owned(),
            id,
        };
        jobs::succeed_in(&transaction, job.id(), &result).await?;
        transaction.commit().await?;
        job.progress(vec![step(
            "unpack",
            self.upload.n_bytes,
            self.upload.n_bytes,
        )]);
        Ok(result)
    }
}

/// Makes the folder `target`, unless the same content is there already, and describes it.
fn place(
    kind: AssetKind,
    upload: &Path,
    passing: &Path,
    target: &Path,
) -> Result<String, AssetError> {
    if target.exists() {
        return describe(kind, target);
    }
    // An earlier attempt may have been interrupted.
    match std::fs::remove_dir_all(passing) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let placed = match kind {
        AssetKind::Encoder => unpack::unpack(upload, passing),
        AssetKind::WordVectors => inspect::word_vectors(upload).and_then(|_| {
            std::fs::create_dir(passing)?;
            let file = passing.join(VECTORS);
            // The upload is discarded later; a second name for the same file costs nothing.
            if std::fs::hard_link(upload, &file).is_err() {
                std::fs::copy(upload, &file)?;
                std::fs::File::open(&file)?.sync_all()?;
            }
            Ok(())
        }),
    };
    let described = placed.and_then(|()| describe(kind, passing));
    match described {
        Ok(summary) => {
            sync_directory(passing)?;
            std::fs::rename(passing, target)?;
            if let Some(parent) = target.parent() {
                sync_directory(parent)?;
            }
            Ok(summary)
        }
        Err(error) => {
            // What is left of it goes away with the next start at the latest.
            let _ = std::fs::remove_dir_all(passing);
            Err(error)
        }
    }
}

fn describe(kind: AssetKind, folder: &Path) -> Result<String, AssetError> {
    match kind {
        AssetKind::Encoder => inspect::encoder(folder),
        AssetKind::WordVectors => inspect::word_vectors(&PathBuf::from(folder).join(VECTORS)),
    }
}
