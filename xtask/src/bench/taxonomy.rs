//! A taxonomy of 100,000 labels under work: looking, searching, editing, and merging a label that every document has.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::corpora::{Random, spell};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::demo;
use crate::http::Client;
use crate::server::Server;
use crate::workspace::Workspace;

const LABELS: usize = 100_000;
/// Names are drawn from so many: every one stands at twenty labels.
const NAMES: usize = 5_000;
const DOCUMENTS: usize = 100_000;
const WORDS: usize = 20;
/// Every document has the first, which is merged into the second.
const MERGED: [usize; 2] = [50_000, 50_001];
/// Edits and searches of one repetition; the middle one counts.
const TRIES: usize = 15;

pub(super) fn workbench(workspace: &Workspace) -> Result<Benchmark<'_>> {
    product::build_server(workspace)?;
    let data = product::scratch(workspace, "taxonomy")?;
    let project = prepare(workspace, &data)?;
    let number = RefCell::new(0);
    let ours = move || {
        *number.borrow_mut() += 1;
        repetition(workspace, &data, project, *number.borrow())
    };
    let figure = |key, what, unit, required: f64| Figure {
        key,
        what,
        unit,
        better: Better::Lower,
        required: Some(Goal::Absolute(required)),
        aim: Some(Goal::Absolute(required / 2.0)),
        floor: "–",
    };
    Ok(Benchmark {
        input: format!(
            "{LABELS} generated labels with {NAMES} names, a tenth with two parents; {DOCUMENTS} documents of {WORDS} words, all with one label that is merged"
        ),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            figure(
                "paint_ms",
                "first labels after the server's start",
                "ms",
                1_000.0,
            ),
            figure("draft_ms", "first labels of a new draft", "ms", 1_000.0),
            figure("search_ms", "search in a draft", "ms", 100.0),
            figure("edit_ms", "an edit", "ms", 100.0),
            figure("after_ms", "search right after an edit", "ms", 100.0),
            figure("impact_ms", "impact of the merge", "ms", 1_000.0),
            figure("migrate_s", "publishing it", "s", 30.0),
            figure("undo_s", "taking it back", "s", 30.0),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

/// Imports the taxonomy and the corpus; answers the project.
fn prepare(workspace: &Workspace, data: &Path) -> Result<i64> {
    let mut server = Server::start(workspace, data, None)?;
    let mut client = server.client()?;
    let project = client.post("/api/v1/projects", &json!({"name": "Taxonomy"}))?;
    let project = id(&project["project"], "project")?;
    let taxonomy = format!("/api/v1/projects/{project}/taxonomies?format=json");
    upload(&mut client, &taxonomy, &labels(), "taxonomy")?;
    let taxonomy = newest(&mut client, project)?;
    let corpus = format!("/api/v1/projects/{project}/corpora?format=jsonl&taxonomy={taxonomy}");
    upload(&mut client, &corpus, &documents(), "corpus")?;
    server.stop()?;
    Ok(project)
}

fn upload(client: &mut Client, path: &str, body: &str, what: &str) -> Result<()> {
    let body = Some(("application/octet-stream", body.as_bytes()));
    let answer = client.send("POST", path, body)?.json("POST", path)?;
    demo::wait_for(client, answer["job"].as_i64().context("no job")?, what)?;
    Ok(())
}

fn newest(client: &mut Client, project: i64) -> Result<i64> {
    let list = client.get(&format!("/api/v1/projects/{project}/taxonomies?limit=1"))?;
    id(&list["taxonomies"][0], "taxonomy")
}

fn id(of: &Value, what: &str) -> Result<i64> {
    of["id"]
        .as_i64()
        .with_context(|| format!("the server named no {what}"))
}

fn repetition(workspace: &Workspace, data: &Path, project: i64, number: usize) -> Result<Measured> {
    // Another start, so that nothing is in memory.
    let mut server = Server::start(workspace, data, None)?;
    let mut client = server.client()?;
    let base = newest(&mut client, project)?;
    let mut measured = Measured::new();
    let mut take = |key, seconds: f64| measured.insert(key, seconds);

    let started = Instant::now();
    let page = client.get(&format!(
        "/api/v1/taxonomies/{base}/labels?parent=&limit=100"
    ))?;
    take("paint_ms", started.elapsed().as_secs_f64() * 1e3);
    anyhow::ensure!(
        page["labels"]
            .as_array()
            .is_some_and(|labels| !labels.is_empty())
    );

    let started = Instant::now();
    let draft = client.post(&format!("/api/v1/taxonomies/{base}/drafts"), &json!({}))?;
    let draft = format!("/api/v1/drafts/{}", id(&draft["draft"], "draft")?);
    client.get(&format!("{draft}/labels?parent=&limit=100"))?;
    take("draft_ms", started.elapsed().as_secs_f64() * 1e3);

    let mut random = Random(number as u64);
    let (mut searches, mut edits, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TRIES {
        // Two letters of a name are what people have typed when the list appears.
        let word: String = spell(random.below(NAMES)).chars().take(4).collect();
        let search = format!("{draft}/labels?search={word}&limit=100");
        client.get(&search)?;
        searches.push(timed(|| client.get(&search).map(|_| ()))?);
        let edit = edit(&mut random, number, turn);
        let path = format!("{draft}/edits");
        edits.push(timed(|| {
            client.post(&path, &json!({"edits": [edit]})).map(|_| ())
        })?);
        after.push(timed(|| client.get(&search).map(|_| ()))?);
    }
    take("search_ms", median(&mut searches) * 1e3);
    take("edit_ms", median(&mut edits) * 1e3);
    take("after_ms", median(&mut after) * 1e3);

    let [from, into] = MERGED.map(|label| format!("L{label}"));
    let merge = json!({"edits": [{"op": "merge", "labels": [from], "into": into}]});
    client.post(&format!("{draft}/edits"), &merge)?;
    let started = Instant::now();
    let impact = client.get(&format!("{draft}/impact"))?;
    take("impact_ms", started.elapsed().as_secs_f64() * 1e3);
    anyhow::ensure!(
        impact["n_documents"].as_u64() >= Some(DOCUMENTS as u64),
        "the merge touches {} documents",
        impact["n_documents"]
    );

    let started = Instant::now();
    finish(&mut client, &format!("{draft}/publish"), "publish")?;
    take("migrate_s", started.elapsed().as_secs_f64());
    let made = newest(&mut client, project)?;
    let started = Instant::now();
    finish(
        &mut client,
        &format!("/api/v1/taxonomies/{made}/undo"),
        "undo",
    )?;
    take("undo_s", started.elapsed().as_secs_f64());
    server.stop()?;
    Ok(measured)
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn finish(client: &mut Client, path: &str, what: &str) -> Result<()> {
    let answer = client.post(path, &json!({}))?;
    demo::wait_for(client, answer["job"].as_i64().context("no job")?, what)?;
    Ok(())
}

/// Edits of all kinds that touch few labels, none twice.
fn edit(random: &mut Random, number: usize, turn: usize) -> Value {
    let label = format!("L{}", 60_000 + 1_000 * (number % 30) + 10 * turn);
    match turn % 4 {
        0 => json!({"op": "rename", "label": label, "name": format!("renamed {number} {turn}")}),
        1 => json!({"op": "move", "label": label, "parent": format!("L{}", random.below(1_000))}),
        2 => json!({"op": "add", "id": format!("new-{number}-{turn}"), "parents": [label]}),
        _ => json!({"op": "deprecate", "label": label}),
    }
}

/// Ten labels below the root, then ten below each; names repeat, and every tenth label has a second parent.
fn labels() -> String {
    let mut random = Random(7);
    let label = |number: usize| {
        let mut parents = Vec::new();
        if number >= 10 {
            parents.push(format!("L{}", number / 10));
        }
        // Parents have lower numbers, so that no cycle arises.
        if number >= 100 && number.is_multiple_of(10) {
            let second = random.below(number / 10);
            if second != number / 10 {
                parents.push(format!("L{second}"));
            }
        }
        json!({"id": format!("L{number}"), "name": spell(number % NAMES), "parents": parents})
    };
    let labels: Vec<Value> = (0..LABELS).map(label).collect();
    json!({ "labels": labels }).to_string()
}

fn documents() -> String {
    let mut random = Random(11);
    let mut rows = String::new();
    for number in 0..DOCUMENTS {
        let words: Vec<String> = (0..WORDS).map(|_| spell(random.below(30_000))).collect();
        let labels = [MERGED[0], random.below(LABELS)].map(|label| format!("L{label}"));
        let row = BTreeMap::from([
            ("id", json!(format!("d{number}"))),
            ("text", json!(words.join(" "))),
            ("labels", json!(labels)),
        ]);
        rows.push_str(&json!(row).to_string());
        rows.push('\n');
    }
    rows
}
