//! The one training loop of all methods.
//!
//! A method is a [`Trainable`]: losses of a batch, scores of a batch. The loop deals batches, walks back, updates,
//! evaluates after each epoch, keeps the best checkpoint, stops when nothing improves, reports, and writes a state
//! from which an interrupted training goes on. Everything random is a function of (seed, stage, step), so a
//! training that was interrupted ends with the same bits as one that was not, at the same number of threads.

mod evaluation;
mod report;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arborist_plugin_api::{Host, LabelIndex};
use arborist_shared::run::RunEvent;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub use self::evaluation::{Validation, evaluate};
use self::report::Reporter;
use self::state::{Position, StateFiles};
use crate::batch::{Batch, Dealing, EncodedDocuments, deal};
use crate::cpu::noise::Noise;
use crate::cpu::parallel;
use crate::error::KitError;
use crate::files::Durability;
use crate::optimizer::{AdamOptions, Optimizer};
use crate::parameters::Parameters;
use crate::pass::{Moment, Pass};
use crate::process::peak_memory_bytes;
use crate::schedule::Schedule;

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

/// The validation score that names the checkpoint to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    #[default]
    MacroF1,
    MicroF1,
}

/// When training stops before its last epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadEpoch {
    /// The selected score did not rise.
    #[default]
    NotBetter,
    /// Both scores are strictly below their bests (METHODS 1.10).
    BothWorse,
    /// Micro- or macro-F1 did not rise (METHODS 5.5).
    EitherNotBetter,
}

/// How a stage is trained.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the stage, for reports and files.
    pub stage: &'static str,
    /// Number of the stage, for randomness.
    pub stage_number: u64,
    pub seed: u64,
    pub epochs: u32,
    /// Documents of a forward pass.
    pub batch_size: usize,
    /// Forward passes of an update.
    pub accumulate: usize,
    pub dealing: Dealing,
    pub optimizer: AdamOptions,
    pub schedule: Schedule,
    /// Bad epochs in a row after which training stops; 0 = never.
    pub patience: u32,
    pub bad_epoch: BadEpoch,
    pub select: Select,
    pub threshold: f32,
    /// Evaluates within an epoch as well, after this many updates.
    pub evaluate_every: Option<u64>,
    /// Directory of the checkpoint.
    pub checkpoint: PathBuf,
    /// Says what was asked for; a state of another request is not taken up.
    pub fingerprint: String,
    /// Time between two states to resume from. Writing never takes more than a fiftieth of the training.
    pub state_interval: Duration,
}

impl Plan {
    /// Updates of an epoch over `documents` documents.
    #[must_use]
    pub fn updates_per_epoch(documents: usize, batch_size: usize, accumulate: usize) -> u64 {
        documents
            .div_ceil(batch_size.max(1))
            .div_ceil(accumulate.max(1)) as u64
    }
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
    while run.position.epoch < plan.epochs && !run.position.stopped {
        run.epoch()?;
    }
    run.finish()
}

struct Run<'a, M> {
    model: &'a mut M,
    train: &'a EncodedDocuments,
    validation: Option<&'a EncodedDocuments>,
    plan: &'a Plan,
    host: &'a Host<'a>,
    optimizer: Optimizer,
    position: Position,
    files: StateFiles,
    reporter: Reporter,
    /// Sums of the loss terms since the last report.
    sums: BTreeMap<&'static str, Tensor>,
    summed: u32,
}

impl<'a, M: Trainable> Run<'a, M> {
    fn start(
        model: &'a mut M,
        train: &'a EncodedDocuments,
        validation: Option<&'a EncodedDocuments>,
        plan: &'a Plan,
        host: &'a Host<'a>,
    ) -> Result<Self, KitError> {
        host_check(host)?;
        let mut optimizer = Optimizer::new(model.parameters(), plan.optimizer);
        let files = StateFiles::new(&plan.checkpoint, plan.stage, plan.state_interval);
        let fingerprint = format!(
            "{} threads={} documents={}",
            plan.fingerprint,
            parallel::threads(),
            train.len()
        );
        let position = match files.load(&fingerprint, model.parameters(), &mut optimizer)? {
            Some(position) => {
                host.info(format!(
                    "going on with {} after epoch {}, step {}",
                    plan.stage, position.epoch, position.passes
                ));
                position
            }
            None => Position {
                fingerprint,
                ..Position::default()
            },
        };
        Ok(Self {
            model,
            train,
            validation,
            plan,
            host,
            optimizer,
            position,
            files,
            reporter: Reporter::default(),
            sums: BTreeMap::new(),
            summed: 0,
        })
    }

