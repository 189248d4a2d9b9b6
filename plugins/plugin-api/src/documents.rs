//! Documents of a snapshot: in memory as one pool of text, or streamed one by one.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use serde::Deserialize;

/// The documents of a snapshot in memory: one pool of text, one array of labels, and offsets into both.
///
/// A corpus costs little more than its text: 32 bytes and its id per document besides text and labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    ids: Pool,
    texts: Pool,
    labels: Lists,
    explicit: Lists,
}

/// One document of [`Documents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// Id in the corpus.
    pub id: &'a str,
    /// The text as it was uploaded.
    pub text: &'a str,
    /// Its labels, closed upwards and sorted. Empty = judged, none applies.
    pub labels: &'a [LabelIndex],
    /// The labels as they were given.
    pub explicit: &'a [LabelIndex],
}

impl Documents {
    /// Reads a snapshot (JSON lines) whose labels lie below `n_labels`.
    ///
    /// # Errors
    /// Names file, line and column, and what is wrong there.
    pub fn read(path: &Path, n_labels: usize) -> Result<Self, ReadError> {
        let mut reader = DocumentReader::open(path, n_labels)?;
        let mut documents = Self::default();
        // The file is a little larger than its texts; pages that are not written to cost nothing.
        documents.texts.text.reserve(reader.file_size());
        while let Some(document) = reader.next_document()? {
            documents.push(document);
        }
        documents.shrink_to_fit();
        Ok(documents)
    }

    /// Appends a document.
    pub fn push(&mut self, document: Document<'_>) {
        self.ids.push(document.id);
        self.texts.push(document.text);
        self.labels.push(document.labels);
        self.explicit.push(document.explicit);
    }

    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Document `index`.
    ///
    /// # Panics
    /// When there are not that many documents.
    #[must_use]
    pub fn document(&self, index: usize) -> Document<'_> {
        Document {
            id: self.id(index),
            text: self.text(index),
            labels: self.labels(index),
            explicit: self.explicit(index),
        }
    }

    /// Id of document `index`.
    ///
    /// # Panics
    /// When there are not that many documents.
    #[must_use]
    pub fn id(&self, index: usize) -> &str {
        self.ids.get(index)
    }

    /// Text of document `index`.
    ///
    /// # Panics
    /// When there are not that many documents.
    #[must_use]
    pub fn text(&self, index: usize) -> &str {
        self.texts.get(index)
    }

    /// Labels of document `index`, closed upwards and sorted.
    ///
    /// # Panics
    /// When there are not that many documents.
    #[must_use]
    pub fn labels(&self, index: usize) -> &[LabelIndex] {
        self.labels.get(index)
    }

    /// Labels of document `index` as they were given.
    ///
    /// # Panics
    /// When there are not that many documents.
    #[must_use]
    pub fn explicit(&self, index: usize) -> &[LabelIndex] {
        self.explicit.get(index)
    }

    /// All documents in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Document<'_>> + Clone {
        (0..self.len()).map(|index| self.document(index))
    }

    /// All texts in their order.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|index| self.text(index))
    }

    /// Bytes of all texts together.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.texts.text.len()
    }

    fn shrink_to_fit(&mut self) {
        self.ids.text.shrink_to_fit();
        self.ids.ends.shrink_to_fit();
        self.texts.text.shrink_to_fit();
        self.texts.ends.shrink_to_fit();
        self.labels.items.shrink_to_fit();
        self.labels.ends.shrink_to_fit();
        self.explicit.items.shrink_to_fit();
        self.explicit.ends.shrink_to_fit();
    }
}

/// Reads a snapshot document by document; memory stays at one line.
pub struct DocumentReader {
    path: PathBuf,
    file: BufReader<File>,
    file_size: usize,
    n_labels: usize,
    line_number: u64,
    line: Vec<u8>,
    id: String,
    text: String,
    labels: Vec<LabelIndex>,
    explicit: Vec<LabelIndex>,
}

