//! What every importer writes: rows in three parts, the taxonomy, rejects, and the summary.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{NewLabel, ROOT, Taxonomy};
use rustc_hash::FxHashSet;
use serde::Serialize;

use super::{
    Change, DatasetError, Documents, Dropped, InputFile, Published, Summary, TrainingFrequency,
};
use crate::output_directory::OutputDirectory;

/// Training documents above which a label counts as frequent (EURLEX57K's groups).
const FREQUENT_ABOVE: u64 = 50;
const REJECTS: &str = "rejects.jsonl";
const SUMMARY: &str = "import.json";

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A record, line or file that does not have its form.
    Malformed,
    /// An id that another document has.
    DuplicateId,
    /// A document without any text.
    EmptyText,
    /// A document that is listed and not there.
    MissingFile,
    /// A document of the source that is no part of the collection.
    NotInCollection,
    /// A label of a document that the hierarchy does not have; the document stays.
    UnknownLabel,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::DuplicateId => "duplicate_id",
            Self::EmptyText => "empty_text",
            Self::MissingFile => "missing_file",
            Self::NotInCollection => "not_in_collection",
            Self::UnknownLabel => "unknown_label",
        }
    }
}

/// A line of `rejects.jsonl`.
#[derive(Serialize)]
struct Reject<'a> {
    place: &'a str,
    reason: &'static str,
    message: &'a str,
}

/// A row as it is written.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    text: &'a str,
    labels: Vec<&'a str>,
    split: Split,
}

/// Counts of a label.
#[derive(Clone, Copy, Default)]
struct Uses {
    train: u64,
    elsewhere: u64,
}

/// Which labels the written taxonomy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All that the hierarchy has.
    All,
    /// Those of documents, with their ancestors.
    Used,
}

/// What was left out so far: counted, and listed in a file that is begun with the first of them.
pub(super) struct Rejects {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    kinds: Vec<(Reason, u64, String)>,
}

impl Rejects {
    /// Takes something that is left out. `place` is the file, with the line where there is one.
    pub(super) fn add(
        &mut self,
        reason: Reason,
        place: &str,
        message: &str,
    ) -> Result<(), DatasetError> {
        match self.kinds.iter_mut().find(|(kind, ..)| *kind == reason) {
            Some((_, count, _)) => *count += 1,
            None => self.kinds.push((reason, 1, format!("{place}: {message}"))),
        }
        let failed = |error| DatasetError::write(Path::new(REJECTS), error);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = File::create(&self.path).map_err(failed)?;
                self.file.insert(BufWriter::new(file))
            }
        };
        let reject = Reject {
            place,
            reason: reason.as_str(),
            message,
        };
        write_line(file, &reject).map_err(failed)
    }

    fn finish(&mut self) -> Result<Vec<Dropped>, DatasetError> {
        if let Some(file) = &mut self.file {
            let failed = |error| DatasetError::write(Path::new(REJECTS), error);
            file.flush().map_err(failed)?;
        }
        self.kinds.sort_unstable_by_key(|(reason, ..)| *reason);
        let dropped = self.kinds.drain(..).map(|(reason, count, first)| Dropped {
            reason: reason.as_str(),
            count,
            first,
        });
        Ok(dropped.collect())
    }
}

/// The result of an import while it is written.
pub(super) struct CorpusWriter {
    directory: OutputDirectory,
    target: PathBuf,
    taxonomy: Taxonomy,
    parts: [BufWriter<File>; 3],
    counts: [u64; 3],
    /// Hashes of the ids so far.
    ids: FxHashSet<u64>,
    uses: Vec<Uses>,
    n_labels: u64,
    unclosed: u64,
    unlabelled: u64,
    pub(super) rejects: Rejects,
}

/// What only the importer knows about its import.
pub(super) struct About {
    pub(super) dataset: &'static str,
    pub(super) published: Published,
    pub(super) keep: Keep,
    pub(super) changes: Vec<Change>,
    pub(super) inputs: Vec<InputFile>,
}

impl CorpusWriter {
    /// Begins the result; the taxonomy comes with [`start`](Draft::start), when it is known.
    pub(super) fn draft(out: &Path) -> Result<Draft, DatasetError> {
        let directory =
            OutputDirectory::create(out).map_err(|error| DatasetError::write(out, error))?;
        let rejects = Rejects {
            path: directory.path(REJECTS),
            file: None,
            kinds: Vec::new(),
        };
        Ok(Draft {
            directory,
            target: out.to_owned(),
            rejects,
        })
    }

