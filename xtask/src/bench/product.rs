//! Our side of a benchmark: the release build, called as a user would; or a finished release, whose folder
//! `ARBORIST_PRODUCT` names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::cmd;
use crate::workspace::{Profile, Workspace, finished};

/// The executable of the release build; built first, so that what is measured is what is there.
pub(super) fn build(workspace: &Workspace) -> Result<PathBuf> {
    if finished().is_some() {
        return Ok(program(workspace));
    }
    crate::setup::run(workspace, crate::setup::Extras::default())?;
    crate::build::run(workspace, Profile::Release)?;
    Ok(program(workspace))
}

/// The same where no method is measured: the server alone, which needs no libtorch.
pub(super) fn build_server(workspace: &Workspace) -> Result<PathBuf> {
    if finished().is_some() {
        return Ok(program(workspace));
    }
    crate::process::cargo()
        .args(["build", "--release", "-p", crate::packages::SERVER])
        .dir(&workspace.root)
        .run()?;
    Ok(program(workspace))
}

pub(super) fn program(workspace: &Workspace) -> PathBuf {
    workspace.measured().join("arborist")
}

/// Runs the executable; the last line of its output is JSON.
pub(super) fn json(workspace: &Workspace, arguments: &[&str]) -> Result<Value> {
    last_line(&cmd(program(workspace)).args(arguments).quiet().read()?)
}

/// The same, with the peak memory in bytes of the largest process that took part.
pub(super) fn json_and_memory(workspace: &Workspace, arguments: &[&str]) -> Result<(Value, f64)> {
    // The child with the model is killed, not waited for, so that its peak has to be read while it lives.
    const WATCH: &str = r#"
import os, subprocess, sys, time
command = subprocess.Popen(sys.argv[1:])
peak = 0
def look(pid):
    try:
        facts = open(f"/proc/{pid}/status").read()
        kilobytes = int(facts.split("VmHWM:")[1].split()[0])
        children = [child for thread in os.listdir(f"/proc/{pid}/task")
                    for child in open(f"/proc/{pid}/task/{thread}/children").read().split()]
    except (OSError, IndexError):
        return 0
    return max([kilobytes] + [look(child) for child in children])
while command.poll() is None:
    peak = max(peak, look(command.pid))
    time.sleep(0.02)
print(peak)
sys.exit(command.returncode)
"#;
    let said = cmd("python3")
        .args(["-c", WATCH])
        .arg(program(workspace))
        .args(arguments)
        .quiet()
        .read()?;
    let (answer, kilobytes) = said
        .trim_end()
        .rsplit_once('\n')
        .with_context(|| format!("`{said}` has no line of memory"))?;
    let kilobytes: f64 = kilobytes.trim().parse()?;
    Ok((last_line(answer)?, kilobytes * 1024.0))
}

pub(super) fn last_line(text: &str) -> Result<Value> {
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("`{last}` is not JSON"))
}

pub(super) fn number(value: &Value, path: &str) -> Result<f64> {
    path.split('/')
        .fold(value, |value, key| &value[key])
        .as_f64()
        .with_context(|| format!("the answer has no number `{path}`: {value}"))
}

/// Name and version of ours, for the report.
pub(super) fn version(workspace: &Workspace) -> Result<String> {
    cmd(program(workspace)).arg("--version").quiet().read()
}

/// An empty folder for what a benchmark writes.
pub(super) fn scratch(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let folder = workspace.target.join("bench").join(name);
    remove(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

pub(super) fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

pub(super) fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
