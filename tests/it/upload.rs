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

/// What the server has of files that are not sent whole yet.
async fn open_uploads(client: &Client, project: i64) -> anyhow::Result<Vec<Value>> {
    let path = format!("/api/v1/projects/{project}/uploads");
    let answer = client.get(&path).await?;
    answer["uploads"].as_array().cloned().context("uploads")
}

#[tokio::test]
async fn a_large_upload_is_paused_goes_on_after_a_reload_and_can_be_stopped() -> anyhow::Result<()>
{
    let directory = tempfile::tempdir()?;
    let (server, client, browser, project) = before_import(directory.path()).await?;
    let text = "words and more words ".repeat(2_000);
    let rows: String = (0..800)
        .map(|row| {
            format!(
                "{}\n",
                json!({"id": format!("d{row}"), "text": text, "labels": ["animals-1"]})
            )
        })
        .collect();
    let file = directory.path().join("large.jsonl");
    std::fs::write(&file, &rows)?;
    // Loaded anew, so that the page has forgotten what it was doing.
    let page = format!(
        "{}/projects/{project}/corpus/import?step=corpus",
        server.url
    );
    let choose_it = async || {
        let field = browser.find("corpus-file").await?;
        field.send_keys(file.display().to_string()).await?;
        browser.find("split-form").await
    };

    // Paused before the first piece left: the server stands still meanwhile.
    choose_it().await?;
    server.freeze()?;
    browser.click("corpus-upload").await?;
    browser.says("upload", &["large.jsonl", "MB"]).await?;
    browser.look("import-sending", &WINDOWS[..2]).await?;
    browser.click("upload-pause").await?;
    server.thaw()?;
    browser.says("upload-state", &["Paused"]).await?;
    browser.look("import-paused", &WINDOWS[..2]).await?;

    // A piece of it, as if it had left before. The page is loaded again and the same file chosen again.
    let [begun] = &open_uploads(&client, project).await?[..] else {
        anyhow::bail!("not one upload is open");
    };
    let id = begun["id"].as_str().context("an id")?;
    let piece = rows.as_bytes()[..10_000_000].to_vec();
    let answer = client
        .http
        .patch(format!("{}/api/v1/uploads/{id}", server.url))
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", 0)
        .body(piece)
        .send()
        .await?;
    assert_eq!(answer.status(), 204);
    browser.driver.goto(&page).await?;
    choose_it().await?;
    browser.click("corpus-upload").await?;
    browser.says("corpus-done", &["800"]).await?;
    let made = corpora(&client, project).await?;
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["n_documents"], 800);
    // Had it begun anew, the piece would be left.
    assert_eq!(open_uploads(&client, project).await?.len(), 0);

    // Stopped, nothing of it is kept, and the next file goes through.
    browser.driver.goto(&page).await?;
    choose_it().await?;
    server.freeze()?;
    browser.click("corpus-upload").await?;
    browser.says("upload", &["large.jsonl"]).await?;
    browser.click("upload-stop").await?;
    server.thaw()?;
    browser.says("state-failed", &["stopped"]).await?;
    browser.look("import-stopped", &WINDOWS[..2]).await?;
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
    let uploads = std::fs::read_dir(server.data_dir.join("uploads"))?.count();
    assert_eq!(uploads, 0, "the part that was sent is left behind");
    browser.driver.quit_quietly().await;
    Ok(())
}