    pub(super) fn taxonomy(&self) -> &Taxonomy {
        &self.taxonomy
    }

    /// Writes a document; `labels` as the source gives them, each once. `place` is where it came from.
    pub(super) fn push(
        &mut self,
        split: Split,
        place: &str,
        id: &str,
        text: &str,
        labels: &[LabelIndex],
    ) -> Result<(), DatasetError> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        if !self.ids.insert(hasher.finish()) {
            let message = format!("found the id `{id}` a second time, expected every id once");
            return self.rejects.add(Reason::DuplicateId, place, &message);
        }
        let row = Row {
            id,
            text,
            labels: labels
                .iter()
                .map(|&label| self.taxonomy.id(label))
                .collect(),
            split,
        };
        write_line(&mut self.parts[split as usize], &row)
            .map_err(|error| DatasetError::write(Path::new(part_name(split)), error))?;
        self.counts[split as usize] += 1;
        self.n_labels += labels.len() as u64;
        self.unlabelled += u64::from(labels.is_empty());
        self.unclosed += u64::from(!self.taxonomy.is_closed(labels));
        for &label in labels {
            let uses = &mut self.uses[label as usize];
            match split {
                Split::Train => uses.train += 1,
                Split::Validation | Split::Test => uses.elsewhere += 1,
            }
        }
        Ok(())
    }

    /// Writes taxonomy and summary, and puts everything in its place.
    pub(super) fn finish(mut self, about: About) -> Result<Summary, DatasetError> {
        for (part, split) in self.parts.iter_mut().zip(Split::ALL) {
            part.flush()
                .map_err(|error| DatasetError::write(Path::new(part_name(split)), error))?;
        }
        let [train, validation, test] = self.counts;
        let documents = Documents {
            train,
            validation,
            test,
        };
        let used = self.used();
        let (taxonomy, unused_labels) = match about.keep {
            Keep::All => {
                let unused = used.iter().filter(|used| !**used).count();
                (self.taxonomy.clone(), unused)
            }
            Keep::Used => (self.reduced(&used)?, 0),
        };
        let mut files: Vec<String> = Split::ALL.map(|split| part_name(split).to_owned()).into();
        files.extend(self.write_taxonomy(&taxonomy)?);
        if self.rejects.file.is_some() {
            files.push(REJECTS.to_owned());
        }
        files.push(SUMMARY.to_owned());
        let mut labels_per_level = vec![0; taxonomy.depth() as usize];
        for label in taxonomy.indexes() {
            labels_per_level[taxonomy.level(label) as usize - 1] += 1;
        }
        let n_documents = train + validation + test;
        let n_carried = self
            .uses
            .iter()
            .filter(|uses| uses.train + uses.elsewhere > 0)
            .count();
        let n_labels = match about.keep {
            Keep::All => taxonomy.len(),
            // Ancestors that no document carries are in the taxonomy, but not among the labels that papers count.
            Keep::Used => n_carried,
        };
        let summary = Summary {
            dataset: about.dataset,
            documents,
            labels: taxonomy.len(),
            labels_per_level,
            multi_parent_labels: taxonomy.n_multi_parent(),
            unused_labels,
            labels_per_document: self.n_labels as f64 / n_documents.max(1) as f64,
            unclosed_documents: self.unclosed,
            unlabelled_documents: self.unlabelled,
            training_frequency: self.training_frequency(),
            dropped: self.rejects.finish()?,
            changes: about.changes,
            published: about.published,
            as_published: documents == about.published.documents
                && n_labels == about.published.labels,
            inputs: about.inputs,
            files,
        };
        let text = serde_json::to_vec_pretty(&summary).map_err(io::Error::from);
        text.and_then(|mut text| {
            text.push(b'\n');
            fs::write(self.directory.path(SUMMARY), text)
        })
        .map_err(|error| DatasetError::write(Path::new(SUMMARY), error))?;
        self.directory
            .publish()
            .map_err(|error| DatasetError::write(&self.target, error))?;
        Ok(summary)
    }

    /// For each label whether a document carries it or a descendant of it.
    fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.taxonomy.len()];
        for label in self.taxonomy.indexes() {
            let uses = self.uses[label as usize];
            if uses.train + uses.elsewhere > 0 {
                used[label as usize] = true;
                for &ancestor in self.taxonomy.ancestors(label) {
                    used[ancestor as usize] = true;
                }
            }
        }
        used
    }

    fn reduced(&self, used: &[bool]) -> Result<Taxonomy, DatasetError> {
        let labels = self.taxonomy.to_labels().into_iter().zip(used);
        let labels = labels.filter(|(_, used)| **used).map(|(label, _)| label);
        taxonomy("the labels in use", labels.collect())
    }

    fn training_frequency(&self) -> TrainingFrequency {
        let mut groups = TrainingFrequency::default();
        for uses in &self.uses {
            match uses.train {
                0 => groups.zero += usize::from(uses.elsewhere > 0),
                n if n > FREQUENT_ABOVE => groups.frequent += 1,
                _ => groups.few += 1,
            }
        }
        groups
    }

    /// TSV of the ids; where labels have names of their own, the canonical JSON as well.
    fn write_taxonomy(&self, taxonomy: &Taxonomy) -> Result<Vec<String>, DatasetError> {
        let write = |name: &str, text: Vec<u8>| {
            fs::write(self.directory.path(name), text)
                .map_err(|error| DatasetError::write(Path::new(name), error))
                .map(|()| name.to_owned())
        };
        let mut tsv = String::new();
        for label in taxonomy.indexes() {
            let id = taxonomy.id(label);
            let parents = taxonomy.parents(label);
            if parents.is_empty() {
                tsv.push_str(&format!("{id}\t{ROOT}\n"));
            }
            for &parent in parents {
                tsv.push_str(&format!("{id}\t{}\n", taxonomy.id(parent)));
            }
        }
        let mut files = vec![write("taxonomy.tsv", tsv.into_bytes())?];
        let has_names = |label| taxonomy.id(label) != taxonomy.name(label);
        if taxonomy.indexes().any(has_names) {
            let json = serde_json::to_vec(taxonomy)
                .map_err(|error| DatasetError::write(Path::new("taxonomy.json"), error.into()))?;
            files.push(write("taxonomy.json", json)?);
        }
        Ok(files)
    }
}

