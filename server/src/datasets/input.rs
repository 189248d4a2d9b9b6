//! Reading what people were handed: plain or gzipped lines, whole files, folders of many files, and the hashes that
//! say later which files these were.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::{DatasetError, InputFile};
use crate::hash::hex;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a file; a gzipped one is unpacked on the way.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, DatasetError> {
    let failed = |error| DatasetError::read(path, error);
    let file = File::open(path).map_err(failed)?;
    let mut file = BufReader::with_capacity(1 << 18, file);
    let is_gzip = file.fill_buf().map_err(failed)?.starts_with(&GZIP);
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}

/// Bytes as text.
///
/// # Errors
/// Says which byte is none of UTF-8, and where.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        let byte = bytes.get(place).copied().unwrap_or_default();
        format!(
            "found the byte 0x{byte:02X} in column {}, expected UTF-8 text",
            place + 1
        )
    })
}

/// Lines of a file, without their ends.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        Ok(Self {
            path: path.to_owned(),
            reader: open(path)?,
            line: Vec::new(),
            number: 0,
        })
    }

    /// The next line as bytes; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, DatasetError> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| DatasetError::read(&self.path, error))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(self.content()))
    }

    /// The next line as text; none at the end.
    pub(super) fn next_text(&mut self) -> Result<Option<&str>, DatasetError> {
        if self.next()?.is_none() {
            return Ok(None);
        }
        utf8(self.content())
            .map(Some)
            .map_err(|_| DatasetError::input(self.place(), "bytes that are no text", "UTF-8 text"))
    }

    /// The last line without its end.
    fn content(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// File and line, for messages.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.number)
    }
}

/// Identifies a file: its size and hash as it lies there, packed or not.
pub(super) fn fingerprint(option: &str, path: &Path) -> Result<InputFile, DatasetError> {
    let failed = |error| DatasetError::read(path, error);
    if path.is_dir() {
        return Err(DatasetError::input(
            format!("{option}: {}", path.display()),
            "a directory",
            "a file",
        ));
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed)?,
        };
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(InputFile {
        option: option.to_owned(),
        path: path.display().to_string(),
        files: 1,
        bytes,
        sha256: hex(&hasher.finalize()),
    })
}

/// Files of a folder that are read one by one. Its hash is over names and contents in the order in which they are read.
pub(super) struct Folder {
    option: String,
    path: PathBuf,
    files: u64,
    bytes: u64,
    hasher: Sha256,
}

impl Folder {
    pub(super) fn open(option: &str, path: &Path) -> Result<Self, DatasetError> {
        if !path.is_dir() {
            let found = if path.exists() { "a file" } else { "nothing" };
            return Err(DatasetError::input(
                format!("{option}: {}", path.display()),
                found,
                "a directory",
            ));
        }
        Ok(Self {
            option: option.to_owned(),
            path: path.to_owned(),
            files: 0,
            bytes: 0,
            hasher: Sha256::new(),
        })
    }

    /// The whole content of a file of the folder.
    pub(super) fn read(&mut self, file: &Path) -> Result<Vec<u8>, DatasetError> {
        let content = fs::read(file).map_err(|error| DatasetError::read(file, error))?;
        let name = file.strip_prefix(&self.path).unwrap_or(file);
        let name = name.as_os_str().as_encoded_bytes();
        for part in [name, &content] {
            self.hasher.update((part.len() as u64).to_le_bytes());
            self.hasher.update(part);
        }
        self.files += 1;
        self.bytes += content.len() as u64;
        Ok(content)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What was read of it.
    pub(super) fn finish(self) -> InputFile {
        InputFile {
            option: self.option,
            path: self.path.display().to_string(),
            files: self.files,
            bytes: self.bytes,
            sha256: hex(&self.hasher.finalize()),
        }
    }
}
