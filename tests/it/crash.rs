//! What is killed, crashes or hangs: no job is lost, nothing is corrupted, and somebody says why.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use arborist_tests::{Client, Server, command, wait_for};
use serde_json::{Value, json};

use crate::path::uploaded;

/// The library of the toy method, which goes wrong on demand; other libraries lie beside it.
pub(crate) fn toy() -> PathBuf {
    let built =
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/examples/libplugin_toy.so");
    std::env::var_os("ARBORIST_TOY_PLUGIN").map_or_else(built, PathBuf::from)
}

/// Approves the toy method in a data directory.
pub(crate) async fn approve_toy(data_dir: &Path) -> anyhow::Result<()> {
    let added = command(["plugins", "add"])
        .arg(toy())
        .arg("--data-dir")
        .arg(data_dir)
        .output()
        .await?;
    ensure!(
        added.status.success(),
        "{}",
        String::from_utf8_lossy(&added.stderr)
    );
    Ok(())
}

/// Queues a run of the toy method.
pub(crate) async fn start_toy(
    client: &Client,
    ids: (i64, i64, i64),
    hyperparameters: Value,
) -> anyhow::Result<Value> {
    let (project, taxonomy, corpus) = ids;
    let request = json!({"method": "toy", "hyperparameters": hyperparameters, "corpus": corpus, "taxonomy": taxonomy, "seed": 1});
    client
        .post(&format!("/api/v1/projects/{project}/runs"), &request)
        .await
}

/// Process ids of children that train the run in this directory.
pub(crate) fn children(data_dir: &Path) -> Vec<u32> {
    let needle = data_dir.display().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
                return false;
            };
            let line = String::from_utf8_lossy(&line);
            line.contains("\0work\0") && line.contains(&needle)
        })
        .collect()
}

pub(crate) fn kill_process(pid: u32) -> anyhow::Result<()> {
    let status = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .context("kill")?;
    ensure!(status.success(), "kill -9 {pid}");
    Ok(())
}

/// Waits until the run has written its first epoch, so that a blow hits it half-way.
pub(crate) async fn half_way(client: &Client, run: i64) -> anyhow::Result<()> {
    wait_for("the first epoch", 60, async || {
        let epochs = client.get(&format!("/api/v1/runs/{run}/epochs")).await?;
        Ok(epochs["epochs"]
            .as_array()
            .is_some_and(|epochs| !epochs.is_empty())
            .then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_killed_worker_is_explained_and_replaced() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;

    let accepted = start_toy(&client, ids, json!({"epochs": 60, "step_ms": 50})).await?;
    let run = accepted["run"].as_i64().context("a run")?;
    half_way(&client, run).await?;
    let child = *children(directory.path())
        .first()
        .context("a child that trains")?;
    kill_process(child)?;
    assert_eq!(client.made(&accepted, 120).await?, run);
    let place = client
        .get(&format!("/api/v1/jobs/{}/place", accepted["job"]))
        .await?;
    assert_eq!(place["attempts"][0]["cause"], "lost_worker", "{place}");
    let words = place["attempts"][0]["message"].as_str().unwrap_or_default();
    assert!(words.to_lowercase().contains("kill"), "{words}");

    let next = start_toy(&client, ids, json!({"epochs": 1, "step_ms": 0})).await?;
    client.made(&next, 60).await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_server_loses_no_job() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    let accepted = start_toy(&client, ids, json!({"epochs": 40, "step_ms": 100})).await?;
    let waiting = start_toy(&client, ids, json!({"epochs": 1, "step_ms": 0})).await?;
    half_way(&client, accepted["run"].as_i64().context("a run")?).await?;
    server.kill().await?;

    wait_for("the orphaned child to stop", 30, async || {
        Ok(children(directory.path()).is_empty().then_some(()))
    })
    .await?;
    let server = Server::start(directory.path()).await?;
    assert!(server.token.is_none(), "an administrator exists already");
    let client = server.sign_in().await?;
    for accepted in [&accepted, &waiting] {
        let run = client.made(accepted, 120).await?;
        let metrics = client
            .get(&format!("/api/v1/runs/{run}/metrics?split=test"))
            .await?;
        assert_eq!(metrics["documents"], 12);
    }
    let runs = client
        .get(&format!("/api/v1/projects/{}/runs", ids.0))
        .await?;
    assert_eq!(
        runs["runs"].as_array().map(Vec::len),
        Some(2),
        "no run was made twice"
    );
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_crashes_leaves_the_server_standing() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    for (fault, word) in [
        ("segfault", "memory"),
        ("panic", "panic"),
        ("exit", "exit"),
        ("fail", ""),
    ] {
        let accepted = start_toy(&client, ids, json!({"fault": fault})).await?;
        let job = client.finished(&accepted, 60).await?;
        assert_eq!(job["status"], "failed", "{fault}: {job}");
        let error = job["error"].as_str().unwrap_or_default().to_lowercase();
        assert!(
            !error.is_empty() && error.contains(word),
            "{fault}: {error}"
        );
    }
    let accepted = start_toy(&client, ids, json!({"fault": "segfault_in_predict"})).await?;
    let job = client.finished(&accepted, 60).await?;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(
        client.get("/api/v1/session").await?["user"]["name"],
        "admin"
    );
    Ok(())
}

#[tokio::test]
async fn a_cancelled_run_stops_even_when_the_plugin_does_not_listen() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    for fault in ["none", "deaf"] {
        let accepted = start_toy(
            &client,
            ids,
            json!({"fault": fault, "epochs": 2000, "step_ms": 100}),
        )
        .await?;
        half_way(&client, accepted["run"].as_i64().context("a run")?).await?;
        client
            .delete(&format!("/api/v1/jobs/{}", accepted["job"]))
            .await?;
        let job = client.finished(&accepted, 60).await?;
        assert_eq!(job["status"], "cancelled", "{fault}: {job}");
        assert!(
            children(directory.path()).is_empty(),
            "{fault}: a child is left"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_with_a_reason() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    for (file, words) in [
        ("libplugin_wrong_abi.so", "was built for plugin abi 2"),
        ("libno_plugin.so", "is not an arborist plugin"),
        ("libplugin_small_table.so", "needs at least"),
    ] {
        let added = command(["plugins", "add"])
            .arg(toy().with_file_name(file))
            .arg("--data-dir")
            .arg(directory.path())
            .output()
            .await?;
        assert!(!added.status.success(), "{file} was accepted");
        let reason = String::from_utf8_lossy(&added.stderr).to_lowercase();
        assert!(reason.contains(words), "{file}: {reason}");
    }
    Ok(())
}
