//! Arborist's automation: `cargo xtask COMMAND`. Each command is a file with a `run`.
//!
//! Depends on nothing of the workspace, so that it starts before anything is set up.

mod hash;
mod process;
mod setup;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use workspace::Workspace;

mod flags {
    xflags::xflags! {
        /// Sets up, builds, tests, measures and packs Arborist.
        cmd xtask {
            /// Put everything in place that building needs; run again, it says what is there.
            cmd setup {
                /// Also fetch the CUDA libraries (2.5 GB; not verified on a GPU).
                optional --cuda
                /// Also what only the tests need: Chromium, its driver, nextest.
                optional --tests
            }
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
    }
}
