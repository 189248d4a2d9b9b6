//! The executable `arborist` as a library: command line, child processes, plugins, run directories, and the server.
//!
//! It never links libtorch: plugins are opened in child processes only.

pub mod accounts;
pub mod agent;
pub mod analysis;
pub mod app;
pub mod assets;
pub mod cli;
pub mod comparisons;
pub mod corpora;
pub mod corpus_files;
pub mod datasets;
pub mod db;
pub mod devices;
pub mod drafts;
pub mod exports;
pub mod hash;
pub mod http;
pub mod jobs;
pub mod locations;
pub mod output_directory;
pub mod plugins;
pub mod projects;
pub mod remote;
pub mod reviews;
pub mod runs;
pub mod sample;
pub mod taxonomies;
pub mod uploads;
pub mod work;

pub use app::App;

/// Version of this executable.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
