//! The papers' tables with the methods that are built: every row that names one of them can be trained.

use anyhow::Context as _;
use arborist_tests::command;
use serde_json::Value;

#[tokio::test]
async fn every_row_of_a_built_method_passes_its_schema() -> anyhow::Result<()> {
    let mut checked = 0;
    for preset in ["code", "paper", "balanced"] {
        let listed = command(["bench", "papers", "--list", "--json", "--preset", preset])
            // Rows with an encoder are checked like the others; nothing is read from it.
            .args(["--encoder", "minilm"])
            .output()
            .await?;
        let text = String::from_utf8(listed.stdout)?;
        let list: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
            .with_context(|| String::from_utf8_lossy(&listed.stderr).into_owned())?;
        for kind in ["tables", "figures"] {
            for exhibit in list[kind].as_array().into_iter().flatten() {
                for row in exhibit["rows"].as_array().into_iter().flatten() {
                    let problem = row["problem"].as_str().unwrap_or_default();
                    if problem.contains("is not installed") {
                        continue;
                    }
                    assert_eq!(problem, "", "{}, row {}", exhibit["name"], row["name"]);
                    checked += 1;
                }
            }
        }
    }
    // HiAGM's own tables and figures at least, by three presets.
    assert!(checked >= 3 * 40, "{checked}");
    Ok(())
}
