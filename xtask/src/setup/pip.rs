//! Pinned wheels from the Python package index, and virtual environments for benchmarks' peers.
//!
//! The index is asked through pip, so the machine's own settings hold and no host is
//! named here. The bytes are fetched by `python/fetch.py`, which resumes.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::install;
use crate::process::cmd;
use crate::workspace::Workspace;

/// A file of the index: name, version and SHA-256.
pub(super) struct Wheel {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) sha256: &'static str,
}

/// Nothing but the files that are named, each with the hash that is named.
const PINNED: [&str; 3] = ["--no-deps", "--only-binary=:all:", "--require-hashes"];

const NEEDS_PIP: &str =
    "install Python 3 with pip (on Debian: apt-get install python3 python3-pip)";

/// Downloads what is missing of `wheels` and returns the files, in the same order.
pub(super) fn fetch(workspace: &Workspace, wheels: &[Wheel]) -> Result<Vec<PathBuf>> {
    let pip = own_pip(workspace)?;
    let downloads = workspace.cache.join("downloads");
    fs::create_dir_all(&downloads)
        .with_context(|| format!("cannot make {}", downloads.display()))?;
    let files: Vec<PathBuf> = wheels
        .iter()
        .map(|wheel| downloads.join(format!("{}-{}.whl", wheel.name, wheel.version)))
        .collect();
    let request = json!({
        "wheels": wheels
            .iter()
            .zip(&files)
            .map(|(wheel, to)| json!({
                "name": wheel.name, "version": wheel.version, "sha256": wheel.sha256, "to": to,
            }))
            .collect::<Vec<_>>()
    });
    let mut progress = Progress::new();
    let outcome = cmd("python3")
        .env("PYTHONPATH", &pip)
        .arg(workspace.script("fetch.py"))
        .lines(&request.to_string(), |line| progress.take(line));
    progress.finish();
    if let Some(error) = progress.error {
        bail!("the download failed: {error}");
    }
    outcome?;
    Ok(files)
}

/// Unpacks `members` (from, to) of each wheel and deletes the wheels.
pub(super) fn unpack(
    workspace: &Workspace,
    files: &[PathBuf],
    members: &[Vec<(String, PathBuf)>],
) -> Result<()> {
    let jobs: String = files
        .iter()
        .zip(members)
        .map(|(wheel, members)| format!("{}\n", json!({"wheel": wheel, "members": members})))
        .collect();
    cmd("python3")
        .arg(workspace.script("unpack.py"))
        .remedy("see the line above; if the disk is full, make room and run the command again")
        .lines(&jobs, |line| eprintln!("{line}"))?;
    for file in files {
        fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

/// The pip of `python/pip.txt`, installed by whichever pip the machine has.
fn own_pip(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.script("pip.txt");
    let recipe = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let directory = workspace.cache.join("pip");
    if install::is_current(&directory, &recipe) {
        return Ok(directory);
    }
    install::replace(&directory, &recipe, |partial| {
        cmd("python3")
            .env("PIP_ROOT_USER_ACTION", "ignore")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(PINNED)
            .arg("--target")
            .arg(partial)
            .arg("--requirement")
            .arg(&requirements)
            .remedy(NEEDS_PIP)
            .run()
    })?;
    Ok(directory)
}

/// The Python of a virtual environment in the cache, for the other side of a benchmark: what `xtask/bench/NAME.txt`
/// pins by version and SHA-256; `finish` is what comes after.
pub(crate) fn venv(
    workspace: &Workspace,
    name: &str,
    finish: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let _lock = install::lock(workspace)?;
    let pip = own_pip(workspace)?;
    let requirements = workspace
        .root
        .join("xtask/bench")
        .join(format!("{name}.txt"));
    let recipe = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let directory = workspace.cache.join("venvs").join(name);
    let python = directory.join("bin/python");
    if !install::is_current(&directory, &recipe) {
        // A virtual environment knows its own path, so it is made in place; the stamp is written last.
        if directory.exists() {
            fs::remove_dir_all(&directory)
                .with_context(|| format!("cannot remove {}", directory.display()))?;
        }
        cmd("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(&directory)
            .remedy("install Python's venv module (on Debian: apt-get install python3-venv)")
            .run()?;
        cmd(&python)
            .env("PYTHONPATH", &pip)
            .env("PIP_ROOT_USER_ACTION", "ignore")
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(PINNED)
            .arg("--requirement")
            .arg(&requirements)
            .remedy("check that the package index can be reached, then run the command again")
            .run()?;
        finish(&python)?;
        install::stamp(&directory, &recipe)?;
    }
    Ok(python)
}

/// Shows fetch.py's lines: a bar on a terminal, a line per quarter elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    name: String,
    quarter: u64,
    error: Option<String>,
}

impl Progress {
    fn new() -> Progress {
        Progress {
            bar: None,
            name: String::new(),
            quarter: 0,
            error: None,
        }
    }

    fn take(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            eprintln!("{line}");
            return;
        };
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| event[key].as_u64().unwrap_or_default();
        match event["event"].as_str() {
            Some("start") => self.start(text("name"), count("done"), count("total")),
            Some("progress") => self.advance(count("done"), count("total")),
            Some("done") => self.finish(),
            Some("note") => eprintln!("{}: {}", text("name"), text("message")),
            Some("error") => self.error = Some(text("message")),
            _ => eprintln!("{line}"),
        }
    }

    fn start(&mut self, name: String, done: u64, total: u64) {
        self.finish();
        self.quarter = quarter(done, total);
        self.name = name;
        let bar = ProgressBar::new(total);
        if bar.is_hidden() {
            let from = if done > 0 {
                format!(", going on from {}", megabytes(done))
            } else {
                String::new()
            };
            eprintln!("  {}: {}{from}", self.name, megabytes(total));
        }
        if let Ok(style) = ProgressStyle::with_template(
            "  {msg:24} {wide_bar} {bytes:>10} of {total_bytes} {bytes_per_sec:>12} {eta:>4}",
        ) {
            bar.set_style(style);
        }
        bar.set_message(self.name.clone());
        bar.set_position(done);
        bar.reset_eta();
        self.bar = Some(bar);
    }

    fn advance(&mut self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(done);
        let quarter = quarter(done, total);
        if bar.is_hidden() && quarter > self.quarter && quarter < 4 {
            eprintln!("  {}: {} %", self.name, quarter * 25);
        }
        self.quarter = quarter;
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }
}

/// How many quarters are done; of an unknown size, none.
fn quarter(done: u64, total: u64) -> u64 {
    (done * 4).checked_div(total).unwrap_or(0)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The folder that a wheel's members go to, as text pairs for [`unpack`].
pub(super) fn into(to: &Path, members: &[(&str, &str)]) -> Vec<(String, PathBuf)> {
    members
        .iter()
        .map(|(from, path)| ((*from).to_owned(), to.join(path)))
        .collect()
}
