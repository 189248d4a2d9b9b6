//! The main job in a real browser: a corpus goes in, two methods train, their results stand side by side, a text is
//! classified. Every page is looked at; the pictures are in `tests/screenshots`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, PASSWORD, Server, tiny_corpus, wait_for};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

/// What the browser uploads, and a text to classify.
struct Material {
    taxonomy: PathBuf,
    corpus: PathBuf,
    n_labels: usize,
    n_documents: usize,
    text: String,
}

impl Material {
    /// A real corpus where there is one, else the small one; as files in `directory`.
    fn write(directory: &Path) -> anyhow::Result<Self> {
        let (tree, rows) = match std::env::var_os("ARBORIST_CORPORA") {
            Some(corpora) => real(&Path::new(&corpora).join("chemical-exposure"))?,
            None => {
                eprintln!("skipped: real corpora");
                let tiny = tiny_corpus(400);
                (tiny.taxonomy, tiny.corpus)
            }
        };
        let (taxonomy, corpus) = (
            directory.join("taxonomy.tsv"),
            directory.join("corpus.jsonl"),
        );
        std::fs::write(&taxonomy, &tree)?;
        std::fs::write(&corpus, &rows)?;
        let last: Value = serde_json::from_str(rows.lines().last().context("a row")?)?;
        Ok(Self {
            taxonomy,
            corpus,
            n_labels: tree.lines().count(),
            n_documents: rows.lines().count(),
            text: last["text"].as_str().context("a text")?.to_owned(),
        })
    }
}

/// Taxonomy and rows of a folder with a file for each split.
fn real(folder: &Path) -> anyhow::Result<(String, String)> {
    let mut rows = String::new();
    for split in ["train", "val", "test"] {
        for line in std::fs::read_to_string(folder.join(format!("{split}.jsonl")))?.lines() {
            let mut row: Value = serde_json::from_str(line)?;
            row["split"] = split.into();
            rows.push_str(&format!("{row}\n"));
        }
    }
    let tree = std::fs::read_to_string(folder.join("taxonomy.tsv"))?;
    Ok((tree, rows))
}

/// A count as the pages write it.
fn counted(number: usize) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{thousands},{:03}", number % 1000),
    }
}

async fn click(browser: &Browser, test_id: &str) -> anyhow::Result<()> {
    let element = browser.find(test_id).await?;
    element.scroll_into_view().await?;
    element
        .wait_until()
        .clickable()
        .await
        .with_context(|| format!("{test_id} cannot be clicked"))?;
    element
        .click()
        .await
        .with_context(|| format!("clicking {test_id}"))?;
    Ok(())
}

/// Clicks the label around an input, as one does where the input itself is drawn by its label.
async fn click_label(browser: &Browser, test_id: &str) -> anyhow::Result<()> {
    let label = browser
        .find(test_id)
        .await?
        .find(By::XPath("ancestor::label"))
        .await?;
    label.scroll_into_view().await?;
    label
        .click()
        .await
        .with_context(|| format!("clicking the label of {test_id}"))
}

async fn type_into(browser: &Browser, test_id: &str, text: &str) -> anyhow::Result<()> {
    let element = browser.find(test_id).await?;
    element.clear().await?;
    element.send_keys(text).await?;
    Ok(())
}

/// Waits until the element with this `data-testid` says all of these words.
async fn says(browser: &Browser, test_id: &str, words: &[&str]) -> anyhow::Result<String> {
    wait_for(&format!("{test_id} to say {words:?}"), 60, async || {
        let text = match browser.find(test_id).await?.text().await {
            Ok(text) => text,
            // It was drawn anew in the meantime.
            Err(_) => return Ok(None),
        };
        Ok(words
            .iter()
            .all(|word| text.to_lowercase().contains(&word.to_lowercase()))
            .then_some(text))
    })
    .await
}

