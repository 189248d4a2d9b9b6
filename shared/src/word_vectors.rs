//! Word vectors in the text format of `GloVe`, fastText and word2vec: a word and its numbers a line (METHODS 1.4).
//!
//! How a file begins and what a line holds, of bytes that others read: the server takes exactly the files that methods
//! can use, because both ask here.
#![allow(
    clippy::indexing_slicing,
    reason = "places that were found in the same bytes; gigabytes of lines are read"
)]

mod line;
mod outline;

pub use line::{Line, read_numbers, take_apart};
pub use outline::{Outline, SAMPLE};
