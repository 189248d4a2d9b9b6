//! The state of an interrupted training: where it stands, weights, moments.
//!
//! Written beside the model while training runs, removed when it ends. The position is written last and names the
//! tensors' file, so that a crash between two files leaves the state before.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Validation;
use crate::error::KitError;
use crate::files::{self, Durability};
use crate::optimizer::Optimizer;
use crate::parameters::{Parameters, read_tensors, write_tensors};

/// Share of the training's time that writing states may take.
const SHARE: u32 = 50;

/// Where a training stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Of the request that the training belongs to.
    pub(super) fingerprint: String,
    /// Epochs done.
    pub(super) epoch: u32,
    pub(super) updates_in_epoch: u64,
    pub(super) updates: u64,
    /// Forward passes done.
    pub(super) passes: u64,
    /// Documents trained on, repetitions counted.
    pub(super) documents: u64,
    pub(super) train_seconds: f64,
    /// Scores of the kept checkpoint.
    pub(super) kept: Option<Validation>,
    pub(super) kept_epoch: u32,
    /// Best of each score so far.
    pub(super) bests: Option<Validation>,
    pub(super) bad_epochs: u32,
    pub(super) stopped: bool,
    /// Counts states; the files of this one carry the number.
    pub(super) generation: u64,
}

/// The files of the state, and when they were written.
pub(super) struct StateFiles {
    directory: PathBuf,
    interval: Duration,
    written: Instant,
    cost: Duration,
}

impl StateFiles {
    pub(super) fn new(checkpoint: &Path, stage: &str, interval: Duration) -> Self {
        Self {
            directory: checkpoint.join(format!("resume-{stage}")),
            interval,
            written: Instant::now(),
            cost: Duration::ZERO,
        }
    }

    /// Whether a state should be written now.
    pub(super) fn due(&self) -> bool {
        // An interval of 0 asks for a state at every step, whatever it costs.
        let least = if self.interval.is_zero() {
            Duration::ZERO
        } else {
            self.interval.max(self.cost * SHARE)
        };
        self.written.elapsed() >= least
    }

    pub(super) fn save(
        &mut self,
        position: &mut Position,
        parameters: &Parameters,
        optimizer: &Optimizer,
    ) -> Result<(), KitError> {
        let started = Instant::now();
        fs::create_dir_all(&self.directory).map_err(KitError::file("make", &self.directory))?;
        position.generation += 1;
        let moments = optimizer.state();
        parameters.save(&self.weights(position.generation), Durability::Synced)?;
        write_tensors(
            &moments,
            &self.moments(position.generation),
            Durability::Synced,
        )?;
        let json = serde_json::to_vec(&position)
            .map_err(|error| KitError::broken(&self.directory, error))?;
        files::write(&self.directory.join("position.json"), &json)?;
        self.remove_generation(position.generation - 1)?;
        self.cost = started.elapsed();
        self.written = Instant::now();
        Ok(())
    }

    /// Before a training is left on request: writes a state when more than one interval of work would be lost.
    pub(super) fn save_before_leaving(
        &mut self,
        position: &mut Position,
        parameters: &Parameters,
        optimizer: &Optimizer,
    ) -> Result<(), KitError> {
        if position.updates > 0 && self.written.elapsed() >= self.interval {
            self.save(position, parameters, optimizer)?;
        }
        Ok(())
    }

    /// Takes up a state of the same request. A state that cannot be read is as good as none.
    pub(super) fn load(
        &self,
        fingerprint: &str,
        parameters: &Parameters,
        optimizer: &mut Optimizer,
    ) -> Result<Option<Position>, KitError> {
        let Ok(bytes) = fs::read(self.directory.join("position.json")) else {
            return Ok(None);
        };
        let Ok(position) = serde_json::from_slice::<Position>(&bytes) else {
            return Ok(None);
        };
        if position.fingerprint != fingerprint {
            return Ok(None);
        }
        let weights = read_tensors(&self.weights(position.generation));
        let moments = read_tensors(&self.moments(position.generation));
        let (Ok(weights), Ok(moments)) = (weights, moments) else {
            return Ok(None);
        };
        parameters.assign(weights)?;
        optimizer.restore(moments, position.updates as u32)?;
        Ok(Some(position))
    }

    pub(super) fn remove(&self) -> Result<(), KitError> {
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(KitError::file("remove", &self.directory)(error))
            }
            _ => Ok(()),
        }
    }

    fn remove_generation(&self, generation: u64) -> Result<(), KitError> {
        for path in [self.weights(generation), self.moments(generation)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(KitError::file("remove", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn weights(&self, generation: u64) -> PathBuf {
        self.directory
            .join(format!("weights-{generation}.safetensors"))
    }

    fn moments(&self, generation: u64) -> PathBuf {
        self.directory
            .join(format!("moments-{generation}.safetensors"))
    }
}
