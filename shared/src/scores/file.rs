//! `scores.bin`: the scores of all documents of a split, with an index to read single documents.
//!
//! Little endian. Header: magic (8 bytes), version (u32), number of labels (u32). Then a record for each document:
//! number of scores (u32), number of decided labels (u32, all ones = none decided), labels (u32 each), scores (f16
//! each), decided labels (u32 each). Then the index, the offset of each record and of the end (u64 each). Trailer:
//! offset of the index (u64), number of documents (u64), closing magic (8 bytes), which only a complete file has.

use std::io::{self, Read, Seek, SeekFrom, Write};

use half::f16;

use super::DocumentScores;
use crate::LabelIndex;

const MAGIC: [u8; 8] = *b"ARBSCORE";
const CLOSING: [u8; 8] = *b"ARBSCEND";
const VERSION: u32 = 1;
const HEADER: u64 = 16;
const TRAILER: u64 = 24;
const UNDECIDED: u32 = u32::MAX;

/// Why scores could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ScoresError {
    /// The file could not be read.
    #[error("the scores could not be read")]
    Read(#[from] io::Error),
    /// The bytes are no complete scores file of this version.
    #[error("the scores file is damaged: found {found}, expected {expected}")]
    Damaged {
        /// What the file has.
        found: String,
        /// What it should have.
        expected: String,
    },
    /// There is no such document.
    #[error("found a request for document {position}, expected a position below {n_documents}")]
    NoDocument {
        /// Position asked for.
        position: u64,
        /// Documents in the file.
        n_documents: u64,
    },
}

fn damaged(found: impl Into<String>, expected: impl Into<String>) -> ScoresError {
    ScoresError::Damaged {
        found: found.into(),
        expected: expected.into(),
    }
}

/// Writes scores document by document. Buffer the writer: each document is one small write.
#[derive(Debug)]
pub struct ScoresWriter<W: Write> {
    output: W,
    /// Start of each record.
    offsets: Vec<u64>,
    end: u64,
    record: Vec<u8>,
}

impl<W: Write> ScoresWriter<W> {
    /// Starts a file for a taxonomy of `n_labels` labels.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn new(mut output: W, n_labels: u32) -> io::Result<Self> {
        output.write_all(&MAGIC)?;
        output.write_all(&VERSION.to_le_bytes())?;
        output.write_all(&n_labels.to_le_bytes())?;
        Ok(Self {
            output,
            offsets: Vec::new(),
            end: HEADER,
            record: Vec::new(),
        })
    }

    /// Appends a document.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn push(&mut self, document: &DocumentScores) -> io::Result<()> {
        let record = &mut self.record;
        record.clear();
        let n_decided = document
            .decided
            .as_ref()
            .map_or(UNDECIDED, |decided| decided.len() as u32);
        record.extend_from_slice(&(document.scores.len() as u32).to_le_bytes());
        record.extend_from_slice(&n_decided.to_le_bytes());
        for (label, _) in &document.scores {
            record.extend_from_slice(&label.to_le_bytes());
        }
        for &(_, score) in &document.scores {
            record.extend_from_slice(&f16::from_f32(score).to_le_bytes());
        }
        for label in document.decided.iter().flatten() {
            record.extend_from_slice(&label.to_le_bytes());
        }
        self.output.write_all(record)?;
        self.offsets.push(self.end);
        self.end += record.len() as u64;
        Ok(())
    }

    /// Writes index and trailer; without them the file does not count as complete.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn finish(mut self) -> io::Result<W> {
        let n_documents = self.offsets.len() as u64;
        for offset in self.offsets.iter().chain([&self.end]) {
            self.output.write_all(&offset.to_le_bytes())?;
        }
        self.output.write_all(&self.end.to_le_bytes())?;
        self.output.write_all(&n_documents.to_le_bytes())?;
        self.output.write_all(&CLOSING)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

/// Reads scores of single documents through the index. Over bytes in memory use `std::io::Cursor`.
#[derive(Debug)]
pub struct ScoresReader<R: Read + Seek> {
    input: R,
    n_labels: u32,
    n_documents: u64,
    index: u64,
    record: Vec<u8>,
}

