//! `xtask-bundle WASM OUT NAME`: makes the loadable pair `NAME.js` and `NAME_bg.wasm` of what the compiler left.
//!
//! A program of its own because wasm-bindgen's support crate takes a minute to compile,
//! and because its version must be that of the wasm-bindgen in Cargo.lock: both come from there.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = || {
        arguments
            .next()
            .context("usage: xtask-bundle WASM OUT NAME")
    };
    let (wasm, out, name) = (PathBuf::from(next()?), PathBuf::from(next()?), next()?);
    let name = name.to_str().context("the name is not UTF-8")?;
    Bindgen::new()
        .input_path(&wasm)
        .out_name(name)
        .web(true)
        .context("wasm-bindgen has no output for the web")?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&out)
        .with_context(|| format!("wasm-bindgen cannot process {}", wasm.display()))
}
