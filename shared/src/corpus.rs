//! Documents and their labels: reading rows, and finding out which labels a row means.

mod columns;
mod foreign;
mod format;
mod lines;
mod reading;
mod resolve;
mod row;
mod separators;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::LabelIndex;

pub use columns::{ColumnError, Columns};
pub use format::{CorpusFormat, RowKind, UnknownCorpusFormat};
pub use reading::Reading;
pub use resolve::{LabelSet, ResolveError, resolve_labels};
pub use row::{
    CorpusRow, META_DATE, META_GROUP, META_SOURCE, RowError, RowLabel, parse_row, parse_row_as,
};
pub use separators::Separators;

/// A line of a snapshot: an annotated document with its labels as indexes into the run's taxonomy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotDocument {
    /// Id of the document.
    pub id: String,
    /// The whole text.
    pub text: String,
    /// Closed upwards and sorted; empty = judged, none applies.
    pub labels: Vec<LabelIndex>,
    /// The labels as given, sorted.
    pub explicit: Vec<LabelIndex>,
}

/// SHA-256, in hexadecimal, of the text with every run of Unicode white space as one blank and none at the ends.
///
/// Identifies a document that came without id.
#[must_use]
pub fn text_hash(text: &str) -> String {
    let mut hasher = Sha256::new();
    for (position, word) in text.split_whitespace().enumerate() {
        if position > 0 {
            hasher.update(b" ");
        }
        hasher.update(word.as_bytes());
    }
    crate::hex(&hasher.finalize())
}
