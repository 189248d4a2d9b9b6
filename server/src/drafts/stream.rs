//! A draft as server-sent events.
//!
//! `entry` events carry each entry after the revision that the reader has; `draft` events carry the draft whenever it, or
//! who watches it, changed. The stream ends after the `draft` event that says it takes no edits any more for good.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use arborist_shared::api::drafts::{Draft, DraftState};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::{find, show, store};
use crate::App;

/// A quiet stream says so this often, and looks: another server on the same database rings no bell here.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that may wait for a slow reader.
const QUEUE: usize = 64;
/// Entries that are read at once.
const CHUNK: u64 = 500;

/// Starts to watch a draft; the receiver ends after its last event.
pub(super) fn start(app: Arc<App>, id: i64, seen: i64, name: String) -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(async move {
        app.drafts.enter(id, &name);
        let watcher = Watcher {
            app: Arc::clone(&app),
            id,
            seen,
            sender,
            last: None,
        };
        // Ends early when the reader goes away.
        let _ = watcher.run().await;
        app.drafts.leave(id, &name);
    });
    receiver
}

/// Waits for the end of all watching.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // Fails when the sender is gone, which is an end, too.
    let _ = closing.wait_for(|closed| *closed).await;
}

/// The reader has gone away, or the draft.
struct Gone;

struct Watcher {
    app: Arc<App>,
    id: i64,
    /// Revision up to which entries were sent.
    seen: i64,
    sender: mpsc::Sender<Bytes>,
    last: Option<Draft>,
}

impl Watcher {
    async fn run(mut self) -> Result<(), Gone> {
        // Listens before it looks, so that nothing is missed between.
        let mut bell = self.app.drafts.listen();
        let mut closing = self.app.jobs.live().closing();
        loop {
            if self.look().await? {
                return Ok(());
            }
            loop {
                tokio::select! {
                    told = bell.recv() => {
                        // Told of another draft: no reason. Too many told at once: one of them may have been this one.
                        if !matches!(told, Ok(other) if other != self.id) {
                            break;
                        }
                    }
                    () = closed(&mut closing) => return Ok(()),
                    () = self.sender.closed() => return Err(Gone),
                    () = sleep(KEEP_ALIVE) => {
                        self.sender.send(Bytes::from_static(b": still here\n\n")).await.map_err(|_| Gone)?;
                        break;
                    }
                }
            }
        }
    }

    /// Sends what is new; answers whether that was the last time.
    async fn look(&mut self) -> Result<bool, Gone> {
        loop {
            let entries = store::entries(self.app.db.read(), self.id, self.seen, Some(CHUNK)).await;
            let entries = entries.map_err(|error| self.failed(&error))?;
            if entries.is_empty() {
                break;
            }
            for (entry, _) in entries {
                self.seen = entry.revision;
                self.send("entry", &entry).await?;
            }
        }
        let row = find(&self.app, self.id)
            .await
            .map_err(|error| self.failed(&error))?;
        let draft = show(&self.app, row).await;
        let draft = draft.map_err(|error| self.failed(&error))?;
        let is_final = matches!(draft.state, DraftState::Published | DraftState::Discarded);
        if self.last.as_ref() != Some(&draft) {
            self.send("draft", &draft).await?;
            self.last = Some(draft);
        }
        Ok(is_final)
    }

    fn failed(&self, error: &dyn std::error::Error) -> Gone {
        tracing::warn!(draft.id = self.id, %error, "could not look at a watched draft");
        Gone
    }

    async fn send(&self, name: &str, value: &impl serde::Serialize) -> Result<(), Gone> {
        let json = serde_json::to_string(value).map_err(|_| Gone)?;
        self.sender
            .send(Bytes::from(format!("event: {name}\ndata: {json}\n\n")))
            .await
            .map_err(|_| Gone)
    }
}
