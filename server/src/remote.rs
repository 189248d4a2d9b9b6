//! Runs on other machines. The run directory stays the truth: an agent over there gets what an attempt begins with, carries
//! it out in a child process of its own, and mirrors what the child writes back into the directory here. So everything
//! behind an executor (figures, logs, retries, resuming) knows nothing of it.
//!
//! `attempts` keeps what an agent may see and write, `routes` are its addresses, `ray` starts agents as jobs of a Ray
//! cluster, `files` says which files travel. The agent's own side is in [`crate::agent`].

pub(crate) mod attempts;
pub(crate) mod files;
pub mod ray;
pub mod routes;
mod supervise;

pub use attempts::Attempts;
pub use ray::RayOptions;
pub use supervise::RayExecutor;

/// Name of the Ray cluster among the devices.
pub const RAY: &str = "ray";
