//! The command line from outside: real processes, a real plugin, a small generated corpus.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect should end"
)]

mod bench;
mod compare;
mod dependencies;
mod evaluate;
mod export;
mod faults;
mod import;
mod places;
mod plugins;
mod predict;
mod serve;
mod supervision;
mod taxonomy;
mod train;
mod warm;
mod workbench;
