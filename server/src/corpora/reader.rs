//! Reading an upload: lines become documents, or rejects with line, column and reason.
//!
//! Runs on a thread of its own and hands batches over a short channel, so that memory does not grow with the file: what
//! stays is 20 bytes for each document, to notice ids that come twice.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::Reject;
use arborist_shared::corpus::{
    CorpusFormat, CorpusRow, RowError, parse_row_as, resolve_labels, text_hash,
};
use arborist_shared::split::{Split, SplitRatios, assign};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::column;

/// A longer row is refused: a document of this length is a file that lost its line breaks.
pub(super) const MAX_ROW: usize = 16 << 20;
/// Rejected rows are kept up to this many characters.
const MAX_REJECT: usize = 10_000;
/// A batch is handed over when it has so many documents, or so many bytes of text.
const BATCH_DOCUMENTS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;

/// A row that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewDocument {
    /// The row's own id, or the hash of its text.
    pub(super) key: String,
    pub(super) text: String,
    /// Labels as given; none = not annotated.
    pub(super) explicit: Option<Vec<LabelIndex>>,
    /// Size of the closed set.
    pub(super) n_closed: usize,
    pub(super) split: Split,
    /// Whether the row itself asks for the split.
    pub(super) asks_for_split: bool,
}

/// Accepted rows, and how far the file was read when the last of them was.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) documents: Vec<NewDocument>,
    /// Lines read so far, good and bad.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    pub(super) rejected: u64,
}

/// How rows are to be read.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) taxonomy: Arc<Taxonomy>,
    /// Detected from the first line when it is not given.
    pub(super) format: Option<CorpusFormat>,
    /// Parts of rows that do not ask for one; none = train.
    pub(super) ratios: Option<SplitRatios>,
    pub(super) seed: u64,
}

/// What the whole file was.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub(super) format: Option<CorpusFormat>,
    pub(super) lines: u64,
    pub(super) rejected: u64,
    /// The first reject, to explain an import without a single good row.
    pub(super) first_reject: Option<String>,
}

/// Reads the file at `path`. Rejects go to `rejects`, which is synced at the end. Ends early when nobody receives any more.
pub(super) fn read(
    path: &Path,
    rejects: &Path,
    rules: Rules,
    batches: &mpsc::Sender<Batch>,
) -> io::Result<Summary> {
    let mut input = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut rejects = Rejects::create(rejects)?;
    let mut rows = Rows::new(rules);
    let mut batch = Batch::default();
    let mut batch_bytes = 0;
    let mut line = Vec::new();
    while let Some(read) = read_line(&mut input, &mut line)? {
        batch.lines += 1;
        batch.bytes += read as u64;
        if is_blank(&line) {
            continue;
        }
        match rows.read(&line, read, batch.lines) {
            Ok(document) => {
                batch_bytes += document.text.len() + document.key.len();
                batch.documents.push(document);
            }
            Err(error) => {
                rejects.write(&error, &line)?;
                batch.rejected += 1;
            }
        }
        // A file of bad rows alone shows progress, too.
        if batch.documents.len() >= BATCH_DOCUMENTS
            || batch_bytes >= BATCH_BYTES
            || batch.lines.is_multiple_of(10_000)
        {
            let next = Batch {
                documents: Vec::new(),
                ..batch
            };
            let full = std::mem::replace(&mut batch, next);
            batch_bytes = 0;
            if batches.blocking_send(full).is_err() {
                return Ok(Summary::default());
            }
        }
    }
    let summary = Summary {
        format: rows.rules.format,
        lines: batch.lines,
        rejected: batch.rejected,
        first_reject: rejects.first.take(),
    };
    // Fails when nobody receives any more, who then does not read the summary either.
    let _ = batches.blocking_send(batch);
    rejects.finish()?;
    Ok(summary)
}

/// Judges rows one after the other.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) rules: Rules,
    /// Line by hash of the key.
    seen: FxHashMap<u128, u32>,
}

