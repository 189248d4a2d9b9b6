//! The seam, tried through real libraries and through the conformance kit.
#![allow(clippy::unwrap_used, reason = "tests")]

mod answers;
mod calls;
mod directories;
mod hyperparameters;
mod kit;
mod libraries;
mod parents;
#[allow(unreachable_pub, reason = "the same file is a library of its own")]
#[path = "../../examples/toy/method.rs"]
mod toy;
mod workbench;

arborist_plugin_api::conformance!(toy::Toy);
