//! Callers that were recognised a moment ago, so that a stream of requests does not ask the database each time.
//!
//! Only those who were let in are remembered: a new key is valid at once. What another process revokes is noticed when
//! the memory fades.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::Caller;

const MEMORY: Duration = Duration::from_secs(5);
const CAPACITY: usize = 10_000;

/// Recently recognised callers by the hash of their secret.
#[derive(Debug, Default)]
pub struct CallerCache(Mutex<FxHashMap<String, (Instant, Caller)>>);

impl CallerCache {
    pub(super) fn find(&self, hash: &str) -> Option<Caller> {
        let callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers
            .get(hash)
            .filter(|(since, _)| since.elapsed() < MEMORY)
            .map(|(_, caller)| caller.clone())
    }

    pub(super) fn remember(&self, hash: String, caller: Caller) {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CAPACITY {
            callers.retain(|_, (since, _)| since.elapsed() < MEMORY);
        }
        if callers.len() < CAPACITY {
            callers.insert(hash, (Instant::now(), caller));
        }
    }

    /// Forgets everybody: somebody signed out, or a key was revoked.
    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
