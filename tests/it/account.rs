//! A key that is made on its page opens the interface until it is revoked; who signs out is out.

use anyhow::ensure;
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::json;

use crate::browser::{QuitQuietly as _, WINDOWS};

/// What the interface answers to a request with this key.
async fn status(client: &Client, key: &str) -> anyhow::Result<u16> {
    let url = format!("{}/api/v1/projects", client.url);
    let answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(key)
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

#[tokio::test]
async fn a_key_is_made_and_revoked_and_a_session_ends() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    client
        .post("/api/v1/projects", &json!({"name": "Keys"}))
        .await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;

    // Made: shown once, and valid at once.
    browser.navigate("/projects/1/settings").await?;
    browser.click("new-key").await?;
    browser.type_into("key-name", "Nightly import").await?;
    browser.look("key-new", &WINDOWS[..2]).await?;
    browser.click("create-key").await?;
    let key = browser.find("key-secret").await?.text().await?;
    assert_eq!(status(&client, &key).await?, 200);
    browser.look("key-secret", &WINDOWS[..2]).await?;
    browser.click("key-done").await?;
    browser.says("keys", &["Nightly import", "Viewer"]).await?;
    let page = browser
        .ask("return document.documentElement.outerHTML")
        .await?;
    ensure!(
        page.as_str().is_some_and(|page| !page.contains(&key)),
        "the key is still on the page"
    );

    // Revoked, after a question.
    let keys = client.get("/api/v1/keys").await?;
    let id = &keys["keys"][0]["id"];
    browser.click(&format!("revoke-key-{id}")).await?;
    browser.says("revoke-dialog", &["Nightly import"]).await?;
    browser.look("key-revoke", &WINDOWS[..2]).await?;
    browser.click("revoke-key").await?;
    browser.find("state-empty").await?;
    assert_eq!(status(&client, &key).await?, 401);

    // Signed out: the door is shut, for this page and for the next.
    browser.click("account").await?;
    browser.look("account-menu", &WINDOWS[..2]).await?;
    browser.click("sign-out").await?;
    browser.find("sign-in-name").await?;
    browser
        .driver
        .goto(format!("{}/projects/1/settings", server.url))
        .await?;
    browser.find("sign-in-name").await?;
    let answer = wait_for("an answer", 10, async || {
        let script = "if (!window.asked) { window.asked = true; \
            fetch('/api/v1/projects').then(answer => { window.answered = answer.status; }); } \
            return window.answered ?? null";
        Ok(browser.ask(script).await?.as_u64())
    })
    .await?;
    assert_eq!(answer, 401);
    browser.driver.quit_quietly().await;
    Ok(())
}
