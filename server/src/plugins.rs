//! The plugins of this installation: finding them, refusing them, approving them. Nothing here loads one; what has to be
//! asked of a library is asked in a child process.

mod cache;
pub mod routes;

use std::path::{Path, PathBuf};

use arborist_plugin_api::host::{
    AllowList, FoundPlugin, FoundPlugins, Libtorch, SideManifest, SideManifestError,
    read_plugin_dirs,
};
use arborist_shared::run::RunRequest;

use crate::locations;
use crate::work::describe::describe_in_child;
use crate::work::{ChildProgram, WorkError};

pub use cache::PluginCache;

#[cfg(test)]
mod tests;

/// Folder of the data directory that holds approvals: side manifests and the allow-list.
const APPROVALS: &str = "plugins";

/// A plugin that cannot be used or approved.
#[derive(Debug, thiserror::Error)]
pub enum PluginsError {
    #[error("there is no method `{name}`; {}", describe_choice(.known, .refused))]
    Unknown {
        name: String,
        /// Methods that there are.
        known: Vec<String>,
        /// Why a library of that name is refused.
        refused: Vec<String>,
    },
    #[error("run `{run}` was trained with {library}: {source}; --plugins names its directory")]
    ForRun {
        run: String,
        library: String,
        source: Box<PluginsError>,
    },
    #[error("{0}")]
    Describe(#[from] WorkError),
    #[error("{0}")]
    Approve(#[from] SideManifestError),
}

fn describe_choice(known: &[String], refused: &[String]) -> String {
    let known = match known {
        [] => {
            "no plugins were found: give --plugins, or approve one with `arborist plugins add FILE`"
                .to_owned()
        }
        known => format!("expected one of {}", known.join(", ")),
    };
    match refused {
        [] => known,
        refused => format!("{known}. Refused: {}", refused.join("; ")),
    }
}

/// Where plugins are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginSearch {
    /// First match wins; see [`crate::locations::plugin_dirs`].
    pub dirs: Vec<PathBuf>,
    /// Its approvals count for all directories, and libraries that lie elsewhere are found through it.
    pub data_dir: PathBuf,
}

impl PluginSearch {
    /// All plugins, usable and refused. Reads and hashes each library, so not for every request.
    #[must_use]
    pub fn find_all(&self) -> FoundPlugins {
        let approvals = self.approvals();
        let (allow, broken) = match AllowList::read(&approvals.join(AllowList::FILE_NAME)) {
            Ok(allow) => (allow, None),
            Err(error) => (AllowList::default(), Some(error)),
        };
        if let Some(error) = broken {
            // The directory itself is read below, which lists the file as refused.
            tracing::warn!(%error, "the allow-list cannot be read");
        }
        let mut dirs = self.dirs.clone();
        dirs.push(approvals);
        let libtorch: Vec<Libtorch> = locations::libtorch_dirs()
            .iter()
            .filter_map(|directory| Libtorch::find(directory))
            .collect();
        read_plugin_dirs(&dirs, &allow, &libtorch)
    }

    /// The plugin of a method.
    ///
    /// # Errors
    /// Lists the methods that there are, and why a plugin of that name is refused.
    pub fn find(&self, name: &str) -> Result<FoundPlugin, PluginsError> {
        let found = self.find_all();
        if let Some(plugin) = found.find(name) {
            return Ok(plugin.clone());
        }
        let is_about = |path: &str| {
            Path::new(path)
                .file_name()
                .is_some_and(|file| file.to_string_lossy().contains(name))
        };
        Err(PluginsError::Unknown {
            name: name.to_owned(),
            known: found
                .plugins
                .iter()
                .map(|plugin| plugin.side.name.clone())
                .collect(),
            refused: found
                .refused
                .iter()
                .filter(|refused| is_about(&refused.path))
                .map(|refused| format!("{}: {}", refused.path, refused.reason))
                .collect(),
        })
    }

    /// The approved plugin for the model of a run. The library that a run directory names is not opened for that reason.
    ///
    /// # Errors
    /// As [`PluginSearch::find`]; names the directory that the run's library was in.
    pub fn find_for_run(&self, request: &RunRequest) -> Result<FoundPlugin, PluginsError> {
        self.find(&request.method)
            .map_err(|source| PluginsError::ForRun {
                run: request.run.clone(),
                library: request.plugin.clone(),
                source: Box::new(source),
            })
    }

    /// Approves a library: describes it in a child process, and writes its side manifest and an entry of the allow-list
    /// into the data directory.
    ///
    /// # Errors
    /// When the library is no usable plugin, or the files cannot be written.
    pub async fn add(
        &self,
        program: &ChildProgram,
        library: &Path,
    ) -> Result<SideManifest, PluginsError> {
        let library = library.canonicalize().map_err(|source| WorkError::File {
            path: library.to_owned(),
            source,
        })?;
        let side = describe_in_child(program, &library).await?;
        Ok(AllowList::approve(&self.approvals(), &library, &side)?)
    }

    fn approvals(&self) -> PathBuf {
        self.data_dir.join(APPROVALS)
    }
}
