//! The leash of a child: its standard input. A line `cancel`, or the end of the stream, asks it to stop, so no child
//! outlives its parent unasked.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use super::child::CANCEL_LINE;

/// Time that a child without parent has to stop by itself. With a parent, the parent decides.
const ORPHAN_GRACE: Duration = Duration::from_secs(60);

/// Whether the work should stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Leash(Arc<AtomicBool>);

impl Leash {
    /// Watches standard input from a thread of its own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn watch_stdin() -> io::Result<Self> {
        let leash = Self::default();
        let watched = leash.clone();
        thread::Builder::new()
            .name("leash".to_owned())
            .spawn(move || {
                let mut line = String::new();
                let mut stdin = io::stdin().lock();
                loop {
                    line.clear();
                    match stdin.read_line(&mut line) {
                        Ok(0) | Err(_) => break,
                        Ok(_) if line == CANCEL_LINE => watched.pull(),
                        Ok(_) => {}
                    }
                }
                watched.pull();
                thread::sleep(ORPHAN_GRACE);
                eprintln!("the parent process is gone and the work did not stop by itself: ending");
                // Not `exit`: libraries that are still at work may hang or crash in their destructors.
                let _ = kill_process(getpid(), Signal::KILL);
            })?;
        Ok(leash)
    }

    /// Asks to stop.
    pub(super) fn pull(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub(super) fn is_pulled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
