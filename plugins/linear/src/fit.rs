//! Trains the classifiers of a structure: every node's children against each other's documents.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arborist_plugin_api::{Host, ModelError};
use arborist_shared::run::ProgressStep;
use rayon::prelude::*;

use crate::classifier::{NodeWeights, Sparse, Weights};
use crate::hyperparameters::{Classifier as Kind, Hyperparameters};
use crate::matrix::{Matrix, Part};
use crate::solver::{LANES, Logistic, Settings, Solution, SquaredHinge, norms, solve};
use crate::structure::{LabelDocuments, ROOT, Structure};
use crate::tables::NONE;

/// Margin of a label that all documents of its parent have.
const CERTAIN: f32 = 1e3;
/// Nodes with more documents than this share their children among threads; others are trained by one thread each.
const DOCUMENTS_OF_ONE_THREAD: usize = 20_000;
/// Nodes that are trained before their weights are put in place.
const NODES_TOGETHER: usize = 256;

/// The classifiers of a structure.
pub(crate) struct Fitted {
    pub(crate) weights: Weights,
    pub(crate) intercepts: Vec<f32>,
    /// Labels that did not reach the tolerance.
    pub(crate) unfinished: usize,
}

/// What is trained on, and how.
pub(crate) struct Fit<'a> {
    pub(crate) matrix: &'a Matrix,
    pub(crate) documents: &'a LabelDocuments,
    pub(crate) structure: &'a Structure,
    pub(crate) hyperparameters: &'a Hyperparameters,
    /// Keep all weights of a flat structure.
    pub(crate) dense: bool,
    pub(crate) seed: u64,
    pub(crate) host: Host<'a>,
    /// Steps to show around this one.
    pub(crate) steps: Vec<ProgressStep>,
}

/// Progress over all nodes.
struct Progress<'a> {
    fit: &'a Fit<'a>,
    done: AtomicUsize,
    total: usize,
    shown: Mutex<usize>,
}

/// A node's documents and those of its children.
struct Job<'a> {
    /// All, if none.
    documents: Option<Cow<'a, [u32]>>,
    children: Vec<Cow<'a, [u32]>>,
}

/// A block of children, trained.
struct Block {
    /// Positions among the node's children.
    children: Vec<u32>,
    solution: Solution,
}

