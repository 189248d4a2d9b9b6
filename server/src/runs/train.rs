//! Training a run: its directory, the child process, and turning what that writes into rows.
//!
//! The directory is the truth; rows are made from it and can be made again. After an interruption the same directory is
//! given to a new child, which goes on behind what is complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arborist_plugin_api::host::FoundPlugin;
use arborist_shared::api::jobs::JobResult;
use arborist_shared::api::runs::Epoch;
use arborist_shared::decode::DecodeOptions;
use arborist_shared::run::{RunEvent, RunRequest};
use arborist_shared::split::Split;
use serde::{Deserialize, Serialize};

use super::directory::{RunDirectory, RunDirectoryError, TAXONOMY_IN_REQUEST};
use super::store::{self, RunRow};
use super::{groups, retry};
use crate::corpora::snapshot;
use crate::jobs::{self, JobContext, JobError};
use crate::work::{Ending, Exit};
use crate::{App, assets, corpora, devices, locations, remote, taxonomies};

/// What the job is asked for: the run that names the job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Train {}

impl From<RunDirectoryError> for JobError {
    fn from(error: RunDirectoryError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl Train {
    /// Prepares the directory, trains in a child, and enters the figures.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        mut job: JobContext,
    ) -> Result<JobResult, JobError> {
        let run = store::find_by_job(app.db.read(), job.id())
            .await?
            .ok_or_else(|| JobError::Failed("the run of this job is gone".to_owned()))?;
        let path = app.folders.run(run.id);
        let directory = match RunDirectory::open(&path) {
            Ok(directory) => directory,
            Err(_) => prepare(app, &job, &run, &path).await?,
        };
        if !directory.is_finished() {
            job.check()?;
            take_place(app, &job, &run, &directory).await?;
            let ended = attempt(app, &mut job, &run, &directory).await?;
            match (ended.exit.outcome, ended.hopeless, job.check()) {
                (Ending::Done, ..) => {}
                (_, _, Err(stopped)) => return Err(stopped),
                (_, Some(why), Ok(())) => return Err(JobError::Abandoned(why)),
                (_, None, Ok(())) => {
                    return Err(
                        retry::after(&job, &run, &directory, &ended.exit, ended.epochs).await?,
                    );
                }
            }
        }
        enter_figures(app, &job, &run, &directory).await
    }
}

/// Makes the run directory; the request is written last, so that a directory with a request is complete.
async fn prepare(
    app: &App,
    job: &JobContext,
    run: &RunRow,
    path: &Path,
) -> Result<RunDirectory, JobError> {
    let gone = |what: &str| JobError::Failed(format!("the {what} of this run is gone"));
    let corpus = corpora::in_project(app, run.project_id, run.corpus_id)
        .await?
        .ok_or_else(|| gone("corpus"))?;
    let taxonomy = taxonomies::load(app, run.taxonomy_id).await?;
    let plugin = find_plugin(app, &run.method).await?;
    let encoder = match &run.encoder {
        None => None,
        Some(name) if name == locations::MINILM => {
            Some(locations::encoder(name).map_err(|error| JobError::Failed(error.to_string()))?)
        }
        Some(id) => Some(asset_path(app, run, id.parse().ok()).await?),
    };
    let word_vectors = match run.word_vectors_id {
        None => None,
        Some(id) => Some(asset_path(app, run, Some(id)).await?),
    };
    let snapshot = snapshot::ensure(app, job, &corpus, &taxonomy).await?;
    let parts = [Split::Train, Split::Validation, Split::Test]
        .map(|split| snapshot.file(split).map(|file| (split, file)));
    let [train, validation, test] = parts.each_ref().map(|part| {
        part.as_ref()
            .map(|(split, _)| RunDirectory::corpus_in_request(*split))
    });

    let request = RunRequest {
        run: run.id.to_string(),
        method: run.method.clone(),
        preset: run.preset.clone(),
        hyperparameters: run.hyperparameters.clone(),
        seed: run.seed,
        device: run.device.clone(),
        threads: 0,
        plugin: text(&plugin.library),
        taxonomy: TAXONOMY_IN_REQUEST.to_owned(),
        train: train.ok_or_else(|| gone("train part"))?,
        validation,
        test,
        encoder: encoder.as_deref().map(text),
        word_vectors: word_vectors.as_deref().map(text),
        decoding: DecodeOptions::default(),
    };
    let path = path.to_owned();
    blocking(move || {
        let directory = RunDirectory::create(&path)?;
        directory.write_taxonomy(&taxonomy)?;
        directory.write_manifest(&plugin.side.manifest)?;
        for (split, file) in parts.iter().flatten() {
            directory.take_corpus(*split, file)?;
        }
        directory.write_request(&request)?;
        Ok(directory)
    })
    .await
}

/// Tells the child which device it was given, and the run's row what it trains with: an earlier attempt may have had other
/// batches.
async fn take_place(
    app: &App,
    job: &JobContext,
    run: &RunRow,
    directory: &RunDirectory,
) -> Result<(), JobError> {
    let mut request = directory.request()?;
    if request.hyperparameters != run.hyperparameters {
        store::set_hyperparameters(app.db.write(), run.id, &request.hyperparameters).await?;
    }
    let Some(placement) = job.placement() else {
        return Ok(());
    };
    // A device that is not there is asked for all the same: the child says why it cannot be had.
    let is_known = placement.place != devices::CPU || matches!(run.device.as_str(), "auto" | "cpu");
    let device = if is_known {
        placement.device.clone()
    } else {
        run.device.clone()
    };
    // Results depend on the number of threads, so that a run keeps the one it began with.
    let begun = directory.events().exists();
    let threads = if begun {
        request.threads
    } else {
        placement.threads
    };
    if request.device != device || request.threads != threads {
        request.device = device;
        request.threads = threads;
        let directory = directory.clone();
        blocking(move || Ok(directory.write_request(&request)?)).await?;
    }
    Ok(())
}

/// Does work on files off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work).await?
}

