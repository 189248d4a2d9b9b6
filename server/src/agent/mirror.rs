//! What the child writes, mirrored to the server while it goes on: events and log byte by byte, the checkpoint as a whole.
//!
//! A checkpoint is sent as it was at one moment. A child may be killed at any moment and goes on from what then lies
//! there, so a state of one moment is always one to go on from.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use arborist_shared::api::agent::{AgentFile, AgentFiles, AgentFolder, AgentRun};
use tokio::task::spawn_blocking;

use super::client::Client;
use super::{AgentError, named};
use crate::remote::files::{self, Found, Growing, RESULTS, link_or_copy, paths_in};
use crate::runs::directory::RunDirectory;

/// Bytes of one request.
const PART: usize = 4 << 20;
/// States of a checkpoint in a row that the server may refuse; after that it is not the plugin that changes them.
const MAX_REFUSED: u32 = 20;
/// The file that says that the training is complete.
const TRAINED: &str = "trained.json";

/// Tells apart what a file was at different moments.
type Stamp = (u64, u64, i64, i64);

/// The mirroring of one run directory.
#[derive(Debug)]
pub(super) struct Mirror {
    client: Client,
    directory: RunDirectory,
    /// Where the state of one moment is held while it is sent.
    moment: PathBuf,
    growing: [Grown; 2],
    /// The checkpoint as the server has it.
    sent: Option<Vec<(String, Stamp)>>,
    hashes: HashMap<(String, Stamp), String>,
    trained_sent: bool,
    /// States in a row that the server did not take.
    refused: u32,
}

/// A growing file.
#[derive(Clone, Copy, Debug)]
struct Grown {
    file: Growing,
    /// What the server had of it before this attempt that is not in the file here.
    before: u64,
    /// How long it is over there.
    length: u64,
}

impl Mirror {
    /// `place`: a folder of the same disk, beside the run.
    pub(super) fn new(
        client: Client,
        directory: RunDirectory,
        given: &AgentRun,
        place: &Path,
    ) -> Self {
        let events = given
            .files
            .iter()
            .find(|file| file.path == Growing::Events.name());
        let growing = Growing::ALL.map(|file| match file {
            Growing::Events => Grown {
                file,
                before: 0,
                length: events.map_or(0, |events| events.bytes),
            },
            Growing::Log => Grown {
                file,
                before: given.log_bytes,
                length: given.log_bytes,
            },
        });
        Self {
            client,
            directory,
            moment: place.join("moment"),
            growing,
            sent: None,
            hashes: HashMap::new(),
            trained_sent: false,
            refused: 0,
        }
    }

    /// Sends what is new.
    pub(super) async fn round(&mut self) -> Result<(), AgentError> {
        self.grow().await?;
        // Looked at first: once training is complete, the checkpoint stays as it is.
        let trained = self.directory.path().join(TRAINED).is_file();
        let is_sent = self.checkpoint().await?;
        if trained && is_sent && !self.trained_sent {
            self.results(&[TRAINED]).await?;
            self.trained_sent = true;
        }
        Ok(())
    }

    /// Sends all that is left once the child has ended; results last, for they finish the run.
    pub(super) async fn finish(&mut self, done: bool) -> Result<(), AgentError> {
        self.grow().await?;
        while !self.checkpoint().await? {}
        if done {
            self.results(&RESULTS).await?;
        }
        Ok(())
    }

    async fn grow(&mut self) -> Result<(), AgentError> {
        for index in 0..self.growing.len() {
            loop {
                let Grown {
                    file,
                    before,
                    length,
                } = self.growing[index];
                let path = self.directory.path().join(file.name());
                let bytes = read_from(&path, length.saturating_sub(before))
                    .map_err(|error| AgentError::file(&path, error))?;
                if bytes.is_empty() {
                    break;
                }
                let grown = self.client.append(file, length, &bytes).await?;
                if grown < before {
                    return Err(AgentError::Failed(format!(
                        "the server has {grown} bytes of {}, it had {before}",
                        file.name()
                    )));
                }
                self.growing[index].length = grown;
            }
        }
        Ok(())
    }

