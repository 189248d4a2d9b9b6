//! Runs: the record of a training, its directory and its predictions.

pub mod directory;
pub mod predictions;
