//! The command line from outside: real processes, a real plugin, a small generated corpus.

mod compare;
mod dependencies;
mod evaluate;
mod faults;
mod plugins;
mod predict;
mod supervision;
mod train;
mod warm;
mod workbench;
