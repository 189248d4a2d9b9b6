//! Trains the classifiers of a structure: every node's children against each other's documents.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arborist_plugin_api::{Host, ModelError};
use arborist_shared::run::ProgressStep;
use rayon::prelude::*;

use crate::classifier::{Dense, NodeWeights, Sparse, Weights};
use crate::hyperparameters::Hyperparameters;
use crate::matrix::{Matrix, Part};
use crate::solver::{MAX_LANES, Settings, Solution, norms, solve};
use crate::structure::{LabelDocuments, ROOT, Structure};
use crate::tables::NONE;

/// Intercept of a label that all documents of its parent have.
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
    pub(crate) n_unfinished: usize,
}

/// What is trained on, and how.
pub(crate) struct Fit<'a> {
    pub(crate) matrix: &'a Matrix,
    pub(crate) documents: &'a LabelDocuments,
    pub(crate) structure: &'a Structure,
    pub(crate) hyperparameters: &'a Hyperparameters,
    /// Keep all weights.
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

/// The classifiers of a node's children.
struct NodeResult {
    node: u32,
    weights: NodeWeights,
    intercepts: Vec<f32>,
    n_unfinished: usize,
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
        let progress = Progress {
            fit: self,
            done: AtomicUsize::new(0),
            total: n_nodes - 1,
            shown: Mutex::new(0),
        };
        progress.show(0);
        let mut fitted = Fitted {
            weights: if self.dense {
                Weights::Dense(Dense::new(self.matrix.n_features(), n_nodes))
            } else {
                Weights::Sparse(Sparse::new(n_nodes))
            },
            intercepts: vec![0.0; n_nodes],
            n_unfinished: 0,
        };
        let inner =
            (0..n_nodes as u32).filter(|&node| self.structure.n_children[node as usize] > 0);
        let (large, small): (Vec<u32>, Vec<u32>) = inner.partition(|&node| self.is_large(node));
        for node in large {
            let result = self.fit_large(node, &progress)?;
            self.put(&mut fitted, result);
        }
        for nodes in small.chunks(NODES_TOGETHER) {
            let results: Vec<NodeResult> = nodes
                .par_iter()
                .with_max_len(1)
                .map_init(Vec::new, |renumbering, &node| {
                    self.fit_small(node, renumbering, &progress)
                })
                .collect::<Result<_, ModelError>>()?;
            for result in results {
                self.put(&mut fitted, result);
            }
        }
        if let Weights::Sparse(sparse) = &mut fitted.weights {
            sparse.shrink();
        }
        Ok(fitted)
    }

    fn put(&self, fitted: &mut Fitted, result: NodeResult) {
        let first_child = self.structure.first_children[result.node as usize];
        let first = first_child as usize;
        fitted.intercepts[first..first + result.intercepts.len()]
            .copy_from_slice(&result.intercepts);
        fitted.n_unfinished += result.n_unfinished;
        match &mut fitted.weights {
            Weights::Dense(dense) => dense.set(first_child, &result.weights),
            Weights::Sparse(sparse) => sparse.set(result.node, result.weights),
        }
    }

    /// Trains the children of a node, as many blocks at a time as there are threads.
    fn fit_large(&self, node: u32, progress: &Progress<'_>) -> Result<NodeResult, ModelError> {
        let job = self.job(node);
        let part = self.part(&job, &mut Vec::new());
        let norms = norms(&part);
        let mut result = NodeResult::new(node, job.children.len());
        for blocks in job
            .blocks(part.n_rows())
            .chunks(rayon::current_num_threads())
        {
            let solved: Vec<(Block, NodeWeights)> = blocks
                .par_iter()
                .with_max_len(1)
                .map(|children| {
                    let block = self.solve(&job, &part, &norms, children.clone())?;
                    progress.add(children.len());
                    let weights = self.prune(&block, &part);
                    Ok((block, weights))
                })
                .collect::<Result<_, ModelError>>()?;
            for (block, weights) in solved {
                result.add(&block, weights);
            }
        }
        result.add_certain(&job, part.n_rows(), progress);
        Ok(result)
    }

    /// Trains the children of a node on the current thread.
    fn fit_small(
        &self,
        node: u32,
        renumbering: &mut Vec<u32>,
        progress: &Progress<'_>,
    ) -> Result<NodeResult, ModelError> {
        let job = self.job(node);
        let part = self.part(&job, renumbering);
        let norms = norms(&part);
        let mut result = NodeResult::new(node, job.children.len());
        for children in job.blocks(part.n_rows()) {
            let block = self.solve(&job, &part, &norms, children)?;
            progress.add(block.children.len());
            let weights = self.prune(&block, &part);
            result.add(&block, weights);
        }
        result.add_certain(&job, part.n_rows(), progress);
        Ok(result)
    }

    /// Whether a node's children are shared among threads.
    fn is_large(&self, node: u32) -> bool {
        let n_documents = match self.structure.labels[node as usize] {
            NONE if node == ROOT => return true,
            // A group counts documents once for each of its labels; that only spreads it over more threads.
            NONE => self
                .structure
                .children(node)
                .map(|child| self.documents_of(child).len())
                .sum(),
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
            children: self
                .structure
                .children(node)
                .map(|child| self.documents_of(child))
                .collect(),
        }
    }

    fn part<'b>(&'b self, job: &'b Job<'_>, renumbering: &mut Vec<u32>) -> Part<'b> {
        match &job.documents {
            None => Part::whole(self.matrix),
            Some(documents) => Part::of(self.matrix, documents, renumbering),
        }
    }

    fn solve(
        &self,
        job: &Job<'_>,
        part: &Part<'_>,
        norms: &[f32],
        children: Vec<u32>,
    ) -> Result<Block, ModelError> {
        let n_rows = part.n_rows();
        let mut targets = vec![0_u16; n_rows];
        let mut cost_positive = Vec::with_capacity(children.len());
        let cost = self.hyperparameters.c;
        for (lane, &child) in children.iter().enumerate() {
            let documents = &job.children[child as usize];
            job.for_each_row(documents, |row| targets[row] |= 1 << lane);
            let with = documents.len() as f64;
            let without = (n_rows as f64 - with).max(0.0);
            cost_positive
                .push((cost * (without / with).max(1.0).powf(self.hyperparameters.balance)) as f32);
        }
        let settings = Settings {
            cost_positive,
            cost_negative: cost as f32,
            tolerance: self.hyperparameters.tolerance,
            epochs: self.hyperparameters.epochs,
            seed: self.seed,
        };
        let stop = || self.host.is_cancelled();
        let solution = solve(
            self.hyperparameters.classifier,
            part,
            norms,
            &targets,
            &settings,
            &stop,
        );
        let solution = solution.map_err(|_| ModelError::Cancelled)?;
        Ok(Block { children, solution })
    }

    /// The weights that matter, with the features of the whole matrix.
    fn prune(&self, block: &Block, part: &Part<'_>) -> NodeWeights {
        let solution = &block.solution;
        let mut floors = vec![0.0_f32; solution.lanes];
        for weights in solution.weights.chunks_exact(solution.lanes) {
            for (floor, weight) in floors.iter_mut().zip(weights) {
                *floor = floor.max(weight.abs());
            }
        }
        for floor in &mut floors {
            *floor *= if self.dense {
                0.0
            } else {
                self.hyperparameters.prune
            };
        }
        let mut kept = NodeWeights::default();
        for (feature, weights) in solution.weights.chunks_exact(solution.lanes).enumerate() {
            for ((&child, &weight), &floor) in block.children.iter().zip(weights).zip(&floors) {
                if weight != 0.0 && weight.abs() >= floor {
                    kept.push(part.feature(feature as u32), child, weight);
                }
            }
        }
        kept
    }
}

