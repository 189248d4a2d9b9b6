//! The command line. One file per command; each parses nothing but its own options and calls the rooms.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage or input.

mod agent;
mod bench;
mod compare;
mod corpus;
mod error;
mod evaluate;
mod export;
mod hyperparameters;
mod import;
mod keys;
mod options;
mod output;
mod plugins;
mod predict;
mod progress;
mod scoring;
mod serve;
mod snapshots;
mod taxonomy;
mod train;
mod work;

use std::future::Future;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub use error::CliError;

/// Environment variable that chooses what is logged: `info`, `arborist_server=debug`, …
const LOG_VARIABLE: &str = "ARBORIST_LOG";

#[derive(Debug, Parser)]
#[command(
    name = "arborist",
    version,
    about = "Hierarchical text classification: train, measure, use and compare methods on your label tree",
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server with its dashboard
    Serve(serve::Serve),
    /// List the methods of this installation, or approve a plugin
    Plugins(plugins::Plugins),
    /// Train a method on a corpus
    Train(train::Train),
    /// Predict labels with a trained run
    Predict(predict::Predict),
    /// Compute metrics of predictions against gold labels
    Evaluate(evaluate::Evaluate),
    /// Compare runs on the same documents, with paired tests
    Compare(compare::Compare),
    /// Measure what the papers report
    Bench(bench::Bench),
    /// Make a published corpus of the files that its owners hand out
    Import(import::Import),
    /// Write a corpus as other tools read it
    Export(export::Export),
    /// Convert and check taxonomies
    Taxonomy(taxonomy::TaxonomyCommand),
    /// Manage API keys
    Keys(keys::Keys),
    /// Carry out a run on this machine for a server elsewhere; started by that server
    Agent(agent::Agent),
    /// Work in a child process; started by the other commands
    #[command(hide = true)]
    Work(work::Work),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    // A child speaks through its files and pipes; the rest of it knows no runtime.
    let command = match command {
        Command::Work(work) => return work.run(),
        command => command,
    };
    start_logging(matches!(command, Command::Serve(_)));
    let result = match command {
        Command::Work(_) => Ok(()),
        Command::Evaluate(evaluate) => evaluate.run(),
        Command::Import(import) => import.run(),
        Command::Export(export) => export.run(),
        Command::Taxonomy(taxonomy) => taxonomy.run(),
        Command::Plugins(plugins) => block_on(plugins.run()),
        Command::Train(train) => block_on(train.run()),
        Command::Predict(predict) => block_on(predict.run()),
        Command::Compare(compare) => block_on(compare.run()),
        Command::Bench(bench) => block_on(bench.run()),
        Command::Serve(serve) => block_on(serve.run()),
        Command::Keys(keys) => block_on(keys.run()),
        Command::Agent(agent) => block_on(agent.run()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}

fn block_on(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::Failed(format!("cannot start: {error}")))?;
    let result = runtime.block_on(command);
    // A thread that still waits for standard input must not keep the process.
    runtime.shutdown_background();
    result
}

fn start_logging(serves: bool) {
    let default = if serves { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
