//! Attempts that agents carry out: what each may see and write, and until when.
//!
//! A token is for one attempt of one run. It is known to nobody but the agent, only its hash is kept, in memory: with the
//! server's end all attempts end, and their jobs begin new ones where the mirrored directories stand.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arborist_plugin_api::host::sha256_of_file;
use arborist_shared::api::agent::{
    AgentEnd, AgentFile, AgentFiles, AgentFolder, AgentMissing, AgentOrders, AgentRun, AgentStop,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::sync::watch;

use super::files::{self, Found, Growing, RESULTS, link_or_copy};
use crate::accounts::secret;
use crate::runs::directory::{RunDirectory, sync_directory};
use crate::work::executor::StopRequest;

/// Beside the checkpoint: the next one, until the two change places.
const NEXT_CHECKPOINT: &str = "checkpoint.next";

/// Why an agent's request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error("the attempt has ended")]
    Ended,
    #[error("this attempt has no content {0}")]
    Unknown(String),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// All attempts of this server that agents carry out.
#[derive(Debug, Default)]
pub struct Attempts {
    by_token: Mutex<HashMap<String, Arc<Attempt>>>,
}

impl Attempts {
    /// Begins an attempt; answers the token that opens it.
    pub(crate) fn begin(&self, attempt: Attempt) -> (String, Arc<Attempt>) {
        let token = secret::generate();
        let attempt = Arc::new(attempt);
        lock(&self.by_token).insert(secret::hash(&token), Arc::clone(&attempt));
        (token, attempt)
    }

    /// The attempt that a token opens.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<Attempt>> {
        lock(&self.by_token).get(&secret::hash(token)).cloned()
    }

    /// The token opens nothing any more, and what is under way is refused at its next step.
    pub(crate) fn end(&self, token: &str) {
        let attempt = lock(&self.by_token).remove(&secret::hash(token));
        if let Some(attempt) = attempt {
            attempt.close();
        }
    }
}

/// What an attempt works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Materials {
    pub(crate) plugin_sha256: String,
    /// Directory of the encoder.
    pub(crate) encoder: Option<PathBuf>,
    pub(crate) word_vectors: Option<PathBuf>,
}

/// One attempt of one run.
#[derive(Debug)]
pub(crate) struct Attempt {
    directory: RunDirectory,
    /// Contents that have arrived, whole or in part. Goes away with the attempt.
    staging: tempfile::TempDir,
    materials: Materials,
    given: OnceLock<Given>,
    stop: watch::Receiver<StopRequest>,
    end: watch::Sender<Option<AgentEnd>>,
    seen: Mutex<Option<Instant>>,
    state: Mutex<State>,
}

/// What the agent may fetch.
#[derive(Debug)]
struct Given {
    run: AgentRun,
    by_content: HashMap<String, Found>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// The checkpoint as it lies in the directory, by path; none until it was looked at.
    checkpoint: Option<HashMap<String, AgentFile>>,
    /// Contents that were asked for, with their lengths.
    expected: HashMap<String, u64>,
}

