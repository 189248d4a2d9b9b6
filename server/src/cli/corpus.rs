//! Reading corpus files row by row, and telling people which rows could not be used.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use arborist_shared::api::corpora::Reject;
use arborist_shared::corpus::{CorpusFormat, CorpusRow, RowError, parse_row_as};

use super::CliError;

/// Rejects that are printed; the rest is counted.
const PRINTED_REJECTS: u64 = 10;
/// Characters of a rejected row that are kept.
const REJECT_CHARS: usize = 10_000;
/// The name of standard input, where a file is expected.
pub(super) const STDIN: &str = "-";

/// Rows of a corpus file, or of standard input.
pub(super) struct CorpusReader {
    /// As in messages.
    name: String,
    lines: Box<dyn BufRead + Send>,
    /// Detected on the first row when not given.
    format: Option<CorpusFormat>,
    line: Vec<u8>,
    line_number: u64,
}

/// A row, good or bad.
pub(super) struct Row<'a> {
    /// Counts from 1.
    pub(super) line: u64,
    /// As it stands in the file.
    pub(super) raw: &'a [u8],
    pub(super) content: Result<CorpusRow, RowError>,
}

impl Row<'_> {
    /// Id of a row that has none of its own: its line number from 0.
    pub(super) fn numbered_id(&self) -> String {
        (self.line - 1).to_string()
    }
}

impl CorpusReader {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path, format: Option<CorpusFormat>) -> Result<Self, CliError> {
        let lines: Box<dyn BufRead + Send> = if path == Path::new(STDIN) {
            Box::new(BufReader::with_capacity(1 << 18, io::stdin()))
        } else {
            let file = File::open(path)
                .map_err(|error| CliError::input(format!("{}: {error}", path.display())))?;
            Box::new(BufReader::with_capacity(1 << 18, file))
        };
        let name = if path == Path::new(STDIN) {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        Ok(Self {
            name,
            lines,
            format,
            line: Vec::new(),
            line_number: 0,
        })
    }

    /// Name of the file for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next row that is not empty; none at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, CliError> {
        loop {
            self.line.clear();
            let read = self.lines.read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| CliError::failed(format!("{}: {error}", self.name)))?;
            if read == 0 {
                return Ok(None);
            }
            self.line_number += 1;
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let format = *self
            .format
            .get_or_insert_with(|| CorpusFormat::detect(&self.line));
        let content = parse_row_as(format, &self.line, self.line_number);
        Ok(Some(Row {
            line: self.line_number,
            raw: &self.line,
            content,
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
