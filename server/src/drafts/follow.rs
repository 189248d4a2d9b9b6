//! What became of a model's labels since it was trained: the way from one version to a newer one.
//!
//! Versions that were published are followed edit by edit, so that merges and splits are known; one that restored an
//! earlier one counts as that. Where the way is broken, by a version that was read from a file, labels are compared by
//! their ids.

use std::sync::Arc;

use arborist_shared::edits::{Lineage, ModelMap};
use arborist_shared::taxonomy::Taxonomy;

use super::live::catch_up;
use super::store;
use crate::App;
use crate::http::problem::ApiError;
use crate::taxonomies;

/// What each output of a model means in another version.
///
/// # Errors
/// When the database does not answer.
pub async fn model_map(app: &App, old: i64, new: i64) -> Result<ModelMap, ApiError> {
    let (from, to) = (
        taxonomies::load(app, old).await?,
        taxonomies::load(app, new).await?,
    );
    let Some(steps) = way(app, old, new).await? else {
        let by_ids = move || ModelMap::new(&from, &to, &Lineage::between(&from, &to));
        return Ok(tokio::task::spawn_blocking(by_ids).await?);
    };
    let mut map: Option<ModelMap> = None;
    for step in steps {
        let next = of_draft(app, step).await?;
        map = Some(match map {
            None => next.0,
            Some(map) => map.then(&next.0, &next.1),
        });
    }
    match map {
        Some(map) => Ok(map),
        // The same content.
        None => {
            let unchanged = move || ModelMap::new(&from, &to, &Lineage::between(&from, &to));
            Ok(tokio::task::spawn_blocking(unchanged).await?)
        }
    }
}

/// A version that a draft was published as.
struct Step {
    draft: i64,
}

/// The drafts between two versions, the first one first; none when there is no such way.
async fn way(app: &App, old: i64, new: i64) -> Result<Option<Vec<Step>>, ApiError> {
    let content = taxonomies::content_hash(app, old).await?;
    let mut steps = Vec::new();
    let mut at = new;
    loop {
        if at == old || taxonomies::content_hash(app, at).await? == content {
            steps.reverse();
            return Ok(Some(steps));
        }
        // Every step leads to an older version, so that this ends.
        match store::find_publication(app.db.read(), at).await? {
            Some(publication) => match (publication.restores, publication.draft) {
                (Some(restored), _) => at = restored,
                (None, Some(draft)) => {
                    steps.push(Step { draft });
                    at = publication.base;
                }
                (None, None) => return Ok(None),
            },
            None => return Ok(None),
        }
    }
}

/// What a draft did to models, and the taxonomy that it became.
async fn of_draft(app: &App, step: Step) -> Result<(ModelMap, Arc<Taxonomy>), ApiError> {
    let row = super::find(app, step.draft).await?;
    let replica = catch_up(app, &row, None).await?;
    let done = tokio::task::spawn_blocking(move || {
        let edited = replica.tree().finish()?;
        let map = ModelMap::new(&replica.base(), &edited.taxonomy, &edited.lineage);
        Ok((map, Arc::new(edited.taxonomy)))
    })
    .await?;
    done.map_err(|error: arborist_shared::taxonomy::TaxonomyError| ApiError::internal(error))
}
