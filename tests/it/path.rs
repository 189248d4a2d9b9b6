//! A document's way through the house, over HTTP: upload, train, compare, classify.

use arborist_tests::{Server, command, tiny_corpus};
use serde_json::{Value, json};

/// Uploads the small corpus into a new project and answers (project, taxonomy, corpus).
pub(crate) async fn uploaded(
    client: &arborist_tests::Client,
    documents: usize,
) -> anyhow::Result<(i64, i64, i64)> {
    let tiny = tiny_corpus(documents);
    let project = client
        .post("/api/v1/projects", &json!({"name": "Tiny"}))
        .await?["project"]["id"]
        .as_i64()
        .expect("an id");
    let taxonomy = client
        .upload(
            &format!("/api/v1/projects/{project}/taxonomies?format=tsv"),
            tiny.taxonomy,
        )
        .await?;
    let taxonomy = client.made(&taxonomy, 30).await?;
    let corpus = client
        .upload(
            &format!("/api/v1/projects/{project}/corpora?format=jsonl&taxonomy={taxonomy}"),
            tiny.corpus,
        )
        .await?;
    let corpus = client.made(&corpus, 60).await?;
    Ok((project, taxonomy, corpus))
}

#[tokio::test]
async fn two_methods_train_and_their_figures_agree_everywhere() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, taxonomy, corpus) = uploaded(&client, 400).await?;

    let mut runs = Vec::new();
    for (method, hyperparameters) in [
        ("linear", json!({})),
        ("hiagm", json!({"epochs": 3, "learning_rate": 1e-3})),
    ] {
        let request = json!({"method": method, "preset": "fast", "hyperparameters": hyperparameters, "corpus": corpus, "taxonomy": taxonomy, "seed": 7});
        let accepted = client
            .post(&format!("/api/v1/projects/{project}/runs"), &request)
            .await?;
        runs.push((method, accepted));
    }
    let test: Vec<Value> = tiny_corpus(400)
        .corpus
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|row: &Value| row["split"] == "test")
        .collect();
    let gold = directory.path().join("gold.jsonl");
    std::fs::write(
        &gold,
        test.iter()
            .map(|row| format!("{row}\n"))
            .collect::<String>(),
    )?;
    let tree = directory.path().join("taxonomy.tsv");
    std::fs::write(&tree, tiny_corpus(1).taxonomy)?;

    for (method, accepted) in runs {
        let run = client.made(&accepted, 240).await?;
        let served = client
            .get(&format!("/api/v1/runs/{run}/metrics?split=test"))
            .await?;
        assert_eq!(served["documents"], 80, "{method}");

        let on_disk: Value = serde_json::from_slice(&std::fs::read(
            server.data_dir.join(format!("runs/{run}/metrics.json")),
        )?)?;
        assert_eq!(on_disk["test"], served, "{method}: metrics.json");

        let predictions = directory.path().join(format!("{method}.jsonl"));
        let predicted = command(["predict", "--json", "--run"])
            .arg(server.data_dir.join(format!("runs/{run}")))
            .arg("--input")
            .arg(&gold)
            .arg("--output")
            .arg(&predictions)
            .output()
            .await?;
        assert!(
            predicted.status.success(),
            "{}",
            String::from_utf8_lossy(&predicted.stderr)
        );
        let evaluated = command(["evaluate", "--json", "--gold"])
            .arg(&gold)
            .arg("--pred")
            .arg(&predictions)
            .arg("--taxonomy")
            .arg(&tree)
            .output()
            .await?;
        assert!(
            evaluated.status.success(),
            "{}",
            String::from_utf8_lossy(&evaluated.stderr)
        );
        let last = String::from_utf8(evaluated.stdout)?;
        let evaluated: Value = serde_json::from_str(last.lines().last().unwrap_or_default())?;
        assert_eq!(evaluated, served, "{method}: evaluate on predict's output");

        let answer = client
            .post(&format!("/api/v1/runs/{run}/predict"), &json!({"documents": [{"id": "a", "text": test[0]["text"]}, {"id": "b", "text": ""}]}))
            .await?;
        let labels = answer["documents"][0]["labels"].as_array().expect("labels");
        assert!(
            labels.iter().any(|label| label["predicted"] == true),
            "{method}: {answer}"
        );
        assert_eq!(answer["documents"][1]["id"], "b");
    }
    let epochs = client.get("/api/v1/projects").await?;
    assert_eq!(epochs["projects"].as_array().map(Vec::len), Some(1));
    Ok(())
}
