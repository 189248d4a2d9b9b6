//! What an agent says to its server: it carries out one attempt of one run on another machine, and mirrors the run
//! directory back.
//!
//! Files travel by their content: each is named by its SHA-256, so that what one side has is not sent again, and a
//! transfer that was broken off goes on where it stopped.

use serde::{Deserialize, Serialize};

use super::queue::Cause;

/// A file by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentFile {
    /// Where it lies, relative to its folder; names are joined by `/`.
    pub path: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of its content, in lower case hexadecimal digits.
    pub sha256: String,
}

/// `GET /api/v1/agent/run`: all that an attempt begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentRun {
    /// The run directory: request, taxonomy, corpus, and what earlier attempts left. The request names the server's own
    /// paths; those of plugin, encoder and word vectors are to be replaced.
    pub files: Vec<AgentFile>,
    /// SHA-256 of the plugin's library; an agent that has no such library refuses the run.
    pub plugin_sha256: String,
    /// The encoder's directory; empty where there is none.
    #[serde(default)]
    pub encoder: Vec<AgentFile>,
    /// The file of word vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<AgentFile>,
    /// Length of the log that earlier attempts left, which the agent does not get.
    pub log_bytes: u64,
}

/// How much of something the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentLength {
    /// In bytes.
    pub bytes: u64,
}

/// What is replaced as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentFolder {
    /// The plugin's checkpoint: what is not named goes away.
    Checkpoint,
    /// Files that a run leaves at its end; what is not named stays.
    Results,
}

/// `POST /api/v1/agent/files`: the state that a folder is to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AgentFiles {
    /// Which folder.
    pub folder: AgentFolder,
    /// Its files; results are put in place in this order.
    pub files: Vec<AgentFile>,
}

/// Answer to [`AgentFiles`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentMissing {
    /// Contents to be sent before the state can be taken over; none = it was.
    pub missing: Vec<AgentFile>,
}

/// Whether an agent should go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentStop {
    /// It should.
    #[default]
    No,
    /// Stop in order.
    Cancel,
    /// Stop at once.
    Kill,
}

/// `POST /api/v1/agent/heartbeat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentOrders {
    /// Whether to go on.
    pub stop: AgentStop,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentOutcome {
    /// The run is finished.
    Done,
    /// The plugin or the host reported an error.
    Failed,
    /// The method cannot work with the hyperparameters or the documents.
    Refused,
    /// It was asked to stop.
    Cancelled,
    /// The plugin panicked.
    Panicked,
    /// The child process ended in no orderly way.
    Crashed,
}

/// `POST /api/v1/agent/end`: the last word of an attempt; its token dies with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AgentEnd {
    /// How.
    pub outcome: AgentOutcome,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
