//! Contents that an agent has fetched, by their SHA-256, kept for later attempts on the same machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use arborist_plugin_api::host::sha256_of_file;
use arborist_shared::api::agent::AgentFile;
use futures_util::StreamExt;

use super::client::{Client, Fault};
use super::{AgentError, named};
use crate::app::make_private;
use crate::remote::files::{is_sha256, link_or_copy};

/// A folder with contents and the runs that go on.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    max_bytes: u64,
}

impl Store {
    /// Opens the folder, or makes it; only its owner can look into it.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> Result<Self, AgentError> {
        let store = Self {
            folder: folder.to_owned(),
            max_bytes,
        };
        for folder in [store.folder.clone(), store.contents(), store.runs()] {
            make_private(&folder).map_err(|error| AgentError::file(&folder, error))?;
        }
        Ok(store)
    }

    /// Where runs lie while they go on.
    pub(super) fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    fn contents(&self) -> PathBuf {
        self.folder.join("contents")
    }

    /// The content of a file, fetched where it is not here yet.
    pub(super) async fn fetch(
        &self,
        client: &Client,
        file: &AgentFile,
    ) -> Result<PathBuf, AgentError> {
        if !is_sha256(&file.sha256) {
            return Err(AgentError::Failed(format!(
                "the server named {} by `{}`, which is no SHA-256",
                named(file),
                file.sha256
            )));
        }
        let path = self.contents().join(&file.sha256);
        let is_here = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == file.bytes);
        if is_here {
            // So that what is used stays when room is made.
            let touched = File::options()
                .write(true)
                .open(&path)
                .and_then(|open| open.set_modified(SystemTime::now()));
            touched.map_err(|error| AgentError::file(&path, error))?;
            return Ok(path);
        }
        // Of a name of its own: another agent may fetch the same.
        let part = tempfile::Builder::new()
            .prefix(&file.sha256)
            .suffix(".part")
            .tempfile_in(self.contents())
            .map_err(|error| AgentError::file(&path, error))?
            .into_temp_path();
        client.persist(|| download(client, file, &part)).await?;
        let failed = |error| AgentError::file(&path, error);
        let found = sha256_of_file(&part).map_err(|error| failed(io::Error::other(error)))?;
        if found != file.sha256 {
            return Err(AgentError::Failed(format!(
                "{} arrived with the SHA-256 {found}, expected {}",
                named(file),
                file.sha256
            )));
        }
        part.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }

    /// A content under a second name.
    pub(super) fn link(&self, content: &Path, to: &Path) -> Result<(), AgentError> {
        make_folder(to)?;
        link_or_copy(content, to).map_err(|error| AgentError::file(to, error))
    }

    /// A content that may be changed.
    pub(super) fn copy(&self, content: &Path, to: &Path) -> Result<(), AgentError> {
        make_folder(to)?;
        fs::copy(content, to)
            .map(drop)
            .map_err(|error| AgentError::file(to, error))
    }

    /// Removes what was not used for longest, until the rest fits.
    pub(super) fn make_room(&self) -> Result<(), AgentError> {
        let folder = self.contents();
        let failed = |error| AgentError::file(&folder, error);
        let mut kept = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Another agent makes room as well.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if entry.file_name().to_str().is_some_and(is_sha256) {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                kept.push((used, metadata.len(), entry.path()));
            }
        }
        let mut bytes: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        kept.sort();
        for (_, length, path) in kept {
            if bytes <= self.max_bytes {
                break;
            }
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => bytes -= length,
            }
        }
        Ok(())
    }
}

fn make_folder(of: &Path) -> Result<(), AgentError> {
    let folder = of.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| AgentError::file(folder, error))
}

/// Fetches what is still missing of a content.
async fn download(client: &Client, file: &AgentFile, part: &Path) -> Result<(), Fault> {
    let here =
        |error: io::Error| Fault::Refused(format!("cannot write {}: {error}", part.display()));
    let offset = fs::metadata(part).map_err(here)?.len();
    if offset == file.bytes {
        return Ok(());
    }
    let mut to = OpenOptions::new().append(true).open(part).map_err(here)?;
    let mut body = client.content(&file.sha256, offset).await?.bytes_stream();
    let mut length = offset;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Fault::Passing(error.to_string()))?;
        length += chunk.len() as u64;
        if length > file.bytes {
            return Err(Fault::Refused(format!(
                "more than {} bytes came for {}",
                file.bytes,
                named(file)
            )));
        }
        to.write_all(&chunk).map_err(here)?;
    }
    if length < file.bytes {
        return Err(Fault::Passing(format!("{} broke off", named(file))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 25).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        for (name, used) in [("a", 3), ("b", 1), ("c", 2)] {
            let path = store.contents().join(name.repeat(64));
            fs::write(&path, [0; 10]).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(at(used)).unwrap();
        }
        fs::write(store.contents().join("notes"), [0; 100]).unwrap();
        store.make_room().unwrap();
        let is_there = |name: &str| store.contents().join(name.repeat(64)).exists();
        assert!(is_there("a") && !is_there("b") && is_there("c"));
    }
}
