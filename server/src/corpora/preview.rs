//! What the beginning of a corpus file would become.

use std::collections::HashMap;

use arborist_shared::api::corpora::{CorpusPreview, PreviewRow, UnknownLabel};
use arborist_shared::corpus::{ResolveError, RowLabel, resolve_labels};
use arborist_shared::taxonomy::Taxonomy;

use super::reader::{Rows, Rules, is_blank, read_line, reject};

const ROWS_SHOWN: usize = 20;
const PROBLEMS_SHOWN: usize = 50;
const LABELS_SHOWN: usize = 20;
const TEXT_SHOWN: usize = 2_000;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads rows as the import would; of a `partial` file, without the line that was cut.
pub(super) fn preview(bytes: &[u8], rules: Rules, partial: bool) -> CorpusPreview {
    let taxonomy = std::sync::Arc::clone(&rules.taxonomy);
    let mut preview = CorpusPreview {
        encoding: if bytes.starts_with(BYTE_ORDER_MARK) {
            "UTF-8 with byte order mark"
        } else {
            "UTF-8"
        }
        .to_owned(),
        ..CorpusPreview::default()
    };
    let end = if partial {
        bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1)
    } else {
        bytes.len()
    };
    let mut input = &bytes[..end];
    let mut rows = Rows::new(rules);
    let mut unknown: HashMap<String, (u64, String)> = HashMap::new();
    let mut line = Vec::new();
    let mut number = 0;
    // Reading from memory does not fail.
    while let Ok(Some(read)) = read_line(&mut input, &mut line) {
        number += 1;
        if is_blank(&line) {
            continue;
        }
        preview.n_rows += 1;
        match rows.read(&line, read, number) {
            Ok(document) => {
                preview.n_unannotated += u64::from(document.explicit.is_none());
                preview.n_with_split += u64::from(document.asks_for_split);
                if preview.rows.len() < ROWS_SHOWN {
                    preview.rows.push(PreviewRow {
                        line: number,
                        id: rows.parse(&line, number).ok().and_then(|row| row.id),
                        text: document.text.chars().take(TEXT_SHOWN).collect(),
                        paths: document.explicit.map(|labels| {
                            labels
                                .into_iter()
                                .map(|label| taxonomy.path_names(label))
                                .collect()
                        }),
                        split: document.asks_for_split.then_some(document.split),
                    });
                }
            }
            Err(error) => {
                preview.n_problems += 1;
                if preview.problems.len() < PROBLEMS_SHOWN {
                    preview.problems.push(reject(&error, &line));
                }
                let row = rows.parse(&line, number);
                for label in row.ok().and_then(|row| row.labels).unwrap_or_default() {
                    note_unknown(&taxonomy, &label, &mut unknown);
                }
            }
        }
    }
    preview.format = rows
        .rules
        .format
        .map(|format| format.to_string())
        .unwrap_or_default();
    preview.n_unknown_labels = unknown.len() as u64;
    let mut unknown: Vec<UnknownLabel> = unknown
        .into_iter()
        .map(|(label, (n_rows, reason))| UnknownLabel {
            label,
            n_rows,
            reason,
        })
        .collect();
    unknown.sort_by(|a, b| b.n_rows.cmp(&a.n_rows).then_with(|| a.label.cmp(&b.label)));
    unknown.truncate(LABELS_SHOWN);
    preview.unknown_labels = unknown;
    if preview.n_rows == 0 {
        preview.error = Some(if bytes.is_empty() {
            "the file is empty, expected a row on each line".to_owned()
        } else if partial {
            format!(
                "there is no line break within the first {} bytes, expected a row on each line",
                bytes.len()
            )
        } else {
            "the file has no rows".to_owned()
        });
    }
    preview
}

/// Counts a label that means nothing, or too much, by itself.
fn note_unknown(
    taxonomy: &Taxonomy,
    label: &RowLabel,
    unknown: &mut HashMap<String, (u64, String)>,
) {
    if let Err(error @ (ResolveError::Unknown { .. } | ResolveError::Ambiguous { .. })) =
        resolve_labels(taxonomy, std::slice::from_ref(label))
    {
        let entry = unknown
            .entry(label.to_string())
            .or_insert_with(|| (0, error.to_string()));
        entry.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
                format: None,
                ratios: None,
                seed: 0,
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
