//! The loop itself: deals, updates, evaluates, and keeps the best weights.
//!
//! What is reported is in `report`, what an interrupted training goes on from in `state`.

use std::collections::BTreeMap;
use std::time::Instant;

use arborist_plugin_api::Host;
use arborist_shared::run::RunEvent;
use tch::{Kind, Tensor};

use super::report::Reporter;
use super::state::{Position, StateFiles};
use super::{
    BadEpoch, Losses, MODEL_FILE, Plan, Summary, Trainable, Validation, evaluate, host_check,
};
use crate::batch::{Batch, EncodedDocuments, deal};
use crate::cpu::noise::Noise;
use crate::cpu::parallel;
use crate::error::KitError;
use crate::files::Durability;
use crate::optimizer::Optimizer;
use crate::pass::{Moment, Pass};
use crate::process::peak_memory_bytes;

/// A training under way.
pub(super) struct Run<'a, M> {
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
    pub(super) fn start(
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

    /// Whether no epoch is left to train.
    pub(super) fn is_done(&self) -> bool {
        self.position.epoch >= self.plan.epochs || self.position.stopped
    }

    /// Trains from the current position to the end of its epoch, and evaluates.
    pub(super) fn epoch(&mut self) -> Result<(), KitError> {
        let plan = self.plan;
        let noise = Noise::new(
            plan.seed,
            plan.stage_number,
            u64::from(self.position.epoch),
            u64::MAX - 1,
        );
        let batches = deal(self.train, plan.batch_size, plan.dealing, noise);
        let groups = self.model.parameters().groups();
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
                && self.position.epoch >= plan.evaluate_from
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

    pub(super) fn finish(self) -> Result<Summary, KitError> {
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
