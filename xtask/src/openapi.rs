//! `cargo xtask openapi`: rewrites docs/openapi.json from the server.
//!
//! The file is a snapshot of one of the server's tests, which fails when the two differ.

use anyhow::Result;

use crate::packages::SERVER;
use crate::process::cargo;
use crate::workspace::Workspace;

/// Runs that test so that it takes the difference over.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    cargo()
        .args(["test", "-p", SERVER, "--test", "api", "openapi"])
        .env("ARBORIST_UPDATE_OPENAPI", "1")
        .dir(&workspace.root)
        .run()?;
    println!("read the difference: git diff docs/openapi.json");
    Ok(())
}
