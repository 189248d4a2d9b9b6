//! Uploads: from the wire to a file, chunk by chunk, whether sent raw or as a form.

use std::path::PathBuf;

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use utoipa::ToSchema;

use super::problem::{ApiError, Code};
use crate::App;

/// What a form looks like, for the description of the interface; it is read as it streams.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub struct UploadForm {
    /// The file; other fields are passed over.
    #[schema(value_type = String, format = Binary)]
    file: String,
}

/// A file in the folder of uploads, complete and synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Name within the folder of uploads; made by us.
    pub file: String,
    /// Name as the sender calls it, for people to read. Never used as a path.
    pub name: String,
    pub n_bytes: u64,
    /// SHA-256 of the content.
    pub content_hash: String,
}

impl Upload {
    /// Where it lies.
    #[must_use]
    pub fn path(&self, app: &App) -> PathBuf {
        app.folders.uploads().join(&self.file)
    }

    /// Removes the file once nobody needs it any more.
    pub async fn discard(&self, app: &App) {
        if let Err(error) = tokio::fs::remove_file(self.path(app)).await {
            tracing::warn!(upload = self.file, %error, "could not remove an upload");
        }
    }
}

/// Receives the body: raw, or the first file of a form. `name` is what the query calls it; a form's file name comes second.
///
/// # Errors
/// When the body cannot be read, is empty or too long, or the disk is full.
pub async fn receive(
    app: &App,
    request: &HttpRequest,
    payload: Payload,
    name: Option<&str>,
    max_bytes: u64,
) -> Result<Upload, ApiError> {
    let mut receiver = Receiver::new(app, max_bytes).await?;
    let mut file_name = None;
    if is_form(request) {
        let mut form = Multipart::new(request.headers(), payload.into_inner());
        let mut found = false;
        while let Some(field) = form.next().await {
            let mut field = field.map_err(malformed)?;
            let given = field
                .content_disposition()
                .and_then(|it| it.get_filename().map(str::to_owned));
            if found || given.is_none() {
                // Other fields of the form say nothing to us, but have to be read past.
                drain(&mut field).await?;
                continue;
            }
            found = true;
            file_name = given;
            receiver.take(&mut field).await?;
        }
        if !found {
            return Err(ApiError::new(Code::MalformedUpload, "the form has no file"));
        }
    } else {
        let mut payload = payload;
        receiver.take(&mut payload).await?;
    }
    let name = name.or(file_name.as_deref()).unwrap_or_default();
    receiver.finish(display_name(name)).await
}

/// Keeps bytes of our own making as if somebody had sent them.
///
/// # Errors
/// When the disk is full.
pub async fn keep(app: &App, name: &str, bytes: Vec<u8>) -> Result<Upload, ApiError> {
    let mut receiver = Receiver::new(app, bytes.len() as u64).await?;
    let chunk = Ok::<_, std::convert::Infallible>(Bytes::from(bytes));
    receiver
        .take(&mut futures_util::stream::iter([chunk]))
        .await?;
    receiver.finish(display_name(name)).await
}

/// Reads a small body whole: the beginning of a file that is only looked at.
///
/// # Errors
/// When the body cannot be read, or is longer than `max_bytes`.
pub async fn peek(
    request: &HttpRequest,
    payload: Payload,
    max_bytes: usize,
) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    if is_form(request) {
        let mut form = Multipart::new(request.headers(), payload.into_inner());
        while let Some(field) = form.next().await {
            let mut field = field.map_err(malformed)?;
            let is_file = field
                .content_disposition()
                .is_some_and(|it| it.get_filename().is_some());
            if is_file && bytes.is_empty() {
                append(&mut field, &mut bytes, max_bytes).await?;
            } else {
                drain(&mut field).await?;
            }
        }
    } else {
        let mut payload = payload;
        append(&mut payload, &mut bytes, max_bytes).await?;
    }
    Ok(bytes)
}

async fn append<E: std::fmt::Display>(
    stream: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    bytes: &mut Vec<u8>,
    max_bytes: usize,
) -> Result<(), ApiError> {
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(malformed)?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes as u64));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(())
}

async fn drain<E: std::fmt::Display>(
    stream: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<(), ApiError> {
    while let Some(chunk) = stream.next().await {
        chunk.map_err(malformed)?;
    }
    Ok(())
}

fn is_form(request: &HttpRequest) -> bool {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    })
}

pub(crate) fn malformed(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(
        Code::MalformedUpload,
        format!("the body ended early or is not what its header says: {error}"),
    )
}

pub(crate) fn too_large(max_bytes: u64) -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!("at most {max_bytes} bytes are accepted here"),
    )
}

/// The last part of a name, on one line: something to show, not something to open.
pub(crate) fn display_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    clean.trim().to_owned()
}

/// A file that is being received; removed unless it is finished.
struct Receiver {
    path: PathBuf,
    file_name: String,
    file: BufWriter<File>,
    hasher: Sha256,
    n_bytes: u64,
    max_bytes: u64,
    finished: bool,
}

impl Receiver {
    async fn new(app: &App, max_bytes: u64) -> Result<Self, ApiError> {
        let file_name = format!("{:032x}", rand::random::<u128>());
        let path = app.folders.uploads().join(&file_name);
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .await?;
        Ok(Self {
            path,
            file_name,
            file: BufWriter::with_capacity(1 << 18, file),
            hasher: Sha256::new(),
            n_bytes: 0,
            max_bytes,
            finished: false,
        })
    }

    async fn take<E: std::fmt::Display>(
        &mut self,
        stream: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    ) -> Result<(), ApiError> {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(malformed)?;
            self.n_bytes += chunk.len() as u64;
            if self.n_bytes > self.max_bytes {
                return Err(too_large(self.max_bytes));
            }
            self.hasher.update(&chunk);
            self.file.write_all(&chunk).await?;
        }
        Ok(())
    }

    /// Syncs the file and its folder: the row that names it comes after.
    async fn finish(mut self, name: String) -> Result<Upload, ApiError> {
        if self.n_bytes == 0 {
            return Err(ApiError::new(
                Code::MalformedUpload,
                "the body is empty, expected a file",
            ));
        }
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        if let Some(folder) = self.path.parent().map(PathBuf::from) {
            tokio::task::spawn_blocking(move || crate::runs::directory::sync_directory(&folder))
                .await??;
        }
        self.finished = true;
        let hash = std::mem::take(&mut self.hasher).finalize();
        Ok(Upload {
            file: self.file_name.clone(),
            name,
            n_bytes: self.n_bytes,
            content_hash: crate::hash::hex(&hash),
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if !self.finished {
            // The sender went away or was refused; nobody will ask for this file.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_not_opened() {
        for (given, shown) in [
            ("tree.tsv", "tree.tsv"),
            ("../../etc/passwd", "passwd"),
            ("C:\\fake path\\corpus.jsonl", "corpus.jsonl"),
            ("a\nb", "ab"),
            ("", ""),
        ] {
            assert_eq!(display_name(given), shown);
        }
    }
}
