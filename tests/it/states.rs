//! Every page in its four states: it waits, it has nothing yet, something failed, it is ready. The last is in the
//! story of the main job; here are the others, and what a failed job looks like wherever it shows.

use anyhow::Context as _;
use arborist_tests::{Browser, PASSWORD, Server};
use serde_json::json;

use crate::browser::QuitQuietly as _;
use crate::crash::{approve_toy, start_toy};
use crate::path::uploaded;

/// Every page.
const PAGES: [(&str, &str); 11] = [
    ("projects", "/projects"),
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

/// Pages of a project without anything, and what of them says so.
const EMPTY: [(&str, &str, &str); 9] = [
    ("overview", "", "state-empty"),
    ("import", "/corpus/import", "taxonomy-file"),
    ("corpus", "/corpus", "state-empty"),
    ("taxonomy", "/taxonomy", "state-empty"),
    ("train", "/train", "state-empty"),
    ("runs", "/runs", "state-empty"),
    ("side-by-side", "/side-by-side", "state-empty"),
    ("try", "/try", "state-empty"),
    ("settings", "/settings", "state-empty"),
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
    browser.type_into("sign-in-name", "admin").await?;
    browser
        .type_into("sign-in-password", "not the password")
        .await?;
    browser.click("sign-in").await?;
    browser.find("state-failed").await?;
    browser.screenshot("21-sign-in-refused").await?;
    browser.type_into("sign-in-password", PASSWORD).await?;
    browser.click("sign-in").await?;
    browser.find("next-step").await?;

    for (name, page, mark) in EMPTY {
        browser
            .driver
            .goto(format!("{}/projects/1{page}", server.url))
            .await?;
        browser.settled().await?;
        browser
            .find(mark)
            .await
            .with_context(|| format!("{name} when empty"))?;
        browser.screenshot(&format!("empty-{name}")).await?;
    }
    // An empty page leads on to the guide, at the place that explains it.
    browser.navigate("/projects/1/corpus").await?;
    browser.click("empty-guide").await?;
    browser.says("guide", &["one document on each"]).await?;
    browser.screenshot("guide-at-chapter").await?;

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
    // The guide needs no server.
    browser.navigate("/guide").await?;
    browser.says("guide", &["Micro F1"]).await?;
    browser.driver.quit_quietly().await;
    Ok(())
}

#[tokio::test]
async fn a_failed_job_is_explained_wherever_it_shows() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    let accepted = start_toy(&client, ids, json!({"fault": "fail"})).await?;
    let run = accepted["run"].as_i64().context("a run")?;
    let job = client.finished(&accepted, 60).await?;
    assert_eq!(job["status"], "failed", "{job}");

    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    for (name, page, mark) in [
        ("overview", String::new(), "overview-jobs".to_owned()),
        ("runs", "/runs".to_owned(), format!("run-{run}")),
        ("run", format!("/runs/{run}"), "run-failed".to_owned()),
    ] {
        browser
            .driver
            .goto(format!("{}/projects/1{page}", server.url))
            .await?;
        browser.settled().await?;
        browser
            .says(&mark, &["asked to fail"])
            .await
            .with_context(|| name.to_owned())?;
        browser.screenshot(&format!("job-failed-{name}")).await?;
    }
    browser.click("jobs").await?;
    browser.says("jobs-drawer", &["asked to fail"]).await?;
    browser.screenshot("job-failed-drawer").await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