impl Rows {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            seen: FxHashMap::default(),
        }
    }

    /// The document of a line, of which `read` bytes were read in all.
    pub(super) fn read(
        &mut self,
        line: &[u8],
        read: usize,
        number: u64,
    ) -> Result<NewDocument, RowError> {
        let fail = |column: u64, reason: String| RowError {
            line: number,
            column,
            reason,
        };
        if read > MAX_ROW {
            let reason = format!("found a row of {read} bytes, expected at most {MAX_ROW}");
            return Err(fail(1, reason));
        }
        let row = self.parse(line, number)?;
        let (explicit, n_closed) = match &row.labels {
            None => (None, 0),
            Some(labels) => {
                let set = resolve_labels(&self.rules.taxonomy, labels)
                    .map_err(|error| fail(column::of_label(line, &error), error.to_string()))?;
                (Some(set.explicit), set.closed.len())
            }
        };
        let has_id = row.id.is_some();
        let key = row.id.unwrap_or_else(|| text_hash(&row.text));
        if let Some(first) = self
            .seen
            .insert(hash(&key), u32::try_from(number).unwrap_or(u32::MAX))
        {
            self.seen.insert(hash(&key), first);
            let (column, what) = if has_id {
                (column::of_id(line), format!("found the id `{key}`"))
            } else {
                (1, "found a text without id".to_owned())
            };
            let reason =
                format!("{what}, which line {first} has already, expected each document once");
            return Err(fail(column, reason));
        }
        let split = match (row.split, self.rules.ratios) {
            (Some(split), _) => split,
            (None, Some(ratios)) => assign(&key, self.rules.seed, ratios),
            (None, None) => Split::Train,
        };
        Ok(NewDocument {
            key,
            text: row.text,
            explicit,
            n_closed,
            split,
            asks_for_split: row.split.is_some(),
        })
    }

    /// The row as written; the first one that can be read tells the format.
    pub(super) fn parse(&mut self, line: &[u8], number: u64) -> Result<CorpusRow, RowError> {
        let format = self
            .rules
            .format
            .unwrap_or_else(|| CorpusFormat::detect(line));
        let row = parse_row_as(format, line, number)?;
        self.rules.format = Some(format);
        Ok(row)
    }
}

fn hash(key: &str) -> u128 {
    let digest = Sha256::digest(key.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(bytes)
}

pub(super) fn is_blank(line: &[u8]) -> bool {
    line.strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(line)
        .iter()
        .all(u8::is_ascii_whitespace)
}

/// Reads up to and including the next line break; of a line that is too long, the beginning is kept and all is counted.
/// None at the end of the file.
pub(super) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<usize>> {
    line.clear();
    let mut read = 0;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok((read > 0).then_some(read));
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        let kept = taken.min((MAX_ROW + 1).saturating_sub(line.len()));
        line.extend_from_slice(&buffer[..kept]);
        input.consume(taken);
        read += taken;
        if end.is_some() {
            return Ok(Some(read));
        }
    }
}

/// The rejects' file.
struct Rejects {
    path: PathBuf,
    file: BufWriter<File>,
    first: Option<String>,
}

impl Rejects {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(File::create(path)?),
            first: None,
        })
    }

    fn write(&mut self, error: &RowError, line: &[u8]) -> io::Result<()> {
        let reject = reject(error, line);
        self.first.get_or_insert_with(|| error.to_string());
        serde_json::to_writer(&mut self.file, &reject)?;
        self.file.write_all(b"\n")
    }

    fn finish(self) -> io::Result<()> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        match self.path.parent() {
            Some(folder) => crate::runs::directory::sync_directory(folder),
            None => Ok(()),
        }
    }
}

