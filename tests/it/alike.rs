//! Methods that compute the same when what tells them apart is off: the same seed, the same losses to the last digit.
//!
//! Methods know nothing of each other, so what they share is checked here, on the built libraries.

use std::path::Path;

use anyhow::{Context as _, ensure};
use arborist_tests::{command, tiny_corpus};
use serde_json::{Value, json};

/// A method with hyperparameters.
type Trained = (&'static str, Value);

/// Losses of the classification and validation figures, epoch by epoch.
async fn curve(directory: &Path, (method, settings): &Trained) -> anyhow::Result<Vec<Value>> {
    let tiny = tiny_corpus(300);
    let taxonomy = directory.join("taxonomy.tsv");
    std::fs::write(&taxonomy, tiny.taxonomy)?;
    let corpus = directory.join("corpus.jsonl");
    std::fs::write(&corpus, tiny.corpus)?;
    let run = directory.join("run");
    let mut train = command(["train", "--method", method, "--seed", "3"]);
    train.arg("--train").arg(&corpus);
    train.arg("--taxonomy").arg(&taxonomy);
    train.arg("--out").arg(&run);
    let shared = json!({"epochs": 3, "patience": 0, "learning_rate": 1e-3, "batch_size": 32, "min_freq": 1, "word_size": 60});
    for (key, value) in [&shared, settings]
        .into_iter()
        .filter_map(Value::as_object)
        .flatten()
    {
        train.args(["--set", &format!("{key}={value}")]);
    }
    let output = train.output().await?;
    ensure!(
        output.status.success(),
        "{method}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let events = std::fs::read_to_string(run.join("events.jsonl"))?;
    events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).context("an event"))
        .filter(|event| {
            event.as_ref().is_ok_and(|event| event["event"] == "epoch") || event.is_err()
        })
        .map(|event| {
            let event = event?;
            Ok(json!([
                event["losses"]["classification"],
                event["losses"]["loss"],
                event["validation"]
            ]))
        })
        .collect()
}

async fn alike(one: Trained, other: Trained) -> anyhow::Result<()> {
    let mut curves = Vec::new();
    for trained in [&one, &other] {
        let directory = tempfile::tempdir()?;
        let found = curve(directory.path(), trained).await?;
        assert_eq!(found.len(), 3, "{} reports three epochs", trained.0);
        assert!(found[0][0].is_f64(), "{found:?}");
        curves.push(found);
    }
    assert_eq!(curves[0], curves[1], "{} and {}", one.0, other.0);
    Ok(())
}

#[tokio::test]
async fn himatch_without_matching_is_text_propagation() -> anyhow::Result<()> {
    alike(
        (
            "himatch",
            json!({"use_joint": false, "use_match": false, "rnn_hidden": 64}),
        ),
        ("hiagm", json!({"recursive_reg": false})),
    )
    .await
}

#[tokio::test]
async fn htcinfomax_without_its_aims_is_label_attention_over_tokens() -> anyhow::Result<()> {
    alike(
        (
            "htcinfomax",
            json!({"use_mi": false, "use_label_prior": false}),
        ),
        (
            "hiagm",
            json!({"variant": "la", "la_text": "rnn_tokens", "rnn_hidden": 150, "la_label_dim": 300}),
        ),
    )
    .await
}

#[tokio::test]
async fn flat_label_attention_is_that_of_hiagm_without_a_tree() -> anyhow::Result<()> {
    alike(
        ("flat", json!({"architecture": "label_attention"})),
        (
            "hiagm",
            json!({"variant": "la", "structure": "none", "recursive_reg": false}),
        ),
    )
    .await
}

#[tokio::test]
async fn flat_text_rcnn_is_hiagm_without_labels_vectors() -> anyhow::Result<()> {
    alike(
        ("flat", json!({"architecture": "text_rcnn"})),
        ("hiagm", json!({"variant": "flat", "recursive_reg": false})),
    )
    .await
}

/// That the comparison can fail: with its aims on, the losses differ from the first epoch.
#[tokio::test]
async fn htcinfomax_with_its_aims_is_something_else() -> anyhow::Result<()> {
    let (on, off) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let with = curve(on.path(), &("htcinfomax", json!({}))).await?;
    let without = json!({"use_mi": false, "use_label_prior": false});
    let without = curve(off.path(), &("htcinfomax", without)).await?;
    assert_ne!(with[0][0], without[0][0]);
    Ok(())
}
