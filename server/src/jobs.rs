//! Jobs: anything that can take over a second.
//!
//! A job is a row. Whoever wants work done inserts one and [`Jobs::wake`]s the runner; the runner claims rows by a lease that
//! it prolongs while it works. An interruption of the server is not an attempt: the row goes back to `queued` and the work
//! resumes where it was committed. What a job does is the business of the room that knows its [`JobRequest`].

mod context;
mod dispatch;
mod live;
mod plan;
mod queue;
pub mod routes;
mod runner;
mod store;
mod stream;

use std::sync::Arc;

use arborist_shared::api;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::db::{DbErr, rfc3339};
use crate::http::problem::{ApiError, Code};
use crate::{App, db};

pub use arborist_shared::api::jobs::JobStatus;
pub use context::{JobContext, JobError, Stop, step};
pub use live::LiveJobs;
pub use runner::Runner;
pub use store::{JobRow, Needs, insert, insert_with};

/// What is asked for, as the row holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobRequest {
    ImportTaxonomy(crate::taxonomies::import::Import),
    ImportCorpus(Box<crate::corpora::import::Import>),
    ImportAsset(crate::assets::import::Import),
    ExportCorpus(crate::corpora::export::file::ExportCorpus),
    Train(crate::runs::train::Train),
    Compare(crate::comparisons::Compare),
    PublishDraft(crate::drafts::publish::Publish),
    UndoTaxonomy(crate::drafts::undo::UndoTaxonomy),
    ProposeReviews(crate::reviews::propose::ProposeReviews),
    ApplyReviews(crate::reviews::apply::ApplyReviews),
}

impl JobRequest {
    /// Reads what a row holds.
    ///
    /// # Errors
    /// When it is nothing that this server understands: another version queued it.
    pub(crate) fn read(row: serde_json::Value) -> Result<Self, JobError> {
        serde_json::from_value(row).map_err(|error| {
            JobError::Failed(format!(
                "what this job was asked for cannot be read, another version of the server queued it: {error}; start it again"
            ))
        })
    }

    /// Name of the kind, as people and programs see it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ImportTaxonomy(_) => "import_taxonomy",
            Self::ImportCorpus(_) => "import_corpus",
            Self::ImportAsset(_) => "import_asset",
            Self::ExportCorpus(_) => "export_corpus",
            Self::Train(_) => "train",
            Self::Compare(_) => "compare",
            Self::PublishDraft(_) => "publish_draft",
            Self::UndoTaxonomy(_) => "undo_taxonomy",
            Self::ProposeReviews(_) => "propose_reviews",
            Self::ApplyReviews(_) => "apply_reviews",
        }
    }

    /// Which kind of place it needs.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::ImportTaxonomy(_)
            | Self::ImportCorpus(_)
            | Self::ImportAsset(_)
            | Self::ExportCorpus(_)
            | Self::Compare(_)
            | Self::PublishDraft(_)
            | Self::UndoTaxonomy(_)
            | Self::ProposeReviews(_)
            | Self::ApplyReviews(_) => Slot::Import,
            Self::Train(_) => Slot::Train,
        }
    }
}

/// Kinds of places; each has its own number of them, so that imports go on while something trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Work in this process.
    Import,
    /// Work in a child process that takes the processor to itself.
    Train,
}

impl Slot {
    pub(crate) const ALL: [Self; 2] = [Self::Import, Self::Train];

    fn word(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Train => "train",
        }
    }
}

/// The queue's memory: who is at work, and who wants to be told.
#[derive(Debug, Default)]
pub struct Jobs {
    live: LiveJobs,
    import: Arc<Notify>,
    train: Arc<Notify>,
}

impl Jobs {
    /// Tells the runner, and those who watch, that a job was inserted.
    pub fn wake(&self, slot: Slot, id: i64) {
        self.live.tell(id);
        self.bell(slot).notify_one();
    }

    /// Jobs at work.
    #[must_use]
    pub fn live(&self) -> &LiveJobs {
        &self.live
    }

    fn bell(&self, slot: Slot) -> &Arc<Notify> {
        match slot {
            Slot::Import => &self.import,
            Slot::Train => &self.train,
        }
    }
}

/// A job as the interface shows it: its row, with the progress of this very moment.
#[must_use]
pub fn show(app: &App, row: JobRow) -> api::jobs::Job {
    let live = app.jobs.live.progress(row.id);
    let status: api::jobs::JobStatus = row.status;
    api::jobs::Job {
        id: row.id,
        kind: row.kind,
        project: row.project_id,
        status,
        progress: live.unwrap_or(row.progress),
        error: row.error,
        result: row.result,
        created_at: rfc3339(row.created_at),
        started_at: row.started_at.map(rfc3339),
        finished_at: row.finished_at.map(rfc3339),
        title: row.title,
    }
}

/// The job, if there is one.
///
/// # Errors
/// When the database does not answer.
pub async fn find(app: &App, id: i64) -> Result<Option<JobRow>, DbErr> {
    store::find(app.db.read(), id).await
}

/// Jobs of a project that do the same, newest first, before a given one.
///
/// # Errors
/// When the database does not answer.
pub async fn of_kind(
    app: &App,
    project: i64,
    kind: &str,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    store::of_kind(app.db.read(), project, kind, before, limit).await
}

/// The newest jobs of a project.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(app: &App, project: i64, limit: u64) -> Result<Vec<api::jobs::Job>, DbErr> {
    let rows = store::list(app.db.read(), Some(&[project]), None, None, limit).await?;
    Ok(rows.into_iter().map(|row| show(app, row)).collect())
}

