//! The corpora that the papers measure on: from the files that their owners publish to our rows, with the papers' splits.
//!
//! Each importer reads one collection as it is handed out and writes `train.jsonl`, `validation.jsonl`, `test.jsonl`,
//! the taxonomy and `import.json`, which tells what came in, what was left out and why. Texts stay as they are: cutting
//! them into words is each method's affair. Options are parsed in `cli::import`; nothing is fetched from anywhere.

mod eurlex;
mod input;
mod numpy;
mod nyt;
mod output;
mod rcv1;
mod summary;
mod wos;
mod xml;

use std::io;
use std::path::{Path, PathBuf};

use arborist_shared::taxonomy::TaxonomyError;

pub use eurlex::Eurlex;
pub use nyt::{Nyt, NytLabels};
pub use rcv1::{Rcv1, Rcv1Texts, ValidationRecipe};
pub use summary::{Change, Documents, Dropped, InputFile, Published, Summary, TrainingFrequency};
pub use wos::{Wos, WosFiles};

/// Why an import ended without a corpus.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file, or a line of it, is not what it should be.
    #[error("{place}: found {found}, expected {expected}")]
    Input {
        /// File, with the line where there is one.
        place: String,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// The labels do not make a hierarchy.
    #[error("{place}: {source}")]
    Taxonomy {
        /// The file that they come from.
        place: String,
        /// The fault.
        source: TaxonomyError,
    },
    /// A file or directory cannot be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The result cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl DatasetError {
    fn input(place: impl ToString, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Input {
            place: place.to_string(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            source,
        }
    }
}

/// Who is told how far an import is.
pub trait Watch {
    /// A step and how far it is; `total` 0 = not known.
    fn step(&mut self, name: &str, current: u64, total: u64);
    /// Something that a person should know.
    fn note(&mut self, text: &str);
}
