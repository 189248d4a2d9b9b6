//! Decisions become a corpus version: the same documents under the same taxonomy, with what was decided.

use std::sync::Arc;

use arborist_shared::api::jobs::JobResult;
use arborist_shared::edits::Lineage;
use serde::{Deserialize, Serialize};

use crate::corpora::migrate::{self, Course};
use crate::jobs::{self, JobContext, JobError};
use crate::{App, corpora, taxonomies};

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApplyReviews {
    /// The version that waits.
    pub corpus: i64,
}

impl ApplyReviews {
    /// Makes the version; where that fails nothing has changed.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        let ended = self.apply(app, job).await;
        if ended
            .as_ref()
            .is_err_and(|error| !matches!(error, JobError::Interrupted))
        {
            migrate::give_up(app, job.id()).await?;
        }
        ended
    }

    async fn apply(&self, app: &Arc<App>, job: &JobContext) -> Result<JobResult, JobError> {
        let failed = |text: &str| JobError::Failed(text.to_owned());
        let source = corpora::in_project(app, job.project(), self.corpus).await?;
        let source = source.ok_or_else(|| failed("the corpus is gone"))?;
        let taxonomy = taxonomies::load(app, source.taxonomy_id).await?;
        let same = Arc::clone(&taxonomy);
        let lineage = tokio::task::spawn_blocking(move || Lineage::between(&same, &same)).await?;
        let course = Course {
            old: Arc::clone(&taxonomy),
            new: taxonomy,
            lineage: Arc::new(lineage),
            back: Vec::new(),
        };
        let before = corpora::reviews::last_decision(app, source.id).await?;
        let carried = migrate::carry_over(app, job, source.id, course).await?;
        let id = carried.id();
        let transaction = app.db.begin().await?;
        let is_same = corpora::reviews::last_decision_in(&transaction, source.id).await? == before;
        let newest = corpora::newest_in(&transaction, job.project()).await?;
        if newest != Some(source.id) || !is_same {
            transaction.rollback().await?;
            return Err(failed(
                "the corpus or a decision changed meanwhile; nothing was changed, start it again",
            ));
        }
        carried.finish(&transaction, source.taxonomy_id).await?;
        let result = JobResult {
            kind: "corpus".to_owned(),
            id,
        };
        jobs::succeed_in(&transaction, job.id(), &result).await?;
        transaction.commit().await?;
        Ok(result)
    }
}
