//! A person at work: sets up a run, watches it learn, stops it, reads its figures, finds things again.

use std::path::Path;

use anyhow::{Context as _, ensure};
use arborist_tests::{Browser, Client, Server, wait_for};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::browser::QuitQuietly as _;
use crate::crash::approve_toy;
use crate::path::uploaded;

/// A signed-in browser before a project with the small corpus.
async fn at_work(directory: &Path) -> anyhow::Result<(Server, Client, (i64, i64, i64), Browser)> {
    approve_toy(directory).await?;
    let server = Server::start(directory).await?;
    let client = server.first_start().await?;
    let ids = uploaded(&client, 200).await?;
    let browser = Browser::start(1280, 1000).await?;
    browser.sign_in(&server.url).await?;
    Ok((server, client, ids, browser))
}

/// The curve of the loss as its description tells it: how many epochs it has, the first and the last with their loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    pub(crate) n_epochs: u64,
    pub(crate) first: (u64, f64),
    pub(crate) last: (u64, f64),
}

impl Curve {
    /// `Loss over 5 epochs, from 1 in epoch 1 to 0.2 in epoch 5.`; before the first epoch ends it has no numbers.
    fn read(label: &str) -> Option<Self> {
        let numbers: Vec<f64> = label
            .split([' ', ','])
            .filter_map(|word| word.trim_end_matches('.').parse().ok())
            .collect();
        let [n_epochs, from, first, to, last] = numbers[..] else {
            return None;
        };
        Some(Self {
            n_epochs: n_epochs as u64,
            first: (first as u64, from),
            last: (last as u64, to),
        })
    }

    /// The curve on the page, once it has reached an epoch.
    pub(crate) async fn reaching(browser: &Browser, epoch: u64) -> anyhow::Result<Self> {
        wait_for(&format!("epoch {epoch} in the curve"), 60, async || {
            let label = browser.find("curve-loss").await?.attr("aria-label").await?;
            let curve = label.as_deref().and_then(Self::read);
            Ok(curve.filter(|curve| curve.last.0 >= epoch))
        })
        .await
    }

    /// That it is whole, and that its ends are what the interface answers: the loss, or the only term of it.
    pub(crate) fn assert_told_by(&self, epochs: &Value) -> anyhow::Result<()> {
        ensure!(
            self.first.0 == 1 && self.n_epochs == self.last.0,
            "epochs are missing: {self:?}"
        );
        for (epoch, shown) in [self.first, self.last] {
            let losses = &epochs["epochs"]
                .as_array()
                .context("epochs")?
                .iter()
                .find(|other| other["epoch"] == epoch)
                .with_context(|| format!("epoch {epoch} of {self:?} is made up"))?["losses"];
            let total = losses.get("loss").or(losses.get("total"));
            let total = total.and_then(Value::as_f64).context("a loss")?;
            // Two decimals from 1 on, four below.
            ensure!(
                (shown - total).abs() <= 0.005 * total.abs().max(0.01),
                "epoch {epoch} shows {shown} for {losses}"
            );
        }
        Ok(())
    }
}

/// From now on answers with epochs wait on their way, `held` says how many epochs the last one has.
const HOLD_EPOCHS: &str = "const fetch = window.fetch; \
    window.fetch = async (request, ...rest) => { \
        const answer = await fetch(request, ...rest); \
        if (!String(request.url ?? request).endsWith('/epochs') || window.released) return answer; \
        window.held = (await answer.clone().json()).epochs.length; \
        await new Promise(done => addEventListener('release', done)); \
        return answer; \
    };";

/// How often the page has asked for the epochs so far.
async fn asked_for_epochs(browser: &Browser) -> anyhow::Result<Value> {
    browser
        .ask("return performance.getEntriesByType('resource').filter(one => one.name.endsWith('/epochs')).length")
        .await
}

