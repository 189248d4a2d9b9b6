//! Blows in the middle of real trainings: what was begun is resumed or explained, and nothing is corrupted.

use std::path::Path;

use anyhow::{Context as _, ensure};
use arborist_tests::{Client, Server, command, database_url, tiny_corpus, wait_for};
use serde_json::{Value, json};

use crate::crash::{children, half_way, kill_process};
use crate::path::uploaded;

/// A training that takes some seconds on the small corpus of so many documents.
fn request(method: &str, ids: (i64, i64, i64)) -> Value {
    let hyperparameters = match method {
        "hiagm" => json!({"epochs": 12, "learning_rate": 1e-3, "patience": 12}),
        _ => json!({}),
    };
    json!({"method": method, "preset": "fast", "hyperparameters": hyperparameters, "corpus": ids.2, "taxonomy": ids.1,
        "seed": 7, "device": "cpu"})
}

async fn start(client: &Client, method: &str, ids: (i64, i64, i64)) -> anyhow::Result<Value> {
    let path = format!("/api/v1/projects/{}/runs", ids.0);
    client.post(&path, &request(method, ids)).await
}

/// Waits until the child is at work: for methods with epochs until the first is done.
async fn in_the_middle(
    client: &Client,
    data_dir: &Path,
    method: &str,
    run: i64,
) -> anyhow::Result<u32> {
    if method == "hiagm" {
        half_way(client, run).await?;
    }
    let events = data_dir.join(format!("runs/{run}/events.jsonl"));
    wait_for("the child to train", 60, async || {
        let begun = std::fs::read_to_string(&events).unwrap_or_default();
        let child = children(data_dir).first().copied();
        Ok(child.filter(|_| begun.contains("\"started\"")))
    })
    .await
}

/// The database is whole by its own account.
pub(crate) fn check_database(data_dir: &Path) -> anyhow::Result<()> {
    if let Some(url) = database_url(data_dir) {
        let Some(programs) = std::env::var_os("ARBORIST_TEST_POSTGRES_PROGRAMS") else {
            return Ok(());
        };
        let (server, name) = url.rsplit_once('/').context("a URL with a database")?;
        // postgres://user@host:port
        let (user, address) = server
            .strip_prefix("postgres://")
            .and_then(|rest| rest.split_once('@'))
            .context("a server with a user")?;
        let (host, port) = address.split_once(':').context("a server with a port")?;
        let checked = std::process::Command::new(Path::new(&programs).join("pg_amcheck"))
            .args(["--install-missing", "--heapallindexed", "--host", host])
            .args(["--port", port, "--username", user, "--database", name])
            .output()
            .context("pg_amcheck")?;
        let said = [checked.stdout, checked.stderr].concat();
        ensure!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&said)
        );
        return Ok(());
    }
    let script = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchall())";
    let checked = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(data_dir.join("arborist.db"))
        .output()
        .context("python3")?;
    let said = String::from_utf8_lossy(&checked.stdout);
    ensure!(said.trim() == "[('ok',)]", "{said}");
    Ok(())
}

/// The run answers over HTTP, and its directory can be loaded by itself and says the same as it did.
async fn check_run(client: &Client, data_dir: &Path, run: i64) -> anyhow::Result<()> {
    let directory = data_dir.join(format!("runs/{run}"));
    let tiny = tiny_corpus(1);
    let documents =
        json!({"documents": [{"id": "a", "text": "animals0word1 animalsword2 animals0word3"}]});
    let path = format!("/api/v1/runs/{run}/predict");
    let answer = client.post(&path, &documents).await?;
    let labels = answer["documents"][0]["labels"]
        .as_array()
        .context("labels")?;
    ensure!(
        labels.iter().any(|label| label["predicted"] == true
            && tiny.labels.iter().any(|known| *known == label["label"])),
        "{answer}"
    );
    let said = std::fs::read_to_string(directory.join("predictions.jsonl"))?;
    let request: Value = serde_json::from_slice(&std::fs::read(directory.join("request.json"))?)?;
    let test = directory.join(request["test"].as_str().context("test documents")?);
    let input = data_dir.join("texts.jsonl");
    let mut texts = String::new();
    for line in std::fs::read_to_string(test)?.lines() {
        let document: Value = serde_json::from_str(line)?;
        let row = json!({"id": document["id"], "text": document["text"]});
        texts += &format!("{row}\n");
    }
    std::fs::write(&input, texts)?;
    let output = data_dir.join("again.jsonl");
    let predicted = command(["predict", "--device", "cpu", "--run"])
        .arg(&directory)
        .arg("--input")
        .arg(&input)
        .arg("--output")
        .arg(&output)
        .output()
        .await?;
    ensure!(
        predicted.status.success(),
        "{}",
        String::from_utf8_lossy(&predicted.stderr)
    );
    ensure!(
        std::fs::read_to_string(output)? == said,
        "the directory says something else than the run did"
    );
    Ok(())
}