/// A result before its taxonomy is known.
pub(super) struct Draft {
    directory: OutputDirectory,
    target: PathBuf,
    pub(super) rejects: Rejects,
}

impl Draft {
    /// Opens the parts.
    pub(super) fn start(self, taxonomy: Taxonomy) -> Result<CorpusWriter, DatasetError> {
        let create = |split: Split| {
            let path = self.directory.path(part_name(split));
            File::create(&path)
                .map(|file| BufWriter::with_capacity(1 << 18, file))
                .map_err(|error| DatasetError::write(&path, error))
        };
        let [train, validation, test] = Split::ALL;
        Ok(CorpusWriter {
            parts: [create(train)?, create(validation)?, create(test)?],
            uses: vec![Uses::default(); taxonomy.len()],
            directory: self.directory,
            target: self.target,
            taxonomy,
            counts: [0; 3],
            ids: FxHashSet::default(),
            n_labels: 0,
            unclosed: 0,
            unlabelled: 0,
            rejects: self.rejects,
        })
    }
}

/// Makes a taxonomy of labels that must fit into TSV; faults name the file that the labels come from.
pub(super) fn taxonomy(place: &str, labels: Vec<NewLabel>) -> Result<Taxonomy, DatasetError> {
    if let Some(label) = labels.iter().find(|label| !is_label_text(&label.id)) {
        return Err(DatasetError::input(
            place,
            format!("the label {:?}", label.id),
            format!("visible text without line breaks or TABs, other than `{ROOT}`"),
        ));
    }
    Taxonomy::new(labels).map_err(|source| DatasetError::Taxonomy {
        place: place.to_owned(),
        source,
    })
}

/// Whether a text can stand for a label in files of lines and TABs.
pub(super) fn is_label_text(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control) && text != ROOT
}

fn part_name(split: Split) -> &'static str {
    match split {
        Split::Train => "train.jsonl",
        Split::Validation => "validation.jsonl",
        Split::Test => "test.jsonl",
    }
}

fn write_line(file: &mut BufWriter<File>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, value)?;
    file.write_all(b"\n")
}
