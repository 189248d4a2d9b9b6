//! Everything that can be done to a label, and a hundred thousand of them.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Server, wait_for};
use thirtyfour::prelude::*;

use super::{
    begin, by_menu, closed, impact_agrees, in_force, open_branch, pick, row, row_gone, row_says,
    rows, seen,
};
use crate::browser::QuitQuietly as _;
use crate::path::uploaded;

#[tokio::test]
async fn labels_are_merged_split_described_and_deprecated() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    uploaded(&client, 60).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    let draft = begin(&browser, &server.url, "").await?;
    let card = async |label: &str| {
        client
            .get(&format!("/api/v1/drafts/{draft}/label?id={label}"))
            .await
    };
    for top in ["animals", "plants", "tools"] {
        open_branch(&browser, top).await?;
    }

    // Two labels into a third.
    by_menu(&browser, "animals-0", "do-merge").await?;
    pick(&browser, "merge-more", "animals-1").await?;
    pick(&browser, "merge-into", "animals-2").await?;
    seen(&browser, "dialog-merge").await?;
    browser.click("edit-submit").await?;
    row_gone(&browser, "animals-0").await?;
    row_gone(&browser, "animals-1").await?;
    row_says(&browser, "animals-2", "merged").await?;

    // One into two that take its place.
    by_menu(&browser, "tools", "do-split").await?;
    browser.type_into("split-name-0", "Hand tools").await?;
    browser.type_into("split-name-1", "Machines").await?;
    let children = browser
        .driver
        .find_all(By::Css("[data-testid='split-child'] option[value='1']"))
        .await?;
    children.first().context("a child")?.click().await?;
    seen(&browser, "dialog-split").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "split-dialog").await?;
    row_says(&browser, "tools", "split").await?;
    row(&browser, "Machines").await?;
    assert_eq!(
        card("tools-0").await?["label"]["parents"],
        serde_json::json!(["Machines"])
    );

    // A second parent, which becomes the first, and the old one goes.
    by_menu(&browser, "plants-0", "do-add-parent").await?;
    pick(&browser, "place-parent", "animals").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "place-dialog").await?;
    row(&browser, "plants-0").await?.click().await?;
    browser
        .says("label-parents", &["plants", "animals"])
        .await?;
    browser.click("parent-first").await?;
    wait_for("animals to be the first parent", 30, async || {
        let parents = card("plants-0").await?["label"]["parents"].clone();
        Ok((parents == serde_json::json!(["animals", "plants"])).then_some(()))
    })
    .await?;
    browser.says("label-parents", &["animals", "first"]).await?;

    // What is known of it, in several languages.
    browser.click("card-describe").await?;
    browser.type_into("describe-notation", "580.1").await?;
    browser.click("names-add").await?;
    browser.type_into("names-0", "Bäume").await?;
    browser.type_into("names-language-0", "de").await?;
    browser.click("notes-add").await?;
    browser.type_into("notes-0", "Trees and shrubs.").await?;
    browser.click("examples-add").await?;
    browser
        .type_into("examples-0", "An oak in the yard.")
        .await?;
    seen(&browser, "dialog-describe").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "describe-dialog").await?;
    browser.says("label-names", &["Bäume", "de"]).await?;
    browser
        .says(
            "label-card",
            &["580.1", "Trees and shrubs.", "An oak in the yard."],
        )
        .await?;
    seen(&browser, "workbench-card").await?;
    // A name in another language finds it.
    browser.type_into("taxonomy-search", "bäum").await?;
    browser.says("found-label", &["plants-0"]).await?;
    browser.type_into("taxonomy-search", " ").await?;

    // Deprecated in favor of another, and used again.
    by_menu(&browser, "plants-1", "do-deprecate").await?;
    pick(&browser, "deprecate-instead", "plants-0").await?;
    browser.click("edit-submit").await?;
    row_says(&browser, "plants-1", "deprecated").await?;
    let known = card("plants-1").await?;
    assert_eq!(known["details"]["replaced_by"], "plants-0", "{known}");
    by_menu(&browser, "plants-1", "do-reinstate").await?;
    wait_for("plants-1 to be used again", 30, async || {
        Ok((card("plants-1").await?["label"]["deprecated"] == false).then_some(()))
    })
    .await?;

    // What cannot be done says why, and changes nothing.
    let n_edits = in_force(&client, draft).await?;
    by_menu(&browser, "plants-1", "do-rename").await?;
    browser.type_into("rename-name", "plants-2").await?;
    browser.click("edit-submit").await?;
    browser
        .says(
            "rename-dialog",
            &["an edit cannot be done", "siblings with different names"],
        )
        .await?;
    seen(&browser, "dialog-refused").await?;
    browser.click("edit-cancel").await?;
    assert_eq!(in_force(&client, draft).await?, n_edits);

    // The menu by the keyboard.
    row(&browser, "plants-2").await?.click().await?;
    browser.press(Key::Shift + Key::F10).await?;
    browser.find("do-split").await?;
    seen(&browser, "workbench-menu").await?;
    browser.press(Key::Escape).await?;
    closed(&browser, "context-menu").await?;

    // Given up: nothing was published.
    browser.click("discard-draft").await?;
    browser
        .says("discard-dialog", &["edits will not be published"])
        .await?;
    browser.click("discard-confirm").await?;
    browser.says("draft-discarded", &["stay readable"]).await?;
    browser
        .says(
            "edits-pane",
            &["Split “tools” into “Hand tools” and “Machines”"],
        )
        .await?;
    seen(&browser, "workbench-discarded").await?;
    let versions = client.get("/api/v1/projects/1/taxonomies").await?;
    assert_eq!(versions["taxonomies"].as_array().map(Vec::len), Some(1));
    browser.driver.quit_quietly().await;
    Ok(())
}

