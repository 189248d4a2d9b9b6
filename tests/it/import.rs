//! A large corpus comes in: somebody watches, a row is broken, and the server stays small.

use std::collections::HashSet;
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use arborist_tests::{Client, Server};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

const ROWS: usize = 150_000;
/// Lines, from 1, that are broken, each in its own way.
const BROKEN: [usize; 3] = [7, 25_000, 49_999];

/// Rows, and where in each broken one the fault begins.
fn rows() -> (String, Vec<(u64, u64)>) {
    let mut rows = String::new();
    let mut faults = Vec::new();
    for line in 1..=ROWS {
        let row = match BROKEN.iter().position(|broken| *broken == line) {
            Some(0) => r#"{"id": "broken", "text":"#.to_owned(),
            Some(1) => r#"{"id": "x", "text": "rocks", "labels": ["owls", "rocks"]}"#.to_owned(),
            Some(_) => r#"{"id": "d1", "text": "as the first"}"#.to_owned(),
            None => {
                let label = ["owls", "fish"][line % 2];
                let text = format!("row{line} of {label} and some words that make it a sentence");
                json!({"id": format!("d{line}"), "text": text, "labels": [label]}).to_string()
            }
        };
        let fault = match BROKEN.iter().position(|broken| *broken == line) {
            Some(0) => Some(row.len()),
            Some(1) => row.rfind("\"rocks").map(|at| at + 1),
            Some(_) => row.find("\"d1").map(|at| at + 1),
            None => None,
        };
        faults.extend(fault.map(|column| (line as u64, column as u64)));
        let _ = writeln!(rows, "{row}");
    }
    (rows, faults)
}

/// All that the server pushes about a job until its end.
async fn watched(client: &Client, job: &Value) -> anyhow::Result<Vec<Value>> {
    let url = format!("{}/api/v1/jobs/{job}/events", client.url);
    let mut stream = client.http.get(url).send().await?.bytes_stream();
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        text.push_str(std::str::from_utf8(&chunk?).context("events are text")?);
    }
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| Ok(serde_json::from_str(data)?))
        .collect()
}

/// The most that the server has held in memory, in megabytes.
fn peak_megabytes(server: &Server) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(kilobytes * 1_024.0 / 1e6)
}

#[tokio::test]
async fn many_rows_come_in_with_progress_and_in_little_memory() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let project = client
        .post("/api/v1/projects", &json!({"name": "Many rows"}))
        .await?["project"]["id"]
        .clone();
    let path = format!("/api/v1/projects/{project}");
    let taxonomy = client
        .upload(
            &format!("{path}/taxonomies?format=tsv"),
            "owls\tRoot\nfish\tRoot\n",
        )
        .await?;
    let taxonomy = client.made(&taxonomy, 30).await?;
    let (rows, faults) = rows();
    let accepted = client
        .upload(
            &format!("{path}/corpora?format=jsonl&taxonomy={taxonomy}"),
            rows,
        )
        .await?;
    let events = watched(&client, &accepted["job"]).await?;

    let steps: Vec<(&str, u64, u64)> = events
        .iter()
        .flat_map(|job| job["progress"].as_array().into_iter().flatten())
        .map(|step| {
            let number = |key: &str| step[key].as_u64().unwrap_or_default();
            (
                step["name"].as_str().unwrap_or_default(),
                number("current"),
                number("total"),
            )
        })
        .collect();
    let half_way: HashSet<u64> = steps
        .iter()
        .filter(|(_, current, total)| 0 < *current && current < total)
        .map(|(_, current, _)| *current)
        .collect();
    ensure!(!half_way.is_empty(), "no progress was shown: {steps:?}");
    let last = events.last().context("an end")?;
    assert_eq!(last["status"], "succeeded", "{last}");

    let corpus = client.made(&accepted, 1).await?;
    let shown = client.get(&format!("/api/v1/corpora/{corpus}")).await?["corpus"].clone();
    assert_eq!(shown["n_documents"], ROWS - BROKEN.len());
    assert_eq!(shown["n_rejected"], BROKEN.len());
    let url = format!("{}/api/v1/corpora/{corpus}/rejects", client.url);
    let rejects = client.http.get(url).send().await?.text().await?;
    let found: Vec<(u64, u64)> = rejects
        .lines()
        .map(|line| {
            let reject: Value = serde_json::from_str(line)?;
            let place = reject["line"].as_u64().zip(reject["column"].as_u64());
            place.with_context(|| format!("no place in {reject}"))
        })
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(found, faults, "{rejects}");

    let peak = peak_megabytes(&server)?;
    ensure!(peak < 256.0, "the server needed {peak:.0} MB");
    Ok(())
}
