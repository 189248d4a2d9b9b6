//! HiAGM-TP with GCN beside the same model written with PyTorch's own layers, as its authors did.
//!
//! Ours is what a user gets from the command line, files read and written; the peer's
//! loop has its batches in memory, so our loop alone is measured as well.

use std::cell::Cell;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::corpora::{self, Lengths, Shape};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, linear, product};
use crate::process::{Cmd, cargo, cmd};
use crate::setup;
use crate::workspace::Workspace;

/// Documents of a repetition: forty batches of 64, enough to even out the first ones.
const TRAIN: usize = 64 * 40;
const TEST: usize = 64 * 100;
const LABELS: usize = 98;
const VOCABULARY: usize = 50_000;

pub(super) fn full_length(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let goals = Goals {
        train: (210.0, 300.0),
        predict: (1200.0, 1600.0),
        floors: ("600", "1,790"),
    };
    benchmark(workspace, "hiagm", Lengths::Fixed(256), &goals)
}

pub(super) fn rcv1_lengths(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let goals = Goals {
        train: (300.0, 500.0),
        predict: (2500.0, 3500.0),
        floors: ("about 1,000", "–"),
    };
    benchmark(workspace, "hiagm-lengths", Lengths::Rcv1, &goals)
}

/// Required and aim, in documents per second.
struct Goals {
    train: (f64, f64),
    predict: (f64, f64),
    floors: (&'static str, &'static str),
}

fn benchmark<'a>(
    workspace: &'a Workspace,
    name: &str,
    lengths: Lengths,
    goals: &Goals,
) -> Result<Benchmark<'a>> {
    product::build(workspace)?;
    let scratch = product::scratch(workspace, name)?;
    let shape = Shape {
        train: TRAIN,
        validation: 64,
        test: TEST,
        labels: LABELS,
        vocabulary: VOCABULARY,
        lengths,
    };
    let corpus = corpora::generate(&scratch.join("corpus"), shape)?;
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .to_string();
    let lengths_flag = match lengths {
        Lengths::Fixed(_) => "full",
        Lengths::Rcv1 => "rcv1",
    };
    let python = peer(workspace)?;
    let script = workspace.root.join("xtask/bench/hiagm_peer.py");
    let flags = [
        "--labels".to_owned(),
        LABELS.to_string(),
        "--lengths".to_owned(),
        lengths_flag.to_owned(),
        "--threads".to_owned(),
        threads.clone(),
    ];
    let peer_flags = flags.clone();
    let theirs = move || {
        let answer = answer(cmd(&python).arg(&script).args(&peer_flags))?;
        let mut measured = rates(&answer)?;
        measured.insert("gemm_gflops", product::number(&answer, "gemm_gflops")?);
        Ok(measured)
    };
    let loop_alone = move || {
        let example = cargo()
            .args([
                "run",
                "--quiet",
                "--release",
                "-p",
                "arborist-hiagm",
                "--example",
                "throughput",
                "--",
            ])
            .args(&flags)
            .dir(&workspace.root);
        rates(&answer(example)?)
    };
    let turn = Cell::new(0);
    let ours = move || -> Result<Measured> {
        turn.set(turn.get() + 1);
        let run = scratch.join(format!("run-{}", turn.get()));
        let settings = [
            "--preset",
            "code",
            "--set",
            "epochs=1",
            "--set",
            "batch_size=64",
            "--set",
            "max_length=256",
        ];
        let mut measured =
            linear::train_and_predict(workspace, &corpus, "hiagm", &settings, &run, &corpus.test)
                .context("training HiAGM on generated documents")?;
        measured.retain(|key, _| key.ends_with("_docs_per_s"));
        product::remove(&run)?;
        Ok(measured)
    };
    let rate = |key, what, (required, aim): (f64, f64), floor| Figure {
        key,
        what,
        unit: "documents/s",
        better: Better::Higher,
        required: Some(Goal::Absolute(required)),
        aim: Some(Goal::Absolute(aim)),
        floor,
    };
    Ok(Benchmark {
        input: format!(
            "generated documents, {TRAIN} to train on and {TEST} to predict, {lengths:?} words, {LABELS} labels, \
             vocabulary {VOCABULARY}, batches of 64, {threads} threads"
        ),
        sides: vec![
            Side {
                program: product::version(workspace)?,
                repeat: Box::new(ours),
            },
            Side {
                program: "PyTorch 2.11.0 (xtask/bench/hiagm_peer.py), its loop alone".to_owned(),
                repeat: Box::new(theirs),
            },
            Side {
                program: "our loop alone (example `throughput`)".to_owned(),
                repeat: Box::new(loop_alone),
            },
        ],
        figures: vec![
            rate("train_docs_per_s", "training", goals.train, goals.floors.0),
            rate(
                "predict_docs_per_s",
                "prediction",
                goals.predict,
                goals.floors.1,
            ),
            Figure {
                key: "gemm_gflops",
                what: "a large matrix product of libtorch (300 where goals and floors were set)",
                unit: "GFLOP/s",
                better: Better::Higher,
                required: None,
                aim: None,
                floor: "–",
            },
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

pub(super) fn answer(command: Cmd) -> Result<Value> {
    product::last_line(&command.quiet().read()?)
}

/// Both rates of a program that prints them as JSON.
pub(super) fn rates(answer: &Value) -> Result<Measured> {
    Ok(Measured::from([
        (
            "train_docs_per_s",
            product::number(answer, "train_docs_per_s")?,
        ),
        (
            "predict_docs_per_s",
            product::number(answer, "predict_docs_per_s")?,
        ),
    ]))
}

/// PyTorch and transformers in an environment of their own, without the 2.5 GB of CUDA libraries that PyTorch asks for and a processor never calls.
pub(super) fn peer(workspace: &Workspace) -> Result<PathBuf> {
    let script = workspace.root.join("xtask/bench/torch_without_cuda.py");
    setup::venv(workspace, "torch_peer", |python| {
        let find = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
        let folder = cmd(python).args(["-c", find]).quiet().read()?;
        cmd(python).arg(script).arg(folder).run()
    })
}