    /// Sends the checkpoint if it changed. False: it changed while its state was taken, so that it has to be tried again.
    async fn checkpoint(&mut self) -> Result<bool, AgentError> {
        let folder = self.directory.checkpoint();
        let now = stamps(&folder).map_err(|error| AgentError::file(&folder, error))?;
        if self.sent.as_ref() == Some(&now) {
            return Ok(true);
        }
        if self.sent.is_none() && now.is_empty() {
            self.sent = Some(now);
            return Ok(true);
        }
        let (from, moment) = (folder.clone(), self.moment.clone());
        let held = blocking(move || hold(&from, &moment)).await;
        match held {
            Ok(held) if held == now => {}
            Ok(_) => return Ok(false),
            // A file that went away between being listed and being held.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(AgentError::file(&self.moment, error)),
        }
        let mut found = Vec::with_capacity(now.len());
        for (path, stamp) in &now {
            let known = self.hashes.get(&(path.clone(), *stamp)).cloned();
            let sha256 = match known {
                Some(sha256) => sha256,
                None => {
                    let (moment, name) = (self.moment.clone(), path.clone());
                    let one = blocking(move || files::plain_file(&moment, &name))
                        .await
                        .map_err(|error| AgentError::file(&self.moment, error))?;
                    let Some(one) = one else { return Ok(false) };
                    one.file.sha256
                }
            };
            found.push(Found {
                file: AgentFile {
                    path: path.clone(),
                    bytes: stamp.1,
                    sha256,
                },
                path: self.moment.join(path),
            });
        }
        self.hashes = now
            .iter()
            .cloned()
            .zip(found.iter().map(|one| one.file.sha256.clone()))
            .collect();
        match self.send(AgentFolder::Checkpoint, &found).await {
            Ok(()) => {}
            // Written to in place meanwhile: what arrived is not what was announced. Clocks of files are too coarse to
            // tell it always.
            Err(AgentError::Refused(why)) if self.refused < MAX_REFUSED => {
                tracing::debug!(why, "the checkpoint changed while it was sent");
                self.refused += 1;
                self.hashes.clear();
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        remove(&self.moment).map_err(|error| AgentError::file(&self.moment, error))?;
        self.sent = Some(now);
        self.refused = 0;
        Ok(true)
    }

    async fn results(&self, names: &[&'static str]) -> Result<(), AgentError> {
        let folder = self.directory.path().to_owned();
        let names = names.to_vec();
        let found = blocking({
            let folder = folder.clone();
            move || {
                let mut found = Vec::new();
                for name in names {
                    found.extend(files::plain_file(&folder, name)?);
                }
                Ok(found)
            }
        })
        .await
        .map_err(|error| AgentError::file(&folder, error))?;
        self.send(AgentFolder::Results, &found).await
    }

    /// Has the server take a state over, after sending what it lacks.
    async fn send(&self, folder: AgentFolder, found: &[Found]) -> Result<(), AgentError> {
        let wanted = AgentFiles {
            folder,
            files: found.iter().map(|one| one.file.clone()).collect(),
        };
        loop {
            let missing = self.client.files(&wanted).await?.missing;
            if missing.is_empty() {
                return Ok(());
            }
            for file in &missing {
                let one = found.iter().find(|one| one.file.sha256 == file.sha256);
                let one = one.ok_or_else(|| {
                    AgentError::Failed(format!("the server asks for {}", named(file)))
                })?;
                self.upload(one).await?;
            }
        }
    }

    async fn upload(&self, one: &Found) -> Result<(), AgentError> {
        let mut length = 0;
        loop {
            let bytes =
                read_from(&one.path, length).map_err(|error| AgentError::file(&one.path, error))?;
            let known = self.client.part(&one.file.sha256, length, &bytes).await?;
            if known >= one.file.bytes {
                return Ok(());
            }
            if bytes.is_empty() {
                return Err(AgentError::Refused(format!(
                    "{} ended after {length} bytes",
                    named(&one.file)
                )));
            }
            length = known;
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The next part of a file; empty at its end, and where there is no file.
fn read_from(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(PART as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn stamps(folder: &Path) -> io::Result<Vec<(String, Stamp)>> {
    let mut stamps = Vec::new();
    for path in paths_in(folder)? {
        match fs::symlink_metadata(folder.join(&path)) {
            Ok(metadata) => stamps.push((path, stamp(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stamps)
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    (
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

/// Gives every file a second name, so that the state of this moment stays although files are replaced; answers the state
/// as it was found afterwards.
fn hold(folder: &Path, moment: &Path) -> io::Result<Vec<(String, Stamp)>> {
    remove(moment)?;
    fs::create_dir_all(moment)?;
    for path in paths_in(folder)? {
        let to = moment.join(&path);
        fs::create_dir_all(to.parent().unwrap_or(moment))?;
        link_or_copy(&folder.join(&path), &to)?;
    }
    stamps(folder)
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
