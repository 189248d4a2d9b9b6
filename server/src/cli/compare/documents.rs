//! The documents of a comparison: those with gold labels that no run has learnt from.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use arborist_shared::LabelIndex;
use arborist_shared::corpus::{Reading, RowError, resolve_labels, text_hash};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashSet;

use super::Run;
use crate::cli::CliError;
use crate::cli::corpus::{CorpusReader, Rejects};
use crate::cli::snapshots::Line;
use crate::corpora::column;

/// A document with its gold labels.
#[derive(Debug)]
pub(super) struct GoldDocument {
    pub(super) id: String,
    /// The id is only the row's line number.
    pub(super) numbered: bool,
    pub(super) text: String,
    /// Closed upwards.
    pub(super) labels: Vec<LabelIndex>,
}

/// Reads the gold documents.
pub(super) fn read_gold(
    path: &Path,
    reading: &Reading,
    taxonomy: &Taxonomy,
) -> Result<Vec<GoldDocument>, CliError> {
    let mut reader = CorpusReader::open(path, reading, Some(taxonomy))?;
    let name = reader.name().to_owned();
    let mut rejects = Rejects::default();
    let mut documents = Vec::new();
    let mut ids = FxHashSet::default();
    let mut repeated: Vec<String> = Vec::new();
    while let Some(row) = reader.next_row()? {
        let numbered_id = row.numbered_id();
        let content = match row.content {
            Ok(content) => content,
            Err(error) => {
                rejects.add(&name, row.raw, &error)?;
                continue;
            }
        };
        let Some(labels) = content.labels else {
            continue;
        };
        match resolve_labels(taxonomy, &labels) {
            Ok(labels) => {
                let numbered = content.id.is_none();
                let id = content.id.unwrap_or(numbered_id);
                if !ids.insert(id.clone()) {
                    repeated.push(id.clone());
                }
                documents.push(GoldDocument {
                    id,
                    numbered,
                    text: content.text,
                    labels: labels.closed,
                });
            }
            Err(error) => {
                let column = column::of_label(row.raw, &error);
                rejects.add(
                    &name,
                    row.raw,
                    &RowError {
                        line: row.line,
                        column,
                        reason: error.to_string(),
                    },
                )?;
            }
        }
    }
    rejects.finish(None)?;
    if let Some(first) = repeated.first() {
        return Err(CliError::input(format!(
            "--gold: {} duplicate ids (the first: `{first}`)",
            repeated.len()
        )));
    }
    if documents.is_empty() {
        return Err(CliError::input(format!(
            "--gold: {name} has no usable row with `labels`"
        )));
    }
    Ok(documents)
}

/// Leaves out the documents that some run was trained or validated with: by their own id, or by their text.
pub(super) fn without_seen(
    gold: Vec<GoldDocument>,
    runs: &[Run],
) -> Result<Vec<GoldDocument>, CliError> {
    let total = gold.len();
    let mut counts = Vec::new();
    let mut seen = vec![false; total];
    let hashes: Vec<String> = gold
        .iter()
        .map(|document| text_hash(&document.text))
        .collect();
    for run in runs {
        let known = Known::of(run)?;
        let mut count = 0_u64;
        for (position, document) in gold.iter().enumerate() {
            let by_id = !document.numbered && known.ids.contains(&document.id);
            if by_id || known.texts.contains(&hashes[position]) {
                seen[position] = true;
                count += 1;
            }
        }
        counts.push(format!("{}: {count}", run.name));
    }
    let mut seen = seen.into_iter();
    let left: Vec<GoldDocument> = gold
        .into_iter()
        .filter(|_| !seen.next().unwrap_or(false))
        .collect();
    let counts = counts.join(", ");
    if left.is_empty() {
        return Err(CliError::input(format!(
            "--gold: none of the {total} documents is left: runs were trained or validated with them ({counts}); expected documents that no run has seen"
        )));
    }
    if left.len() < total {
        eprintln!(
            "note: {} of {total} documents were left out, because runs were trained or validated with them ({counts})",
            total - left.len()
        );
    }
    Ok(left)
}

/// What a run has learnt from.
struct Known {
    ids: FxHashSet<String>,
    texts: FxHashSet<String>,
}

impl Known {
    fn of(run: &Run) -> Result<Self, CliError> {
        let request = run.directory.request()?;
        let mut known = Self {
            ids: FxHashSet::default(),
            texts: FxHashSet::default(),
        };
        for snapshot in [Some(request.train), request.validation]
            .into_iter()
            .flatten()
        {
            let path = run.directory.resolve(&snapshot);
            let at = |error: &dyn std::fmt::Display| {
                CliError::failed(format!("{}: {error}", path.display()))
            };
            let file = File::open(&path).map_err(|error| at(&error))?;
            for line in BufReader::with_capacity(1 << 18, file).split(b'\n') {
                let line: Line = serde_json::from_slice(&line.map_err(|error| at(&error))?)
                    .map_err(|error| at(&error))?;
                known.texts.insert(text_hash(&line.document.text));
                if !line.numbered {
                    known.ids.insert(line.document.id);
                }
            }
        }
        Ok(known)
    }
}
