//! How often a child occurs with its parent: the edge weights that structure encoders start from.
//!
//! `P(child | parent)` = documents with both, divided by the sum of the same over all children of the parent; 0
//! where no child occurs at all.

#![allow(
    clippy::indexing_slicing,
    reason = "a label is a position in arrays as long as the taxonomy"
)]

#[cfg(test)]
mod tests;

use crate::LabelIndex;
use crate::taxonomy::Taxonomy;

/// The weight of one edge; edges to the root have none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgePrior {
    /// The upper label.
    pub parent: LabelIndex,
    /// The lower label.
    pub child: LabelIndex,
    /// Documents that have both.
    pub documents: u64,
    /// `P(child | parent)`; the weights of a parent's children sum to 1, or are all 0.
    pub probability: f64,
}

/// Counts labels of documents and makes edge weights of them.
#[derive(Clone, Debug)]
pub struct PriorCounts<'t> {
    taxonomy: &'t Taxonomy,
    /// First edge of each parent; edges are ordered by parent, then child.
    offsets: Vec<usize>,
    counts: Vec<u64>,
}

impl<'t> PriorCounts<'t> {
    /// Starts without documents.
    #[must_use]
    pub fn new(taxonomy: &'t Taxonomy) -> Self {
        let mut offsets = Vec::with_capacity(taxonomy.len());
        let mut n_edges = 0;
        for label in taxonomy.indexes() {
            offsets.push(n_edges);
            n_edges += taxonomy.children(label).len();
        }
        Self {
            taxonomy,
            offsets,
            counts: vec![0; n_edges],
        }
    }

    /// Counts one document; `labels` is sorted.
    pub fn add(&mut self, labels: &[LabelIndex]) {
        for &child in labels {
            for &parent in self.taxonomy.parents(child) {
                if labels.binary_search(&parent).is_err() {
                    continue;
                }
                if let Ok(position) = self.taxonomy.children(parent).binary_search(&child) {
                    self.counts[self.offsets[parent as usize] + position] += 1;
                }
            }
        }
    }

    /// The weights of all edges, ordered by parent, then child.
    #[must_use]
    pub fn finish(&self) -> Vec<EdgePrior> {
        let mut edges = Vec::with_capacity(self.counts.len());
        for parent in self.taxonomy.indexes() {
            let children = self.taxonomy.children(parent);
            let counts = &self.counts[self.offsets[parent as usize]..][..children.len()];
            let total: u64 = counts.iter().sum();
            edges.extend(children.iter().zip(counts).map(|(&child, &documents)| {
                let probability = if total == 0 {
                    0.0
                } else {
                    documents as f64 / total as f64
                };
                EdgePrior {
                    parent,
                    child,
                    documents,
                    probability,
                }
            }));
        }
        edges
    }
}

/// Edge weights from the label sets of documents; each set is sorted.
#[must_use]
pub fn edge_priors<'a>(
    taxonomy: &Taxonomy,
    label_sets: impl IntoIterator<Item = &'a [LabelIndex]>,
) -> Vec<EdgePrior> {
    let mut counts = PriorCounts::new(taxonomy);
    for labels in label_sets {
        counts.add(labels);
    }
    counts.finish()
}
