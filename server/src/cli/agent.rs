//! `arborist agent`: started on another machine by the server's executor, not by people.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::CliError;
use super::options::Places;
use crate::agent::{self, AgentOptions, SERVER_VARIABLE, TOKEN_VARIABLE};
use crate::work::ChildProgram;

#[derive(Debug, Args)]
pub(super) struct Agent {
    #[command(flatten)]
    places: Places,
    /// Address of the server
    #[arg(long, env = SERVER_VARIABLE, value_name = "URL")]
    server: String,
    /// Folder for what is fetched and for the run while it goes on [default: `agent` in the data directory]
    #[arg(long, env = "ARBORIST_AGENT_DIR", value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Contents that are kept for later runs, in GB
    #[arg(long, value_name = "GB", default_value_t = 20)]
    cache_size: u64,
    /// How long a server that does not answer is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
}

impl Agent {
    pub(super) async fn run(self) -> Result<(), CliError> {
        // From the environment alone: a command line is read by everybody on the machine.
        let token = std::env::var(TOKEN_VARIABLE).map_err(|_| {
            CliError::input(format!(
                "{TOKEN_VARIABLE} is not set; agents are started by the server, which gives them the token of an attempt"
            ))
        })?;
        let plugins = self.places.plugin_search()?;
        let work_dir = self
            .work_dir
            .unwrap_or_else(|| plugins.data_dir.join("agent"));
        let options = AgentOptions {
            server: self.server,
            token,
            work_dir,
            plugins,
            program: ChildProgram::current()?,
            patience: Duration::from_secs(self.patience),
            cache_bytes: self.cache_size << 30,
        };
        agent::run(options).await.map_err(CliError::failed)
    }
}
