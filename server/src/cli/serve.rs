//! `arborist serve`: options of the server.

use std::net::ToSocketAddrs;

use clap::Args;

use super::CliError;
use super::options::Places;
use crate::app::ServeOptions;
use crate::devices::Simulated;
use crate::locations;
use crate::remote::RayOptions;

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    places: Places,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR", value_parser = address)]
    bind: String,
    /// Address under which browsers reach the server, where it is another one
    #[arg(long, value_name = "URL", value_parser = web_address)]
    public_url: Option<String>,
    /// Database, `sqlite:///FILE` or `postgres://USER:PASSWORD@HOST/NAME` [default: `arborist.db` in the data directory]
    #[arg(
        long,
        env = "ARBORIST_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    /// Trainings on the processor at the same time; they share its threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    training_slots: u32,
    /// Pretend to have GPUs with so much memory each, in MB, to try the queue out: their jobs run on the processor
    #[arg(long, value_name = "MB,…", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    simulated_gpus: Vec<u64>,
    /// Train on a Ray cluster as well: address of its dashboard, such as `http://127.0.0.1:8265`. Only in a private network
    #[arg(long, value_name = "URL", value_parser = web_address, help_heading = "Ray cluster")]
    ray: Option<String>,
    /// Address under which Ray's nodes reach this server [default: the public one, or the one it listens on]
    #[arg(long, value_name = "URL", value_parser = web_address, requires = "ray", help_heading = "Ray cluster")]
    ray_server: Option<String>,
    /// How a shell on Ray's nodes starts `arborist` [default: the path of this executable]
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "ray",
        help_heading = "Ray cluster"
    )]
    ray_program: Option<String>,
    /// Trainings on the cluster at the same time
    #[arg(long, value_name = "N", default_value_t = 4, requires = "ray", value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Ray cluster")]
    ray_slots: u32,
    /// Processors of each training there
    #[arg(long, value_name = "N", default_value_t = 1, requires = "ray", value_parser = clap::value_parser!(u32).range(1..=1_024), help_heading = "Ray cluster")]
    ray_cpus: u32,
    /// GPUs of each training there; a fraction shares one
    #[arg(long, value_name = "N", default_value_t = 0.0, requires = "ray", value_parser = gpus, help_heading = "Ray cluster")]
    ray_gpus: f64,
    /// Memory of all models that stay loaded for predictions, in MB [default: half of the machine's]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    model_memory: Option<u64>,
}

/// What cannot be listened on is wrong usage, noticed before anything is made.
fn address(text: &str) -> Result<String, String> {
    match text.to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(_)) => Ok(text.to_owned()),
        Ok(None) => Err("it names no address".to_owned()),
        Err(error) => Err(format!(
            "{error}; expected host and port, such as 127.0.0.1:8080"
        )),
    }
}

fn gpus(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=1_024.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to 1024".to_owned()),
    }
}

fn web_address(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(text.to_owned()),
        _ => Err("expected http:// or https:// and a host".to_owned()),
    }
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let search = self.places.plugin_search()?;
        let options = ServeOptions {
            bind: self.bind,
            public_url: self.public_url,
            database_url: self.database_url,
            training_slots: self.training_slots as usize,
            simulated: self
                .simulated_gpus
                .into_iter()
                .map(|megabytes| Simulated {
                    memory_bytes: megabytes * 1_000_000,
                })
                .collect(),
            ray: self.ray.map(|address| RayOptions {
                address,
                server: self.ray_server,
                program: self.ray_program,
                slots: self.ray_slots,
                cpus: self.ray_cpus,
                gpus: self.ray_gpus,
            }),
            model_memory: self.model_memory.map(|megabytes| megabytes * 1_000_000),
            plugin_dirs: locations::plugin_dirs(self.places.plugins.as_deref()),
            ..ServeOptions::new(search.data_dir)?
        };
        crate::http::serve(options)
            .await
            .map_err(|error| CliError::failed(format!("{error:#}")))
    }
}