impl Fit<'_> {
    /// Trains everything, on the current thread pool.
    pub(crate) fn run(&self) -> Result<Fitted, ModelError> {
        let n_nodes = self.structure.len();
        let progress = Progress { fit: self, done: AtomicUsize::new(0), total: n_nodes - 1, shown: Mutex::new(0) };
        progress.show(0);
        let mut intercepts = vec![0.0; n_nodes];
        let mut unfinished = 0;
        if self.dense {
            let n_children = n_nodes - 1;
            let mut values = vec![0.0; self.matrix.n_features() * n_children];
            let job = self.job(ROOT);
            let part = Part::whole(self.matrix);
            self.solve_in_waves(&job, &part, &progress, |blocks| {
                values.par_chunks_mut(n_children.max(1)).enumerate().for_each(|(feature, row)| {
                    for block in &blocks {
                        for (&child, &weight) in block.children.iter().zip(&block.solution.weights[feature]) {
                            row[child as usize] = weight;
                        }
                    }
                });
                for block in &blocks {
                    unfinished += block.solution.unfinished;
                    for (&child, &intercept) in block.children.iter().zip(&block.solution.intercepts) {
                        intercepts[1 + child as usize] = intercept;
                    }
                }
            })?;
            return Ok(Fitted { weights: Weights::Dense { n_children, values }, intercepts, unfinished });
        }

        let mut sparse = Sparse::new(n_nodes);
        let mut put = |node: u32, weights: NodeWeights, node_intercepts: Vec<f32>| {
            let first = self.structure.first_children[node as usize] as usize;
            intercepts[first..first + node_intercepts.len()].copy_from_slice(&node_intercepts);
            sparse.set(node, weights);
        };
        let inner = (0..n_nodes as u32).filter(|&node| self.structure.n_children[node as usize] > 0);
        let (large, small): (Vec<u32>, Vec<u32>) = inner.partition(|&node| self.is_large(node));
        for node in large {
            let job = self.job(node);
            let part = self.part(&job, &mut Vec::new());
            let mut weights = NodeWeights::default();
            let mut node_intercepts = vec![0.0; job.children.len()];
            self.solve_in_waves(&job, &part, &progress, |blocks| {
                let pruned: Vec<NodeWeights> = blocks.par_iter().map(|block| self.prune(block, &part)).collect();
                for (block, pruned) in blocks.iter().zip(pruned) {
                    unfinished += block.solution.unfinished;
                    block.intercepts(&mut node_intercepts);
                    weights.append(pruned);
                }
            })?;
            if !self.structure.is_flat() {
                self.certain(&job, part.n_rows(), &progress, &mut node_intercepts);
            }
            put(node, weights, node_intercepts);
        }
        for nodes in small.chunks(NODES_TOGETHER) {
            let results: Vec<_> = nodes
                .par_iter()
                .with_max_len(1)
                .map_init(Vec::new, |renumbering, &node| {
                    let job = self.job(node);
                    let part = self.part(&job, renumbering);
                    let norms = norms(&part);
                    let mut weights = NodeWeights::default();
                    let mut node_intercepts = vec![0.0; job.children.len()];
                    let mut unfinished = 0;
                    for children in job.blocks(part.n_rows(), true) {
                        let block = self.solve(&job, &part, &norms, children)?;
                        progress.add(block.children.len());
                        block.intercepts(&mut node_intercepts);
                        unfinished += block.solution.unfinished;
                        weights.append(self.prune(&block, &part));
                    }
                    self.certain(&job, part.n_rows(), &progress, &mut node_intercepts);
                    Ok((node, weights, node_intercepts, unfinished))
                })
                .collect::<Result<_, ModelError>>()?;
            for (node, weights, node_intercepts, node_unfinished) in results {
                unfinished += node_unfinished;
                put(node, weights, node_intercepts);
            }
        }
        sparse.shrink();
        Ok(Fitted { weights: Weights::Sparse(sparse), intercepts, unfinished })
    }

    /// Whether a node's children are shared among threads.
    fn is_large(&self, node: u32) -> bool {
        let n_documents = match self.structure.labels[node as usize] {
            NONE if node == ROOT => return true,
            // A group counts documents once for each of its labels; that only spreads it over more threads.
            NONE => self.structure.children(node).map(|child| self.documents_of(child).len()).sum(),
            label => self.documents.of(label).len(),
        };
        n_documents > DOCUMENTS_OF_ONE_THREAD
    }

    fn documents_of(&self, node: u32) -> Cow<'_, [u32]> {
        match self.structure.labels[node as usize] {
            NONE => Cow::Owned(self.structure.group_documents(node, self.documents)),
            label => Cow::Borrowed(self.documents.of(label)),
        }
    }

    fn job(&self, node: u32) -> Job<'_> {
        Job {
            documents: (node != ROOT).then(|| self.documents_of(node)),
            children: self.structure.children(node).map(|child| self.documents_of(child)).collect(),
        }
    }

    fn part<'b>(&'b self, job: &'b Job<'_>, renumbering: &mut Vec<u32>) -> Part<'b> {
        match &job.documents {
            None => Part::whole(self.matrix),
            Some(documents) => Part::of(self.matrix, documents, renumbering),
        }
    }

    /// Trains the children of a node, some blocks at a time, each by one thread.
    fn solve_in_waves(
        &self,
        job: &Job<'_>,
        part: &Part<'_>,
        progress: &Progress<'_>,
        mut done: impl FnMut(Vec<Block>),
    ) -> Result<(), ModelError> {
        let norms = norms(part);
        let blocks = job.blocks(part.n_rows(), !self.structure.is_flat());
        for wave in blocks.chunks(rayon::current_num_threads()) {
            let solved: Vec<Block> = wave
                .par_iter()
                .with_max_len(1)
                .map(|children| {
                    let block = self.solve(job, part, &norms, children.clone());
                    progress.add(children.len());
                    block
                })
                .collect::<Result<_, ModelError>>()?;
            done(solved);
        }
        Ok(())
    }

    fn solve(&self, job: &Job<'_>, part: &Part<'_>, norms: &[f32], children: Vec<u32>) -> Result<Block, ModelError> {
        let n_rows = part.n_rows();
        let mut targets = vec![0_u32; n_rows];
        let mut cost_positive = [1.0; LANES];
        let cost = self.hyperparameters.c;
        for (lane, &child) in children.iter().enumerate() {
            let documents = &job.children[child as usize];
            job.for_each_row(documents, |row| targets[row] |= 1 << lane);
            let with = documents.len() as f64;
            let without = (n_rows as f64 - with).max(0.0);
            cost_positive[lane] = (cost * (without / with).max(1.0).powf(self.hyperparameters.balance)) as f32;
        }
        let settings = Settings {
            cost_positive,
            cost_negative: [cost as f32; LANES],
            tolerance: self.hyperparameters.tolerance,
            epochs: self.hyperparameters.epochs,
            seed: self.seed,
        };
        let stop = || self.host.is_cancelled();
        let solution = match self.hyperparameters.classifier {
            Kind::Svm => solve::<SquaredHinge>(part, norms, &targets, children.len(), &settings, &stop),
            Kind::Logistic => solve::<Logistic>(part, norms, &targets, children.len(), &settings, &stop),
        };
        let solution = solution.map_err(|_| ModelError::Cancelled)?;
        Ok(Block { children, solution })
    }

    /// The weights that matter, with the features of the whole matrix.
    fn prune(&self, block: &Block, part: &Part<'_>) -> NodeWeights {
        let mut floors = [0.0_f32; LANES];
        for weights in &block.solution.weights {
            for lane in 0..LANES {
                floors[lane] = floors[lane].max(weights[lane].abs());
            }
        }
        for floor in &mut floors {
            *floor *= self.hyperparameters.prune;
        }
        let mut kept = NodeWeights::default();
        for (feature, weights) in block.solution.weights.iter().enumerate() {
            for (lane, &child) in block.children.iter().enumerate() {
                let weight = weights[lane];
                if weight != 0.0 && weight.abs() >= floors[lane] {
                    kept.push(part.feature(feature as u32), child, weight);
                }
            }
        }
        kept
    }

    /// Intercepts of the children that all documents of their node have.
    fn certain(&self, job: &Job<'_>, n_rows: usize, progress: &Progress<'_>, intercepts: &mut [f32]) {
        for (child, documents) in job.children.iter().enumerate() {
            if documents.len() == n_rows {
                intercepts[child] = CERTAIN;
                progress.add(1);
            }
        }
    }
}

