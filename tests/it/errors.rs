//! From a figure to the documents behind it: where a run errs, in the browser, against the interface.

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Server, tiny_corpus};
use serde_json::{Value, json};

use crate::browser::{QuitQuietly as _, WINDOWS};

/// The small corpus, with every third test document given the labels of another one.
fn misjudged(documents: usize) -> anyhow::Result<String> {
    let corpus = tiny_corpus(documents).corpus;
    let mut rows: Vec<Value> = corpus
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let tests: Vec<usize> = (0..rows.len())
        .filter(|&at| rows[at]["split"] == "test")
        .collect();
    for pair in tests.chunks_exact(3) {
        let labels = rows[pair[1]]["labels"].clone();
        rows[pair[0]]["labels"] = labels;
    }
    Ok(rows.iter().map(|row| format!("{row}\n")).collect())
}

#[tokio::test]
async fn from_macro_f1_to_the_documents_behind_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let project = client
        .post("/api/v1/projects", &json!({"name": "Errors"}))
        .await?["project"]["id"]
        .as_i64()
        .context("a project")?;
    let path = |rest: &str| format!("/api/v1/projects/{project}/{rest}");
    let accepted = client
        .upload(&path("taxonomies?format=tsv"), tiny_corpus(10).taxonomy)
        .await?;
    let taxonomy = client.made(&accepted, 30).await?;
    let to = path(&format!("corpora?format=jsonl&taxonomy={taxonomy}"));
    let accepted = client.upload(&to, misjudged(300)?).await?;
    let corpus = client.made(&accepted, 60).await?;
    let run = json!({"method": "linear", "corpus": corpus, "taxonomy": taxonomy});
    let accepted = client.post(&path("runs"), &run).await?;
    let run = client.made(&accepted, 120).await?;

    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    browser
        .driver
        .goto(format!("{}/projects/{project}/runs/{run}", server.url))
        .await?;
    // From the figures: one click to the errors, one to the documents of the most frequent one.
    browser.click("run-errors").await?;
    browser.find("cells").await?;
    let cells = client
        .get(&format!("/api/v1/runs/{run}/analysis/confusion?kind=wrong"))
        .await?;
    let first = &cells["cells"][0];
    let shown = "return document.querySelector('[data-testid=cell] [data-count]').dataset.count";
    ensure!(browser.ask(shown).await? == first["count"].to_string().as_str());
    let total = cells["total"].as_u64().context("a total")?;
    ensure!(total > 0, "the labels of test documents were exchanged");
    browser
        .says("cells-total", &[&format!("{total} end")])
        .await?;
    browser.look("errors", &WINDOWS).await?;
    browser.click("open-cell").await?;
    browser.find("behind-document").await?;
    let label = |end: &str| first[end]["label"].as_str().unwrap_or_default().to_owned();
    let behind = client
        .get(&format!(
            "/api/v1/runs/{run}/analysis/documents?limit=10&kind={}&gold={}&predicted={}",
            first["kind"].as_str().unwrap_or_default(),
            label("gold"),
            label("predicted")
        ))
        .await?;
    let n = behind["documents"].as_array().map_or(0, Vec::len);
    let drawn = "return document.querySelectorAll('[data-testid=behind-document]').length";
    ensure!(browser.ask(drawn).await? == n, "{n} documents");
    browser.look("errors-behind", &WINDOWS[..1]).await?;

    // Another kind, and a level on which labels are shown as their ancestors.
    let kinds = client.get(&format!("/api/v1/runs/{run}/analysis")).await?["kinds"].clone();
    for kind in kinds.as_array().context("kinds")? {
        let word = kind["kind"].as_str().context("a word")?;
        let count = format!(
            "return document.querySelector('[data-testid=kind-{word}] [data-count]').dataset.count"
        );
        ensure!(browser.ask(&count).await? == kind["count"].to_string().as_str());
        browser.click(&format!("pick-{word}")).await?;
        let words = format!("{} end", kind["count"]);
        browser.says("cells-total", &[&words]).await?;
    }
    // A link shows a colleague the same.
    let address = browser.driver.current_url().await?;
    browser.driver.goto(address.as_str()).await?;
    browser.find("cells").await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