impl<R: Read + Seek> ScoresReader<R> {
    /// Checks header and trailer.
    ///
    /// # Errors
    /// A file that is incomplete, of another version or something else.
    pub fn open(mut input: R) -> Result<Self, ScoresError> {
        let length = input.seek(SeekFrom::End(0))?;
        if length < HEADER + TRAILER {
            return Err(damaged(format!("{length} bytes"), "a scores file"));
        }
        input.rewind()?;
        let header: [u8; HEADER as usize] = array(&mut input)?;
        if header[..8] != MAGIC {
            return Err(damaged("other bytes", "the mark of a scores file"));
        }
        let version = u32_at(&header, 8);
        if version != VERSION {
            return Err(damaged(
                format!("version {version}"),
                format!("version {VERSION}"),
            ));
        }
        let n_labels = u32_at(&header, 12);
        input.seek(SeekFrom::Start(length - TRAILER))?;
        let trailer: [u8; TRAILER as usize] = array(&mut input)?;
        if trailer[16..] != CLOSING {
            return Err(damaged(
                "a file that was not written to its end",
                "a complete file",
            ));
        }
        let (index, n_documents) = (u64_at(&trailer, 0), u64_at(&trailer, 8));
        let index_end = n_documents
            .checked_add(1)
            .and_then(|n| n.checked_mul(8))
            .and_then(|n| n.checked_add(index));
        if index < HEADER || index_end != Some(length - TRAILER) {
            return Err(damaged(
                format!("an index at {index} for {n_documents} documents"),
                "one that ends at the trailer",
            ));
        }
        Ok(Self {
            input,
            n_labels,
            n_documents,
            index,
            record: Vec::new(),
        })
    }

    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.n_documents
    }

    /// Whether there is no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_documents == 0
    }

    /// Labels of the taxonomy the scores belong to.
    #[must_use]
    pub fn n_labels(&self) -> u32 {
        self.n_labels
    }

    /// The scores of the document at this position, counted from 0.
    ///
    /// # Errors
    /// A position beyond the end, or a damaged record.
    pub fn document(&mut self, position: u64) -> Result<DocumentScores, ScoresError> {
        if position >= self.n_documents {
            return Err(ScoresError::NoDocument {
                position,
                n_documents: self.n_documents,
            });
        }
        self.input
            .seek(SeekFrom::Start(self.index + position * 8))?;
        let bounds: [u8; 16] = array(&mut self.input)?;
        let (start, end) = (u64_at(&bounds, 0), u64_at(&bounds, 8));
        if start < HEADER || end > self.index || start > end {
            return Err(damaged(
                format!("document {position} at {start} to {end}"),
                "a place before the index",
            ));
        }
        self.input.seek(SeekFrom::Start(start))?;
        self.record.resize((end - start) as usize, 0);
        self.input.read_exact(&mut self.record)?;
        decode(&self.record, self.n_labels).ok_or_else(|| {
            damaged(
                format!("document {position} of {} bytes", end - start),
                "labels and scores as counted",
            )
        })
    }
}

fn decode(record: &[u8], n_labels: u32) -> Option<DocumentScores> {
    let (counts, body) = record.split_at_checked(8)?;
    let (n_scores, n_decided) = (u32_at(counts, 0) as usize, u32_at(counts, 4));
    let decided_at = n_scores.checked_mul(6)?;
    let (scored, decided) = (body.get(..decided_at)?, body.get(decided_at..)?);
    let (labels, values) = scored.split_at(n_scores * 4);
    let labels = labels.chunks_exact(4).map(|bytes| u32_at(bytes, 0));
    let values = values
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| f16::from_le_bytes(bytes).to_f32());
    let scores: Vec<(LabelIndex, f32)> = labels.zip(values).collect();
    let n_expected = if n_decided == UNDECIDED {
        0
    } else {
        n_decided as usize
    };
    if decided.len() != n_expected.checked_mul(4)? {
        return None;
    }
    let decided: Vec<LabelIndex> = decided
        .chunks_exact(4)
        .map(|bytes| u32_at(bytes, 0))
        .collect();
    if scores
        .iter()
        .map(|(label, _)| label)
        .chain(&decided)
        .any(|&label| label >= n_labels)
    {
        return None;
    }
    Some(DocumentScores {
        scores,
        decided: (n_decided != UNDECIDED).then_some(decided),
    })
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[allow(
    clippy::indexing_slicing,
    reason = "callers hand over pieces whose length they fixed or checked"
)]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
