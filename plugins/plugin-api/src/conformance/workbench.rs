//! Directories to train in, hosts that listen, and hands to hold a model with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arborist_shared::LabelIndex;
use arborist_shared::corpus::SnapshotDocument;
use arborist_shared::metrics::Counts;
use arborist_shared::run::RunEvent;
use tempfile::TempDir;

use super::Kit;
use super::corpus::Corpus;
use crate::events::HostCallbacks;
use crate::host::{CallError, LoadedModel, Plugin};
use crate::method::{Method, Predictions};
use crate::request::{LoadRequest, TrainRequest};

/// A corpus on disk with a checkpoint directory beside it, gone when dropped.
pub(super) struct Bench {
    /// Held for its `Drop`.
    _directory: TempDir,
    train: TrainRequest,
}

impl Bench {
    pub(super) fn new<M: Method>(kit: &Kit<M>, corpus: &Corpus) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        let taxonomy = root.join("taxonomy.json");
        let json = serde_json::to_vec(&corpus.taxonomy).expect("a taxonomy is JSON");
        fs::write(&taxonomy, json).expect("the taxonomy can be written");
        let train = root.join("train.jsonl");
        write_snapshot(&train, &corpus.train);
        let validation = root.join("validation.jsonl");
        write_snapshot(&validation, &corpus.validation);
        let checkpoint = root.join("checkpoint");
        fs::create_dir(&checkpoint).expect("the checkpoint directory can be made");
        Self {
            train: TrainRequest {
                checkpoint,
                train,
                validation: Some(validation),
                taxonomy,
                seed: 1,
                device: "cpu".to_owned(),
                threads: 1,
                encoder: kit.encoder.clone(),
                word_vectors: kit.word_vectors.clone(),
            },
            _directory: directory,
        }
    }

    pub(super) fn without_validation(mut self) -> Self {
        self.train.validation = None;
        self
    }

    pub(super) fn checkpoint(&self) -> &Path {
        &self.train.checkpoint
    }

    pub(super) fn train<M: Method>(
        &self,
        kit: &Kit<M>,
        plugin: &Plugin,
        listener: &Listener,
    ) -> Result<(), CallError> {
        plugin.train(&kit.hyperparameters(), &self.train, listener)
    }

    pub(super) fn load(&self, plugin: &Plugin) -> Result<LoadedModel, CallError> {
        plugin.load(&LoadRequest {
            checkpoint: self.train.checkpoint.clone(),
            taxonomy: self.train.taxonomy.clone(),
            device: "cpu".to_owned(),
            threads: 1,
            encoder: self.train.encoder.clone(),
        })
    }

    /// Trains and loads, both of which must work.
    pub(super) fn trained<M: Method>(&self, kit: &Kit<M>) -> LoadedModel {
        let plugin = kit.plugin();
        if let Err(error) = self.train(kit, &plugin, &Listener::default()) {
            panic!("training failed: {error}");
        }
        self.load(&plugin)
            .unwrap_or_else(|error| panic!("the trained model does not load: {error}"))
    }

    /// Moves the checkpoint and takes the corpora away, as when a run is copied to another machine.
    pub(super) fn move_checkpoint(&mut self) {
        let moved = self.train.checkpoint.with_file_name("moved");
        fs::rename(&self.train.checkpoint, &moved).expect("the checkpoint can be moved");
        self.train.checkpoint = moved;
        fs::remove_file(&self.train.train).expect("the training corpus can be removed");
        if let Some(validation) = &self.train.validation {
            fs::remove_file(validation).expect("the validation corpus can be removed");
        }
    }

    /// All files of the checkpoint, deep.
    pub(super) fn checkpoint_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut directories = vec![self.train.checkpoint.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("the checkpoint can be read") {
                let path = entry.expect("the checkpoint can be read").path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }
}

fn write_snapshot(path: &Path, documents: &[SnapshotDocument]) {
    let mut bytes = Vec::new();
    for document in documents {
        serde_json::to_writer(&mut bytes, document).expect("a document is JSON");
        bytes.write_all(b"\n").expect("memory can be written to");
    }
    fs::write(path, bytes).expect("a snapshot can be written");
}

/// A host that writes down what it hears, and may ask to stop.
#[derive(Default)]
pub(super) struct Listener {
    heard: Mutex<Vec<RunEvent>>,
    /// Ask to stop once this many events were heard.
    stop_after: Option<usize>,
    /// How often the method asked whether to stop.
    questions: AtomicUsize,
    /// Say yes from this question on, counted from 0.
    stop_at_question: Option<usize>,
    stopped_at: Mutex<Option<Instant>>,
}

impl Listener {
    pub(super) fn stopping_after(n_events: usize) -> Self {
        Self {
            stop_after: Some(n_events),
            ..Self::default()
        }
    }

    pub(super) fn stopping_at_question(number: usize) -> Self {
        Self {
            stop_at_question: Some(number),
            ..Self::default()
        }
    }

    /// How often the method asked whether to stop.
    pub(super) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    pub(super) fn heard(&self) -> Vec<RunEvent> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether a line of the log has these words.
    pub(super) fn has_heard(&self, words: &str) -> bool {
        let is_said = |event: &RunEvent| matches!(event, RunEvent::Log { message, .. } if message.contains(words));
        self.heard().iter().any(is_said)
    }

    /// Time since the host asked to stop.
    pub(super) fn since_stop(&self) -> Option<Duration> {
        let stopped_at = self
            .stopped_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        stopped_at.map(|instant| instant.elapsed())
    }

    fn wants_to_stop(&self, n_heard: usize) -> bool {
        let stop = self.stop_after.is_some_and(|limit| n_heard >= limit);
        if stop {
            let mut stopped_at = self
                .stopped_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            stopped_at.get_or_insert_with(Instant::now);
        }
        stop
    }
}

impl HostCallbacks for Listener {
    fn emit(&self, event: RunEvent) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(event);
        self.wants_to_stop(heard.len());
    }

    fn is_cancelled(&self) -> bool {
        let question = self.questions.fetch_add(1, Ordering::Relaxed);
        let n_heard = self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        self.wants_to_stop(n_heard) || self.stop_at_question.is_some_and(|stop| question >= stop)
    }
}

/// Scores of documents, which must be given.
pub(super) fn predict(model: &mut LoadedModel, documents: &[SnapshotDocument]) -> Predictions {
    let texts: Vec<&str> = documents
        .iter()
        .map(|document| document.text.as_str())
        .collect();
    model
        .predict(&texts)
        .unwrap_or_else(|error| panic!("prediction failed: {error}"))
}

/// What the method predicts: its own sets, else the labels above its threshold.
pub(super) fn predicted_sets(
    model: &LoadedModel,
    predictions: &Predictions,
) -> Vec<Vec<LabelIndex>> {
    if let Some(decided) = &predictions.decided {
        return decided.clone();
    }
    let set = |row: usize| {
        let scores = predictions.scores.row(row).expect("a row for each text");
        let dense = scores.to_dense(model.n_labels());
        let above = (0..)
            .zip(dense)
            .filter(|(_, score)| *score > model.threshold());
        above.map(|(label, _)| label).collect()
    };
    (0..predictions.scores.len()).map(set).collect()
}

pub(super) fn micro_f1<'a>(
    corpus: &Corpus,
    gold: &[SnapshotDocument],
    predicted: impl IntoIterator<Item = &'a Vec<LabelIndex>>,
) -> f64 {
    let mut counts = Counts::new(corpus.taxonomy.len());
    for (document, predicted) in gold.iter().zip(predicted) {
        counts.add(&document.labels, predicted);
    }
    counts.micro_f1()
}
