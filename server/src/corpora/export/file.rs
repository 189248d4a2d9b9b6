//! Exports as jobs: a file that is written once and fetched as often as wanted, from any byte on.
//!
//! A version never changes, so neither does what is written of it: whoever asks for the same file gets the one that is
//! there, or the job that is at it. Files are kept for some days; the job's row says what they are.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arborist_shared::api::exports::Export;
use arborist_shared::api::jobs::{JobResult, JobStatus};
use arborist_shared::corpus::CorpusFormat;
use arborist_shared::split::Split;
use serde::{Deserialize, Serialize};

use super::{Chunks, Wanted};
use crate::corpora::store::DocumentQuery;
use crate::corpora::{CorpusRow, in_project};
use crate::corpus_files::write::ending;
use crate::db::{DbErr, Timestamp, rfc3339};
use crate::jobs::{self, JobContext, JobError, JobRequest, JobRow, step};
use crate::{App, taxonomies};

/// How long a file lies there to be fetched.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Jobs that are looked through for one that makes the same file.
const LOOKED_THROUGH: u64 = 500;
/// What a job of this kind makes.
const RESULT: &str = "export";

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportCorpus {
    pub corpus: i64,
    /// Number of the version, for the file's name.
    pub version: i64,
    pub format: CorpusFormat,
    pub split: Option<Split>,
}

impl ExportCorpus {
    /// Name of the file, as people get it.
    #[must_use]
    pub fn name(&self) -> String {
        let part = self
            .split
            .map(|split| format!("-{split}"))
            .unwrap_or_default();
        format!("corpus-{}{part}.{}", self.version, ending(self.format))
    }

    /// The documents, in their order, as they are to be written.
    ///
    /// # Errors
    /// When the taxonomy cannot be loaded.
    pub(in crate::corpora) async fn wanted(
        &self,
        app: &App,
        row: &CorpusRow,
    ) -> Result<Wanted, DbErr> {
        Ok(Wanted {
            query: DocumentQuery {
                split: self.split,
                ..DocumentQuery::all(row.id)
            },
            taxonomy: taxonomies::load(app, row.taxonomy_id).await?,
            format: self.format,
        })
    }

    /// Writes the file. An interrupted job begins again: reading is fast, and half a file is nothing.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let partial = app.folders.exports().join(format!("{}.partial", job.id()));
        let ended = self.write(app, job, &partial).await;
        if ended.is_err() {
            discard(&partial).await?;
        }
        ended
    }

    async fn write(
        &self,
        app: &Arc<App>,
        job: &JobContext,
        partial: &Path,
    ) -> Result<JobResult, JobError> {
        let gone = || JobError::Failed(format!("there is no corpus {} any more", self.corpus));
        let row = in_project(app, job.project(), self.corpus).await?;
        let row = row.ok_or_else(gone)?;
        let wanted = self.wanted(app, &row).await?;
        let total = match self.split {
            None => row.n_documents,
            Some(Split::Train) => row.n_train,
            Some(Split::Validation) => row.n_validation,
            Some(Split::Test) => row.n_test,
        };
        let steps = |n_documents: u64, n_left_out: u64| {
            let mut steps = vec![step("documents", n_documents, total)];
            if n_left_out > 0 {
                steps.push(step("left out", n_left_out, 0));
            }
            steps
        };
        job.progress(steps(0, 0));
        let mut out = BufWriter::with_capacity(1 << 18, File::create(partial)?);
        let (mut n_documents, mut n_left_out) = (0, 0);
        let mut chunks = Chunks::new(Arc::clone(app), wanted);
        while let Some(chunk) = chunks.next().await? {
            job.check()?;
            // The disk may be slow, and others want the thread.
            out = tokio::task::spawn_blocking(move || {
                out.write_all(&chunk.bytes)?;
                Ok::<_, std::io::Error>(out)
            })
            .await??;
            n_documents += chunk.n_documents;
            n_left_out += chunk.n_left_out;
            job.progress(steps(n_documents, n_left_out));
        }
        let (from, to) = (partial.to_path_buf(), path(app, job.id()));
        tokio::task::spawn_blocking(move || {
            out.into_inner()
                .map_err(std::io::IntoInnerError::into_error)?
                .sync_all()?;
            std::fs::rename(from, &to)?;
            to.parent()
                .map_or(Ok(()), crate::runs::directory::sync_directory)
        })
        .await??;
        Ok(JobResult {
            kind: RESULT.to_owned(),
            id: job.id(),
        })
    }
}

/// Where the file of a job lies.
pub(in crate::corpora) fn path(app: &App, job: i64) -> PathBuf {
    app.folders.exports().join(job.to_string())
}

async fn discard(path: &Path) -> std::io::Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes a file away before its time.
///
/// # Errors
/// When the file system refuses.
pub(in crate::corpora) async fn remove(app: &App, job: i64) -> std::io::Result<()> {
    discard(&path(app, job)).await
}

/// What a job exports; none where it does something else.
pub(in crate::corpora) fn request(row: &JobRow) -> Option<ExportCorpus> {
    match JobRequest::read(row.request.clone()) {
        Ok(JobRequest::ExportCorpus(export)) => Some(export),
        _ => None,
    }
}

/// An export as the interface shows it; none where its file is gone, or never came to be.
pub(in crate::corpora) fn show(app: &App, row: &JobRow) -> Option<Export> {
    let export = request(row)?;
    let about = std::fs::metadata(path(app, row.id)).ok();
    let n_bytes = match row.status {
        JobStatus::Queued | JobStatus::Running => None,
        JobStatus::Succeeded => Some(about.as_ref()?.len()),
        JobStatus::Failed | JobStatus::Cancelled => return None,
    };
    let until = about.and_then(|about| about.modified().ok());
    Some(Export {
        id: row.id,
        corpus: export.corpus,
        name: export.name(),
        format: export.format,
        split: export.split,
        n_bytes,
        until: until.map(|since| rfc3339(Timestamp::from(since + KEPT))),
    })
}

/// The job that makes the same file, or has made it.
pub(in crate::corpora) async fn same(
    app: &App,
    project: i64,
    export: &ExportCorpus,
) -> Result<Option<i64>, DbErr> {
    let kind = JobRequest::ExportCorpus(export.clone()).kind();
    let rows = jobs::of_kind(app, project, kind, None, LOOKED_THROUGH).await?;
    let same = rows
        .iter()
        .find(|row| request(row).as_ref() == Some(export) && show(app, row).is_some());
    Ok(same.map(|row| row.id))
}

/// Removes files whose time is over, and what a server left that was killed while it wrote.
///
/// # Errors
/// When the folder cannot be read.
pub fn clear_up(app: &App, is_start: bool) -> std::io::Result<()> {
    let now = SystemTime::now();
    for entry in std::fs::read_dir(app.folders.exports())? {
        let entry = entry?;
        let is_partial = entry.path().extension().is_some();
        let age = now.duration_since(entry.metadata()?.modified()?);
        if (is_partial && is_start) || age.is_ok_and(|age| age > KEPT) {
            tracing::info!(export = ?entry.file_name(), "removes an export");
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
