//! Answers of a model in the labels of a newer taxonomy than the one it was trained on.
//!
//! Used only where a request names that version: outputs then mean what became of their labels, and decisions are made
//! over the newer hierarchy, so that they never contradict it. Nobody gets such an answer unasked. Labels that are
//! deprecated in the version are not answered, also where it is the run's own: what replaces them is, or what is above.

use std::sync::{Arc, Mutex, PoisonError};

use arborist_shared::edits::{Lineage, ModelMap};
use arborist_shared::scores::DocumentScores;
use arborist_shared::taxonomy::Taxonomy;

use super::predictions::PredictionWriter;
use super::{RunRow, fit};
use crate::http::problem::ApiError;
use crate::{App, taxonomies};

/// Pairs of versions that are kept.
const CAPACITY: usize = 8;

/// A version in whose labels a model answers.
#[derive(Debug)]
pub(super) struct Newer {
    pub(super) taxonomy_id: i64,
    pub(super) taxonomy: Arc<Taxonomy>,
    /// Lines of predictions, with the labels rendered once.
    pub(super) writer: Mutex<PredictionWriter>,
    map: ModelMap,
}

impl Newer {
    /// Scores in the labels of the version.
    pub(super) fn scores(&self, scores: &DocumentScores) -> DocumentScores {
        self.map.document(scores)
    }
}

/// What was rendered for the last requests, by the model's own version and the newer one.
#[derive(Debug, Default)]
pub struct NewerCache(Mutex<Vec<Kept>>);

type Kept = ((i64, i64), Arc<Newer>);

/// A version of the run's project to answer in; none where that is the run's own and all of its labels are in use.
///
/// # Errors
/// `field_invalid` when the project has no such version.
pub(super) async fn of(
    app: &App,
    row: &RunRow,
    taxonomy: i64,
) -> Result<Option<Arc<Newer>>, ApiError> {
    if taxonomy == row.taxonomy_id {
        let own = taxonomies::load(app, taxonomy).await?;
        if !own.indexes().any(|label| own.is_deprecated(label)) {
            return Ok(None);
        }
    } else if taxonomies::in_project(app, row.project_id, taxonomy)
        .await?
        .is_none()
    {
        let detail = format!("the project of run {} has no taxonomy {taxonomy}", row.id);
        return Err(ApiError::field("taxonomy", detail));
    }
    let pair = (row.taxonomy_id, taxonomy);
    let lock = || app.newer.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, newer)) = lock().iter().find(|(kept, _)| *kept == pair) {
        return Ok(Some(Arc::clone(newer)));
    }
    let labels = taxonomies::load(app, taxonomy).await?;
    let map = if taxonomy == row.taxonomy_id {
        let same = Lineage::between(&labels, &labels);
        Arc::new(ModelMap::new(&labels, &labels, &same))
    } else {
        fit::map(app, row.taxonomy_id, taxonomy).await?
    };
    let newer = tokio::task::spawn_blocking(move || Newer {
        taxonomy_id: taxonomy,
        writer: Mutex::new(PredictionWriter::new(&labels)),
        map: map.in_use(&labels),
        taxonomy: labels,
    });
    let newer = Arc::new(newer.await?);
    let mut kept = lock();
    if kept.len() >= CAPACITY {
        kept.remove(0);
    }
    kept.push((pair, Arc::clone(&newer)));
    Ok(Some(newer))
}
