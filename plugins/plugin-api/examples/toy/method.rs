//! A tiny real method: naive Bayes for each label, with faults on demand.
//!
//! It learns in one pass, so `epochs` and `step_ms` only make it take as long as a test needs, and `fault` makes it go
//! wrong in a chosen way. Besides that it is what a method looks like: read it before writing one.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use arborist_plugin_api::shared::manifest::{
    AssetNeed, Capability, HierarchyKind, MemoryFormula, PathKind,
};
use arborist_plugin_api::shared::run::RunEvent;
use arborist_plugin_api::{
    Embeddings, Evidence, Facts, Host, LabelIndex, LoadRequest, Method, MethodManifest, Model,
    ModelError, Predictions, Scores, TrainRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Naive Bayes for each label.
#[derive(Debug)]
pub struct Toy;

/// See the manifest.
#[derive(Clone, Debug, Deserialize)]
pub struct Hyperparameters {
    epochs: u32,
    smoothing: f64,
    step_ms: u64,
    batch_size: u32,
    least_batch: u32,
    curve: f64,
    fault: Fault,
}

/// How to go wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// Not at all.
    None,
    /// An error after the first epoch.
    Fail,
    /// Refuses what it is asked for.
    Refuse,
    /// Memory runs out as long as batches are larger than the least.
    OutOfMemory,
    /// A panic after the first epoch.
    Panic,
    /// An invalid memory access after the first epoch.
    Segfault,
    /// The process ends after the first epoch.
    Exit,
    /// Never asks whether to stop.
    Deaf,
    /// A panic when the model is loaded.
    PanicInLoad,
    /// A panic at each prediction.
    PanicInPredict,
    /// An invalid memory access at each prediction.
    SegfaultInPredict,
    /// Refuses texts with the word `forbidden`, and all that are asked for with one.
    Picky,
    /// Scores that are not numbers.
    NotANumber,
    /// Estimates more memory than there is.
    Huge,
}

impl Method for Toy {
    type Hyperparameters = Hyperparameters;
    type Model = ToyModel;

    fn manifest() -> MethodManifest {
        let same = serde_json::Map::new();
        let presets = ["fast", "balanced", "best", "code", "paper"];
        MethodManifest {
            name: "toy".to_owned(),
            title: "Toy".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Naive Bayes for each label, for tests.".to_owned(),
            paper: None,
            hierarchy: HierarchyKind::Dag,
            paths: PathKind::Multi,
            // Looked at and named in the log, so that tests see what arrives; the counts start from nothing.
            encoder: AssetNeed::Optional,
            encoder_when: None,
            word_vectors: AssetNeed::None,
            capabilities: vec![Capability::LabelEmbeddings, Capability::Evidence],
            memory: MemoryFormula {
                base: 1e6,
                per_token: 16.0,
                per_label: 1_000.0,
                ..MemoryFormula::default()
            },
            max_labels: Some(1_000),
            presets: presets
                .into_iter()
                .map(|preset| (preset.to_owned(), same.clone()))
                .collect(),
            hyperparameters: json!({
                "type": "object",
                "properties": {
                    "epochs": {
                        "title": "Epochs",
                        "description": "Passes over the documents; the first one is enough.",
                        "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 2
                    },
                    "smoothing": {
                        "title": "Smoothing",
                        "description": "Added to each count of a word.",
                        "type": "number", "exclusiveMinimum": 0, "maximum": 100, "default": 0.5
                    },
                    "step_ms": {
                        "title": "Step time",
                        "description": "Milliseconds to wait after each step.",
                        "type": "integer", "minimum": 0, "maximum": 10_000, "default": 0, "x-advanced": true
                    },
                    "batch_size": {
                        "title": "Batch size",
                        "description": "Documents that are worked on at once; it only matters to memory that runs out.",
                        "type": "integer", "minimum": 1, "maximum": 1_000, "default": 32, "x-advanced": true
                    },
                    "accumulate": {
                        "title": "Batches of an update",
                        "description": "How many batches make one update.",
                        "type": "integer", "minimum": 1, "maximum": 1_000, "default": 1, "x-advanced": true
                    },
                    "least_batch": {
                        "title": "Least batch",
                        "description": "Batches up to this size fit into memory that runs out.",
                        "type": "integer", "minimum": 0, "maximum": 1_000, "default": 8, "x-advanced": true
                    },
                    "curve": {
                        "title": "Curve",
                        "description": "What it says of its validation documents after each epoch.",
                        "type": "number", "minimum": 0, "maximum": 1, "default": 0.5, "x-advanced": true
                    },
                    "fault": {
                        "title": "Fault",
                        "description": "How to go wrong.",
                        "type": "string",
                        "enum": ["none", "fail", "refuse", "out_of_memory", "panic", "segfault", "exit", "deaf", "panic_in_load",
                                 "panic_in_predict", "segfault_in_predict", "picky", "not_a_number", "huge"],
                        "default": "none", "x-advanced": true
                    }
                },
                "additionalProperties": false
            }),
        }
    }

