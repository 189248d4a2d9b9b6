//! Arborist's automation: `cargo xtask COMMAND`. Each command is a file with a `run`.
//!
//! Depends on nothing of the workspace, so that it starts before anything is set up.

#![allow(clippy::print_stdout, reason = "it is a program for a terminal")]

mod bench;
mod build;
mod chaos;
mod check;
mod demo;
mod dist;
mod frontend;
mod hash;
mod http;
mod openapi;
mod packages;
mod postgres;
mod process;
mod server;
mod setup;
mod test;
mod workspace;

#[cfg(test)]
mod tidy;

use std::process::ExitCode;

use anyhow::Result;

use workspace::{Profile, Workspace};

mod flags {
    use std::path::PathBuf;

    xflags::xflags! {
        /// Sets up, builds, tests, measures and packs Arborist.
        cmd xtask {
            /// Put everything in place that building needs; run again, it says what is there.
            cmd setup {
                /// Also fetch the CUDA libraries (2.5 GB; not verified on a GPU).
                optional --cuda
                /// Also what only the tests need: Chromium, its driver, nextest, PostgreSQL.
                optional --tests
            }
            /// Build executable, plugins and dashboard into target/release.
            cmd build {
                /// Without optimization, into target/debug.
                optional --debug
                /// Only the dashboard, into frontend/dist.
                optional --frontend
            }
            /// Build, start the server with a sample project, train two methods on it.
            cmd demo {
                /// Address to listen on; without it, 127.0.0.1:8080 or the next free port.
                optional --bind ADDR: String
                /// Where its data goes; without it, .cache/demo.
                optional --data-dir DIR: PathBuf
                /// End when everything is ready: to measure.
                optional --once
            }
            /// Measure the named benchmarks, or all of them, beside their peers.
            cmd bench {
                /// Names; an unknown one lists them all.
                repeated name: String
                /// Put the tables into docs/performance.md, in the place of earlier ones.
                optional --write
                /// Instead of five.
                optional --repetitions N: usize
            }
            /// Pack an archive that runs on a machine with neither Rust nor Python.
            cmd dist {
                /// With the CUDA libraries (not verified on a GPU).
                optional --cuda
            }
            /// Run every test, or only the named parts: fmt, lint, units, plugins, frontend, build, peers, stories.
            cmd test {
                repeated part: String
            }
            /// Kill servers and workers at random under load, on SQLite and on PostgreSQL, and prove that nothing is lost.
            cmd chaos {
                /// How long, both together; 1,000 blows an hour at least. One unless told otherwise.
                optional --hours H: f64
                /// Repeats one course of blows, as far as processes and disks let it be repeated.
                optional --seed N: u64
                /// Against the debug build.
                optional --debug
            }
            /// Rewrite docs/openapi.json from the server.
            cmd openapi {}
            /// Run what should pass before every push: formatting, lints, house rules, fast tests.
            cmd check {}
        }
    }
}

fn main() -> ExitCode {
    let flags = flags::Xtask::from_env_or_exit();
    match dispatch(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(flags: flags::Xtask) -> Result<()> {
    let workspace = Workspace::find()?;
    match flags.subcommand {
        flags::XtaskCmd::Setup(flags) => {
            let extras = setup::Extras {
                cuda: flags.cuda,
                tests: flags.tests,
            };
            setup::run(&workspace, extras)
        }
        flags::XtaskCmd::Build(flags) if flags.frontend => frontend::run(&workspace).map(drop),
        flags::XtaskCmd::Build(flags) => {
            let profile = if flags.debug {
                Profile::Debug
            } else {
                Profile::Release
            };
            build::run(&workspace, profile)
        }
        flags::XtaskCmd::Demo(flags) => {
            let options = demo::Options {
                bind: flags.bind,
                data_dir: flags.data_dir,
                once: flags.once,
            };
            demo::run(&workspace, &options)
        }
        flags::XtaskCmd::Bench(flags) => {
            let options = bench::Options {
                names: flags.name,
                write: flags.write,
                repetitions: flags.repetitions,
            };
            bench::run(&workspace, &options)
        }
        flags::XtaskCmd::Dist(flags) => dist::run(&workspace, flags.cuda),
        flags::XtaskCmd::Chaos(flags) => {
            let options = chaos::Options {
                hours: flags.hours.unwrap_or(1.0),
                seed: flags.seed.unwrap_or(1),
                debug: flags.debug,
            };
            chaos::run(&workspace, &options)
        }
        flags::XtaskCmd::Test(flags) => test::run(&workspace, &flags.part),
        flags::XtaskCmd::Openapi(_) => openapi::run(&workspace),
        flags::XtaskCmd::Check(_) => check::run(&workspace),
    }
}
