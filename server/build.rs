//! Says where the dashboard's files are, which release builds embed.

use std::path::PathBuf;
use std::{env, io};

const VARIABLE: &str = "ARBORIST_FRONTEND_DIST";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let dist = match env::var_os(VARIABLE) {
        Some(dist) => PathBuf::from(dist),
        None => PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
            .join("../frontend/dist"),
    };
    // Debug builds read the files when they are asked for: nothing to rebuild when those change.
    if env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    println!("cargo::rustc-env={VARIABLE}={}", dist.display());
    Ok(())
}
