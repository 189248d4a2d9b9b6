//! A taxonomy file becomes a version.

use std::path::PathBuf;
use std::sync::Arc;

use arborist_shared::api::jobs::JobResult;
use arborist_shared::taxonomy::{ParsedTaxonomy, TaxonomyFormat};
use serde::{Deserialize, Serialize};

use super::file;
use super::store::{self, NewVersion};
use crate::App;
use crate::http::upload::Upload;
use crate::jobs::{self, JobContext, JobError, step};

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub upload: Upload,
    /// Detected when it is not given.
    pub format: Option<TaxonomyFormat>,
}

impl Import {
    /// Reads the file, and writes labels, edges and the version in one transaction. Content that the newest version already
    /// has makes no new one.
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
        job.progress(vec![step("read", 0, self.upload.n_bytes)]);
        let path = self.upload.path(app);
        let format = self.format;
        let (parsed, content_hash) =
            tokio::task::spawn_blocking(move || read(path, format)).await??;
        job.check()?;
        let n_labels = parsed.taxonomy.len() as u64;
        job.progress(vec![step("write", 0, n_labels)]);

        let transaction = app.db.begin().await?;
        let same = store::newest(&transaction, job.project())
            .await?
            .filter(|newest| newest.content_hash == content_hash);
        let id = match same {
            Some(same) => same.id,
            None => {
                let new = NewVersion {
                    project: job.project(),
                    taxonomy: &parsed.taxonomy,
                    content_hash,
                    source_format: parsed.format.to_string(),
                    source_name: &self.upload.name,
                    notes: &parsed.notes,
                };
                store::insert(&transaction, new).await?
            }
        };
        let result = JobResult {
            kind: "taxonomy".to_owned(),
            id,
        };
        jobs::succeed_in(&transaction, job.id(), &result).await?;
        transaction.commit().await?;
        job.progress(vec![step("write", n_labels, n_labels)]);
        Ok(result)
    }
}

fn read(
    path: PathBuf,
    format: Option<TaxonomyFormat>,
) -> Result<(ParsedTaxonomy, String), JobError> {
    let bytes = std::fs::read(path)?;
    let parsed = file::read(&bytes, format).map_err(|error| JobError::Failed(error.to_string()))?;
    let content_hash = parsed.taxonomy.content_hash();
    Ok((parsed, content_hash))
}
