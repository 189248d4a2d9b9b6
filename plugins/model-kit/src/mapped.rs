//! Files as memory, for reading: what is too large to copy and read in several places at once.
//!
//! It knows nothing of what is in a file.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::{Advice, Mmap};

use crate::error::KitError;

/// A file's bytes, loaded by the system as they are read.
#[derive(Debug)]
pub(crate) struct MappedFile {
    path: PathBuf,
    map: Mmap,
}

impl MappedFile {
    /// Maps a file, to be read mostly from front to back.
    ///
    /// # Errors
    /// When it cannot be read, or is no file: a pipe has no length.
    pub(crate) fn open(path: &Path) -> Result<Self, KitError> {
        let metadata = std::fs::metadata(path).map_err(KitError::file("read", path))?;
        if !metadata.is_file() {
            return Err(KitError::broken(path, "expected an ordinary file"));
        }
        let file = File::open(path).map_err(KitError::file("read", path))?;
        // SAFETY: the map is for reading only. Nobody can be kept from changing the file meanwhile: other bytes would
        // be read as any bytes are, with checks, and a file cut short ends the child process that reads it, no other.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(KitError::file("map", path))?;
        // Advice: reading works without.
        let _ = map.advise(Advice::Sequential);
        Ok(Self {
            path: path.to_owned(),
            map,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }
}
