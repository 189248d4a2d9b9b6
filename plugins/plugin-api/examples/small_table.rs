//! A library with the right ABI version and a table that ends too early.
#![allow(
    unsafe_code,
    reason = "a hand-written table is the point of this library"
)]

/// The first two fields of every table.
#[repr(C)]
#[derive(Debug)]
pub struct Head {
    abi_version: u32,
    size: u32,
}

/// Nothing but its head.
// SAFETY: nothing else in this library has the name.
#[unsafe(no_mangle)]
pub static ARBORIST_PLUGIN: Head = Head {
    abi_version: arborist_plugin_api::ABI_VERSION,
    size: 8,
};
