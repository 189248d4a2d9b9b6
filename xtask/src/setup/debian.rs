//! Debian's packages: installed when root runs this, else asked for in one sentence.

use std::os::unix::fs::MetadataExt;

use anyhow::{Result, bail};

use super::say;
use crate::process::cmd;

/// Installs `packages`; `what` names them in the sentence that a user without root reads.
pub(super) fn install(what: &str, packages: &[&str]) -> Result<()> {
    let typed = format!("apt-get install {}", packages.join(" "));
    if !cmd("apt-get").arg("--version").quiet().succeeds() {
        bail!(
            "{what} is missing; install what Debian calls {}",
            packages.join(" and ")
        );
    }
    if !is_root() {
        bail!("{what} is missing; type `sudo {typed}`, then run this command again");
    }
    say("debian", &format!("installing {}", packages.join(" ")));
    let remedy = format!("make `{typed}` work, then run this command again");
    // The lists may be old or absent; a failure here shows in the next command.
    let _ = cmd("apt-get").args(["update", "--quiet"]).succeeds();
    cmd("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(packages)
        .remedy(remedy)
        .run()
}

/// Whether this process may install packages.
pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Whether this is Ubuntu, whose Chromium packages are called otherwise.
pub(super) fn is_ubuntu() -> bool {
    std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=ubuntu"))
}
