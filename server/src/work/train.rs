//! `arborist work --dir RUN`, the child's side of a run: train, score validation and test, write everything down.
//!
//! Each stage leaves a file when it is complete, so that an attempt that follows a kill goes on behind the last one.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arborist_plugin_api::host::Plugin;
use arborist_plugin_api::{
    DocumentReader, Facts, HostCallbacks, LoadRequest, ReadError, TrainRequest,
};
use arborist_shared::manifest::HierarchyKind;
use arborist_shared::metrics::{FREQUENT_ABOVE, LabelGroups};
use arborist_shared::run::{LogLevel, Outcome, RunEvent, RunRequest};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use serde_json::Value;

use super::events::EventLog;
use super::leash::Leash;
use super::program::resolve_threads;
use super::scoring::{Failure, Scorer};
use super::{device, memory, warm};
use crate::runs::directory::{RunDirectory, RunMetrics, Training};

/// Longest message of an end: it is read back from the end of the event file.
const MESSAGE_CHARS: usize = 4000;

/// Carries out the run in this process; the outcome names the exit code.
#[must_use]
pub fn run(path: &Path) -> Outcome {
    match attempt(path) {
        Ok(outcome) => outcome,
        // Before there is an event file, the log is the only place for words.
        Err(message) => {
            eprintln!("{message}");
            Outcome::Failed
        }
    }
}

fn attempt(path: &Path) -> Result<Outcome, String> {
    let directory = RunDirectory::open(path).map_err(|error| error.to_string())?;
    if directory.is_finished() {
        return Ok(Outcome::Done);
    }
    let leash =
        Leash::watch_stdin().map_err(|error| format!("cannot watch standard input: {error}"))?;
    let events = EventLog::open(&directory, leash).map_err(|error| error.to_string())?;
    let worked = catch_unwind(AssertUnwindSafe(|| work(&directory, &events)));
    let ended = worked.unwrap_or_else(|_| {
        Err(Failure {
            outcome: Outcome::Panicked,
            message: "the host panicked; the log says where".to_owned(),
        })
    });
    let (outcome, message) = match ended {
        Ok(()) => (Outcome::Done, None),
        Err(failure) => {
            eprintln!("{}", failure.message);
            (
                failure.outcome,
                Some(failure.message.chars().take(MESSAGE_CHARS).collect()),
            )
        }
    };
    let training = directory.training().ok().flatten().unwrap_or_default();
    events.emit(RunEvent::Finished {
        at_ms: 0,
        outcome,
        message,
        epochs: training.epochs,
        train_seconds: training.train_seconds,
        train_docs_per_s: training.train_docs_per_s,
        peak_memory_bytes: training.peak_memory_bytes,
    });
    events
        .sync()
        .map_err(|error| format!("cannot write {}: {error}", directory.events().display()))?;
    Ok(outcome)
}

fn work(directory: &RunDirectory, events: &EventLog) -> Result<(), Failure> {
    let request = directory.request()?;
    let taxonomy = directory.taxonomy()?;
    let device = device::resolve(&request.device).map_err(Failure::failed)?;
    let plugin = Plugin::open(&directory.resolve(&request.plugin))
        .map_err(|error| Failure::failed(error.to_string()))?;
    if plugin.manifest().name != request.method {
        return Err(Failure::failed(format!(
            "{} holds the method `{}`, the run asks for `{}`",
            plugin.path().display(),
            plugin.manifest().name,
            request.method
        )));
    }
    let threads = resolve_threads(request.threads);
    events.emit(RunEvent::Started {
        at_ms: 0,
        method: request.method.clone(),
        device: device.clone(),
        resumed: has_content(&directory.checkpoint()),
        environment: environment(&plugin, threads),
    });
    if plugin.manifest().hierarchy == HierarchyKind::Tree && !taxonomy.is_tree() {
        events.log(
            LogLevel::Info,
            format!(
                "{} of {} labels have several parents; {} understands trees, so it sees primary parents only",
                taxonomy.n_multi_parent(),
                taxonomy.len(),
                plugin.manifest().title
            ),
        );
    }

    let run = Run {
        directory,
        events,
        request: &request,
        taxonomy: &taxonomy,
        plugin: &plugin,
        device: &device,
        threads,
    };
    let training = match directory.training()? {
        Some(training) => training,
        None => run.train()?,
    };
    let metrics = run.score()?;
    let peak_memory_bytes = training
        .peak_memory_bytes
        .max(warm::peak_bytes().unwrap_or(0));
    directory.write_training(&Training {
        peak_memory_bytes,
        ..training
    })?;
    directory.write_metrics(&metrics)?;
    Ok(())
}

/// What both stages of a run need.
struct Run<'a> {
    directory: &'a RunDirectory,
    events: &'a EventLog,
    request: &'a RunRequest,
    taxonomy: &'a Taxonomy,
    plugin: &'a Plugin,
    device: &'a str,
    threads: u32,
}

