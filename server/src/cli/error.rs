//! Why a command ended without its result.

use std::fmt::Display;
use std::process::ExitCode;

use crate::locations::{EncoderError, NoDataDirectory};
use crate::plugins::PluginsError;
use crate::runs::directory::RunDirectoryError;
use crate::work::WorkError;

/// The two ways in which a command fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CliError {
    /// The options or the input are wrong: exit code 2. The text names file, line or field, what was found and what was expected.
    #[error("{0}")]
    Input(String),
    /// The work failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// An input error made of any message.
    pub fn input(message: impl Display) -> Self {
        Self::Input(message.to_string())
    }

    /// A failure made of any message.
    pub fn failed(message: impl Display) -> Self {
        Self::Failed(message.to_string())
    }

    /// Exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Input(_) => ExitCode::from(2),
        }
    }
}

impl From<RunDirectoryError> for CliError {
    fn from(error: RunDirectoryError) -> Self {
        Self::input(error)
    }
}

impl From<EncoderError> for CliError {
    fn from(error: EncoderError) -> Self {
        Self::input(error)
    }
}

impl From<NoDataDirectory> for CliError {
    fn from(error: NoDataDirectory) -> Self {
        Self::input(error)
    }
}

impl From<PluginsError> for CliError {
    fn from(error: PluginsError) -> Self {
        Self::input(error)
    }
}

impl From<WorkError> for CliError {
    fn from(error: WorkError) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::Failed(message)
    }
}
