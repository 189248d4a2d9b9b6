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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{forget_peak_memory, peak_memory_bytes};

    #[test]
    fn a_closed_file_is_no_memory_of_the_process() {
        const SIZE: u64 = 64 << 20;
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE).unwrap();
        forget_peak_memory();
        let before = peak_memory_bytes();
        let mapped = MappedFile::open(file.path()).unwrap();
        assert!(mapped.bytes().iter().all(|byte| *byte == 0));
        assert!(peak_memory_bytes() > before + SIZE / 2);
        drop(mapped);
        forget_peak_memory();
        assert!(peak_memory_bytes() < before + SIZE / 2);
    }
}
