//! A run as a directory: the only place that knows what its files are called.
//!
//! ```text
//! request.json      what was asked for (`shared::run::RunRequest`)
//! taxonomy.json     labels in the order of their indexes
//! manifest.json     the method's own description
//! corpus/           train.jsonl, validation.jsonl, test.jsonl, unless the request names them elsewhere
//! rejects.jsonl     rows of the corpus files that could not be used
//! events.jsonl      what happened (`shared::run::RunEvent`)
//! log.txt           standard error of the child processes
//! checkpoint/       the plugin's own
//! trained.json      written once training is complete: figures of the training
//! scores/           validation.bin, test.bin (`shared::scores`)
//! predictions.jsonl predictions for the test split
//! metrics.json      written last: a run that has it is finished and does not change any more
//! ```

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use arborist_plugin_api::host::sha256_of_file;
use arborist_shared::manifest::MethodManifest;
use arborist_shared::metrics::{GroupMetrics, Metrics};
use arborist_shared::run::{RunEvent, RunRequest};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const REQUEST: &str = "request.json";
const TAXONOMY: &str = "taxonomy.json";
const MANIFEST: &str = "manifest.json";
const CORPUS: &str = "corpus";
const REJECTS: &str = "rejects.jsonl";
const EVENTS: &str = "events.jsonl";
const LOG: &str = "log.txt";
const CHECKPOINT: &str = "checkpoint";
const TRAINED: &str = "trained.json";
const SCORES: &str = "scores";
const PREDICTIONS: &str = "predictions.jsonl";
const METRICS: &str = "metrics.json";

/// Name of the taxonomy file as a run's request names it.
pub const TAXONOMY_IN_REQUEST: &str = TAXONOMY;

/// A run directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunDirectoryError {
    #[error("{path} is not a run: it has no {REQUEST}")]
    NotARun { path: PathBuf },
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}, line {line}, column {column}: {reason}")]
    Content {
        path: PathBuf,
        line: usize,
        column: usize,
        reason: String,
    },
}

/// Figures of a finished training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    pub epochs: u32,
    /// Time in the plugin over all attempts.
    pub train_seconds: f64,
    pub train_docs_per_s: f64,
    pub peak_memory_bytes: u64,
    /// `cpu` or `cuda:N`.
    pub device: String,
}

/// `metrics.json`: the reported figures, by split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunMetrics {
    pub validation: Option<Metrics>,
    pub test: Option<Metrics>,
    /// Rank figures of the test split by label group, from all scores of the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupMetrics>,
}

impl RunMetrics {
    /// The figures of a split; training has none.
    #[must_use]
    pub fn of(&self, split: Split) -> Option<&Metrics> {
        match split {
            Split::Train => None,
            Split::Validation => self.validation.as_ref(),
            Split::Test => self.test.as_ref(),
        }
    }
}

