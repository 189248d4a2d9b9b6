//! The one training loop of all methods.
//!
//! A method is a [`Trainable`]: losses of a batch, scores of a batch. The loop deals batches, walks back, updates,
//! evaluates after each epoch, keeps the best checkpoint, stops when nothing improves, reports, and writes a state
//! from which an interrupted training goes on. Everything random is a function of (seed, stage, step), so a
//! training that was interrupted ends with the same bits as one that was not, at the same number of threads.

mod evaluation;
mod plan;
mod report;
mod run;
mod state;
#[cfg(test)]
mod tests;

use arborist_plugin_api::{Host, LabelIndex};
use tch::Tensor;

pub(crate) use self::evaluation::{Split, evaluate_with};
pub use self::evaluation::{Validation, evaluate};
pub use self::plan::{BadEpoch, Plan, Select};
use self::run::Run;
use crate::batch::{Batch, EncodedDocuments};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::{Moment, Pass};

/// Name of the selected weights in a checkpoint directory.
pub const MODEL_FILE: &str = "model.safetensors";

/// The loss of a batch.
pub struct Losses {
    /// What is minimized, a scalar.
    pub total: Tensor,
    /// Its parts by name, scalars, for the curves.
    pub terms: Vec<(&'static str, Tensor)>,
}

/// What a model says about a batch, rows in the batch's order.
pub struct Predicted {
    /// `[documents, n_labels]`, each from 0 to 1.
    pub scores: Tensor,
    /// Label sets, where the method decides in its own way.
    pub decided: Option<Vec<Vec<LabelIndex>>>,
}

/// A model that the loop can train.
pub trait Trainable {
    /// All tensors of the model.
    fn parameters(&self) -> &Parameters;

    /// Number of labels: width of [`Predicted::scores`].
    fn n_labels(&self) -> usize;

    /// Losses of a batch. Hand-written blocks are recorded on `pass`.
    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses;

    /// Scores of a batch, called without gradients.
    fn predict(&self, batch: &Batch) -> Predicted;

    /// Called before each step, for what changes in the course of training.
    ///
    /// # Errors
    /// Whatever makes the training fail.
    fn before_step(&mut self, moment: Moment) -> Result<(), KitError> {
        let _ = moment;
        Ok(())
    }

    /// Called before the model is evaluated: the place to compute once what all batches share.
    fn before_evaluation(&mut self) {}
}

/// What a training amounted to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub epochs: u32,
    pub updates: u64,
    /// Time spent on training steps, without evaluation.
    pub train_seconds: f64,
    pub documents_per_second: f64,
    /// Scores of the kept checkpoint.
    pub best: Option<Validation>,
    /// Epoch of the kept checkpoint.
    pub best_epoch: u32,
}

/// Trains `model` as `plan` says. On return the model holds the kept weights, and [`MODEL_FILE`] in the checkpoint has them.
///
/// # Errors
/// [`KitError::Cancelled`] when the host asked to stop, [`KitError::Diverged`] when the loss is not a number any more,
/// and errors of files.
pub fn train<M: Trainable>(
    model: &mut M,
    train: &EncodedDocuments,
    validation: Option<&EncodedDocuments>,
    plan: &Plan,
    host: &Host<'_>,
) -> Result<Summary, KitError> {
    if train.is_empty() {
        return Err(KitError::Input(
            "the training split has no documents".to_owned(),
        ));
    }
    let mut run = Run::start(model, train, validation, plan, host)?;
    while !run.is_done() {
        run.epoch()?;
    }
    run.finish()
}

pub(crate) fn host_check(host: &Host<'_>) -> Result<(), KitError> {
    if host.is_cancelled() {
        Err(KitError::Cancelled)
    } else {
        Ok(())
    }
}