/// Epochs as the directory tells them, and how many events it holds.
async fn read_epochs(directory: &RunDirectory) -> Result<(Epochs, u64), JobError> {
    let directory = directory.clone();
    blocking(move || {
        let mut epochs = Epochs::default();
        let events = directory.read_events()?;
        for event in &events {
            epochs.take(event);
        }
        Ok((epochs, events.len() as u64))
    })
    .await
}

/// How an attempt ended.
struct Ended {
    exit: Exit,
    /// Why it was given up, where it was.
    hopeless: Option<String>,
    /// Epochs that are complete.
    epochs: u32,
}

/// The approved plugin of a method.
pub(super) async fn find_plugin(app: &App, method: &str) -> Result<FoundPlugin, JobError> {
    let plugins = app
        .plugins
        .list(app.options.plugin_search())
        .await
        .map_err(|error| JobError::Internal(Box::new(error)))?;
    let plugin = plugins.find(method).cloned();
    plugin
        .ok_or_else(|| JobError::Failed(format!("the method `{method}` is not installed any more")))
}

async fn asset_path(app: &App, run: &RunRow, id: Option<i64>) -> Result<PathBuf, JobError> {
    let asset = match id {
        Some(id) => assets::in_project(app, run.project_id, id).await?,
        None => None,
    };
    let asset = asset.ok_or_else(|| JobError::Failed("an asset of this run is gone".to_owned()))?;
    Ok(assets::path(app, &asset))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// One child process, from start to end. Whoever asks for a stop gets one, and what is complete stays in the directory.
async fn attempt(
    app: &App,
    job: &mut JobContext,
    run: &RunRow,
    directory: &RunDirectory,
) -> Result<Ended, JobError> {
    // What an earlier attempt did is shown again: rows may be behind the directory.
    let (mut epochs, mut line) = read_epochs(directory).await?;
    store::put_epochs(app.db.write(), run.id, &epochs.all).await?;
    let rule = groups::rule(app, run.id).await?;
    let mut hopeless = None;

    let mut child = app
        .executor_on(job.placement())
        .start(directory.path())
        .map_err(|error| JobError::Internal(Box::new(error)))?;
    let canceller = child.canceller();
    let mut stop = job.clone();
    let mut asked = false;
    loop {
        let event = tokio::select! {
            event = child.events().next() => event,
            _ = stop.stopped(), if !asked => {
                asked = true;
                canceller.cancel();
                continue;
            }
        };
        let Some(event) = event else { break };
        line += 1;
        job.run_event(line, &event);
        match &event {
            RunEvent::Started { device, .. } => {
                let place = job
                    .placement()
                    .map_or(device.as_str(), |it| it.place.as_str());
                // A simulated GPU is played by the processor; of a cluster its name says more.
                let device = if device == devices::CPU || place == remote::RAY {
                    place
                } else {
                    device
                };
                store::set_device(app.db.write(), run.id, device).await?;
            }
            RunEvent::Progress { steps, .. } => job.progress(steps.clone()),
            _ => {}
        }
        if let Some(epoch) = epochs.take(&event) {
            store::put_epochs(app.db.write(), run.id, std::slice::from_ref(epoch)).await?;
            if let (Some(rule), None) = (&rule, &hopeless) {
                hopeless = groups::is_hopeless(app, run.id, rule, &epochs.all).await?;
                if hopeless.is_some() {
                    canceller.cancel();
                }
            }
        }
    }
    store::put_epochs(app.db.write(), run.id, &epochs.all).await?;
    Ok(Ended {
        exit: child.wait().await,
        hopeless,
        epochs: epochs.all.last().map_or(0, |epoch| epoch.epoch),
    })
}

/// Epochs as events tell them.
#[derive(Debug, Default)]
struct Epochs {
    all: Vec<Epoch>,
}

impl Epochs {
    /// Takes an event; answers the epoch that it completed.
    fn take(&mut self, event: &RunEvent) -> Option<&Epoch> {
        match event {
            RunEvent::Epoch {
                epoch,
                step,
                losses,
                validation,
                learning_rate,
                documents_per_second,
                seconds,
                peak_memory_bytes,
                ..
            } => {
                // An attempt that resumes may repeat epochs whose checkpoint was not complete.
                self.all.retain(|known| known.epoch < *epoch);
                self.all.push(Epoch {
                    epoch: *epoch,
                    step: *step,
                    losses: losses.clone(),
                    validation: validation.clone(),
                    learning_rate: *learning_rate,
                    documents_per_second: *documents_per_second,
                    seconds: *seconds,
                    peak_memory_bytes: *peak_memory_bytes,
                    selected: false,
                });
                self.all.last()
            }
            RunEvent::Checkpoint {
                epoch,
                selected: true,
                ..
            } => {
                for known in &mut self.all {
                    known.selected = known.epoch == *epoch;
                }
                None
            }
            _ => None,
        }
    }
}

/// Turns the finished directory into rows, in the transaction that also ends the job.
async fn enter_figures(
    app: &App,
    job: &JobContext,
    run: &RunRow,
    directory: &RunDirectory,
) -> Result<JobResult, JobError> {
    let (metrics, training) = blocking({
        let directory = directory.clone();
        move || Ok((directory.metrics()?, directory.training()?))
    })
    .await?;
    let metrics =
        metrics.ok_or_else(|| JobError::Failed("the run ended without figures".to_owned()))?;
    let mut training = training.unwrap_or_default();
    if let Some(placement) = job.placement().filter(|it| it.place == remote::RAY) {
        training.device.clone_from(&placement.place);
    }
    let (epochs, _) = read_epochs(directory).await?;
    let transaction = app.db.begin().await?;
    store::put_epochs(&transaction, run.id, &epochs.all).await?;
    store::put_training(&transaction, run.id, &training).await?;
    for split in [Split::Validation, Split::Test] {
        if let Some(metrics) = metrics.of(split) {
            store::put_metrics(&transaction, run.id, split, metrics).await?;
        }
    }
    let result = JobResult {
        kind: "run".to_owned(),
        id: run.id,
    };
    jobs::succeed_in(&transaction, job.id(), &result).await?;
    transaction.commit().await?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: u32) -> RunEvent {
        RunEvent::Epoch {
            at_ms: 0,
            epoch,
            step: 10,
            losses: Default::default(),
            validation: Default::default(),
            learning_rate: 0.1,
            documents_per_second: 1.0,
            seconds: 1.0,
            peak_memory_bytes: 1,
        }
    }

    #[test]
    fn repeated_epochs_replace_what_was_told_before() {
        let mut epochs = Epochs::default();
        for event in [epoch(1), epoch(2), epoch(3), epoch(2)] {
            epochs.take(&event);
        }
        epochs.take(&RunEvent::Checkpoint {
            at_ms: 0,
            epoch: 1,
            step: 10,
            selected: true,
        });
        let shown: Vec<_> = epochs
            .all
            .iter()
            .map(|epoch| (epoch.epoch, epoch.selected))
            .collect();
        assert_eq!(shown, [(1, true), (2, false)]);
    }
}
