//! `arborist work`: the child process. Not for people; the leash on its standard input ends it when they type nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::work::{describe, serve, train};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(super) struct Work {
    /// Train the run in this directory, score it, and write everything down
    #[arg(long, group = "what", value_name = "RUN")]
    dir: Option<PathBuf>,
    /// Load the model of this run and answer framed requests
    #[arg(long, group = "what", value_name = "RUN")]
    serve: Option<PathBuf>,
    /// Print what a library says about itself
    #[arg(long, group = "what", value_name = "FILE")]
    describe: Option<PathBuf>,
    /// Library to load instead of the run's own
    #[arg(long, requires = "serve", value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[arg(long, requires = "serve")]
    device: Option<String>,
    /// 0 = all cores
    #[arg(long, requires = "serve", default_value_t = 0)]
    threads: u32,
}

impl Work {
    pub(super) fn run(self) -> ExitCode {
        // A crash is explained with the log; an image of gigabytes of tensors helps nobody.
        let _ = setrlimit(
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        );
        let outcome = match self {
            Self { dir: Some(run), .. } => train::run(&run),
            Self {
                serve: Some(run),
                plugin,
                device,
                threads,
                ..
            } => serve::run(&serve::ServeRun {
                run,
                plugin,
                device,
                threads,
            }),
            Self {
                describe: Some(library),
                ..
            } => describe::run(&library),
            _ => return ExitCode::from(2),
        };
        ExitCode::from(outcome.exit_code())
    }
}
