//! Reading corpus files row by row, and telling people which rows could not be used.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use arborist_shared::api::corpora::Reject;
use arborist_shared::corpus::{CorpusRow, Reading, RowError};
use arborist_shared::taxonomy::Taxonomy;

use super::CliError;
use crate::corpus_files::{CorpusFile, FileError};

/// Rejects that are printed; the rest is counted.
const PRINTED_REJECTS: u64 = 10;
/// Characters of a rejected row that are kept.
const REJECT_CHARS: usize = 10_000;
/// The name of standard input, where a file is expected.
pub(super) const STDIN: &str = "-";

/// Rows of a corpus file, or of standard input.
pub(super) struct CorpusReader<'t> {
    /// As in messages.
    name: String,
    file: CorpusFile<'t>,
}

/// A row, good or bad.
pub(super) struct Row<'a> {
    /// Counts from 1.
    pub(super) line: u64,
    number: u64,
    /// As it stands in the file.
    pub(super) raw: &'a [u8],
    pub(super) content: Result<CorpusRow, RowError>,
}

impl Row<'_> {
    /// Id of a row that has none of its own: its line number from 0, or its own where rows are no lines.
    pub(super) fn numbered_id(&self) -> String {
        self.number.to_string()
    }
}

impl<'t> CorpusReader<'t> {
    /// Opens a file; `-` is standard input. The taxonomy helps to find out how labels are separated.
    pub(super) fn open(
        path: &Path,
        reading: &Reading,
        taxonomy: Option<&'t Taxonomy>,
    ) -> Result<Self, CliError> {
        let is_stdin = path == Path::new(STDIN);
        let name = if is_stdin {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let file = if is_stdin {
            CorpusFile::stream(io::stdin(), reading, taxonomy)
        } else {
            CorpusFile::open(path, reading, taxonomy)
        };
        let file = file.map_err(|error| CliError::input(format!("{name}: {error}")))?;
        Ok(Self { name, file })
    }

    /// Name of the file for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next row that is not empty; none at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, CliError> {
        let row = self.file.next_row().map_err(|error| match error {
            FileError::Refused(reason) => CliError::input(format!("{}: {reason}", self.name)),
            FileError::Io(error) => CliError::failed(format!("{}: {error}", self.name)),
        })?;
        Ok(row.map(|row| Row {
            line: row.line,
            number: row.number,
            raw: row.raw,
            content: row.content,
        }))
    }
}

/// Rows that could not be used: the first are printed, all are counted and, where there is a file for them, kept.
#[derive(Default)]
pub(super) struct Rejects {
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    /// Keeps the rejects in a file, as JSON lines of `file` and `shared::api::corpora::Reject`.
    pub(super) fn to_file(path: &Path) -> Result<Self, CliError> {
        let file = File::create(path)
            .map_err(|error| CliError::failed(format!("{}: {error}", path.display())))?;
        Ok(Self {
            file: Some(BufWriter::new(file)),
            count: 0,
        })
    }

    /// Number of rejects so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes a reject.
    pub(super) fn add(&mut self, name: &str, raw: &[u8], error: &RowError) -> Result<(), CliError> {
        #[derive(serde::Serialize)]
        struct Kept<'a> {
            file: &'a str,
            #[serde(flatten)]
            reject: Reject,
        }
        let RowError {
            line,
            column,
            reason,
        } = error;
        self.count += 1;
        if self.count <= PRINTED_REJECTS {
            eprintln!("{name}:{line}:{column}: {reason}");
        }
        if let Some(file) = &mut self.file {
            let row: String = String::from_utf8_lossy(raw)
                .trim_end()
                .chars()
                .take(REJECT_CHARS)
                .collect();
            let reject = Reject {
                file: None,
                line: *line,
                column: *column,
                reason: reason.clone(),
                row,
            };
            let written = serde_json::to_vec(&Kept { file: name, reject })
                .map_err(io::Error::from)
                .and_then(|mut text| {
                    text.push(b'\n');
                    file.write_all(&text)
                });
            written
                .map_err(|error| CliError::failed(format!("cannot keep rejected rows: {error}")))?;
        }
        Ok(())
    }

    /// Says how many there were, and where they are.
    pub(super) fn finish(self, kept_at: Option<&Path>) -> Result<u64, CliError> {
        if let Some(mut file) = self.file {
            file.flush()
                .map_err(|error| CliError::failed(format!("cannot keep rejected rows: {error}")))?;
        }
        if self.count > 0 {
            let more = self.count.saturating_sub(PRINTED_REJECTS);
            let shown = if more > 0 {
                format!(" ({more} more than are shown)")
            } else {
                String::new()
            };
            let place = kept_at.map_or_else(String::new, |path| {
                format!("; all are in {}", path.display())
            });
            eprintln!("rejected rows: {}{shown}{place}", self.count);
        }
        Ok(self.count)
    }
}
