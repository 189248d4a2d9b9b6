//! Which classifier is trained among which documents: a tree of nodes, each with one classifier that tells its
//! documents from the other documents of its parent.
//!
//! Flat: every label below the root, so that every classifier sees every document. Tree: every label below its primary
//! parent; a document has all ancestors of its labels, so the parent's documents hold all of the label's own.
//! Nodes with very many children get groups of similar labels in between (see `groups`).

mod groups;

use std::ops::Range;

use arborist_shared::LabelIndex;
use arborist_shared::taxonomy::Taxonomy;

pub(crate) use groups::Grouping;

use crate::tables::NONE;

/// The root's number.
pub(crate) const ROOT: u32 = 0;

/// The nodes in breadth-first order, so that the children of a node follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Structure {
    /// Label of each node; [`NONE`] for the root and for groups.
    pub(crate) labels: Vec<u32>,
    /// First child of each node.
    pub(crate) first_children: Vec<u32>,
    pub(crate) n_children: Vec<u32>,
}

/// The documents of each label, in increasing order.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelDocuments {
    documents: Vec<u32>,
    /// Label `l` ends here.
    ends: Vec<usize>,
}

impl LabelDocuments {
    /// Turns the labels of each document around.
    pub(crate) fn new<'a>(
        n_labels: usize,
        rows: impl Iterator<Item = &'a [LabelIndex]> + Clone,
    ) -> Self {
        let mut ends = vec![0; n_labels];
        for row in rows.clone() {
            for &label in row {
                ends[label as usize] += 1;
            }
        }
        let mut total = 0;
        for end in &mut ends {
            // The start for now; the next loop moves it to the end.
            total += std::mem::replace(end, total);
        }
        let mut documents = vec![0; total];
        for (document, row) in rows.enumerate() {
            for &label in row {
                let at = &mut ends[label as usize];
                documents[*at] = document as u32;
                *at += 1;
            }
        }
        Self { documents, ends }
    }

    pub(crate) fn of(&self, label: LabelIndex) -> &[u32] {
        let label = label as usize;
        let start = if label == 0 { 0 } else { self.ends[label - 1] };
        &self.documents[start..self.ends[label]]
    }
}

impl Structure {
    /// Every label that has documents directly below the root.
    pub(crate) fn flat(n_labels: usize, documents: &LabelDocuments) -> Self {
        let mut structure = Self::root();
        structure.add_children(
            0,
            (0..n_labels as u32).filter(|&label| !documents.of(label).is_empty()),
        );
        structure
    }

    /// Every label that has documents below its primary parent.
    pub(crate) fn tree(
        taxonomy: &Taxonomy,
        documents: &LabelDocuments,
        mut grouping: Grouping<'_>,
    ) -> Self {
        let mut structure = Self::root();
        // Labels that are to come below each node, when they are not simply the label's children.
        let mut members: Vec<Option<Vec<LabelIndex>>> = vec![None];
        let mut node = 0;
        while node < structure.len() {
            let label = structure.labels[node];
            let below = members[node].take().unwrap_or_else(|| {
                let children = if label == NONE {
                    taxonomy.top_level()
                } else {
                    taxonomy.children(label)
                };
                let parent = (label != NONE).then_some(label);
                children
                    .iter()
                    .copied()
                    .filter(|&child| {
                        taxonomy.primary_parent(child) == parent && !documents.of(child).is_empty()
                    })
                    .collect()
            });
            let groups = grouping.split(&below);
            if groups.is_empty() {
                members.resize(structure.len() + below.len(), None);
                structure.add_children(node, below.into_iter());
            } else {
                structure.add_children(node, groups.iter().map(|_| NONE));
                members.extend(groups.into_iter().map(Some));
            }
            node += 1;
        }
        structure
    }

    fn root() -> Self {
        Self {
            labels: vec![NONE],
            first_children: vec![0],
            n_children: vec![0],
        }
    }

    fn add_children(&mut self, node: usize, labels: impl Iterator<Item = u32>) {
        self.first_children[node] = self.len() as u32;
        self.labels.extend(labels);
        self.n_children[node] = self.len() as u32 - self.first_children[node];
        self.first_children.resize(self.labels.len(), 0);
        self.n_children.resize(self.labels.len(), 0);
    }

    /// Number of nodes, the root among them.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Children of a node.
    pub(crate) fn children(&self, node: u32) -> Range<u32> {
        let first = self.first_children[node as usize];
        first..first + self.n_children[node as usize]
    }

    /// Whether the arrays describe a tree in breadth-first order over labels below `n_labels`, each at most once.
    pub(crate) fn is_valid(&self, n_labels: usize) -> bool {
        if self.labels.first() != Some(&NONE)
            || self.first_children.len() != self.len()
            || self.n_children.len() != self.len()
        {
            return false;
        }
        let mut next = 1_u64;
        for (&first, &count) in self.first_children.iter().zip(&self.n_children) {
            if count > 0 {
                if u64::from(first) != next {
                    return false;
                }
                next += u64::from(count);
            }
        }
        let mut seen = vec![false; n_labels];
        let each_once = self
            .labels
            .iter()
            .filter(|&&label| label != NONE)
            .all(|&label| {
                seen.get_mut(label as usize)
                    .is_some_and(|seen| !std::mem::replace(seen, true))
            });
        next == self.len() as u64 && each_once
    }

    /// Documents of every node but the root, whose documents are all; of a group, those of its labels.
    pub(crate) fn group_documents(&self, node: u32, documents: &LabelDocuments) -> Vec<u32> {
        let mut found = Vec::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match self.labels[node as usize] {
                NONE => open.extend(self.children(node)),
                label => found.extend_from_slice(documents.of(label)),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
