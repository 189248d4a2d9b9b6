//! A library that says it is a plugin for a later ABI version. The host must not read beyond the two numbers.
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

/// Claims to be of ABI version 2.
// SAFETY: nothing else in this library has the name.
#[unsafe(no_mangle)]
pub static ARBORIST_PLUGIN: Head = Head {
    abi_version: 2,
    size: 4_096,
};
