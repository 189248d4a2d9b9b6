//! Torch code that the methods share.
//!
//! A method's way through it: [`text`] makes token ids, [`batch`] deals and arranges them, [`blocks`] are the layers,
//! [`structure`] the label tree, [`training`] the one loop that trains every method. [`parameters`] holds the
//! tensors, [`pass`] the randomness and the way back of one step, [`optimizer`] the updates. What runs on a
//! processor and matters is in [`cpu`].
//!
//! What this crate deliberately does not do: it knows no method, decides no label sets for users and reports no score
//! of its own; the validation scores here choose a checkpoint and draw curves.

pub mod batch;
pub mod blocks;
#[cfg(any(test, feature = "checks"))]
pub mod checks;
pub mod cpu;
pub mod error;
pub mod files;
pub mod initializer;
mod mapped;
pub mod memory;
pub mod optimizer;
pub mod packing;
pub mod parameters;
pub mod pass;
pub mod pretrained;
pub mod process;
pub mod schedule;
pub mod settings;
pub mod structure;
#[cfg(test)]
mod testing;
pub mod text;
pub mod text_method;
#[cfg(feature = "checks")]
pub mod throughput;
pub mod training;
pub mod word_table;

/// Version of libtorch that the workspace's tch is built for.
pub const TORCH_VERSION: &str = "2.11.0";
