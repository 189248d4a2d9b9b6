//! A taxonomy is changed after work has begun: in the browser, by one person and by two at once.

mod operations;
mod reviews;
mod together;

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::Value;
use thirtyfour::prelude::*;

use crate::browser::{QuitQuietly as _, WINDOWS};
use crate::path::uploaded;

/// Looks at the page in all windows, and goes on in the one before.
async fn seen(browser: &Browser, name: &str) -> anyhow::Result<()> {
    browser.look(name, &WINDOWS).await?;
    browser.resize(1280, 1000).await
}

/// The row of a label in the tree, once it is in view.
async fn row(browser: &Browser, label: &str) -> anyhow::Result<WebElement> {
    let selector = format!("[data-testid='tree-node'][data-label='{label}']");
    wait_for(&format!("{label} in the tree"), 30, async || {
        let rows = browser.driver.find_all(By::Css(&selector)).await?;
        Ok(rows.into_iter().next())
    })
    .await
}

/// Waits until a label's row says this.
async fn row_says(browser: &Browser, label: &str, words: &str) -> anyhow::Result<()> {
    let script = format!(
        "return document.querySelector(\"[data-testid='tree-node'][data-label='{label}']\")?.textContent ?? ''"
    );
    let said = wait_for(&format!("{label} to say {words}"), 30, async || {
        let text = browser.ask(&script).await?;
        Ok(text
            .as_str()
            .is_some_and(|text| text.contains(words))
            .then_some(()))
    })
    .await;
    if said.is_err() {
        browser.screenshot(&format!("missing-{words}")).await?;
    }
    said
}

/// Waits until a label has no row.
async fn row_gone(browser: &Browser, label: &str) -> anyhow::Result<()> {
    let selector = format!("[data-testid='tree-node'][data-label='{label}']");
    wait_for(&format!("{label} to go"), 30, async || {
        let rows = browser.driver.find_all(By::Css(&selector)).await?;
        Ok(rows.is_empty().then_some(()))
    })
    .await
}

/// Opens the branch of a label, and waits for its labels.
async fn open_branch(browser: &Browser, label: &str) -> anyhow::Result<()> {
    row(browser, label).await?;
    let script = format!(
        "const row = document.querySelector(\"[data-testid='tree-node'][data-label='{label}']\"); \
        if (row.getAttribute('aria-expanded') === 'false') row.querySelector(\"[data-testid='tree-toggle']\").click(); \
        return row.getAttribute('aria-expanded')"
    );
    wait_for(&format!("{label} to open"), 30, async || {
        let open = browser.ask(&script).await?;
        Ok((open == "true").then_some(()))
    })
    .await
}

/// Labels of the rows in view, from the top.
async fn rows(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let script = "return [...document.querySelectorAll(\"[data-testid='tree-node']\")].map(one => one.dataset.label)";
    let rows = browser.ask(script).await?;
    Ok(serde_json::from_value(rows)?)
}

/// Does something to a label by its menu.
async fn by_menu(browser: &Browser, label: &str, item: &str) -> anyhow::Result<()> {
    row(browser, label).await?;
    let script = format!(
        "document.querySelector(\"[data-testid='tree-node'][data-label='{label}']\") \
            .dispatchEvent(new MouseEvent('contextmenu', {{bubbles: true, cancelable: true, clientX: 300, clientY: 300}}))"
    );
    browser.ask(&script).await?;
    browser.click(item).await
}

/// Chooses a label in the picker of a dialog.
async fn pick(browser: &Browser, picker: &str, label: &str) -> anyhow::Result<()> {
    browser.type_into(picker, label).await?;
    let selector = format!("[data-testid='label-choice'][data-label='{label}']");
    let choice = wait_for(&format!("{label} among the choices"), 30, async || {
        let found = browser.driver.find_all(By::Css(&selector)).await?;
        Ok(found.into_iter().next())
    })
    .await?;
    choice.click().await?;
    Ok(())
}

async fn closed(browser: &Browser, dialog: &str) -> anyhow::Result<()> {
    let selector = format!("[data-testid='{dialog}']");
    wait_for(&format!("{dialog} to close"), 30, async || {
        let found = browser.driver.find_all(By::Css(&selector)).await?;
        Ok(found.is_empty().then_some(()))
    })
    .await
}

