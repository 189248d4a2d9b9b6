//! `cargo xtask build`: the product in `target/release`, ready to start.
//!
//! The dashboard comes first because the server embeds it, then executable and plugins
//! in one call of cargo, so that they share what they are built with.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::frontend;
use crate::hash::sha256;
use crate::packages::{FRONTEND, Packages, SERVER, select};
use crate::process::{cargo, cmd};
use crate::setup;
use crate::workspace::{Profile, Workspace, link};

/// The list that makes the host trust the libraries beside it.
const ALLOWED: &str = "allowed.toml";

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
    link(
        &setup::cpu_directory(workspace).join("lib"),
        &product.join("libtorch"),
    )?;
    link(
        &setup::encoder_directory(workspace),
        &product.join("encoders/minilm"),
    )?;
    let program = product.join("arborist");
    let mut wanted = vec![ALLOWED.to_owned()];
    let mut allowed = Table::new();
    for (_, library) in packages.plugins() {
        let file = plugins.join(library);
        copy(&product.join(library), &file)?;
        let hash =
            sha256(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        let name = describe(&program, &file, &hash)?;
        wanted.extend([library.to_owned(), format!("{name}.toml")]);
        allowed.insert(name, Value::String(hash));
    }
    // What a former build left would be offered, or refused, for ever.
    for entry in fs::read_dir(&plugins)? {
        let path = entry?.path();
        let known = path
            .file_name()
            .is_some_and(|name| wanted.iter().any(|wanted| name == wanted.as_str()));
        if !known {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let list = format!(
        "# Plugins that may be loaded: SHA-256 of the library by name of the method.\n{allowed}"
    );
    write_if_changed(&plugins.join(ALLOWED), &list)
}

/// Makes sure that the side manifest of `library` lies beside it; returns the method's name.
fn describe(program: &Path, library: &Path, hash: &str) -> Result<String> {
    let folder = library.parent().context("a plugin lies in a folder")?;
    let newer = |manifest: &Path| {
        let modified = |path: &Path| fs::metadata(path).and_then(|facts| facts.modified());
        matches!((modified(manifest), modified(program)), (Ok(manifest), Ok(program)) if manifest > program)
    };
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && newer(&path)
            && let Ok(table) = fs::read_to_string(&path)
                .unwrap_or_default()
                .parse::<Table>()
            && table.get("sha256").and_then(Value::as_str) == Some(hash)
            && let Some(name) = table.get("name").and_then(Value::as_str)
        {
            return Ok(name.to_owned());
        }
    }
    let text = cmd(program)
        .args(["work", "--describe"])
        .arg(library)
        .read()?;
    let table: Table = text.parse().with_context(|| {
        format!(
            "{} is described by something that is not TOML",
            library.display()
        )
    })?;
    let name = table
        .get("name")
        .and_then(Value::as_str)
        .with_context(|| format!("the manifest of {} has no name", library.display()))?;
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    Ok(name.to_owned())
}

fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
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
