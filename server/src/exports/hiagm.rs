//! The files of HiAGM, which `HTCInfoMax` and `HiMatch` read as well: `{"token","label"}` lines for each part, the hierarchy
//! as `*.taxonomy`, and the prior probabilities of its edges.
//!
//! Their reader takes every key but `token` for labels, expects parents to be introduced before their own line, accepts
//! one parent for each label, and stops at documents without labels: what is written here keeps to that.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arborist_shared::LabelIndex;
use arborist_shared::priors::PriorCounts;
use arborist_shared::split::Split;
use arborist_shared::taxonomy::{ROOT, Taxonomy};
use serde::{Serialize, Serializer};

use super::Cleaning;
use crate::output_directory::OutputDirectory;

/// Words that the authors' statistics look for in file names, to tell which files they count.
const COUNTED_NAMES: [&str; 2] = ["train", "val"];

/// What is asked for.
#[derive(Clone, Debug)]
pub struct HiAgmOptions {
    /// First part of the file names.
    pub name: String,
    /// How texts are cut into words.
    pub cleaning: Cleaning,
    /// Whether validation documents count for the prior probabilities, as in the authors' code.
    pub prior_from_validation: bool,
    /// Whether labels of no document are left out: the authors' code cannot train with them.
    pub drop_unused_labels: bool,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A name that would make the authors' statistics count the wrong files.
    #[error(
        "found the name `{found}`, expected one without `/`, `train` and `val`: HiAGM's statistics tell files apart by these words"
    )]
    Name {
        /// The name.
        found: String,
    },
    /// A label that its file format cannot hold.
    #[error(
        "found the label {found:?}, expected visible text without TABs and line breaks, other than `{ROOT}`"
    )]
    Label {
        /// Id of the label.
        found: String,
    },
    /// A label with several parents.
    #[error("found a label with several parents, expected a tree")]
    NoTree,
    /// Not a single document.
    #[error("found no document with labels, expected at least one")]
    NoDocuments,
    /// The directory is not empty, or not a directory.
    #[error("{}: {source}", .path.display())]
    Target {
        /// The directory.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Writing failed.
    #[error("cannot write {name}: {source}")]
    Write {
        /// The file.
        name: String,
        /// The reason.
        source: io::Error,
    },
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Training documents.
    pub train: u64,
    /// Validation documents.
    pub validation: u64,
    /// Test documents.
    pub test: u64,
    /// Documents that were left out because they have no label.
    pub without_labels: u64,
    /// Labels in the `*.taxonomy` file.
    pub labels: usize,
    /// Labels that no document has; left out where that was asked for.
    pub unused_labels: usize,
    /// The files.
    pub files: Vec<String>,
}

/// A line of a part.
#[derive(Serialize)]
struct Line<'a> {
    token: Vec<String>,
    label: Vec<&'a str>,
}

/// An export while it is written.
pub struct HiAgmWriter<'t> {
    tree: &'t Taxonomy,
    options: HiAgmOptions,
    target: PathBuf,
    directory: OutputDirectory,
    /// Begun with the first document of a part.
    parts: [Option<BufWriter<File>>; 3],
    documents: [u64; 3],
    without_labels: u64,
    /// Documents of each label, and of each label in those that count for the priors.
    counts: Vec<u64>,
    prior_counts: Vec<u64>,
    priors: PriorCounts<'t>,
}

impl<'t> HiAgmWriter<'t> {
    /// Begins an export to `out`, which must be new or empty.
    ///
    /// # Errors
    /// Labels or a name that the files cannot hold, and a directory that is not empty.
    pub fn create(
        tree: &'t Taxonomy,
        options: HiAgmOptions,
        out: &Path,
    ) -> Result<Self, ExportError> {
        let name = &options.name;
        if name.is_empty()
            || name.contains('/')
            || COUNTED_NAMES.iter().any(|word| name.contains(word))
        {
            return Err(ExportError::Name {
                found: name.clone(),
            });
        }
        if !tree.is_tree() {
            return Err(ExportError::NoTree);
        }
        let holds =
            |id: &str| id != ROOT && !id.trim().is_empty() && !id.contains(char::is_control);
        if let Some(label) = tree.indexes().find(|&label| !holds(tree.id(label))) {
            return Err(ExportError::Label {
                found: tree.id(label).to_owned(),
            });
        }
        let directory = OutputDirectory::create(out).map_err(|source| ExportError::Target {
            path: out.to_owned(),
            source,
        })?;
        Ok(Self {
            tree,
            options,
            target: out.to_owned(),
            directory,
            parts: [None, None, None],
            documents: [0; 3],
            without_labels: 0,
            counts: vec![0; tree.len()],
            prior_counts: vec![0; tree.len()],
            priors: PriorCounts::new(tree),
        })
    }

