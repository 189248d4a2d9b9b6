//! One view of all that can be checked: raw labels, taxonomies, and trees that are being edited.

use rustc_hash::FxHashMap;

use super::{Problem, ProblemKind};
use crate::LabelIndex;
use crate::taxonomy::{LabelDetails, NewLabel, Taxonomy};

/// Labels with their parents, addressed by numbers.
pub(crate) trait Outline {
    /// The labels that there are, in taxonomy order.
    fn keys(&self) -> Vec<LabelIndex>;
    fn id(&self, key: LabelIndex) -> &str;
    fn name(&self, key: LabelIndex) -> &str;
    /// Primary parent first.
    fn parents(&self, key: LabelIndex) -> &[LabelIndex];
    fn details(&self, key: LabelIndex) -> Option<&LabelDetails>;
    fn find(&self, id: &str) -> Option<LabelIndex>;
}

impl Outline for Taxonomy {
    fn keys(&self) -> Vec<LabelIndex> {
        self.indexes().collect()
    }

    fn id(&self, key: LabelIndex) -> &str {
        self.id(key)
    }

    fn name(&self, key: LabelIndex) -> &str {
        self.name(key)
    }

    fn parents(&self, key: LabelIndex) -> &[LabelIndex] {
        self.parents(key)
    }

    fn details(&self, key: LabelIndex) -> Option<&LabelDetails> {
        self.details(key)
    }

    fn find(&self, id: &str) -> Option<LabelIndex> {
        self.index_of(id)
    }
}

/// Labels as they were handed in, without the parents that cannot be.
pub(super) struct Raw<'a> {
    labels: &'a [NewLabel],
    by_id: FxHashMap<&'a str, LabelIndex>,
    parents: Vec<Vec<LabelIndex>>,
}

impl<'a> Raw<'a> {
    /// Resolves parents, and says which do not exist.
    pub(super) fn new(labels: &'a [NewLabel]) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut by_id: FxHashMap<&str, LabelIndex> = FxHashMap::default();
        by_id.reserve(labels.len());
        for (key, label) in (0..).zip(labels) {
            let id = label.id.as_str();
            if id.is_empty() {
                let message = format!(
                    "found a label with an empty id (number {} of the taxonomy), expected an id",
                    key + 1
                );
                problems.push(Problem::new(ProblemKind::EmptyId, &[id], message));
            } else if by_id.contains_key(id) {
                let message = format!("found the id `{id}` twice, expected every id once");
                problems.push(Problem::new(ProblemKind::DuplicateId, &[id], message));
            }
            by_id.entry(id).or_insert(key);
        }
        let mut parents = Vec::with_capacity(labels.len());
        for (key, label) in (0..).zip(labels) {
            let mut found: Vec<LabelIndex> = Vec::with_capacity(label.parents.len());
            for parent in &label.parents {
                match by_id.get(parent.as_str()) {
                    Some(&parent) if parent == key => {
                        let id = label.id.as_str();
                        let message = format!(
                            "found `{id}` as its own parent, expected another label or the root"
                        );
                        problems.push(Problem::new(ProblemKind::Cycle, &[id], message));
                    }
                    Some(&parent) if found.contains(&parent) => {}
                    Some(&parent) => found.push(parent),
                    None => {
                        let message = format!(
                            "found the parent `{parent}` of `{}`, which is introduced nowhere, expected a label of the taxonomy",
                            label.id
                        );
                        problems.push(Problem::new(ProblemKind::Orphan, &[&label.id], message));
                    }
                }
            }
            parents.push(found);
        }
        (
            Self {
                labels,
                by_id,
                parents,
            },
            problems,
        )
    }

    fn label(&self, key: LabelIndex) -> Option<&'a NewLabel> {
        self.labels.get(key as usize)
    }
}

impl Outline for Raw<'_> {
    fn keys(&self) -> Vec<LabelIndex> {
        (0..self.labels.len() as LabelIndex).collect()
    }

    fn id(&self, key: LabelIndex) -> &str {
        self.label(key).map_or("", |label| &label.id)
    }

    fn name(&self, key: LabelIndex) -> &str {
        let label = self.label(key);
        label.map_or("", |label| match label.name.as_str() {
            "" => &label.id,
            name => name,
        })
    }

    fn parents(&self, key: LabelIndex) -> &[LabelIndex] {
        self.parents.get(key as usize).map_or(&[], Vec::as_slice)
    }

    fn details(&self, key: LabelIndex) -> Option<&LabelDetails> {
        self.label(key)?.details.as_deref()
    }

    fn find(&self, id: &str) -> Option<LabelIndex> {
        self.by_id.get(id).copied()
    }
}
