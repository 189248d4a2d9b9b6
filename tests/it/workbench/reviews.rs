//! Documents whose label was split: decided by the keyboard, taken back, made a version of; and by what a run proposes.

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::{begin, by_menu, closed, row_says};
use crate::browser::{QuitQuietly as _, WINDOWS};
use crate::path::uploaded;

/// Looks at the page in a narrow window and in a common one, and goes on in that.
async fn seen(browser: &Browser, name: &str) -> anyhow::Result<()> {
    browser.look(name, &WINDOWS[..2]).await?;
    browser.resize(1280, 1000).await
}

/// Splits `animals-0` into two parts and publishes that, in the browser; answers how many documents wait.
async fn split(browser: &Browser, client: &Client, url: &str) -> anyhow::Result<u64> {
    begin(browser, url, "Two kinds").await?;
    super::open_branch(browser, "animals").await?;
    by_menu(browser, "animals-0", "do-split").await?;
    browser.type_into("split-name-0", "Tame").await?;
    browser.type_into("split-name-1", "Wild").await?;
    browser.click("edit-submit").await?;
    closed(browser, "split-dialog").await?;
    row_says(browser, "animals-0", "split").await?;
    browser.click("draft-publish").await?;
    browser.click("publish-confirm").await?;
    browser.says("published", &["version 2"]).await?;
    let corpus = newest(client).await?;
    let queue = client
        .get(&format!("/api/v1/corpora/{}/reviews", corpus["id"]))
        .await?;
    queue["n_documents"].as_u64().context("a count")
}

async fn newest(client: &Client) -> anyhow::Result<Value> {
    let corpora = client.get("/api/v1/projects/1/corpora?limit=1").await?;
    Ok(corpora["corpora"][0].clone())
}

/// The document at hand, once it is another one.
async fn at_hand(browser: &Browser, before: i64) -> anyhow::Result<i64> {
    let script =
        "return document.querySelector(\"[data-testid='review']\")?.dataset.document ?? ''";
    wait_for("the next document", 30, async || {
        let shown = browser.ask(script).await?;
        let document = shown.as_str().and_then(|shown| shown.parse().ok());
        Ok(document.filter(|document| *document != before))
    })
    .await
}

/// Presses a key once the document at hand can be decided.
async fn key(browser: &Browser, key: &str) -> anyhow::Result<()> {
    let ready =
        "return document.querySelector(\"[data-testid='candidate-1']\")?.disabled === false";
    wait_for("the document to be there", 30, async || {
        Ok((browser.ask(ready).await? == true).then_some(()))
    })
    .await?;
    browser.press(key).await
}

/// Waits until the queue has so many that wait and so many that are decided.
async fn stands(client: &Client, corpus: &Value, waiting: u64, decided: u64) -> anyhow::Result<()> {
    let path = format!("/api/v1/corpora/{corpus}/reviews");
    wait_for(
        &format!("{waiting} that wait, {decided} decided"),
        30,
        async || {
            let queue = client.get(&path).await?;
            let is = queue["n_documents"] == waiting && queue["n_decided"] == decided;
            Ok(is.then_some(()))
        },
    )
    .await
}

async fn labels_of(client: &Client, document: i64) -> anyhow::Result<Vec<String>> {
    let answer = client.get(&format!("/api/v1/documents/{document}")).await?;
    Ok(serde_json::from_value(
        answer["document"]["labels"].clone(),
    )?)
}

