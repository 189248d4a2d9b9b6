//! The sample project is neither trivial nor hopeless: a reader who trains on it sees figures worth comparing.

use anyhow::{Context as _, ensure};
use arborist_tests::Server;
use serde_json::json;

#[tokio::test]
async fn the_sample_can_be_learned_and_is_not_trivial() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let made = client.post("/api/v1/sample-project", &json!({})).await?;
    let corpus = client.made(&made, 120).await?;
    let corpus = client.get(&format!("/api/v1/corpora/{corpus}")).await?["corpus"].clone();
    let project = &made["project"]["id"];
    let request =
        json!({"method": "linear", "corpus": corpus["id"], "taxonomy": corpus["taxonomy"]});
    let accepted = client
        .post(&format!("/api/v1/projects/{project}/runs"), &request)
        .await?;
    let run = client.made(&accepted, 240).await?;
    let metrics = client
        .get(&format!("/api/v1/runs/{run}/metrics?split=test"))
        .await?;
    let micro_f1 = metrics["raw"]["micro_f1"].as_f64().context("a figure")?;
    ensure!(
        (0.75..=0.95).contains(&micro_f1),
        "linear's raw micro-F1 is {micro_f1}"
    );
    let levels = metrics["levels"].as_array().context("levels")?;
    assert_eq!(levels.len(), 3);
    Ok(())
}
