//! What can go wrong in the kit, and how it reads to the person who started the run.

use std::path::PathBuf;

use arborist_plugin_api::ModelError;

/// An error of the kit.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A file is there and not what it should be.
    #[error("{}: {reason}", path.display())]
    Broken { path: PathBuf, reason: String },
    /// A checkpoint lacks a tensor, or has one of another shape.
    #[error("the checkpoint does not fit the model: {0}")]
    Mismatch(String),
    /// `cpu` or `cuda:N` was expected.
    #[error("the device `{0}` is not available here; use `cpu`{hint}", hint = if tch::Cuda::is_available() { " or `cuda:0`" } else { "" })]
    Device(String),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The configuration or the data cannot be used as they are; the message says what to change.
    #[error("{0}")]
    Input(String),
    /// The loss is not a number any more.
    #[error("the loss is not a finite number at step {step}; try a lower learning rate")]
    Diverged { step: u64 },
    /// The host asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A file of the request could not be read.
    #[error(transparent)]
    Read(#[from] arborist_plugin_api::ReadError),
}

impl KitError {
    /// For `map_err` after work on a file.
    pub fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// A file with unexpected contents.
    pub fn broken(path: impl Into<PathBuf>, reason: impl std::fmt::Display) -> Self {
        Self::Broken {
            path: path.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<KitError> for ModelError {
    fn from(error: KitError) -> Self {
        match error {
            KitError::Cancelled => Self::Cancelled,
            KitError::Read(error) => Self::Read(error),
            KitError::Input(message) => Self::Input(message),
            KitError::Device(_) => Self::Input(error.to_string()),
            KitError::File { source, .. } if source.kind() == std::io::ErrorKind::OutOfMemory => {
                Self::Failed(source.to_string())
            }
            error => {
                let mut message = error.to_string();
                if let Some(source) = std::error::Error::source(&error) {
                    message = format!("{message}: {source}");
                }
                Self::Failed(message)
            }
        }
    }
}
