//! Word vectors from a file in `GloVe`'s format: all of them, and those of a vocabulary of the usual size.
//!
//! Both sides read the same file and must end with the same table, by the sum of its numbers. The file is made once and
//! kept in the cache. It has been read before it is measured, so the disk does not count.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::corpora::{self, Random};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::process::{Cmd, cargo, cmd};
use crate::setup;
use crate::workspace::Workspace;

const WORDS: usize = 400_000;
const WIDTH: usize = 300;
/// Words of a vocabulary by the methods' defaults.
const VOCABULARY: usize = 50_000;

pub(super) fn load(workspace: &Workspace) -> Result<Benchmark<'_>> {
    setup::run(workspace, setup::Extras::default())?;
    let vectors = generate(workspace)?;
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .to_string();
    let example = |command: &str| {
        let mut arguments = vec![command, "--release", "-p", "arborist-model-kit"];
        arguments.extend(["--example", "word_vectors"]);
        cargo().args(arguments).dir(&workspace.root)
    };
    example("build").run()?;
    let python = setup::venv(workspace, "word_vectors_peer", |_| Ok(()))?;
    let script = workspace.root.join("xtask/bench/word_vectors_peer.py");
    let arguments = |limit: usize| {
        let arguments = [
            "--limit".to_owned(),
            limit.to_string(),
            "--vectors".to_owned(),
        ];
        arguments.to_vec()
    };
    let file = vectors.clone();
    let sum = Rc::new(Cell::new(None));
    let known = Rc::clone(&sum);
    let ours = move || {
        measure(&sum, |limit| {
            example("run")
                .args(["--", "--threads", &threads])
                .args(arguments(limit))
                .arg(&file)
        })
    };
    let theirs = move || {
        measure(&known, |limit| {
            cmd(&python)
                .arg(&script)
                .args(arguments(limit))
                .arg(&vectors)
        })
    };
    Ok(Benchmark {
        input: format!(
            "a generated file of {WORDS} words with {WIDTH} numbers each, {:.2} GB, in the system's memory already",
            size(&file_of(workspace))? / 1e9
        ),
        sides: vec![
            Side {
                program: "arborist-model-kit (example `word_vectors`), all cores".to_owned(),
                repeat: Box::new(ours),
            },
            Side {
                program: "Python with NumPy 2.4.6 (xtask/bench/word_vectors_peer.py), one core"
                    .to_owned(),
                repeat: Box::new(theirs),
            },
        ],
        figures: vec![
            figure(
                "all_seconds",
                "loading every word",
                Some(Goal::Absolute(10.0)),
            ),
            figure(
                "vocabulary_seconds",
                "loading the words of a vocabulary of 50,000",
                None,
            ),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

fn figure(key: &'static str, what: &'static str, required: Option<Goal>) -> Figure {
    Figure {
        key,
        what,
        unit: "s",
        better: Better::Lower,
        required,
        aim: None,
        floor: "–",
    }
}

/// Loads everything, then a vocabulary's share. `sum`: of the numbers that were loaded before, on whichever side.
fn measure(sum: &Cell<Option<f64>>, command: impl Fn(usize) -> Cmd) -> Result<Measured> {
    let answer = |limit| product::last_line(&command(limit).quiet().read()?);
    let (all, some): (Value, Value) = (answer(WORDS)?, answer(VOCABULARY)?);
    let words = product::number(&all, "words")?;
    ensure!(
        words == WORDS as f64,
        "{words} words were loaded, expected {WORDS}"
    );
    let found = product::number(&all, "sum")?;
    let expected = sum.replace(Some(found)).unwrap_or(found);
    // One side rounds its numbers twice, to double precision first.
    ensure!(
        (found - expected).abs() <= 1e-6 * expected.abs(),
        "the numbers add up to {found} on one side and {expected} on the other"
    );
    Ok(Measured::from([
        ("all_seconds", product::number(&all, "seconds")?),
        ("vocabulary_seconds", product::number(&some, "seconds")?),
    ]))
}

fn file_of(workspace: &Workspace) -> PathBuf {
    workspace
        .cache
        .join("bench")
        .join(format!("vectors-{WORDS}x{WIDTH}.txt"))
}

fn size(path: &Path) -> Result<f64> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.len() as f64)
}

/// Writes the file where it is not there yet: numbers as `GloVe` has them, five digits and mostly below one.
fn generate(workspace: &Workspace) -> Result<PathBuf> {
    let path = file_of(workspace);
    if path.exists() {
        return Ok(path);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let partial = path.with_extension("partial");
    let mut out = corpora::writer(&partial)?;
    let mut random = Random(0x5EED);
    let mut line = String::new();
    for word in 0..WORDS {
        line.clear();
        line.push_str(&corpora::spell(word));
        for _ in 0..WIDTH {
            let number = 0.8 * random.uniform() - 0.4;
            let digits = if number.abs() < 0.1 { 6 } else { 5 };
            line.push_str(&format!(" {number:.digits$}"));
        }
        writeln!(out, "{line}").with_context(|| format!("cannot write {}", partial.display()))?;
    }
    out.flush()?;
    std::fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
