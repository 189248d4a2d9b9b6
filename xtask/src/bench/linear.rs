//! The linear method beside scikit-learn: same corpus, same features, same machine.

use std::cell::Cell;

use anyhow::Result;

use super::corpora::{self, Corpus, Lengths, Shape};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::process::cmd;
use crate::setup;
use crate::workspace::Workspace;

/// How often the test part is predicted, so that starting up does not count for much.
const REPEAT: usize = 10;

const MEGABYTE: f64 = 1024.0 * 1024.0;

pub(super) fn chemical_exposure(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let figures = vec![
        Figure {
            key: "fit_seconds",
            what: "fit",
            unit: "s",
            better: Better::Lower,
            required: Some(Goal::TimesPeer(1.0)),
            aim: Some(Goal::TimesPeer(2.0)),
            floor: "–",
        },
        predict(Goal::TimesPeer(3.0), Goal::TimesPeer(6.0)),
        f1("micro_f1", "test micro-F1, raw"),
        f1("macro_f1", "test macro-F1, raw"),
    ];
    benchmark(workspace, "chemical-exposure", figures)
}

pub(super) fn clinc(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let figures = vec![
        predict(Goal::Absolute(20_000.0), Goal::Absolute(60_000.0)),
        f1("micro_f1", "test micro-F1, raw"),
        f1("macro_f1", "test macro-F1, raw"),
    ];
    benchmark(workspace, "clinc150", figures)
}

/// A taxonomy too large for dense weights: what counts is that it works in the memory of a common machine.
pub(super) fn scale(workspace: &Workspace) -> Result<Benchmark<'_>> {
    product::build(workspace)?;
    let scratch = product::scratch(workspace, "linear-scale")?;
    let shape = Shape {
        train: 200_000,
        validation: 2_000,
        test: 20_000,
        labels: 30_000,
        vocabulary: 300_000,
        lengths: Lengths::Fixed(100),
    };
    let corpus = corpora::generate(&scratch.join("corpus"), shape)?;
    let ours = move || -> Result<Measured> {
        let run = scratch.join("run");
        product::remove(&run)?;
        let mut measured =
            train_and_predict(workspace, &corpus, "linear", &[], &run, &corpus.test)?;
        measured.remove("train_docs_per_s");
        Ok(measured)
    };
    let memory = |key, what| Figure {
        key,
        what,
        unit: "MB",
        better: Better::Lower,
        required: Some(Goal::Absolute(4096.0)),
        aim: Some(Goal::Absolute(2048.0)),
        floor: "–",
    };
    let plain = |key, what, unit, better| Figure {
        key,
        what,
        unit,
        better,
        required: None,
        aim: None,
        floor: "–",
    };
    Ok(Benchmark {
        input: format!(
            "generated: {} documents of 100 words, {} labels on six levels, {} documents predicted",
            shape.train, shape.labels, shape.test
        ),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            memory("train_megabytes", "peak memory of training"),
            memory("predict_megabytes", "peak memory of prediction"),
            plain("fit_seconds", "fit", "s", Better::Lower),
            plain(
                "predict_docs_per_s",
                "prediction",
                "documents/s",
                Better::Higher,
            ),
            f1("micro_f1", "test micro-F1, raw"),
        ],
        warm_up: 0,
        repetitions: 3,
    })
}

fn predict(required: Goal, aim: Goal) -> Figure {
    Figure {
        key: "predict_docs_per_s",
        what: "prediction",
        unit: "documents/s",
        better: Better::Higher,
        required: Some(required),
        aim: Some(aim),
        floor: "–",
    }
}

fn f1(key: &'static str, what: &'static str) -> Figure {
    Figure {
        key,
        what,
        unit: "fraction",
        better: Better::Higher,
        required: None,
        aim: None,
        floor: "–",
    }
}

fn benchmark<'a>(
    workspace: &'a Workspace,
    name: &str,
    figures: Vec<Figure>,
) -> Result<Benchmark<'a>> {
    product::build(workspace)?;
    let corpus = corpora::real(name)?;
    let scratch = product::scratch(workspace, &format!("linear-{name}"))?;
    let many = scratch.join("many.jsonl");
    let count = corpora::repeat(&corpus.test, REPEAT, &many)?;
    let python = setup::venv(workspace, "linear_peer", |_| Ok(()))?;
    let script = workspace.root.join("xtask/bench/linear_peer.py");
    let peer_corpus = corpus.clone();
    let theirs = move || -> Result<Measured> {
        let text = cmd(&python)
            .arg(&script)
            .arg("--train")
            .arg(&peer_corpus.train)
            .arg("--test")
            .arg(&peer_corpus.test)
            .args(["--predict-repeat", &REPEAT.to_string()])
            .quiet()
            .read()?;
        let answer = product::last_line(&text)?;
        ["fit_seconds", "predict_docs_per_s", "micro_f1", "macro_f1"]
            .into_iter()
            .map(|key| Ok((key, product::number(&answer, key)?)))
            .collect()
    };
    let turn = Cell::new(0);
    let ours = move || -> Result<Measured> {
        turn.set(turn.get() + 1);
        let run = scratch.join(format!("run-{}", turn.get()));
        let measured = train_and_predict(workspace, &corpus, "linear", &[], &run, &many)?;
        product::remove(&run)?;
        Ok(measured)
    };
    Ok(Benchmark {
        input: format!(
            "{name}, fitted on its train part, predicting its test part {REPEAT} times over ({count} documents)"
        ),
        sides: vec![
            Side {
                program: product::version(workspace)?,
                repeat: Box::new(ours),
            },
            Side {
                program: "scikit-learn 1.9.1 (TfidfVectorizer, LinearSVC)".to_owned(),
                repeat: Box::new(theirs),
            },
        ],
        figures,
        warm_up: 1,
        repetitions: 5,
    })
}

/// `arborist train`, then `arborist predict` on `input`; the keys are those of the figures.
pub(super) fn train_and_predict(
    workspace: &Workspace,
    corpus: &Corpus,
    method: &str,
    settings: &[&str],
    run: &std::path::Path,
    input: &std::path::Path,
) -> Result<Measured> {
    let run = product::text(run)?;
    let mut arguments = vec![
        "train",
        "--method",
        method,
        "--train",
        product::text(&corpus.train)?,
        "--validation",
        product::text(&corpus.validation)?,
        "--test",
        product::text(&corpus.test)?,
        "--taxonomy",
        product::text(&corpus.taxonomy)?,
        "--device",
        "cpu",
        "--out",
        run,
        "--json",
    ];
    arguments.extend(settings);
    let trained = product::json(workspace, &arguments)?;
    let (predicted, predict_bytes) = product::json_and_memory(
        workspace,
        &[
            "predict",
            "--run",
            run,
            "--input",
            product::text(input)?,
            "--output",
            "/dev/null",
            "--device",
            "cpu",
            "--json",
        ],
    )?;
    Ok(Measured::from([
        ("fit_seconds", product::number(&trained, "train_seconds")?),
        (
            "train_megabytes",
            product::number(&trained, "peak_memory_bytes")? / MEGABYTE,
        ),
        ("predict_megabytes", predict_bytes / MEGABYTE),
        (
            "train_docs_per_s",
            product::number(&trained, "train_docs_per_s")?,
        ),
        (
            "predict_docs_per_s",
            product::number(&predicted, "docs_per_s")?,
        ),
        ("micro_f1", product::number(&trained, "test/raw/micro_f1")?),
        ("macro_f1", product::number(&trained, "test/raw/macro_f1")?),
    ]))
}
