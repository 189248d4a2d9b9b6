//! A trained model in memory: vocabulary, structure, weights; and how it scores a document.

mod weights;

use arborist_plugin_api::Scores;
use rayon::prelude::*;

pub(crate) use weights::{NodeWeights, Sparse, Weights};

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

/// Flat models with more labels than this answer with sparse scores.
const MAX_DENSE_LABELS: usize = 4096;
/// Sparse answers leave out labels that score below, except for the best.
const SPARSE_FLOOR: f32 = 0.005;
/// Labels that a sparse answer has in any case.
const SPARSE_TOP: usize = 64;
/// Children of nodes that score below are not looked at.
const BEAM_FLOOR: f32 = 0.005;
/// Texts per unit of parallel work.
const TEXTS_PER_UNIT: usize = 32;

/// Room for the work on one document.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    scratch: Scratch,
    margins: Vec<f32>,
    found: Vec<(u32, f32)>,
    frontier: Vec<(u32, f32)>,
    next: Vec<(u32, f32)>,
}

impl Classifier {
    /// Whether [`scores`](Self::scores) gives dense rows.
    fn is_dense(&self) -> bool {
        self.structure.is_flat() && self.n_labels <= MAX_DENSE_LABELS
    }

    /// Scores of texts. Labels without training documents score 0.
    pub(crate) fn scores(&self, texts: &[&str]) -> Scores {
        if self.is_dense() {
            let mut values = vec![0.0; texts.len() * self.n_labels];
            values
                .par_chunks_mut(self.n_labels.max(1) * TEXTS_PER_UNIT)
                .zip(texts.par_chunks(TEXTS_PER_UNIT))
                .for_each_init(Workspace::default, |workspace, (rows, texts)| {
                    for (row, text) in rows.chunks_mut(self.n_labels.max(1)).zip(texts) {
                        self.score_flat(text, workspace, row);
                    }
                });
            return Scores::Dense { n_labels: self.n_labels, values };
        }
        let rows: Vec<Vec<(u32, f32)>> = texts
            .par_iter()
            .with_min_len(TEXTS_PER_UNIT.min(texts.len() / rayon::current_num_threads().max(1) + 1))
            .map_init(Workspace::default, |workspace, text| {
                let mut scratch = std::mem::take(&mut workspace.scratch);
                self.vocabulary.vector(text, &mut scratch);
                let row = self.score_vector(Row { features: &scratch.features, values: &scratch.values }, workspace);
                workspace.scratch = scratch;
                row
            })
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
        Scores::Sparse { offsets, labels, values }
    }

    fn score_flat(&self, text: &str, workspace: &mut Workspace, row: &mut [f32]) {
        let Workspace { scratch, margins, .. } = workspace;
        self.vocabulary.vector(text, scratch);
        self.margins(ROOT, Row { features: &scratch.features, values: &scratch.values }, margins);
        for (node, &margin) in self.structure.children(ROOT).zip(margins.iter()) {
            row[self.structure.labels[node as usize] as usize] = self.slopes[node as usize].score(margin);
        }
    }

    /// Labels of a document with their scores, best or all; labels that are not there score 0.
    pub(crate) fn score_vector(&self, document: Row<'_>, workspace: &mut Workspace) -> Vec<(u32, f32)> {
        self.score_tree(document, workspace)
    }

    /// Goes down the tree, level by level, through the most likely nodes. A label's score is the product of the scores
    /// along its path.
    fn score_tree(&self, document: Row<'_>, workspace: &mut Workspace) -> Vec<(u32, f32)> {
        let Workspace { margins, found, frontier, next, .. } = workspace;
        found.clear();
        frontier.clear();
        frontier.push((ROOT, 1.0));
        while !frontier.is_empty() {
            next.clear();
            for &(node, parent_score) in frontier.iter() {
                self.margins(node, document, margins);
                for (child, &margin) in self.structure.children(node).zip(margins.iter()) {
                    let score = parent_score * self.slopes[child as usize].score(margin);
                    let label = self.structure.labels[child as usize];
                    if label != NONE {
                        found.push((label, score));
                    }
                    if score > BEAM_FLOOR && self.structure.n_children[child as usize] > 0 {
                        next.push((child, score));
                    }
                }
            }
            if next.len() > self.beam {
                next.select_nth_unstable_by(self.beam - 1, best_first);
                next.truncate(self.beam);
            }
            std::mem::swap(frontier, next);
        }
        if found.len() > SPARSE_TOP {
            found.select_nth_unstable_by(SPARSE_TOP - 1, best_first);
            let mut place = 0;
            found.retain(|&(_, score)| {
                place += 1;
                place <= SPARSE_TOP || score > SPARSE_FLOOR
            });
        }
        found.clone()
    }

    /// Margins of a node's children.
    pub(crate) fn margins(&self, node: u32, document: Row<'_>, margins: &mut Vec<f32>) {
        let children = self.structure.children(node);
        margins.clear();
        margins.extend_from_slice(&self.intercepts[children.start as usize..children.end as usize]);
        self.weights.add_products(node, document, margins);
    }
}

fn best_first(left: &(u32, f32), right: &(u32, f32)) -> std::cmp::Ordering {
    right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
}
