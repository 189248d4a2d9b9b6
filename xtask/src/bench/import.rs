//! Importing a million short rows: how long it takes and what the server needs for it.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use super::corpora::{Random, spell};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::demo;
use crate::process::cmd;
use crate::server::Server;
use crate::workspace::Workspace;

const ROWS: usize = 1_000_000;
const WORDS: usize = 20;
const LABELS: usize = 100;
pub(super) const VOCABULARY: usize = 30_000;
/// The word that half of the rows have.
pub(super) const COMMON: &str = "everywhere";
/// A row that breaks off behind its last character.
const BROKEN: &str = r#"{"id": "broken", "text":"#;

pub(super) fn million(workspace: &Workspace) -> Result<Benchmark<'_>> {
    product::build_server(workspace)?;
    let scratch = product::scratch(workspace, "import")?;
    let (rows, taxonomy) = (scratch.join("rows.jsonl"), scratch.join("taxonomy.tsv"));
    write(&rows, &taxonomy)?;
    let turn = RefCell::new(0);
    let ours = move || {
        *turn.borrow_mut() += 1;
        let data = scratch.join(format!("data-{}", turn.borrow()));
        let mut imported = import(workspace, &data, &rows, &taxonomy)?;
        imported.server.stop()?;
        product::remove(&data)?;
        Ok(imported.measured)
    };
    Ok(Benchmark {
        input: input(),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            Figure {
                key: "peak_megabytes",
                what: "the server's peak memory",
                unit: "MB",
                better: Better::Lower,
                required: Some(Goal::Absolute(512.0)),
                aim: Some(Goal::Absolute(256.0)),
                floor: "–",
            },
            Figure {
                key: "seconds",
                what: "upload and import",
                unit: "s",
                better: Better::Lower,
                required: None,
                aim: None,
                floor: "–",
            },
        ],
        warm_up: 0,
        repetitions: 5,
    })
}

/// What goes in, in words.
pub(super) fn input() -> String {
    format!(
        "{ROWS} generated rows of {WORDS} words, half of them with one word in common, with up to 2 of {LABELS} labels, one row broken"
    )
}

/// A server that has read the rows.
pub(super) struct Imported {
    pub(super) server: Server,
    pub(super) project: i64,
    pub(super) corpus: i64,
    pub(super) measured: Measured,
}

/// Starts a server on an empty folder and has it read the rows.
pub(super) fn import(
    workspace: &Workspace,
    data: &Path,
    rows: &Path,
    taxonomy: &Path,
) -> Result<Imported> {
    let server = Server::start(workspace, data, None)?;
    let mut client = server.client()?;
    let project = client.post("/api/v1/projects", &json!({"name": "Import"}))?["project"]["id"]
        .as_i64()
        .context("the server named no project")?;
    let tree = fs::read(taxonomy)?;
    let path = format!("/api/v1/projects/{project}/taxonomies?format=tsv");
    let answer = client
        .send("POST", &path, Some(("application/octet-stream", &tree)))?
        .json("POST", &path)?;
    demo::wait_for(
        &mut client,
        answer["job"].as_i64().context("no job")?,
        "taxonomy",
    )?;
    let taxonomies = client.get(&format!("/api/v1/projects/{project}/taxonomies"))?;
    let taxonomy = taxonomies["taxonomies"][0]["id"]
        .as_i64()
        .context("no taxonomy was made")?;

    let started = Instant::now();
    let url = format!(
        "{}/api/v1/projects/{project}/corpora?format=jsonl&taxonomy={taxonomy}&split=0.8,0.1,0.1&seed=1",
        server.url()
    );
    let answer = upload(data, &url, rows)?;
    let job = answer["job"]
        .as_i64()
        .with_context(|| format!("the upload was answered by {answer}"))?;
    let half_way = demo::wait_for(&mut client, job, "import")?;
    anyhow::ensure!(half_way >= 3, "the import showed no progress");
    let seconds = started.elapsed().as_secs_f64();
    let corpora = client.get(&format!("/api/v1/projects/{project}/corpora"))?;
    let corpus = &corpora["corpora"][0];
    let (kept, rejected) = (
        corpus["n_documents"].as_u64(),
        corpus["n_rejected"].as_u64(),
    );
    anyhow::ensure!(
        kept == Some(ROWS as u64 - 1) && rejected == Some(1),
        "{kept:?} rows were kept and {rejected:?} rejected"
    );
    let path = format!("/api/v1/corpora/{}/rejects", corpus["id"]);
    let reject = client.send("GET", &path, None)?.json("GET", &path)?;
    let place = (reject["line"].as_u64(), reject["column"].as_u64());
    anyhow::ensure!(
        place == (Some(ROWS as u64 / 2 + 1), Some(BROKEN.len() as u64)),
        "the broken row was reported as {reject}"
    );
    let measured = Measured::from([
        ("seconds", seconds),
        ("peak_megabytes", peak_memory(server.pid())?),
    ]);
    Ok(Imported {
        project,
        corpus: corpus["id"].as_i64().context("no corpus was made")?,
        server,
        measured,
    })
}

/// A body of 150 MB is streamed from the disk, by curl, as an integrator would.
fn upload(data: &Path, url: &str, rows: &Path) -> Result<serde_json::Value> {
    let key =
        fs::read_to_string(data.join("xtask-key")).context("the key of this benchmark is gone")?;
    let text = cmd("curl")
        .args([
            "--silent",
            "--show-error",
            "--request",
            "POST",
            "--header",
            "Content-Type: application/octet-stream",
        ])
        .arg("--header")
        .arg(format!("Authorization: Bearer {key}"))
        .arg("--upload-file")
        .arg(rows)
        .arg(url)
        .remedy("install curl, which this benchmark uploads with")
        .quiet()
        .read()?;
    product::last_line(&text)
}

/// The most that a process has held in memory, in megabytes.
pub(super) fn peak_memory(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kilobytes: f64 = status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .with_context(|| format!("{path} has no VmHWM"))?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Writes the rows and the labels that they have.
pub(super) fn write(rows: &Path, taxonomy: &Path) -> Result<()> {
    let mut tree = String::new();
    for label in 0..LABELS {
        let parent = if label < 10 {
            "Root".to_owned()
        } else {
            format!("L{}", label % 10)
        };
        tree.push_str(&format!("L{label}\t{parent}\n"));
    }
    fs::write(taxonomy, tree)?;
    let mut random = Random(7);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(rows)?);
    for number in 0..ROWS {
        if number == ROWS / 2 {
            writeln!(out, "{BROKEN}")?;
            continue;
        }
        let mut words: Vec<String> = (0..WORDS)
            .map(|_| spell(random.below(VOCABULARY)))
            .collect();
        if number % 2 == 0 {
            COMMON.clone_into(&mut words[0]);
        }
        let labels = [random.below(LABELS), random.below(LABELS)].map(|label| format!("L{label}"));
        writeln!(
            out,
            "{}",
            json!({"id": format!("d{number}"), "text": words.join(" "), "labels": labels})
        )?;
    }
    Ok(out.flush()?)
}
