//! Jobs: anything that can take over a second.

use serde::{Deserialize, Serialize};

use crate::run::ProgressStep;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits for a slot.
    Queued,
    /// Is being worked on.
    Running,
    /// Did what it should.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Was stopped on request.
    Cancelled,
}

impl JobStatus {
    /// Whether the job will not change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A job. `GET /api/v1/jobs/{id}` answers this object itself; `GET /api/v1/jobs?project=&status=&limit=&cursor=` →
/// `{"jobs":[…],"next"}`; `GET /api/v1/jobs/{id}/events` pushes it as server-sent `job` events (and a run's events as `run` events).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    /// Id of the job.
    pub id: i64,
    /// `import_taxonomy`, `import_corpus`, `import_asset`, `train`, …
    pub kind: String,
    /// Project it belongs to.
    pub project: i64,
    /// Where it stands.
    pub status: JobStatus,
    /// Outermost step first.
    pub progress: Vec<ProgressStep>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the job made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JobResult>,
    /// When it was queued.
    pub created_at: String,
    /// When work on it began.
    #[serde(default)]
    pub started_at: Option<String>,
    /// When work on it ended.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// Plain sentence on what it is about: file name, method.
    #[serde(default)]
    pub title: String,
}

/// The object that a job made: `{"type":"corpus","id":3}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobResult {
    /// `taxonomy`, `corpus`, `asset`, `run`, `export`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of the object.
    pub id: i64,
}

/// Answer `202 Accepted`, with `Location: /api/v1/jobs/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Accepted {
    /// Id of the job.
    pub job: i64,
    /// Id of the run, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
}

/// `GET /api/v1/jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobList {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}
