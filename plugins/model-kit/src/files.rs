//! Files that are either complete or not there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::KitError;

/// When a file has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before the function returns, so that it outlives a power failure.
    Synced,
    /// When the system gets to it. It outlives the process, not the machine.
    Eventual,
}

/// Lets `write` fill a file beside `path`, then puts it in its place. A crash leaves the old file or the new one.
///
/// # Errors
/// When `write` fails, or the file cannot be moved.
pub fn replace(
    path: &Path,
    durability: Durability,
    write: impl FnOnce(&Path) -> Result<(), KitError>,
) -> Result<(), KitError> {
    let partial = partial_path(path);
    write(&partial)?;
    if durability == Durability::Eventual {
        return fs::rename(&partial, path).map_err(KitError::file("write", path));
    }
    File::open(&partial)
        .and_then(|file| file.sync_all())
        .map_err(KitError::file("write", &partial))?;
    fs::rename(&partial, path).map_err(KitError::file("write", path))?;
    if let Some(directory) = path.parent() {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(KitError::file("write", directory))?;
    }
    Ok(())
}

/// Writes bytes so that `path` is either complete or as before.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), KitError> {
    replace(path, Durability::Synced, |partial| {
        fs::write(partial, bytes).map_err(KitError::file("write", partial))
    })
}

/// Reads a whole file.
///
/// # Errors
/// When the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, KitError> {
    fs::read(path).map_err(KitError::file("read", path))
}

fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}
