//! A directory of results that is there as a whole or not at all.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Files are written beside the directory that was asked for, and moved there when all of them are complete.
pub struct OutputDirectory {
    target: PathBuf,
    partial: TempDir,
}

impl OutputDirectory {
    /// Begins a directory; an earlier one must be empty.
    ///
    /// # Errors
    /// When there is something already (`AlreadyExists`), or nothing can be written there.
    pub fn create(target: &Path) -> io::Result<Self> {
        let is_vacant = match fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if !is_vacant {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "found a directory that is not empty, expected a new one",
            ));
        }
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent)?;
        let partial = tempfile::Builder::new()
            .prefix(".partial-")
            // As `mkdir` would: what others may do is the umask's affair.
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(parent)?;
        Ok(Self {
            target: target.to_owned(),
            partial,
        })
    }

    /// Where a file is written until the directory is complete.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.partial.path().join(name)
    }

    /// Puts the directory where it belongs.
    ///
    /// # Errors
    /// When the directory cannot be moved; then nothing is left of it.
    pub fn publish(self) -> io::Result<()> {
        fs::rename(self.partial.path(), &self.target)?;
        // There is nothing left to remove.
        let _ = self.partial.keep();
        Ok(())
    }
}
