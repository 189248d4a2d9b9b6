//! What a client sends before it reads: kept in memory while it is little, on disk when it is much, refused when it is too much.
//!
//! Reading the request never waits for the answers. So a client that writes everything before it reads anything cannot
//! wait for us while we wait for it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::web::Bytes;
use tokio::sync::{Mutex, Notify};
use tokio::task::spawn_blocking;

/// Kept in memory before the disk is used.
const MEMORY: usize = 4 << 20;
/// Read from disk at once.
const CHUNK: usize = 256 << 10;
/// Longest line of a request.
const MAX_LINE: usize = 16 << 20;

/// Bytes on their way from a reader of a request to those who answer it.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    /// Bytes that may wait, in memory and on disk.
    capacity: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    memory: VecDeque<Bytes>,
    memory_bytes: usize,
    /// Made when memory is full; holds what comes after memory. It has no name and goes away by itself.
    file: Option<Arc<File>>,
    written: u64,
    read: u64,
    /// Set when nothing more comes; the text says why, if the end was not in order.
    ended: Option<Option<String>>,
}

impl Spool {
    pub(super) fn new(folder: &Path, capacity: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            capacity,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Adds bytes. Answers whether they were taken; after the first refusal the spool has ended.
    pub(super) async fn push(&self, bytes: Bytes) -> io::Result<bool> {
        let mut state = self.state.lock().await;
        if state.ended.is_some() {
            return Ok(false);
        }
        let on_disk = state.written - state.read;
        if state.memory_bytes as u64 + on_disk + bytes.len() as u64 > self.capacity {
            let reason = format!(
                "more than {} bytes wait for answers: read answers while you send",
                self.capacity
            );
            state.ended = Some(Some(reason));
            self.changed.notify_one();
            return Ok(false);
        }
        if on_disk == 0 && state.memory_bytes + bytes.len() <= MEMORY {
            state.memory_bytes += bytes.len();
            state.memory.push_back(bytes);
        } else {
            let file = match &state.file {
                Some(file) => Arc::clone(file),
                None => {
                    let folder = self.folder.clone();
                    let file =
                        Arc::new(spawn_blocking(move || tempfile::tempfile_in(folder)).await??);
                    state.file = Some(Arc::clone(&file));
                    file
                }
            };
            let (at, length) = (state.written, bytes.len() as u64);
            spawn_blocking(move || file.write_all_at(&bytes, at)).await??;
            state.written += length;
        }
        self.changed.notify_one();
        Ok(true)
    }

    /// Says that nothing more comes, with the reason if that is not the request's own end.
    pub(super) async fn end(&self, reason: Option<String>) {
        self.state.lock().await.ended.get_or_insert(reason);
        self.changed.notify_one();
    }

    /// The next bytes; waits for them unless told not to.
    async fn pop(&self, wait: bool) -> Popped {
        loop {
            let changed = self.changed.notified();
            match self.try_pop().await {
                Ok(Popped::Nothing) if wait => changed.await,
                Ok(popped) => return popped,
                Err(error) => {
                    return Popped::Ended(Some(format!("the spool on disk failed: {error}")));
                }
            }
        }
    }

    async fn try_pop(&self) -> io::Result<Popped> {
        let mut state = self.state.lock().await;
        if let Some(bytes) = state.memory.pop_front() {
            state.memory_bytes -= bytes.len();
            return Ok(Popped::Bytes(bytes));
        }
        let waiting = (state.written - state.read) as usize;
        if let Some(file) = state.file.as_ref().filter(|_| waiting > 0) {
            let (file, at) = (Arc::clone(file), state.read);
            let chunk = spawn_blocking(move || {
                let mut chunk = vec![0; waiting.min(CHUNK)];
                file.read_exact_at(&mut chunk, at).map(|()| chunk)
            });
            let chunk = chunk.await??;
            state.read += chunk.len() as u64;
            if state.read == state.written {
                // All is read: the next bytes are kept in memory again, and the disk's are given back.
                state.file = None;
                state.read = 0;
                state.written = 0;
            }
            return Ok(Popped::Bytes(chunk.into()));
        }
        Ok(match &state.ended {
            Some(reason) => Popped::Ended(reason.clone()),
            None => Popped::Nothing,
        })
    }
}

enum Popped {
    Bytes(Bytes),
    Nothing,
    Ended(Option<String>),
}

/// A line of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counts from 1.
    pub(super) number: u64,
    /// Without its line feed, or why there is none.
    pub(super) content: Result<Vec<u8>, String>,
}

/// Cuts what comes out of a spool into lines.
#[derive(Debug)]
pub(super) struct Lines {
    spool: Arc<Spool>,
    /// Bytes that were popped and not yet cut.
    rest: Bytes,
    line: Vec<u8>,
    /// Whether the line is longer than is kept of it.
    too_long: bool,
    number: u64,
    /// What was cut and not yet taken.
    batch: Vec<Line>,
    batch_bytes: usize,
    ended: bool,
}

impl Lines {
    pub(super) fn new(spool: Arc<Spool>) -> Self {
        Self {
            spool,
            rest: Bytes::new(),
            line: Vec::new(),
            too_long: false,
            number: 0,
            batch: Vec::new(),
            batch_bytes: 0,
            ended: false,
        }
    }

