//! The main job in a real browser: a corpus goes in, two methods train, their results stand side by side, a text is
//! classified. Every page is looked at; the pictures are in `tests/screenshots`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, PASSWORD, Server, tiny_corpus, wait_for};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::live::Curve;

/// What the browser uploads, and a text to classify.
struct Material {
    taxonomy: PathBuf,
    corpus: PathBuf,
    n_labels: usize,
    n_documents: usize,
    text: String,
}

impl Material {
    /// A real corpus where there is one, else the small one; as files in `directory`.
    fn write(directory: &Path) -> anyhow::Result<Self> {
        let (tree, rows) = match std::env::var_os("ARBORIST_CORPORA") {
            Some(corpora) => real(&Path::new(&corpora).join("chemical-exposure"))?,
            None => {
                eprintln!("skipped: real corpora");
                let tiny = tiny_corpus(400);
                (tiny.taxonomy, tiny.corpus)
            }
        };
        let (taxonomy, corpus) = (
            directory.join("taxonomy.tsv"),
            directory.join("corpus.jsonl"),
        );
        std::fs::write(&taxonomy, &tree)?;
        std::fs::write(&corpus, &rows)?;
        let last: Value = serde_json::from_str(rows.lines().last().context("a row")?)?;
        Ok(Self {
            taxonomy,
            corpus,
            n_labels: tree.lines().count(),
            n_documents: rows.lines().count(),
            text: last["text"].as_str().context("a text")?.to_owned(),
        })
    }
}

/// Taxonomy and rows of a folder with a file for each split.
fn real(folder: &Path) -> anyhow::Result<(String, String)> {
    let mut rows = String::new();
    for split in ["train", "val", "test"] {
        for line in std::fs::read_to_string(folder.join(format!("{split}.jsonl")))?.lines() {
            let mut row: Value = serde_json::from_str(line)?;
            row["split"] = split.into();
            rows.push_str(&format!("{row}\n"));
        }
    }
    let tree = std::fs::read_to_string(folder.join("taxonomy.tsv"))?;
    Ok((tree, rows))
}

/// A phone, a laptop, a large screen and a 4K one.
pub(crate) const WINDOWS: [(u32, u32); 4] = [(360, 800), (1280, 1000), (2560, 1440), (3840, 2160)];

/// A text as it stands in an address.
pub(crate) fn urlencoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// An interval as the pages write it: both ends where its sides differ by more than the decimal that is shown.
fn interval_of(value: f64, low: f64, high: f64) -> String {
    let tenths = |side: f64| (side * 1000.0).round();
    if (tenths(value - low) - tenths(high - value)).abs() > 1.0 {
        format!("({:.1}–{:.1})", low * 100.0, high * 100.0)
    } else {
        format!("± {:.1}", (high - low) * 50.0)
    }
}

/// A count as the pages write it.
fn counted(number: usize) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{thousands},{:03}", number % 1000),
    }
}

/// Keys and values of the figures within an element, in the order of the page.
async fn figures(
    browser: &Browser,
    within: &str,
    which: &str,
) -> anyhow::Result<Vec<(String, f64)>> {
    browser.find(within).await?;
    let script = format!(
        "return [...document.querySelectorAll(\"[data-testid='{within}'] {which}\")] \
            .map(one => [one.dataset.metric, one.value])"
    );
    let found = browser.ask(&script).await?;
    let found = found.as_array().context("figures")?.iter();
    found
        .map(|figure| {
            let key = figure[0].as_str().context("a key")?.to_owned();
            Ok((key, figure[1].as_str().context("a value")?.parse()?))
        })
        .collect()
}

/// Precision, recall and F1 of every label by its id: the rows are drawn as they are scrolled to.
async fn label_figures(
    browser: &Browser,
    n_labels: usize,
) -> anyhow::Result<HashMap<String, [Option<f64>; 3]>> {
    let script = "const rows = document.querySelectorAll(\"[data-testid='label-row']\"); \
        const list = rows[0].closest('.ab-virtual'); \
        const found = [...rows].map(row => [row.dataset.label, ...[...row.querySelectorAll('data')].map(one => one.value)]); \
        list.scrollTop += list.clientHeight - 80; \
        return found";
    let mut labels = HashMap::new();
    browser.find("label-row").await?;
    wait_for("the figures of all labels", 60, async || {
        let found = browser.ask(script).await?;
        for row in found.as_array().context("rows")? {
            let id = row[0].as_str().context("an id")?.to_owned();
            let figure = |at: usize| row[at].as_str().and_then(|text| text.parse().ok());
            labels.insert(id, [figure(1), figure(2), figure(3)]);
        }
        Ok((labels.len() == n_labels).then_some(()))
    })
    .await?;
    Ok(labels)
}

