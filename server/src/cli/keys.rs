//! `arborist keys create`: works on the database itself, so also beside a running server.

use arborist_shared::api::accounts::Role;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::options::Places;
use super::{CliError, output};
use crate::accounts::create_key;
use crate::app::default_database_url;
use crate::db::Db;

#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key; it is shown once and valid at once
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// What the key is for
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// admin, manager, reviewer, annotator or viewer
    #[arg(long, value_parser = role)]
    role: Role,
    /// Database [default: `arborist.db` in the data directory]
    #[arg(
        long,
        env = "ARBORIST_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    #[command(flatten)]
    places: Places,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    key: String,
}

fn role(word: &str) -> Result<Role, String> {
    serde_json::from_value(Value::String(word.to_owned())).map_err(|_| {
        format!("found `{word}`, expected admin, manager, reviewer, annotator or viewer")
    })
}

impl Keys {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let KeysCommand::Create(create) = self.command;
        create.run().await
    }
}

impl Create {
    async fn run(self) -> Result<(), CliError> {
        let url = match self.database_url {
            Some(url) => url,
            None => {
                let data_dir = self.places.data_dir()?;
                let cannot = |error| {
                    CliError::failed(format!("--data-dir: {}: {error}", data_dir.display()))
                };
                std::fs::create_dir_all(&data_dir).map_err(cannot)?;
                default_database_url(&data_dir)
            }
        };
        let failed = |error| CliError::failed(format!("the database cannot be used: {error}"));
        let database = Db::open(&url).await.map_err(failed)?;
        let created = create_key(&database, &self.name, self.role, None)
            .await
            .map_err(failed)?;
        output::result(self.json, &Report { key: created.key }, |report| {
            report.key.clone()
        })
    }
}
