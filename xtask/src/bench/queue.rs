//! A long queue: 10,000 waiting trainings, how fast it is looked at, changed, and how fast the next one starts.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::corpora::Random;
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::demo;
use crate::http::Client;
use crate::server::Server;
use crate::workspace::Workspace;

const JOBS: usize = 10_000;
const DOCUMENTS: usize = 60;
/// Measurements of one repetition; the middle one counts.
const TRIES: usize = 15;
/// How long a start is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn long(workspace: &Workspace) -> Result<Benchmark<'_>> {
    product::build(workspace)?;
    let data = product::scratch(workspace, "queue")?;
    let project = fill(workspace, &data)?;
    let ours = move || repetition(workspace, &data, project);
    let figure = |key, what, required: Option<f64>| Figure {
        key,
        what,
        unit: "ms",
        better: Better::Lower,
        required: required.map(Goal::Absolute),
        aim: required.map(|required| Goal::Absolute(required / 2.0)),
        floor: "–",
    };
    Ok(Benchmark {
        input: format!("{JOBS} waiting trainings of `linear` in one project"),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            figure("page_ms", "the queue page's request", Some(200.0)),
            figure("later_ms", "a later page of it", Some(200.0)),
            figure("move_ms", "moving a job to the front", Some(200.0)),
            figure(
                "write_ms",
                "a durable write by itself, for comparison",
                None,
            ),
            figure(
                "start_ms",
                "from a device that becomes free to the next job's start",
                None,
            ),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

/// Queues everything while the processor is out of work.
fn fill(workspace: &Workspace, data: &Path) -> Result<i64> {
    let mut server = Server::start(workspace, data, None)?;
    let mut client = server.client()?;
    let made = client.post("/api/v1/projects", &json!({"name": "Queue"}))?;
    let project = made["project"]["id"].as_i64().context("a project")?;
    let under = format!("/api/v1/projects/{project}");
    upload(
        &mut client,
        &format!("{under}/taxonomies?format=tsv&name=tree.tsv"),
        "a\tRoot\nb\tRoot\n",
    )?;
    let taxonomy = newest(&mut client, &under, "taxonomies")?;
    upload(
        &mut client,
        &format!("{under}/corpora?format=jsonl&name=rows.jsonl&taxonomy={taxonomy}"),
        &documents(),
    )?;
    let corpus = newest(&mut client, &under, "corpora")?;
    set_processor(&mut client, "disabled")?;
    for seed in 0..JOBS {
        let run = json!({"method": "linear", "corpus": corpus, "taxonomy": taxonomy, "seed": seed, "device": "cpu"});
        client.post(&format!("{under}/runs"), &run)?;
    }
    server.stop()?;
    Ok(project)
}

fn repetition(workspace: &Workspace, data: &Path, project: i64) -> Result<Measured> {
    let mut server = Server::start(workspace, data, None)?;
    let mut client = server.client()?;
    let mut measured = Measured::new();
    let page = format!("/api/v1/queue?project={project}&limit=50");
    let first = client.get(&page)?;
    ensure!(
        first["n_waiting"].as_u64() >= Some(JOBS as u64 - 100),
        "{} jobs wait",
        first["n_waiting"]
    );
    let later = format!(
        "{page}&cursor={}",
        first["next"].as_str().context("a second page")?
    );
    let last = first["waiting"]
        .as_array()
        .and_then(|jobs| jobs.last())
        .and_then(|job| job["id"].as_i64())
        .context("a waiting job")?;
    let jobs = [last, last - 1];
    let mut times: [Vec<f64>; 5] = Default::default();
    for turn in 0..TRIES {
        times[0].push(timed(|| client.get(&page).map(drop))?);
        times[1].push(timed(|| client.get(&later).map(drop))?);
        let job = jobs.get(turn % 2).copied().unwrap_or(last);
        let path = format!("/api/v1/jobs/{job}/move");
        times[2].push(timed(|| {
            client.post(&path, &json!({"to": "first"})).map(drop)
        })?);
        times[3].push(timed(|| set_processor(&mut client, "disabled"))?);
        times[4].push(start(&mut client, project)?);
    }
    let keys = ["page_ms", "later_ms", "move_ms", "write_ms", "start_ms"];
    for (key, times) in keys.into_iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        measured.insert(
            key,
            times.get(times.len() / 2).copied().unwrap_or(f64::NAN) * 1e3,
        );
    }
    server.stop()?;
    Ok(measured)
}

/// Puts the processor to work and sees a job start; then takes it out again, which puts the job back.
fn start(client: &mut Client, project: i64) -> Result<f64> {
    let running = |client: &mut Client| -> Result<bool> {
        let queue = client.get(&format!("/api/v1/queue?project={project}&limit=1"))?;
        Ok(queue["running"]
            .as_array()
            .is_some_and(|jobs| !jobs.is_empty()))
    };
    let begun = Instant::now();
    set_processor(client, "enabled")?;
    while !running(client)? {
        ensure!(begun.elapsed() < PATIENCE, "no job started");
    }
    let seconds = begun.elapsed().as_secs_f64();
    set_processor(client, "disabled")?;
    while running(client)? {
        ensure!(begun.elapsed() < PATIENCE, "the job was not put back");
    }
    Ok(seconds)
}

fn set_processor(client: &mut Client, state: &str) -> Result<()> {
    let path = "/api/v1/devices/cpu";
    let body = json!({"state": state}).to_string();
    let body = Some(("application/json", body.as_bytes()));
    client.send("PATCH", path, body)?.json("PATCH", path)?;
    Ok(())
}

fn upload(client: &mut Client, path: &str, body: &str) -> Result<()> {
    let body = Some(("application/octet-stream", body.as_bytes()));
    let answer = client.send("POST", path, body)?.json("POST", path)?;
    demo::wait_for(client, answer["job"].as_i64().context("no job")?, "import")?;
    Ok(())
}

fn newest(client: &mut Client, under: &str, what: &str) -> Result<i64> {
    let list: Value = client.get(&format!("{under}/{what}?limit=1"))?;
    list[what][0]["id"]
        .as_i64()
        .with_context(|| format!("no {what}"))
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

fn documents() -> String {
    let mut random = Random(3);
    let row = |number: usize| {
        let label = ["a", "b"][number % 2];
        let split = ["train", "train", "train", "validation", "test"][number % 5];
        let noise = random.below(1_000);
        json!({"id": format!("d{number}"), "text": format!("{label} {label} n{noise}"), "labels": [label], "split": split})
            .to_string()
    };
    (0..DOCUMENTS).map(row).collect::<Vec<_>>().join("\n")
}