/// Path, score and decision of each label that a run's column of answers shows.
pub(crate) async fn scores(browser: &Browser, column: usize) -> anyhow::Result<Vec<Value>> {
    let script = format!(
        "return [...document.querySelectorAll(\"[data-testid='answer-row']\")] \
            .map(row => [row.dataset.path, row.querySelectorAll('td')[{column}]]) \
            .filter(([, cell]) => cell.querySelector('data')) \
            .map(([path, cell]) => [path, cell.querySelector('data').value, cell.querySelector('.ab-score').dataset.predicted])"
    );
    let found = browser.ask(&script).await?;
    let found = found.as_array().context("scores")?.iter();
    found
        .map(|score| {
            let value: f64 = score[1].as_str().context("a score")?.parse()?;
            Ok(json!([score[0], value, score[2] == "true"]))
        })
        .collect()
}

/// The same of the answer to one document.
pub(crate) fn answered(answer: &Value) -> anyhow::Result<Vec<Value>> {
    let labels = answer["documents"][0]["labels"]
        .as_array()
        .context("labels")?;
    let label = |label: &Value| {
        let path: Vec<String> = serde_json::from_value(label["path"].clone())?;
        Ok(json!([path.join("/"), label["score"], label["predicted"]]))
    };
    labels.iter().map(label).collect()
}

