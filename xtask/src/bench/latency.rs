//! Latency of `POST …/predict` with one document, at a fixed rate of requests.
//!
//! Requests are sent on a schedule, not when the last answer came: a slow answer makes
//! the next ones late, and that counts.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::corpora::{Random, spell};
use super::{Benchmark, Better, Figure, Goal, Measured, Side, product};
use crate::demo;
use crate::http::Client;
use crate::server::Server;
use crate::workspace::Workspace;

const WORDS: usize = 100;
const SECONDS: u64 = 20;
/// Connections that share the schedule.
const CONNECTIONS: usize = 8;

pub(super) fn predict(workspace: &Workspace) -> Result<Benchmark<'_>> {
    // The demo's data has a trained run of both methods.
    demo::run(
        workspace,
        &demo::Options {
            once: true,
            ..demo::Options::default()
        },
    )?;
    let server = Server::start(workspace, &workspace.local().join("demo"), None)?;
    let ours = move || {
        let mut measured = Measured::new();
        for (method, rate, keys) in [
            ("linear", 200, ["linear_p50_ms", "linear_p99_ms"]),
            ("hiagm", 40, ["hiagm_p50_ms", "hiagm_p99_ms"]),
        ] {
            let path = path(&server, method)?;
            // The model is loaded by the first request.
            load(&server, &path, 20, Duration::from_secs(2))?;
            let mut times = load(&server, &path, rate, Duration::from_secs(SECONDS))?;
            times.sort_unstable();
            let at = |share: f64| {
                times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3
            };
            measured.insert(keys[0], at(0.5));
            measured.insert(keys[1], at(0.99));
        }
        Ok(measured)
    };
    let figure = |key, what, goals: Option<(f64, f64)>| Figure {
        key,
        what,
        unit: "ms",
        better: Better::Lower,
        required: goals.map(|goals| Goal::Absolute(goals.0)),
        aim: goals.map(|goals| Goal::Absolute(goals.1)),
        floor: "–",
    };
    Ok(Benchmark {
        input: format!(
            "one document of {WORDS} words a request, {SECONDS} s at a fixed rate over {CONNECTIONS} connections, \
             models of the sample project"
        ),
        sides: vec![Side {
            program: product::version(workspace)?,
            repeat: Box::new(ours),
        }],
        figures: vec![
            figure("linear_p99_ms", "linear at 200/s, p99", Some((5.0, 2.0))),
            figure("linear_p50_ms", "linear at 200/s, median", None),
            figure("hiagm_p99_ms", "HiAGM at 40/s, p99", Some((60.0, 30.0))),
            figure("hiagm_p50_ms", "HiAGM at 40/s, median", None),
        ],
        warm_up: 1,
        repetitions: 5,
    })
}

/// The predict route of the newest finished run of `method`.
fn path(server: &Server, method: &str) -> Result<String> {
    let mut client = server.client()?;
    let projects = client.get("/api/v1/projects")?;
    for project in projects["projects"].as_array().into_iter().flatten() {
        let runs = client.get(&format!("/api/v1/projects/{}/runs", project["id"]))?;
        for run in runs["runs"].as_array().into_iter().flatten() {
            if run["method"] == method && run["status"] == "succeeded" {
                return Ok(format!("/api/v1/runs/{}/predict", run["id"]));
            }
        }
    }
    anyhow::bail!("the demo has no finished run of {method}")
}

/// Sends `rate` requests a second for so long; answers how long each took from its appointed time.
fn load(server: &Server, path: &str, rate: usize, duration: Duration) -> Result<Vec<Duration>> {
    let total = rate * duration.as_secs() as usize;
    let clients: Vec<Client> = (0..CONNECTIONS)
        .map(|_| server.client())
        .collect::<Result<_>>()?;
    let began = Instant::now() + Duration::from_millis(50);
    let outcomes: Vec<Result<Vec<Duration>>> = thread::scope(|scope| {
        let workers: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(worker, mut client)| {
                scope.spawn(move || {
                    let mut random = Random(worker as u64 + 1);
                    let mut times = Vec::new();
                    for number in (worker..total).step_by(CONNECTIONS) {
                        let text: Vec<String> =
                            (0..WORDS).map(|_| spell(random.below(20_000))).collect();
                        let body =
                            json!({"documents": [{"id": "d", "text": text.join(" ")}], "limit": 5})
                                .to_string();
                        let due = began + Duration::from_secs_f64(number as f64 / rate as f64);
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        client
                            .send("POST", path, Some(("application/json", body.as_bytes())))?
                            .json("POST", path)?;
                        times.push(due.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("a connection's thread panicked")))
            })
            .collect()
    });
    let mut times = Vec::with_capacity(total);
    for outcome in outcomes {
        times.extend(outcome.with_context(|| format!("{rate} requests a second to {path}"))?);
    }
    Ok(times)
}
