//! `cargo xtask build`: the product in `target/release`, ready to start.
//!
//! The dashboard comes first because the server embeds it, then executable and plugins
//! in one call of cargo, so that they share what they are built with.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::frontend;
use crate::packages::{FRONTEND, Packages, SERVER, select};
use crate::process::cargo;
use crate::setup;
use crate::workspace::{Profile, Workspace, link};

pub(crate) fn run(workspace: &Workspace, profile: Profile) -> Result<()> {
    let started = Instant::now();
    let packages = Packages::read(workspace)?;
    let product = workspace.product(profile);
    if packages.has(FRONTEND) {
        frontend::run(workspace)?;
    }
    let mut names = vec![SERVER];
    names.extend(packages.plugins().iter().map(|(package, _)| *package));
    cargo()
        .arg("build")
        .args(profile.flags())
        .args(select(&names))
        .dir(&workspace.root)
        .run()?;
    assemble(workspace, &packages, &product)?;
    eprintln!(
        "built {} in {:.0} s",
        product.join("arborist").display(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Puts plugins, libraries and encoders beside the executable.
fn assemble(workspace: &Workspace, packages: &Packages, product: &Path) -> Result<()> {
    let plugins = product.join("plugins");
    fs::create_dir_all(&plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
    link(&setup::cpu_directory(workspace), &product.join("libtorch"))?;
    link(
        &setup::encoder_directory(workspace),
        &product.join("encoders/minilm"),
    )?;
    for (_, library) in packages.plugins() {
        copy(&product.join(library), &plugins.join(library))?;
    }
    Ok(())
}

/// Copies a file unless the copy is as new; by a new name first, since the old one may be mapped by a running child.
fn copy(from: &Path, to: &Path) -> Result<bool> {
    let modified =
        |path: &Path| fs::metadata(path).and_then(|facts| Ok((facts.len(), facts.modified()?)));
    let source = modified(from).with_context(|| format!("cargo built no {}", from.display()))?;
    if modified(to).is_ok_and(|target| target == source) {
        return Ok(false);
    }
    let partial = to.with_extension("partial");
    fs::copy(from, &partial).with_context(|| format!("cannot copy to {}", partial.display()))?;
    fs::File::options()
        .write(true)
        .open(&partial)?
        .set_modified(source.1)?;
    fs::rename(&partial, to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(true)
}
