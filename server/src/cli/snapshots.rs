//! From corpus files to the snapshots of a run: good rows are kept, bad ones listed, each document gets its split.

use std::collections::hash_map::Entry;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use arborist_shared::corpus::{
    CorpusRow, LabelSet, Reading, RowError, SnapshotDocument, resolve_labels, text_hash,
};
use arborist_shared::split::{Split, SplitRatios, assign};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::CliError;
use super::corpus::{CorpusReader, Rejects};
use crate::corpora::column;
use crate::runs::directory::RunDirectory;

/// Share of the training documents that is held out when there are no validation documents.
const HELD_OUT: f64 = 0.1;

/// A line of a snapshot, with what only the host needs to know.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(flatten)]
    pub(super) document: SnapshotDocument,
    /// The id is only the row's line number: it means nothing in another file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) numbered: bool,
}

impl Line {
    /// What identifies the document across files: its own id, or else its text.
    pub(super) fn key(&self) -> String {
        if self.numbered {
            text_hash(&self.document.text)
        } else {
            self.document.id.clone()
        }
    }
}

/// The files of a corpus as they were given.
pub(super) struct Sources<'a> {
    pub(super) train: &'a Path,
    pub(super) validation: Option<&'a Path>,
    pub(super) test: Option<&'a Path>,
    pub(super) reading: Reading,
}

/// What came out of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Imported {
    pub(super) train: u64,
    pub(super) validation: u64,
    pub(super) test: u64,
}

/// Reads the files and writes the snapshots of the run.
pub(super) fn import(
    sources: &Sources<'_>,
    taxonomy: &Taxonomy,
    seed: u64,
    directory: &RunDirectory,
) -> Result<Imported, CliError> {
    let mut import = Import {
        taxonomy,
        parts: [
            Part::create(directory, Split::Train)?,
            Part::create(directory, Split::Validation)?,
            Part::create(directory, Split::Test)?,
        ],
        rejects: Rejects::to_file(&directory.rejects())?,
        texts: [Vec::new(), Vec::new(), Vec::new()],
    };
    let files = [
        (Split::Train, Some(sources.train)),
        (Split::Validation, sources.validation),
        (Split::Test, sources.test),
    ];
    let given: Vec<Split> = files
        .iter()
        .filter(|(_, path)| path.is_some())
        .map(|&(split, _)| split)
        .collect();
    for (split, path) in files {
        if let Some(path) = path {
            import.read(split, path, &sources.reading, &given)?;
        }
    }
    import.finish(seed, directory, &given)
}

struct Import<'a> {
    taxonomy: &'a Taxonomy,
    parts: [Part; 3],
    rejects: Rejects,
    /// Hashes of each part's texts, to find those that were learnt from and are asked for as well.
    texts: [Vec<u64>; 3],
}

/// A snapshot that is being written.
struct Part {
    path: PathBuf,
    file: BufWriter<File>,
    documents: u64,
}

impl Part {
    fn create(directory: &RunDirectory, split: Split) -> Result<Self, CliError> {
        let path = directory.corpus(split);
        let file = File::create(&path).map_err(|error| write_error(&path, &error))?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(1 << 18, file),
            documents: 0,
        })
    }

    fn push(&mut self, line: &Line) -> Result<(), CliError> {
        self.documents += 1;
        write_line(&mut self.file, line).map_err(|error| write_error(&self.path, &error))
    }
}

fn write_line(file: &mut BufWriter<File>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}

fn write_error(path: &Path, error: &io::Error) -> CliError {
    CliError::failed(format!("cannot write {}: {error}", path.display()))
}