    fn check(hyperparameters: &Hyperparameters, facts: &Facts) -> Result<(), ModelError> {
        if facts.documents == 0 {
            return Err(ModelError::Input(
                "there is no document to train on".to_owned(),
            ));
        }
        if hyperparameters.fault == Fault::Refuse {
            return Err(ModelError::Input("asked to refuse".to_owned()));
        }
        if hyperparameters.smoothing > facts.tokens as f64 {
            return Err(ModelError::Input(format!(
                "`smoothing` is {}, more than the {} tokens of the corpus",
                hyperparameters.smoothing, facts.tokens
            )));
        }
        Ok(())
    }

    fn memory(hyperparameters: &Hyperparameters, facts: &Facts) -> u64 {
        if hyperparameters.fault == Fault::Huge {
            return 1 << 60;
        }
        let formula = Self::manifest().memory;
        formula.estimate(facts.documents, facts.tokens, facts.labels)
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        let taxonomy = request.taxonomy()?;
        let documents = request.train_documents()?;
        host.info(format!("{} documents to train on", documents.len()));
        if let Some(encoder) = &request.encoder {
            let config = std::fs::read_to_string(encoder.join("config.json"));
            let config = config.map_err(|error| ModelError::Failed(error.to_string()))?;
            host.info(format!("the encoder's configuration is {config}"));
        }
        let mut counts = Counts::new(taxonomy.len());
        for epoch in 1..=hyperparameters.epochs {
            for (step, document) in documents.iter().enumerate() {
                if step % 64 == 0 {
                    host.step("documents", step as u64, documents.len() as u64);
                    thread::sleep(Duration::from_millis(hyperparameters.step_ms));
                    if hyperparameters.fault != Fault::Deaf {
                        host.check_cancelled()?;
                    }
                }
                if epoch == 1 {
                    counts.add(document.text, document.labels);
                }
            }
            host.emit(RunEvent::Epoch {
                at_ms: 0,
                epoch,
                step: u64::from(epoch),
                losses: [("total".to_owned(), 1.0 / f64::from(epoch))].into(),
                validation: [
                    ("micro_f1".to_owned(), 0.5),
                    ("macro_f1".to_owned(), hyperparameters.curve),
                ]
                .into(),
                learning_rate: 0.0,
                documents_per_second: 0.0,
                seconds: 0.0,
                peak_memory_bytes: 0,
            });
            if hyperparameters.batch_size > hyperparameters.least_batch {
                run_out_of_memory(hyperparameters.fault)?;
            }
            go_wrong(hyperparameters.fault)?;
        }
        counts.write(&request.checkpoint, &hyperparameters)
    }

    fn load(request: &LoadRequest) -> Result<ToyModel, ModelError> {
        let model = ToyModel::read(&request.checkpoint)?;
        if model.stored.fault == Fault::PanicInLoad {
            panic!("asked to panic in load");
        }
        let taxonomy = request.taxonomy()?;
        if taxonomy.len() != model.stored.priors.len() {
            return Err(ModelError::Failed(format!(
                "the checkpoint knows {} labels, the taxonomy has {}",
                model.stored.priors.len(),
                taxonomy.len()
            )));
        }
        Ok(model)
    }
}

fn run_out_of_memory(fault: Fault) -> Result<(), ModelError> {
    if fault == Fault::OutOfMemory {
        let words = "CUDA out of memory. Tried to allocate 2.00 GiB";
        return Err(ModelError::Failed(words.to_owned()));
    }
    Ok(())
}

fn go_wrong(fault: Fault) -> Result<(), ModelError> {
    match fault {
        Fault::Fail => Err(ModelError::Failed("asked to fail".to_owned())),
        Fault::Panic => panic!("asked to panic"),
        Fault::Segfault => segfault(),
        Fault::Exit => std::process::exit(77),
        _ => Ok(()),
    }
}

#[allow(unsafe_code, reason = "crashing is the point")]
fn segfault() -> ! {
    // SAFETY: there is none, which is the point: nothing is mapped at this address.
    unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
    unreachable!("writing to an unmapped address kills the process")
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start_of = move |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.split_whitespace()
        .map(move |word| (start_of(word), word))
}

fn has_forbidden_word(text: &str) -> bool {
    words(text).any(|(_, word)| word == "forbidden")
}

/// What training counts.
struct Counts {
    documents: u32,
    /// Documents of each label. `[labels]`
    of_label: Vec<u32>,
    /// Documents with a word, over all and of each label. `[1 + labels]`
    of_word: HashMap<String, Vec<u32>>,
}