    /// Lines that are there, up to the given measures; waits for the first. None at the end. Blank lines are left out.
    /// The future may be dropped at any point: what it has taken waits for the next call.
    pub(super) async fn next_batch(
        &mut self,
        max_lines: usize,
        max_bytes: usize,
    ) -> Option<Vec<Line>> {
        loop {
            while self.batch.len() < max_lines && self.batch_bytes < max_bytes {
                let Some(line) = self.cut() else { break };
                self.batch_bytes += line.content.as_ref().map_or(0, Vec::len);
                self.batch.push(line);
            }
            let is_full = self.batch.len() >= max_lines || self.batch_bytes >= max_bytes;
            if is_full || self.ended {
                return self.take_batch();
            }
            // Waits only with empty hands.
            match self.spool.pop(self.batch.is_empty()).await {
                Popped::Bytes(bytes) => self.rest = bytes,
                Popped::Nothing => return self.take_batch(),
                Popped::Ended(reason) => self.end(reason),
            }
        }
    }

    fn take_batch(&mut self) -> Option<Vec<Line>> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        (!batch.is_empty()).then_some(batch)
    }

    /// The last line needs no line feed, unless the request broke off within it.
    fn end(&mut self, reason: Option<String>) {
        self.ended = true;
        match reason {
            None if !self.line.is_empty() || self.too_long => {
                let last = self.finish_line();
                self.batch.extend(last);
            }
            None => {}
            Some(reason) => {
                self.number += 1;
                self.batch.push(Line {
                    number: self.number,
                    content: Err(reason),
                });
            }
        }
    }

    /// The next line, if it is complete.
    fn cut(&mut self) -> Option<Line> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|&byte| byte == b'\n');
            let part = self
                .rest
                .split_to(end.map_or(self.rest.len(), |end| end + 1));
            let content = part.strip_suffix(b"\n").unwrap_or(&part);
            if self.line.len() + content.len() > MAX_LINE {
                self.too_long = true;
            } else {
                self.line.extend_from_slice(content);
            }
            if end.is_some()
                && let Some(line) = self.finish_line()
            {
                return Some(line);
            }
        }
        None
    }

    fn finish_line(&mut self) -> Option<Line> {
        self.number += 1;
        let content = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            let error = format!("the line is longer than {MAX_LINE} bytes");
            return Some(Line {
                number: self.number,
                content: Err(error),
            });
        }
        (!content.iter().all(u8::is_ascii_whitespace)).then_some(Line {
            number: self.number,
            content: Ok(content),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(capacity: u64) -> (tempfile::TempDir, Arc<Spool>) {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::new(folder.path(), capacity));
        (folder, spool)
    }

    async fn read_all(spool: Arc<Spool>) -> Vec<Line> {
        let mut lines = Lines::new(spool);
        let mut all = Vec::new();
        while let Some(batch) = lines.next_batch(100, 1 << 20).await {
            all.extend(batch);
        }
        all
    }

    #[tokio::test]
    async fn everything_may_be_written_before_anything_is_read() {
        let (_folder, spool) = spool(1 << 30);
        // Twice what memory holds, cut anywhere.
        let text: String = (0..100_000)
            .map(|n| format!("line {n} {}\n", "x".repeat(n % 200)))
            .collect();
        for chunk in text.as_bytes().chunks(1_237) {
            assert!(spool.push(Bytes::copy_from_slice(chunk)).await.unwrap());
        }
        assert!(spool.state.lock().await.file.is_some());
        spool.end(None).await;
        let lines = read_all(Arc::clone(&spool)).await;
        assert_eq!(lines.len(), 100_000);
        let read: String = lines
            .iter()
            .map(|line| String::from_utf8(line.content.clone().unwrap()).unwrap() + "\n")
            .collect();
        assert_eq!(read, text);
        assert!(spool.state.lock().await.file.is_none());
    }

    #[tokio::test]
    async fn lines_come_as_soon_as_they_are_complete() {
        let (_folder, spool) = spool(1 << 20);
        let mut lines = Lines::new(Arc::clone(&spool));
        spool.push(Bytes::from_static(b"one\ntw")).await.unwrap();
        let batch = lines.next_batch(10, 100).await.unwrap();
        assert_eq!(
            batch,
            [Line {
                number: 1,
                content: Ok(b"one".to_vec())
            }]
        );
        spool
            .push(Bytes::from_static(b"o\n\n \nthree"))
            .await
            .unwrap();
        spool.end(None).await;
        let batch = lines.next_batch(10, 100).await.unwrap();
        assert_eq!(
            batch[0],
            Line {
                number: 2,
                content: Ok(b"two".to_vec())
            }
        );
        let batch = if batch.len() > 1 {
            batch[1..].to_vec()
        } else {
            lines.next_batch(10, 100).await.unwrap()
        };
        assert_eq!(
            batch,
            [Line {
                number: 5,
                content: Ok(b"three".to_vec())
            }]
        );
        assert_eq!(lines.next_batch(10, 100).await, None);
    }

    #[tokio::test]
    async fn too_much_is_refused_with_a_reason() {
        let (_folder, spool) = spool(10);
        assert!(spool.push(Bytes::from_static(b"12345\n")).await.unwrap());
        assert!(!spool.push(Bytes::from_static(b"67890\n")).await.unwrap());
        assert!(!spool.push(Bytes::from_static(b"1")).await.unwrap());
        let lines = read_all(spool).await;
        assert_eq!(lines[0].content, Ok(b"12345".to_vec()));
        assert!(
            lines[1]
                .content
                .as_ref()
                .unwrap_err()
                .contains("read answers while you send")
        );
    }
}