/// The directory of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// A directory that holds a request.
    ///
    /// # Errors
    /// When there is no such directory, or it is no run.
    pub fn open(path: &Path) -> Result<Self, RunDirectoryError> {
        let path = path
            .canonicalize()
            .map_err(|source| file_error(path, source))?;
        let directory = Self { path };
        if directory.file(REQUEST).is_file() {
            Ok(directory)
        } else {
            Err(RunDirectoryError::NotARun {
                path: directory.path,
            })
        }
    }

    /// Makes the directory with its folders, where they do not exist yet.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create(path: &Path) -> Result<Self, RunDirectoryError> {
        fs::create_dir_all(path).map_err(|source| file_error(path, source))?;
        let path = path
            .canonicalize()
            .map_err(|source| file_error(path, source))?;
        let directory = Self { path };
        for folder in [CORPUS, CHECKPOINT, SCORES] {
            let folder = directory.file(folder);
            fs::create_dir_all(&folder).map_err(|source| file_error(&folder, source))?;
        }
        Ok(directory)
    }

    /// Whether a directory may become a run: it holds nothing, or nothing but what an attempt left that never got as far
    /// as a request.
    #[must_use]
    pub fn is_vacant(path: &Path) -> bool {
        let Ok(entries) = fs::read_dir(path) else {
            return !path.exists();
        };
        let ours = [TAXONOMY, MANIFEST, CORPUS, REJECTS, CHECKPOINT, SCORES];
        entries.into_iter().all(|entry| {
            entry.is_ok_and(|entry| ours.iter().any(|name| entry.file_name() == *name))
        })
    }

    /// Absolute path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the directory: the run's id on the command line.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(
            || "run".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    /// A path of the request, made absolute.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    /// `events.jsonl`.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.file(EVENTS)
    }

    /// `log.txt`.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.file(LOG)
    }

    /// `checkpoint/`, which belongs to the plugin.
    #[must_use]
    pub fn checkpoint(&self) -> PathBuf {
        self.file(CHECKPOINT)
    }

    /// Snapshot of a split that lies in the run itself.
    #[must_use]
    pub fn corpus(&self, split: Split) -> PathBuf {
        self.path.join(Self::corpus_in_request(split))
    }

    /// The same as the request names it.
    #[must_use]
    pub fn corpus_in_request(split: Split) -> String {
        format!("{CORPUS}/{}.jsonl", split.as_str())
    }

    /// Makes a snapshot part of the run: the same file under a second name, or a copy where that can't be. A run that is
    /// copied elsewhere takes its documents along.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take_corpus(&self, split: Split, snapshot: &Path) -> Result<(), RunDirectoryError> {
        let own = self.corpus(split);
        match fs::remove_file(&own) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(file_error(&own, source));
            }
            _ => {}
        }
        fs::hard_link(snapshot, &own)
            .or_else(|_| fs::copy(snapshot, &own).map(drop))
            .map_err(|source| file_error(snapshot, source))
    }

    /// `rejects.jsonl`.
    #[must_use]
    pub fn rejects(&self) -> PathBuf {
        self.file(REJECTS)
    }

    /// `predictions.jsonl`, of the test split.
    #[must_use]
    pub fn predictions(&self) -> PathBuf {
        self.file(PREDICTIONS)
    }

    /// Stored scores of a split.
    #[must_use]
    pub fn scores(&self, split: Split) -> PathBuf {
        self.path
            .join(SCORES)
            .join(format!("{}.bin", split.as_str()))
    }

    /// What was asked for.
    ///
    /// # Errors
    /// When the file is missing or broken.
    pub fn request(&self) -> Result<RunRequest, RunDirectoryError> {
        read_json(&self.file(REQUEST))
    }

    /// Writes what is asked for; from then on the directory is a run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_request(&self, request: &RunRequest) -> Result<(), RunDirectoryError> {
        write_json(&self.file(REQUEST), request)
    }

    /// Absolute path of the taxonomy.
    ///
    /// # Errors
    /// When the request cannot be read.
    pub fn taxonomy_file(&self) -> Result<PathBuf, RunDirectoryError> {
        Ok(self.resolve(&self.request()?.taxonomy))
    }

    /// The taxonomy whose label indexes the run uses.
    ///
    /// # Errors
    /// When the file is missing or broken.
    pub fn taxonomy(&self) -> Result<Taxonomy, RunDirectoryError> {
        read_json(&self.taxonomy_file()?)
    }

    /// Writes the taxonomy into the run, in canonical form.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_taxonomy(&self, taxonomy: &Taxonomy) -> Result<(), RunDirectoryError> {
        write_json(&self.file(TAXONOMY), taxonomy)
    }

    /// The method's description at the time of the run.
    ///
    /// # Errors
    /// When the file is missing or broken.
    pub fn manifest(&self) -> Result<MethodManifest, RunDirectoryError> {
        read_json(&self.file(MANIFEST))
    }

    /// Writes the method's description.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_manifest(&self, manifest: &MethodManifest) -> Result<(), RunDirectoryError> {
        write_json(&self.file(MANIFEST), manifest)
    }

    /// Figures of the training, once it is complete.
    ///
    /// # Errors
    /// When the file is broken.
    pub fn training(&self) -> Result<Option<Training>, RunDirectoryError> {
        read_json_if_there(&self.file(TRAINED))
    }

    /// Records that the training is complete; a resumed attempt goes on behind it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_training(&self, training: &Training) -> Result<(), RunDirectoryError> {
        write_json(&self.file(TRAINED), training)
    }

    /// Whether the run is complete, and therefore immutable.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.file(METRICS).is_file()
    }

    /// The reported figures, once the run is finished.
    ///
    /// # Errors
    /// When the file is broken.
    pub fn metrics(&self) -> Result<Option<RunMetrics>, RunDirectoryError> {
        read_json_if_there(&self.file(METRICS))
    }

    /// Writes the reported figures: the last file of a run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_metrics(&self, metrics: &RunMetrics) -> Result<(), RunDirectoryError> {
        write_json(&self.file(METRICS), metrics)
    }

    /// All events so far. Lines that are no event, such as one that a killed child left half-written, are passed over.
    ///
    /// # Errors
    /// When the file cannot be read. A run that has not begun has no events.
    pub fn read_events(&self) -> Result<Vec<RunEvent>, RunDirectoryError> {
        let path = self.events();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(file_error(&path, source)),
        };
        let mut events = Vec::new();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|source| file_error(&path, source))?;
            if let Ok(event) = serde_json::from_slice(&line) {
                events.push(event);
            }
        }
        Ok(events)
    }

    /// SHA-256 over what makes the model: the taxonomy and every file of the checkpoint.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn model_hash(&self) -> Result<String, RunDirectoryError> {
        let mut files = vec![self.taxonomy_file()?];
        let mut folders = vec![self.checkpoint()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|source| file_error(&folder, source))? {
                let path = entry.map_err(|source| file_error(&folder, source))?.path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    files.push(path)
                }
            }
        }
        files[1..].sort();
        let mut hasher = Sha256::new();
        for path in &files {
            let name = path.strip_prefix(&self.path).unwrap_or(Path::new(TAXONOMY));
            let content =
                sha256_of_file(path).map_err(|error| file_error(path, io::Error::other(error)))?;
            hasher.update(name.as_os_str().as_encoded_bytes());
            hasher.update([0]);
            hasher.update(content);
        }
        Ok(hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn file_error(path: &Path, source: io::Error) -> RunDirectoryError {
    RunDirectoryError::File {
        path: path.to_owned(),
        source,
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunDirectoryError> {
    let bytes = fs::read(path).map_err(|source| file_error(path, source))?;
    serde_json::from_slice(&bytes).map_err(|error| RunDirectoryError::Content {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        reason: error.to_string(),
    })
}

fn read_json_if_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RunDirectoryError> {
    match read_json(path) {
        Ok(value) => Ok(Some(value)),
        Err(RunDirectoryError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), RunDirectoryError> {
    write_durably(path, |file| {
        serde_json::to_writer(file, value).map_err(io::Error::from)
    })
    .map_err(|source| file_error(path, source))
}

/// Writes a file so that it is there whole or not at all, also after a power cut: beside it, synced, renamed, directory synced.
///
/// # Errors
/// When the file cannot be written.
pub fn write_durably(
    path: &Path,
    write: impl FnOnce(&mut io::BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let mut file = io::BufWriter::with_capacity(1 << 16, File::create(&partial)?);
    write(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    drop(file);
    fs::rename(&partial, path)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a directory durable.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
