//! Projects and their overview.

use serde::{Deserialize, Serialize};

use super::accounts::Role;
use super::jobs::Job;
use super::runs::Run;

/// `POST /api/v1/projects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewProject {
    /// Name of the project.
    pub name: String,
}

/// A project; `GET /api/v1/projects?limit=&cursor=` → `{"projects":[…],"next"}`, one as `{"project":{…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    /// Id of the project.
    pub id: i64,
    /// Name of the project.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// The asker's role in it.
    pub role: Role,
}

/// `POST /api/v1/sample-project`: the sample project, made if it is not there yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleProject {
    /// The project.
    pub project: Project,
    /// Id of the job that fills it; none when it is filled already.
    pub job: Option<i64>,
}

/// `GET /api/v1/projects/{id}/overview`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// The project.
    pub project: Project,
    /// Newest taxonomy version.
    pub taxonomy: Option<super::taxonomies::Taxonomy>,
    /// Newest corpus version.
    pub corpus: Option<super::corpora::Corpus>,
    /// Best finished run by test macro-F1, then micro-F1.
    pub best_run: Option<Run>,
    /// Number of runs.
    pub n_runs: u64,
    /// Newest first, at most ten.
    pub jobs: Vec<Job>,
}

/// `GET /api/v1/projects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectList {
    /// Newest first.
    pub projects: Vec<Project>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `POST /api/v1/projects` and `GET /api/v1/projects/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectAnswer {
    /// The project.
    pub project: Project,
}
