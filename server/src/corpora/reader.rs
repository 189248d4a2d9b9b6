//! Reading an upload: rows become documents, or rejects with line, column and reason.
//!
//! Runs on a thread of its own and hands batches over a short channel, so that memory does not grow with the file: what
//! stays is 20 bytes for each document, to notice ids that come twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::corpora::{CorpusChecks, Reject};
use arborist_shared::corpus::{CorpusFormat, Reading, RowError, resolve_labels, text_hash};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::checks::Texts;
use super::choices::Choices;
use super::parts::Parts;
use super::{column, label_set};
use crate::corpus_files::{CorpusFile, FileError, Row};

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
    /// Level of the deepest label of that; none = not annotated.
    pub(super) level: Option<u32>,
    pub(super) split: Split,
    /// Whether the row itself asks for the split.
    pub(super) asks_for_split: bool,
    pub(super) lang: Option<String>,
    pub(super) meta: BTreeMap<String, String>,
}

impl NewDocument {
    /// The metadata as it is stored; none when there is none.
    pub(super) fn meta_text(&self) -> Option<String> {
        // A map of texts can always be written.
        (!self.meta.is_empty()).then(|| serde_json::json!(self.meta).to_string())
    }
}

/// Accepted rows, and how far the file was read when the last of them was.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) documents: Vec<NewDocument>,
    /// Rows read so far, good and bad.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    pub(super) rejected: u64,
}

/// How rows are to be read.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) taxonomy: Arc<Taxonomy>,
    /// How the file is read; what is left out is detected.
    pub(super) reading: Reading,
    /// Parts of rows that do not ask for one.
    pub(super) parts: Parts,
    /// What people said unknown labels mean.
    pub(super) choices: Choices,
    /// A row whose text an earlier row has is refused.
    pub(super) first_of_text: bool,
}

/// What the whole file was.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub(super) format: Option<CorpusFormat>,
    pub(super) lines: u64,
    pub(super) rejected: u64,
    pub(super) checks: CorpusChecks,
    /// The first reject, to explain an import without a single good row.
    pub(super) first_reject: Option<String>,
}

/// Reads the file at `path`. Rejects go to `rejects`, which is synced at the end. Ends early when nobody receives any more.
pub(super) fn read(
    path: &Path,
    rejects: &Path,
    rules: Rules,
    batches: &mpsc::Sender<Batch>,
) -> Result<Summary, FileError> {
    let taxonomy = Arc::clone(&rules.taxonomy);
    let mut rejects = Rejects::create(rejects)?;
    let mut file = CorpusFile::open(path, &rules.reading, Some(&taxonomy))?;
    let format = file.format();
    let mut rows = Rows::new(rules);
    let mut batch = Batch::default();
    let mut batch_bytes = 0;
    while let Some(row) = file.next_row()? {
        batch.lines += 1;
        match rows.read(&row) {
            Ok(document) => {
                batch_bytes += document.text.len() + document.key.len();
                batch.documents.push(document);
            }
            Err(error) => {
                rejects.write(&error, &row)?;
                batch.rejected += 1;
            }
        }
        // A file of bad rows alone shows progress, too.
        if batch.documents.len() >= BATCH_DOCUMENTS
            || batch_bytes >= BATCH_BYTES
            || batch.lines.is_multiple_of(10_000)
        {
            batch.bytes = file.bytes_read();
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
        format: Some(format),
        lines: batch.lines,
        rejected: batch.rejected,
        checks: rows.checks().clone(),
        first_reject: rejects.first.take(),
    };
    batch.bytes = file.bytes_read();
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
    texts: Texts,
}

impl Rows {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            seen: FxHashMap::default(),
            texts: Texts::default(),
        }
    }

    /// What was found in the good rows so far.
    pub(super) fn checks(&self) -> &CorpusChecks {
        &self.texts.checks
    }

    /// The document of a row.
    pub(super) fn read(&mut self, row: &Row<'_>) -> Result<NewDocument, RowError> {
        let (raw, number) = (row.raw, row.line);
        let fail = |column: u64, reason: String| RowError {
            line: number,
            column,
            reason,
        };
        let mut row = row.content.clone()?;
        if let Some(labels) = &mut row.labels {
            self.rules.choices.apply(&self.rules.taxonomy, labels);
        }
        if row.text.contains('\0') {
            let reason = "found a NUL character in the text, expected text without any";
            return Err(fail(1, reason.to_owned()));
        }
        let (explicit, n_closed, level) = match &row.labels {
            None => (None, 0, None),
            Some(labels) => {
                let set = resolve_labels(&self.rules.taxonomy, labels)
                    .map_err(|error| fail(column::of_label(raw, &error), error.to_string()))?;
                let level = label_set::level(&self.rules.taxonomy, &set.closed);
                (Some(set.explicit), set.closed.len(), Some(level))
            }
        };
        let has_id = row.id.is_some();
        let key = row.id.take().unwrap_or_else(|| text_hash(&row.text));
        if let Some(first) = self
            .seen
            .insert(hash(&key), u32::try_from(number).unwrap_or(u32::MAX))
        {
            self.seen.insert(hash(&key), first);
            let (column, what) = if has_id {
                (column::of_id(raw), format!("found the id `{key}`"))
            } else {
                (1, "found a text without id".to_owned())
            };
            let reason =
                format!("{what}, which line {first} has already, expected each document once");
            return Err(fail(column, reason));
        }
        let split = match row.split {
            Some(split) => split,
            None => self.rules.parts.of(&key, &row, explicit.as_deref()),
        };
        let repeated = self
            .texts
            .see(number, &row.text, explicit.as_deref(), split);
        if let Some(first) = repeated
            && self.rules.first_of_text
        {
            let reason = format!(
                "found the text of line {first} again, expected each text once, as was asked for"
            );
            return Err(fail(1, reason));
        }
        Ok(NewDocument {
            lang: row.lang,
            meta: row.meta,
            key,
            text: row.text,
            explicit,
            n_closed,
            level,
            split,
            asks_for_split: row.split.is_some(),
        })
    }
}

fn hash(key: &str) -> u128 {
    let digest = Sha256::digest(key.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(bytes)
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

    fn write(&mut self, error: &RowError, row: &Row<'_>) -> io::Result<()> {
        let reject = reject(error, row);
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
pub(super) fn reject(error: &RowError, row: &Row<'_>) -> Reject {
    let file = row.file.as_deref().map(str::to_owned);
    let row = String::from_utf8_lossy(row.raw);
    Reject {
        file,
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
            reading: Reading::default(),
            parts: Parts::by_document(ratios.map(|ratios| ratios.parse().unwrap()), 7),
            choices: Choices::default(),
            first_of_text: false,
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
        assert_eq!((summary.lines, summary.rejected), (7, 5));
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
        let mut text = "x".repeat(crate::corpus_files::MAX_ROW + 10);
        text.push_str("\n{\"text\":\"fine\"}\n");
        let (documents, rejects, _) = check(&text, None);
        assert_eq!(documents.len(), 1, "{:?}", rejects.len());
        assert_eq!(rejects[0].row.len(), MAX_REJECT);
        assert!(
            rejects[0].reason.contains("16777227 bytes"),
            "{}",
            rejects[0].reason
        );
    }
}
