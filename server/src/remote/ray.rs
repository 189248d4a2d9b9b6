//! Ray's Jobs interface (REST): submitting a job, its state, its log, stopping it.
//!
//! Ray shows everybody who reaches its dashboard the command and the environment of each job, and lets them submit their
//! own. So it belongs into a private network, and a job's token is good for one attempt and no longer.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize};

/// How long an answer of Ray may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a job's log that are shown.
const LOG_BYTES: usize = 4_000;

/// A Ray cluster to train on.
#[derive(Clone, Debug, PartialEq)]
pub struct RayOptions {
    /// Its dashboard, `http://127.0.0.1:8265`.
    pub address: String,
    /// How its nodes reach this server; none = the public address, or the one it listens on.
    pub server: Option<String>,
    /// How a shell on its nodes starts `arborist`; none = the path of this executable.
    pub program: Option<String>,
    /// Runs there at the same time.
    pub slots: u32,
    /// Processors of each run.
    pub cpus: u32,
    /// GPUs of each run, may be a fraction.
    pub gpus: f64,
}

/// Why Ray did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum RayError {
    #[error("Ray at {address} does not answer: {source}")]
    Unreachable {
        address: String,
        source: reqwest::Error,
    },
    #[error("Ray at {address} answered {status}: {text}")]
    Refused {
        address: String,
        status: StatusCode,
        text: String,
    },
}

/// What is submitted.
#[derive(Debug, Serialize)]
pub(super) struct Submission {
    pub(super) submission_id: String,
    pub(super) entrypoint: String,
    pub(super) entrypoint_num_cpus: u32,
    pub(super) entrypoint_num_gpus: f64,
    /// In bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint_memory: Option<u64>,
    pub(super) runtime_env: RuntimeEnvironment,
    pub(super) metadata: BTreeMap<String, String>,
}

/// What a job's process gets.
#[derive(Debug, Serialize)]
pub(super) struct RuntimeEnvironment {
    pub(super) env_vars: BTreeMap<String, String>,
}

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum RayStatus {
    Pending,
    Running,
    Stopped,
    Succeeded,
    Failed,
}

impl RayStatus {
    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }
}

/// A job as Ray tells it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RayJob {
    pub(super) status: RayStatus,
    #[serde(default)]
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Logs {
    #[serde(default)]
    logs: String,
}

/// A client of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Ray {
    address: String,
    client: Client,
}

impl Ray {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.trim_end_matches('/').to_owned(),
            client: Client::new(),
        }
    }

    pub(super) async fn submit(&self, submission: &Submission) -> Result<(), RayError> {
        let request = self.client.post(self.url("")).json(submission);
        self.send(request).await.map(drop)
    }

    pub(super) async fn job(&self, id: &str) -> Result<RayJob, RayError> {
        let response = self.send(self.client.get(self.url(id))).await?;
        response.json().await.map_err(|source| self.lost(source))
    }

    /// The end of what the job has printed; nothing where Ray does not have it any more.
    pub(super) async fn last_words(&self, id: &str) -> String {
        let asked = self
            .send(self.client.get(self.url(&format!("{id}/logs"))))
            .await;
        let logs = match asked {
            Ok(response) => response.json::<Logs>().await.map(|logs| logs.logs).ok(),
            Err(_) => None,
        };
        let logs = logs.unwrap_or_default();
        let from = logs.ceil_char_boundary(logs.len().saturating_sub(LOG_BYTES));
        logs.get(from..).unwrap_or_default().trim().to_owned()
    }

    pub(super) async fn stop(&self, id: &str) -> Result<(), RayError> {
        let request = self.client.post(self.url(&format!("{id}/stop")));
        self.send(request).await.map(drop)
    }

    fn url(&self, rest: &str) -> String {
        format!("{}/api/jobs/{rest}", self.address)
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, RayError> {
        let response = request
            .timeout(TIMEOUT)
            .send()
            .await
            .map_err(|source| self.lost(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text: String = response
            .text()
            .await
            .unwrap_or_default()
            .chars()
            .take(1_000)
            .collect();
        Err(RayError::Refused {
            address: self.address.clone(),
            status,
            text,
        })
    }

    fn lost(&self, source: reqwest::Error) -> RayError {
        RayError::Unreachable {
            address: self.address.clone(),
            source,
        }
    }
}
