//! A trained model in memory: vocabulary, structure, weights; and how it scores a document.

mod evidence;
mod weights;

use arborist_plugin_api::Scores;
use rayon::prelude::*;

pub(crate) use weights::{Dense, NodeWeights, Sparse, Weights};

use crate::calibration::Slopes;
use crate::matrix::Row;
use crate::structure::{ROOT, Structure};
use crate::tables::NONE;
use crate::vocabulary::{Scratch, Vocabulary};

/// One linear classifier per node of a structure.
#[derive(Clone, Debug)]
pub(crate) struct Classifier {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) structure: Structure,
    pub(crate) weights: Weights,
    /// Of each node; the root's is not used.
    pub(crate) intercepts: Vec<f32>,
    /// Of each node; the root's are not used.
    pub(crate) slopes: Vec<Slopes>,
    /// Labels of the taxonomy.
    pub(crate) n_labels: usize,
    pub(crate) beam: usize,
}

/// Sparse scores leave out labels that score below, except for the best.
const SPARSE_FLOOR: f32 = 0.005;
/// Labels that a sparse row has in any case.
const SPARSE_TOP: usize = 64;
/// Where the beam is used, children of nodes that score below are not looked at.
const BEAM_FLOOR: f32 = 0.005;
/// Texts per unit of parallel work.
const TEXTS_PER_UNIT: usize = 32;

/// Room for the work on one document.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    scratch: Scratch,
    margins: Vec<f32>,
    found: Vec<Found>,
    frontier: Vec<Found>,
    next: Vec<Found>,
}

/// What is known of a node for a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) node: u32,
    /// The smallest margin on the way from the root: above 0 exactly when every classifier on the way says yes.
    pub(crate) path_margin: f32,
    /// Above .5 exactly when the path margin is above 0; never above the parent's.
    pub(crate) score: f32,
}

impl Found {
    const ROOT: Self = Self {
        node: ROOT,
        path_margin: f32::INFINITY,
        score: 1.0,
    };
}

impl Classifier {
    /// Scores of texts: sparse rows for taxonomies of more than `max_dense_labels` labels. Labels without training
    /// documents score 0.
    pub(crate) fn scores(&self, texts: &[&str], max_dense_labels: usize) -> Scores {
        if self.n_labels <= max_dense_labels {
            let width = self.n_labels.max(1);
            let mut values = vec![0.0; texts.len() * self.n_labels];
            values
                .par_chunks_mut(width * TEXTS_PER_UNIT)
                .zip(texts.par_chunks(TEXTS_PER_UNIT))
                .for_each_init(Workspace::default, |workspace, (rows, texts)| {
                    for (row, text) in rows.chunks_mut(width).zip(texts) {
                        for (label, score) in self.label_scores(self.find_in_text(text, workspace))
                        {
                            row[label as usize] = score;
                        }
                    }
                });
            return Scores::Dense {
                n_labels: self.n_labels,
                values,
            };
        }
        let rows: Vec<Vec<(u32, f32)>> = texts
            .par_chunks(TEXTS_PER_UNIT)
            .map_init(Workspace::default, |workspace, texts| {
                texts
                    .iter()
                    .map(|text| self.sparse_row(text, workspace))
                    .collect::<Vec<_>>()
            })
            .flatten_iter()
            .collect();
        let mut offsets = vec![0];
        let mut labels = Vec::new();
        let mut values = Vec::new();
        for row in rows {
            for (label, score) in row {
                labels.push(label);
                values.push(score);
            }
            offsets.push(labels.len() as u64);
        }
        Scores::Sparse {
            offsets,
            labels,
            values,
        }
    }

    fn sparse_row(&self, text: &str, workspace: &mut Workspace) -> Vec<(u32, f32)> {
        let mut row: Vec<(u32, f32)> = self
            .label_scores(self.find_in_text(text, workspace))
            .collect();
        if row.len() > SPARSE_TOP {
            row.sort_unstable_by(|left, right| {
                right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
            });
            let kept = row.partition_point(|&(_, score)| score > SPARSE_FLOOR);
            row.truncate(kept.max(SPARSE_TOP));
        }
        row
    }

    /// Labels and their scores, without groups.
    pub(crate) fn label_scores(&self, found: &[Found]) -> impl Iterator<Item = (u32, f32)> {
        found
            .iter()
            .map(|found| (self.structure.labels[found.node as usize], found.score))
            .filter(|&(label, _)| label != NONE)
    }

    fn find_in_text<'w>(&self, text: &str, workspace: &'w mut Workspace) -> &'w [Found] {
        let mut scratch = std::mem::take(&mut workspace.scratch);
        self.vocabulary.vector(text, &mut scratch);
        self.find(
            Row {
                features: &scratch.features,
                values: &scratch.values,
            },
            workspace,
        );
        workspace.scratch = scratch;
        &workspace.found
    }

    /// What a document's nodes score. With sparse weights only nodes below likely ones are looked at.
    pub(crate) fn find<'w>(&self, document: Row<'_>, workspace: &'w mut Workspace) -> &'w [Found] {
        workspace.found.clear();
        match &self.weights {
            Weights::Dense(dense) => self.find_everywhere(dense, document, workspace),
            Weights::Sparse(sparse) => self.find_likely(sparse, document, workspace),
        }
        &workspace.found
    }

    fn find_everywhere(&self, dense: &Dense, document: Row<'_>, workspace: &mut Workspace) {
        let Workspace { margins, found, .. } = workspace;
        margins.clear();
        margins.extend_from_slice(&self.intercepts);
        dense.add_products(document, margins);
        found.push(Found::ROOT);
        for node in 0..self.structure.len() {
            let parent = found[node];
            // Breadth first: children are appended in order of their numbers.
            for child in self.structure.children(node as u32) {
                found.push(self.below(parent, child, margins[child as usize]));
            }
        }
        found.remove(0);
    }

    fn find_likely(&self, sparse: &Sparse, document: Row<'_>, workspace: &mut Workspace) {
        let Workspace {
            margins,
            found,
            frontier,
            next,
            ..
        } = workspace;
        frontier.clear();
        frontier.push(Found::ROOT);
        while !frontier.is_empty() {
            next.clear();
            for &parent in frontier.iter() {
                let children = self.structure.children(parent.node);
                margins.clear();
                margins.extend_from_slice(
                    &self.intercepts[children.start as usize..children.end as usize],
                );
                sparse.add_products(parent.node, document, margins);
                for (node, &margin) in children.zip(margins.iter()) {
                    let child = self.below(parent, node, margin);
                    found.push(child);
                    if child.score > BEAM_FLOOR && self.structure.n_children[node as usize] > 0 {
                        next.push(child);
                    }
                }
            }
            if next.len() > self.beam {
                next.select_nth_unstable_by(self.beam - 1, |left, right| {
                    right
                        .score
                        .total_cmp(&left.score)
                        .then(left.node.cmp(&right.node))
                });
                next.truncate(self.beam);
            }
            std::mem::swap(frontier, next);
        }
    }

    fn below(&self, parent: Found, node: u32, margin: f32) -> Found {
        let path_margin = margin.min(parent.path_margin);
        let score = self.slopes[node as usize]
            .score(path_margin)
            .min(parent.score);
        Found {
            node,
            path_margin,
            score,
        }
    }
}
