//! MiniLM with a linear layer (`flat`, `architecture=bert`) beside Hugging Face's transformers on the same files.
//!
//! Ours is the command line, tokenizing included; theirs tokenizes as well, pads to the longest document of each batch
//! and has its files in memory.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::corpora::{self, Corpus, Lengths, Shape};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, hiagm, linear, product};
use crate::process::cmd;
use crate::setup;
use crate::workspace::Workspace;

/// Documents that are trained on: twenty updates, two and a half minutes of the peer.
const TRAIN: usize = 240;
/// Of the test part every so many documents are predicted.
const TEST_EVERY: usize = 2;
/// Of generated documents.
const TEST: usize = 640;
const LABELS: usize = 98;

/// Required and aim, in times the peer.
struct Goals {
    train: Option<(f64, f64)>,
    predict: (f64, f64),
    predict_int8: (f64, f64),
    floors: (&'static str, &'static str),
}

pub(super) fn real_lengths(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let scratch = product::scratch(workspace, "minilm")?;
    let corpus = excerpt(&scratch)?;
    let goals = Goals {
        train: Some((1.5, 2.2)),
        predict: (2.0, 2.5),
        predict_int8: (5.0, 8.0),
        floors: ("–", "–"),
    };
    let input = format!(
        "dbpedia-classes-5000: {TRAIN} documents of its train part in batches of 12, every second one of its test part in batches of 32 (theirs)"
    );
    benchmark(workspace, scratch, corpus, 512, input, &goals)
}

pub(super) fn equal_lengths(workspace: &Workspace) -> Result<Benchmark<'_>> {
    let scratch = product::scratch(workspace, "minilm-equal")?;
    let shape = Shape {
        train: 96,
        validation: 16,
        test: TEST,
        labels: LABELS,
        vocabulary: 50_000,
        lengths: Lengths::Fixed(256),
    };
    let corpus = corpora::generate(&scratch.join("corpus"), shape)?;
    let goals = Goals {
        train: None,
        predict: (1.1, 1.25),
        predict_int8: (2.2, 3.0),
        floors: ("1.3 ×", "about 4 ×"),
    };
    let input = format!("{TEST} generated documents, each cut at 256 pieces");
    benchmark(workspace, scratch, corpus, 256, input, &goals)
}

/// Methods that read with a pretrained encoder, and what their trainings here are told besides.
const METHODS: [(&str, &[&str]); 3] = [
    ("flat", &["architecture=bert"]),
    ("hgclr", &[]),
    // The label stage is not a part of the rates.
    ("hbgl", &["global_steps=0"]),
];

/// The methods beside each other: what a second view and generation cost.
pub(super) fn methods(workspace: &Workspace) -> Result<Benchmark<'_>> {
    product::build(workspace)?;
    let scratch = product::scratch(workspace, "encoders")?;
    let corpus = excerpt(&scratch)?;
    let encoder = setup::encoder_directory(workspace);
    let sides = METHODS
        .into_iter()
        .map(|(method, settings)| {
            let (corpus, encoder) = (corpus.clone(), encoder.clone());
            let run = scratch.join(method);
            Side {
                program: method.to_owned(),
                repeat: Box::new(move || {
                    product::remove(&run)?;
                    let mut options = vec!["--encoder", product::text(&encoder)?];
                    for set in ["epochs=1"].iter().chain(settings) {
                        options.extend(["--set", set]);
                    }
                    let mut measured = linear::train_and_predict(
                        workspace,
                        &corpus,
                        method,
                        &options,
                        &run,
                        &corpus.test,
                    )?;
                    measured.retain(|key, _| key.ends_with("_docs_per_s"));
                    Ok(measured)
                }),
            }
        })
        .collect();
    let rate = |key, what| Figure {
        key,
        what,
        unit: "documents/s",
        better: Better::Higher,
        required: None,
        aim: None,
        floor: "–",
    };
    Ok(Benchmark {
        input: format!(
            "dbpedia-classes-5000: {TRAIN} documents of its train part in batches of 12, every second one of its test part; MiniLM"
        ),
        sides,
        figures: vec![
            rate("train_docs_per_s", "training"),
            rate("predict_docs_per_s", "prediction, single precision"),
        ],
        warm_up: 0,
        repetitions: 5,
    })
}