/// Good enough that two of millions of ids do not meet by chance.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Import<'_> {
    /// Reads one file. Its rows belong to `split` unless they say otherwise: then a row of the training file goes where it
    /// says, if no other file was given for that split; every other contradiction leaves the row out.
    fn read(
        &mut self,
        split: Split,
        path: &Path,
        reading: &Reading,
        given: &[Split],
    ) -> Result<(), CliError> {
        let mut reader = CorpusReader::open(path, reading, Some(self.taxonomy))?;
        let name = reader.name().to_owned();
        let mut unannotated = 0_u64;
        let mut elsewhere = 0_u64;
        // Line in which each id stood first, by hash of the id: in one file an id is one document, in whatever part.
        let mut ids = FxHashMap::default();
        while let Some(row) = reader.next_row()? {
            let numbered_id = row.numbered_id();
            let target = |asked: Option<Split>| match asked {
                None => Some(split),
                Some(asked) if asked == split => Some(split),
                Some(asked) => (split == Split::Train && !given.contains(&asked)).then_some(asked),
            };
            let resolved = row.content.and_then(|content| {
                // An empty or missing set needs no looking up.
                let labels = content
                    .labels
                    .as_deref()
                    .map(|labels| resolve_labels(self.taxonomy, labels))
                    .transpose();
                let labels = labels.map_err(|error| RowError {
                    line: row.line,
                    column: column::of_label(row.raw, &error),
                    reason: error.to_string(),
                })?;
                Ok((content, labels))
            });
            let added = match resolved {
                Err(error) => Err(error),
                Ok((_, None)) => {
                    unannotated += 1;
                    continue;
                }
                Ok((content, Some(labels))) => match target(content.split) {
                    None => {
                        elsewhere += 1;
                        continue;
                    }
                    Some(target) => {
                        let id = content.id.as_ref().unwrap_or(&numbered_id);
                        match ids.entry(hash(id)) {
                            Entry::Occupied(first) => Err(RowError {
                                line: row.line,
                                column: column::of_id(row.raw),
                                reason: format!(
                                    "found the id `{id}`, which line {} has already, expected every id once",
                                    first.get()
                                ),
                            }),
                            Entry::Vacant(place) => {
                                place.insert(row.line);
                                self.add(target, content, numbered_id, labels)?;
                                Ok(())
                            }
                        }
                    }
                },
            };
            if let Err(error) = added {
                self.rejects.add(&name, row.raw, &error)?;
            }
        }
        if unannotated > 0 {
            eprintln!(
                "note: {name}: {unannotated} rows without `labels` were left out: they are not annotated"
            );
        }
        if elsewhere > 0 {
            eprintln!(
                "note: {name}: {elsewhere} rows were left out because their `split` is not {split}"
            );
        }
        Ok(())
    }

    fn add(
        &mut self,
        split: Split,
        row: CorpusRow,
        numbered_id: String,
        labels: LabelSet,
    ) -> Result<(), CliError> {
        self.texts[split as usize].push(hash(&text_hash(&row.text)));
        let numbered = row.id.is_none();
        let document = SnapshotDocument {
            id: row.id.unwrap_or(numbered_id),
            text: row.text,
            labels: labels.closed,
            explicit: labels.explicit,
        };
        self.parts[split as usize].push(&Line { document, numbered })
    }

    /// Says how many documents of the other parts have a text that is learnt from.
    fn note_repeated_texts(&self) {
        let [train, validation, test] = &self.texts;
        let train: FxHashSet<&u64> = train.iter().collect();
        for (split, texts) in [(Split::Validation, validation), (Split::Test, test)] {
            let repeated = texts.iter().filter(|text| train.contains(text)).count();
            if repeated > 0 {
                eprintln!(
                    "note: {repeated} {split} documents have the text of a training document"
                );
            }
        }
    }

    fn finish(
        mut self,
        seed: u64,
        directory: &RunDirectory,
        given: &[Split],
    ) -> Result<Imported, CliError> {
        for part in &mut self.parts {
            part.file
                .flush()
                .map_err(|error| write_error(&part.path, &error))?;
        }
        self.note_repeated_texts();
        let rejected = self.rejects.count();
        self.rejects.finish(Some(&directory.rejects()))?;
        if rejected == 0 {
            // An empty file would only raise questions.
            let _ = std::fs::remove_file(directory.rejects());
        }
        for &split in given {
            if self.parts[split as usize].documents == 0 {
                return Err(CliError::input(format!(
                    "--{split}: no usable row: {rejected} rejected in all files; expected annotated rows like {{\"text\":\"…\",\"labels\":[\"…\"]}}"
                )));
            }
        }
        if self.parts[Split::Validation as usize].documents == 0 {
            hold_out(&mut self.parts, seed)?;
        }
        for part in &self.parts {
            // The request that names them follows.
            File::open(&part.path)
                .and_then(|file| file.sync_all())
                .map_err(|error| write_error(&part.path, &error))?;
        }
        let [train, validation, test] = self.parts;
        Ok(Imported {
            train: train.documents,
            validation: validation.documents,
            test: test.documents,
        })
    }
}

/// Moves a tenth of the training documents, chosen by hash, to validation.
fn hold_out([train, validation, _]: &mut [Part; 3], seed: u64) -> Result<(), CliError> {
    let ratios = SplitRatios::new(1.0 - HELD_OUT, HELD_OUT, 0.0).map_err(CliError::failed)?;
    let partial = train.path.with_extension("partial");
    let mut kept = Part {
        path: partial.clone(),
        file: BufWriter::with_capacity(
            1 << 18,
            File::create(&partial).map_err(|error| write_error(&partial, &error))?,
        ),
        documents: 0,
    };
    let file = File::open(&train.path)
        .map_err(|error| CliError::failed(format!("{}: {error}", train.path.display())))?;
    for line in BufReader::with_capacity(1 << 18, file).split(b'\n') {
        let line =
            line.map_err(|error| CliError::failed(format!("{}: {error}", train.path.display())))?;
        let line: Line = serde_json::from_slice(&line).map_err(CliError::failed)?;
        // The last document that is left must stay with the training.
        let is_last = kept.documents == 0 && validation.documents + 1 == train.documents;
        if !is_last && assign(&line.key(), seed, ratios) == Split::Validation {
            validation.push(&line)?;
        } else {
            kept.push(&line)?;
        }
    }
    for part in [&mut kept, &mut *validation] {
        part.file
            .flush()
            .map_err(|error| write_error(&part.path, &error))?;
    }
    std::fs::rename(&partial, &train.path).map_err(|error| write_error(&train.path, &error))?;
    train.documents = kept.documents;
    eprintln!(
        "note: no validation documents were given: {} of {} training documents are held out, chosen by hash with seed {seed}",
        validation.documents,
        validation.documents + train.documents
    );
    Ok(())
}
