//! A corpus version as a file, either written while it is sent, or by a job that leaves it to be fetched. No more is in
//! memory than a chunk of documents.

pub mod file;

use std::sync::Arc;

use actix_web::web::Bytes;
use arborist_shared::corpus::{CorpusFormat, text_hash};
use arborist_shared::taxonomy::Taxonomy;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::label_set;
use super::store::{self, DocumentQuery, DocumentRow};
use crate::App;
use crate::corpus_files::write::{CorpusWriter, Written};
use crate::jobs::JobError;

/// Documents that are read at once; the first chunk is small, so that something is there at once.
const CHUNK: u64 = 2_000;
const FIRST: u64 = 100;
/// Chunks between reading and sending.
const CHANNEL: usize = 2;

type Sent = Result<Bytes, std::io::Error>;

/// What is to be written.
pub(super) struct Wanted {
    pub(super) query: DocumentQuery,
    pub(super) taxonomy: Arc<Taxonomy>,
    pub(super) format: CorpusFormat,
}

/// Some documents in their format.
struct Chunk {
    bytes: Vec<u8>,
    n_documents: u64,
    /// Of these, those that the format cannot hold.
    n_left_out: u64,
}

/// The documents of a query in a format that can be written: the first bytes leave as soon as the first documents are read.
pub(super) fn stream(app: Arc<App>, wanted: Wanted) -> impl Stream<Item = Sent> {
    let (sender, receiver) = mpsc::channel::<Sent>(CHANNEL);
    tokio::spawn(async move {
        let mut chunks = Chunks::new(app, wanted);
        loop {
            let sent = match chunks.next().await {
                Ok(None) => return,
                Ok(Some(chunk)) => Ok(Bytes::from(chunk.bytes)),
                // The connection breaks, so that nobody takes the beginning for the whole.
                Err(error) => Err(std::io::Error::other(error)),
            };
            let is_end = sent.is_err();
            // Nobody may read any more.
            if sender.send(sent).await.is_err() || is_end {
                return;
            }
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let sent = receiver.recv().await?;
        Some((sent, receiver))
    })
}

/// The file, chunk by chunk.
struct Chunks {
    app: Arc<App>,
    wanted: Wanted,
    /// The document after which the next chunk begins.
    after: i64,
    limit: u64,
    is_first: bool,
    is_over: bool,
}

impl Chunks {
    fn new(app: Arc<App>, wanted: Wanted) -> Self {
        Self {
            app,
            wanted,
            after: 0,
            limit: FIRST,
            is_first: true,
            is_over: false,
        }
    }

    /// The next chunk; none after the last.
    async fn next(&mut self) -> Result<Option<Chunk>, JobError> {
        if self.is_over {
            return Ok(None);
        }
        let (query, limit) = (&self.wanted.query, self.limit);
        let rows = store::documents(self.app.db.read(), query, self.after, limit).await?;
        let (is_first, is_last) = (self.is_first, (rows.len() as u64) < limit);
        (self.is_first, self.is_over) = (false, is_last);
        self.after = rows.last().map_or(self.after, |row| row.id);
        self.limit = CHUNK;
        let (tree, format) = (Arc::clone(&self.wanted.taxonomy), self.wanted.format);
        let chunk =
            tokio::task::spawn_blocking(move || chunk(&rows, &tree, format, is_first, is_last))
                .await??;
        Ok(Some(chunk))
    }
}

fn chunk(
    rows: &[DocumentRow],
    taxonomy: &Taxonomy,
    format: CorpusFormat,
    is_first: bool,
    is_last: bool,
) -> std::io::Result<Chunk> {
    let unwritable = || std::io::Error::other("the format cannot be written");
    let mut writer = CorpusWriter::new(format, taxonomy).ok_or_else(unwritable)?;
    let mut bytes = Vec::new();
    let mut n_left_out = 0;
    if is_first {
        writer.begin(&mut bytes)?;
    } else {
        writer.go_on();
    }
    for row in rows {
        let explicit = row.explicit.as_deref().map(label_set::decode);
        let meta = row.metadata();
        let document = Written {
            id: &row.key,
            id_is_hash: row.key.len() == 64 && row.key == text_hash(&row.text),
            text: &row.text,
            labels: explicit.as_deref(),
            split: row.split.into(),
            lang: row.lang.as_deref(),
            meta: &meta,
        };
        // What the format cannot hold was told before.
        n_left_out += u64::from(writer.document(&document, &mut bytes)?.is_err());
    }
    if is_last {
        writer.end(&mut bytes)?;
    }
    Ok(Chunk {
        bytes,
        n_documents: rows.len() as u64,
        n_left_out,
    })
}