impl Job<'_> {
    /// The children in blocks, those with most documents first: like ones take equally many epochs.
    fn blocks(&self, n_rows: usize, without_certain: bool) -> Vec<Vec<u32>> {
        let mut children: Vec<u32> = (0..self.children.len() as u32)
            .filter(|&child| !without_certain || self.children[child as usize].len() < n_rows)
            .collect();
        children.sort_by_key(|&child| std::cmp::Reverse(self.children[child as usize].len()));
        children.chunks(LANES).map(<[u32]>::to_vec).collect()
    }

    /// Calls `found` with the row of every one of these documents that the node has.
    fn for_each_row(&self, documents: &[u32], mut found: impl FnMut(usize)) {
        let Some(own) = &self.documents else {
            documents.iter().for_each(|&document| found(document as usize));
            return;
        };
        let mut row = 0;
        for &document in documents {
            while own.get(row).is_some_and(|&other| other < document) {
                row += 1;
            }
            if own.get(row) == Some(&document) {
                found(row);
            }
        }
    }
}

impl Block {
    fn intercepts(&self, intercepts: &mut [f32]) {
        for (&child, &intercept) in self.children.iter().zip(&self.solution.intercepts) {
            intercepts[child as usize] = intercept;
        }
    }
}

impl Progress<'_> {
    fn add(&self, n_labels: usize) {
        let done = self.done.fetch_add(n_labels, Ordering::Relaxed) + n_labels;
        self.show(done);
    }

    /// Reports at most a few hundred times.
    fn show(&self, done: usize) {
        let Ok(mut shown) = self.shown.lock() else { return };
        if done > 0 && done < self.total && done < *shown + (self.total / 200).max(1) {
            return;
        }
        *shown = done.max(*shown);
        let mut steps = self.fit.steps.clone();
        steps.push(ProgressStep { name: "labels".to_owned(), current: *shown as u64, total: self.total as u64 });
        self.fit.host.progress(steps);
    }
}
