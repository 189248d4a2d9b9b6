//! What the beginning of a corpus file would become.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arborist_shared::api::corpora::{CorpusPreview, PreviewRow, UnknownLabel};
use arborist_shared::corpus::{
    CorpusFormat, CorpusRow, Reading, ResolveError, RowError, RowLabel, resolve_labels,
};
use arborist_shared::taxonomy::Taxonomy;

use super::choices::Matcher;
use super::reader::{Rows, Rules, reject};
use crate::corpus_files::{CorpusFile, FileError, Row};

const ROWS_SHOWN: usize = 20;
const PROBLEMS_SHOWN: usize = 50;
const LABELS_SHOWN: usize = 20;
const TEXT_SHOWN: usize = 2_000;

/// Reads rows as the import would; of a `partial` file, without the row that was cut.
pub(super) fn preview(bytes: &[u8], rules: Rules, partial: bool) -> CorpusPreview {
    let mut preview = Gathered::new(rules);
    let read = preview.read(bytes, partial);
    let mut shown = preview.finish();
    match read {
        // Of a packed file, the beginning ends somewhere.
        Err(_) if partial && shown.n_rows > 0 => {}
        Err(FileError::Refused(reason)) if bytes.is_empty() || shown.n_rows == 0 => {
            shown.error = Some(reason);
        }
        Err(error) => shown.error = Some(error.to_string()),
        Ok(()) => {}
    }
    if bytes.is_empty() {
        shown.error = Some("the file is empty, expected a row on each line".to_owned());
    } else if shown.n_rows == 0 && shown.error.is_none() {
        shown.error = Some(if partial {
            format!(
                "there is no line break within the first {} bytes, expected a row on each line",
                bytes.len()
            )
        } else {
            "the file has no rows".to_owned()
        });
    }
    shown
}

/// What was seen so far.
struct Gathered {
    taxonomy: Arc<Taxonomy>,
    reading: Reading,
    rows: Rows,
    shown: CorpusPreview,
    unknown: HashMap<String, Unknown>,
}

/// A label that the taxonomy does not know.
struct Unknown {
    n_rows: u64,
    reason: String,
    written: RowLabel,
}

impl Gathered {
    fn new(rules: Rules) -> Self {
        Self {
            taxonomy: Arc::clone(&rules.taxonomy),
            reading: rules.reading.clone(),
            rows: Rows::new(rules),
            shown: CorpusPreview::default(),
            unknown: HashMap::new(),
        }
    }

