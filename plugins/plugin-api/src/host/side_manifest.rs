//! `<name>.toml` beside a library: what the server knows of a plugin without loading it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use arborist_shared::manifest::MethodManifest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hyperparameters::manifest_problems;
use super::plugin::Plugin;

/// A plugin as its side manifest describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideManifest {
    /// Name of the method, and of this file without `.toml`.
    pub name: String,
    /// ABI version of the library.
    pub abi: u32,
    /// Version of the plugin.
    pub version: String,
    /// SHA-256 of the library in lower case hexadecimal digits.
    pub sha256: String,
    /// Version of libtorch the plugin was built for; none when it does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torch: Option<String>,
    /// Version of the plugin API the plugin was built with.
    #[serde(default)]
    pub plugin_api: String,
    /// Compiler that built the plugin.
    #[serde(default)]
    pub rustc: String,
    /// Target the plugin was built for.
    #[serde(default)]
    pub target: String,
    /// The library, absolute or relative to this file; none means `libarborist_<name>.so` beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// What the method says about itself. In the file it is JSON in a string, because TOML has no null.
    #[serde(with = "manifest_as_json")]
    pub manifest: MethodManifest,
}

impl SideManifest {
    /// Describes an opened plugin, in the child process that opened it.
    ///
    /// # Errors
    /// When the manifest breaks the rules for manifests, or the library cannot be read.
    pub fn describe(plugin: &Plugin) -> Result<Self, SideManifestError> {
        let mut problems = manifest_problems(plugin.manifest());
        if plugin.manifest().version != plugin.plugin_version() {
            problems.push(format!(
                "`version` is {:?}, the library says {:?}; take `env!(\"CARGO_PKG_VERSION\")` for it",
                plugin.manifest().version,
                plugin.plugin_version()
            ));
        }
        if !problems.is_empty() {
            return Err(SideManifestError::Invalid {
                path: plugin.path().to_owned(),
                reason: format!("its manifest breaks the rules: {}", problems.join("; ")),
            });
        }
        let name = plugin.manifest().name.clone();
        let beside = Some(library_name(&name)) == file_name(plugin.path());
        Ok(Self {
            name,
            abi: plugin.abi(),
            version: plugin.plugin_version().to_owned(),
            sha256: sha256_of_file(plugin.path())?,
            torch: plugin.torch_version().map(str::to_owned),
            plugin_api: plugin.plugin_api_version().to_owned(),
            rustc: plugin.rustc().to_owned(),
            target: plugin.target().to_owned(),
            library: if beside {
                None
            } else {
                file_name(plugin.path()).map(PathBuf::from)
            },
            manifest: plugin.manifest().clone(),
        })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Only when the manifest holds something that cannot be written, which a described one does not.
    pub fn to_toml(&self) -> Result<String, SideManifestError> {
        toml::to_string_pretty(self).map_err(|error| SideManifestError::Invalid {
            path: PathBuf::from(format!("{}.toml", self.name)),
            reason: error.to_string(),
        })
    }

    /// Reads the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// What is wrong in the text, and where.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, SideManifestError> {
        toml::from_str(text).map_err(|error| SideManifestError::Invalid {
            path: path.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Which file cannot be read, or what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, SideManifestError> {
        let text =
            fs::read_to_string(path).map_err(|source| SideManifestError::io(path, source))?;
        Self::from_toml(&text, path)
    }

    /// Writes `<name>.toml` into a directory, durably, and returns its path.
    ///
    /// # Errors
    /// Which file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, SideManifestError> {
        let path = directory.join(format!("{}.toml", self.name));
        write_durably(&path, self.to_toml()?.as_bytes())?;
        Ok(path)
    }

    /// Where the library lies when this manifest lies in `directory`.
    #[must_use]
    pub fn library_path(&self, directory: &Path) -> PathBuf {
        match &self.library {
            Some(library) => directory.join(library),
            None => directory.join(library_name(&self.name)),
        }
    }
}

/// A side manifest or an allow-list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SideManifestError {
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is there and wrong.
    #[error("{}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl SideManifestError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// SHA-256 of a file in lower case hexadecimal digits.
///
/// # Errors
/// Which file cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String, SideManifestError> {
    let digest = || {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; 1 << 16];
        loop {
            let n_bytes = file.read(&mut chunk)?;
            match chunk.get(..n_bytes) {
                None | Some([]) => return Ok(hasher.finalize()),
                Some(bytes) => hasher.update(bytes),
            }
        }
    };
    let digest = digest().map_err(|source| SideManifestError::io(path, source))?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// File name of a method's library: `libarborist_hiagm.so` on Linux.
fn library_name(name: &str) -> String {
    format!(
        "{}arborist_{}{}",
        std::env::consts::DLL_PREFIX,
        name.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    )
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

/// Writes a file so that after a crash there is either the old or the new one, whole.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), SideManifestError> {
    let write = || {
        let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| SideManifestError::io(path, source))
}

mod manifest_as_json {
    //! Keeps the manifest exact, nulls included.

    use arborist_shared::manifest::MethodManifest;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        manifest: &MethodManifest,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let json = serde_json::to_string_pretty(manifest).map_err(S::Error::custom)?;
        serializer.serialize_str(&format!("{json}\n"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<MethodManifest, D::Error> {
        let json = String::deserialize(deserializer)?;
        serde_json::from_str(&json)
            .map_err(|error| D::Error::custom(format!("`manifest` is not understood: {error}")))
    }
}
