//! Reading `events.jsonl` while the child writes it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use arborist_shared::run::RunEvent;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::executor::Exit;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(50);
/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// Position behind the last whole line: where the events of the next attempt begin. 0 when there is no file yet.
pub(crate) fn end_of_events(path: &Path) -> u64 {
    end_of_last_line(path).unwrap_or(0)
}

/// Position behind the last line feed of a file; 0 when it has none.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn end_of_last_line(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut end = file.metadata()?.len();
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK as u64);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        file.by_ref().take(end - start).read_to_end(&mut chunk)?;
        if let Some(position) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Sends each event behind `offset` as it appears, until the child has ended and all was read, or nobody listens.
pub(crate) async fn follow(
    path: PathBuf,
    offset: u64,
    to: mpsc::Sender<RunEvent>,
    mut exit: watch::Receiver<Option<Exit>>,
) {
    let mut reader = Some(LineReader { path, offset });
    loop {
        // Looked at before reading: what is written before the end is read after it.
        let ended = exit.borrow_and_update().is_some() || exit.has_changed().is_err();
        loop {
            let Some(mut current) = reader.take() else {
                return;
            };
            let read = tokio::task::spawn_blocking(move || {
                let events = current.read();
                (current, events)
            });
            let Ok((current, events)) = read.await else {
                return;
            };
            reader = Some(current);
            let events = match events {
                Ok(events) if events.is_empty() => break,
                Ok(events) => events,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the events of a run");
                    break;
                }
            };
            for event in events {
                if to.send(event).await.is_err() {
                    return;
                }
            }
        }
        if ended || to.is_closed() {
            return;
        }
        // Wakes early when the child ends.
        let _ = timeout(INTERVAL, exit.wait_for(Option::is_some)).await;
    }
}

struct LineReader {
    path: PathBuf,
    offset: u64,
}

impl LineReader {
    /// The whole lines behind the offset, at most a chunk of them. Lines that are no event (of a newer version) are passed over.
    fn read(&mut self) -> io::Result<Vec<RunEvent>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        let mut events = Vec::new();
        let mut chunk = Vec::new();
        let mut limit = CHUNK as u64;
        while self.offset < length && events.is_empty() {
            file.seek(SeekFrom::Start(self.offset))?;
            chunk.clear();
            file.by_ref().take(limit).read_to_end(&mut chunk)?;
            let Some(end) = chunk.iter().rposition(|&byte| byte == b'\n') else {
                if (chunk.len() as u64) < limit {
                    // A line that is being written.
                    break;
                }
                limit *= 2;
                continue;
            };
            let lines = &chunk[..=end];
            events.extend(
                lines
                    .split(|&byte| byte == b'\n')
                    .filter_map(|line| serde_json::from_slice(line).ok()),
            );
            self.offset += lines.len() as u64;
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests;
