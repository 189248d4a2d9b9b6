//! A run is cloned: the train page opens with everything that the run was made of, and starts the same once more.

use std::io::{Cursor, Write as _};

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::browser::QuitQuietly as _;
use crate::crash::approve_toy;
use crate::path::uploaded;

/// An encoder as people pack a Hugging Face folder; the toy only looks at its configuration.
fn encoder() -> anyhow::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        (
            "config.json",
            r#"{"model_type":"bert","num_hidden_layers":2,"hidden_size":8}"#,
        ),
        ("vocab.txt", "[PAD]\n[UNK]\n"),
        ("model.safetensors", "weights"),
    ] {
        writer.start_file(format!("small/{name}"), SimpleFileOptions::default())?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

/// Vectors of four words with as many numbers as methods take for the fast preset.
fn word_vectors() -> String {
    let numbers = vec!["0.1"; 300].join(" ");
    ["the", "of", "and", "to"]
        .map(|word| format!("{word} {numbers}\n"))
        .concat()
}

async fn asset(
    client: &Client,
    project: i64,
    query: &str,
    file: impl Into<reqwest::Body>,
) -> anyhow::Result<i64> {
    let path = format!("/api/v1/projects/{project}/assets?{query}");
    client.made(&client.upload(&path, file).await?, 30).await
}

/// What makes a run; the rest is what became of it.
fn made_of(run: &Value) -> Value {
    let keys = [
        "method",
        "preset",
        "hyperparameters",
        "corpus",
        "taxonomy",
        "encoder",
        "word_vectors",
        "seed",
    ];
    keys.map(|key| (key.to_owned(), run[key].clone()))
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn a_clone_starts_from_all_that_the_run_started_from() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, taxonomy, corpus) = uploaded(&client, 60).await?;
    let encoder = asset(&client, project, "kind=encoder&name=small.zip", encoder()?).await?;
    let vectors = "kind=word_vectors&name=glove.txt";
    let vectors = asset(&client, project, vectors, word_vectors()).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;

    let runs = format!("/api/v1/projects/{project}/runs");
    for (method, key, from, field, name) in [
        ("toy", "encoder", encoder, "train-encoder", "small.zip"),
        (
            "hiagm",
            "word_vectors",
            vectors,
            "train-word-vectors",
            "glove.txt",
        ),
    ] {
        let mut request = json!({"method": method, "preset": "fast", "hyperparameters": {"epochs": 4}, "corpus": corpus, "taxonomy": taxonomy, "seed": 7, "device": "cpu"});
        request[key] = from.into();
        let accepted = client.post(&runs, &request).await?;
        let id = accepted["run"].as_i64().context("a run")?;
        let run = client.get(&format!("/api/v1/runs/{id}")).await?["run"].clone();
        assert_eq!(run[key], from, "{run}");

        // The run says what it starts from; its clone is filled in with that.
        browser
            .navigate(&format!("/projects/{project}/runs/{id}"))
            .await?;
        browser.says("configuration", &[name]).await?;
        browser.screenshot(&format!("37-run-from-{key}")).await?;
        browser.click("clone-run").await?;
        let chosen = browser.find(field).await?.prop("value").await?;
        assert_eq!(chosen, Some(from.to_string()), "{field}");
        for (field, value) in [("train-seeds", "7"), ("train-device", "cpu")] {
            let chosen = browser.find(field).await?.prop("value").await?;
            assert_eq!(chosen.as_deref(), Some(value), "{field}");
        }
        browser.says("train-review", &["epochs 4"]).await?;
        browser.screenshot(&format!("38-clone-from-{key}")).await?;

        // The address says the same, and what is started from it is made of the same.
        let search = wait_for("the form in the address", 10, async || {
            let search = browser.ask("return location.search").await?;
            let search = search.as_str().unwrap_or_default().to_owned();
            Ok((!search.contains("clone=")).then_some(search))
        })
        .await?;
        ensure!(search.contains(&format!("{key}={from}")), "{search}");
        browser.driver.refresh().await?;
        browser.click("start-training").await?;
        let again = wait_for("the second run", 30, async || {
            let newest = client.get(&runs).await?["runs"][0].clone();
            Ok((newest["id"] != id).then_some(newest))
        })
        .await?;
        assert_eq!(made_of(&again), made_of(&run));
    }
    browser.driver.quit_quietly().await;
    Ok(())
}
