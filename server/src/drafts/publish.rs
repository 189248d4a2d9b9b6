//! A draft becomes a version.
//!
//! Label sets are carried over first, into a corpus version that nobody sees. Then one transaction makes the taxonomy
//! version, shows the corpus, says how both came about, closes the draft and ends the job: all of it, or nothing.

use std::sync::Arc;

use arborist_shared::api::drafts::DraftState;
use arborist_shared::api::jobs::JobResult;
use arborist_shared::edits::{Edited, TaxonomyDiff};
use arborist_shared::taxonomy::Taxonomy;
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};

use super::store::{self, PublicationRow};
use super::{Author, reopen};
use crate::corpora::migrate::{self, Carried, Course};
use crate::db::now;
use crate::jobs::{self, JobContext, JobError, step};
use crate::{App, corpora, taxonomies};

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    pub draft: i64,
    pub author: Author,
}

impl Publish {
    /// Makes the version; the draft takes edits again where that fails.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let ended = self.publish(app, job).await;
        match &ended {
            Ok(_) => app.drafts.tell(self.draft),
            Err(JobError::Interrupted) => {}
            Err(_) => {
                migrate::give_up(app, job.id()).await?;
                reopen(app, self.draft, job.id()).await?;
            }
        }
        ended
    }

    async fn publish(&self, app: &Arc<App>, job: &JobContext) -> Result<JobResult, JobError> {
        job.progress(vec![step("edits", 0, 0)]);
        let row = store::find(app.db.read(), self.draft).await?;
        let row = row.ok_or_else(|| JobError::Failed("the draft is gone".to_owned()))?;
        let replica = super::live::catch_up(app, &row, None)
            .await
            .map_err(|error| JobError::Internal(Box::new(error)))?;
        let old = replica.base();
        let done = tokio::task::spawn_blocking(move || {
            let Edited { taxonomy, lineage } = replica.tree().finish()?;
            let diff = TaxonomyDiff::new(&replica.base(), &taxonomy, &lineage);
            let content_hash = taxonomy.content_hash();
            Ok((taxonomy, lineage, diff, content_hash))
        })
        .await?;
        let (taxonomy, lineage, diff, content_hash) =
            done.map_err(|error: arborist_shared::taxonomy::TaxonomyError| {
                JobError::Failed(error.to_string())
            })?;
        job.check()?;
        let new = Arc::new(taxonomy);
        let source = corpora::newest_of_taxonomy(app, row.taxonomy_id).await?;
        let course = Course {
            old,
            new: Arc::clone(&new),
            lineage: Arc::new(lineage),
            back: Vec::new(),
        };
        let carried = match source {
            Some(source) => Some(migrate::carry_over(app, job, source, course).await?),
            None => None,
        };
        let derived = Derived {
            project: job.project(),
            job: job.id(),
            base: row.taxonomy_id,
            source,
            carried,
            taxonomy: new,
            content_hash,
            format: "draft",
            name: &row.name,
            draft: Some(row.id),
            restores: None,
            diff,
            author: self.author.clone(),
        };
        let transaction = app.db.begin().await?;
        let states = (DraftState::Publishing, DraftState::Published);
        let job_id = Some(job.id());
        let revision = Some(row.revision);
        if !store::change_state(&transaction, row.id, revision, states, job_id).await? {
            return Err(JobError::Failed(
                "the draft has changed meanwhile; publish it again".to_owned(),
            ));
        }
        let result = derived.insert(app, &transaction).await?;
        transaction.commit().await?;
        Ok(result)
    }
}

/// A version that is made of another one, with everything that comes along.
pub(super) struct Derived<'a> {
    pub(super) project: i64,
    pub(super) job: i64,
    pub(super) base: i64,
    /// The corpus of the base, and what becomes of it.
    pub(super) source: Option<i64>,
    pub(super) carried: Option<Carried>,
    pub(super) taxonomy: Arc<Taxonomy>,
    pub(super) content_hash: String,
    /// Where it comes from, in a word, and its name.
    pub(super) format: &'static str,
    pub(super) name: &'a str,
    pub(super) draft: Option<i64>,
    pub(super) restores: Option<i64>,
    pub(super) diff: TaxonomyDiff,
    pub(super) author: Author,
}

impl Derived<'_> {
    /// Makes it visible within a transaction, and ends the job with it.
    pub(super) async fn insert(
        self,
        app: &App,
        transaction: &DatabaseTransaction,
    ) -> Result<JobResult, JobError> {
        let newest = taxonomies::newest_row(transaction, self.project).await?;
        if let Some(newest) = newest.filter(|newest| newest.id != self.base) {
            return Err(JobError::Failed(format!(
                "taxonomy {} is newer than {}, which this was made of; nothing was changed",
                newest.id, self.base
            )));
        }
        if corpora::newest_of_taxonomy(app, self.base).await? != self.source {
            return Err(JobError::Failed(
                "the corpus got a newer version meanwhile; nothing was changed, start it again"
                    .to_owned(),
            ));
        }
        let origin = (self.format, self.name);
        let id = taxonomies::insert_derived(
            transaction,
            self.project,
            &self.taxonomy,
            self.content_hash,
            origin,
        )
        .await?;
        let carried = self.carried.as_ref();
        let row = PublicationRow {
            taxonomy: id,
            base: self.base,
            draft: self.draft,
            restores: self.restores,
            corpus: carried.map(Carried::id),
            base_corpus: self.source,
            n_migrated: carried.map_or(0, |carried| carried.n_migrated),
            n_review: carried.map_or(0, |carried| carried.n_review),
            diff: self.diff,
            author: self.author,
            at: now(),
        };
        if let Some(carried) = self.carried {
            carried.finish(transaction, id).await?;
        }
        store::insert_publication(transaction, row).await?;
        let result = JobResult {
            kind: "taxonomy".to_owned(),
            id,
        };
        jobs::succeed_in(transaction, self.job, &result).await?;
        Ok(result)
    }
}
