//! `cargo xtask openapi`: writes docs/openapi.json, the interface as the built server describes it.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::server::Server;
use crate::workspace::{Profile, Workspace};

/// Builds the server and takes its description over.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    build::run(workspace, Profile::Release)?;
    let path = workspace.root.join("docs/openapi.json");
    fs::write(&path, describe(workspace)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// Whether the file says what the server that is built now says.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("docs/openapi.json");
    let written =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if written != describe(workspace)? {
        bail!(
            "docs/openapi.json is not what the server describes; run `cargo xtask openapi` and read the difference"
        );
    }
    Ok(())
}

fn describe(workspace: &Workspace) -> Result<String> {
    let data = workspace.target.join("openapi");
    let mut server = Server::start(workspace, &data, None)?;
    let description = server.anonymous().get("/api/openapi.json")?;
    server.stop()?;
    fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&description)?))
}
