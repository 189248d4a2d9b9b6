//! Figures on the real corpora: `ARBORIST_CORPORA=… cargo run --release -p arborist-hiagm --example corpora -- chemical-exposure --seeds 1,2,3 --set epochs=25`.
//!
//! Trains, predicts the test split through the public interface and prints raw and decoded F1 with the host's metrics.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arborist_hiagm::{HiAgm, Hyperparameters};
use arborist_plugin_api::{Host, HostCallbacks, LoadRequest, Method, Model, Scores, TrainRequest};
use arborist_shared::corpus::{SnapshotDocument, parse_row, resolve_labels};
use arborist_shared::metrics::Counts;
use arborist_shared::run::RunEvent;
use arborist_shared::taxonomy::{self, Taxonomy};
use serde_json::{Map, Value};

struct Options {
    corpus: String,
    preset: String,
    seeds: Vec<u64>,
    threads: u32,
    overrides: Map<String, Value>,
    verbose: bool,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let mut options = Self {
            corpus: String::new(),
            preset: "balanced".to_owned(),
            seeds: vec![1],
            threads: 2,
            overrides: Map::new(),
            verbose: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--preset" => options.preset = value()?,
                "--seeds" => {
                    options.seeds = value()?
                        .split(',')
                        .filter_map(|seed| seed.parse().ok())
                        .collect()
                }
                "--threads" => {
                    options.threads = value()?.parse().map_err(|_| "threads are a number")?
                }
                "--verbose" => options.verbose = true,
                "--set" => {
                    let pair = value()?;
                    let (key, value) = pair.split_once('=').ok_or("--set needs key=value")?;
                    let parsed = serde_json::from_str(value)
                        .unwrap_or_else(|_| Value::String(value.to_owned()));
                    options.overrides.insert(key.to_owned(), parsed);
                }
                corpus => options.corpus = corpus.to_owned(),
            }
        }
        Ok(options)
    }
}

/// Writes the corpus as snapshots and returns its taxonomy.
fn convert(from: &Path, to: &Path) -> Result<Taxonomy, Box<dyn Error>> {
    let taxonomy = taxonomy::parse(&fs::read(from.join("taxonomy.tsv"))?, None)?.taxonomy;
    fs::write(to.join("taxonomy.json"), serde_json::to_vec(&taxonomy)?)?;
    for (name, split) in [("train", "train"), ("val", "validation"), ("test", "test")] {
        let mut file = BufWriter::new(fs::File::create(to.join(format!("{split}.jsonl")))?);
        let rows = fs::read_to_string(from.join(format!("{name}.jsonl")))?;
        for (number, line) in rows.lines().enumerate() {
            let row = parse_row(line.as_bytes(), number as u64 + 1)?;
            let labels = resolve_labels(&taxonomy, &row.labels.unwrap_or_default())?;
            let document = SnapshotDocument {
                id: number.to_string(),
                text: row.text,
                labels: labels.closed,
                explicit: labels.explicit,
            };
            serde_json::to_writer(&mut file, &document)?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
    }
    Ok(taxonomy)
}

struct Terminal {
    verbose: bool,
}

impl HostCallbacks for Terminal {
    fn emit(&self, event: RunEvent) {
        match event {
            RunEvent::Epoch {
                epoch,
                losses,
                validation,
                documents_per_second,
                seconds,
                peak_memory_bytes,
                ..
            } if self.verbose => {
                let megabytes = peak_memory_bytes >> 20;
                eprintln!(
                    "epoch {epoch}: {losses:?} {validation:?} {documents_per_second:.0} docs/s {seconds:.1} s {megabytes} MB"
                );
            }
            RunEvent::Log { message, .. } => eprintln!("{message}"),
            _ => {}
        }
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse()?;
    let corpora = std::env::var_os("ARBORIST_CORPORA")
        .ok_or("ARBORIST_CORPORA names the folder of the corpora")?;
    let directory = tempfile::tempdir()?;
    let root = directory.path();
    let taxonomy = convert(&PathBuf::from(corpora).join(&options.corpus), root)?;
    let resolved =
        HiAgm::manifest().resolve(Some(&options.preset), &[options.overrides.clone()])?;
    let hyperparameters: Hyperparameters = serde_json::from_value(Value::Object(resolved))?;
    let test: Vec<SnapshotDocument> = fs::read_to_string(root.join("test.jsonl"))?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let mut all = Vec::new();
    for &seed in &options.seeds {
        let figures = run(&options, &hyperparameters, seed, root, &taxonomy, &test)?;
        all.push(figures);
    }
    let mean =
        |index: usize| all.iter().map(|figures| figures[index]).sum::<f64>() / all.len() as f64;
    eprintln!(
        "{} seeds: raw micro {:.4} macro {:.4}, decoded micro {:.4} macro {:.4}",
        all.len(),
        mean(0),
        mean(1),
        mean(2),
        mean(3)
    );
    Ok(())
}

fn run(
    options: &Options,
    hyperparameters: &Hyperparameters,
    seed: u64,
    root: &Path,
    taxonomy: &Taxonomy,
    test: &[SnapshotDocument],
) -> Result<[f64; 4], Box<dyn Error>> {
    let checkpoint = root.join(format!("checkpoint-{seed}"));
    fs::create_dir_all(&checkpoint)?;
    let request = TrainRequest {
        checkpoint: checkpoint.clone(),
        train: root.join("train.jsonl"),
        validation: Some(root.join("validation.jsonl")),
        taxonomy: root.join("taxonomy.json"),
        seed,
        device: "cpu".to_owned(),
        threads: options.threads,
        encoder: None,
        word_vectors: None,
    };
    let started = Instant::now();
    HiAgm::train(
        hyperparameters.clone(),
        &request,
        &Host::new(&Terminal {
            verbose: options.verbose,
        }),
    )?;
    let trained = started.elapsed().as_secs_f64();
    let mut model = HiAgm::load(&LoadRequest {
        checkpoint,
        taxonomy: root.join("taxonomy.json"),
        device: "cpu".to_owned(),
        threads: options.threads,
        encoder: None,
    })?;
    let texts: Vec<&str> = test.iter().map(|document| document.text.as_str()).collect();
    let started = Instant::now();
    let predictions = model.predict(&texts)?;
    let rate = texts.len() as f64 / started.elapsed().as_secs_f64();
    let (mut raw, mut decoded) = (Counts::new(taxonomy.len()), Counts::new(taxonomy.len()));
    let Scores::Dense { n_labels, values } = predictions.scores else {
        return Err("HiAGM scores every label".into());
    };
    for (document, row) in test.iter().zip(values.chunks_exact(n_labels)) {
        let set: Vec<u32> = (0..)
            .zip(row)
            .filter(|(_, score)| **score > model.threshold())
            .map(|(label, _)| label)
            .collect();
        raw.add(&document.labels, &set);
        decoded.add(&document.labels, &taxonomy.close(&set));
    }
    let figures = [
        raw.micro_f1(),
        raw.macro_f1(),
        decoded.micro_f1(),
        decoded.macro_f1(),
    ];
    eprintln!(
        "seed {seed}: raw micro {:.4} macro {:.4}, decoded micro {:.4} macro {:.4}; trained in {trained:.0} s, predicted {rate:.0} docs/s",
        figures[0], figures[1], figures[2], figures[3]
    );
    Ok(figures)
}
