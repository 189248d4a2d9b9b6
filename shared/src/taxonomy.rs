//! The label hierarchy: a DAG of labels below one virtual root.
//!
//! Built once, validated, then read only: neighbours, levels, ancestors and lookups are flat arrays, so that a
//! taxonomy of 100,000 labels costs milliseconds and every method answers without allocating where it can.
//! Editing is not done here but in [`crate::edits`]: an edited taxonomy is a new one.

mod build;
mod details;
mod formats;
mod ids;
mod integrity;
mod iri;
mod parse;
#[cfg(feature = "rdf")]
mod skos;
#[cfg(test)]
mod tests;
mod write;

use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::LabelIndex;

pub(crate) use build::from_rows;
pub use details::{LabelDetails, LabelName, LabelText, NameKind};

pub use formats::{TaxonomyFormat, UnknownTaxonomyFormat};
pub(crate) use integrity::{Outline, check_outline};
pub use integrity::{Problem, ProblemKind, check, check_labels};
pub use parse::{ParsedTaxonomy, fuzz, parse};
pub use write::{Loss, LossKind, Origin, WriteError, check_writable, losses, write};

/// The name that TSV and `*.taxonomy` files give to the virtual root. It is not a label.
pub const ROOT: &str = "Root";

/// Pairs of a label and one of its ancestors that a taxonomy may have; beyond lies a chain or a web, not a hierarchy.
pub const MAX_ANCESTOR_PAIRS: usize = 1 << 25;

/// Paths that [`Taxonomy::paths`] lists at most: their number can grow exponentially in a DAG.
pub const MAX_PATHS: usize = 1_000;

/// A label as it is handed in: parents by id, the first is the primary one, none means below the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewLabel {
    /// Identity of the label.
    pub id: String,
    /// Name to show; an empty one becomes the id.
    pub name: String,
    /// Ids of the parents.
    pub parents: Vec<String>,
    /// What else is known of the label; not written where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<LabelDetails>>,
}

/// What is wrong with a taxonomy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaxonomyError {
    /// The file does not have the form of its format.
    #[error("line {line}, column {column}: found {found}, expected {expected}")]
    Syntax {
        /// Counts from 1.
        line: u64,
        /// Counts from 1, in bytes.
        column: u64,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// A fault of the hierarchy, at the place in the file that caused it.
    #[error("line {line}, column {column}: {error}")]
    Located {
        /// Counts from 1.
        line: u64,
        /// Counts from 1, in bytes.
        column: u64,
        /// The fault.
        #[source]
        error: Box<TaxonomyError>,
    },
    /// A label without id.
    #[error("found a label with an empty id (number {number} of the taxonomy), expected an id")]
    EmptyId {
        /// Counts from 1.
        number: usize,
    },
    /// Two labels with one id.
    #[error("found the id `{id}` twice, expected every id once")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// A parent that is no label.
    #[error(
        "found the parent `{parent}` of `{label}`, which is introduced nowhere, expected a label of the taxonomy"
    )]
    UnknownParent {
        /// Id of the child.
        label: String,
        /// The id that does not exist.
        parent: String,
    },
    /// A label that is its own parent.
    #[error("found `{label}` as its own parent, expected another label or the root")]
    SelfParent {
        /// Id of the label.
        label: String,
    },
    /// Labels that are each other's ancestors.
    #[error("found the cycle {}, expected a hierarchy without cycles", cycle(.ids))]
    Cycle {
        /// Ids along the cycle, each followed by its parent; the first is not repeated at the end.
        ids: Vec<String>,
    },
    /// More labels, or longer paths, than can be handled.
    #[error("found {found}, expected {expected}")]
    TooLarge {
        /// What was counted.
        found: String,
        /// The limit.
        expected: String,
    },
    /// No label at all.
    #[error("found no label, expected at least one")]
    Empty,
}

/// `A` → `B` → `A`, shortened in the middle where it is long.
fn cycle(ids: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = String::new();
    for (position, id) in ids.iter().enumerate() {
        if ids.len() > SHOWN && position == SHOWN - 1 {
            text.push_str(&format!("… ({} more) → ", ids.len() - position));
            break;
        }
        text.push_str(&format!("`{id}` → "));
    }
    if let Some(first) = ids.first() {
        text.push_str(&format!("`{first}`"));
    }
    text
}

/// Rows of label indexes in one array: row `i` is `items[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rows {
    offsets: Vec<u32>,
    items: Vec<LabelIndex>,
}

