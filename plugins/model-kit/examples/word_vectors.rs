//! Time to load word vectors: `cargo run --release -p arborist-model-kit --example word_vectors -- --limit 50000 --vectors FILE`.
//!
//! The vocabulary is the first words of the file, as when no document has been read. Prints one JSON object, with the
//! same keys as `xtask/bench/word_vectors_peer.py`.

use std::path::PathBuf;
use std::time::Instant;

use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::process;
use arborist_model_kit::text::{VocabularyBuilder, VocabularyLimits, WordVectors};
use arborist_plugin_api::{Host, HostCallbacks};
use arborist_shared::run::RunEvent;
use tch::{Device, Kind};

/// A host that only waits.
struct Patient;

impl HostCallbacks for Patient {
    fn emit(&self, _event: RunEvent) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

struct Options {
    vectors: PathBuf,
    limit: usize,
    threads: u32,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let mut options = Self {
            vectors: PathBuf::new(),
            limit: 50_000,
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
                "--vectors" => options.vectors = PathBuf::from(&value),
                "--limit" => options.limit = number()?,
                "--threads" => options.threads = number()? as u32,
                _ => return Err(format!("unknown option {key}")),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse()?;
    process::prepare("cpu", options.threads)?;
    let host = Host::new(&Patient);
    let limits = VocabularyLimits {
        min_frequency: 1,
        max_size: options.limit,
    };

    let started = Instant::now();
    let vectors = WordVectors::open(&options.vectors, &host)?;
    let opened = started.elapsed();
    let mut builder = VocabularyBuilder::default();
    for word in vectors.words() {
        builder.known(word, limits);
    }
    let vocabulary = builder.finish(limits);
    let counted = started.elapsed();
    // The table is there with or without vectors: it is no part of loading.
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let shape = [vocabulary.len() as i64, vectors.width() as i64];
    let table = parameters.add_table("words", shape, &Initializer::Constant(0.0), None)?;
    let started = Instant::now();
    let found = vectors.fill(&table, &vocabulary, &host)?;
    let filled = started.elapsed();

    let report = serde_json::json!({
        "seconds": (counted + filled).as_secs_f64(),
        "open_seconds": opened.as_secs_f64(),
        "vocabulary_seconds": (counted - opened).as_secs_f64(),
        "fill_seconds": filled.as_secs_f64(),
        "words": found.len(),
        "sum": table.values().sum(Kind::Double).double_value(&[]),
        "threads": options.threads,
        "peak_memory_bytes": process::peak_memory_bytes(),
    });
    #[expect(clippy::print_stdout, reason = "this is a program")]
    {
        println!("{report}");
    }
    Ok(())
}
