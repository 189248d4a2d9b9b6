//! `arborist plugins`: what there is, what is refused and why; `plugins add` approves a library.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::options::{Places, input_file};
use super::{CliError, output};
use crate::plugins::PluginsError;
use crate::work::{ChildProgram, WorkError};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Plugins {
    #[command(subcommand)]
    command: Option<PluginsCommand>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    places: Places,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum PluginsCommand {
    /// Approve a library: describe it in a child process, write its manifest and an allow-list entry into the data directory
    Add(Add),
}

#[derive(Debug, Args)]
struct Add {
    /// The library, `libarborist_<name>.so`
    file: PathBuf,
    #[command(flatten)]
    places: Places,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Plugins {
    pub(super) async fn run(self) -> Result<(), CliError> {
        match self.command {
            None => self.list.run(),
            Some(PluginsCommand::Add(add)) => add.run().await,
        }
    }
}

impl List {
    fn run(&self) -> Result<(), CliError> {
        let found = self.places.plugin_search()?.find_all().to_wire();
        output::result(self.json, &found, |found| {
            let mut text = String::new();
            for method in &found.methods {
                text += &format!(
                    "{:<14} {:<10} {}\n",
                    method.name, method.version, method.manifest.summary
                );
            }
            if found.methods.is_empty() {
                text += "no plugins were found\n";
            }
            for refused in &found.refused {
                text += &format!("refused: {}: {}\n", refused.path, refused.reason);
            }
            text
        })
    }
}

impl Add {
    async fn run(&self) -> Result<(), CliError> {
        input_file("FILE", &self.file)?;
        let search = self.places.plugin_search()?;
        let file = self.file.to_string_lossy();
        let side = search
            .add(&ChildProgram::current()?, &self.file)
            .await
            .map_err(|error| match error {
                // The library is what is wrong, not the machine.
                PluginsError::Describe(WorkError::Ended(reason)) if reason.contains(&*file) => {
                    CliError::Input(reason)
                }
                PluginsError::Describe(WorkError::Ended(reason)) => {
                    CliError::input(format!("{file}: {reason}"))
                }
                PluginsError::Describe(error) => error.into(),
                error => CliError::failed(error),
            })?;
        let found = search.find_all();
        let wire = found.to_wire();
        match found.find(&side.name) {
            Some(plugin) if plugin.side.sha256 == side.sha256 => {}
            Some(first) => eprintln!(
                "note: approved, but {} comes first for the method `{}`",
                first.library.display(),
                side.name
            ),
            None => {
                return Err(CliError::failed(format!(
                    "approved, and yet not usable: {:?}",
                    wire.refused
                )));
            }
        }
        let described = arborist_shared::api::plugins::Plugin {
            name: side.name,
            version: side.version,
            abi: side.abi,
            libtorch: side.torch,
            manifest: side.manifest,
        };
        output::result(self.json, &described, |plugin| {
            format!("approved {} {}", plugin.name, plugin.version)
        })
    }
}
