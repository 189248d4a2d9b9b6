//! The executable `arborist` as a library: command line, child processes, plugins, run directories, and the server.
//!
//! It never links libtorch: plugins are opened in child processes only.

pub mod cli;
pub mod comparisons;
pub mod locations;
pub mod plugins;
pub mod runs;
pub mod work;
