//! A corpus file becomes a version.
//!
//! One thread reads, one writes, a short channel between them. What is committed stays when the server is interrupted: the
//! next attempt reads the file again, which is fast, and writes on where the row of the corpus says. A cancelled or failed
//! import takes back what it wrote.

use std::sync::Arc;

use arborist_shared::api::jobs::JobResult;
use arborist_shared::corpus::Reading;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::choices::Choices;
use super::contents::Totals;
use super::parts::{Dealing, Parts};
use super::reader::{self, Rules, Summary};
use super::store::{self, Finished};
use super::writer::Writer;
use super::{CorpusRow, checks_file, index, rejects_file};
use crate::corpus_files::FileError;
use crate::http::upload::Upload;
use crate::jobs::{self, JobContext, JobError, step};
use crate::{App, taxonomies};

/// Batches between reader and writer.
const CHANNEL: usize = 4;

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub upload: Upload,
    pub taxonomy: i64,
    /// How the file is read; what is left out is detected.
    #[serde(default)]
    pub reading: Reading,
    /// Parts of rows that do not ask for one.
    #[serde(default)]
    pub dealing: Dealing,
    /// Whether a row whose text an earlier row has is refused.
    #[serde(default)]
    pub first_of_text: bool,
}

impl Import {
    /// Reads rows and writes documents, builds the index by label, and makes the version visible.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let corpus = store::begin(
            &app.db,
            job.project(),
            job.id(),
            self.taxonomy,
            &self.upload.name,
        )
        .await?;
        let ended = self.import(app, job, &corpus).await;
        match &ended {
            Ok(_) => self.upload.discard(app).await,
            Err(JobError::Interrupted) => {}
            Err(_) => {
                store::discard(&app.db, &corpus).await?;
                remove_rejects(app, corpus.id).await?;
                self.upload.discard(app).await;
            }
        }
        ended
    }

    async fn import(
        &self,
        app: &Arc<App>,
        job: &JobContext,
        corpus: &CorpusRow,
    ) -> Result<JobResult, JobError> {
        let taxonomy = taxonomies::load(app, self.taxonomy).await?;
        let parts = Parts::new(&self.dealing).map_err(JobError::Failed)?;
        let choices = store::choices(app.db.read(), job.project()).await?;
        let rules = Rules {
            taxonomy: Arc::clone(&taxonomy),
            reading: self.reading.clone(),
            parts,
            choices: Choices::new(choices, &taxonomy),
            first_of_text: self.first_of_text,
        };

        let (summary, totals, content_hash) = self.copy(app, job, corpus, rules).await?;
        if totals.n_documents == 0 {
            let reason = summary
                .first_reject
                .unwrap_or_else(|| "the file has no rows".to_owned());
            return Err(JobError::Failed(format!(
                "none of {} rows could be read: {reason}",
                summary.rejected
            )));
        }
        index::build(app, job, corpus.id, &taxonomy).await?;
        let checks = serde_json::to_vec(&summary.checks)?;
        tokio::fs::write(checks_file(app, corpus.id), checks).await?;

        let transaction = app.db.begin().await?;
        let finished = Finished {
            taxonomy: self.taxonomy,
            content_hash,
            source_format: summary
                .format
                .map(|format| format.to_string())
                .unwrap_or_default(),
            n_rejected: summary.rejected,
            totals,
        };
        store::finish(&transaction, corpus, finished).await?;
        let result = JobResult {
            kind: "corpus".to_owned(),
            id: corpus.id,
        };
        jobs::succeed_in(&transaction, job.id(), &result).await?;
        transaction.commit().await?;
        Ok(result)
    }

    /// From the file into the tables.
    async fn copy(
        &self,
        app: &App,
        job: &JobContext,
        corpus: &CorpusRow,
        rules: Rules,
    ) -> Result<(Summary, Totals, String), JobError> {
        let taxonomy = Arc::clone(&rules.taxonomy);
        let (sender, mut receiver) = mpsc::channel(CHANNEL);
        let (path, rejects) = (self.upload.path(app), rejects_file(app, corpus.id));
        let reading =
            tokio::task::spawn_blocking(move || reader::read(&path, &rejects, rules, &sender));
        let mut writer = Writer::new(app, corpus, &taxonomy).await?;
        let mut progress = Progress {
            total: self.upload.n_bytes,
            documents: 0,
            rejected: 0,
        };
        let mut lines = 0;
        while let Some(batch) = receiver.recv().await {
            // Dropping the receiver ends the reader.
            job.check()?;
            let bytes = batch.bytes;
            lines = batch.lines;
            progress.documents += batch.documents.len() as u64;
            progress.rejected = batch.rejected;
            writer.take(batch).await?;
            job.progress(progress.steps(bytes));
        }
        let summary = reading.await??;
        let (totals, content_hash) = writer.finish(lines).await?;
        job.progress(progress.steps(self.upload.n_bytes));
        Ok((summary, totals, content_hash))
    }
}

impl From<FileError> for JobError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Refused(reason) => Self::Failed(reason),
            FileError::Io(error) => error.into(),
        }
    }
}

/// How far reading is.
struct Progress {
    total: u64,
    documents: u64,
    rejected: u64,
}

impl Progress {
    fn steps(&self, bytes: u64) -> Vec<arborist_shared::run::ProgressStep> {
        let mut steps = vec![
            step("bytes", bytes.min(self.total), self.total),
            step("documents", self.documents, 0),
        ];
        if self.rejected > 0 {
            steps.push(step("rejected", self.rejected, 0));
        }
        steps
    }
}

async fn remove_rejects(app: &App, corpus: i64) -> std::io::Result<()> {
    for file in [rejects_file(app, corpus), checks_file(app, corpus)] {
        match tokio::fs::remove_file(file).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
