//! A library that is no plugin.
#![allow(
    unsafe_code,
    reason = "an exported function is the point of this library"
)]

/// Something else.
// SAFETY: nothing else in this library has the name.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> u32 {
    42
}