#[tokio::test]
async fn documents_that_wait_are_decided_by_keys_and_become_a_version() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    uploaded(&client, 120).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    let n = split(&browser, &client, &server.url).await?;
    ensure!(n > 6, "{n} documents wait");
    let corpus = newest(&client).await?["id"].clone();
    browser.click("open-reviews").await?;
    browser
        .says("reviews-count", &[&format!("{n} documents wait")])
        .await?;
    browser
        .says("review", &["was split", "tame", "wild", "its labels"])
        .await?;
    seen(&browser, "reviews-at-hand").await?;

    // Three by the keyboard alone: the first part, the second one, and neither.
    let mut decided = Vec::new();
    let mut hand = at_hand(&browser, 0).await?;
    for digit in ["1", "2", "0"] {
        key(&browser, digit).await?;
        browser.press(Key::Enter).await?;
        decided.push(hand);
        hand = at_hand(&browser, hand).await?;
    }
    stands(&client, &corpus, n - 3, 3).await?;
    // Enter decides nothing where nothing is chosen, and what is skipped waits.
    key(&browser, "s").await?;
    let skipped = hand;
    hand = at_hand(&browser, skipped).await?;
    browser.press(Key::Enter).await?;
    key(&browser, "k").await?;
    assert_eq!(at_hand(&browser, hand).await?, skipped);
    stands(&client, &corpus, n - 3, 3).await?;

    // The last one is taken back, and decided otherwise: with a label that was found, in place of what it had.
    key(&browser, "u").await?;
    assert_eq!(at_hand(&browser, skipped).await?, decided[2]);
    stands(&client, &corpus, n - 2, 2).await?;
    key(&browser, "/").await?;
    browser.type_into("review-label", "tools-1").await?;
    let choice = "[data-testid='label-choice'][data-label='tools-1']";
    browser.driver.query(By::Css(choice)).first().await?;
    browser.press(Key::Enter).await?;
    browser.says("review-labels", &["tools-1", "new"]).await?;
    browser.click("review-toggle").await?;
    seen(&browser, "reviews-chosen").await?;
    browser.click("review-decide").await?;
    at_hand(&browser, decided[2]).await?;
    stands(&client, &corpus, n - 3, 3).await?;

    // What is decided stands there with the way back.
    browser.click("queue-decided").await?;
    browser
        .says("reviews-decided", &["tame", "wild", "tools-1", "by admin"])
        .await?;
    seen(&browser, "reviews-decided").await?;
    browser
        .click(&format!("undo-decision-{}", decided[1]))
        .await?;
    stands(&client, &corpus, n - 2, 2).await?;
    browser.click("queue-waiting").await?;
    browser.says("reviews-waiting", &["choose from"]).await?;
    seen(&browser, "reviews-waiting").await?;
    browser.click("queue-hand").await?;
    assert_eq!(at_hand(&browser, 0).await?, decided[1]);
    key(&browser, "2").await?;
    browser.press(Key::Enter).await?;
    stands(&client, &corpus, n - 3, 3).await?;

    // A version is made of it.
    browser.click("reviews-apply").await?;
    browser
        .says("apply-words", &["3 documents get the labels"])
        .await?;
    seen(&browser, "reviews-apply").await?;
    browser.click("apply-confirm").await?;
    browser.says("reviews-applied", &["version 3"]).await?;
    browser
        .says("reviews-count", &[&format!("{} documents wait", n - 3)])
        .await?;
    for (document, label) in decided.iter().zip(["Tame", "Wild", "tools-1"]) {
        let labels = labels_of(&client, *document).await?;
        ensure!(labels.iter().any(|id| id == label), "{labels:?}");
    }
    let changed = labels_of(&client, decided[2]).await?;
    ensure!(!changed.iter().any(|id| id == "animals-0"), "{changed:?}");

    // A run that is trained on that knows the parts: it proposes, and is believed where it is sure enough.
    let made = newest(&client).await?;
    let request = json!({"method": "linear", "preset": "fast", "corpus": made["id"], "taxonomy": made["taxonomy"], "seed": 1});
    let accepted = client.post("/api/v1/projects/1/runs", &request).await?;
    client.made(&accepted, 120).await?;
    browser.click("reviews-ask").await?;
    browser.says("ask-dialog", &["knows most"]).await?;
    browser.click("ask-confirm").await?;
    browser.says("review", &["proposed"]).await?;
    seen(&browser, "reviews-proposed").await?;
    hand = at_hand(&browser, 0).await?;
    key(&browser, "a").await?;
    at_hand(&browser, hand).await?;
    stands(&client, &made["id"], n - 4, 1).await?;
    browser.click("reviews-accept").await?;
    let slide = "const slider = document.querySelector(\"[data-testid='accept-confidence']\"); slider.value = '0'; \
        slider.dispatchEvent(new Event('input', {bubbles: true}))";
    browser.find("accept-confidence").await?;
    browser.ask(slide).await?;
    browser
        .says("accept-count", &[&format!("{} documents would", n - 4)])
        .await?;
    seen(&browser, "reviews-accept").await?;
    browser.click("accept-confirm").await?;
    browser
        .says(
            "accept-done",
            &[&format!("{} documents are decided", n - 4)],
        )
        .await?;
    stands(&client, &made["id"], 0, n - 3).await?;
    browser.click("accept-undo").await?;
    stands(&client, &made["id"], n - 4, 1).await?;
    browser.click("dialog-close").await?;
    browser
        .says("reviews-count", &[&format!("{} documents wait", n - 4)])
        .await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
