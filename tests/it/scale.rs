//! Thousands of labels through the built product: scores cross the seam as sparse rows, are stored and decoded, and every
//! figure is the same wherever it is computed.

use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use arborist_tests::command;
use serde_json::{Value, json};

const TOPS: usize = 70;
const LEAVES: usize = 60;

/// `child<TAB>parent`, and two training documents and one test document for each of the deepest labels.
fn corpus() -> (String, [String; 2]) {
    let mut taxonomy = String::new();
    let mut parts = [String::new(), String::new()];
    for top in 0..TOPS {
        let _ = writeln!(taxonomy, "t{top}\tRoot");
        for leaf in 0..LEAVES {
            let _ = writeln!(taxonomy, "t{top}-{leaf}\tt{top}");
            for (number, part) in [0, 0, 1].into_iter().enumerate() {
                let text = format!(
                    "topic{top} topic{top} word{top}x{leaf} word{top}x{leaf} rare{top}x{leaf} filler{number}"
                );
                let id = format!("{top}-{leaf}-{number}");
                let row = json!({"id": id, "text": text, "labels": [format!("t{top}-{leaf}")]});
                let _ = writeln!(parts[part], "{row}");
            }
        }
    }
    (taxonomy, parts)
}

#[tokio::test]
async fn thousands_of_labels_train_predict_and_evaluate() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = |name: &str| directory.path().join(name);
    let (taxonomy, [train, test]) = corpus();
    std::fs::write(path("taxonomy.tsv"), taxonomy)?;
    std::fs::write(path("train.jsonl"), train)?;
    std::fs::write(path("test.jsonl"), test)?;
    let run = async |arguments: &str| -> anyhow::Result<Value> {
        let output = command(arguments.split(' '))
            .args(["--json"])
            .current_dir(directory.path())
            .env("ARBORIST_DATA_DIR", path("data"))
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{arguments}: {said}");
        let stdout = String::from_utf8(output.stdout)?;
        serde_json::from_str(stdout.lines().last().unwrap_or_default()).context(said)
    };
    let trained = run(
        "train --method linear --set mode=tree --taxonomy taxonomy.tsv --train train.jsonl --validation test.jsonl --test test.jsonl --out run",
    )
    .await?;
    let figures = &trained["test"];
    ensure!(
        figures["documents"] == TOPS * LEAVES,
        "{}",
        figures["documents"]
    );
    ensure!(figures["labels"].as_array().map(Vec::len) == Some(TOPS * (LEAVES + 1)));
    for key in ["micro_f1", "macro_f1", "precision_at_1"] {
        ensure!(figures[key].as_f64() > Some(0.95), "{key} {}", figures[key]);
    }
    run("predict --run run --input test.jsonl --output predictions.jsonl").await?;
    let evaluated =
        run("evaluate --gold test.jsonl --pred predictions.jsonl --taxonomy taxonomy.tsv").await?;
    ensure!(evaluated == *figures, "evaluate on predict's output");
    Ok(())
}
