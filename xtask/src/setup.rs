//! `cargo xtask setup`: everything that building and testing need and that cargo does not fetch.
//!
//! Each part says what is in place and does nothing when it is there already, so the
//! command may be run as often as one likes. Where root is needed and missing, the
//! part ends with one sentence that holds the command to type.

mod browser;
mod debian;
mod encoder;
mod install;
mod libtorch;
mod nextest;
mod node;
mod pip;
mod postgres;
pub(crate) mod wasm;

use anyhow::Result;

use crate::process::cmd;
use crate::workspace::Workspace;

pub(crate) use browser::find as find_browser;
pub(crate) use encoder::directory as encoder_directory;
pub(crate) use libtorch::{
    VERSION as LIBTORCH_VERSION, VERSION_FILE as LIBTORCH_VERSION_FILE, cpu_directory,
    cuda_directory,
};
pub(crate) use nextest::find as find_nextest;
pub(crate) use pip::venv;
pub(crate) use postgres::{PROGRAMS as POSTGRES_PROGRAMS, find as find_postgres};

/// What is wanted beyond what a build of the product needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras {
    /// The CUDA build of libtorch, in a folder of its own.
    pub(crate) cuda: bool,
    /// What only the tests use: a browser, its driver, nextest and PostgreSQL.
    pub(crate) tests: bool,
}

/// Puts everything in place.
pub(crate) fn run(workspace: &Workspace, extras: Extras) -> Result<()> {
    supported()?;
    let _lock = install::lock(workspace)?;
    compiler()?;
    libtorch::ensure_cpu(workspace)?;
    if extras.cuda {
        libtorch::ensure_cuda(workspace)?;
    }
    encoder::ensure(workspace)?;
    wasm::ensure(workspace)?;
    node::ensure(workspace)?;
    if extras.tests {
        nextest::ensure(workspace)?;
        browser::ensure()?;
        postgres::ensure(workspace)?;
    }
    Ok(())
}

/// One line about a part: what it is and how it stands.
fn say(part: &str, state: &str) {
    eprintln!("{part:>10}  {state}");
}

fn supported() -> Result<()> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    anyhow::ensure!(
        os == "linux" && arch == "x86_64",
        "setup knows the libtorch of x86_64 Linux only, and this is {arch} {os}; \
         put a libtorch {} at .cache/libtorch by hand to build the plugins",
        libtorch::VERSION
    );
    Ok(())
}

/// torch-sys compiles C++; cargo itself needs only a C compiler.
fn compiler() -> Result<()> {
    let present = || cmd("c++").arg("--version").quiet().succeeds();
    if !present() {
        debian::install("the C++ compiler", &["g++"])?;
    }
    anyhow::ensure!(present(), "no C++ compiler is found as `c++`; install one");
    say("c++", "in place");
    Ok(())
}
