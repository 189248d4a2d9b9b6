//! Taxonomies as files: reading what people send, packed or not, and streaming what they ask for.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use arborist_shared::taxonomy::{
    Origin, ParsedTaxonomy, Taxonomy, TaxonomyError, TaxonomyFormat, WriteError, check_writable,
    parse, write,
};
use flate2::read::MultiGzDecoder;
use futures_util::stream;
use tokio::sync::mpsc;

use super::TaxonomyRow;
use crate::http::problem::ApiError;

/// Bytes of a taxonomy once it is unpacked; it is read in memory.
const MAX_UNPACKED: u64 = 512 << 20;
/// Bytes that are sent at once, and how many such are under way.
const CHUNK: usize = 1 << 16;
const CHUNKS: usize = 4;

/// Why a file is no taxonomy.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is packed, and damaged.
    #[error("found a gzip file that is cut off or damaged ({0}), expected a whole one")]
    Gzip(io::Error),
    /// It is packed, and large.
    #[error("found more than {MAX_UNPACKED} bytes in the gzip file, expected at most that")]
    TooLarge,
    /// What it says is wrong.
    #[error(transparent)]
    Taxonomy(#[from] TaxonomyError),
}

/// Reads a taxonomy from the content of a file, which may be packed with gzip.
///
/// # Errors
/// Names line, column, what was found and what was expected.
pub fn read(bytes: &[u8], format: Option<TaxonomyFormat>) -> Result<ParsedTaxonomy, FileError> {
    Ok(parse(&unpack(bytes, false)?, format)?)
}

/// The content of a file that may be packed; where only its beginning was sent, as far as it goes.
pub(super) fn unpack(bytes: &[u8], is_partial: bool) -> Result<Cow<'_, [u8]>, FileError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut content = Vec::new();
    let unpacked = MultiGzDecoder::new(bytes)
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut content);
    match unpacked {
        Err(_) if is_partial && !content.is_empty() => {}
        Err(error) => return Err(FileError::Gzip(error)),
        Ok(_) if content.len() as u64 > MAX_UNPACKED => return Err(FileError::TooLarge),
        Ok(_) => {}
    }
    Ok(Cow::Owned(content))
}

/// Streams a version in a format.
///
/// # Errors
/// `field_invalid` when the format cannot hold it.
pub(super) fn download(
    row: &TaxonomyRow,
    taxonomy: Arc<Taxonomy>,
    format: TaxonomyFormat,
) -> Result<HttpResponse, ApiError> {
    check_writable(&taxonomy, format)
        .map_err(|error| ApiError::field("format", error.to_string()))?;
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let (title, version) = (row.source_name.clone(), row.version.to_string());
    tokio::task::spawn_blocking(move || {
        let mut chunks = Chunks {
            sender,
            chunk: Vec::with_capacity(CHUNK),
        };
        let origin = Origin {
            title: Some(&title),
            version: Some(&version),
        };
        match write(&taxonomy, format, origin, &mut chunks) {
            Ok(()) => {}
            // The receiver went away: nobody is left to tell.
            Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                // What is cut off in the middle is seen to be.
                let error = io::Error::other(error);
                let _ = chunks.sender.blocking_send(Err(error));
            }
        }
    });
    let body = stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    });
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file_name(row.id, format)),
        ))
        .streaming(Box::pin(body)))
}

/// What a file is called that holds a version.
pub(super) fn file_name(id: i64, format: TaxonomyFormat) -> String {
    format!("taxonomy-{id}.{}", format.extension())
}

/// Sends what is written in chunks.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.sender
            .blocking_send(Ok(Bytes::from(chunk)))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_files_are_read_and_cut_ones_refused() {
        let file = packed("A\tRoot\nB\tA\n");
        assert_eq!(read(&file, None).unwrap().taxonomy.len(), 2);
        for cut in [&file[..file.len() - 5], &file[..12], &file[..2]] {
            let error = read(cut, None).unwrap_err().to_string();
            assert!(
                error.starts_with("found a gzip file that is cut off or damaged"),
                "{error}"
            );
        }
        assert!(unpack(&file[..file.len() - 9], true).is_ok());
        // What lies in it is looked at like any other file.
        let error = read(&packed("A\tB\n"), None).unwrap_err().to_string();
        assert!(error.starts_with("line 1, column 3: "), "{error}");
    }
}