#[allow(
    clippy::indexing_slicing,
    reason = "a label is a position in arrays as long as the taxonomy"
)]
impl Rows {
    fn row(&self, index: LabelIndex) -> &[LabelIndex] {
        let index = index as usize;
        &self.items[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }
}

/// A validated label hierarchy. Labels are addressed by [`LabelIndex`], their position in taxonomy order.
///
/// Serialized as the canonical JSON `{"labels":[{"id","name","parents":[ids],"details"?}]}`; deserializing validates.
/// A label without details has no such key, so that the content hash of a taxonomy without any is the same as ever.
///
/// Methods that take a [`LabelIndex`] panic when it is not below [`len`](Self::len).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Canonical", into = "Canonical")]
pub struct Taxonomy {
    ids: Vec<Box<str>>,
    names: Vec<Box<str>>,
    by_id: ids::IdIndex,
    /// Label indexes sorted by name, then index.
    by_name: Vec<LabelIndex>,
    /// Primary parent first.
    parents: Rows,
    children: Rows,
    /// Sorted, over all parents, without the label itself.
    ancestors: Rows,
    top_level: Vec<LabelIndex>,
    topological: Vec<LabelIndex>,
    levels: Vec<u32>,
    /// Of the labels that have any, by label.
    details: Vec<(LabelIndex, Box<LabelDetails>)>,
}

/// The canonical form on disk and on the wire: what a [`Taxonomy`] is as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CanonicalTaxonomy))]
pub struct Canonical {
    /// In taxonomy order.
    labels: Vec<NewLabel>,
}

impl TryFrom<Canonical> for Taxonomy {
    type Error = TaxonomyError;

    fn try_from(canonical: Canonical) -> Result<Self, TaxonomyError> {
        Self::new(canonical.labels)
    }
}

impl From<Taxonomy> for Canonical {
    fn from(taxonomy: Taxonomy) -> Self {
        Self {
            labels: taxonomy.to_labels(),
        }
    }
}

#[allow(
    clippy::indexing_slicing,
    reason = "a label is a position in arrays as long as the taxonomy; one that is not is a mistake of the caller"
)]
impl Taxonomy {
    /// Number of labels; the root is none.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// All label indexes, in taxonomy order.
    pub fn indexes(&self) -> std::ops::Range<LabelIndex> {
        0..self.ids.len() as LabelIndex
    }

    /// Id of a label.
    #[must_use]
    pub fn id(&self, label: LabelIndex) -> &str {
        &self.ids[label as usize]
    }

    /// Name of a label; names may repeat.
    #[must_use]
    pub fn name(&self, label: LabelIndex) -> &str {
        &self.names[label as usize]
    }