#[tokio::test]
async fn from_an_uploaded_corpus_to_a_classified_text() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let material = Material::write(directory.path())?;
    let data = directory.path().join("data");
    let server = Server::start(&data).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.watch_moves().await?;
    let token = server
        .token
        .clone()
        .context("the console printed no first-start link")?;

    // First start.
    browser
        .driver
        .goto(format!("{}/first-start?token={token}", server.url))
        .await?;
    browser.find("first-start-password").await?;
    browser.screenshot("01-first-start").await?;
    browser.type_into("first-start-name", "admin").await?;
    browser.type_into("first-start-password", PASSWORD).await?;
    browser.type_into("first-start-again", PASSWORD).await?;
    browser.click("first-start").await?;

    // Nothing there yet.
    browser.find("state-empty").await?;
    browser.screenshot("02-projects-empty").await?;
    browser.click("new-project").await?;
    browser.type_into("project-name", "Tiny things").await?;
    browser.screenshot("03-new-project").await?;
    browser.click("create-project").await?;
    browser.find("next-step").await?;
    browser.screenshot("04-overview-empty").await?;

    // The taxonomy, then the corpus.
    browser.click("next-step").await?;
    browser
        .find("taxonomy-file")
        .await?
        .send_keys(material.taxonomy.display().to_string())
        .await?;
    browser
        .says("taxonomy-preview", &[&counted(material.n_labels)])
        .await?;
    browser.screenshot("05-taxonomy-preview").await?;
    browser.click("taxonomy-upload").await?;
    browser.find("taxonomy-done").await?;
    browser.screenshot("06-taxonomy-done").await?;
    browser.click("continue").await?;
    browser
        .find("corpus-file")
        .await?
        .send_keys(material.corpus.display().to_string())
        .await?;
    browser.find("corpus-rows").await?;
    browser.screenshot("07-corpus-preview").await?;
    browser.click("corpus-upload").await?;
    browser
        .says("corpus-done", &[&counted(material.n_documents)])
        .await?;
    browser.screenshot("08-corpus-done").await?;

    // Two methods.
    browser.click("go-train").await?;
    for method in ["linear", "hiagm"] {
        browser.click(&format!("pick-{method}")).await?;
        browser
            .click_label(&format!("preset-{method}-fast"))
            .await?;
    }
    // Nothing has finished here yet: memory is known by the methods' formulas, time is not.
    browser
        .says("review-total", &["not known yet", "MB"])
        .await?;
    browser.find("cost-hiagm").await?;
    browser.screenshot("09-train").await?;
    browser.click("start-training").await?;
    browser.find("runs").await?;
    browser.screenshot("10-runs-training").await?;
    let client = server.sign_in().await?;
    let runs = wait_for("both runs", 300, async || {
        let runs = client.get("/api/v1/projects/1/runs").await?;
        let runs = runs["runs"].as_array().cloned().unwrap_or_default();
        ensure!(
            runs.iter().all(|run| run["status"] != "failed"),
            "a run failed: {runs:?}"
        );
        Ok(
            (runs.len() == 2 && runs.iter().all(|run| run["status"] == "succeeded"))
                .then_some(runs),
        )
    })
    .await?;
    let ids: Vec<i64> = runs.iter().filter_map(|run| run["id"].as_i64()).collect();
    for id in &ids {
        browser.says(&format!("run-{id}"), &["succeeded"]).await?;
    }
    browser.screenshot("11-runs").await?;

    // The run page shows what the interface answers, to the last digit.
    let mut all_metrics = Vec::new();
    for id in &ids {
        browser
            .driver
            .goto(format!("{}/projects/1/runs/{id}", server.url))
            .await?;
        browser.find("figures").await?;
        browser.find("labels").await?;
        let metrics = client
            .get(&format!("/api/v1/runs/{id}/metrics?split=test"))
            .await?;
        for (path, expected) in [
            ("micro_f1", &metrics["micro_f1"]),
            ("macro_f1", &metrics["macro_f1"]),
            ("raw.hierarchical_f1", &metrics["raw"]["hierarchical_f1"]),
        ] {
            let shown = browser
                .driver
                .find(By::Css(format!(
                    "[data-testid='headline'] [data-metric='{path}']"
                )))
                .await?
                .attr("value")
                .await?;
            assert_eq!(
                shown.context("a value")?.parse::<f64>()?,
                expected.as_f64().context("a number")?,
                "run {id}, {path}"
            );
        }
        // Its loss is counted once, not again by its terms.
        let epochs = client.get(&format!("/api/v1/runs/{id}/epochs")).await?;
        if epochs["epochs"][0]["losses"]["loss"].is_f64() {
            let n_epochs = epochs["epochs"].as_array().map_or(0, Vec::len);
            let curve = Curve::reaching(&browser, n_epochs as u64).await?;
            curve.assert_told_by(&epochs)?;
        }
        let interval = browser
            .driver
            .query(By::Css(
                "[data-testid='headline'] [data-interval='micro_f1']",
            ))
            .first()
            .await?;
        let known = client
            .get(&format!(
                "/api/v1/runs/{id}/metrics?split=test&intervals=true"
            ))
            .await?;
        let end = |at: usize| known["intervals"]["micro_f1"][at].as_f64();
        let (low, high) = (end(0).context("an interval")?, end(1).context("its end")?);
        let value = metrics["micro_f1"].as_f64().context("a number")?;
        assert_eq!(
            interval.text().await?,
            interval_of(value, low, high),
            "run {id}"
        );
        // So do all of its figures, those of every level and those of every label.
        let shown = figures(&browser, "figures", "data").await?;
        assert_eq!(shown.len(), 21, "run {id}: {shown:?}");
        for (key, value) in shown {
            let known = &metrics.pointer(&format!("/{}", key.replace('.', "/")));
            assert_eq!(
                Some(value),
                known.and_then(Value::as_f64),
                "run {id}, {key}"
            );
        }
        let levels = metrics["levels"].as_array().context("levels")?;
        let mut expected = Vec::new();
        for level in levels {
            for key in ["micro_f1", "macro_f1"] {
                let name = format!("{key}_level_{}", level["level"]);
                expected.push((name, level[key].as_f64().context("a figure")?));
            }
        }
        assert_eq!(figures(&browser, "levels", "data").await?, expected);
        let labels = metrics["labels"].as_array().context("labels")?;
        let shown = label_figures(&browser, labels.len()).await?;
        for label in labels {
            let id = label["id"].as_str().context("an id")?;
            let figures = ["precision", "recall", "f1"].map(|key| label[key].as_f64());
            assert_eq!(shown[id], figures, "{id}");
        }
        browser.screenshot(&format!("12-run-{id}")).await?;
        all_metrics.push(metrics);
    }

    // Side by side.
    browser
        .driver
        .goto(format!("{}/projects/1/runs", server.url))
        .await?;
    for id in &ids {
        browser.click(&format!("select-run-{id}")).await?;
    }
    browser.click("side-by-side").await?;
    browser.find("side-by-side-table").await?;
    let shown = figures(&browser, "side-by-side-table", "tbody data").await?;
    assert_eq!(shown.len(), 21 * ids.len(), "{shown:?}");
    for (at, (key, value)) in shown.into_iter().enumerate() {
        let metrics = &all_metrics[at % ids.len()];
        let known = metrics.pointer(&format!("/{}", key.replace('.', "/")));
        assert_eq!(
            Some(value),
            known.and_then(Value::as_f64),
            "{key}, column {at}"
        );
    }
    browser.screenshot("13-side-by-side").await?;

    // A text.
    let runs = ids
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",");
    browser
        .driver
        .goto(format!("{}/projects/1/try?runs={runs}", server.url))
        .await?;
    browser.type_into("try-text", &material.text).await?;
    browser.click("classify").await?;
    browser.click_label("show-all").await?;
    for (column, id) in ids.iter().enumerate() {
        let answer = client
            .post(
                &format!("/api/v1/runs/{id}/predict"),
                &json!({"documents": [{"id": "a", "text": material.text}]}),
            )
            .await?;
        let labels = answer["documents"][0]["labels"]
            .as_array()
            .context("labels")?;
        let found: Vec<&str> = labels
            .iter()
            .filter(|label| label["predicted"] == true)
            .filter_map(|label| label["path"].as_array()?.last()?.as_str())
            .collect();
        ensure!(!found.is_empty(), "run {id} finds nothing");
        browser.says("answers", &found).await?;
        // Every score on the page is the interface's, and so is what counts as found.
        let expected = answered(&answer)?;
        let shown = scores(&browser, column).await?;
        ensure!(shown.len() >= found.len(), "run {id} shows {shown:?}");
        for score in shown {
            assert!(
                expected.contains(&score),
                "run {id} shows {score}, not {expected:?}"
            );
        }
    }
    browser.screenshot("14-try-it").await?;

    // Every page as it is when full, from a phone to a 4K screen, in both themes.
    client
        .post(
            "/api/v1/keys",
            &json!({"name": "Nightly import", "role": "manager"}),
        )
        .await?;
    let text = urlencoded(&material.text);
    for (name, page) in [
        ("projects", "/projects".to_owned()),
        ("guide", "/guide".to_owned()),
        ("overview", "/projects/1".to_owned()),
        ("import", "/projects/1/corpus/import".to_owned()),
        ("corpus", "/projects/1/corpus".to_owned()),
        ("taxonomy", "/projects/1/taxonomy".to_owned()),
        (
            "train",
            "/projects/1/train?methods=linear:fast,hiagm:balanced&seeds=1,2".to_owned(),
        ),
        ("runs", "/projects/1/runs".to_owned()),
        ("run", format!("/projects/1/runs/{}", ids[0])),
        (
            "side-by-side",
            format!("/projects/1/side-by-side?runs={runs}"),
        ),
        ("try", format!("/projects/1/try?runs={runs}#text={text}")),
        ("settings", "/projects/1/settings".to_owned()),
        ("plugins", "/projects/1/settings?tab=plugins".to_owned()),
    ] {
        for theme in ["light", "dark"] {
            browser.resize(1280, 1000).await?;
            browser.theme(theme).await?;
            browser.driver.goto(format!("{}{page}", server.url)).await?;
            // An address that differs in its fragment at most is not loaded anew by going there.
            browser.driver.refresh().await?;
            browser.settled().await?;
            if name == "try" {
                browser.find("answer-row").await?;
            }
            if name == "train" {
                browser.find("cost-hiagm").await?;
                let moved = browser.moved(".ab-method, .ab-method *").await?;
                ensure!(moved.is_empty(), "the cards moved: {moved:?}");
            }
            for (width, height) in WINDOWS {
                browser.resize(width, height).await?;
                browser.fits(&format!("{name}, {theme}")).await?;
                browser
                    .whole(&format!("page-{name}-{width}-{theme}"))
                    .await?;
            }
        }
    }
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Ends the browser; a browser that is gone already is no failure of the story.
pub(crate) trait QuitQuietly {
    async fn quit_quietly(&self);
}

impl QuitQuietly for WebDriver {
    async fn quit_quietly(&self) {
        let _ = self.clone().quit().await;
    }
}
