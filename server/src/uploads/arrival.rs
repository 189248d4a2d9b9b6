//! Pieces as they arrive: each goes on where the one before ended, and is complete on its own.

use std::sync::Arc;

use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt;

use super::session::{Session, blocking};
use crate::App;
use crate::http::problem::{ApiError, Code};
use crate::http::upload::malformed;

/// Bytes that are collected before they are written.
const WRITTEN_AT_ONCE: usize = 1 << 20;

/// Receives bytes that go on at `offset`; answers how many there are then. What arrived before the request broke off stays.
///
/// # Errors
/// `upload_offset` where something else has arrived before, `payload_too_large` beyond the length of the file,
/// `upload_corrupt` where the whole is not what the sender said it would be; then the upload is gone.
pub(super) async fn receive(
    app: &App,
    session: &Arc<Session>,
    offset: u64,
    length: Option<u64>,
    payload: Payload,
) -> Result<u64, ApiError> {
    // A sender that lost the connection sends again while we still wait for the rest of its last request: that one has to end.
    let mut turn = session.turn.subscribe();
    session.turn.send_modify(|turn| *turn += 1);
    let mine = *turn.borrow_and_update();
    let receiving = session.receiving.lock().await;
    let superseded = || {
        ApiError::new(
            Code::UploadOffset,
            "another request goes on with this upload",
        )
    };
    if *turn.borrow_and_update() != mine {
        return Err(superseded());
    }
    let n_received = blocking(session, |session| Ok(session.digest()?.0)).await?;
    if offset != n_received {
        return Err(ApiError::new(
            Code::UploadOffset,
            format!(
                "the bytes go on at {offset}, {n_received} have arrived: expected `Upload-Offset: {n_received}`"
            ),
        ));
    }
    let n_bytes = session.about.n_bytes;
    let left = n_bytes.saturating_sub(n_received);
    if length.is_some_and(|length| length > left) {
        return Err(too_long(session));
    }
    let received = copy(session, payload, left, async || {
        let _ = turn.changed().await;
        superseded()
    })
    .await;
    let n_received = blocking(session, Session::sync).await?;
    received?;
    if n_received == n_bytes {
        check(app, session).await?;
    }
    drop(receiving);
    Ok(n_received)
}

/// From the wire to the file, until the request ends, or ought to.
async fn copy(
    session: &Arc<Session>,
    mut payload: Payload,
    mut left: u64,
    mut stopped: impl AsyncFnMut() -> ApiError,
) -> Result<(), ApiError> {
    let mut waiting = BytesMut::new();
    loop {
        let next = tokio::select! {
            error = stopped() => Err(error),
            next = payload.next() => Ok(next),
        };
        let (chunk, ended) = match next {
            Err(error) => (None, Some(Err(error))),
            Ok(None) => (None, Some(Ok(()))),
            Ok(Some(Err(error))) => (None, Some(Err(malformed(error)))),
            Ok(Some(Ok(chunk))) if chunk.len() as u64 > left => {
                (None, Some(Err(too_long(session))))
            }
            Ok(Some(Ok(chunk))) => (Some(chunk), None),
        };
        if let Some(chunk) = chunk {
            left -= chunk.len() as u64;
            waiting.extend_from_slice(&chunk);
        }
        if waiting.len() >= WRITTEN_AT_ONCE || (ended.is_some() && !waiting.is_empty()) {
            let bytes = waiting.split().freeze();
            blocking(session, move |session| session.append(&bytes)).await?;
        }
        if let Some(ended) = ended {
            return ended;
        }
    }
}

fn too_long(session: &Session) -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!(
            "more than the {} bytes that the file was said to have",
            session.about.n_bytes
        ),
    )
}

/// Compares what has arrived with what the sender said it would be.
async fn check(app: &App, session: &Arc<Session>) -> Result<(), ApiError> {
    let Some(said) = &session.about.content_hash else {
        return Ok(());
    };
    let (_, found) = blocking(session, Session::digest).await?;
    if found == *said {
        return Ok(());
    }
    app.uploads.forget(session);
    blocking(session, Session::remove).await?;
    Err(ApiError::new(
        Code::UploadCorrupt,
        format!("what has arrived has the SHA-256 {found}, expected {said}; send it again"),
    ))
}

/// SHA-256 of a complete upload.
///
/// # Errors
/// `upload_incomplete`.
pub(super) async fn content_hash(session: &Arc<Session>) -> Result<String, ApiError> {
    let (n_received, hash) = blocking(session, Session::digest).await?;
    if n_received != session.about.n_bytes {
        return Err(ApiError::new(
            Code::UploadIncomplete,
            format!(
                "{n_received} of {} bytes have arrived: send the rest first",
                session.about.n_bytes
            ),
        ));
    }
    Ok(hash)
}
