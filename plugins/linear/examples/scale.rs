//! A generated corpus of any size: time and peak memory of training and of prediction, each in a process of its own.
//!
//! `cargo run --release -p arborist-linear --example scale -- [--labels 30000] [--documents 200000] [--words 100] [--levels 3] [--set key=value]…`
#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

mod support;

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use arborist_plugin_api::Model;
use arborist_plugin_api::shared::corpus::SnapshotDocument;
use arborist_plugin_api::shared::taxonomy::{NewLabel, Taxonomy};

use support::Corpus;

struct Options {
    labels: usize,
    documents: usize,
    words: usize,
    levels: u32,
    threads: u32,
    sets: Vec<String>,
    stage: Option<(String, PathBuf)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        labels: 30_000,
        documents: 200_000,
        words: 100,
        levels: 3,
        threads: 2,
        sets: Vec::new(),
        stage: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--labels" => options.labels = value()?.parse()?,
            "--documents" => options.documents = value()?.parse()?,
            "--words" => options.words = value()?.parse()?,
            "--levels" => options.levels = value()?.parse()?,
            "--threads" => options.threads = value()?.parse()?,
            "--set" => options.sets.push(value()?),
            "--stage" => options.stage = Some((value()?, PathBuf::from(value()?))),
            _ => return Err(format!("unknown argument {argument}").into()),
        }
    }
    match &options.stage {
        Some((stage, directory)) if stage == "train" => train(&options, directory),
        Some((_, directory)) => predict(&options, directory),
        None => {
            let directory = tempfile::tempdir()?;
            generate(&options, directory.path())?;
            for stage in ["train", "predict"] {
                let status = Command::new(std::env::current_exe()?)
                    .args(["--stage", stage])
                    .arg(directory.path())
                    .args(["--threads", &options.threads.to_string()])
                    .args(options.sets.iter().flat_map(|set| ["--set", set]))
                    .status()?;
                if !status.success() {
                    return Err(format!("{stage} failed").into());
                }
            }
            Ok(())
        }
    }
}

fn train(options: &Options, directory: &Path) -> Result<(), Box<dyn Error>> {
    let corpus = open(directory)?;
    let start = Instant::now();
    corpus.train(
        support::hyperparameters("balanced", &options.sets)?,
        options.threads,
        true,
    )?;
    println!(
        "train: {:.1} s, peak {} MB",
        start.elapsed().as_secs_f64(),
        peak_megabytes()
    );
    for entry in fs::read_dir(directory.join("checkpoint"))? {
        let entry = entry?;
        println!(
            "  {}: {} MB",
            entry.file_name().display(),
            entry.metadata()?.len() >> 20
        );
    }
    Ok(())
}

fn predict(options: &Options, directory: &Path) -> Result<(), Box<dyn Error>> {
    let corpus = open(directory)?;
    let start = Instant::now();
    let mut model = corpus.load(options.threads)?;
    println!(
        "load: {:.2} s, peak {} MB",
        start.elapsed().as_secs_f64(),
        peak_megabytes()
    );
    let (texts, gold) = corpus.documents("test")?;
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let start = Instant::now();
    for texts in borrowed.chunks(1000) {
        model.predict(texts)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "predict: {:.0} documents/s, peak {} MB",
        texts.len() as f64 / seconds,
        peak_megabytes()
    );
    let few = 2000.min(texts.len());
    let (metrics, ..) = support::judge(&mut model, &corpus.taxonomy, &texts[..few], &gold[..few])?;
    println!(
        "raw micro-F1 {:.4}, R-precision {:.4}",
        metrics.raw.micro_f1, metrics.r_precision
    );
    Ok(())
}

fn open(directory: &Path) -> Result<Corpus, Box<dyn Error>> {
    let taxonomy = serde_json::from_slice(&fs::read(directory.join("taxonomy.json"))?)?;
    Ok(Corpus {
        directory: directory.to_owned(),
        taxonomy,
    })
}

/// A balanced tree; every label has words of its own, and a document mixes the words of one to three leaves, of their
/// ancestors and of the language at large.
fn generate(options: &Options, directory: &Path) -> Result<(), Box<dyn Error>> {
    let branching = (options.labels as f64)
        .powf(1.0 / f64::from(options.levels))
        .ceil() as usize;
    let mut labels: Vec<NewLabel> = Vec::new();
    let mut parents: Vec<Option<usize>> = Vec::new();
    let mut level: Vec<Option<usize>> = vec![None];
    'levels: loop {
        let mut next = Vec::new();
        for &parent in &level {
            for _ in 0..branching {
                if labels.len() == options.labels {
                    break 'levels;
                }
                let id = labels.len();
                let above = parent.map(|parent| format!("label {parent}"));
                labels.push(NewLabel {
                    id: format!("label {id}"),
                    name: String::new(),
                    parents: above.into_iter().collect(),
                });
                parents.push(parent);
                next.push(Some(id));
            }
        }
        level = next;
    }
    let leaves: Vec<usize> = {
        let mut inner = vec![false; labels.len()];
        parents
            .iter()
            .flatten()
            .for_each(|&parent| inner[parent] = true);
        (0..labels.len()).filter(|&label| !inner[label]).collect()
    };
    let taxonomy = Taxonomy::new(labels)?;
    fs::write(
        directory.join("taxonomy.json"),
        serde_json::to_vec(&taxonomy)?,
    )?;

    let mut random = Random(7);
    let splits = [
        ("train", options.documents),
        ("validation", options.documents / 20),
        ("test", options.documents / 10),
    ];
    for (split, n_documents) in splits {
        let mut file = BufWriter::new(fs::File::create(directory.join(format!("{split}.jsonl")))?);
        for number in 0..n_documents {
            let explicit: Vec<usize> = (0..1 + random.below(3))
                .map(|_| leaves[random.skewed(leaves.len())])
                .collect();
            let mut text = String::new();
            for _ in 0..options.words / 2 + random.below(options.words) {
                let word = match random.below(10) {
                    0..6 => format!("w{}", random.skewed(100_000)),
                    place => {
                        let mut label = explicit[random.below(explicit.len())];
                        for _ in 6..place {
                            label = parents[label].unwrap_or(label);
                        }
                        format!("t{label}x{}", random.skewed(20))
                    }
                };
                text.push_str(&word);
                text.push(' ');
            }
            let mut explicit: Vec<u32> = explicit.iter().map(|&label| label as u32).collect();
            explicit.sort_unstable();
            explicit.dedup();
            let labels = taxonomy.close(&explicit);
            serde_json::to_writer(
                &mut file,
                &SnapshotDocument {
                    id: number.to_string(),
                    text,
                    labels,
                    explicit,
                },
            )?;
            file.write_all(b"\n")?;
        }
        file.flush()?;
    }
    println!(
        "{} labels, {} levels of {branching}; {} documents",
        options.labels,
        taxonomy.depth(),
        options.documents
    );
    Ok(())
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * limit as u128) >> 64) as usize
    }

    /// Small numbers often, large ones rarely.
    fn skewed(&mut self, limit: usize) -> usize {
        let uniform = (self.below(1 << 30) + 1) as f64 / f64::from(1 << 30);
        ((limit as f64).powf(uniform) as usize)
            .saturating_sub(1)
            .min(limit - 1)
    }
}

/// Peak resident memory of this process, from Linux.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) >> 10
}
