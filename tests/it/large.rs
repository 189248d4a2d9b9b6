//! Labels as people have them: more than a hundred, five levels deep, one with a name of 200 letters. Pages stay as wide
//! as the window.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server};
use serde_json::json;

/// A name without a place to break it.
fn long_name() -> String {
    format!("Long{}", "x".repeat(196))
}

/// 120 labels: three at the top, then three children each, level by level. The last has the long name.
fn taxonomy() -> (String, Vec<String>) {
    let mut names: Vec<String> = (1..120).map(|label| format!("Topic {label:03}")).collect();
    names.push(long_name());
    let mut lines = String::new();
    for (label, name) in names.iter().enumerate() {
        let parent = label
            .checked_sub(3)
            .map_or("Root", |below| names[below / 3].as_str());
        let _ = writeln!(lines, "{name}\t{parent}");
    }
    (lines, names)
}

fn corpus(names: &[String]) -> String {
    let mut rows = String::new();
    for document in 0..600 {
        let label = document % names.len();
        let text = format!("words of subject{label} and subject{label} again, document {document}");
        let split = ["train", "train", "train", "validation", "test"][document / names.len()];
        let row = json!({"text": text, "labels": [names[label]], "split": split});
        let _ = writeln!(rows, "{row}");
    }
    rows
}

/// Project and run of linear on these labels.
async fn trained(client: &Client) -> anyhow::Result<(i64, i64)> {
    let (lines, names) = taxonomy();
    let project = client
        .post("/api/v1/projects", &json!({"name": "Many labels"}))
        .await?["project"]["id"]
        .as_i64()
        .context("an id")?;
    let accepted = client
        .upload(
            &format!("/api/v1/projects/{project}/taxonomies?format=tsv"),
            lines,
        )
        .await?;
    let taxonomy = client.made(&accepted, 30).await?;
    let accepted = client
        .upload(
            &format!("/api/v1/projects/{project}/corpora?format=jsonl&taxonomy={taxonomy}"),
            corpus(&names),
        )
        .await?;
    let corpus = client.made(&accepted, 60).await?;
    let request = json!({"method": "linear", "corpus": corpus, "taxonomy": taxonomy});
    let accepted = client
        .post(&format!("/api/v1/projects/{project}/runs"), &request)
        .await?;
    Ok((project, client.made(&accepted, 120).await?))
}

#[tokio::test]
async fn long_names_and_many_labels_fit_on_every_page() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, run) = trained(&client).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    for (name, page) in [
        ("overview", String::new()),
        ("corpus", "/corpus".to_owned()),
        ("taxonomy", "/taxonomy".to_owned()),
        ("runs", "/runs".to_owned()),
        ("run", format!("/runs/{run}")),
        ("try", format!("/try?runs={run}")),
    ] {
        for (width, height) in [(360, 800), (1280, 1000)] {
            browser.driver.set_window_rect(0, 0, width, height).await?;
            browser
                .driver
                .goto(format!("{}/projects/{project}{page}", server.url))
                .await?;
            browser.settled().await?;
            if name == "try" {
                let text = browser.find("try-text").await?;
                text.send_keys("words of subject119 and subject119 again")
                    .await?;
                let classify = browser.find("classify").await?;
                classify.scroll_into_view().await?;
                classify.click().await?;
                browser.find("answers").await?;
            }
            browser.screenshot(&format!("large-{name}-{width}")).await?;
            let widths = browser
                .driver
                .execute(
                    "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]",
                    Vec::new(),
                )
                .await?;
            let widths: Vec<u64> = serde_json::from_value(widths.json().clone())?;
            ensure!(
                widths[0] <= widths[1],
                "{name} is {} wide in a window of {}",
                widths[0],
                widths[1]
            );
        }
    }
    browser.driver.clone().quit().await?;
    Ok(())
}