#[tokio::test]
async fn from_an_uploaded_corpus_to_a_classified_text() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let material = Material::write(directory.path())?;
    let data = directory.path().join("data");
    let server = Server::start(&data).await?;
    let browser = Browser::start(1280, 1000).await?;
    let token = server
        .token
        .clone()
        .context("the console printed no first-start link")?;

    // First start.
    browser
        .driver
        .goto(format!("{}/first-start?token={token}", server.url))
        .await?;
    browser.find("first-start-password").await?;
    browser.screenshot("01-first-start").await?;
    type_into(&browser, "first-start-name", "admin").await?;
    type_into(&browser, "first-start-password", PASSWORD).await?;
    type_into(&browser, "first-start-again", PASSWORD).await?;
    click(&browser, "first-start").await?;

    // Nothing there yet.
    browser.find("state-empty").await?;
    browser.screenshot("02-projects-empty").await?;
    click(&browser, "new-project").await?;
    type_into(&browser, "project-name", "Tiny things").await?;
    browser.screenshot("03-new-project").await?;
    click(&browser, "create-project").await?;
    browser.find("next-step").await?;
    browser.screenshot("04-overview-empty").await?;

    // The taxonomy, then the corpus.
    click(&browser, "next-step").await?;
    browser
        .find("taxonomy-file")
        .await?
        .send_keys(material.taxonomy.display().to_string())
        .await?;
    says(&browser, "taxonomy-preview", &[&counted(material.n_labels)]).await?;
    browser.screenshot("05-taxonomy-preview").await?;
    click(&browser, "taxonomy-upload").await?;
    browser.find("taxonomy-done").await?;
    browser.screenshot("06-taxonomy-done").await?;
    click(&browser, "continue").await?;
    browser
        .find("corpus-file")
        .await?
        .send_keys(material.corpus.display().to_string())
        .await?;
    browser.find("corpus-rows").await?;
    browser.screenshot("07-corpus-preview").await?;
    click(&browser, "corpus-upload").await?;
    says(&browser, "corpus-done", &[&counted(material.n_documents)]).await?;
    browser.screenshot("08-corpus-done").await?;

    // Two methods.
    click(&browser, "go-train").await?;
    for method in ["linear", "hiagm"] {
        click(&browser, &format!("pick-{method}")).await?;
        click_label(&browser, &format!("preset-{method}-fast")).await?;
    }
    browser.find("train-review").await?;
    browser.screenshot("09-train").await?;
    click(&browser, "start-training").await?;
    browser.find("runs").await?;
    browser.screenshot("10-runs-training").await?;
    let client = server.sign_in().await?;
    let runs = wait_for("both runs", 300, async || {
        let runs = client.get("/api/v1/projects/1/runs").await?;
        let runs = runs["runs"].as_array().cloned().unwrap_or_default();
        ensure!(
            runs.iter().all(|run| run["status"] != "failed"),
            "a run failed: {runs:?}"
        );
        Ok(
            (runs.len() == 2 && runs.iter().all(|run| run["status"] == "succeeded"))
                .then_some(runs),
        )
    })
    .await?;
    let ids: Vec<i64> = runs.iter().filter_map(|run| run["id"].as_i64()).collect();
    for id in &ids {
        says(&browser, &format!("run-{id}"), &["succeeded"]).await?;
    }
    browser.screenshot("11-runs").await?;

    // The run page shows what the interface answers, to the last digit.
    for id in &ids {
        browser
            .driver
            .goto(format!("{}/projects/1/runs/{id}", server.url))
            .await?;
        browser.find("figures").await?;
        browser.find("labels").await?;
        let metrics = client
            .get(&format!("/api/v1/runs/{id}/metrics?split=test"))
            .await?;
        for (path, expected) in [
            ("micro_f1", &metrics["micro_f1"]),
            ("macro_f1", &metrics["macro_f1"]),
            ("raw.hierarchical_f1", &metrics["raw"]["hierarchical_f1"]),
        ] {
            let shown = browser
                .driver
                .find(By::Css(format!(
                    "[data-testid='headline'] [data-metric='{path}']"
                )))
                .await?
                .attr("value")
                .await?;
            assert_eq!(
                shown.context("a value")?.parse::<f64>()?,
                expected.as_f64().context("a number")?,
                "run {id}, {path}"
            );
        }
        browser.screenshot(&format!("12-run-{id}")).await?;
    }

    // Side by side.
    browser
        .driver
        .goto(format!("{}/projects/1/runs", server.url))
        .await?;
    for id in &ids {
        click(&browser, &format!("select-run-{id}")).await?;
    }
    click(&browser, "side-by-side").await?;
    browser.find("side-by-side-table").await?;
    browser.screenshot("13-side-by-side").await?;

    // A text.
    let runs = ids
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",");
    browser
        .driver
        .goto(format!("{}/projects/1/try?runs={runs}", server.url))
        .await?;
    type_into(&browser, "try-text", &material.text).await?;
    click(&browser, "classify").await?;
    for id in &ids {
        let answer = client
            .post(
                &format!("/api/v1/runs/{id}/predict"),
                &json!({"documents": [{"id": "a", "text": material.text}]}),
            )
            .await?;
        let labels = answer["documents"][0]["labels"]
            .as_array()
            .context("labels")?;
        let found: Vec<&str> = labels
            .iter()
            .filter(|label| label["predicted"] == true)
            .filter_map(|label| label["path"].as_array()?.last()?.as_str())
            .collect();
        ensure!(!found.is_empty(), "run {id} finds nothing");
        says(&browser, "answers", &found).await?;
    }
    browser.screenshot("14-try-it").await?;

    // The other pages, as they are when full, in both themes and at three widths.
    for (name, page) in [
        ("overview", ""),
        ("corpus", "/corpus"),
        ("taxonomy", "/taxonomy"),
        ("train", "/train"),
        ("runs", "/runs"),
        ("run", &format!("/runs/{}", ids[0])),
        ("try", &format!("/try?runs={runs}")),
        ("settings", "/settings"),
    ] {
        for (width, height, theme) in [
            (1280, 1000, "light"),
            (360, 800, "light"),
            (2560, 1440, "light"),
            (1280, 1000, "dark"),
        ] {
            browser.driver.set_window_rect(0, 0, width, height).await?;
            browser.theme(theme).await?;
            browser
                .driver
                .goto(format!("{}/projects/1{page}", server.url))
                .await?;
            browser.settled().await?;
            browser
                .screenshot(&format!("page-{name}-{width}-{theme}"))
                .await?;
        }
    }
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Every page of a project.
const PAGES: [(&str, &str); 10] = [
    ("overview", "/projects/1"),
    ("import", "/projects/1/corpus/import"),
    ("corpus", "/projects/1/corpus"),
    ("taxonomy", "/projects/1/taxonomy"),
    ("train", "/projects/1/train"),
    ("runs", "/projects/1/runs"),
    ("run", "/projects/1/runs/1"),
    ("side-by-side", "/projects/1/side-by-side?runs=1,2"),
    ("try", "/projects/1/try"),
    ("settings", "/projects/1/settings"),
];

