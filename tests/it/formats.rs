//! A table from somebody's spreadsheet comes in through the wizard, is looked at, compared and taken away again.

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Server, wait_for};
use serde_json::json;
use thirtyfour::prelude::*;

use crate::browser::{QuitQuietly as _, WINDOWS};

const TAXONOMY: &str = "animals\tRoot\nbirds\tanimals\nowls\tbirds\nfish\tanimals\n";

/// Text with an umlaut, in the encoding of old spreadsheets.
fn latin(text: &str) -> Vec<u8> {
    // Every character is one of the first 256, which the encoding shares with Unicode.
    text.chars()
        .filter_map(|letter| u8::try_from(u32::from(letter)).ok())
        .collect()
}

#[tokio::test]
async fn a_spreadsheet_comes_in_and_goes_out_again() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let project = client
        .post("/api/v1/projects", &json!({"name": "Spreadsheets"}))
        .await?["project"]["id"]
        .as_i64()
        .context("an id")?;
    let path = format!("/api/v1/projects/{project}");
    let accepted = client
        .upload(&format!("{path}/taxonomies?format=tsv"), TAXONOMY)
        .await?;
    client.made(&accepted, 30).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    let place = format!("/projects/{project}/corpus");
    browser
        .navigate(&format!("{place}/import?step=corpus"))
        .await?;

    // Semicolons, an old encoding, a label that is misspelt, a text that comes twice with different labels.
    let mut table = "Nummer;Beschreibung;Thema;date\n".to_owned();
    for row in 1..=30 {
        let (text, label) = match row {
            7 => ("Käuze im Wald".to_owned(), "owlz"),
            8 => ("Eule Nr. 1".to_owned(), "animals > fish"),
            9 => ("Nachts am Turm".to_owned(), "animals > bats"),
            _ => (format!("Eule Nr. {row}"), "animals > birds > owls"),
        };
        table += &format!("{row};{text};{label};2024-0{}\n", row % 9 + 1);
    }
    let file = directory.path().join("tiere.csv");
    std::fs::write(&file, latin(&table))?;
    browser
        .find("corpus-file")
        .await?
        .send_keys(file.display().to_string())
        .await?;
    browser.find("corpus-columns").await?;
    let encoding = browser.find("corpus-encoding").await?.text().await?;
    ensure!(encoding.contains("windows-1252"), "{encoding}");
    // The columns have names that nobody knows; which is which is a choice.
    choose(&browser, "column-text", "Beschreibung").await?;
    choose(&browser, "column-labels", "Thema").await?;
    choose(&browser, "column-id", "Nummer").await?;
    browser.says("corpus-rows", &["Eule Nr. 1", "owls"]).await?;
    browser.says("corpus-unknown", &["owlz", "1 row"]).await?;
    browser
        .says("corpus-repeats", &["1 row has", "contradict"])
        .await?;
    browser.look("import-table", &WINDOWS[..3]).await?;

    // What a label means is proposed, or it is a new one below the label that its path names; both are remembered and no
    // longer asked.
    browser.click("unknown-propose").await?;
    let at = browser
        .ask("return [...document.querySelectorAll('.ab-unknown__one')].findIndex(one => one.textContent.includes('bats'))")
        .await?;
    choose(&browser, &format!("unknown-{at}"), "\0new").await?;
    browser
        .says("corpus-unknown", &["1 label is added"])
        .await?;
    wait_for("the parent that the path names", 30, async || {
        let script = format!(
            "return document.querySelector(\"[data-testid='unknown-parent-{at}']\")?.placeholder"
        );
        Ok((browser.ask(&script).await? == "Another parent").then_some(()))
    })
    .await?;
    browser.look("import-new-label", &WINDOWS[..2]).await?;
    browser.click("unknown-keep").await?;
    browser
        .says("corpus-rows", &["Käuze", "Nachts am Turm", "bats"])
        .await?;
    wait_for("no unknown label", 30, async || {
        let left = browser
            .ask("return document.querySelector(\"[data-testid='corpus-unknown']\") === null")
            .await?;
        Ok((left == true).then_some(()))
    })
    .await?;
    browser.click("corpus-upload").await?;
    browser.says("corpus-done", &["30"]).await?;
    browser.says("corpus-repeats", &["contradict"]).await?;
    browser.look("import-table-done", &WINDOWS[..2]).await?;

    // A second version: three documents fewer, one with another label.
    let shorter: Vec<&str> = table.lines().take(28).collect();
    let shorter = shorter.join("\n").replacen("owlz", "animals > fish", 1);
    let query =
        "text_column=Beschreibung&label_columns=Thema&id_column=Nummer&path_separator=%20%3E%20";
    let taxonomy = client.get(&format!("{path}/taxonomies")).await?["taxonomies"][0]["id"].clone();
    let accepted = client
        .upload(
            &format!("{path}/corpora?taxonomy={taxonomy}&{query}"),
            shorter,
        )
        .await?;
    client.made(&accepted, 30).await?;

    browser
        .navigate(&format!("{place}/versions?view=versions"))
        .await?;
    browser
        .says("diff", &["removed", "with other labels"])
        .await?;
    browser.says("diff-labels", &["fish"]).await?;
    browser.look("versions", &WINDOWS[..3]).await?;
    browser.click("view-statistics").await?;
    browser.says("statistics", &["documents", "27"]).await?;
    browser.says("statistics-levels", &["3"]).await?;
    browser.look("statistics", &WINDOWS[..3]).await?;
    // Down into the areas by the keyboard, and up again; the figures are taken along.
    let reach = "document.querySelector('[data-tile]').focus(); return document.activeElement.dataset.label";
    browser.find("support-treemap").await?;
    assert_eq!(browser.ask(reach).await?, "animals");
    browser.press(Key::Enter).await?;
    browser
        .says("support-table", &["birds", "fish", "bats"])
        .await?;
    browser.look("statistics-below", &WINDOWS[..2]).await?;
    let downloads = browser.downloads().await?;
    browser.click("support-csv").await?;
    let file = downloads.join("support of animals.csv");
    let figures = wait_for("the figures", 30, async || {
        Ok(std::fs::read_to_string(&file)
            .ok()
            .filter(|text| !text.is_empty()))
    })
    .await?;
    ensure!(figures.contains("\r\nowls,owls,birds,3,"), "{figures}");
    browser
        .ask("return document.querySelector('[data-tile]').focus()")
        .await?;
    browser.press(Key::Backspace).await?;
    browser.says("support-table", &["animals"]).await?;
    browser.theme("dark").await?;
    browser.look("statistics-dark", &WINDOWS[1..2]).await?;

    // What is taken away holds what came in.
    browser.click("view-export").await?;
    choose(&browser, "export-format", "label_studio").await?;
    browser.says("export-note", &["Holds everything"]).await?;
    browser.look("export", &WINDOWS[..2]).await?;
    browser.click("export-download").await?;
    let file = downloads.join("corpus-2.json");
    let tasks = wait_for("the download", 30, async || {
        let text = std::fs::read_to_string(&file).ok();
        Ok(text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok()))
    })
    .await?;
    assert_eq!(tasks.as_array().map(Vec::len), Some(27));
    assert_eq!(tasks[6]["data"]["text"], "Käuze im Wald");

    // A file that the server writes beforehand is the same, and is there to be fetched again.
    browser.click("export-prepare").await?;
    browser
        .says("prepared", &["corpus-2.json", "Label Studio", "until"])
        .await?;
    browser.look("export-prepared", &WINDOWS[..3]).await?;
    std::fs::remove_file(&file)?;
    browser.click("prepared-download").await?;
    let again = wait_for("the prepared file", 30, async || {
        let text = std::fs::read_to_string(&file).ok();
        Ok(text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok()))
    })
    .await?;
    assert_eq!(again, tasks);

    // Documents are found by the level of their labels, and by when those changed.
    browser.navigate(&place).await?;
    browser.click("more-filters").await?;
    choose(&browser, "document-level", "2").await?;
    browser.says("document-count", &["documents"]).await?;
    browser.look("corpus-filters", &WINDOWS[..3]).await?;
    browser
        .navigate(&format!("{place}?labelled_from=2026-01-01&level=0"))
        .await?;
    browser.says("document-count", &["0 documents"]).await?;
    browser.click("clear-filters").await?;
    browser.says("document-count", &["27 documents"]).await?;

    // Documents are found by their date.
    browser.navigate(&format!("{place}?from=2024-09")).await?;
    browser.says("document-count", &["3 documents"]).await?;
    browser.look("corpus-dates", &WINDOWS[..2]).await?;
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Chooses by value, as a person would from the list.
async fn choose(browser: &Browser, field: &str, value: &str) -> anyhow::Result<()> {
    browser.find(field).await?;
    let script = format!(
        "const field = document.querySelector(\"[data-testid='{field}']\"); field.value = {value:?}; field.dispatchEvent(new Event('change', {{ bubbles: true }})); return field.value"
    );
    let chosen = browser.ask(&script).await?;
    ensure!(chosen == value, "{field} does not offer {value}: {chosen}");
    browser.settled().await
}
