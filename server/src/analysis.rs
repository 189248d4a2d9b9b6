//! Where a run's figures come from: its errors by kind and by label, its figures by level, subtree, frequency and length,
//! whether its scores mean what they say, and the documents behind each of these.
//!
//! All of it is computed from the stored scores and the snapshot in the run directory, by `shared`; nothing is stored. What
//! was read for one question is kept for the next ones.

pub(crate) mod judgements;
pub mod routes;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use arborist_shared::split::Split;
use tokio::sync::Mutex;

use crate::App;
use crate::http::problem::ApiError;
use judgements::{Judgements, JudgementsError};

/// Parts of runs that are kept.
const CAPACITY: usize = 6;
/// Documents of all that is kept.
const MAX_DOCUMENTS: usize = 2_000_000;

/// What was read last, newest first.
#[derive(Debug, Default)]
pub struct AnalysisCache(Mutex<Vec<Kept>>);

/// A part of a run with its judgements.
type Kept = ((i64, Split), Arc<Judgements>);

impl From<JudgementsError> for ApiError {
    fn from(error: JudgementsError) -> Self {
        Self::internal(error)
    }
}

/// The judgements of a part of a run, read once at a time: whoever asks for the same waits for the first to be done.
pub(crate) async fn of_run(
    app: &Arc<App>,
    run: i64,
    split: Split,
    threshold: Option<f32>,
) -> Result<Arc<Judgements>, ApiError> {
    let mut kept = app.analyses.0.lock().await;
    let key = (run, split);
    if let Some(position) = kept.iter().position(|(known, _)| *known == key) {
        let found = kept.remove(position);
        let judgements = Arc::clone(&found.1);
        kept.insert(0, found);
        return Ok(judgements);
    }
    let directory: PathBuf = app.folders.run(run);
    let judgements =
        tokio::task::spawn_blocking(move || Judgements::read(&directory, split, threshold))
            .await??;
    let judgements = Arc::new(judgements);
    kept.insert(0, (key, Arc::clone(&judgements)));
    let mut documents = 0;
    let mut position = 0;
    // The newest stays however large it is.
    kept.retain(|(_, judgements)| {
        documents += judgements.len();
        position += 1;
        position == 1 || (position <= CAPACITY && documents <= MAX_DOCUMENTS)
    });
    Ok(judgements)
}
