//! The WebAssembly standard library, by one of two ways.
//!
//! First rustup's target. Where that cannot be downloaded, Debian's `rustc-web` and
//! `rust-web-src` with cargo's `build-std`. `ARBORIST_WASM=debian` chooses the second.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{debian, say};
use crate::process::{Cmd, cmd};
use crate::workspace::Workspace;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// The oldest compiler of Debian's that builds this workspace.
const DEBIAN_MINIMUM: (u32, u32) = (1, 95);

/// How wasm is compiled on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// rustup's own target.
    Rustup,
    /// Debian's compiler, which builds the standard library itself.
    Debian { linker: PathBuf },
}

impl Route {
    /// Turns a cargo command into one that builds for wasm this way.
    pub(crate) fn apply(&self, workspace: &Workspace, command: Cmd) -> Cmd {
        let command = command.args(["--target", TARGET]);
        match self {
            Route::Rustup => command,
            // Another compiler would make cargo rebuild everything in the common folder.
            Route::Debian { linker } => command
                .args(["-Z", "build-std=std,panic_abort"])
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env("CARGO_TARGET_DIR", self.target(workspace))
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", DEBIAN_RUSTC),
        }
    }

    /// Where this way puts what it compiles.
    pub(crate) fn target(&self, workspace: &Workspace) -> PathBuf {
        match self {
            Route::Rustup => workspace.target.clone(),
            Route::Debian { .. } => workspace.target.join("wasm-debian"),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Route::Rustup => "rustup's target",
            Route::Debian { .. } => "Debian's rustc-web with build-std",
        }
    }
}

/// The way that `setup` took.
pub(crate) fn route(workspace: &Workspace) -> Result<Route> {
    let sysroot = sysroot()?;
    if !forced() && has_target(&sysroot) {
        return Ok(Route::Rustup);
    }
    if (forced() || remembered(workspace)) && debian_ready() {
        return debian_route(&sysroot);
    }
    bail!("no standard library for {TARGET} is set up; run `cargo xtask setup`")
}

/// Finds or installs a way, and says which.
pub(super) fn ensure(workspace: &Workspace) -> Result<()> {
    if let Ok(route) = route(workspace) {
        say("wasm", &format!("{}, in place", route.name()));
        return Ok(());
    }
    let sysroot = sysroot()?;
    if !forced() {
        let rustup = cmd("rustup")
            .args(["target", "add", TARGET])
            .env("RUSTUP_MAX_RETRIES", "1")
            .run_within(Duration::from_secs(180));
        match rustup {
            Ok(()) if has_target(&sysroot) => {
                say("wasm", "rustup's target, now installed");
                return Ok(());
            }
            Ok(()) => say(
                "wasm",
                "rustup has the target, but not for this toolchain; taking Debian's compiler",
            ),
            Err(error) => say("wasm", &format!("{error}; taking Debian's compiler")),
        }
    }
    if !debian_ready() {
        debian::install("the WebAssembly compiler", &["rustc-web", "rust-web-src"])?;
    }
    if !debian_ready() {
        let (major, minor) = DEBIAN_MINIMUM;
        bail!(
            "neither `rustup target add {TARGET}` nor Debian's rustc-web {major}.{minor} or newer is to be had here; \
             make one of them work, then run `cargo xtask setup` again"
        );
    }
    fs::create_dir_all(workspace.local())?;
    fs::write(note(workspace), "debian\n").context("cannot write .cache/wasm-route")?;
    say(
        "wasm",
        &format!("{}, now set up", debian_route(&sysroot)?.name()),
    );
    Ok(())
}

fn forced() -> bool {
    std::env::var("ARBORIST_WASM").is_ok_and(|way| way == "debian")
}

fn note(workspace: &Workspace) -> PathBuf {
    workspace.local().join("wasm-route")
}

fn remembered(workspace: &Workspace) -> bool {
    fs::read_to_string(note(workspace)).is_ok_and(|text| text.trim() == "debian")
}

fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(
        cmd("rustc").args(["--print", "sysroot"]).quiet().read()?,
    ))
}

fn has_target(sysroot: &Path) -> bool {
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(lib).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn debian_ready() -> bool {
    let Ok(version) = cmd(DEBIAN_RUSTC).arg("--version").quiet().read() else {
        return false;
    };
    let Ok(sysroot) = cmd(DEBIAN_RUSTC)
        .args(["--print", "sysroot"])
        .quiet()
        .read()
    else {
        return false;
    };
    parse(&version).is_some_and(|version| version >= DEBIAN_MINIMUM)
        && Path::new(&sysroot)
            .join("lib/rustlib/src/rust/library/std")
            .exists()
}

/// `rustc 1.96.0 (…)` → (1, 96)
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn debian_route(sysroot: &Path) -> Result<Route> {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
    anyhow::ensure!(
        linker.exists(),
        "{} is missing; reinstall the Rust toolchain",
        linker.display()
    );
    Ok(Route::Debian { linker })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_compilers_version_is_read() {
        assert_eq!(parse("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some((1, 96)));
        assert_eq!(parse("rustc"), None);
    }
}
