//! `arborist serve`: options of the server.

use clap::Args;

use super::CliError;
use super::options::Places;
use crate::app::ServeOptions;
use crate::locations;

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    places: Places,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    bind: String,
    /// Address under which browsers reach the server, where it is another one
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Database [default: `arborist.db` in the data directory]
    #[arg(
        long,
        env = "ARBORIST_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let search = self.places.plugin_search()?;
        let options = ServeOptions {
            bind: self.bind,
            public_url: self.public_url,
            database_url: self.database_url,
            plugin_dirs: locations::plugin_dirs(self.places.plugins.as_deref()),
            ..ServeOptions::new(search.data_dir)?
        };
        crate::http::serve(options)
            .await
            .map_err(|error| CliError::failed(format!("{error:#}")))
    }
}
