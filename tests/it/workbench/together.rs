//! Two people on one draft, each in a browser.

use anyhow::Context as _;
use arborist_tests::{Browser, Server, wait_for};

use super::{begin, by_menu, closed, in_force, open_branch, row, row_gone, row_says, seen};
use crate::browser::QuitQuietly as _;
use crate::path::uploaded;

/// A browser of somebody else on the same draft.
async fn joined(server: &Server, draft: i64) -> anyhow::Result<Browser> {
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    browser
        .driver
        .goto(format!("{}/projects/1/taxonomy?draft={draft}", server.url))
        .await?;
    browser.find("draft-bar").await?;
    Ok(browser)
}

#[tokio::test]
async fn two_browsers_edit_one_draft_and_neither_loses_an_edit() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    uploaded(&client, 60).await?;
    let ann = Browser::start(1280, 1000).await?;
    ann.sign_in(&server.url).await?;
    let draft = begin(&ann, &server.url, "Together").await?;
    let ben = joined(&server, draft).await?;
    row(&ben, "tools").await?;

    // What one does the other sees, without loading anything.
    by_menu(&ann, "tools", "do-rename").await?;
    ann.type_into("rename-name", "Instruments").await?;
    ann.click("edit-submit").await?;
    row_says(&ben, "tools", "Instruments").await?;
    ben.says("draft-bar", &["1 edit"]).await?;

    // Both have the same label open: whoever comes second is told, and nothing is done yet.
    by_menu(&ann, "animals", "do-rename").await?;
    by_menu(&ben, "animals", "do-rename").await?;
    ann.type_into("rename-name", "Fauna").await?;
    ann.click("edit-submit").await?;
    row_says(&ben, "animals", "Fauna").await?;
    ben.type_into("rename-name", "Beasts").await?;
    ben.click("edit-submit").await?;
    ben.says("conflict-others", &["rename", "to “Fauna”", "admin"])
        .await?;
    ben.says("conflict-mine", &["to “Beasts”"]).await?;
    seen(&ben, "workbench-conflict").await?;
    assert_eq!(
        in_force(&client, draft).await?,
        2,
        "an edit was done unseen"
    );
    // Dropped, and said to be.
    ben.click("conflict-drop").await?;
    closed(&ben, "conflict-dialog").await?;
    row_says(&ann, "animals", "Fauna").await?;
    assert_eq!(in_force(&client, draft).await?, 2);

    // The other way: done on top, once it was seen what it is on top of.
    by_menu(&ann, "animals", "do-rename").await?;
    by_menu(&ben, "animals", "do-rename").await?;
    ben.type_into("rename-name", "Creatures").await?;
    ben.click("edit-submit").await?;
    row_says(&ann, "animals", "Creatures").await?;
    ann.type_into("rename-name", "Animals and others").await?;
    ann.click("edit-submit").await?;
    ann.says("conflict-others", &["to “Creatures”"]).await?;
    ann.click("conflict-again").await?;
    closed(&ann, "conflict-dialog").await?;
    row_says(&ben, "animals", "Animals and others").await?;
    assert_eq!(in_force(&client, draft).await?, 4, "an edit is lost");

    // Edits of different labels do not get in each other's way, even when one has not heard of the other.
    open_branch(&ann, "plants").await?;
    open_branch(&ben, "plants").await?;
    by_menu(&ann, "plants-0", "do-rename").await?;
    by_menu(&ben, "plants-1", "do-rename").await?;
    ann.type_into("rename-name", "Oaks").await?;
    ann.click("edit-submit").await?;
    row_says(&ben, "plants-0", "Oaks").await?;
    ben.type_into("rename-name", "Elms").await?;
    ben.click("edit-submit").await?;
    row_says(&ann, "plants-1", "Elms").await?;
    assert_eq!(in_force(&client, draft).await?, 6);

    // Who else is there is said, and no longer when they have left.
    let cleo = serde_json::json!({"name": "Cleo", "role": "reviewer"});
    let key = client.post("/api/v1/keys", &cleo).await?["key"].clone();
    let watching = reqwest::Client::new()
        .get(format!("{}/api/v1/drafts/{draft}/events", server.url))
        .bearer_auth(key.as_str().context("a key")?)
        .send()
        .await?;
    ann.says("draft-people", &["Cleo", "is here too"]).await?;
    drop(watching);
    wait_for("Cleo to leave", 60, async || {
        let people = ann.find("draft-people").await?.text().await?;
        Ok(people.is_empty().then_some(()))
    })
    .await?;

    // An edit of somebody who is not in a browser at all arrives as well, with the name.
    let edits = serde_json::json!({"edits": [{"op": "delete", "label": "plants-2"}]});
    client
        .post(&format!("/api/v1/drafts/{draft}/edits"), &edits)
        .await?;
    row_gone(&ann, "plants-2").await?;
    row_gone(&ben, "plants-2").await?;

    // Another draft was published meanwhile: this one goes on over that, and what cannot be done there is told.
    let other = client
        .post("/api/v1/taxonomies/1/drafts", &serde_json::json!({}))
        .await?["draft"]["id"]
        .clone();
    let edits = serde_json::json!({"edits": [{"op": "delete", "label": "plants-1"}]});
    client
        .post(&format!("/api/v1/drafts/{other}/edits"), &edits)
        .await?;
    let accepted = client
        .post(
            &format!("/api/v1/drafts/{other}/publish"),
            &serde_json::json!({}),
        )
        .await?;
    client.made(&accepted, 60).await?;
    ann.says("draft-superseded", &["version 2 was published meanwhile"])
        .await?;
    seen(&ann, "workbench-superseded").await?;
    ann.click("rebase-draft").await?;
    ann.says("draft-bar", &["6 edits"]).await?;
    row_gone(&ann, "plants-1").await?;
    let address = ann.driver.current_url().await?;
    let draft = address.query_pairs().find(|(key, _)| key == "draft");
    let draft: i64 = draft.context("a draft in the address")?.1.parse()?;
    assert_eq!(in_force(&client, draft).await?, 6, "all but one edit");
    ann.driver.quit_quietly().await;
    ben.driver.quit_quietly().await;
    Ok(())
}