/// Asks for the end of a job: at once if it waits, at its next step if it is at work.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel(app: &App, id: i64) -> Result<(), ApiError> {
    store::request_cancel(&app.db, id).await?;
    app.jobs.live.stop(id, Stop::Cancelled);
    app.jobs.live.tell(id);
    tell_dependents(app).await?;
    Ok(())
}

/// Fails waiting jobs that need one which did not succeed, and tells those who watch them.
async fn tell_dependents(app: &App) -> Result<(), DbErr> {
    for id in store::fail_dependents(&app.db).await? {
        app.jobs.live.tell(id);
    }
    Ok(())
}

/// Puts jobs at work back into the queue, where they resume.
pub fn put_back(app: &App, ids: &[i64]) {
    for &id in ids {
        app.jobs.live.stop(id, Stop::Interrupted);
    }
}

/// Has the queue looked at again: something changed about what may start.
pub fn look_again(app: &App) {
    for slot in Slot::ALL {
        app.jobs.bell(slot).notify_one();
    }
}

/// Refuses another training of somebody who has as many waiting as they may; `more` are about to be queued.
///
/// # Errors
/// `too_many_jobs`, with the numbers.
pub async fn check_limit(app: &App, user: Option<i64>, more: u64) -> Result<(), ApiError> {
    let Some(user) = user else { return Ok(()) };
    let limits = store::order::limits(app.db.read()).await?;
    let limit = limits.get(&Some(user)).or_else(|| limits.get(&None));
    let Some(waiting) = limit.and_then(|limit| limit.waiting) else {
        return Ok(());
    };
    let counts = store::order::counts(app.db.read(), crate::db::kinds::JobStatus::Queued).await?;
    let has = counts.get(&user).copied().unwrap_or(0);
    if has + more > waiting as u64 {
        let detail = format!(
            "{has} of your trainings wait, {more} more would be over your limit of {waiting}"
        );
        return Err(ApiError::new(Code::TooManyJobs, detail));
    }
    Ok(())
}

/// Clears up behind an earlier server, before jobs are taken up: a job whose request nobody understands fails, and uploads
/// go that no job needs, of requests that broke off when it was killed.
///
/// # Errors
/// When the database does not answer, or the folder cannot be read.
pub async fn clear_up(app: &App) -> Result<(), JobError> {
    let mut needed = FxHashSet::default();
    for (id, request) in store::open_requests(app.db.read()).await? {
        match JobRequest::read(request) {
            Ok(JobRequest::ImportTaxonomy(import)) => needed.insert(import.upload.file),
            Ok(JobRequest::ImportCorpus(import)) => needed.insert(import.upload.file),
            Ok(JobRequest::ImportAsset(import)) => needed.insert(import.upload.file),
            Ok(
                JobRequest::ExportCorpus(_)
                | JobRequest::Train(_)
                | JobRequest::Compare(_)
                | JobRequest::PublishDraft(_)
                | JobRequest::UndoTaxonomy(_)
                | JobRequest::ProposeReviews(_)
                | JobRequest::ApplyReviews(_),
            ) => false,
            Err(error) => {
                tracing::warn!(job.id = id, %error, "a job cannot be taken up");
                store::refuse(app.db.write(), id, &error.to_string()).await?;
                false
            }
        };
    }
    needed.extend(crate::uploads::clear_up(app)?);
    for entry in std::fs::read_dir(app.folders.uploads())? {
        let entry = entry?;
        if entry
            .file_name()
            .to_str()
            .is_none_or(|name| !needed.contains(name))
        {
            tracing::info!(upload = ?entry.file_name(), "removes an upload that no job needs");
            std::fs::remove_file(entry.path())?;
        }
    }
    crate::corpora::export::file::clear_up(app, true)?;
    Ok(())
}

/// Waits until a job has ended.
///
/// # Errors
/// When the database does not answer, or there is no such job.
pub async fn wait(app: &App, id: i64) -> Result<JobRow, ApiError> {
    let mut bell = app.jobs.live.listen();
    loop {
        let row = find(app, id).await?;
        let row =
            row.ok_or_else(|| ApiError::new(Code::JobNotFound, format!("there is no job {id}")))?;
        if row.status.is_final() {
            return Ok(row);
        }
        // Told of another job: no reason to look. Too many told at once: one of them may have been this one.
        while matches!(bell.recv().await, Ok(other) if other != id) {}
    }
}

/// Marks a job as done within the transaction that commits what it made, so that neither exists without the other.
///
/// # Errors
/// When the database does not answer.
pub async fn succeed_in(
    transaction: &impl sea_orm::ConnectionTrait,
    id: i64,
    result: &api::jobs::JobResult,
) -> Result<(), DbErr> {
    store::finish(
        transaction,
        id,
        api::jobs::JobStatus::Succeeded,
        None,
        Some(result),
        db::now(),
    )
    .await
}

#[cfg(test)]
mod tests {
    use arborist_shared::api::assets::AssetKind;

    use super::*;
    use crate::http::upload::Upload;

    #[test]
    fn what_a_row_holds_is_what_was_asked_for() {
        let upload = Upload {
            file: "f".to_owned(),
            name: "glove.txt".to_owned(),
            n_bytes: 3,
            content_hash: "h".to_owned(),
        };
        for asset in [AssetKind::Encoder, AssetKind::WordVectors] {
            let upload = upload.clone();
            let request = JobRequest::ImportAsset(crate::assets::import::Import { upload, asset });
            let row = serde_json::to_value(&request).unwrap();
            assert_eq!(row["kind"], request.kind());
            assert_eq!(JobRequest::read(row).unwrap(), request);
        }
        let error = JobRequest::read(serde_json::json!({"kind": "export"})).unwrap_err();
        assert!(error.to_string().contains("another version"), "{error}");
    }
}
