//! The queue page: devices, what runs, what waits and why; the order is changed by keyboard and by dragging; the log is
//! read and searched; what was cancelled is queued again.

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::{Value, json};

use crate::browser::QuitQuietly as _;
use crate::crash::{approve_toy, start_toy};
use crate::path::uploaded;

async fn waiting(client: &Client) -> anyhow::Result<Vec<i64>> {
    let queue = client.get("/api/v1/queue").await?;
    let jobs = queue["waiting"].as_array().context("waiting jobs")?;
    Ok(jobs.iter().filter_map(|job| job["id"].as_i64()).collect())
}

async fn is_order(client: &Client, order: &[i64]) -> anyhow::Result<()> {
    wait_for("the new order", 20, async || {
        Ok((waiting(client).await? == order).then_some(()))
    })
    .await
}

fn job(accepted: &Value) -> anyhow::Result<i64> {
    accepted["job"].as_i64().context("a job")
}

#[tokio::test]
async fn the_queue_is_seen_reordered_and_worked_with() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    approve_toy(directory.path()).await?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 60).await?;
    let browser = Browser::start(1280, 900).await?;
    let told = story(&browser, &server, &client, ids).await;
    browser.driver.quit_quietly().await;
    told
}

async fn story(
    browser: &Browser,
    server: &Server,
    client: &Client,
    ids: (i64, i64, i64),
) -> anyhow::Result<()> {
    browser.sign_in(&server.url).await?;
    let project = ids.0;
    let long = json!({"epochs": 100_000, "step_ms": 20});
    let first = &start_toy(client, ids, long.clone()).await?;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(job(&start_toy(client, ids, long.clone()).await?)?);
    }
    browser
        .navigate(&format!("/projects/{project}/runs"))
        .await?;
    browser.click("open-queue").await?;
    browser.says("device-cpu", &["1 of 1 job"]).await?;
    let running = format!("running-{}", job(first)?);
    browser.says(&running, &["Toy", "on cpu", "epoch"]).await?;
    let top = format!("waiting-{}", jobs[0]);
    browser.says(&top, &["cpu is busy with a job"]).await?;
    browser.look("queue", &[(360, 800), (1280, 900)]).await?;
    // By keyboard: the arrows are buttons.
    browser.click(&format!("up-{}", jobs[1])).await?;
    is_order(client, &[jobs[1], jobs[0], jobs[2]]).await?;
    browser.click(&format!("first-{}", jobs[2])).await?;
    is_order(client, &[jobs[2], jobs[1], jobs[0]]).await?;
    // By dragging the first onto the last; drivers cannot drag as people do, so the events are sent.
    wait_for("the page to show the order", 20, async || {
        let shown = browser
            .ask("return document.querySelector('[data-testid=waiting-jobs] li').dataset.testid")
            .await?;
        Ok((shown == format!("waiting-{}", jobs[2]).as_str()).then_some(()))
    })
    .await?;
    let drag = format!(
        "return (async () => {{ const find = id => document.querySelector(`[data-testid=waiting-${{id}}]`); \
         const data = new DataTransfer(); \
         const send = (id, kind) => find(id).dispatchEvent(new DragEvent(kind, {{bubbles: true, cancelable: true, dataTransfer: data}})); \
         send({0}, 'dragstart'); await new Promise(done => setTimeout(done, 50)); \
         send({1}, 'dragover'); await new Promise(done => setTimeout(done, 50)); \
         send({1}, 'drop'); send({0}, 'dragend'); return true }})()",
        jobs[2], jobs[0]
    );
    browser.ask(&drag).await?;
    is_order(client, &[jobs[1], jobs[0], jobs[2]]).await?;
    // The log grows and is searched.
    let run = first["run"].as_i64().context("a run")?;
    browser.click(&format!("log-{run}")).await?;
    browser
        .says("log-lines", &["documents to train on", "epoch 1"])
        .await?;
    browser.type_into("log-search", "no such words").await?;
    browser.says("log-empty", &["No line has that"]).await?;
    browser.click("dialog-close").await?;
    // What is cancelled can be queued again.
    let cancelled = jobs[2];
    browser.click(&format!("job-{cancelled}-cancel")).await?;
    browser
        .says(&format!("ended-{cancelled}"), &["Cancelled"])
        .await?;
    browser.click(&format!("retry-{cancelled}")).await?;
    is_order(client, &[jobs[1], jobs[0], cancelled]).await?;
    // A device that drains says so, and so does who waits for it.
    browser.click("device-cpu-drain").await?;
    browser.says("device-cpu", &["takes no more jobs"]).await?;
    browser
        .says(&format!("waiting-{}", jobs[1]), &["it is draining"])
        .await?;
    let queue = client.get("/api/v1/queue").await?;
    ensure!(
        queue["running"]
            .as_array()
            .is_some_and(|jobs| jobs.len() == 1),
        "{queue}"
    );
    Ok(())
}
