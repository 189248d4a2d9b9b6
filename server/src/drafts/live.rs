//! Drafts that people work on: their replicas, what was last seen of them, and the bell for those who watch.
//!
//! The database decides. A replica is brought up to date before it is used, and an entry counts once it is committed at
//! the revision that the replica had; where that fails, the replica is dropped and made again of what is stored.

use std::sync::{Arc, Mutex, PoisonError};

use arborist_shared::api::drafts::DraftEntry;
use rustc_hash::FxHashMap;
use tokio::sync::broadcast;

use super::replica::{Replica, ReplicaError};
use super::store::{self, DraftRow};
use super::view::View;
use super::{Author, taxonomies};
use crate::App;
use crate::http::problem::ApiError;

/// Drafts that are kept.
const CAPACITY: usize = 16;
/// Changes that a slow watcher may be behind before it just looks again.
const BELL_CAPACITY: usize = 1_024;

/// The drafts that were used last.
#[derive(Debug)]
pub struct Drafts {
    /// Oldest use first.
    kept: Mutex<Vec<Arc<LiveDraft>>>,
    /// Ids of drafts that changed.
    bell: broadcast::Sender<i64>,
    /// Who watches, by draft; once for each page that is open.
    people: Mutex<FxHashMap<i64, Vec<String>>>,
}

impl Default for Drafts {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            bell: broadcast::channel(BELL_CAPACITY).0,
            people: Mutex::default(),
        }
    }
}

impl Drafts {
    /// Rings for a draft.
    pub(super) fn tell(&self, id: i64) {
        // Fails when nobody watches.
        let _ = self.bell.send(id);
    }

    /// Hears the bell of all drafts.
    pub(super) fn listen(&self) -> broadcast::Receiver<i64> {
        self.bell.subscribe()
    }

    /// Who watches a draft, each name once, sorted.
    pub(super) fn people(&self, id: i64) -> Vec<String> {
        let people = lock(&self.people);
        let mut names = people.get(&id).cloned().unwrap_or_default();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Somebody watches from now on.
    pub(super) fn enter(&self, id: i64, name: &str) {
        let mut people = lock(&self.people);
        people.entry(id).or_default().push(name.to_owned());
        drop(people);
        self.tell(id);
    }

    /// Somebody does not watch any longer.
    pub(super) fn leave(&self, id: i64, name: &str) {
        let mut people = lock(&self.people);
        if let Some(names) = people.get_mut(&id) {
            if let Some(at) = names.iter().position(|other| other == name) {
                names.swap_remove(at);
            }
            if names.is_empty() {
                people.remove(&id);
            }
        }
        drop(people);
        self.tell(id);
    }

    /// A draft to work on.
    pub(super) fn get(&self, id: i64) -> Arc<LiveDraft> {
        let mut kept = lock(&self.kept);
        let found = kept.iter().position(|draft| draft.id == id);
        let draft = match found {
            Some(at) => kept.remove(at),
            None => Arc::new(LiveDraft {
                id,
                replica: tokio::sync::Mutex::default(),
                view: tokio::sync::Mutex::default(),
            }),
        };
        if kept.len() >= CAPACITY {
            kept.remove(0);
        }
        kept.push(Arc::clone(&draft));
        draft
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A draft that somebody works on.
#[derive(Debug)]
pub(super) struct LiveDraft {
    id: i64,
    /// None until it is made, and while an entry is under way.
    pub(super) replica: tokio::sync::Mutex<Option<Replica>>,
    /// Built one at a time, so that many who ask at once do not build the same.
    view: tokio::sync::Mutex<Option<Arc<View>>>,
}

impl LiveDraft {
    /// Revisions of the edits that are in force.
    pub(super) async fn in_force(&self, app: &App, row: &DraftRow) -> Result<Vec<i64>, ApiError> {
        let mut replica = self.replica.lock().await;
        let current = catch_up(app, row, replica.take()).await?;
        let edits = replica.insert(current).in_force();
        Ok(edits.into_iter().map(|(revision, _)| revision).collect())
    }

    /// What the draft looks like now.
    pub(super) async fn view(&self, app: &App, row: &DraftRow) -> Result<Arc<View>, ApiError> {
        let mut view = self.view.lock().await;
        let replica = {
            let mut replica = self.replica.lock().await;
            let current = catch_up(app, row, replica.take()).await?;
            if let Some(view) = view
                .as_ref()
                .filter(|view| view.revision == current.revision())
            {
                *replica = Some(current);
                return Ok(Arc::clone(view));
            }
            replica.insert(current).clone()
        };
        // Edits go on while the view is built of a copy, which holds what was edited only.
        let of_base = app.taxonomies.get(&app.db, row.taxonomy_id).await?;
        let earlier = view.clone();
        let built =
            tokio::task::spawn_blocking(move || View::new(&replica, &of_base, earlier.as_deref()))
                .await?;
        let built = Arc::new(built.map_err(ApiError::internal)?);
        *view = Some(Arc::clone(&built));
        Ok(built)
    }
}

/// A replica with all that is stored, made of the one that is there.
pub(super) async fn catch_up(
    app: &App,
    row: &DraftRow,
    replica: Option<Replica>,
) -> Result<Replica, ApiError> {
    let replica = match replica {
        Some(replica) => replica,
        None => Replica::new(taxonomies::load(app, row.taxonomy_id).await?),
    };
    let lacking = store::entries(app.db.read(), row.id, replica.revision(), None).await?;
    if lacking.is_empty() {
        return Ok(replica);
    }
    let replayed = tokio::task::spawn_blocking(move || replay(replica, lacking)).await?;
    replayed.map_err(ApiError::internal)
}

fn replay(
    mut replica: Replica,
    entries: Vec<(DraftEntry, Author)>,
) -> Result<Replica, ReplicaError> {
    replica.replay(entries)?;
    Ok(replica)
}