    fn read(&mut self, bytes: &[u8], partial: bool) -> Result<(), FileError> {
        let taxonomy = Arc::clone(&self.taxonomy);
        let reading = self.reading.clone();
        let folder;
        let is_archive = bytes.starts_with(b"PK");
        let mut file = if is_archive && partial {
            return Err(FileError::Refused(
                "an archive is looked at once it was sent as a whole".to_owned(),
            ));
        } else if is_archive || reading.format == Some(CorpusFormat::LabelSleuth) || !partial {
            folder = tempfile::NamedTempFile::new().map_err(FileError::Io)?;
            std::fs::write(folder.path(), bytes).map_err(FileError::Io)?;
            CorpusFile::open(folder.path(), &reading, Some(&taxonomy))?
        } else {
            CorpusFile::stream(io::Cursor::new(bytes.to_vec()), &reading, Some(&taxonomy))?
        };
        if let Some(sniffed) = file.sniffed() {
            self.shown.encoding.clone_from(&sniffed.encoding);
            self.shown.columns.clone_from(&sniffed.header);
            self.shown.reading = sniffed.reading.clone();
        }
        self.shown.format = file.format().to_string();
        // The last row of a part may be cut, so each waits until the next one shows that it is whole.
        let mut waiting: Option<Kept> = None;
        loop {
            let row = file.next_row()?.map(Kept::of);
            let is_over = row.is_none();
            if let Some(kept) = std::mem::replace(&mut waiting, row)
                && !(is_over && partial)
            {
                self.add(&kept);
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn add(&mut self, kept: &Kept) {
        let row = kept.row();
        let preview = &mut self.shown;
        preview.n_rows += 1;
        match self.rows.read(&row) {
            Ok(document) => {
                preview.n_unannotated += u64::from(document.explicit.is_none());
                preview.n_with_split += u64::from(document.asks_for_split);
                if preview.rows.len() < ROWS_SHOWN {
                    preview.rows.push(PreviewRow {
                        line: row.line,
                        id: row.content.ok().and_then(|row| row.id),
                        text: document.text.chars().take(TEXT_SHOWN).collect(),
                        paths: document.explicit.map(|labels| {
                            labels
                                .into_iter()
                                .map(|label| self.taxonomy.path_names(label))
                                .collect()
                        }),
                        split: document.asks_for_split.then_some(document.split),
                    });
                }
            }
            Err(error) => {
                preview.n_problems += 1;
                if preview.problems.len() < PROBLEMS_SHOWN {
                    preview.problems.push(reject(&error, &row));
                }
                let mut labels = row.content.ok().and_then(|row| row.labels);
                if let Some(labels) = &mut labels {
                    // What was chosen before is known.
                    self.rows.rules.choices.apply(&self.taxonomy, labels);
                }
                for label in labels.unwrap_or_default() {
                    note_unknown(&self.taxonomy, &label, &mut self.unknown);
                }
            }
        }
    }

    fn finish(self) -> CorpusPreview {
        let mut preview = self.shown;
        preview.n_unknown_labels = self.unknown.len() as u64;
        let mut unknown: Vec<(String, Unknown)> = self.unknown.into_iter().collect();
        unknown.sort_by(|a, b| b.1.n_rows.cmp(&a.1.n_rows).then_with(|| a.0.cmp(&b.0)));
        unknown.truncate(LABELS_SHOWN);
        let matcher = (!unknown.is_empty()).then(|| Matcher::new(&self.taxonomy));
        preview.unknown_labels = unknown
            .into_iter()
            .map(|(label, unknown)| UnknownLabel {
                label,
                n_rows: unknown.n_rows,
                reason: unknown.reason,
                proposals: matcher
                    .as_ref()
                    .map(|matcher| matcher.proposals(&unknown.written))
                    .unwrap_or_default(),
            })
            .collect();
        let checks = self.rows.checks();
        preview.repeats = checks.repeats.clone();
        preview.n_empty = checks.n_empty;
        preview
    }
}

/// A row that outlives the reader's buffer.
struct Kept {
    file: Option<Arc<str>>,
    line: u64,
    number: u64,
    raw: Vec<u8>,
    content: Result<CorpusRow, RowError>,
}

impl Kept {
    fn of(row: Row<'_>) -> Self {
        Self {
            file: row.file,
            line: row.line,
            number: row.number,
            raw: row.raw.to_vec(),
            content: row.content,
        }
    }

    fn row(&self) -> Row<'_> {
        Row {
            file: self.file.clone(),
            line: self.line,
            number: self.number,
            raw: &self.raw,
            content: self.content.clone(),
        }
    }
}

/// Counts a label that means nothing, or too much, by itself.
fn note_unknown(taxonomy: &Taxonomy, label: &RowLabel, unknown: &mut HashMap<String, Unknown>) {
    if let Err(error @ (ResolveError::Unknown { .. } | ResolveError::Ambiguous { .. })) =
        resolve_labels(taxonomy, std::slice::from_ref(label))
    {
        let entry = unknown.entry(label.to_string()).or_insert_with(|| Unknown {
            n_rows: 0,
            reason: error.to_string(),
            written: label.clone(),
        });
        entry.n_rows += 1;
    }
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    fn check(text: &str, partial: bool) -> CorpusPreview {
        let labels = vec![NewLabel {
            id: "A".to_owned(),
            name: "Arts".to_owned(),
            parents: vec![],
            details: None,
        }];
        let taxonomy = Arc::new(Taxonomy::new(labels).unwrap());
        preview(
            text.as_bytes(),
            Rules {
                taxonomy,
                reading: Reading::default(),
                parts: crate::corpora::parts::Parts::none(),
                choices: crate::corpora::choices::Choices::default(),
                first_of_text: false,
            },
            partial,
        )
    }

    #[test]
    fn rows_are_shown_as_they_will_be_read() {
        let preview = check(
            "{\"id\":7,\"text\":\"one\",\"labels\":[\"A\"],\"split\":\"dev\"}\n{\"text\":\"two\",\"labels\":[\"B\",\"C\"]}\n\
             {\"text\":\"three\",\"labels\":[\"B\"]}\n{\"text\":\"cu",
            true,
        );
        assert_eq!(
            (preview.n_rows, preview.n_problems, preview.n_with_split),
            (3, 2, 1)
        );
        assert_eq!(preview.rows[0].id.as_deref(), Some("7"));
        assert_eq!(preview.rows[0].paths, Some(vec![vec!["Arts".to_owned()]]));
        assert_eq!(preview.n_unknown_labels, 2);
        assert_eq!(
            (
                preview.unknown_labels[0].label.as_str(),
                preview.unknown_labels[0].n_rows
            ),
            ("B", 2)
        );
        assert_eq!((preview.format.as_str(), preview.error), ("jsonl", None));
    }

    #[test]
    fn files_without_rows_say_so() {
        assert!(check("", false).error.is_some());
        assert!(check("\n \n", false).error.is_some());
        assert!(check("no line break", true).error.is_some());
    }
}