/// Begins a draft in the browser and answers its id.
async fn begin(browser: &Browser, url: &str, name: &str) -> anyhow::Result<i64> {
    browser
        .driver
        .goto(format!("{url}/projects/1/taxonomy"))
        .await?;
    browser.click("taxonomy-edit").await?;
    browser.type_into("draft-name", name).await?;
    browser.click("begin-draft").await?;
    browser.find("draft-bar").await?;
    let address = browser.driver.current_url().await?;
    let draft = address.query_pairs().find(|(key, _)| key == "draft");
    Ok(draft.context("a draft in the address")?.1.parse()?)
}

async fn in_force(client: &Client, draft: i64) -> anyhow::Result<usize> {
    let history = client.get(&format!("/api/v1/drafts/{draft}/edits")).await?;
    Ok(history["in_force"].as_array().map_or(0, Vec::len))
}

/// Drags a label onto another one (into it, or to its upper edge).
async fn drag(browser: &Browser, label: &str, onto: &str, into: bool) -> anyhow::Result<()> {
    row(browser, label).await?;
    row(browser, onto).await?;
    let script = format!(
        "const row = id => document.querySelector(`[data-testid='tree-node'][data-label='${{id}}']`); \
        const [from, to, data] = [row('{label}'), row('{onto}'), new DataTransfer()]; \
        const place = to.getBoundingClientRect(); \
        const fire = (one, type) => one.dispatchEvent(new DragEvent(type, {{bubbles: true, cancelable: true, dataTransfer: data, \
            clientX: place.left + 80, clientY: place.top + ({into} ? place.height / 2 : 2)}})); \
        fire(from, 'dragstart'); fire(to, 'dragover'); fire(to, 'drop'); fire(from, 'dragend');"
    );
    browser.ask(&script).await?;
    Ok(())
}

/// What a number of the page's impact says, against the interface.
async fn impact_agrees(browser: &Browser, client: &Client, draft: i64) -> anyhow::Result<Value> {
    let impact = client
        .get(&format!("/api/v1/drafts/{draft}/impact"))
        .await?;
    let edits = impact["edits"].as_array().context("edits")?.len();
    let stats = [
        format!("{edits}\nedits"),
        format!("{}\ndocuments touched", impact["n_documents"]),
        format!("{}\nwait for a person", impact["n_review"]),
    ];
    let words: Vec<&str> = stats.iter().map(String::as_str).collect();
    browser.says("impact-summary", &words).await?;
    Ok(impact)
}

/// Labels of all documents of the newest corpus, by their keys.
async fn labelled(client: &Client) -> anyhow::Result<Vec<(String, Value)>> {
    let page = client.get("/api/v1/projects/1/documents?limit=200").await?;
    let documents = page["documents"].as_array().context("documents")?;
    let mut labels: Vec<(String, Value)> = documents
        .iter()
        .map(|one| (one["key"].to_string(), one["labels"].clone()))
        .collect();
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(labels)
}