    /// Trains from the current position to the end of its epoch, and evaluates.
    fn epoch(&mut self) -> Result<(), KitError> {
        let plan = self.plan;
        let noise = Noise::new(
            plan.seed,
            plan.stage_number,
            u64::from(self.position.epoch),
            u64::MAX - 1,
        );
        let batches = deal(self.train, plan.batch_size, plan.dealing, noise);
        let groups = parallel::threads();
        self.reporter.begin_epoch(&self.position);
        let updates: Vec<&[Vec<usize>]> = batches.chunks(plan.accumulate.max(1)).collect();
        while let Some(batches) = updates.get(self.position.updates_in_epoch as usize) {
            if let Err(error) = host_check(self.host) {
                self.files.save_before_leaving(
                    &mut self.position,
                    self.model.parameters(),
                    &self.optimizer,
                )?;
                return Err(error);
            }
            let started = Instant::now();
            self.update(batches, groups)?;
            let documents: usize = batches.iter().map(Vec::len).sum();
            self.reporter.count(documents, started.elapsed());
            self.position.documents += documents as u64;
            self.position.train_seconds += started.elapsed().as_secs_f64();
            self.position.updates_in_epoch += 1;
            self.report_step(updates.len())?;
            let at_end = self.position.updates_in_epoch as usize == updates.len();
            if !at_end
                && plan
                    .evaluate_every
                    .is_some_and(|every| self.position.updates.is_multiple_of(every.max(1)))
            {
                self.evaluate(Part::Within)?;
            }
            if !at_end && self.files.due() {
                self.files
                    .save(&mut self.position, self.model.parameters(), &self.optimizer)?;
            }
        }
        self.position.epoch += 1;
        self.position.updates_in_epoch = 0;
        self.evaluate(Part::End)?;
        if self.files.due() && self.position.epoch < plan.epochs && !self.position.stopped {
            self.files
                .save(&mut self.position, self.model.parameters(), &self.optimizer)?;
        }
        Ok(())
    }

    /// One update from one or several batches.
    fn update(&mut self, batches: &[Vec<usize>], groups: usize) -> Result<(), KitError> {
        let plan = self.plan;
        let mut sums: Option<Vec<Option<Tensor>>> = None;
        for documents in batches {
            let moment = Moment {
                seed: plan.seed,
                stage: plan.stage_number,
                step: self.position.passes,
            };
            self.model.before_step(moment)?;
            let pass = Pass::training(moment);
            let batch = Batch::new(self.train, documents, groups);
            let losses = self.model.losses(&batch, &pass);
            self.count_losses(&losses);
            let gradients = pass.backward(&losses.total, &self.optimizer.wanted());
            sums = Some(match sums {
                None => gradients,
                Some(sums) => sums
                    .into_iter()
                    .zip(gradients)
                    .map(|(sum, gradient)| add(sum, gradient))
                    .collect(),
            });
            self.position.passes += 1;
        }
        let rate = plan.optimizer.learning_rate * plan.schedule.factor(self.position.updates);
        if let Some(gradients) = sums {
            self.optimizer
                .update(&gradients, rate, 1.0 / batches.len() as f64);
        }
        self.position.updates += 1;
        Ok(())
    }

    fn count_losses(&mut self, losses: &Losses) {
        tch::no_grad(|| {
            let total = [("loss", &losses.total)];
            for (name, value) in total
                .into_iter()
                .chain(losses.terms.iter().map(|(name, value)| (*name, value)))
            {
                let value = value.detach().to_kind(Kind::Double);
                match self.sums.get_mut(name) {
                    Some(sum) => *sum = &*sum + value,
                    None => {
                        self.sums.insert(name, value);
                    }
                }
            }
        });
        self.summed += 1;
    }

    /// Means of the loss terms since the last call.
    fn take_losses(&mut self) -> Result<BTreeMap<String, f64>, KitError> {
        let n = f64::from(self.summed.max(1));
        let sums = std::mem::take(&mut self.sums);
        self.summed = 0;
        let means: BTreeMap<&'static str, f64> = sums
            .iter()
            .map(|(name, sum)| (*name, sum.double_value(&[]) / n))
            .collect();
        if means.values().any(|mean| !mean.is_finite()) {
            return Err(KitError::Diverged {
                step: self.position.updates,
            });
        }
        self.reporter.add_losses(&means, n);
        Ok(means
            .into_iter()
            .map(|(name, mean)| (name.to_owned(), mean))
            .collect())
    }

    fn report_step(&mut self, updates_per_epoch: usize) -> Result<(), KitError> {
        if !self.reporter.step_is_due() {
            return Ok(());
        }
        let losses = self.take_losses()?;
        let learning_rate = self.plan.optimizer.learning_rate
            * self
                .plan
                .schedule
                .factor(self.position.updates.saturating_sub(1));
        self.host.emit(RunEvent::Step {
            at_ms: 0,
            epoch: self.position.epoch + 1,
            step: self.position.updates,
            losses,
            learning_rate,
            documents_per_second: self.reporter.take_rate(),
        });
        self.host.progress(
            self.reporter
                .progress(self.plan, &self.position, updates_per_epoch),
        );
        Ok(())
    }

