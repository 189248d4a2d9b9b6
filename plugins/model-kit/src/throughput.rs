//! Speed of a network over words in training and prediction, on random words: for examples of methods called `throughput`.
//!
//! Prints the same keys as `xtask/bench/hiagm_peer.py`, so that both sides of a comparison can run in turns.

use std::time::Instant;

use arborist_plugin_api::{Host, HostCallbacks};
use arborist_shared::run::RunEvent;
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tch::Device;

use crate::batch::{Batch, EncodedDocuments, deal_sorted};
use crate::blocks::Precision;
use crate::cpu::noise::Noise;
use crate::cpu::parallel;
use crate::error::KitError;
use crate::optimizer::{AdamOptions, Optimizer};
use crate::parameters::Parameters;
use crate::pass::{Moment, Pass};
use crate::process;
use crate::structure::Hierarchy;
use crate::text::{
    Cleaning, Reader, StopWords, TextOptions, TextPipeline, VocabularyBuilder, VocabularyLimits,
};
use crate::text_method::{Inputs, Prepared, Purpose, TextNetwork, TrainedNetwork};

/// What is measured.
#[derive(Debug)]
pub struct Options {
    labels: usize,
    batch: usize,
    /// Words of a text, at most.
    pub length: usize,
    rcv1: bool,
    vocabulary: usize,
    steps: usize,
    repetitions: usize,
    /// 0: prediction is not measured.
    predict_batch: usize,
    threads: u32,
    /// Hyperparameters of the command line.
    set: Map<String, Value>,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let mut options = Self {
            labels: 98,
            batch: 64,
            length: 256,
            rcv1: false,
            vocabulary: 50_002,
            steps: 8,
            repetitions: 1,
            predict_batch: 128,
            threads: cores,
            set: Map::new(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(key) = arguments.next() {
            let value = arguments
                .next()
                .ok_or_else(|| format!("{key} needs a value"))?;
            let number = || {
                value
                    .parse::<usize>()
                    .map_err(|_| format!("{key} needs a number, not {value}"))
            };
            match key.as_str() {
                "--labels" => options.labels = number()?,
                "--batch" => options.batch = number()?,
                "--length" => options.length = number()?,
                "--lengths" => options.rcv1 = value == "rcv1",
                "--vocabulary" => options.vocabulary = number()?,
                "--steps" => options.steps = number()?,
                "--repetitions" => options.repetitions = number()?,
                "--predict-batch" => options.predict_batch = number()?,
                "--threads" => options.threads = number()? as u32,
                "--set" => {
                    let (name, value) = value
                        .split_once('=')
                        .ok_or_else(|| format!("--set needs name=value, not {value}"))?;
                    // What is no JSON is a word.
                    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                    options.set.insert(name.to_owned(), value);
                }
                _ => return Err(format!("unknown option {key}")),
            }
        }
        Ok(options)
    }

    /// Hyperparameters with those of the command line in place of their own.
    fn with_set<H: Serialize + DeserializeOwned>(
        &self,
        hyperparameters: &H,
    ) -> Result<H, Box<dyn std::error::Error>> {
        let mut values = serde_json::to_value(hyperparameters)?;
        for (name, value) in &self.set {
            let known = values
                .get_mut(name)
                .ok_or_else(|| format!("there is no hyperparameter {name}"))?;
            *known = value.clone();
        }
        Ok(serde_json::from_value(values)?)
    }

    /// Four top-level labels, then seven children a label: the shape of RCV1's topics.
    fn taxonomy(&self) -> Result<Taxonomy, Box<dyn std::error::Error>> {
        let label = |label: usize| NewLabel {
            id: label.to_string(),
            name: label.to_string(),
            parents: if label < 4 {
                Vec::new()
            } else {
                vec![((label - 4) / 7).to_string()]
            },
            details: None,
        };
        Ok(Taxonomy::new((0..self.labels).map(label).collect())?)
    }

    /// As many words as the table has rows, but padding and unknown.
    fn pipeline(&self) -> TextPipeline {
        let mut builder = VocabularyBuilder::default();
        for word in 2..self.vocabulary {
            builder.count(&format!("w{word}"));
        }
        let options = TextOptions {
            cleaning: Cleaning::Words,
            stop_words: StopWords::Keep,
            max_length: self.length,
        };
        let limits = VocabularyLimits {
            min_frequency: 1,
            max_size: self.vocabulary,
        };
        TextPipeline::new(options, builder.finish(limits))
    }

    /// Words by Zipf's law; lengths all alike, or like RCV1 without stop words: log-normal, mean near 123, cut off.
    fn documents(&self, taxonomy: &Taxonomy, count: usize) -> EncodedDocuments {
        let noise = Noise::new(1, 0, 0, 0);
        let mut position = 0;
        let mut unit = || {
            position += 1;
            f64::from(noise.unit(position)).max(1e-7)
        };
        let mut documents = EncodedDocuments::default();
        for _ in 0..count {
            let normal = (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
            let length = if self.rcv1 {
                ((4.62 + 0.62 * normal).exp().round() as usize).clamp(1, self.length)
            } else {
                self.length
            };
            let words: Vec<u32> = (0..length)
                .map(|_| (unit().powf(-1.0 / 0.6) as usize - 1).min(self.vocabulary - 3) as u32)
                .collect();
            let label = (unit() * self.labels as f64) as u32;
            documents.push(&words, &taxonomy.close(&[label]));
        }
        documents
    }
}

/// Nobody listens.
struct Silent;

impl HostCallbacks for Silent {
    fn emit(&self, _: RunEvent) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Measures a network, as the command line says, and prints one JSON object.
///
/// # Errors
/// When an option is not understood or the network cannot be built.
pub fn run<N: TextNetwork>(
    hyperparameters: impl FnOnce(&Options) -> N::Hyperparameters,
) -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse()?;
    process::prepare("cpu", options.threads)?;
    let hyperparameters = options.with_set(&hyperparameters(&options))?;
    let taxonomy = options.taxonomy()?;
    let documents = options.documents(&taxonomy, options.batch * (options.steps + 2));
    let hierarchy = if N::works_on_trees(&hyperparameters) {
        Hierarchy::new(&taxonomy, documents.label_sets())
    } else {
        Hierarchy::graph(&taxonomy, documents.label_sets())
    };
    let inputs = Inputs {
        hierarchy: &hierarchy,
        words: options.vocabulary,
        word_size: 300,
        encoder: None,
        max_length: options.length,
        purpose: Purpose::Training,
    };
    let mut network = N::build(Parameters::fresh(Device::Cpu, 1), &hyperparameters, inputs)?;
    network.prepare(&Prepared {
        taxonomy: &taxonomy,
        hierarchy: &hierarchy,
        reader: &Reader::Words(options.pipeline()),
        train: &documents,
        batches_per_epoch: 1_000,
        seed: 1,
        checkpoint: &std::env::temp_dir(),
        host: &Host::new(&Silent),
    })?;
    let parameters = network.parameters().count();
    let (trained, phases) = train(&mut network, &documents, &options)?;
    let predicted = (options.predict_batch > 0).then(|| {
        let trained = network.into_trained(Precision::Single);
        predict(&trained, &documents, &options)
    });
    let report = serde_json::json!({
        "train_docs_per_s": trained,
        "step_ms": phases,
        "predict_docs_per_s": predicted,
        "parameters": parameters,
        "torch": crate::TORCH_VERSION,
        "threads": options.threads,
        "labels": options.labels,
        "batch": options.batch,
        "lengths": if options.rcv1 { "rcv1" } else { "full" },
        "tokens_per_document": documents.n_tokens() as f64 / documents.len() as f64,
        "peak_memory_bytes": process::peak_memory_bytes(),
    });
    #[expect(clippy::print_stdout, reason = "this is what a program calls")]
    {
        println!("{report}");
    }
    Ok(())
}

/// Median times of the parts of a training step, in milliseconds.
#[derive(Debug, Default, Serialize)]
struct Phases {
    /// Laying out the batch.
    batch: f64,
    forward: f64,
    backward: f64,
    /// Clipping and the optimizer.
    update: f64,
}

/// Documents a second in training, and how long the parts of a step take.
fn train<N: TextNetwork>(
    network: &mut N,
    documents: &EncodedDocuments,
    options: &Options,
) -> Result<(f64, Phases), KitError> {
    let groups = network.parameters().groups();
    let mut optimizer = Optimizer::new(
        network.parameters(),
        AdamOptions {
            learning_rate: 1e-4,
            ..AdamOptions::default()
        },
    );
    let mut passes = 0;
    let mut step = |batch: usize| -> Result<[f64; 4], KitError> {
        let members: Vec<usize> = (batch * options.batch..(batch + 1) * options.batch).collect();
        let moment = Moment {
            seed: 1,
            stage: 0,
            step: passes,
        };
        passes += 1;
        let mut clock = Instant::now();
        let mut lap = || {
            let elapsed = clock.elapsed().as_secs_f64() * 1e3;
            clock = Instant::now();
            elapsed
        };
        network.before_step(moment)?;
        let pass = Pass::training(moment);
        let batch = Batch::new(documents, &members, groups);
        let laid_out = lap();
        let losses = network.losses(&batch, &pass);
        let forward = lap();
        let gradients = pass.backward(&losses.total, &optimizer.wanted());
        let backward = lap();
        optimizer.update(&gradients, 1e-4, 1.0);
        Ok([laid_out, forward, backward, lap()])
    };
    step(0)?;
    step(1)?;
    let mut rates = Vec::new();
    let mut parts: [Vec<f64>; 4] = Default::default();
    for _ in 0..options.repetitions {
        let started = Instant::now();
        for batch in 0..options.steps {
            for (times, time) in parts.iter_mut().zip(step(batch + 2)?) {
                times.push(time);
            }
        }
        rates.push((options.steps * options.batch) as f64 / started.elapsed().as_secs_f64());
    }
    let [batch, forward, backward, update] = parts.map(|mut times| median(&mut times));
    let phases = Phases {
        batch,
        forward,
        backward,
        update,
    };
    Ok((median(&mut rates), phases))
}

/// Documents a second in prediction.
fn predict(network: &impl TrainedNetwork, documents: &EncodedDocuments, options: &Options) -> f64 {
    let _guard = tch::no_grad_guard();
    let once = || {
        let tokens = options.predict_batch * options.length;
        for members in deal_sorted(documents, options.predict_batch, tokens) {
            let _ = network.scores(&Batch::new(documents, &members, parallel::threads()));
        }
    };
    once();
    let mut rates = Vec::new();
    for _ in 0..options.repetitions {
        let started = Instant::now();
        once();
        rates.push(documents.len() as f64 / started.elapsed().as_secs_f64());
    }
    median(&mut rates)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
