//! Plugin directories: which plugins are there, which are refused and why, all without loading one.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use arborist_shared::api::plugins;

use super::libtorch::Libtorch;
use super::side_manifest::{SideManifest, SideManifestError, sha256_of_file, write_durably};
use crate::seam::ABI_VERSION;

/// Lists the plugins of some directories. An earlier directory wins when two hold a method of the same name.
///
/// A library may be used when its side manifest is there, names this ABI version and the library's SHA-256, and when
/// `allow` or the `allowed.toml` of the directory itself lists it. A plugin that was built for libtorch must name the
/// version of every one in `libtorch`, since any of them may be what it is linked with at run time.
/// Everything else is refused with a reason. Directories that do not exist are skipped.
#[must_use]
pub fn read_plugin_dirs(
    directories: &[PathBuf],
    allow: &AllowList,
    libtorch: &[Libtorch],
) -> FoundPlugins {
    let trusted = Trusted {
        allow: allow.clone(),
        libtorch,
    };
    let mut found = FoundPlugins::default();
    let mut claimed = HashSet::new();
    let mut without_manifest = BTreeSet::new();
    let mut visited = HashSet::new();
    for directory in directories {
        let Ok(directory) = fs::canonicalize(directory) else {
            continue;
        };
        if visited.insert(directory.clone())
            && let Err(error) = read_directory(
                &directory,
                &trusted,
                &mut found,
                &mut claimed,
                &mut without_manifest,
            )
        {
            found.refuse(&directory, error.to_string());
        }
    }
    for library in without_manifest.difference(&claimed.into_iter().collect()) {
        found.refuse(
            library,
            "no side manifest: run `arborist plugins add` with this file".to_owned(),
        );
    }
    found
}

/// What [`read_plugin_dirs`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundPlugins {
    /// Those that may be used, in the order of their names.
    pub plugins: Vec<FoundPlugin>,
    /// Those that may not, and why.
    pub refused: Vec<plugins::RefusedPlugin>,
}

/// A plugin that may be used.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundPlugin {
    /// Absolute path of the library.
    pub library: PathBuf,
    /// What its side manifest says.
    pub side: SideManifest,
}

impl FoundPlugins {
    /// The plugin of a method.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&FoundPlugin> {
        self.plugins.iter().find(|plugin| plugin.side.name == name)
    }

    /// As the HTTP interface and the command line show it.
    #[must_use]
    pub fn to_wire(&self) -> plugins::Plugins {
        let method = |plugin: &FoundPlugin| plugins::Plugin {
            name: plugin.side.name.clone(),
            version: plugin.side.version.clone(),
            abi: plugin.side.abi,
            libtorch: plugin.side.torch.clone(),
            manifest: plugin.side.manifest.clone(),
        };
        plugins::Plugins {
            methods: self.plugins.iter().map(method).collect(),
            refused: self.refused.clone(),
        }
    }

    fn refuse(&mut self, path: &Path, reason: String) {
        self.refused.push(plugins::RefusedPlugin {
            path: path.display().to_string(),
            reason,
        });
    }

    fn add(&mut self, plugin: FoundPlugin) {
        match self.find(&plugin.side.name) {
            Some(first) if first.side.sha256 == plugin.side.sha256 => {}
            Some(first) => {
                let reason = format!(
                    "another plugin for `{}` comes first: {}",
                    plugin.side.name,
                    first.library.display()
                );
                self.refuse(&plugin.library, reason);
            }
            None => {
                let position = self
                    .plugins
                    .partition_point(|other| other.side.name < plugin.side.name);
                self.plugins.insert(position, plugin);
            }
        }
    }
}

/// Which libraries an administrator approved: SHA-256 by name of the method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: BTreeSet<(String, String)>,
}

impl AllowList {
    /// Name of the file, in a plugin directory or in the data directory.
    pub const FILE_NAME: &str = "allowed.toml";

    /// Reads a file with lines `name = "sha256"`; a file that does not exist allows nothing.
    ///
    /// # Errors
    /// Which file cannot be read, or what is wrong in it.
    pub fn read(path: &Path) -> Result<Self, SideManifestError> {
        let entries = read_entries(path)?;
        Ok(Self {
            entries: entries.into_iter().collect(),
        })
    }

    /// Takes over the entries of another list.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// Whether the library with this hash may be loaded as this method.
    #[must_use]
    pub fn allows(&self, name: &str, sha256: &str) -> bool {
        let hash = sha256.to_ascii_lowercase();
        self.entries.contains(&(name.to_owned(), hash))
    }

