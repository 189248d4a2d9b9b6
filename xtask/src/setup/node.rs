//! The dashboard's style sheets and charts from the npm registry, as its lock file pins them.

use std::fs;

use anyhow::{Context, Result};

use super::say;
use crate::hash::sha256;
use crate::process::cmd;
use crate::workspace::Workspace;

/// Installs `frontend/package-lock.json` when it differs from what is installed.
pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    let frontend = workspace.root.join("frontend");
    let lock = frontend.join("package-lock.json");
    if !lock.exists() {
        say(
            "npm",
            "frontend/package-lock.json does not exist, nothing to install",
        );
        return Ok(());
    }
    let wanted = sha256(&fs::read(&lock).context("cannot read frontend/package-lock.json")?);
    let stamp = frontend.join("node_modules/.arborist-lock");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        say("npm", "packages of the dashboard, in place");
        return Ok(());
    }
    cmd("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
        .arg(&frontend)
        .dir(&frontend)
        .remedy("install Node 20 or newer with npm and check that the npm registry can be reached, then run the command again")
        .run()?;
    fs::create_dir_all(frontend.join("node_modules"))?;
    fs::write(&stamp, wanted).context("cannot write into frontend/node_modules")?;
    say("npm", "packages of the dashboard, now installed");
    Ok(())
}