#[tokio::test]
async fn a_run_is_set_up_watched_and_stopped_on_its_page() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let (server, client, (project, ..), browser) = at_work(directory.path()).await?;

    // What is changed in the form stands in the review.
    browser
        .driver
        .goto(format!("{}/projects/1/train", server.url))
        .await?;
    browser.click("pick-toy").await?;
    browser.type_into("field-toy-epochs", "3000").await?;
    browser.click("advanced-toy").await?;
    browser.type_into("field-toy-step_ms", "100").await?;
    browser
        .says("train-review", &["epochs 3000", "step ms 100"])
        .await?;
    browser.find("review-cost").await?;
    browser.screenshot("30-train-changed").await?;
    browser.click("start-training").await?;
    browser.says("toast", &["1 run queued"]).await?;
    browser.find("runs").await?;

    // It arrives in the run.
    let runs = client.get("/api/v1/projects/1/runs").await?;
    let run = &runs["runs"][0];
    assert_eq!(run["hyperparameters"]["epochs"], 3000, "{run}");
    assert_eq!(run["hyperparameters"]["step_ms"], 100, "{run}");
    let (id, job) = (
        run["id"].as_i64().context("an id")?,
        run["job"].as_i64().context("a job")?,
    );

    // The curve grows without the page asking: the epochs come as events.
    browser.click(&format!("open-run-{id}")).await?;
    browser.find("run-progress").await?;
    let shown = Curve::reaching(&browser, 2).await?.last.0;
    let shown = Curve::reaching(&browser, shown + 2).await?.last.0;
    let asked = asked_for_epochs(&browser).await?;
    let curve = Curve::reaching(&browser, shown + 5).await?;
    let epochs = format!("/api/v1/runs/{id}/epochs");
    curve.assert_told_by(&client.get(&epochs).await?)?;
    assert_eq!(
        asked_for_epochs(&browser).await?,
        asked,
        "the page asked instead of listening"
    );
    let bar = browser
        .driver
        .find(By::Css("[data-testid='run-progress'] [role='progressbar']"))
        .await?;
    let now = bar.attr("aria-valuenow").await?.context("a share")?;
    ensure!(
        (0.0..100.0).contains(&now.parse::<f64>()?),
        "{now} % is done"
    );
    browser.screenshot("31-live-curve").await?;

    // Opened again while the answer with the epochs is on its way: those that happen meanwhile stay in the curve.
    browser
        .navigate(&format!("/projects/{project}/runs"))
        .await?;
    browser.find("runs").await?;
    browser.ask(HOLD_EPOCHS).await?;
    browser.click(&format!("open-run-{id}")).await?;
    let held = wait_for("a held answer", 20, async || {
        Ok(browser.ask("return window.held ?? null").await?.as_u64())
    })
    .await?;
    wait_for("epochs after the held answer", 60, async || {
        let now = client.get(&epochs).await?["epochs"]
            .as_array()
            .map_or(0, Vec::len);
        Ok((now as u64 >= held + 4).then_some(()))
    })
    .await?;
    browser
        .ask("window.released = true; window.dispatchEvent(new Event('release'))")
        .await?;
    let curve = Curve::reaching(&browser, held + 6).await?;
    curve.assert_told_by(&client.get(&epochs).await?)?;

    // Stopped from the page: it says so, and so does a message.
    browser.click(&format!("job-{job}-cancel")).await?;
    browser.says("run-cancelled", &["was cancelled"]).await?;
    let stopped = wait_for("the message", 30, async || {
        for toast in browser
            .driver
            .find_all(By::Css("[data-testid='toast']"))
            .await?
        {
            // A message may leave while it is read.
            let text = toast.text().await.unwrap_or_default();
            if text.contains("cancelled") {
                return Ok(Some(text));
            }
        }
        Ok(None)
    })
    .await?;
    ensure!(stopped.contains("Toy"), "{stopped}");
    browser.screenshot("32-cancelled").await?;
    let run = client.get(&format!("/api/v1/runs/{id}")).await?;
    assert_eq!(run["run"]["status"], "cancelled");
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Labels of the rows that the table draws, from the top.
async fn rows(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let mut labels = Vec::new();
    for row in browser
        .driver
        .find_all(By::Css("[data-testid='label-row']"))
        .await?
    {
        labels.push(row.attr("data-label").await?.unwrap_or_default());
    }
    Ok(labels)
}

#[tokio::test]
async fn figures_are_sorted_and_everything_is_found_again() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let (server, client, (project, taxonomy, corpus), browser) = at_work(directory.path()).await?;
    let request = json!({"method": "linear", "corpus": corpus, "taxonomy": taxonomy});
    let accepted = client
        .post(&format!("/api/v1/projects/{project}/runs"), &request)
        .await?;
    let run = client.made(&accepted, 120).await?;

    // By support, both ways; the taxonomy's order breaks ties.
    browser
        .driver
        .goto(format!("{}/projects/{project}/runs/{run}", server.url))
        .await?;
    browser.find("labels").await?;
    let metrics = client
        .get(&format!("/api/v1/runs/{run}/metrics?split=test"))
        .await?;
    let mut expected: Vec<(u64, String)> = metrics["labels"]
        .as_array()
        .context("labels")?
        .iter()
        .map(|label| {
            let id = label["id"].as_str().unwrap_or_default().to_owned();
            (label["support"].as_u64().unwrap_or_default(), id)
        })
        .collect();
    let in_taxonomy: Vec<String> = expected.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(rows(&browser).await?, in_taxonomy);
    for descending in [true, false] {
        expected.sort_by(|(a, x), (b, y)| {
            let at = |id: &String| in_taxonomy.iter().position(|other| other == id);
            let order = if descending { b.cmp(a) } else { a.cmp(b) };
            order.then(at(x).cmp(&at(y)))
        });
        let wanted: Vec<String> = expected.iter().map(|(_, id)| id.clone()).collect();
        browser.click("sort-labels-support").await?;
        wait_for("the sorted table", 20, async || {
            Ok((rows(&browser).await? == wanted).then_some(()))
        })
        .await?;
    }
    browser.screenshot("33-labels-sorted").await?;

    // A label opens its card, with examples; the card leads to the tree.
    browser
        .driver
        .find(By::Css(
            "[data-label='animals-1'] [data-testid='label-chip']",
        ))
        .await?
        .click()
        .await?;
    browser.says("label-drawer", &["animals-1", "F1"]).await?;
    browser.says("label-examples", &["animals"]).await?;
    browser.screenshot("34-label-card").await?;
    browser.click("label-in-taxonomy").await?;
    browser.says("label-card", &["animals-1"]).await?;

    // The search finds a label, a document and a run.
    for (typed, kind, there, words) in [
        ("plants-2", "label", "label-card", "plants-2"),
        ("tools2word3", "document", "document-pane", "tools2word3"),
        ("linear", "run", "headline", "Micro F1"),
    ] {
        browser.click("search").await?;
        browser.type_into("finder-input", typed).await?;
        browser.says("hit", &[typed]).await?;
        browser.screenshot(&format!("35-search-{kind}")).await?;
        browser
            .find("finder-input")
            .await?
            .send_keys(Key::Enter)
            .await?;
        browser
            .says(there, &[words])
            .await
            .with_context(|| format!("{typed} leads elsewhere"))?;
    }
    browser.click("search").await?;
    browser.type_into("finder-input", "no such thing").await?;
    browser.find("finder-nothing").await?;
    browser.screenshot("36-search-nothing").await?;
    browser.driver.quit_quietly().await;
    Ok(())
}