    /// The label with this id.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<LabelIndex> {
        self.by_id.find(id, &self.ids)
    }

    /// What else is known of a label; none where nothing is.
    #[must_use]
    pub fn details(&self, label: LabelIndex) -> Option<&LabelDetails> {
        let at = self
            .details
            .binary_search_by_key(&label, |&(label, _)| label);
        at.ok().map(|at| &*self.details[at].1)
    }

    /// All labels that have details, in taxonomy order.
    pub fn detailed(&self) -> impl Iterator<Item = (LabelIndex, &LabelDetails)> {
        self.details
            .iter()
            .map(|(label, details)| (*label, &**details))
    }

    /// Whether a label should not be used any more.
    #[must_use]
    pub fn is_deprecated(&self, label: LabelIndex) -> bool {
        self.details(label)
            .is_some_and(|details| details.deprecated)
    }

    /// All labels with this name, in taxonomy order.
    #[must_use]
    pub fn named(&self, name: &str) -> &[LabelIndex] {
        let start = self
            .by_name
            .partition_point(|&label| self.name(label) < name);
        let rest = &self.by_name[start..];
        &rest[..rest.partition_point(|&label| self.name(label) == name)]
    }

    /// Parents, the primary one first; empty below the root.
    #[must_use]
    pub fn parents(&self, label: LabelIndex) -> &[LabelIndex] {
        self.parents.row(label)
    }

    /// The parent that paths go through.
    #[must_use]
    pub fn primary_parent(&self, label: LabelIndex) -> Option<LabelIndex> {
        self.parents(label).first().copied()
    }

    /// Children over all edges, in taxonomy order.
    #[must_use]
    pub fn children(&self, label: LabelIndex) -> &[LabelIndex] {
        self.children.row(label)
    }

    /// Labels below the root, in taxonomy order.
    #[must_use]
    pub fn top_level(&self) -> &[LabelIndex] {
        &self.top_level
    }

    /// Shortest distance from the root: 1 for a label below the root.
    #[must_use]
    pub fn level(&self, label: LabelIndex) -> u32 {
        self.levels[label as usize]
    }

    /// The deepest level; 0 without labels.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.levels.iter().copied().max().unwrap_or(0)
    }

    /// All labels above this one, over all parents, sorted, without the label itself.
    #[must_use]
    pub fn ancestors(&self, label: LabelIndex) -> &[LabelIndex] {
        self.ancestors.row(label)
    }

    /// All labels below this one, over all edges, sorted, without the label itself.
    #[must_use]
    pub fn descendants(&self, label: LabelIndex) -> Vec<LabelIndex> {
        let mut found = Vec::new();
        let mut seen = rustc_hash::FxHashSet::default();
        let mut open = vec![label];
        while let Some(next) = open.pop() {
            for &child in self.children(next) {
                if seen.insert(child) {
                    found.push(child);
                    open.push(child);
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Parents before children; taxonomy order where that already is one.
    #[must_use]
    pub fn topological(&self) -> &[LabelIndex] {
        &self.topological
    }

    /// From the topmost ancestor to the label itself, along primary parents.
    #[must_use]
    pub fn path(&self, label: LabelIndex) -> Vec<LabelIndex> {
        let mut path = vec![label];
        let mut at = label;
        while let Some(parent) = self.primary_parent(at) {
            path.push(parent);
            at = parent;
        }
        path.reverse();
        path
    }

    /// Names along [`path`](Self::path).
    #[must_use]
    pub fn path_names(&self, label: LabelIndex) -> Vec<String> {
        self.path(label)
            .into_iter()
            .map(|label| self.name(label).to_owned())
            .collect()
    }

    /// Every way from below the root to the label, the primary path first; at most [`MAX_PATHS`].
    ///
    /// What the house shows of a label is [`path`](Self::path); this is for those who ask for all places of a label with
    /// several parents.
    #[must_use]
    pub fn paths(&self, label: LabelIndex) -> Vec<Vec<LabelIndex>> {
        let mut paths = Vec::new();
        // Paths upwards from the label; the last on the stack is continued first, so parents go on in reverse.
        let mut open = vec![vec![label]];
        while let Some(mut path) = open.pop() {
            let at = path[path.len() - 1];
            let parents = self.parents(at);
            if parents.is_empty() {
                path.reverse();
                paths.push(path);
                if paths.len() == MAX_PATHS {
                    break;
                }
                continue;
            }
            for &parent in parents.iter().rev() {
                let mut longer = path.clone();
                longer.push(parent);
                open.push(longer);
            }
        }
        paths
    }

    /// The labels and all their ancestors, sorted, each once.
    #[must_use]
    pub fn close(&self, labels: &[LabelIndex]) -> Vec<LabelIndex> {
        let mut closed = Vec::with_capacity(labels.len() * 2);
        for &label in labels {
            closed.push(label);
            closed.extend_from_slice(self.ancestors(label));
        }
        closed.sort_unstable();
        closed.dedup();
        closed
    }

    /// Whether all parents of every label are there as well. The order of `labels` does not matter.
    #[must_use]
    pub fn is_closed(&self, labels: &[LabelIndex]) -> bool {
        let sorted = crate::sets::sorted(labels);
        sorted.iter().all(|&label| {
            self.parents(label)
                .iter()
                .all(|parent| sorted.binary_search(parent).is_ok())
        })
    }

    /// Whether no label has two parents.
    #[must_use]
    pub fn is_tree(&self) -> bool {
        self.n_multi_parent() == 0
    }

    /// Labels with more than one parent.
    #[must_use]
    pub fn n_multi_parent(&self) -> usize {
        self.indexes()
            .filter(|&label| self.parents(label).len() > 1)
            .count()
    }

    /// The same labels with only their primary parents.
    #[must_use]
    pub fn to_tree(&self) -> Self {
        let parents = self
            .indexes()
            .map(|label| self.primary_parent(label).into_iter().collect())
            .collect();
        build::reparent(self, parents)
    }

    /// The labels as they would be handed to [`Taxonomy::new`].
    #[must_use]
    pub fn to_labels(&self) -> Vec<NewLabel> {
        self.indexes()
            .map(|label| NewLabel {
                id: self.id(label).to_owned(),
                name: self.name(label).to_owned(),
                parents: self
                    .parents(label)
                    .iter()
                    .map(|&parent| self.id(parent).to_owned())
                    .collect(),
                details: self.details(label).cloned().map(Box::new),
            })
            .collect()
    }

    /// SHA-256 of the canonical JSON, in hexadecimal.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hasher = HashWriter(Sha256::new());
        // Writing into a hash cannot fail, and the canonical form has string keys only.
        let written = serde_json::to_writer(&mut hasher, self);
        debug_assert!(written.is_ok());
        crate::hex(&hasher.0.finalize())
    }
}

/// Lets serde write into a hash.
struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