    fn evaluate(&mut self, part: Part) -> Result<(), KitError> {
        self.take_losses()?;
        self.optimizer.settle();
        let scores = match self.validation {
            None => None,
            Some(split) if split.is_empty() => None,
            Some(split) => {
                self.model.before_evaluation();
                Some(evaluate(
                    &*self.model,
                    split,
                    self.plan.threshold,
                    self.host,
                )?)
            }
        };
        if part == Part::End {
            let (seconds, documents_per_second) = self.reporter.end_epoch();
            self.host.emit(RunEvent::Epoch {
                at_ms: 0,
                epoch: self.position.epoch,
                step: self.position.updates,
                losses: self.reporter.epoch_losses(),
                validation: scores.map(Validation::named).unwrap_or_default(),
                learning_rate: self.plan.optimizer.learning_rate
                    * self
                        .plan
                        .schedule
                        .factor(self.position.updates.saturating_sub(1)),
                documents_per_second,
                seconds,
                peak_memory_bytes: peak_memory_bytes(),
            });
        }
        match scores {
            Some(scores) => self.judge(scores, part),
            // Without validation there is nothing to select by: the last epoch is kept.
            None if part == Part::End && self.position.epoch == self.plan.epochs => self.keep(),
            None => Ok(()),
        }
    }

    fn judge(&mut self, scores: Validation, part: Part) -> Result<(), KitError> {
        let position = &mut self.position;
        let before = position.bests;
        let bests = Validation {
            micro_f1: before.map_or(scores.micro_f1, |best| best.micro_f1.max(scores.micro_f1)),
            macro_f1: before.map_or(scores.macro_f1, |best| best.macro_f1.max(scores.macro_f1)),
        };
        position.bests = Some(bests);
        let select = self.plan.select;
        let better = position
            .kept
            .is_none_or(|kept| scores.by(select) > kept.by(select));
        let bad = match (self.plan.bad_epoch, before) {
            (_, None) => false,
            (BadEpoch::NotBetter, _) => !better,
            (BadEpoch::BothWorse, Some(best)) => {
                scores.micro_f1 < best.micro_f1 && scores.macro_f1 < best.macro_f1
            }
            (BadEpoch::EitherNotBetter, Some(best)) => {
                scores.micro_f1 <= best.micro_f1 || scores.macro_f1 <= best.macro_f1
            }
        };
        if part == Part::End {
            position.bad_epochs = if bad { position.bad_epochs + 1 } else { 0 };
            position.stopped = self.plan.patience > 0 && position.bad_epochs >= self.plan.patience;
        }
        if better {
            position.kept = Some(scores);
            self.keep()?;
        }
        Ok(())
    }

    /// Writes the current weights as the kept ones.
    fn keep(&mut self) -> Result<(), KitError> {
        self.position.kept_epoch =
            self.position.epoch + u32::from(self.position.updates_in_epoch > 0);
        self.model
            .parameters()
            .save_model(&self.plan.checkpoint.join(MODEL_FILE), Durability::Eventual)?;
        self.host.emit(RunEvent::Checkpoint {
            at_ms: 0,
            epoch: self.position.kept_epoch,
            step: self.position.updates,
            selected: true,
        });
        Ok(())
    }

    fn finish(self) -> Result<Summary, KitError> {
        let Self {
            model,
            plan,
            host,
            position,
            files,
            optimizer,
            ..
        } = self;
        if position.stopped && position.epoch < plan.epochs {
            host.info(format!(
                "stopped after epoch {}: no better score for {} epochs",
                position.epoch, position.bad_epochs
            ));
        }
        drop(optimizer);
        let path = plan.checkpoint.join(MODEL_FILE);
        if path.exists() {
            model.parameters().restore_model(&path)?;
        }
        model.parameters().save_model(&path, Durability::Synced)?;
        model.before_evaluation();
        files.remove()?;
        Ok(Summary {
            epochs: position.epoch,
            updates: position.updates,
            train_seconds: position.train_seconds,
            documents_per_second: position.documents as f64 / position.train_seconds.max(1e-9),
            best: position.kept,
            best_epoch: position.kept_epoch,
        })
    }
}

/// Where in an epoch an evaluation takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Within,
    End,
}

fn add(sum: Option<Tensor>, gradient: Option<Tensor>) -> Option<Tensor> {
    match (sum, gradient) {
        (Some(sum), Some(gradient)) => Some(sum + gradient),
        (sum, gradient) => sum.or(gradient),
    }
}

pub(crate) fn host_check(host: &Host<'_>) -> Result<(), KitError> {
    if host.is_cancelled() {
        Err(KitError::Cancelled)
    } else {
        Ok(())
    }
}