/// A refused row as people see it.
pub(super) fn reject(error: &RowError, line: &[u8]) -> Reject {
    let row = String::from_utf8_lossy(line);
    Reject {
        line: error.line,
        column: error.column,
        reason: error.reason.clone(),
        row: row
            .trim_end_matches(['\n', '\r'])
            .chars()
            .take(MAX_REJECT)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    fn rules(ratios: Option<&str>) -> Rules {
        let label = |id: &str, parents: &[&str]| NewLabel {
            id: id.to_owned(),
            name: id.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            details: None,
        };
        let labels = vec![label("A", &[]), label("A1", &["A"]), label("B", &[])];
        Rules {
            taxonomy: Arc::new(Taxonomy::new(labels).unwrap()),
            format: None,
            ratios: ratios.map(|ratios| ratios.parse().unwrap()),
            seed: 7,
        }
    }

    fn check(text: &str, ratios: Option<&str>) -> (Vec<NewDocument>, Vec<Reject>, Summary) {
        let folder = tempfile::tempdir().unwrap();
        let (path, rejects) = (
            folder.path().join("upload"),
            folder.path().join("rejects.jsonl"),
        );
        std::fs::write(&path, text).unwrap();
        let (sender, mut receiver) = mpsc::channel(100);
        let summary = read(&path, &rejects, rules(ratios), &sender).unwrap();
        drop(sender);
        let mut documents = Vec::new();
        while let Some(batch) = receiver.blocking_recv() {
            documents.extend(batch.documents);
        }
        let rejects = std::fs::read_to_string(rejects).unwrap();
        let rejects = rejects
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (documents, rejects, summary)
    }

    #[test]
    fn good_rows_are_kept_and_bad_ones_are_told() {
        let text = concat!(
            "{\"id\":\"1\",\"text\":\"one\",\"labels\":[\"A1\"],\"split\":\"test\"}\n",
            "{\"id\":\"2\",\"text\":\"two\"\n",
            "\n",
            "{\"id\":\"3\",\"text\":\"three\",\"labels\":[\"C\"]}\n",
            "{\"id\":\"1\",\"text\":\"four\"}\n",
            "{\"text\":\"five\",\"labels\":[]}\r\n",
            "{\"text\":\" five \"}\n",
            "{\"text\":\"six\",\"labels\":[\"B\",[\"A\",\"C\"]]}",
        );
        let (documents, rejects, summary) = check(text, None);
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].explicit, Some(vec![1]));
        assert_eq!(documents[0].n_closed, 2);
        assert_eq!(
            (documents[0].split, documents[0].asks_for_split),
            (Split::Test, true)
        );
        assert_eq!(documents[1].explicit, Some(vec![]));
        assert_eq!(
            (documents[1].split, documents[1].asks_for_split),
            (Split::Train, false)
        );
        assert_eq!(documents[1].key.len(), 64);
        let lines: Vec<u64> = rejects.iter().map(|reject| reject.line).collect();
        assert_eq!(lines, [2, 4, 5, 7, 8]);
        let columns: Vec<u64> = rejects.iter().map(|reject| reject.column).collect();
        // Where the row breaks off, at the label, at the id; a text without id is the whole row; within a path.
        assert_eq!(columns, [22, 36, 7, 1, 34]);
        assert!(rejects[1].reason.contains("`C`"), "{:?}", rejects[1]);
        assert!(rejects[2].reason.contains("line 1"), "{:?}", rejects[2]);
        assert!(rejects[3].reason.contains("line 6"), "{:?}", rejects[3]);
        assert_eq!((summary.lines, summary.rejected), (8, 5));
        assert!(summary.first_reject.unwrap().starts_with("line 2, column"));
    }

    #[test]
    fn parts_are_assigned_by_hash() {
        let text: String = (0..1_000)
            .map(|n| format!("{{\"id\":\"{n}\",\"text\":\"t\"}}\n"))
            .collect();
        let (documents, _, _) = check(&text, Some("0.8,0.1,0.1"));
        let n = |split| {
            documents
                .iter()
                .filter(|document| document.split == split)
                .count()
        };
        assert!((750..850).contains(&n(Split::Train)), "{}", n(Split::Train));
        assert!((70..130).contains(&n(Split::Test)), "{}", n(Split::Test));
        let (again, _, _) = check(&text, Some("0.8,0.1,0.1"));
        assert_eq!(documents, again);
    }

    #[test]
    fn endless_lines_are_refused_without_being_held() {
        let mut text = "x".repeat(MAX_ROW + 10);
        text.push_str("\n{\"text\":\"fine\"}\n");
        let (documents, rejects, _) = check(&text, None);
        assert_eq!(documents.len(), 1);
        assert_eq!(rejects[0].row.len(), MAX_REJECT);
        assert!(
            rejects[0].reason.contains("16777227 bytes"),
            "{}",
            rejects[0].reason
        );
    }
}
