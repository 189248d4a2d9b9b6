//! The vocabulary of Arborist: taxonomies and their edits, label sets, documents, decoding, metrics, significance,
//! run events and the wire types of the HTTP interface.
//!
//! Pure: no I/O, no clock, no async, no randomness that is not seeded by the caller. The same code
//! runs in the server, in the command line, in plugins and, as WebAssembly, in the browser.

#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)
)]

pub mod api;
pub mod calibration;
pub mod confusion;
pub mod corpus;
pub mod decode;
pub mod edits;
pub mod manifest;
pub mod metrics;
pub mod priors;
pub mod run;
pub mod scores;
pub mod sets;
pub mod significance;
pub mod split;
pub mod stop_words;
pub mod taxonomy;
pub mod word_vectors;

/// Position of a label in its taxonomy: dense, `0..taxonomy.len()`, parents before children is *not* implied.
pub type LabelIndex = u32;

#[cfg(test)]
mod fixtures;

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|&byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(u32::from(half), 16))
        .collect()
}
