//! Which libtorch is there, found out without loading it.

use std::fs;
use std::path::{Path, PathBuf};

/// A libtorch that plugins may be linked with at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libtorch {
    /// Where its libraries lie.
    pub directory: PathBuf,
    /// `2.11.0`, or with the kind of build: `2.11.0+cu130`.
    pub version: String,
}

impl Libtorch {
    /// Name of the file that says the version, as in PyTorch's own archives of libtorch.
    pub const VERSION_FILE: &str = "build-version";

    /// The libtorch of a directory (or of its `lib/`); none when there is none, or when it does not say its version.
    #[must_use]
    pub fn find(directory: &Path) -> Option<Self> {
        let inside = directory.join("lib");
        let libraries = [directory, &inside]
            .into_iter()
            .find(|directory| directory.join("libtorch_cpu.so").is_file())?;
        // Beside the libraries, or beside their folder.
        let version = [libraries, directory]
            .into_iter()
            .find_map(|directory| fs::read_to_string(directory.join(Self::VERSION_FILE)).ok())?;
        Some(Self {
            directory: libraries.to_owned(),
            version: version.trim().to_owned(),
        })
    }

    /// Whether a plugin for this version works with it: the kind of build does not count.
    #[must_use]
    pub fn is_of(&self, version: &str) -> bool {
        let release = |version: &str| version.split('+').next().unwrap_or_default().to_owned();
        release(&self.version) == release(version)
    }
}