impl Attempt {
    /// Makes the directory ready: whole lines of events only, and no half of a checkpoint.
    pub(crate) fn new(
        directory: RunDirectory,
        materials: Materials,
        staging: &Path,
        stop: watch::Receiver<StopRequest>,
    ) -> io::Result<Self> {
        let events = directory.events();
        match File::options().write(true).open(&events) {
            Ok(file) => file.set_len(crate::work::tail::end_of_events(&events))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        remove_folder(&directory.path().join(NEXT_CHECKPOINT))?;
        Ok(Self {
            directory,
            staging: tempfile::Builder::new()
                .prefix("agent-")
                .tempdir_in(staging)?,
            materials,
            given: OnceLock::new(),
            stop,
            end: watch::Sender::new(None),
            seen: Mutex::new(None),
            state: Mutex::default(),
        })
    }

    /// Notes a sign of life.
    pub(crate) fn sign_of_life(&self) {
        *lock(&self.seen) = Some(Instant::now());
    }

    /// How long ago the last one was; none before the first.
    pub(crate) fn silent_for(&self) -> Option<Duration> {
        lock(&self.seen).map(|seen| seen.elapsed())
    }

    /// Whether the agent should go on.
    pub(crate) fn orders(&self) -> AgentOrders {
        let stop = match *self.stop.borrow() {
            StopRequest::None => AgentStop::No,
            StopRequest::Cancel => AgentStop::Cancel,
            StopRequest::Kill => AgentStop::Kill,
        };
        AgentOrders { stop }
    }

    /// Takes the agent's last word.
    pub(crate) fn finish(&self, end: AgentEnd) -> Result<(), AttemptError> {
        let mut state = self.open_state()?;
        state.ended = true;
        self.end.send_replace(Some(end));
        Ok(())
    }

    /// The agent's last word, once there is one.
    pub(crate) fn end(&self) -> watch::Receiver<Option<AgentEnd>> {
        self.end.subscribe()
    }

    fn close(&self) {
        lock(&self.state).ended = true;
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, AttemptError> {
        let state = lock(&self.state);
        if state.ended {
            return Err(AttemptError::Ended);
        }
        Ok(state)
    }

    /// As [`Self::open_state`], for those that change the directory.
    fn unfinished(&self) -> Result<MutexGuard<'_, State>, AttemptError> {
        let state = self.open_state()?;
        if self.directory.is_finished() {
            return Err(AttemptError::Refused(
                "the run is finished, its directory does not change any more".to_owned(),
            ));
        }
        Ok(state)
    }

    /// All that the attempt begins with. Reads and hashes each file the first time.
    pub(crate) fn describe(&self) -> Result<AgentRun, AttemptError> {
        drop(self.open_state()?);
        Ok(self.given()?.run.clone())
    }

    fn given(&self) -> io::Result<&Given> {
        if let Some(given) = self.given.get() {
            return Ok(given);
        }
        let given = self.look()?;
        Ok(self.given.get_or_init(|| given))
    }

    fn look(&self) -> io::Result<Given> {
        let of_run = files::of_run(self.directory.path())?;
        let encoder = match &self.materials.encoder {
            Some(folder) => files::in_folder(folder)?,
            None => Vec::new(),
        };
        let word_vectors = match &self.materials.word_vectors {
            Some(path) => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                files::plain_file(folder, &name)?
            }
            None => None,
        };
        let log_bytes = fs::metadata(self.directory.log()).map_or(0, |metadata| metadata.len());
        let names = |found: &[Found]| found.iter().map(|one| one.file.clone()).collect();
        let run = AgentRun {
            files: names(&of_run),
            plugin_sha256: self.materials.plugin_sha256.clone(),
            encoder: names(&encoder),
            word_vectors: word_vectors.as_ref().map(|one| one.file.clone()),
            log_bytes,
        };
        let all = of_run.into_iter().chain(encoder).chain(word_vectors);
        let by_content = all.map(|one| (one.file.sha256.clone(), one)).collect();
        Ok(Given { run, by_content })
    }

    /// Where a content lies that the attempt begins with.
    pub(crate) fn content(&self, sha256: &str) -> Result<PathBuf, AttemptError> {
        drop(self.open_state()?);
        let found = self.given()?.by_content.get(sha256);
        found
            .map(|found| found.path.clone())
            .ok_or_else(|| AttemptError::Unknown(sha256.to_owned()))
    }

