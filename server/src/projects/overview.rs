//! What a project has, on one page.

use arborist_shared::api::projects::{Overview, Project};

use crate::http::problem::ApiError;
use crate::{App, corpora, jobs, runs, taxonomies};

const NEWEST_JOBS: u64 = 10;

pub(super) async fn of(app: &App, project: Project) -> Result<Overview, ApiError> {
    let id = project.id;
    Ok(Overview {
        project,
        taxonomy: taxonomies::newest(app, id).await?,
        corpus: corpora::newest(app, id).await?,
        best_run: runs::best(app, id).await?,
        n_runs: runs::count(app, id).await?,
        jobs: jobs::newest(app, id, NEWEST_JOBS).await?,
    })
}
