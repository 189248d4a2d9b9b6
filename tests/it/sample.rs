//! The sample project is neither trivial nor hopeless: a reader who trains on it sees figures worth comparing.

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::browser::{QuitQuietly as _, urlencoded};

/// The sample project with a run of each method and preset; seed 1.
pub(crate) async fn sample_runs(
    client: &Client,
    methods: &[(&str, &str)],
) -> anyhow::Result<(Value, Vec<String>)> {
    let made = client.post("/api/v1/sample-project", &json!({})).await?;
    let corpus = client.made(&made, 120).await?;
    let corpus = client.get(&format!("/api/v1/corpora/{corpus}")).await?["corpus"].clone();
    let project = made["project"]["id"].clone();
    let mut runs = Vec::new();
    for (method, preset) in methods {
        let request = json!({"method": method, "preset": preset, "corpus": corpus["id"], "taxonomy": corpus["taxonomy"], "seed": 1});
        let accepted = client
            .post(&format!("/api/v1/projects/{project}/runs"), &request)
            .await?;
        runs.push(client.made(&accepted, 300).await?.to_string());
    }
    Ok((project, runs))
}

#[tokio::test]
async fn the_sample_can_be_learned_and_is_not_trivial() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (_, runs) = sample_runs(&client, &[("linear", "balanced")]).await?;
    let metrics = client
        .get(&format!("/api/v1/runs/{}/metrics?split=test", runs[0]))
        .await?;
    let micro_f1 = metrics["raw"]["micro_f1"].as_f64().context("a figure")?;
    ensure!(
        (0.75..=0.95).contains(&micro_f1),
        "linear's raw micro-F1 is {micro_f1}"
    );
    let levels = metrics["levels"].as_array().context("levels")?;
    assert_eq!(levels.len(), 3);
    Ok(())
}

/// A text in the manner of the sample, about more than one thing.
pub(crate) const TEXT: &str = "Hail destroyed maize and barley on 300 hectares around Greywick, and seed prices doubled. At the \
    cattle auction prices for calves went down. The bridge on Orchard Road is closed to lorries; the judge will hear the \
    claim of the haulage firms in March.";

/// `readme-try.png` is the picture that the README shows, `docs/images/try.png`.
#[tokio::test]
async fn two_methods_agree_on_a_text_of_the_samples_kind() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, runs) =
        sample_runs(&client, &[("linear", "balanced"), ("hiagm", "fast")]).await?;
    let browser = Browser::start(1280, 900).await?;
    browser.sign_in(&server.url).await?;
    let (asked, text) = (runs.join(","), urlencoded(TEXT));
    let page = format!("{}/projects/{project}/try?runs={asked}", server.url);
    browser.driver.goto(format!("{page}#text={text}")).await?;
    browser
        .says("answers", &["Economy", "Farming", "Crops"])
        .await?;
    for run in &runs {
        browser.find(&format!("latency-{run}")).await?;
    }
    // The button is there again, and has its colour.
    browser
        .find("classify")
        .await?
        .wait_until()
        .clickable()
        .await?;
    browser.resize(1280, 900).await?;
    browser.screenshot("readme-try").await?;
    let found = browser
        .ask("return document.querySelectorAll(\"[data-testid='answer-row'] [data-predicted='true']\").length")
        .await?;
    assert_eq!(found, 6, "both find the path");
    browser.driver.quit_quietly().await;
    Ok(())
}
