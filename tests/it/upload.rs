//! Files that people choose in the browser: what is wrong with them is said before and after, and sending can be stopped.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server, tiny_corpus, wait_for};
use serde_json::{Value, json};

use crate::browser::{QuitQuietly as _, WINDOWS};

/// A signed-in browser before the import of documents, in a project that has a taxonomy.
async fn before_import(
    directory: &std::path::Path,
) -> anyhow::Result<(Server, Client, Browser, i64)> {
    let server = Server::start(directory).await?;
    let client = server.first_start().await?;
    let project = client
        .post("/api/v1/projects", &json!({"name": "Imports"}))
        .await?["project"]["id"]
        .as_i64()
        .context("an id")?;
    let path = format!("/api/v1/projects/{project}/taxonomies?format=tsv");
    let accepted = client.upload(&path, tiny_corpus(1).taxonomy).await?;
    client.made(&accepted, 30).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    browser
        .navigate(&format!("/projects/{project}/corpus/import?step=corpus"))
        .await?;
    Ok((server, client, browser, project))
}

/// Chooses a file with this content, as the dialog of the system would.
async fn choose(
    browser: &Browser,
    directory: &std::path::Path,
    field: &str,
    name: &str,
    content: &str,
) -> anyhow::Result<()> {
    let file = directory.join(name);
    std::fs::write(&file, content)?;
    let field = browser.find(field).await?;
    field.send_keys(file.display().to_string()).await?;
    Ok(())
}

async fn corpora(client: &Client, project: i64) -> anyhow::Result<Vec<Value>> {
    let path = format!("/api/v1/projects/{project}/corpora");
    let answer = client.get(&path).await?;
    answer["corpora"]
        .as_array()
        .cloned()
        .context("a list of corpora")
}

#[tokio::test]
async fn faults_in_a_file_are_told_before_and_after_its_import() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let (_server, client, browser, project) = before_import(directory.path()).await?;
    let mut rows = String::new();
    for number in 1..=60 {
        let row = match number {
            3 => r#"{"id": "broken", "text":"#.to_owned(),
            7 | 9 => json!({"id": format!("d{number}"), "text": "an owl", "labels": ["animels-1"]})
                .to_string(),
            _ => json!({"id": format!("d{number}"), "text": format!("row {number}"), "labels": ["animals-1"]})
                .to_string(),
        };
        let _ = writeln!(rows, "{row}");
    }
    choose(
        &browser,
        directory.path(),
        "corpus-file",
        "faulty.jsonl",
        &rows,
    )
    .await?;

    // Before: which rows, and why; labels that nobody knows, how often.
    browser
        .says("corpus-problems", &["would be refused", "line 3, column"])
        .await?;
    browser
        .says("corpus-unknown", &["animels-1", "2 rows"])
        .await?;

    // The parts must make up the whole; until they do, nothing is sent.
    browser.find("split-form").await?;
    browser.type_into("share-test", "20").await?;
    browser
        .says("split-form", &["make 110%, they must make 100%"])
        .await?;
    let is_refused = browser
        .find("corpus-upload")
        .await?
        .attr("disabled")
        .await?;
    ensure!(is_refused.is_some(), "shares of 110 % can be sent");
    browser.look("import-faults", &WINDOWS[..2]).await?;
    browser.type_into("share-train", "70").await?;
    browser.click("corpus-upload").await?;

    // After: how many were refused, and the file that says so of each.
    browser.says("corpus-done", &["57"]).await?;
    browser
        .says("corpus-rejects", &["3 rows were refused"])
        .await?;
    browser.look("import-rejects", &WINDOWS[..2]).await?;
    let downloads = browser.downloads().await?;
    browser.click("rejects-download").await?;
    let [corpus] = &corpora(&client, project).await?[..] else {
        anyhow::bail!("more than one corpus");
    };
    let file = downloads.join(format!("corpus-{}-rejects.jsonl", corpus["id"]));
    let rejects = wait_for("the download", 30, async || {
        Ok(std::fs::read_to_string(&file).ok())
    })
    .await?;
    let lines: Vec<u64> = rejects
        .lines()
        .map(|line| {
            let reject: Value = serde_json::from_str(line)?;
            ensure!(
                reject["column"].is_u64() && reject["reason"].is_string(),
                "{reject}"
            );
            reject["line"].as_u64().context("a line")
        })
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(lines, [3, 7, 9], "{rejects}");
    let parts = ["n_train", "n_validation", "n_test"].map(|part| corpus[part].as_u64());
    let [Some(train), Some(validation), Some(test)] = parts else {
        anyhow::bail!("no parts in {corpus}");
    };
    assert_eq!(train + validation + test, 57);
    ensure!(test > validation, "twice as many for test: {corpus}");
    browser.driver.quit_quietly().await;
    Ok(())
}