/// The first documents of dbpedia-classes-5000, with half of its test part.
fn excerpt(scratch: &Path) -> Result<Corpus> {
    let real = corpora::real("dbpedia-classes-5000")?;
    let corpus = Corpus {
        train: scratch.join("train.jsonl"),
        validation: scratch.join("validation.jsonl"),
        test: scratch.join("test.jsonl"),
        ..real.clone()
    };
    corpora::excerpt(&real.train, 1, TRAIN, &corpus.train)?;
    corpora::excerpt(&real.validation, 1, 32, &corpus.validation)?;
    corpora::excerpt(&real.test, TEST_EVERY, usize::MAX, &corpus.test)?;
    Ok(corpus)
}

fn benchmark<'a>(
    workspace: &'a Workspace,
    scratch: PathBuf,
    corpus: Corpus,
    max_length: usize,
    input: String,
    goals: &Goals,
) -> Result<Benchmark<'a>> {
    product::build(workspace)?;
    let python = hiagm::peer(workspace)?;
    let script = workspace.root.join("xtask/bench/minilm_peer.py");
    let encoder = setup::encoder_directory(workspace);
    let labels = corpora::count(&corpus.taxonomy)?;
    let theirs = {
        let corpus = corpus.clone();
        let encoder = encoder.clone();
        move || -> Result<Measured> {
            let answer = hiagm::answer(
                cmd(&python)
                    .arg(&script)
                    .arg("--encoder")
                    .arg(&encoder)
                    .arg("--train")
                    .arg(&corpus.train)
                    .arg("--test")
                    .arg(&corpus.test)
                    .args(["--labels", &labels.to_string()])
                    .args(["--max-length", &max_length.to_string()]),
            )?;
            let mut measured = hiagm::rates(&answer)?;
            // They have nothing but single precision here.
            measured.insert("predict_int8_docs_per_s", measured["predict_docs_per_s"]);
            Ok(measured)
        }
    };
    let settings = move |precision: &str| {
        let encoder = product::text(&encoder)?;
        let mut settings = vec!["--encoder".to_owned(), encoder.to_owned()];
        for set in [
            "architecture=bert".to_owned(),
            "epochs=1".to_owned(),
            format!("max_length={max_length}"),
            format!("precision={precision}"),
        ] {
            settings.extend(["--set".to_owned(), set]);
        }
        Ok::<_, anyhow::Error>(settings)
    };
    let turn = Cell::new(0);
    let ours = move || -> Result<Measured> {
        turn.set(turn.get() + 1);
        let train = |precision: &str, run: &Path| -> Result<Measured> {
            let settings = settings(precision)?;
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            linear::train_and_predict(workspace, &corpus, "flat", &settings, run, &corpus.test)
        };
        let run = scratch.join(format!("run-{}", turn.get()));
        let mut measured = train("single", &run)?;
        measured.retain(|key, _| key.ends_with("_docs_per_s"));
        product::remove(&run)?;
        let int8 = train("int8", &run)?;
        measured.insert("predict_int8_docs_per_s", int8["predict_docs_per_s"]);
        product::remove(&run)?;
        Ok(measured)
    };
    let rate = |key, what, goals: Option<(f64, f64)>, floor| Figure {
        key,
        what,
        unit: "documents/s",
        better: Better::Higher,
        required: goals.map(|(required, _)| Goal::TimesPeer(required)),
        aim: goals.map(|(_, aim)| Goal::TimesPeer(aim)),
        floor,
    };
    Ok(Benchmark {
        input,
        sides: vec![
            Side {
                program: product::version(workspace)?,
                repeat: Box::new(ours),
            },
            Side {
                program: "transformers 4.57.1, PyTorch 2.11.0 (xtask/bench/minilm_peer.py)"
                    .to_owned(),
                repeat: Box::new(theirs),
            },
        ],
        figures: vec![
            rate("train_docs_per_s", "training", goals.train, "–"),
            rate(
                "predict_docs_per_s",
                "prediction, single precision",
                Some(goals.predict),
                goals.floors.0,
            ),
            rate(
                "predict_int8_docs_per_s",
                "prediction, eight bits",
                Some(goals.predict_int8),
                goals.floors.1,
            ),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}