#[tokio::test]
async fn a_taxonomy_is_edited_previewed_published_and_taken_back() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    uploaded(&client, 120).await?;
    let before = labelled(&client).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    let draft = begin(&browser, &server.url, "Tidy up").await?;
    browser
        .says("draft-bar", &["0 edits", "no problems"])
        .await?;

    // Renamed by the keyboard, in the tree at once.
    row(&browser, "animals").await?.click().await?;
    browser.press(Key::F2).await?;
    browser.type_into("rename-name", "Fauna").await?;
    browser.press(Key::Enter).await?;
    closed(&browser, "rename-dialog").await?;
    row_says(&browser, "animals", "Fauna").await?;
    row_says(&browser, "animals", "renamed").await?;
    browser.says("draft-bar", &["1 edit"]).await?;

    // A new label below it, found by a part of its path.
    by_menu(&browser, "animals", "do-add-below").await?;
    browser.type_into("add-name", "Bats").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "add-dialog").await?;
    row_says(&browser, "Bats", "new").await?;
    browser.type_into("taxonomy-search", "fauna bat").await?;
    browser.says("found-label", &["Bats"]).await?;
    browser.click("found-label").await?;
    row(&browser, "Bats").await?;

    // Moved by a dialog, with the mouse, and with keys.
    by_menu(&browser, "tools", "do-move").await?;
    pick(&browser, "place-parent", "plants").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "place-dialog").await?;
    row_says(&browser, "tools", "moved").await?;
    drag(&browser, "tools", "plants", false).await?;
    wait_for("tools at the top again", 30, async || {
        Ok((in_force(&client, draft).await? == 4).then_some(()))
    })
    .await?;
    drag(&browser, "Bats", "plants", true).await?;
    row_says(&browser, "Bats", "new").await?;
    wait_for("bats below plants", 30, async || {
        let rows = rows(&browser).await?;
        let at = |label: &str| rows.iter().position(|row| row == label);
        Ok((at("Bats") > at("plants")).then_some(()))
    })
    .await?;
    browser.find("taxonomy-tree").await?.focus().await?;
    browser.press(Key::Alt + Key::Up).await?;
    wait_for("bats before the last child of plants", 30, async || {
        let rows = rows(&browser).await?;
        let at = |label: &str| rows.iter().position(|row| row == label);
        Ok((at("plants") < at("Bats") && at("Bats") < at("plants-2")).then_some(()))
    })
    .await?;

    // Deleted, undone, redone.
    by_menu(&browser, "plants-0", "do-delete").await?;
    browser.says("delete-dialog", &["get its parents"]).await?;
    browser.click("edit-submit").await?;
    row_gone(&browser, "plants-0").await?;
    browser.click("draft-undo").await?;
    row(&browser, "plants-0").await?;
    browser.press(Key::Control + "y").await?;
    row_gone(&browser, "plants-0").await?;

    // A relation that SKOS forbids is a problem at once, and none any more once it is undone.
    by_menu(&browser, "plants-1", "do-describe").await?;
    pick(&browser, "describe-related", "plants").await?;
    browser.click("edit-submit").await?;
    closed(&browser, "describe-dialog").await?;
    browser
        .says("draft-problems", &["1 problem, 1 new"])
        .await?;
    browser.click("draft-problems").await?;
    browser.says("draft-problem", &["SKOS S27"]).await?;
    seen(&browser, "workbench-problems").await?;
    browser.click("draft-edits").await?;
    browser
        .says("edits-pane", &["Change related labels of “plants-1”"])
        .await?;
    let revision = client.get(&format!("/api/v1/drafts/{draft}")).await?["draft"]["revision"]
        .as_i64()
        .context("a revision")?;
    browser.click(&format!("undo-{revision}")).await?;
    browser.says("draft-problems", &["no problems"]).await?;
    seen(&browser, "workbench-edits").await?;

    // Nothing is published before its impact was seen; the rule of a deletion can be another one.
    browser.click("draft-publish").await?;
    let impact = impact_agrees(&browser, &client, draft).await?;
    ensure!(impact["n_review"] == 0, "{impact}");
    let deleted = impact["edits"]
        .as_array()
        .context("edits")?
        .iter()
        .find(|edit| edit["op"] == "delete")
        .context("the deletion")?;
    let rule = browser
        .find(&format!("rule-{}", deleted["revision"]))
        .await?;
    rule.find(By::Css("option[value='review']"))
        .await?
        .click()
        .await?;
    wait_for("documents that wait", 30, async || {
        let impact = client
            .get(&format!("/api/v1/drafts/{draft}/impact"))
            .await?;
        Ok((impact["n_review"].as_u64() > Some(0)).then_some(()))
    })
    .await?;
    let impact = impact_agrees(&browser, &client, draft).await?;
    seen(&browser, "workbench-impact").await?;
    browser.click("publish-confirm").await?;
    browser.says("published", &["version 2"]).await?;
    let n_review = impact["n_review"].as_u64().context("a count")?;
    browser
        .says(
            "outcome",
            &[
                "Made of version 1",
                "renamed “animals” from",
                "undo publishing",
            ],
        )
        .await?;
    seen(&browser, "workbench-published").await?;

    // Documents that wait are listed, with what became of their label.
    browser.click("open-reviews").await?;
    browser
        .says("reviews", &["plants-0", "was deleted"])
        .await?;
    browser
        .says("reviews-count", &[&n_review.to_string()])
        .await?;
    seen(&browser, "workbench-reviews").await?;

    // And all of it is taken back.
    browser.click("tab-history").await?;
    browser.click("undo-publish").await?;
    browser
        .says("go-back-dialog", &["go back to version 1", "differences"])
        .await?;
    seen(&browser, "workbench-go-back").await?;
    browser.click("go-back-confirm").await?;
    browser.find("version-3").await?;
    seen(&browser, "workbench-history").await?;
    let versions = client.get("/api/v1/projects/1/taxonomies").await?;
    let hash = |at: usize| versions["taxonomies"][at]["content_hash"].clone();
    assert_eq!(hash(0), hash(2), "the content is not what it was");
    assert_eq!(
        labelled(&client).await?,
        before,
        "documents have other labels"
    );
    browser.driver.quit_quietly().await;
    Ok(())
}