#[tokio::test]
async fn a_hundred_thousand_labels_are_edited() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    client
        .post("/api/v1/projects", &serde_json::json!({"name": "Large"}))
        .await?;
    let long = "تصنيف".repeat(40);
    let mut lines = format!("{long}\tRoot\n");
    for top in 0..99 {
        let _ = writeln!(lines, "Field {top:02}\tRoot");
        for leaf in 0..1_010 {
            let _ = writeln!(lines, "Topic {top:02}-{leaf:04}\tField {top:02}");
        }
    }
    let accepted = client
        .upload("/api/v1/projects/1/taxonomies?format=tsv", lines)
        .await?;
    client.made(&accepted, 300).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    let draft = begin(&browser, &server.url, &long).await?;
    open_branch(&browser, "Field 00").await?;
    row(&browser, "Topic 00-0000").await?;
    // Only rows in view exist.
    ensure!(rows(&browser).await?.len() < 100);
    by_menu(&browser, "Topic 00-0000", "do-rename").await?;
    browser
        .type_into("rename-name", &format!("{long} 2"))
        .await?;
    browser.click("edit-submit").await?;
    closed(&browser, "rename-dialog").await?;
    row_says(&browser, "Topic 00-0000", "renamed").await?;
    by_menu(&browser, "Field 00", "do-add-below").await?;
    browser.type_into("add-name", "Brand new").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "add-dialog").await?;
    row_says(&browser, "Brand new", "new").await?;
    browser.find("label-card").await?;
    seen(&browser, "large-draft").await?;
    browser.click("label-close").await?;
    browser
        .type_into("taxonomy-search", "field 98 topic 1009")
        .await?;
    browser.says("found-label", &["Topic 98-1009"]).await?;
    seen(&browser, "large-draft-found").await?;
    browser.type_into("taxonomy-search", " ").await?;
    browser.click("draft-impact").await?;
    impact_agrees(&browser, &client, draft).await?;
    seen(&browser, "large-draft-impact").await?;
    browser.driver.quit_quietly().await;
    Ok(())
}

#[tokio::test]
async fn a_run_says_what_a_newer_taxonomy_does_to_its_model() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, taxonomy, corpus) = uploaded(&client, 200).await?;
    let request = serde_json::json!({"method": "linear", "preset": "fast", "corpus": corpus, "taxonomy": taxonomy, "seed": 1});
    let accepted = client
        .post(&format!("/api/v1/projects/{project}/runs"), &request)
        .await?;
    let run = client.made(&accepted, 120).await?;
    let draft = client
        .post(
            &format!("/api/v1/taxonomies/{taxonomy}/drafts"),
            &serde_json::json!({}),
        )
        .await?["draft"]["id"]
        .as_i64()
        .context("a draft")?;
    let edits = serde_json::json!({"edits": [
        {"op": "add", "id": "animals-3", "name": "Bats", "parents": ["animals"]},
        {"op": "merge", "labels": ["tools-0"], "into": "tools-1"},
    ]});
    client
        .post(&format!("/api/v1/drafts/{draft}/edits"), &edits)
        .await?;

    // Before it is published, the impact names the run.
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    browser
        .driver
        .goto(format!(
            "{}/projects/1/taxonomy?draft={draft}&panel=impact",
            server.url
        ))
        .await?;
    browser
        .says("impact-summary", &["1\nruns that know these labels"])
        .await?;
    browser
        .says(
            "impact-edits",
            &["the highest score counts", "cannot predict it yet"],
        )
        .await?;
    browser.click("publish-confirm").await?;
    browser.says("published", &["version 2"]).await?;

    // Afterwards the run does, in the table and on its page.
    let fit = client.get(&format!("/api/v1/runs/{run}")).await?["run"]["taxonomy_fit"].clone();
    let sentence = fit["sentence"].as_str().context("a sentence")?;
    browser
        .driver
        .goto(format!("{}/projects/1/runs", server.url))
        .await?;
    browser.says("run-fit-chip", &[sentence]).await?;
    seen(&browser, "run-fit-table").await?;
    browser.click(&format!("open-run-{run}")).await?;
    browser.says("run-fit", &["version 2", sentence]).await?;
    browser
        .find("run-fit-why")
        .await?
        .find(By::Css("summary"))
        .await?
        .click()
        .await?;
    browser
        .says("run-fit-labels", &["Bats", "is new", "took in “tools-0”"])
        .await?;
    seen(&browser, "run-fit").await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