    /// Adds to the end of a growing file; answers its length. What is there already is passed over, and what would leave a
    /// gap is left out: the answer says where to go on.
    pub(crate) fn append(
        &self,
        file: Growing,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u64, AttemptError> {
        let _state = self.unfinished()?;
        let path = self.directory.path().join(file.name());
        let mut to = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = to.metadata()?.len();
        let Some(known) = length.checked_sub(offset) else {
            return Ok(length);
        };
        let new = bytes.get(known as usize..).unwrap_or_default();
        let grown = length + new.len() as u64;
        if grown > file.max_bytes() {
            return Err(AttemptError::Refused(format!(
                "{} would have {grown} bytes, at most {} are accepted",
                file.name(),
                file.max_bytes()
            )));
        }
        to.write_all(new)?;
        Ok(grown)
    }

    /// Takes the state of a folder over, or says which contents have to be sent before.
    pub(crate) fn take(&self, wanted: &AgentFiles) -> Result<AgentMissing, AttemptError> {
        files::check(wanted.folder, &wanted.files).map_err(AttemptError::Refused)?;
        let mut state = self.unfinished()?;
        let current = match &mut state.checkpoint {
            Some(current) => current,
            empty => {
                let found = files::in_folder(&self.directory.checkpoint())?;
                empty.insert(
                    found
                        .into_iter()
                        .map(|one| (one.file.path.clone(), one.file))
                        .collect(),
                )
            }
        };
        let kept: HashMap<&str, &str> = match wanted.folder {
            AgentFolder::Checkpoint => current
                .values()
                .map(|file| (file.sha256.as_str(), file.path.as_str()))
                .collect(),
            AgentFolder::Results => HashMap::new(),
        };
        let mut missing: Vec<AgentFile> = wanted
            .files
            .iter()
            .filter(|file| {
                !kept.contains_key(file.sha256.as_str()) && !self.staged(&file.sha256).is_file()
            })
            .cloned()
            .collect();
        missing.sort_by(|a, b| a.sha256.cmp(&b.sha256));
        missing.dedup_by(|a, b| a.sha256 == b.sha256);
        if missing.is_empty() {
            match wanted.folder {
                AgentFolder::Checkpoint => {
                    self.replace_checkpoint(&wanted.files, &kept)?;
                    *current = wanted
                        .files
                        .iter()
                        .map(|file| (file.path.clone(), file.clone()))
                        .collect();
                }
                AgentFolder::Results => self.put_results(&wanted.files)?,
            }
            self.clear_staging()?;
        }
        state.expected = missing
            .iter()
            .map(|file| (file.sha256.clone(), file.bytes))
            .collect();
        Ok(AgentMissing { missing })
    }

    /// Builds the new checkpoint beside the old one; then the two change places in one step.
    fn replace_checkpoint(
        &self,
        wanted: &[AgentFile],
        kept: &HashMap<&str, &str>,
    ) -> Result<(), AttemptError> {
        let old = self.directory.checkpoint();
        let new = self.directory.path().join(NEXT_CHECKPOINT);
        remove_folder(&new)?;
        fs::create_dir(&new)?;
        for file in wanted {
            let to = new.join(&file.path);
            let folder = to.parent().unwrap_or(&new);
            fs::create_dir_all(folder)?;
            let from = match kept.get(file.sha256.as_str()) {
                Some(path) => old.join(path),
                None => self.staged(&file.sha256),
            };
            link_or_copy(&from, &to)?;
            File::open(&to)?.sync_all()?;
            sync_directory(folder)?;
        }
        sync_directory(&new)?;
        renameat_with(CWD, &new, CWD, &old, RenameFlags::EXCHANGE).map_err(io::Error::from)?;
        sync_directory(self.directory.path())?;
        Ok(remove_folder(&new)?)
    }

    /// Puts results in place, in the order of [`RESULTS`]: the last one finishes the run.
    fn put_results(&self, wanted: &[AgentFile]) -> Result<(), AttemptError> {
        let in_order = RESULTS
            .iter()
            .filter_map(|name| wanted.iter().find(|file| file.path == *name));
        for file in in_order {
            let to = self.directory.path().join(&file.path);
            let beside = to.with_extension("arriving");
            let folder = to.parent().unwrap_or(self.directory.path());
            fs::create_dir_all(folder)?;
            match fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
            link_or_copy(&self.staged(&file.sha256), &beside)?;
            File::open(&beside)?.sync_all()?;
            fs::rename(&beside, &to)?;
            sync_directory(folder)?;
        }
        for file in Growing::ALL {
            if let Ok(file) = File::open(self.directory.path().join(file.name())) {
                file.sync_all()?;
            }
        }
        Ok(())
    }

    /// Takes a part of a content that was asked for; answers how much of it is here.
    pub(crate) fn receive(
        &self,
        sha256: &str,
        offset: u64,
        bytes: &[u8],
    ) -> Result<u64, AttemptError> {
        let state = self.unfinished()?;
        let expected = *state
            .expected
            .get(sha256)
            .ok_or_else(|| AttemptError::Unknown(sha256.to_owned()))?;
        let whole = self.staged(sha256);
        if whole.is_file() {
            return Ok(expected);
        }
        let part = whole.with_extension("part");
        let mut to = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&part)?;
        let length = to.metadata()?.len();
        if offset > length {
            return Ok(length);
        }
        let end = offset + bytes.len() as u64;
        if end > expected {
            return Err(AttemptError::Refused(format!(
                "found {end} bytes, the content was announced with {expected}"
            )));
        }
        to.seek(SeekFrom::Start(offset))?;
        to.write_all(bytes)?;
        let length = length.max(end);
        if length == expected {
            to.sync_all()?;
            drop(to);
            let found = sha256_of_file(&part).map_err(io::Error::other)?;
            if found != sha256 {
                fs::remove_file(&part)?;
                return Err(AttemptError::Refused(format!(
                    "what arrived has the SHA-256 {found}, expected {sha256}"
                )));
            }
            fs::rename(&part, &whole)?;
        }
        Ok(length)
    }

