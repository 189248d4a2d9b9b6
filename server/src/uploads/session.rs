//! An upload on disk: what has arrived, and beside it what it is and whose.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::accounts::{Caller, CallerKind};
use crate::db::Timestamp;
use crate::http::problem::{ApiError, Code};
use crate::runs::directory::{sync_directory, write_durably};

/// Ending of the file that says what an upload is.
const ABOUT: &str = ".json";

/// Whose an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Owner {
    User(i64),
    Key(i64),
}

impl From<&Caller> for Owner {
    fn from(caller: &Caller) -> Self {
        match caller.kind {
            CallerKind::User { id, .. } => Self::User(id),
            CallerKind::Key { id } => Self::Key(id),
        }
    }
}

/// What is known from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) project: i64,
    pub(super) owner: Owner,
    pub(super) name: String,
    pub(super) n_bytes: u64,
    /// SHA-256, as the sender says.
    pub(super) content_hash: Option<String>,
    pub(super) mark: Option<String>,
    pub(super) created_at: Timestamp,
}

impl About {
    /// Reads what is beside an upload; none where there is no such upload.
    pub(super) fn read(folder: &Path, id: &str) -> io::Result<Option<Self>> {
        match fs::read(folder.join(format!("{id}{ABOUT}"))) {
            Ok(bytes) => {
                let about = serde_json::from_slice(&bytes);
                if let Err(error) = &about {
                    tracing::warn!(upload = id, %error, "cannot read what an upload is about");
                }
                Ok(about.ok())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The id of the upload that a file is about.
pub(super) fn id_of(name: &str) -> Option<&str> {
    name.strip_suffix(ABOUT)
}

/// An upload.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) about: About,
    folder: PathBuf,
    /// Taken by whoever writes; opened by the first.
    arrived: Mutex<Option<Arrived>>,
    /// Held by the request that is being received.
    pub(super) receiving: tokio::sync::Mutex<()>,
    /// Set while an import is being queued that takes it.
    pub(super) is_taken: AtomicBool,
    /// Counts requests that want to send: the newest one is the one that the sender still knows of.
    pub(super) turn: watch::Sender<u64>,
}

/// What has arrived, open to be written on.
#[derive(Debug)]
struct Arrived {
    file: File,
    hasher: Sha256,
    n_bytes: u64,
}

impl Session {
    pub(super) fn new(folder: PathBuf, id: String, about: About) -> Self {
        Self {
            id,
            about,
            folder,
            arrived: Mutex::new(None),
            receiving: tokio::sync::Mutex::new(()),
            is_taken: AtomicBool::new(false),
            turn: watch::Sender::new(0),
        }
    }

    /// Makes the files of a new upload.
    pub(super) fn create(folder: PathBuf, about: About) -> io::Result<Self> {
        let id = format!("{:032x}", rand::random::<u128>());
        let session = Self::new(folder, id, about);
        File::options()
            .write(true)
            .create_new(true)
            .open(session.path())?;
        let about = serde_json::to_vec(&session.about)?;
        write_durably(&session.about_path(), |file| file.write_all(&about))?;
        Ok(session)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.id)
    }

    fn about_path(&self) -> PathBuf {
        self.folder.join(format!("{}{ABOUT}", self.id))
    }

    /// Names of its files in the folder of uploads.
    pub(super) fn files(&self) -> [String; 2] {
        [self.id.clone(), format!("{}{ABOUT}", self.id)]
    }

    /// How much has arrived.
    pub(super) fn n_received(&self) -> io::Result<u64> {
        Ok(fs::metadata(self.path())?.len())
    }

    /// When something arrived last.
    pub(super) fn touched(&self) -> io::Result<SystemTime> {
        fs::metadata(self.path())?.modified()
    }

    /// Writes on where the last bytes ended. What could not be written whole is not there.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        self.with_arrived(|arrived| {
            if let Err(error) = arrived.file.write_all_at(bytes, arrived.n_bytes) {
                arrived.file.set_len(arrived.n_bytes)?;
                return Err(error);
            }
            arrived.hasher.update(bytes);
            arrived.n_bytes += bytes.len() as u64;
            Ok(arrived.n_bytes)
        })
    }

    /// Sees to it that what has arrived stays.
    pub(super) fn sync(&self) -> io::Result<u64> {
        self.with_arrived(|arrived| {
            arrived.file.sync_data()?;
            Ok(arrived.n_bytes)
        })
    }

    /// How much has arrived, and the SHA-256 of that.
    pub(super) fn digest(&self) -> io::Result<(u64, String)> {
        self.with_arrived(|arrived| {
            let hash = arrived.hasher.clone().finalize();
            Ok((arrived.n_bytes, crate::hash::hex(&hash)))
        })
    }

    /// Opens the file where it is not; what an earlier server received is read for its hash.
    fn with_arrived<T>(&self, work: impl FnOnce(&mut Arrived) -> io::Result<T>) -> io::Result<T> {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let arrived = match &mut *arrived {
            Some(arrived) => arrived,
            none => {
                let mut file = File::options().read(true).write(true).open(self.path())?;
                let (mut hasher, mut n_bytes) = (Sha256::new(), 0);
                let mut buffer = vec![0; 1 << 20];
                loop {
                    let read = file.read(&mut buffer)?;
                    if read == 0 {
                        break;
                    }
                    hasher.update(buffer.get(..read).unwrap_or_default());
                    n_bytes += read as u64;
                }
                none.insert(Arrived {
                    file,
                    hasher,
                    n_bytes,
                })
            }
        };
        work(arrived)
    }

    /// Removes the upload with all that has arrived.
    pub(super) fn remove(&self) -> io::Result<()> {
        for path in [self.about_path(), self.path()] {
            remove(&path)?;
        }
        sync_directory(&self.folder)
    }

    /// Keeps the file only, which is somebody else's from now on.
    pub(super) fn forget_about(&self) -> io::Result<()> {
        remove(&self.about_path())?;
        sync_directory(&self.folder)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Does something with an upload on a thread that may wait for the disk.
///
/// # Errors
/// `upload_not_found` where it was removed meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    session: &Arc<Session>,
    work: impl FnOnce(&Session) -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let session = Arc::clone(session);
    let done = tokio::task::spawn_blocking(move || work(&session)).await?;
    done.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            ApiError::new(Code::UploadNotFound, "the upload was removed meanwhile")
        }
        _ => error.into(),
    })
}
