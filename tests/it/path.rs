//! A document's way through the house, over HTTP: upload, train, compare, classify.

use anyhow::{Context as _, ensure};
use arborist_tests::{Server, command, tiny_corpus};
use serde_json::{Value, json};
use tokio::process::Command;

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

/// Methods with what is changed of their preset.
const METHODS: [(&str, &str); 2] = [
    ("linear", "{}"),
    ("hiagm", r#"{"epochs": 3, "learning_rate": 0.001}"#),
];

/// What a command that succeeds prints last.
async fn last_line(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    let printed = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(
        printed.lines().last().unwrap_or_default(),
    )?)
}

#[tokio::test]
async fn two_methods_train_and_their_figures_agree_everywhere() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let client = server.first_start().await?;
    let (project, taxonomy, corpus) = uploaded(&client, 400).await?;

    let mut runs = Vec::new();
    for (method, hyperparameters) in METHODS {
        let hyperparameters: Value = serde_json::from_str(hyperparameters)?;
        let request = json!({"method": method, "preset": "fast", "hyperparameters": hyperparameters, "corpus": corpus, "taxonomy": taxonomy, "seed": 7});
        let accepted = client
            .post(&format!("/api/v1/projects/{project}/runs"), &request)
            .await?;
        runs.push((method, accepted));
    }
    let rows: Vec<Value> = tiny_corpus(400)
        .corpus
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let mut test = rows.clone();
    test.retain(|row| row["split"] == "test");
    for split in ["train", "validation", "test"] {
        let own = rows.iter().filter(|row| row["split"] == split);
        let lines: String = own.map(|row| format!("{row}\n")).collect();
        std::fs::write(directory.path().join(format!("{split}.jsonl")), lines)?;
    }
    let gold = directory.path().join("test.jsonl");
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
        last_line(
            command(["predict", "--json", "--run"])
                .arg(server.data_dir.join(format!("runs/{run}")))
                .arg("--input")
                .arg(&gold)
                .arg("--output")
                .arg(&predictions),
        )
        .await?;
        let evaluated = last_line(
            command(["evaluate", "--json", "--gold"])
                .arg(&gold)
                .arg("--pred")
                .arg(&predictions)
                .arg("--taxonomy")
                .arg(&tree),
        )
        .await?;
        assert_eq!(evaluated, served, "{method}: evaluate on predict's output");

        // The same files, seed and hyperparameters on the command line.
        let (_, hyperparameters) = METHODS
            .iter()
            .find(|(other, _)| *other == method)
            .context("a method")?;
        let hyperparameters: serde_json::Map<String, Value> =
            serde_json::from_str(hyperparameters)?;
        let mut train = command([
            "train", "--json", "--preset", "fast", "--seed", "7", "--method", method,
        ]);
        for (key, value) in &hyperparameters {
            train.arg("--set").arg(format!("{key}={value}"));
        }
        for split in ["train", "validation", "test"] {
            train
                .arg(format!("--{split}"))
                .arg(directory.path().join(format!("{split}.jsonl")));
        }
        let trained = last_line(
            train
                .arg("--taxonomy")
                .arg(&tree)
                .arg("--out")
                .arg(directory.path().join(format!("{method}-run"))),
        )
        .await?;
        assert_eq!(
            trained["test"], served,
            "{method}: train on the command line"
        );

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
