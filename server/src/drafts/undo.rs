//! A published version is taken back: a newer one has the content again that the version before it had.
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
use crate::jobs::{JobContext, JobError, step};
use crate::{App, corpora, taxonomies};

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoTaxonomy {
    /// The version to take back.
    pub taxonomy: i64,
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
        let publication = store::find_publication(app.db.read(), self.taxonomy).await?;
        let publication =
            publication.ok_or_else(|| failed("the taxonomy did not come out of another one"))?;
        // An undone version restored another one, so that undoing it again restores what it took back: always the base.
        let restored = publication.base;
        let row = taxonomies::in_project(app, job.project(), restored).await?;
        let row = row.ok_or_else(|| failed("the version to go back to is gone"))?;
        let old = taxonomies::load(app, self.taxonomy).await?;
        let new = taxonomies::load(app, restored).await?;
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
            back: publication.corpus.zip(publication.base_corpus),
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
            restores: Some(restored),
            diff,
            author: self.author.clone(),
        };
        let transaction = app.db.begin().await?;
        let result = derived.insert(app, &transaction).await?;
        transaction.commit().await?;
        Ok(result)
    }
}
