//! Labels as people have them: more than a hundred, four levels deep, one with a name of 200 Arabic letters. Pages stay
//! as wide as the window.

use std::fmt::Write as _;

use anyhow::Context as _;
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::json;

use crate::browser::{QuitQuietly as _, WINDOWS, urlencoded};

/// 200 letters that are read from right to left, without a place to break them.
fn long_name() -> String {
    "تصنيف".repeat(40)
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

/// Opens every branch of the tree, row by row as they come into view.
async fn open_all(browser: &Browser) -> anyhow::Result<()> {
    let script = "const tree = document.querySelector(\"[data-testid='taxonomy-tree']\"); \
        if (!tree) return ''; \
        const closed = [...tree.querySelectorAll(\"[data-testid='tree-toggle']:not(.ab-node__toggle--open)\")]; \
        closed.forEach(one => one.click()); \
        if (closed.length === 0) tree.scrollTop = tree.scrollTop + tree.clientHeight < tree.scrollHeight ? tree.scrollTop + tree.clientHeight : 0; \
        return document.querySelector('.ab-tree__foot').textContent";
    wait_for("all branches to be open", 60, async || {
        let foot = browser.ask(script).await?;
        Ok(foot
            .as_str()
            .is_some_and(|words| words.starts_with("120 labels"))
            .then_some(()))
    })
    .await
}

/// Project and two runs of linear on these labels.
async fn trained(client: &Client) -> anyhow::Result<(i64, [i64; 2])> {
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
    let mut runs = [0; 2];
    for (seed, run) in runs.iter_mut().enumerate() {
        let request =
            json!({"method": "linear", "corpus": corpus, "taxonomy": taxonomy, "seed": seed});
        let accepted = client
            .post(&format!("/api/v1/projects/{project}/runs"), &request)
            .await?;
        *run = client.made(&accepted, 120).await?;
    }
    Ok((project, runs))
}

#[tokio::test]
async fn long_names_and_many_labels_fit_on_every_page() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, [run, again]) = trained(&client).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    let long = long_name();
    let address = urlencoded(&long);
    for (name, page) in [
        ("projects", "/projects".to_owned()),
        ("overview", format!("/projects/{project}")),
        ("import", format!("/projects/{project}/corpus/import")),
        (
            "corpus",
            format!("/projects/{project}/corpus?label={address}"),
        ),
        ("taxonomy", format!("/projects/{project}/taxonomy")),
        (
            "label",
            format!("/projects/{project}/taxonomy?label={address}"),
        ),
        ("train", format!("/projects/{project}/train?methods=linear")),
        ("runs", format!("/projects/{project}/runs")),
        (
            "run",
            format!("/projects/{project}/runs/{run}?labels=-support"),
        ),
        (
            "side-by-side",
            format!("/projects/{project}/side-by-side?runs={run},{again}"),
        ),
        ("try", format!("/projects/{project}/try?runs={run},{again}")),
        ("settings", format!("/projects/{project}/settings")),
    ] {
        for theme in ["light", "dark"] {
            browser.resize(1280, 1000).await?;
            browser.theme(theme).await?;
            browser.driver.goto(format!("{}{page}", server.url)).await?;
            browser.settled().await?;
            match name {
                "taxonomy" => open_all(&browser).await?,
                "label" => drop(browser.says("label-card", &[&long]).await?),
                "try" => {
                    browser
                        .type_into("try-text", "words of subject119 and subject119 again")
                        .await?;
                    browser.click("classify").await?;
                    browser.find("answer-row").await?;
                }
                _ => {}
            }
            for (width, height) in WINDOWS {
                browser.resize(width, height).await?;
                browser
                    .whole(&format!("large-{name}-{width}-{theme}"))
                    .await?;
                browser.fits(&format!("{name}, {theme}")).await?;
            }
        }
    }
    browser.driver.quit_quietly().await;
    Ok(())
}
