//! cargo-nextest, the runner of unit and API tests. Without it the tests run under `cargo test`.

use std::path::PathBuf;

use anyhow::Result;

use super::{browser, say};
use crate::process::cargo;
use crate::workspace::Workspace;

const VERSION: &str = "0.9.151";

/// The program, from the search path or from the cache.
pub(crate) fn find(workspace: &Workspace) -> Option<PathBuf> {
    let own = workspace.cache.join("tools/bin/cargo-nextest");
    browser::on_path(&["cargo-nextest"]).or_else(|| own.is_file().then_some(own))
}

/// Compiles it into the cache when it is nowhere; a failure is reported and forgiven.
pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    if find(workspace).is_some() {
        say("nextest", "in place");
        return Ok(());
    }
    say("nextest", "compiling it once, which takes some minutes");
    let installed = cargo()
        .args([
            "install",
            "cargo-nextest",
            "--locked",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(workspace.cache.join("tools"))
        .dir(&workspace.cache)
        .env_remove("CARGO_TARGET_DIR")
        .run();
    match installed {
        Ok(()) => say("nextest", &format!("{VERSION}, now installed")),
        Err(error) => say(
            "nextest",
            &format!("{error}; the tests run under `cargo test` instead"),
        ),
    }
    Ok(())
}
