//! `arborist work --describe FILE` and who calls it: finding out what a library is, in a process that may die of it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use arborist_plugin_api::host::{Plugin, SideManifest};
use arborist_shared::run::Outcome;
use tokio::time::timeout;

use super::program::ChildProgram;
use super::serve::take_stdout;
use super::{WorkError, explain};

/// A library that takes longer to describe itself hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The child's side: prints the side manifest of the library as TOML.
#[must_use]
pub fn run(library: &Path) -> Outcome {
    match describe(library) {
        Ok(()) => Outcome::Done,
        Err(message) => {
            eprintln!("{message}");
            Outcome::Failed
        }
    }
}

fn describe(library: &Path) -> Result<(), String> {
    // What the library prints while it is opened must not get into the manifest.
    let mut stdout: File = take_stdout().map_err(|error| error.to_string())?;
    let library = library
        .canonicalize()
        .map_err(|error| format!("{}: {error}", library.display()))?;
    let plugin = Plugin::open(&library).map_err(|error| error.to_string())?;
    let side = SideManifest::describe(&plugin).map_err(|error| error.to_string())?;
    let text = side.to_toml().map_err(|error| error.to_string())?;
    stdout
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())
}

/// The caller's side: what the library says about itself, asked in a child process.
///
/// # Errors
/// [`WorkError::Ended`] with the reason when the library is no usable plugin, crashes or hangs.
pub async fn describe_in_child(
    program: &ChildProgram,
    library: &Path,
) -> Result<SideManifest, WorkError> {
    let mut command = program.command(1);
    command.arg("--describe").arg(library);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let spawned = command.spawn().map_err(|source| WorkError::Spawn {
        program: program.path().to_owned(),
        source,
    })?;
    let output = match timeout(PATIENCE, spawned.wait_with_output()).await {
        Ok(output) => output.map_err(|source| WorkError::File {
            path: library.to_owned(),
            source,
        })?,
        Err(_) => {
            let path = library.display();
            return Err(WorkError::Ended(format!(
                "{path} did not describe itself within {} seconds",
                PATIENCE.as_secs()
            )));
        }
    };
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        return SideManifest::from_toml(&text, library)
            .map_err(|error| WorkError::Ended(error.to_string()));
    }
    let log = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<String> = log
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(explain::LOG_LINES)..];
    Err(WorkError::Ended(explain::serving(output.status, last)))
}