impl Run<'_> {
    /// The plugin's part. It gets train and validation, never test.
    fn train(&self) -> Result<Training, Failure> {
        let RunRequest {
            train,
            validation,
            taxonomy,
            encoder,
            word_vectors,
            seed,
            ..
        } = self.request;
        let resolve = |path: &String| self.directory.resolve(path);
        let train = resolve(train);
        let hyperparameters = Value::Object(self.request.hyperparameters.clone());
        let facts = facts(&train, self.taxonomy)?;
        self.plugin.check(&hyperparameters, &facts)?;
        self.check_memory(&hyperparameters, &facts)?;
        let request = TrainRequest {
            checkpoint: self.directory.checkpoint(),
            train,
            validation: validation.as_ref().map(resolve),
            taxonomy: resolve(taxonomy),
            seed: *seed,
            device: self.device.to_owned(),
            threads: self.threads,
            encoder: encoder.as_ref().map(resolve),
            word_vectors: word_vectors.as_ref().map(resolve),
        };
        let start = Instant::now();
        self.plugin.train(&hyperparameters, &request, self.events)?;
        let tally = self.events.tally();
        let train_seconds = tally.earlier_seconds + start.elapsed().as_secs_f64();
        let passes = f64::from(tally.epochs().max(1));
        let training = Training {
            epochs: tally.epochs(),
            train_seconds,
            train_docs_per_s: tally
                .documents_per_second()
                .unwrap_or_else(|| facts.documents as f64 * passes / train_seconds.max(1e-9)),
            peak_memory_bytes: tally.peak_memory_bytes.max(warm::peak_bytes().unwrap_or(0)),
            device: self.device.to_owned(),
        };
        self.directory.write_training(&training)?;
        Ok(training)
    }

    /// Refuses a training whose estimate does not fit, before it starts. A GPU's memory is not known here.
    fn check_memory(&self, hyperparameters: &Value, facts: &Facts) -> Result<(), Failure> {
        let needed = self.plugin.memory(hyperparameters, facts)?;
        match memory::available_bytes() {
            Some(available) if needed > available && self.device == "cpu" => {
                Err(Failure::failed(format!(
                    "{} needs about {:.1} GB for {} documents with {} words and {} labels, {:.1} GB are available",
                    self.plugin.manifest().title,
                    needed as f64 / 1e9,
                    facts.documents,
                    facts.tokens,
                    facts.labels,
                    available as f64 / 1e9
                )))
            }
            _ => Ok(()),
        }
    }

    /// The host's part: scores and figures for validation and test.
    fn score(&self) -> Result<RunMetrics, Failure> {
        let RunRequest {
            train,
            validation,
            test,
            taxonomy,
            encoder,
            decoding,
            ..
        } = self.request;
        let model = self.plugin.load(&LoadRequest {
            checkpoint: self.directory.checkpoint(),
            taxonomy: self.directory.resolve(taxonomy),
            device: self.device.to_owned(),
            threads: self.threads,
            encoder: encoder.as_ref().map(|path| self.directory.resolve(path)),
        })?;
        let threshold = model.threshold();
        let mut scorer = Scorer {
            directory: self.directory,
            taxonomy: self.taxonomy,
            options: decoding.clone(),
            model,
            threshold,
            events: self.events,
        };
        let on_validation = match validation {
            None => None,
            Some(path) => {
                let snapshot = self.directory.resolve(path);
                let scored = scorer.score(Split::Validation, &snapshot, None)?;
                Some(scored.metrics)
            }
        };
        let (test, groups) = match test {
            None => (None, Vec::new()),
            Some(path) => {
                let others = [validation.as_ref(), Some(path)];
                let others = others
                    .into_iter()
                    .flatten()
                    .map(|path| self.directory.resolve(path));
                let groups = label_groups(&self.directory.resolve(train), others, self.taxonomy)?;
                let snapshot = self.directory.resolve(path);
                let scored = scorer.score(Split::Test, &snapshot, Some(&groups))?;
                (Some(scored.metrics), scored.groups)
            }
        };
        Ok(RunMetrics {
            validation: on_validation,
            test,
            groups,
        })
    }
}

fn has_content(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

/// Groups of labels by the number of training documents that were given them; `others` are the other splits.
fn label_groups(
    train: &Path,
    others: impl Iterator<Item = PathBuf>,
    taxonomy: &Taxonomy,
) -> Result<LabelGroups, Failure> {
    let mut documents = vec![0; taxonomy.len()];
    count_documents(train, &mut documents)?;
    let mut elsewhere = vec![0; taxonomy.len()];
    for split in others {
        count_documents(&split, &mut elsewhere)?;
    }
    Ok(LabelGroups::new(&documents, &elsewhere, FREQUENT_ABOVE))
}

/// Adds the documents of a split to those of each label that they were given.
fn count_documents(split: &Path, documents: &mut [u64]) -> Result<(), Failure> {
    let failed = |error: ReadError| Failure::failed(error.to_string());
    let mut reader = DocumentReader::open(split, documents.len()).map_err(failed)?;
    while let Some(document) = reader.next_document().map_err(failed)? {
        for &label in document.explicit {
            documents[label as usize] += 1;
        }
    }
    Ok(())
}

/// Size of the training split, for the method's own check.
fn facts(train: &Path, taxonomy: &Taxonomy) -> Result<Facts, Failure> {
    let mut facts = Facts {
        labels: taxonomy.len() as u64,
        depth: taxonomy.depth(),
        ..Facts::default()
    };
    let failed = |error: ReadError| Failure::failed(error.to_string());
    let mut reader = DocumentReader::open(train, taxonomy.len()).map_err(failed)?;
    while let Some(document) = reader.next_document().map_err(failed)? {
        facts.documents += 1;
        facts.tokens += document.text.split_whitespace().count() as u64;
    }
    Ok(facts)
}

/// What a run has to say about where it was made.
fn environment(plugin: &Plugin, threads: u32) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([
        ("arborist".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("plugin".to_owned(), plugin.plugin_version().to_owned()),
        (
            "plugin_api".to_owned(),
            plugin.plugin_api_version().to_owned(),
        ),
        ("abi".to_owned(), plugin.abi().to_string()),
        ("rustc".to_owned(), plugin.rustc().to_owned()),
        ("target".to_owned(), plugin.target().to_owned()),
        ("threads".to_owned(), threads.to_string()),
    ]);
    if let Some(version) = plugin.torch_version() {
        environment.insert("libtorch".to_owned(), version.to_owned());
    }
    if let Some(model) = processor() {
        environment.insert("processor".to_owned(), model);
    }
    environment
}

fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
