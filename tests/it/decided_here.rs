//! What is decided in the browser is what the server decides, to the last digit.

use anyhow::ensure;
use arborist_tests::{Browser, Server, wait_for};
use serde_json::{Value, json};

use crate::browser::{QuitQuietly as _, answered, scores, urlencoded};
use crate::sample::{TEXT, sample_runs};

#[tokio::test]
async fn a_threshold_in_the_page_decides_as_the_server_does() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, runs) = sample_runs(&client, &[("linear", "balanced")]).await?;
    let run = &runs[0];
    let browser = Browser::start(1280, 900).await?;
    browser.sign_in(&server.url).await?;
    let page = format!("{}/projects/{project}/try?runs={run}", server.url);
    let text = urlencoded(TEXT);
    browser.driver.goto(format!("{page}#text={text}")).await?;
    browser
        .says("threshold-figure", &["each run's own"])
        .await?;
    let by_itself = found(&browser).await?;
    let mut sizes = Vec::new();
    for threshold in ["0.90", "0.50", "0.20", "0.05"] {
        slide(&browser, threshold).await?;
        browser.says("threshold-figure", &[threshold]).await?;
        let request = json!({"documents": [{"id": "text", "text": TEXT}], "threshold": threshold.parse::<f64>()?});
        let answer = client
            .post(&format!("/api/v1/runs/{run}/predict"), &request)
            .await?;
        let expected = chosen(answered(&answer)?);
        wait_for("the page to decide as the server", 10, async || {
            Ok((found(&browser).await? == expected).then_some(()))
        })
        .await?;
        sizes.push(expected.len());
    }
    ensure!(
        sizes.is_sorted() && sizes.first() < sizes.last(),
        "lower thresholds find more: {sizes:?}"
    );
    browser.screenshot("try-threshold").await?;
    // The page asked the run once; what followed was decided here.
    let asked = browser
        .ask("return performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/predict')).length")
        .await?;
    assert_eq!(asked, 1);
    // The address carries the threshold; without it each run decides by itself again.
    let address = browser.driver.current_url().await?;
    ensure!(address.as_str().contains("threshold=0.05"), "{address}");
    browser.click("threshold-reset").await?;
    browser
        .says("threshold-figure", &["each run's own"])
        .await?;
    assert_eq!(found(&browser).await?, by_itself);
    browser.driver.quit_quietly().await;
    Ok(())
}

/// Moves the threshold as a person does: the event comes with every step.
async fn slide(browser: &Browser, threshold: &str) -> anyhow::Result<()> {
    let script = format!(
        "const slider = document.querySelector(\"[data-testid='threshold']\"); slider.value = '{threshold}'; \
         slider.dispatchEvent(new Event('input', {{bubbles: true}}))"
    );
    browser.ask(&script).await?;
    Ok(())
}

/// What the page shows as found, with path and score.
async fn found(browser: &Browser) -> anyhow::Result<Vec<Value>> {
    Ok(chosen(scores(browser, 0).await?))
}

fn chosen(mut labels: Vec<Value>) -> Vec<Value> {
    labels.retain(|label| label[2] == true);
    labels.sort_by_key(|label| label[0].to_string());
    labels
}
