//! A key for a program, made on the command line while the server runs.

use anyhow::{Context as _, ensure};
use arborist_tests::{Server, command};
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_from_the_command_line_is_valid_at_once() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let server = Server::start(directory.path()).await?;
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/projects", server.url);
    let refused = http.get(&url).bearer_auth("arb_guess").send().await?;
    assert_eq!(refused.status(), 401);

    let create = async |role: &str| {
        let made = command(["keys", "create", "--name", "ci", "--json", "--role", role])
            .arg("--data-dir")
            .arg(directory.path())
            .output()
            .await?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "{said}");
        let out = String::from_utf8(made.stdout)?;
        let report: Value = serde_json::from_str(out.lines().last().context("a last line")?)?;
        report["key"].as_str().map(str::to_owned).context("no key")
    };
    let manager = create("manager").await?;
    let made = http
        .post(&url)
        .bearer_auth(&manager)
        .json(&json!({"name": "From a script"}))
        .send()
        .await?;
    assert_eq!(made.status(), 201);
    // A key has its role and no more.
    let viewer = create("viewer").await?;
    let listed = http.get(&url).bearer_auth(&viewer).send().await?;
    assert_eq!(listed.status(), 200);
    let forbidden = http
        .post(&url)
        .bearer_auth(&viewer)
        .json(&json!({"name": "Another"}))
        .send()
        .await?;
    assert_eq!(forbidden.status(), 403);
    Ok(())
}
