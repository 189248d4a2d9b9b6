//! Files with documents, of every format that people have: what they are packed in, their encoding, how rows are cut out of
//! them, and writing them.
//!
//! Everything streams: of a file no more is in memory than a row and some buffers, however it is packed. What a row means in
//! its format is `shared::corpus`'s business; what its labels mean in a taxonomy, that of who asks.

mod archive;
mod cut;
mod encoding;
mod lines;
mod objects;
mod reader;
mod records;
mod sniff;
mod source;
#[cfg(test)]
mod tests;
mod verdicts;
pub mod write;

pub use encoding::encoding_name;
pub use reader::{CorpusFile, Row};
pub use sniff::Sniffed;

/// A longer row is refused: a document of this length is a file that lost its line breaks.
pub const MAX_ROW: usize = 16 << 20;

/// Why a file could not be opened or read on.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file is at fault; the text says how.
    #[error("{0}")]
    Refused(String),
    /// The system is.
    #[error("{0}")]
    Io(std::io::Error),
}

impl FileError {
    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// What is packed wrongly tells so by the kind of the error.
impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match error.kind() {
            UnexpectedEof => Self::refused(
                "the file ends within its compressed data: it was cut off, send it again",
            ),
            InvalidData | InvalidInput => Self::Refused(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

impl From<zip::result::ZipError> for FileError {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => error.into(),
            other => Self::Refused(format!("the archive cannot be read: {other}")),
        }
    }
}

/// Reads bytes as a corpus file to the end, whatever they are: what fuzzing calls.
pub fn try_bytes(bytes: &[u8]) {
    let opened = CorpusFile::stream(
        std::io::Cursor::new(bytes.to_vec()),
        &arborist_shared::corpus::Reading::default(),
        None,
    );
    if let Ok(mut file) = opened {
        while let Ok(Some(row)) = file.next_row() {
            drop(row);
        }
    }
}