impl Counts {
    fn new(n_labels: usize) -> Self {
        Self {
            documents: 0,
            of_label: vec![0; n_labels],
            of_word: HashMap::new(),
        }
    }

    fn add(&mut self, text: &str, labels: &[LabelIndex]) {
        self.documents += 1;
        for label in labels {
            self.of_label[*label as usize] += 1;
        }
        let mut seen: Vec<&str> = words(text).map(|(_, word)| word).collect();
        seen.sort_unstable();
        seen.dedup();
        for word in seen {
            let n_counts = self.of_label.len() + 1;
            let counts = self
                .of_word
                .entry(word.to_lowercase())
                .or_insert_with(|| vec![0; n_counts]);
            counts[0] += 1;
            for label in labels {
                counts[*label as usize + 1] += 1;
            }
        }
    }

    fn write(self, checkpoint: &Path, hyperparameters: &Hyperparameters) -> Result<(), ModelError> {
        let smoothing = hyperparameters.smoothing;
        let documents = f64::from(self.documents);
        let log_odds = |with: f64, of: f64, all_with: f64| {
            let share = (with + smoothing) / (of + 2.0 * smoothing);
            let share_of_others =
                (all_with - with + smoothing) / (documents - of + 2.0 * smoothing);
            (share / share_of_others).ln()
        };
        let weights = self.of_word.into_iter().map(|(word, counts)| {
            let row = self.of_label.iter().zip(&counts[1..]).map(|(of, with)| {
                log_odds(f64::from(*with), f64::from(*of), f64::from(counts[0])) as f32
            });
            (word, row.collect())
        });
        let priors = self.of_label.iter().map(|of| {
            let of = f64::from(*of);
            ((of + smoothing) / (documents - of + smoothing)).ln() as f32
        });
        let stored = Stored {
            fault: hyperparameters.fault,
            priors: priors.collect(),
            weights: weights.collect(),
        };
        let path = model_path(checkpoint);
        let json = serde_json::to_vec(&stored)
            .map_err(|error| ModelError::failed("cannot write the model", error))?;
        fs::write(&path, json).map_err(ModelError::io(format!("cannot write {}", path.display())))
    }
}

fn model_path(checkpoint: &Path) -> PathBuf {
    checkpoint.join("toy.json")
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    fault: Fault,
    /// Log odds of each label. `[labels]`
    priors: Vec<f32>,
    /// What a word adds to them. `[words, labels]`
    weights: HashMap<String, Vec<f32>>,
}

/// A trained toy.
#[derive(Debug)]
pub struct ToyModel {
    stored: Stored,
}

impl ToyModel {
    fn read(checkpoint: &Path) -> Result<Self, ModelError> {
        let path = model_path(checkpoint);
        let json =
            fs::read(&path).map_err(ModelError::io(format!("cannot read {}", path.display())))?;
        let stored = serde_json::from_slice(&json).map_err(|error| {
            ModelError::failed(format!("{} is not a toy model", path.display()), error)
        })?;
        Ok(Self { stored })
    }

    fn weights(&self, word: &str) -> Option<&[f32]> {
        self.stored
            .weights
            .get(&word.to_lowercase())
            .map(Vec::as_slice)
    }

    /// A score for each label. `[labels]`
    fn score(&self, text: &str) -> impl Iterator<Item = f32> {
        let mut logits = self.stored.priors.clone();
        for (_, word) in words(text) {
            for (logit, weight) in logits
                .iter_mut()
                .zip(self.weights(word).unwrap_or_default())
            {
                *logit += weight;
            }
        }
        logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp()))
    }
}

impl Model for ToyModel {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        match self.stored.fault {
            Fault::PanicInPredict => panic!("asked to panic in predict"),
            Fault::SegfaultInPredict => segfault(),
            Fault::Picky if texts.iter().any(|text| has_forbidden_word(text)) => {
                return Err(ModelError::Input("found the word `forbidden`".to_owned()));
            }
            _ => {}
        }
        let mut values: Vec<f32> = texts.iter().flat_map(|text| self.score(text)).collect();
        if self.stored.fault == Fault::NotANumber {
            values.fill(f32::NAN);
        }
        Ok(Predictions {
            scores: Scores::Dense {
                n_labels: self.stored.priors.len(),
                values,
            },
            decided: None,
        })
    }

    fn label_embeddings(&mut self) -> Result<Embeddings, ModelError> {
        Ok(Embeddings {
            width: 1,
            values: self.stored.priors.clone(),
        })
    }

    fn evidence(&mut self, text: &str, label: LabelIndex) -> Result<Vec<Evidence>, ModelError> {
        let part = |(start, word): (usize, &str)| {
            let weight = *self.weights(word)?.get(label as usize)?;
            Some(Evidence {
                start: start as u32,
                end: (start + word.len()) as u32,
                weight,
            })
        };
        Ok(words(text).filter_map(part).collect())
    }
}
