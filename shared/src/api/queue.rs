//! The queue: what runs where, what waits and why, and what became of it.

use serde::{Deserialize, Serialize};

use super::jobs::Job;

/// Why an attempt, or a job, ended as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Memory ran out. Tried again with half the batch and twice the accumulation, where the method has both.
    OutOfMemory,
    /// The worker was killed from outside. Goes on from its last checkpoint.
    LostWorker,
    /// The method refused its hyperparameters or documents. Not tried again.
    Refused,
    /// A crash in native code. Not tried again.
    Crashed,
    /// The plugin panicked. Not tried again.
    Panicked,
    /// An error of the plugin or the server. Not tried again.
    Failed,
    /// A job that it needs did not succeed.
    NeededJob,
    /// Given up early: other trials of its group do better.
    Hopeless,
}

impl Cause {
    /// The word that stands for it in the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutOfMemory => "out_of_memory",
            Self::LostWorker => "lost_worker",
            Self::Refused => "refused",
            Self::Crashed => "crashed",
            Self::Panicked => "panicked",
            Self::Failed => "failed",
            Self::NeededJob => "needed_job",
            Self::Hopeless => "hopeless",
        }
    }
}

/// An attempt that did not end the job: why, and what the next one does otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// When it ended.
    pub at: String,
    /// Why.
    pub cause: Cause,
    /// The same in words, with the last lines of its log.
    pub message: String,
    /// What the next attempt does: goes on from a checkpoint, or takes smaller batches.
    pub next: String,
    /// Device that it ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Epochs that were complete by then.
    #[serde(default)]
    pub epochs: u32,
}

/// A job with its place in the queue; `GET /api/v1/queue/{id}` answers this object itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueJob {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Its run, for trainings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    /// Method of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Group that the run belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<i64>,
    /// Name of whoever asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Higher ones first.
    pub priority: i64,
    /// Its turn among the waiting jobs of its kind of place, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long until it starts, as far as the jobs before it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_in_seconds: Option<f64>,
    /// How long until it ends once it has started; of a running one what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// Memory that it needs, by the method's formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Device that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Device that it runs on, or ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why it ended as it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Attempts that did not end it, oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Jobs that have to succeed first.
    #[serde(default)]
    pub needs: Vec<i64>,
}

/// `GET /api/v1/queue?project=&limit=&cursor=`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queue {
    /// Devices of this server.
    pub devices: Vec<Device>,
    /// At work, in the order they started.
    pub running: Vec<QueueJob>,
    /// Waiting, in the order they are taken; `position` counts jobs of all projects, also those that are not shown.
    pub waiting: Vec<QueueJob>,
    /// How many wait, of those that may be seen.
    pub n_waiting: u64,
    /// Cursor of the next page of waiting jobs; none on the last.
    pub next: Option<String>,
    /// The newest that have ended.
    pub finished: Vec<QueueJob>,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Slots with a share of the threads each.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// A cluster of other machines, with a queue of its own.
    Cluster,
}

/// Whether a device takes jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// It does.
    #[default]
    Enabled,
    /// It takes no more; those at work on it go on.
    Draining,
    /// It takes none; those at work on it were put back into the queue.
    Disabled,
}

/// A device of the server; `GET /api/v1/devices` → `{"devices":[…]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// `cpu`, `cuda:N` or `ray`.
    pub name: String,
    /// What its maker calls it.
    pub title: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Whether it only plays a GPU, for trying out.
    pub simulated: bool,
    /// Whether it takes jobs.
    pub state: DeviceState,
    /// Jobs at the same time; none where memory decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// Threads of each job.
    pub threads: u32,
    /// All its memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<u64>,
    /// Memory that nobody uses at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_free_bytes: Option<u64>,
    /// What the jobs at work on it were promised.
    pub memory_promised_bytes: u64,
    /// Share of the time that it computes, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// In degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<u32>,
    /// Ids of the jobs at work on it.
    pub jobs: Vec<i64>,
    /// What is wrong with it: memory that did not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// `GET /api/v1/devices`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceList {
    /// The processor first.
    pub devices: Vec<Device>,
}

/// `PATCH /api/v1/devices/{name}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeDevice {
    /// Whether it takes jobs.
    pub state: DeviceState,
}

/// An end of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QueueEnd {
    /// Before all others.
    First,
    /// After all others.
    Last,
}

/// `POST /api/v1/jobs/{id}/move`: one of the three. A job that is put beside another takes its priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MoveJob {
    /// Before this waiting job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// After this waiting job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// To an end of its priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<QueueEnd>,
}

/// `PATCH /api/v1/jobs/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeJob {
    /// -100 to 100.
    #[serde(default)]
    pub priority: Option<i64>,
}

/// How many trainings somebody may have; none = as many as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Whom it holds for; everybody without a limit of their own where it names nobody.
    #[serde(default)]
    pub user: Option<i64>,
    /// At work at the same time; more wait.
    #[serde(default)]
    pub running: Option<u32>,
    /// Waiting at the same time; more are refused.
    #[serde(default)]
    pub waiting: Option<u32>,
}

/// `GET` and `PUT /api/v1/limits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// One for everybody at most, and one for each person.
    pub limits: Vec<Limit>,
}

/// `GET /api/v1/runs/{id}/log?search=&cursor=`: what a run and its libraries said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunLog {
    /// In the order in which they were written, from the cursor on.
    pub lines: Vec<LogLine>,
    /// Where the next page begins; also where more will be, while the run is at work.
    pub next: String,
    /// Whether there is more already.
    pub more: bool,
}

/// A line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// Milliseconds since the run's start; none for what libraries print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// How serious it is; none for what libraries print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<crate::run::LogLevel>,
    /// The line.
    pub text: String,
}