#[tokio::test]
async fn a_taxonomy_that_goes_in_circles_is_not_sent() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let (_server, client, browser, project) = before_import(directory.path()).await?;
    browser
        .navigate(&format!(
            "/projects/{project}/corpus/import?step=taxonomy&new=1"
        ))
        .await?;
    let circle = "animals\tRoot\nowls\tfish\nfish\towls\n";
    choose(
        &browser,
        directory.path(),
        "taxonomy-file",
        "circle.tsv",
        circle,
    )
    .await?;
    browser
        .says("taxonomy-problem", &["cannot be read"])
        .await?;
    let is_refused = browser
        .find("taxonomy-upload")
        .await?
        .attr("disabled")
        .await?;
    ensure!(is_refused.is_some(), "a taxonomy with a circle can be sent");
    browser.look("import-circle", &WINDOWS[..2]).await?;

    // Another file, without leaving the page.
    browser.click("taxonomy-back").await?;
    let good = "animals\tRoot\nowls\tanimals\n";
    choose(
        &browser,
        directory.path(),
        "taxonomy-file",
        "good.tsv",
        good,
    )
    .await?;
    browser.click("taxonomy-upload").await?;
    browser.says("taxonomy-done", &["labels"]).await?;
    let taxonomies = wait_for("the second version", 30, async || {
        let list = client
            .get(&format!("/api/v1/projects/{project}/taxonomies"))
            .await?;
        Ok((list["taxonomies"][0]["version"] == 2).then_some(list))
    })
    .await?;
    assert_eq!(taxonomies["taxonomies"][0]["n_labels"], 2);
    browser.driver.quit_quietly().await;
    Ok(())
}

#[tokio::test]
async fn an_upload_shows_how_far_it_is_and_can_be_stopped() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let (server, client, browser, project) = before_import(directory.path()).await?;
    // More than what fits between a browser and a server that does not read.
    let text = "words and more words ".repeat(2_000);
    let row = json!({"text": text, "labels": ["animals-1"]});
    let rows = format!("{row}\n").repeat(1_500);
    choose(
        &browser,
        directory.path(),
        "corpus-file",
        "large.jsonl",
        &rows,
    )
    .await?;
    browser.find("split-form").await?;

    // The server stands still in the middle of it.
    server.freeze()?;
    browser.click("corpus-upload").await?;
    let share = wait_for("progress", 60, async || {
        let bar = browser
            .ask("return document.querySelector(\"[data-testid='upload'] [role='progressbar']\")?.ariaValueNow ?? null")
            .await?;
        let share = bar.as_str().and_then(|text| text.parse::<f64>().ok());
        Ok(share.filter(|share| *share > 0.0))
    })
    .await?;
    ensure!(share < 100.0, "{share} % were sent to a server that sleeps");
    browser.says("upload", &["large.jsonl", "of 63"]).await?;
    browser.look("import-sending", &WINDOWS[..2]).await?;
    browser.click("upload-stop").await?;
    browser.says("state-failed", &["stopped"]).await?;
    browser.look("import-stopped", &WINDOWS[..2]).await?;
    server.thaw()?;

    // Nothing of it is kept, and the next file goes through.
    browser.click("upload-back").await?;
    choose(
        &browser,
        directory.path(),
        "corpus-file",
        "small.jsonl",
        &tiny_corpus(40).corpus,
    )
    .await?;
    browser.click("corpus-upload").await?;
    browser.says("corpus-done", &["40"]).await?;
    let corpora = corpora(&client, project).await?;
    assert_eq!(corpora.len(), 1, "{corpora:?}");
    assert_eq!(corpora[0]["n_documents"], 40);
    let uploads = std::fs::read_dir(server.data_dir.join("uploads"))?.count();
    assert_eq!(uploads, 0, "the part that was sent is left behind");
    browser.driver.quit_quietly().await;
    Ok(())
}