    /// Adds an entry to a file, durably; an older entry for the same name is replaced.
    ///
    /// # Errors
    /// Which file cannot be read or written.
    pub fn add_to_file(path: &Path, name: &str, sha256: &str) -> Result<(), SideManifestError> {
        let mut entries = read_entries(path)?;
        entries.insert(name.to_owned(), sha256.to_ascii_lowercase());
        let lines = toml::to_string(&entries).map_err(|error| SideManifestError::Invalid {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let text = format!(
            "# Plugins that may be loaded: SHA-256 of the library by name of the method.\n{lines}"
        );
        write_durably(path, text.as_bytes())
    }

    /// Approves a library: writes its side manifest and its entry of the allow-list into `directory`, which is made when it is missing.
    ///
    /// The library stays where it is; `side` comes from [`SideManifest::describe`] in a child process.
    ///
    /// # Errors
    /// When the library is not the described one any more, or a file cannot be written.
    pub fn approve(
        directory: &Path,
        library: &Path,
        side: &SideManifest,
    ) -> Result<SideManifest, SideManifestError> {
        let library =
            fs::canonicalize(library).map_err(|source| SideManifestError::io(library, source))?;
        let sha256 = sha256_of_file(&library)?;
        if sha256 != side.sha256 {
            return Err(SideManifestError::Invalid {
                path: library,
                reason: format!(
                    "its SHA-256 is {sha256}, and was {} when it was described",
                    side.sha256
                ),
            });
        }
        fs::create_dir_all(directory).map_err(|source| SideManifestError::io(directory, source))?;
        let directory = fs::canonicalize(directory)
            .map_err(|source| SideManifestError::io(directory, source))?;
        let mut side = side.clone();
        side.library = None;
        if side.library_path(&directory) != library {
            side.library = Some(match library.strip_prefix(&directory) {
                Ok(relative) => relative.to_owned(),
                Err(_) => library,
            });
        }
        side.write(&directory)?;
        Self::add_to_file(&directory.join(Self::FILE_NAME), &side.name, &side.sha256)?;
        Ok(side)
    }
}

/// What a library is judged by.
#[derive(Clone)]
struct Trusted<'a> {
    allow: AllowList,
    libtorch: &'a [Libtorch],
}

fn read_entries(path: &Path) -> Result<BTreeMap<String, String>, SideManifestError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(SideManifestError::io(path, source)),
    };
    let entries: BTreeMap<String, String> =
        toml::from_str(&text).map_err(|error| SideManifestError::Invalid {
            path: path.to_owned(),
            reason: format!("expected lines `name = \"sha256\"`: {error}"),
        })?;
    let lower = |(name, hash): (String, String)| (name, hash.to_ascii_lowercase());
    Ok(entries.into_iter().map(lower).collect())
}

fn read_directory(
    directory: &Path,
    trusted: &Trusted<'_>,
    found: &mut FoundPlugins,
    claimed: &mut HashSet<PathBuf>,
    without_manifest: &mut BTreeSet<PathBuf>,
) -> Result<(), SideManifestError> {
    let io = |source| SideManifestError::io(directory, source);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        paths.push(entry.map_err(io)?.path());
    }
    paths.sort();
    let allowed_here = directory.join(AllowList::FILE_NAME);
    let mut trusted = trusted.clone();
    match AllowList::read(&allowed_here) {
        Ok(here) => trusted.allow.extend(here),
        Err(error) => found.refuse(&allowed_here, error.to_string()),
    }
    let library_suffix = std::env::consts::DLL_EXTENSION;
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension == Some(library_suffix) {
            without_manifest.insert(fs::canonicalize(&path).unwrap_or(path));
        } else if extension == Some("toml") && path != allowed_here {
            match SideManifest::read(&path) {
                Ok(side) => {
                    let library = side.library_path(directory);
                    let library = fs::canonicalize(&library).unwrap_or(library);
                    claimed.insert(library.clone());
                    match judge(&path, &library, &side, &trusted) {
                        Ok(()) => found.add(FoundPlugin { library, side }),
                        Err(reason) => found.refuse(&library, reason),
                    }
                }
                Err(error) => {
                    found.refuse(&path, error.to_string());
                }
            }
        }
    }
    Ok(())
}

/// Why a described library may not be used.
fn judge(
    manifest_path: &Path,
    library: &Path,
    side: &SideManifest,
    trusted: &Trusted<'_>,
) -> Result<(), String> {
    let stem = manifest_path.file_stem().and_then(|stem| stem.to_str());
    if stem != Some(side.name.as_str()) || side.name != side.manifest.name {
        return Err(format!(
            "the names do not agree: file `{}`, entry `{}`, method `{}`",
            stem.unwrap_or_default(),
            side.name,
            side.manifest.name
        ));
    }
    if side.abi != ABI_VERSION {
        return Err(format!(
            "built for plugin ABI {}, this program speaks plugin ABI {ABI_VERSION}",
            side.abi
        ));
    }
    if let Some(wanted) = &side.torch
        && let Some(other) = trusted.libtorch.iter().find(|it| !it.is_of(wanted))
    {
        return Err(format!(
            "built for libtorch {wanted}, {} is libtorch {}",
            other.directory.display(),
            other.version
        ));
    }
    let sha256 = sha256_of_file(library).map_err(|error| error.to_string())?;
    if !sha256.eq_ignore_ascii_case(&side.sha256) {
        return Err(format!(
            "changed since it was described: its SHA-256 is {sha256}, the side manifest says {}; run `arborist plugins add` with this file",
            side.sha256
        ));
    }
    if !trusted.allow.allows(&side.name, &sha256) {
        return Err(
            "not approved: run `arborist plugins add` with this file to approve it".to_owned(),
        );
    }
    Ok(())
}
