//! The main job without a mouse: everything is reached with the keyboard, and the focus can be seen where it is.

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, PASSWORD, Server, wait_for};
use thirtyfour::prelude::*;

use crate::browser::{QuitQuietly as _, WINDOWS};

#[tokio::test]
async fn the_main_job_is_done_with_the_keyboard_alone() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let browser = Browser::start(1280, 1000).await?;

    // The field to fill in first has the focus already.
    browser
        .driver
        .goto(format!("{}/sign-in", server.url))
        .await?;
    browser.find("sign-in-name").await?;
    browser.press("admin").await?;
    browser.press(Key::Tab).await?;
    browser.press(PASSWORD).await?;
    browser.press(Key::Enter).await?;

    // A project, its documents, a method.
    browser.find("state-empty").await?;
    browser.tab_to("sample-project").await?;
    browser.press(Key::Enter).await?;
    browser
        .says("next-step-card", &["train a first method"])
        .await?;
    browser.tab_to("next-step").await?;
    browser.press(Key::Enter).await?;
    browser.tab_to("pick-linear").await?;
    browser.press(Key::Space).await?;
    browser.says("train-review", &["linear"]).await?;
    browser.screenshot("40-keyboard-train").await?;
    browser.tab_to("start-training").await?;
    browser.press(Key::Enter).await?;
    browser.find("runs").await?;
    let run = wait_for("the run", 240, async || {
        let runs = client.get("/api/v1/projects/1/runs").await?;
        let run = &runs["runs"][0];
        ensure!(run["status"] != "failed", "{run}");
        Ok((run["status"] == "succeeded").then(|| run["id"].as_i64()))
    })
    .await?
    .context("an id")?;
    browser.says(&format!("run-{run}"), &["succeeded"]).await?;

    // Its figures, then a text.
    browser.tab_to(&format!("open-run-{run}")).await?;
    browser.press(Key::Enter).await?;
    browser.find("headline").await?;
    browser.tab_to("try-run").await?;
    browser.press(Key::Enter).await?;
    browser.tab_to("try-text").await?;
    let documents = client
        .get("/api/v1/projects/1/documents?split=train&limit=1")
        .await?;
    let text = documents["documents"][0]["text"]
        .as_str()
        .context("a text")?;
    browser.press(text).await?;
    browser.press(Key::Control + Key::Enter).await?;
    browser.find("answer-row").await?;
    browser.screenshot("41-keyboard-answer").await?;

    // Back by the keys that the help names.
    browser.tab_to("classify").await?;
    browser.press("?").await?;
    browser
        .says(
            "help-dialog",
            &["keys everywhere", "go to", "classify the text"],
        )
        .await?;
    browser.look("help", &WINDOWS).await?;
    browser.press(Key::Escape).await?;
    wait_for("the help to close", 10, async || {
        let dialogs = browser.driver.find_all(By::Css("dialog")).await?;
        Ok(dialogs.is_empty().then_some(()))
    })
    .await?;
    let focused = browser
        .ask("return document.activeElement.dataset.testid ?? null")
        .await?;
    assert_eq!(focused, "classify", "the focus is not where it was");
    browser.press("g").await?;
    browser.press("r").await?;
    browser.find("runs").await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