impl DocumentReader {
    /// Opens a snapshot (JSON lines) whose labels lie below `n_labels`.
    ///
    /// # Errors
    /// Names the file that cannot be opened.
    pub fn open(path: &Path, n_labels: usize) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| ReadError::open(path, &error))?;
        let file_size = file.metadata().map_or(0, |metadata| metadata.len());
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(1 << 16, file),
            file_size: usize::try_from(file_size).unwrap_or(0),
            n_labels,
            line_number: 0,
            line: Vec::new(),
            id: String::new(),
            text: String::new(),
            labels: Vec::new(),
            explicit: Vec::new(),
        })
    }

    /// The next document, valid until the next call; none at the end. Empty lines are skipped.
    ///
    /// # Errors
    /// Names file, line and column, and what is wrong there.
    pub fn next_document(&mut self) -> Result<Option<Document<'_>>, ReadError> {
        loop {
            self.line.clear();
            self.line_number += 1;
            let read = self.file.read_until(b'\n', &mut self.line);
            let n_bytes = read.map_err(|error| {
                ReadError::line(&self.path, self.line_number, error.to_string())
            })?;
            if n_bytes == 0 {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        self.parse_line()?;
        Ok(Some(Document {
            id: &self.id,
            text: &self.text,
            labels: &self.labels,
            explicit: &self.explicit,
        }))
    }

    /// Size of the file in bytes.
    #[must_use]
    pub fn file_size(&self) -> usize {
        self.file_size
    }

    fn parse_line(&mut self) -> Result<(), ReadError> {
        let line: Line<'_> = serde_json::from_slice(&self.line).map_err(|error| {
            ReadError::json(
                &self.path,
                usize::try_from(self.line_number).unwrap_or(usize::MAX),
                &error,
            )
        })?;
        for (key, labels) in [("labels", &line.labels), ("explicit", &line.explicit)] {
            let unknown = labels
                .iter()
                .find(|label| **label as usize >= self.n_labels);
            if let Some(unknown) = unknown {
                return Err(ReadError::line(
                    &self.path,
                    self.line_number,
                    format!(
                        "`{key}` names label {unknown}, expected a position below {}, the number of labels of the taxonomy",
                        self.n_labels
                    ),
                ));
            }
        }
        if !line.labels.is_sorted_by(|left, right| left < right) {
            return Err(ReadError::line(
                &self.path,
                self.line_number,
                "`labels` must be in increasing order, each label once".to_owned(),
            ));
        }
        self.id.clear();
        self.id.push_str(&line.id);
        self.text.clear();
        self.text.push_str(&line.text);
        self.labels = line.labels;
        self.explicit = line.explicit;
        Ok(())
    }
}

impl fmt::Debug for DocumentReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DocumentReader")
            .field("path", &self.path)
            .field("line_number", &self.line_number)
            .finish_non_exhaustive()
    }
}

/// The same keys as `shared::corpus::SnapshotDocument`, borrowed from the line where JSON needs no unescaping.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    labels: Vec<LabelIndex>,
    #[serde(default)]
    explicit: Vec<LabelIndex>,
}

/// A file of a request that cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", path.display(), Position { line: *line, column: *column })]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Line from 1, where known.
    pub line: Option<u64>,
    /// Column from 1, where known.
    pub column: Option<u64>,
    /// What was found and what was expected.
    pub reason: String,
}

impl ReadError {
    pub(crate) fn open(path: &Path, error: &std::io::Error) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            column: None,
            reason: format!("cannot be read: {error}"),
        }
    }

    fn line(path: &Path, line: u64, reason: String) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(line),
            column: None,
            reason,
        }
    }

    /// serde's message without its own position, which counts from the start of the text that it was given.
    pub(crate) fn json(path: &Path, line: usize, error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let own_position = format!(" at line {} column {}", error.line(), error.column());
        Self {
            path: path.to_owned(),
            line: u64::try_from(line).ok().filter(|line| *line > 0),
            column: u64::try_from(error.column())
                .ok()
                .filter(|column| *column > 0),
            reason: message
                .strip_suffix(own_position.as_str())
                .unwrap_or(&message)
                .to_owned(),
        }
    }
}

struct Position {
    line: Option<u64>,
    column: Option<u64>,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(formatter, ", column {column}")?;
        }
        Ok(())
    }
}

/// Strings one after the other; string `i` ends at `ends[i]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pool {
    text: String,
    ends: Vec<usize>,
}

impl Pool {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    fn get(&self, index: usize) -> &str {
        &self.text[range(&self.ends, index)]
    }
}

/// Label lists one after the other; list `i` ends at `ends[i]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lists {
    items: Vec<LabelIndex>,
    ends: Vec<usize>,
}

impl Lists {
    fn push(&mut self, items: &[LabelIndex]) {
        self.items.extend_from_slice(items);
        self.ends.push(self.items.len());
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an index out of range is the caller's mistake, as in a slice"
    )]
    fn get(&self, index: usize) -> &[LabelIndex] {
        &self.items[range(&self.ends, index)]
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "an index out of range is the caller's mistake, as in a slice"
)]
fn range(ends: &[usize], index: usize) -> Range<usize> {
    let start = index.checked_sub(1).map_or(0, |previous| ends[previous]);
    start..ends[index]
}
