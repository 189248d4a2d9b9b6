//! The seam between Arborist and its methods: a Rust trait on both sides, a small C table in the middle.
//!
//! A method's author implements [`Method`] and [`Model`] and writes `export_method!(MyMethod);`.
//! The host (feature `host`) opens the library as a [`host::Plugin`] with methods of the same names.
//! The conformance kit (feature `conformance`) is one line in a test of the plugin's crate.
//!
//! What this crate deliberately does not do: it knows no torch, no async runtime, no database and no network,
//! and nothing of how a method works inside. `unsafe` lives in [`seam`] and [`host`] only.
#![warn(missing_docs)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::undocumented_unsafe_blocks
)]

mod documents;
mod events;
mod method;
mod request;
pub mod seam;

#[cfg(feature = "host")]
pub mod host;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use arborist_shared as shared;
pub use arborist_shared::LabelIndex;
pub use arborist_shared::manifest::MethodManifest;

pub use crate::documents::{Document, DocumentReader, Documents, ReadError};
pub use crate::events::{Host, HostCallbacks, Unattended};
pub use crate::method::{
    Embeddings, Evidence, Facts, Method, Model, ModelError, Predictions, ScoreRow, Scores,
};
pub use crate::request::{LoadRequest, TrainRequest};
pub use crate::seam::{ABI_VERSION, PLUGIN_API_VERSION};

#[cfg(test)]
mod tests;
