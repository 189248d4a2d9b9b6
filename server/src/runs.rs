//! Runs: the record of a training, its directory and its predictions.

pub mod directory;
mod estimate;
mod fit;
mod intervals;
pub mod models;
mod newer;
mod predict;
pub mod predictions;
mod request;
pub mod routes;
mod spool;
mod store;
pub mod train;

use arborist_shared::api;

use crate::App;
use crate::db::DbErr;
use crate::jobs::JobStatus;

pub use fit::FitCache;
pub use intervals::IntervalCache;
pub use newer::NewerCache;
pub use store::RunRow;

/// The best succeeded run of a project by macro-F1, then micro-F1, on test.
///
/// # Errors
/// When the database does not answer.
pub async fn best(app: &App, project: i64) -> Result<Option<api::runs::Run>, DbErr> {
    store::best(app.db.read(), project).await
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

/// Status of a run: that of its job.
///
/// # Errors
/// When the database does not answer.
pub async fn status(app: &App, row: &RunRow) -> Result<Option<JobStatus>, DbErr> {
    store::status(app.db.read(), row).await
}
