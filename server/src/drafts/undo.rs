//! Versions are taken back: a newer one has the content again that an earlier one had.
//!
//! Nothing goes away. Documents that have the labels which publishing gave them get the ones again that they had before,
//! whatever the rule was; documents that came or were changed since follow by the ids of their labels, and wait for a
//! person where those are gone.

use std::sync::Arc;

use arborist_shared::api::jobs::JobResult;
use arborist_shared::edits::{Lineage, TaxonomyDiff};
use serde::{Deserialize, Serialize};

use super::Author;
use super::publish::Derived;
use super::store;
use crate::corpora::migrate::{self, Course};
use crate::db::DbErr;
use crate::jobs::{JobContext, JobError, step};
use crate::{App, corpora, taxonomies};

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoTaxonomy {
    /// The newest version, which is taken back.
    pub taxonomy: i64,
    /// The version whose content comes back.
    pub to: i64,
    pub author: Author,
}

impl UndoTaxonomy {
    /// Makes the version; where that fails nothing has changed.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let ended = self.undo(app, job).await;
        if ended
            .as_ref()
            .is_err_and(|error| !matches!(error, JobError::Interrupted))
        {
            migrate::give_up(app, job.id()).await?;
        }
        ended
    }

    async fn undo(&self, app: &Arc<App>, job: &JobContext) -> Result<JobResult, JobError> {
        job.progress(vec![step("edits", 0, 0)]);
        let failed = |text: &str| JobError::Failed(text.to_owned());
        let row = taxonomies::in_project(app, job.project(), self.to).await?;
        let row = row.ok_or_else(|| failed("the version to go back to is gone"))?;
        let old = taxonomies::load(app, self.taxonomy).await?;
        let new = taxonomies::load(app, self.to).await?;
        let (from, to) = (Arc::clone(&old), Arc::clone(&new));
        let (lineage, diff) = tokio::task::spawn_blocking(move || {
            let lineage = Lineage::between(&from, &to);
            let diff = TaxonomyDiff::new(&from, &to, &lineage);
            (lineage, diff)
        })
        .await?;
        let source = corpora::newest_of_taxonomy(app, self.taxonomy).await?;
        let course = Course {
            old,
            new: Arc::clone(&new),
            lineage: Arc::new(lineage),
            back: way_back(app, self.taxonomy, self.to).await?,
        };
        let carried = match source {
            Some(source) => Some(migrate::carry_over(app, job, source, course).await?),
            None => None,
        };
        let derived = Derived {
            project: job.project(),
            job: job.id(),
            base: self.taxonomy,
            source,
            carried,
            taxonomy: new,
            content_hash: row.content_hash,
            format: "undo",
            name: &row.source_name,
            draft: None,
            restores: Some(self.to),
            diff,
            author: self.author.clone(),
        };
        let transaction = app.db.begin().await?;
        let result = derived.insert(app, &transaction).await?;
        transaction.commit().await?;
        Ok(result)
    }
}

/// The corpora that were made on the way to a version from an earlier one, the last one first, each with the one that it was
/// made of. None when label sets can only follow by the ids of their labels: a version was read from a file, or there was
/// no corpus yet.
async fn way_back(app: &App, from: i64, to: i64) -> Result<Vec<(i64, i64)>, DbErr> {
    let content = taxonomies::content_hash(app, to).await?;
    let mut steps = Vec::new();
    let mut at = from;
    while taxonomies::content_hash(app, at).await? != content {
        let Some(publication) = store::find_publication(app.db.read(), at).await? else {
            return Ok(Vec::new());
        };
        match publication.restores {
            // The same content as an earlier version: on from there, unless what it took back is wanted.
            Some(restored) if publication.base != to => at = restored,
            _ => {
                let Some(step) = publication.corpus.zip(publication.base_corpus) else {
                    return Ok(Vec::new());
                };
                steps.push(step);
                at = publication.base;
            }
        }
    }
    Ok(steps)
}
