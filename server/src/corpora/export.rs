//! A corpus version as a file, written while it is sent: the first bytes leave as soon as the first documents are read, and
//! no more is in memory than a chunk of documents.

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

/// Documents that are read at once; the first chunk is small, so that something is there at once.
const CHUNK: u64 = 2_000;
const FIRST: u64 = 100;
/// Chunks between reading and sending.
const CHANNEL: usize = 2;

type Sent = Result<Bytes, std::io::Error>;

/// The documents of a query in a format that can be written.
pub(super) fn stream(
    app: Arc<App>,
    query: DocumentQuery,
    taxonomy: Arc<Taxonomy>,
    format: CorpusFormat,
) -> impl Stream<Item = Sent> {
    let (sender, receiver) = mpsc::channel::<Sent>(CHANNEL);
    tokio::spawn(async move {
        if let Err(error) = send(&app, query, taxonomy, format, &sender).await {
            // The connection breaks, so that nobody takes the beginning for the whole.
            let _ = sender.send(Err(error)).await;
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let sent = receiver.recv().await?;
        Some((sent, receiver))
    })
}

async fn send(
    app: &App,
    query: DocumentQuery,
    taxonomy: Arc<Taxonomy>,
    format: CorpusFormat,
    sender: &mpsc::Sender<Sent>,
) -> std::io::Result<()> {
    let (mut after, mut limit, mut is_first) = (0, FIRST, true);
    loop {
        let rows = store::documents(app.db.read(), &query, after, limit)
            .await
            .map_err(std::io::Error::other)?;
        let is_last = (rows.len() as u64) < limit;
        after = rows.last().map_or(after, |row| row.id);
        limit = CHUNK;
        let tree = Arc::clone(&taxonomy);
        let chunk =
            tokio::task::spawn_blocking(move || chunk(&rows, &tree, format, is_first, is_last))
                .await
                .map_err(std::io::Error::other)??;
        is_first = false;
        if sender.send(Ok(Bytes::from(chunk))).await.is_err() || is_last {
            // Nobody reads any more, or everything is sent.
            return Ok(());
        }
    }
}

fn chunk(
    rows: &[DocumentRow],
    taxonomy: &Taxonomy,
    format: CorpusFormat,
    is_first: bool,
    is_last: bool,
) -> std::io::Result<Vec<u8>> {
    let unwritable = || std::io::Error::other("the format cannot be written");
    let mut writer = CorpusWriter::new(format, taxonomy).ok_or_else(unwritable)?;
    let mut bytes = Vec::new();
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
        let _ = writer.document(&document, &mut bytes)?;
    }
    if is_last {
        writer.end(&mut bytes)?;
    }
    Ok(bytes)
}
