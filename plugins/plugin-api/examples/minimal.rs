//! The toy as an older plugin API would have written it: its table ends before the optional functions.
#![allow(
    unsafe_code,
    reason = "a hand-written table is the point of this library"
)]

#[allow(unreachable_pub, reason = "the same file is a library of its own")]
#[path = "toy/method.rs"]
mod method;

use arborist_plugin_api::seam::{PluginTable, table};

/// The required part of the toy's table.
// SAFETY: nothing else in this library has the name.
#[unsafe(no_mangle)]
pub static ARBORIST_PLUGIN: PluginTable = {
    let mut shortened = table::<method::Toy>("toy", env!("CARGO_PKG_VERSION"), "");
    shortened.size = PluginTable::REQUIRED_SIZE as u32;
    shortened
};
