//! Speed of training and prediction on random words: `cargo run --release -p arborist-hiagm --example throughput -- --lengths rcv1`.
//!
//! Prints one JSON object, with the same keys as `xtask/bench/hiagm_peer.py`, so that both sides can run in turns.

use std::rc::Rc;
use std::time::Instant;

use arborist_hiagm::Hyperparameters;
use arborist_hiagm::network::Network;
use arborist_model_kit::batch::{Batch, EncodedDocuments, deal_sorted};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::cpu::parallel;
use arborist_model_kit::optimizer::{AdamOptions, Optimizer};
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::process;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::training::Trainable;
use arborist_model_kit::word_method::{Inputs, Purpose, TrainedNetwork, WordNetwork};
use arborist_shared::taxonomy::{NewLabel, Taxonomy};
use tch::Device;

struct Options {
    labels: usize,
    batch: usize,
    length: usize,
    rcv1: bool,
    vocabulary: usize,
    steps: usize,
    repetitions: usize,
    predict_batch: usize,
    threads: u32,
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
                _ => return Err(format!("unknown option {key}")),
            }
        }
        Ok(options)
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
        };
        Ok(Taxonomy::new((0..self.labels).map(label).collect())?)
    }

    /// Words by Zipf's law; lengths all alike, or like RCV1 without stop words: log-normal, mean near 123, cut off.
    fn documents(&self, count: usize) -> EncodedDocuments {
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
            documents.push(&words, &[(unit() * self.labels as f64) as u32]);
        }
        documents
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse()?;
    process::prepare("cpu", options.threads)?;
    let mut hyperparameters = Hyperparameters::default();
    hyperparameters.text.max_length = options.length;
    let hierarchy = Hierarchy::new(&options.taxonomy()?, []);
    let inputs = Inputs {
        hierarchy: &hierarchy,
        words: options.vocabulary,
        word_size: 300,
        purpose: Purpose::Training,
    };
    let fresh = Parameters::fresh(Device::Cpu, 1);
    let network = Rc::new(Network::build(fresh, &hyperparameters, inputs)?);
    let parameters = network.parameters().count();
    let documents = options.documents(options.batch * (options.steps + 2));
    let groups = parallel::threads();

    let mut optimizer = Optimizer::new(
        network.parameters(),
        AdamOptions {
            learning_rate: 1e-4,
            ..AdamOptions::default()
        },
    );
    let mut passes = 0;
    let mut step = |optimizer: &mut Optimizer, batch: usize| {
        let members: Vec<usize> = (batch * options.batch..(batch + 1) * options.batch).collect();
        let pass = Pass::training(Moment {
            seed: 1,
            stage: 0,
            step: passes,
        });
        passes += 1;
        let losses = network.losses(&Batch::new(&documents, &members, groups), &pass);
        let gradients = pass.backward(&losses.total, &optimizer.wanted());
        optimizer.update(&gradients, 1e-4, 1.0);
    };
    step(&mut optimizer, 0);
    step(&mut optimizer, 1);
    let mut trained = Vec::new();
    for _ in 0..options.repetitions {
        let started = Instant::now();
        for batch in 0..options.steps {
            step(&mut optimizer, batch + 2);
        }
        trained.push((options.steps * options.batch) as f64 / started.elapsed().as_secs_f64());
    }
    drop(optimizer);

    let network = Rc::into_inner(network)
        .ok_or("the network is still in use")?
        .into_trained();
    let _guard = tch::no_grad_guard();
    let predict = || {
        for members in deal_sorted(
            &documents,
            options.predict_batch,
            options.predict_batch * options.length,
        ) {
            let _ = network.scores(&Batch::new(&documents, &members, groups));
        }
    };
    predict();
    let mut predicted = Vec::new();
    for _ in 0..options.repetitions {
        let started = Instant::now();
        predict();
        predicted.push(documents.len() as f64 / started.elapsed().as_secs_f64());
    }
    let report = serde_json::json!({
        "train_docs_per_s": median(&mut trained),
        "predict_docs_per_s": median(&mut predicted),
        "parameters": parameters,
        "torch": arborist_model_kit::TORCH_VERSION,
        "threads": options.threads,
        "labels": options.labels,
        "batch": options.batch,
        "lengths": if options.rcv1 { "rcv1" } else { "full" },
        "tokens_per_document": documents.n_tokens() as f64 / documents.len() as f64,
        "peak_memory_bytes": process::peak_memory_bytes(),
    });
    #[expect(clippy::print_stdout, reason = "this is a program")]
    {
        println!("{report}");
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
