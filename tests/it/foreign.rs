//! Libraries that do not belong there, put into the plugin directory of a running server: it refuses them, or fails the
//! job that trusted them, says why, and goes on.

use std::path::Path;

use anyhow::{Context as _, ensure};
use arborist_tests::{Client, Server, wait_for};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::crash::{approve_toy, start_toy, toy};
use crate::path::uploaded;

/// Library, name that its forged manifest claims, and what opening it comes to.
const FOREIGN: [(&str, &str, &str); 3] = [
    (
        "libplugin_wrong_abi.so",
        "wrongabi",
        "was built for plugin ABI 2, this program speaks plugin ABI 1",
    ),
    ("libno_plugin.so", "noplugin", "is not an Arborist plugin"),
    ("libplugin_small_table.so", "smalltable", "needs at least"),
];

/// Waits until the list of plugins is as wanted; the server keeps it for a few seconds.
async fn listed(
    client: &Client,
    what: &str,
    wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    wait_for(what, 30, async || {
        let plugins = client.get("/api/v1/plugins").await?;
        Ok(wanted(&plugins).then_some(plugins))
    })
    .await
}

/// The reason why a library is refused.
fn reason<'a>(plugins: &'a Value, file: &str) -> Option<&'a str> {
    plugins["refused"].as_array()?.iter().find(|refused| {
        refused["path"]
            .as_str()
            .is_some_and(|path| path.ends_with(file))
    })?["reason"]
        .as_str()
}

fn offers(plugins: &Value, name: &str) -> bool {
    plugins["methods"]
        .as_array()
        .is_some_and(|methods| methods.iter().any(|method| method["name"] == name))
}

async fn assert_healthy(client: &Client) -> anyhow::Result<()> {
    let health = client.get("/healthz").await?;
    ensure!(health["status"] == "ok", "{health}");
    Ok(())
}

/// Writes a side manifest that claims the library to be the toy under another name, and approves it.
fn forge(plugins: &Path, file: &str, name: &str, abi: u32) -> anyhow::Result<()> {
    let hash: String = Sha256::digest(std::fs::read(plugins.join(file))?)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let side = std::fs::read_to_string(plugins.join("toy.toml"))?
        .replace("\"toy\"", &format!("\"{name}\""));
    let mut forged = String::new();
    for line in side.lines() {
        let line = match line.split_once(" = ") {
            Some(("abi", _)) => format!("abi = {abi}"),
            Some(("sha256", _)) => format!("sha256 = \"{hash}\""),
            Some(("library", _)) => format!("library = \"{file}\""),
            _ => line.to_owned(),
        };
        forged.push_str(&line);
        forged.push('\n');
    }
    std::fs::write(plugins.join(format!("{name}.toml")), forged)?;
    let allowed = plugins.join("allowed.toml");
    let list = std::fs::read_to_string(&allowed)?;
    std::fs::write(allowed, format!("{list}{name} = \"{hash}\"\n"))?;
    Ok(())
}

#[tokio::test]
async fn foreign_libraries_are_refused_by_a_running_server() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let plugins = server.data_dir.join("plugins");
    for (file, ..) in FOREIGN {
        std::fs::copy(toy().with_file_name(file), plugins.join(file))?;
    }
    let found = listed(&client, "three refused libraries", |found| {
        FOREIGN
            .iter()
            .all(|(file, ..)| reason(found, file).is_some())
    })
    .await?;
    for (file, ..) in FOREIGN {
        let reason = reason(&found, file).unwrap_or_default();
        assert!(reason.contains("no side manifest"), "{file}: {reason}");
    }
    assert!(offers(&found, "toy"), "{found}");

    // An honest manifest of another ABI version is refused without loading the library, although it is approved.
    let (file, name, _) = FOREIGN[0];
    forge(&plugins, file, name, 2)?;
    let found = listed(&client, "the ABI version", |found| {
        reason(found, file).is_some_and(|reason| reason.contains("ABI"))
    })
    .await?;
    assert_eq!(
        reason(&found, file),
        Some("built for plugin ABI 2, this program speaks plugin ABI 1")
    );
    assert!(!offers(&found, name), "{found}");
    assert_healthy(&client).await
}

#[tokio::test]
async fn a_forged_manifest_fails_the_job_and_nothing_else() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    let plugins = server.data_dir.join("plugins");
    for (file, name, _) in FOREIGN {
        std::fs::copy(toy().with_file_name(file), plugins.join(file))?;
        forge(&plugins, file, name, 1)?;
    }
    listed(&client, "the forged methods", |found| {
        FOREIGN.iter().all(|(_, name, _)| offers(found, name))
    })
    .await?;
    let (project, taxonomy, corpus) = ids;
    for (file, name, wanted) in FOREIGN {
        let request = json!({"method": name, "corpus": corpus, "taxonomy": taxonomy});
        let accepted = client
            .post(&format!("/api/v1/projects/{project}/runs"), &request)
            .await?;
        let job = client.finished(&accepted, 60).await?;
        assert_eq!(job["status"], "failed", "{file}: {job}");
        let error = job["error"].as_str().context("an explanation")?;
        assert!(
            error.contains(wanted) && error.contains(file),
            "{file}: {error}"
        );
        assert_healthy(&client).await?;
    }
    let next = start_toy(&client, ids, json!({"epochs": 1, "step_ms": 0})).await?;
    client.made(&next, 60).await?;
    Ok(())
}
