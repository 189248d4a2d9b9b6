//! Trains on the folders below `ARBORIST_CORPORA` and prints raw test figures and times.
//!
//! `cargo run --release -p arborist-linear --example corpora -- [--preset P] [--set key=value]… [--threads N] [--no-validation] [CORPUS]…`
#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]

mod support;

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use arborist_plugin_api::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut preset = "balanced".to_owned();
    let mut sets = Vec::new();
    let mut threads = 2;
    let mut validation = true;
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing");
        match argument.as_str() {
            "--preset" => preset = value()?,
            "--set" => sets.push(value()?),
            "--threads" => threads = value()?.parse()?,
            "--no-validation" => validation = false,
            _ => names.push(argument),
        }
    }
    let root = PathBuf::from(std::env::var("ARBORIST_CORPORA")?);
    if names.is_empty() {
        names = [
            "chemical-exposure",
            "hallmarks-of-cancer",
            "clinc150",
            "dbpedia-classes-5000",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    println!(
        "{:22} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7} {:>8}",
        "corpus",
        "micro",
        "macro",
        "P@1",
        "nDCG@5",
        "R-prec",
        "logloss",
        "cal.err",
        "fit s",
        "load s",
        "docs/s"
    );
    for name in names {
        let directory = tempfile::tempdir()?;
        let corpus = support::Corpus::convert(&root.join(&name), directory.path())?;
        let hyperparameters = support::hyperparameters(&preset, &sets)?;
        let start = Instant::now();
        corpus.train(hyperparameters, threads, validation)?;
        let fit = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut model = corpus.load(threads)?;
        let load = start.elapsed().as_secs_f64();
        let (texts, gold) = corpus.documents("test")?;
        let (metrics, loss, error) = support::judge(&mut model, &corpus.taxonomy, &texts, &gold)?;
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            model.predict(&borrowed)?;
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!(
            "{name:22} {:7.4} {:7.4} {:7.4} {:7.4} {:7.4} {loss:7.4} {error:7.4} {fit:7.2} {load:7.3} {:8.0}",
            metrics.raw.micro_f1,
            metrics.raw.macro_f1,
            metrics.precision_at_1,
            metrics.ndcg_at_5,
            metrics.r_precision,
            texts.len() as f64 / best
        );
    }
    Ok(())
}
