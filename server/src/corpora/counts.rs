//! How many documents have a label, in the newest corpus of a taxonomy.

use std::sync::{Arc, Mutex, PoisonError};

use super::store;
use crate::App;
use crate::db::DbErr;

/// Corpora whose counts are kept.
const CAPACITY: usize = 16;

/// Counts by label, of the corpora that were asked for last.
#[derive(Debug, Default)]
pub struct LabelCounts(Mutex<Vec<(i64, Arc<Vec<u64>>)>>);

/// Documents with each label (closed upwards) in the newest corpus of a taxonomy; empty when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn label_counts(app: &App, taxonomy: i64) -> Result<Arc<Vec<u64>>, DbErr> {
    let Some(corpus) = store::newest_of_taxonomy(app.db.read(), taxonomy).await? else {
        return Ok(Arc::default());
    };
    let lock = || {
        app.label_counts
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    };
    if let Some((_, counts)) = lock().iter().find(|(kept, _)| *kept == corpus) {
        return Ok(Arc::clone(counts));
    }
    let mut counts = Vec::new();
    for (label, n) in store::label_counts(app.db.read(), corpus).await? {
        if counts.len() <= label {
            counts.resize(label + 1, 0);
        }
        counts[label] = n;
    }
    let counts = Arc::new(counts);
    let mut kept = lock();
    if kept.len() >= CAPACITY {
        kept.remove(0);
    }
    kept.push((corpus, Arc::clone(&counts)));
    Ok(counts)
}