#[tokio::test]
async fn a_real_training_whose_worker_is_killed_goes_on() -> anyhow::Result<()> {
    for (method, documents) in [("linear", 20_000), ("hiagm", 400)] {
        let directory = tempfile::tempdir()?;
        let server = Server::start(directory.path()).await?;
        let client = server.first_start().await?;
        let ids = uploaded(&client, documents).await?;
        let accepted = start(&client, method, ids).await?;
        let run = accepted["run"].as_i64().context("a run")?;
        kill_process(in_the_middle(&client, directory.path(), method, run).await?)?;
        assert_eq!(client.made(&accepted, 240).await?, run, "{method}");
        let place = client
            .get(&format!("/api/v1/jobs/{}/place", accepted["job"]))
            .await?;
        assert_eq!(
            place["attempts"][0]["cause"], "lost_worker",
            "{method}: {place}"
        );
        let words = place["attempts"][0]["message"].as_str().unwrap_or_default();
        ensure!(words.to_lowercase().contains("kill"), "{method}: {words}");
        check_run(&client, directory.path(), run).await?;

        // What was interrupted equals what was not.
        let unbroken = start(&client, method, ids).await?;
        let unbroken = client.made(&unbroken, 240).await?;
        let metrics = async |run: i64| {
            let path = format!("/api/v1/runs/{run}/metrics?split=test");
            client.get(&path).await
        };
        assert_eq!(metrics(run).await?, metrics(unbroken).await?, "{method}");
        check_database(directory.path())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_real_training_outlives_its_server() -> anyhow::Result<()> {
    for (method, documents) in [("linear", 20_000), ("hiagm", 400)] {
        let directory = tempfile::tempdir()?;
        let server = Server::start(directory.path()).await?;
        let client = server.first_start().await?;
        let ids = uploaded(&client, documents).await?;
        let accepted = start(&client, method, ids).await?;
        let run = accepted["run"].as_i64().context("a run")?;
        in_the_middle(&client, directory.path(), method, run).await?;
        server.kill().await?;
        wait_for("the orphaned child to stop", 60, async || {
            Ok(children(directory.path()).is_empty().then_some(()))
        })
        .await?;
        check_database(directory.path())?;

        let server = Server::start(directory.path()).await?;
        let client = server.sign_in().await?;
        assert_eq!(client.made(&accepted, 240).await?, run, "{method}");
        check_run(&client, directory.path(), run).await?;
        let events = directory.path().join(format!("runs/{run}/events.jsonl"));
        let attempts = std::fs::read_to_string(events)?
            .lines()
            .filter(|line| line.contains("\"event\":\"started\""))
            .count();
        assert_eq!(attempts, 2, "{method} was not resumed");

        // What was interrupted equals what was not.
        let unbroken = start(&client, method, ids).await?;
        let unbroken = client.made(&unbroken, 240).await?;
        let metrics = async |run: i64| {
            let path = format!("/api/v1/runs/{run}/metrics?split=test");
            client.get(&path).await
        };
        assert_eq!(metrics(run).await?, metrics(unbroken).await?, "{method}");
        check_database(directory.path())?;
    }
    Ok(())
}
