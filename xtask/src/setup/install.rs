//! Folders in the cache that are whole or absent: they are filled under another
//! name, stamped with the recipe they were made by, and renamed into place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

const STAMP: &str = ".arborist-recipe";

/// Keeps a second `setup` out of the cache until the value is dropped.
pub(super) fn lock(workspace: &Workspace) -> Result<File> {
    fs::create_dir_all(&workspace.cache).with_context(|| {
        format!(
            "cannot make the cache folder {}; set ARBORIST_CACHE to a folder that can be written",
            workspace.cache.display()
        )
    })?;
    let path = workspace.cache.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!(
            "waiting for another `cargo xtask` that is filling {}",
            workspace.cache.display()
        );
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// Whether `directory` was made by exactly this recipe.
pub(super) fn is_current(directory: &Path, recipe: &str) -> bool {
    fs::read_to_string(directory.join(STAMP)).is_ok_and(|stamp| stamp == recipe)
}

/// Fills a new `directory` by `fill`, which is handed the folder to write into.
pub(super) fn replace(
    directory: &Path,
    recipe: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let partial = beside(directory, "partial");
    let old = beside(directory, "old");
    remove(&partial)?;
    remove(&old)?;
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
    fill(&partial)?;
    stamp(&partial, recipe)?;
    if directory.exists() {
        fs::rename(directory, &old)
            .with_context(|| format!("cannot move {} aside", directory.display()))?;
    }
    fs::rename(&partial, directory)
        .with_context(|| format!("cannot put {} in place", directory.display()))?;
    remove(&old)
}

/// Marks `directory` as made by `recipe`: the last thing that is written.
pub(super) fn stamp(directory: &Path, recipe: &str) -> Result<()> {
    let path = directory.join(STAMP);
    fs::write(&path, recipe).with_context(|| format!("cannot write {}", path.display()))
}

fn beside(directory: &Path, what: &str) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    directory.with_file_name(name)
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}