    /// Where another file can be put that belongs to the export.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path(name)
    }

    /// Writes a document; its labels are sorted and closed upwards.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(
        &mut self,
        split: Split,
        text: &str,
        labels: &[LabelIndex],
    ) -> Result<(), ExportError> {
        debug_assert!(self.tree.is_closed(labels));
        if labels.is_empty() {
            self.without_labels += 1;
            return Ok(());
        }
        let line = Line {
            token: self.options.cleaning.words(text),
            label: labels.iter().map(|&label| self.tree.id(label)).collect(),
        };
        let name = self.part_name(split);
        let failed = |source| write_error(&name, source);
        let part = match &mut self.parts[split as usize] {
            Some(part) => part,
            part @ None => {
                let file = File::create(self.directory.path(&name)).map_err(failed)?;
                part.insert(BufWriter::with_capacity(1 << 18, file))
            }
        };
        serde_json::to_writer(&mut *part, &line)
            .map_err(io::Error::from)
            .and_then(|()| part.write_all(b"\n"))
            .map_err(failed)?;
        self.documents[split as usize] += 1;
        let is_counted = match split {
            Split::Train => true,
            Split::Validation => self.options.prior_from_validation,
            Split::Test => false,
        };
        for &label in labels {
            self.counts[label as usize] += 1;
            self.prior_counts[label as usize] += u64::from(is_counted);
        }
        if is_counted {
            self.priors.add(labels);
        }
        Ok(())
    }

    /// Writes hierarchy and probabilities, and puts everything in its place.
    ///
    /// # Errors
    /// When there was no document, or a file cannot be written.
    pub fn finish(mut self) -> Result<Exported, ExportError> {
        if self.documents == [0; 3] {
            return Err(ExportError::NoDocuments);
        }
        let mut files = Vec::new();
        for split in Split::ALL {
            let name = self.part_name(split);
            if let Some(part) = &mut self.parts[split as usize] {
                part.flush().map_err(|source| write_error(&name, source))?;
                files.push(name);
            }
        }
        let unused_labels = self.counts.iter().filter(|&&count| count == 0).count();
        let kept =
            |label: LabelIndex| !self.options.drop_unused_labels || self.counts[label as usize] > 0;
        let families = families(self.tree, kept);
        let mut taxonomy = String::new();
        for (parent, children) in &families {
            taxonomy.push_str(parent.map_or(ROOT, |parent| self.tree.id(parent)));
            for &child in children {
                taxonomy.push('\t');
                taxonomy.push_str(self.tree.id(child));
            }
            taxonomy.push('\n');
        }
        let probabilities = serde_json::to_vec(&self.probabilities(&families));
        for (ending, content) in [
            (".taxonomy", Ok(taxonomy.into_bytes())),
            ("_prob.json", probabilities),
        ] {
            let name = format!("{}{ending}", self.options.name);
            content
                .map_err(io::Error::from)
                .and_then(|content| fs::write(self.directory.path(&name), content))
                .map_err(|source| write_error(&name, source))?;
            files.push(name);
        }
        let [train, validation, test] = self.documents;
        let exported = Exported {
            train,
            validation,
            test,
            without_labels: self.without_labels,
            labels: families.iter().map(|(_, children)| children.len()).sum(),
            unused_labels,
            files,
        };
        let target = self.target;
        self.directory
            .publish()
            .map_err(|source| ExportError::Target {
                path: target,
                source,
            })?;
        Ok(exported)
    }

    fn part_name(&self, split: Split) -> String {
        let word = match split {
            Split::Train => "train",
            Split::Validation => "val",
            Split::Test => "test",
        };
        format!("{}_{word}.json", self.options.name)
    }

    /// `{parent: {child: P(child | parent)}}`, in the order of the families.
    fn probabilities<'s>(&'s self, families: &'s [Family]) -> InOrder<'s, InOrder<'s, f64>> {
        let edges = self.priors.finish();
        let top_level: u64 = self
            .tree
            .top_level()
            .iter()
            .map(|&label| self.prior_counts[label as usize])
            .sum();
        let probability = |parent: Option<LabelIndex>, child: LabelIndex| match parent {
            None if top_level == 0 => 0.0,
            None => self.prior_counts[child as usize] as f64 / top_level as f64,
            // Edges are ordered by parent, then child.
            Some(parent) => edges
                .binary_search_by_key(&(parent, child), |edge| (edge.parent, edge.child))
                .map_or(0.0, |edge| edges[edge].probability),
        };
        let rows = families.iter().map(|(parent, children)| {
            let row = children
                .iter()
                .map(|&child| (self.tree.id(child), probability(*parent, child)));
            let name = parent.map_or(ROOT, |parent| self.tree.id(parent));
            (name, InOrder(row.collect()))
        });
        InOrder(rows.collect())
    }
}

/// A label, or the root, and its children.
type Family = (Option<LabelIndex>, Vec<LabelIndex>);

/// All parents with their children, breadth first, so that every parent was a child before.
fn families(tree: &Taxonomy, kept: impl Fn(LabelIndex) -> bool) -> Vec<Family> {
    let select = |labels: &[LabelIndex]| -> Vec<LabelIndex> {
        labels
            .iter()
            .copied()
            .filter(|&label| kept(label))
            .collect()
    };
    let mut families = Vec::new();
    let mut open = VecDeque::from([(None, select(tree.top_level()))]);
    while let Some((parent, children)) = open.pop_front() {
        for &child in &children {
            let below = select(tree.children(child));
            if !below.is_empty() {
                open.push_back((Some(child), below));
            }
        }
        families.push((parent, children));
    }
    families
}

/// An object whose keys keep their order.
struct InOrder<'a, T>(Vec<(&'a str, T)>);

impl<T: Serialize> Serialize for InOrder<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn write_error(name: &str, source: io::Error) -> ExportError {
    ExportError::Write {
        name: name.to_owned(),
        source,
    }
}