#[tokio::test]
async fn every_page_says_so_when_it_is_loading_empty_or_failed() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    client
        .post("/api/v1/projects", &json!({"name": "Empty"}))
        .await?;
    let browser = Browser::start(1280, 1000).await?;
    browser
        .driver
        .goto(format!("{}/sign-in", server.url))
        .await?;
    browser.find("sign-in-name").await?;
    browser.screenshot("20-sign-in").await?;
    type_into(&browser, "sign-in-name", "admin").await?;
    type_into(&browser, "sign-in-password", "not the password").await?;
    click(&browser, "sign-in").await?;
    browser.find("state-failed").await?;
    browser.screenshot("21-sign-in-refused").await?;
    type_into(&browser, "sign-in-password", PASSWORD).await?;
    click(&browser, "sign-in").await?;
    browser.find("next-step").await?;

    for (name, page) in [
        ("corpus", "/corpus"),
        ("taxonomy", "/taxonomy"),
        ("train", "/train"),
        ("runs", "/runs"),
        ("try", "/try"),
    ] {
        browser
            .driver
            .goto(format!("{}/projects/1{page}", server.url))
            .await?;
        browser.find("state-empty").await?;
        browser.screenshot(&format!("empty-{name}")).await?;
    }
    browser
        .driver
        .goto(format!("{}/projects/1/runs/999", server.url))
        .await?;
    browser.find("state-failed").await?;
    browser.screenshot("failed-run-unknown").await?;
    browser
        .driver
        .goto(format!("{}/nowhere", server.url))
        .await?;
    browser.find("not-found").await?;
    browser.screenshot("not-found").await?;

    // A server that does not answer: the page says that it waits.
    for (name, page) in PAGES {
        browser.navigate("/nowhere").await?;
        browser.find("not-found").await?;
        server.freeze()?;
        browser.navigate(page).await?;
        browser
            .find("state-loading")
            .await
            .with_context(|| name.to_owned())?;
        browser.screenshot(&format!("loading-{name}")).await?;
        server.thaw()?;
        browser.settled().await?;
    }

    // A server that is gone: what is asked for fails, with a way to try again.
    server.kill().await?;
    for (name, page) in PAGES {
        browser.navigate("/nowhere").await?;
        browser.find("not-found").await?;
        browser.navigate(page).await?;
        browser
            .find("state-failed")
            .await
            .with_context(|| name.to_owned())?;
        browser
            .find("retry")
            .await
            .with_context(|| name.to_owned())?;
        browser.screenshot(&format!("failed-{name}")).await?;
    }
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Ends the browser; a browser that is gone already is no failure of the story.
trait QuitQuietly {
    async fn quit_quietly(&self);
}

impl QuitQuietly for WebDriver {
    async fn quit_quietly(&self) {
        let _ = self.clone().quit().await;
    }
}
