//! Every page in its four states: it waits, it has nothing yet, something failed, it is ready. The last is in the
//! story of the main job; here are the others, those of the doors, and what a run looks like that waits or has failed.

use anyhow::Context as _;
use arborist_tests::{Browser, PASSWORD, Server};
use serde_json::json;

use crate::browser::{QuitQuietly as _, WINDOWS};
use crate::crash::{approve_toy, start_toy};
use crate::path::uploaded;

/// A laptop and a phone: where what is not there yet, or any more, has to find its place.
const SMALL: [(u32, u32); 2] = [WINDOWS[1], WINDOWS[0]];

/// Every page behind the door.
const PAGES: [(&str, &str); 13] = [
    ("projects", "/projects"),
    ("overview", "/projects/1"),
    ("import", "/projects/1/corpus/import"),
    ("corpus", "/projects/1/corpus"),
    ("taxonomy", "/projects/1/taxonomy"),
    ("draft", "/projects/1/taxonomy?draft=1"),
    ("train", "/projects/1/train"),
    ("runs", "/projects/1/runs"),
    ("run", "/projects/1/runs/1"),
    ("side-by-side", "/projects/1/side-by-side?runs=1,2"),
    ("try", "/projects/1/try"),
    ("settings", "/projects/1/settings"),
    ("plugins", "/projects/1/settings?tab=plugins"),
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
    browser.type_into("sign-in-name", "admin").await?;
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
        browser.look(&format!("empty-{name}"), &SMALL).await?;
    }
    // An empty page leads on to the guide, at the place that explains it.
    browser.navigate("/projects/1/corpus").await?;
    browser.click("empty-guide").await?;
    browser.says("guide", &["one document on each"]).await?;
    browser.look("guide-at-chapter", &SMALL).await?;

    browser
        .driver
        .goto(format!("{}/projects/1/runs/999", server.url))
        .await?;
    browser.find("state-failed").await?;
    browser.look("failed-run-unknown", &SMALL).await?;
    browser
        .driver
        .goto(format!("{}/nowhere", server.url))
        .await?;
    browser.find("not-found").await?;
    browser.look("not-found", &SMALL).await?;

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
        browser.look(&format!("loading-{name}"), &SMALL).await?;
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
        browser.look(&format!("failed-{name}"), &SMALL).await?;
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
        browser.look(&format!("job-failed-{name}"), &SMALL).await?;
    }
    browser.click("jobs").await?;
    browser.says("jobs-drawer", &["asked to fail"]).await?;
    browser.look("job-failed-drawer", &SMALL).await?;
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Holds back or breaks what asks who is signed in, as `sessionStorage` says: that is asked before any page is there.
const SESSION: &str = "const real = window.fetch; \
    window.fetch = (request, ...rest) => { \
        const story = sessionStorage.getItem('story'); \
        if (!story || !String(request.url ?? request).endsWith('/session')) return real(request, ...rest); \
        return story === 'waits' ? new Promise(() => {}) : Promise.reject(new TypeError('gone')); \
    };";

#[tokio::test]
async fn the_doors_are_looked_at_in_every_state() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let token = server.token.clone().context("a first-start link")?;
    let browser = Browser::start(1280, 1000).await?;
    browser.before_each_page(SESSION).await?;
    let open = async |path: String| browser.driver.goto(format!("{}{path}", server.url)).await;

    // Who is signed in is not known yet, or cannot be asked.
    open("/".to_owned()).await?;
    for (story, mark) in [("waits", "state-loading"), ("breaks", "state-failed")] {
        browser
            .ask(&format!("sessionStorage.setItem('story', '{story}')"))
            .await?;
        browser.driver.refresh().await?;
        browser.find(mark).await?;
        browser.look(&format!("door-{story}"), &WINDOWS).await?;
    }
    browser.ask("sessionStorage.removeItem('story')").await?;
    browser.click("retry").await?;

    // First start: without the link, with a wrong one, with the right one, and while it is being done.
    browser.find("first-start-no-token").await?;
    browser.look("page-first-start-no-token", &WINDOWS).await?;
    let fill = async || {
        browser.type_into("first-start-name", "admin").await?;
        browser.type_into("first-start-password", PASSWORD).await?;
        browser.type_into("first-start-again", PASSWORD).await
    };
    open("/first-start?token=wrong".to_owned()).await?;
    fill().await?;
    browser.click("first-start").await?;
    browser.find("state-failed").await?;
    browser.look("failed-first-start", &WINDOWS).await?;
    open(format!("/first-start?token={token}")).await?;
    browser.find("first-start-password").await?;
    browser.look("page-first-start", &WINDOWS).await?;
    browser.type_into("first-start-password", "short").await?;
    browser.type_into("first-start-again", "shirt").await?;
    browser.look("typing-first-start", &SMALL).await?;
    fill().await?;
    server.freeze()?;
    browser.click("first-start").await?;
    browser.look("loading-first-start", &WINDOWS).await?;
    server.thaw()?;
    browser.find("state-empty").await?;
    browser.look("empty-projects", &WINDOWS).await?;

    // Signing in: empty, refused, while it is being done, and without a server.
    browser.driver.delete_all_cookies().await?;
    open("/sign-in".to_owned()).await?;
    browser.find("sign-in-name").await?;
    browser.look("page-sign-in", &WINDOWS).await?;
    browser.type_into("sign-in-name", "admin").await?;
    browser.type_into("sign-in-password", "not this").await?;
    browser.click("sign-in").await?;
    browser.find("state-failed").await?;
    browser.look("refused-sign-in", &WINDOWS).await?;
    browser.type_into("sign-in-password", PASSWORD).await?;
    server.freeze()?;
    browser.click("sign-in").await?;
    browser.look("loading-sign-in", &WINDOWS).await?;
    server.thaw()?;
    browser.find("state-empty").await?;
    browser.driver.delete_all_cookies().await?;
    open("/sign-in".to_owned()).await?;
    browser.type_into("sign-in-name", "admin").await?;
    browser.type_into("sign-in-password", PASSWORD).await?;
    server.kill().await?;
    browser.click("sign-in").await?;
    browser.find("state-failed").await?;
    browser.look("failed-sign-in", &WINDOWS).await?;
    browser.driver.quit_quietly().await;
    Ok(())
}

#[tokio::test]
async fn a_run_that_waits_for_its_turn_says_so() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    start_toy(&client, ids, json!({"epochs": 3000, "step_ms": 100})).await?;
    let waiting = start_toy(&client, ids, json!({"epochs": 2})).await?;
    let run = waiting["run"].as_i64().context("a run")?;
    browser.navigate(&format!("/projects/1/runs/{run}")).await?;
    browser.says("run-progress", &["waiting"]).await?;
    browser.says("curves", &["first steps"]).await?;
    browser.look("queued-run", &WINDOWS).await?;
    browser.navigate("/projects/1/runs").await?;
    browser.says(&format!("run-{run}"), &["queued"]).await?;
    browser.look("queued-runs", &SMALL).await?;
    let shown = client.get(&format!("/api/v1/runs/{run}")).await?;
    assert_eq!(shown["run"]["status"], "queued", "{shown}");

    // The server goes while the page looks after it: what was there stays, with the time that it is from.
    server.kill().await?;
    browser
        .says("state-stale", &["what you see is from"])
        .await?;
    browser.says(&format!("run-{run}"), &["queued"]).await?;
    browser.look("stale-runs", &SMALL).await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
