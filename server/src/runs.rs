//! Runs: the record of a training, its directory and its predictions.

pub mod directory;
mod estimate;
mod fit;
mod groups;
mod intervals;
mod log;
pub mod models;
mod newer;
mod predict;
pub mod predictions;
mod request;
mod retry;
pub mod routes;
mod spool;
mod store;
pub mod train;

use arborist_shared::api;
use arborist_shared::run::RunEvent;
use arborist_shared::scores::DocumentScores;
use arborist_shared::split::Split;

use crate::App;
use crate::db::DbErr;
use crate::http::problem::ApiError;
use crate::jobs::{JobError, JobStatus};
use crate::work::Kept;

pub use fit::FitCache;
pub use intervals::IntervalCache;
pub use newer::NewerCache;
pub use store::{OfJob, RunRow};

/// Runs of jobs, by job.
///
/// # Errors
/// When the database does not answer.
pub async fn of_jobs(
    app: &App,
    jobs: &[i64],
) -> Result<std::collections::HashMap<i64, OfJob>, DbErr> {
    store::of_jobs(app.db.read(), jobs).await
}

/// The best succeeded run of a project by macro-F1, then micro-F1, on test.
///
/// # Errors
/// When the database does not answer.
pub async fn best(app: &App, project: i64) -> Result<Option<api::runs::Run>, DbErr> {
    store::best(app.db.read(), project).await
}

/// The figures of a run on a split as JSON, as they were stored.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn metrics(app: &App, run: i64, split: Split) -> Result<Option<String>, DbErr> {
    store::metrics(app.db.read(), run, split).await
}

/// Number of runs of a project.
///
/// # Errors
/// When the database does not answer.
pub async fn count(app: &App, project: i64) -> Result<u64, DbErr> {
    store::count(app.db.read(), project).await
}

/// Succeeded runs of a project with their taxonomies, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn with_model(app: &App, project: i64) -> Result<Vec<(i64, i64)>, DbErr> {
    store::with_model(app.db.read(), project).await
}

/// Events of a job's run behind the given line of its file, with the numbers of their lines.
///
/// # Errors
/// When the database does not answer, or the file cannot be read.
pub async fn events_after(
    app: &App,
    job: i64,
    line: u64,
) -> Result<Vec<(u64, RunEvent)>, JobError> {
    let Some(run) = store::find_by_job(app.db.read(), job).await? else {
        return Ok(Vec::new());
    };
    let path = app.folders.run(run.id);
    tokio::task::spawn_blocking(move || match directory::RunDirectory::open(&path) {
        // Not begun yet.
        Err(_) => Ok(Vec::new()),
        Ok(directory) => {
            let events = directory.read_events()?;
            let numbered = (1..).zip(events);
            Ok(numbered.filter(|(number, _)| *number > line).collect())
        }
    })
    .await?
}

/// Scores of all labels of a run's own taxonomy for some texts, by its model, which is loaded where it is not.
///
/// # Errors
/// When there is no such run, or its model fails.
pub async fn scores(
    app: &std::sync::Arc<App>,
    run: i64,
    texts: &[String],
) -> Result<Vec<DocumentScores>, ApiError> {
    let mut scores = Vec::with_capacity(texts.len());
    for texts in texts.chunks(models::BATCH_TEXTS) {
        scores.extend(models::predict(app, run, texts, Kept::All).await?.1);
    }
    Ok(scores)
}

/// Status of a run: that of its job.
///
/// # Errors
/// When the database does not answer.
pub async fn status(app: &App, row: &RunRow) -> Result<Option<JobStatus>, DbErr> {
    store::status(app.db.read(), row).await
}