impl NodeResult {
    fn new(node: u32, n_children: usize) -> Self {
        Self {
            node,
            weights: NodeWeights::default(),
            intercepts: vec![0.0; n_children],
            n_unfinished: 0,
        }
    }

    fn add(&mut self, block: &Block, weights: NodeWeights) {
        self.weights.append(weights);
        self.n_unfinished += block.solution.n_unfinished;
        for (&child, &intercept) in block.children.iter().zip(&block.solution.intercepts) {
            self.intercepts[child as usize] = intercept;
        }
    }

    /// Children that all documents of their node have need no classifier.
    fn add_certain(&mut self, job: &Job<'_>, n_rows: usize, progress: &Progress<'_>) {
        for (documents, intercept) in job.children.iter().zip(&mut self.intercepts) {
            if documents.len() == n_rows {
                *intercept = CERTAIN;
                progress.add(1);
            }
        }
    }
}

impl Job<'_> {
    /// The children in blocks, those with most documents first: like ones take equally many epochs.
    fn blocks(&self, n_rows: usize) -> Vec<Vec<u32>> {
        let mut children: Vec<u32> = (0..self.children.len() as u32)
            .filter(|&child| self.children[child as usize].len() < n_rows)
            .collect();
        children.sort_by_key(|&child| std::cmp::Reverse(self.children[child as usize].len()));
        children.chunks(MAX_LANES).map(<[u32]>::to_vec).collect()
    }

    /// Calls `found` with the row of every one of these documents that the node has.
    fn for_each_row(&self, documents: &[u32], mut found: impl FnMut(usize)) {
        let Some(own) = &self.documents else {
            documents
                .iter()
                .for_each(|&document| found(document as usize));
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

impl Progress<'_> {
    fn add(&self, n_labels: usize) {
        let done = self.done.fetch_add(n_labels, Ordering::Relaxed) + n_labels;
        self.show(done);
    }

    /// Reports at most a few hundred times.
    fn show(&self, done: usize) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        if done > 0 && done < self.total && done < *shown + (self.total / 200).max(1) {
            return;
        }
        *shown = done.max(*shown);
        let mut steps = self.fit.steps.clone();
        steps.push(ProgressStep {
            name: "labels".to_owned(),
            current: *shown as u64,
            total: self.total as u64,
        });
        self.fit.host.progress(steps);
    }
}
