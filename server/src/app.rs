//! What the parts of the server share: its options, the database, and the memory that outlives a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::accounts::{CallerCache, FirstStart, SignInLimit};
use crate::analysis::AnalysisCache;
use crate::corpora::LabelCounts;
use crate::db::Db;
use crate::devices::{Devices, Placement, Simulated};
use crate::drafts::Drafts;
use crate::jobs::Jobs;
use crate::plugins::{PluginCache, PluginSearch};
use crate::projects::KnownProjects;
use crate::remote::{self, Attempts, RayExecutor, RayOptions};
use crate::runs::models::Models;
use crate::runs::{FitCache, IntervalCache, NewerCache};
use crate::taxonomies::Taxonomies;
use crate::uploads::Uploads;
use crate::work::{ChildProgram, Executor};

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where the database, uploads, snapshots and runs lie; made if it is not there.
    pub data_dir: PathBuf,
    /// Address to listen on: `127.0.0.1:8080`; port 0 takes a free one.
    pub bind: String,
    /// Address under which browsers reach the server, where it is not the one it listens on.
    pub public_url: Option<String>,
    /// `sqlite:///path`; none = `arborist.db` in the data directory.
    pub database_url: Option<String>,
    /// Where plugins lie, first match wins.
    pub plugin_dirs: Vec<PathBuf>,
    /// The executable that children are started from.
    pub program: ChildProgram,
    /// Trainings on the processor at the same time; they share its threads.
    pub training_slots: usize,
    /// GPUs that are only played, in the place of real ones.
    pub simulated: Vec<Simulated>,
    /// A Ray cluster to train on.
    pub ray: Option<RayOptions>,
    /// Memory of all warm models together, in bytes; none = half of the machine's.
    pub model_memory: Option<u64>,
}

impl ServeOptions {
    /// Options for a data directory, everything else as it is unless told otherwise.
    ///
    /// # Errors
    /// When the path of the running executable cannot be found.
    pub fn new(data_dir: PathBuf) -> Result<Self, crate::work::WorkError> {
        Ok(Self {
            data_dir,
            bind: "127.0.0.1:8080".to_owned(),
            public_url: None,
            database_url: None,
            plugin_dirs: crate::locations::plugin_dirs(None),
            program: ChildProgram::current()?,
            training_slots: 1,
            simulated: Vec::new(),
            ray: None,
            model_memory: None,
        })
    }

    /// URL of the database.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database_url
            .clone()
            .unwrap_or_else(|| default_database_url(&self.data_dir))
    }

    /// Whether browsers speak TLS to us, possibly through a proxy.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    /// Host and port of the public URL.
    #[must_use]
    pub fn public_authority(&self) -> Option<&str> {
        let (_, rest) = self.public_url.as_deref()?.split_once("://")?;
        rest.split('/').next()
    }

    /// How to find plugins.
    #[must_use]
    pub fn plugin_search(&self) -> PluginSearch {
        PluginSearch {
            dirs: self.plugin_dirs.clone(),
            data_dir: self.data_dir.clone(),
        }
    }
}

/// The database in a data directory, unless told otherwise.
#[must_use]
pub fn default_database_url(data_dir: &Path) -> String {
    // Characters that mean something in a URL are escaped; everything else may stand in a path.
    let path = data_dir
        .join("arborist.db")
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23");
    format!("sqlite://{path}")
}

/// The running server. One for all requests.
pub struct App {
    pub options: ServeOptions,
    pub db: Db,
    pub folders: Folders,
    pub callers: CallerCache,
    pub first_start: FirstStart,
    pub sign_in_limit: SignInLimit,
    pub projects: KnownProjects,
    pub taxonomies: Taxonomies,
    pub label_counts: LabelCounts,
    pub drafts: Drafts,
    pub plugins: PluginCache,
    pub jobs: Jobs,
    pub uploads: Uploads,
    pub devices: Devices,
    /// Name of this data directory in leases.
    pub owner: String,
    pub models: Models,
    pub intervals: IntervalCache,
    pub analyses: AnalysisCache,
    pub fits: FitCache,
    pub newer: NewerCache,
    pub executor: Arc<dyn Executor>,
    pub ray: Option<RayExecutor>,
    /// What agents on other machines carry out.
    pub attempts: Arc<Attempts>,
    /// The server's own threads: for work that must not hold up the threads that answer requests.
    pub runtime: tokio::runtime::Handle,
}

impl App {
    /// Who carries out runs on a device.
    #[must_use]
    pub fn executor_on(&self, placement: Option<&Placement>) -> Arc<dyn Executor> {
        match (&self.ray, placement) {
            (Some(ray), Some(placement)) if placement.place == remote::RAY => {
                Arc::new(ray.with_memory(placement.memory_bytes))
            }
            _ => Arc::clone(&self.executor),
        }
    }
}

/// Makes a directory that only its owner can look into: texts and hashes of passwords lie there. One that is there already
/// stays as somebody wanted it.
///
/// # Errors
/// When the file system refuses.
pub fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// Folders of the data directory.
#[derive(Clone, Debug)]
pub struct Folders {
    data_dir: PathBuf,
}

impl Folders {
    /// Makes the folders; drops what an earlier server left in the one for passing files.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn prepare(data_dir: &Path) -> std::io::Result<Self> {
        make_private(data_dir)?;
        let folders = Self {
            data_dir: data_dir.canonicalize()?,
        };
        match std::fs::remove_dir_all(folders.passing()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for folder in [
            folders.uploads(),
            folders.passing(),
            folders.snapshots(),
            folders.assets(),
            folders.rejects(),
            folders.exports(),
            folders.runs(),
            folders.cache(),
        ] {
            std::fs::create_dir_all(folder)?;
        }
        crate::runs::directory::sync_directory(&folders.data_dir)?;
        Ok(folders)
    }

    /// Uploads whose jobs are not done.
    #[must_use]
    pub fn uploads(&self) -> PathBuf {
        self.data_dir.join("uploads")
    }

    /// Files that live as long as a request: spools.
    #[must_use]
    pub fn passing(&self) -> PathBuf {
        self.data_dir.join("tmp")
    }

    /// Corpora as training reads them, by content hash.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.data_dir.join("snapshots")
    }

    /// Encoders and word vectors, by content hash.
    #[must_use]
    pub fn assets(&self) -> PathBuf {
        self.data_dir.join("assets")
    }

    /// Rows that imports refused, by corpus.
    #[must_use]
    pub fn rejects(&self) -> PathBuf {
        self.data_dir.join("rejects")
    }

    /// Exported corpora, by the id of the job that wrote them.
    #[must_use]
    pub fn exports(&self) -> PathBuf {
        self.data_dir.join("exports")
    }

    /// Run directories, by id.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.data_dir.join("runs")
    }

    /// What can be computed again from the rest.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.data_dir.join("cache")
    }

    /// The directory of a run.
    #[must_use]
    pub fn run(&self, id: i64) -> PathBuf {
        self.runs().join(id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_url_survives_odd_directories() {
        assert_eq!(
            default_database_url(Path::new("/data/a b")),
            "sqlite:///data/a b/arborist.db"
        );
        assert_eq!(
            default_database_url(Path::new("/data/100%?")),
            "sqlite:///data/100%25%3F/arborist.db"
        );
    }

    #[test]
    fn the_public_authority_is_host_and_port() {
        let mut options = ServeOptions::new(PathBuf::from("/data")).unwrap();
        assert!(!options.is_https());
        options.public_url = Some("https://trees.example:8443/arborist/".to_owned());
        assert!(options.is_https());
        assert_eq!(options.public_authority(), Some("trees.example:8443"));
    }
}