    fn staged(&self, sha256: &str) -> PathBuf {
        self.staging.path().join(sha256)
    }

    fn clear_staging(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.staging.path())? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use arborist_shared::api::agent::AgentOutcome;

    use super::*;

    fn attempt(run: &Path) -> Attempt {
        fs::write(run.join("request.json"), "{}").unwrap();
        let directory = RunDirectory::open(run).unwrap();
        let materials = Materials {
            plugin_sha256: "0".repeat(64),
            encoder: None,
            word_vectors: None,
        };
        let (_, stop) = watch::channel(StopRequest::None);
        Attempt::new(directory, materials, run, stop).unwrap()
    }

    #[test]
    fn what_a_killed_server_left_is_put_in_order() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("events.jsonl"), "{}\n{\"ev").unwrap();
        fs::create_dir(run.path().join(NEXT_CHECKPOINT)).unwrap();
        let attempt = attempt(run.path());
        assert!(!run.path().join(NEXT_CHECKPOINT).exists());
        assert_eq!(attempt.append(Growing::Events, 3, b"[]\n").unwrap(), 6);
        let events = fs::read_to_string(run.path().join("events.jsonl")).unwrap();
        assert_eq!(events, "{}\n[]\n");
    }

    #[test]
    fn nothing_is_written_after_the_end() {
        let run = tempfile::tempdir().unwrap();
        let attempts = Attempts::default();
        let (token, attempt) = attempts.begin(attempt(run.path()));
        assert!(attempts.find(&token).is_some() && attempts.find("guess").is_none());
        attempts.end(&token);
        assert!(attempts.find(&token).is_none());
        let end = AgentEnd {
            outcome: AgentOutcome::Done,
            cause: None,
            message: None,
        };
        assert!(matches!(
            attempt.append(Growing::Log, 0, b"late"),
            Err(AttemptError::Ended)
        ));
        assert!(matches!(attempt.finish(end), Err(AttemptError::Ended)));
        assert!(!run.path().join("log.txt").exists());
    }

    #[test]
    fn a_finished_run_does_not_change() {
        let run = tempfile::tempdir().unwrap();
        let attempt = attempt(run.path());
        fs::write(run.path().join("metrics.json"), "{}").unwrap();
        assert!(matches!(
            attempt.append(Growing::Events, 0, b"late"),
            Err(AttemptError::Refused(_))
        ));
    }
}
