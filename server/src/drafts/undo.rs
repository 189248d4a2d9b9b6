//! Versions are taken back: a newer one has the content again that an earlier one had.
//!
//! Nothing goes away. Documents that have the labels which publishing gave them get the ones again that they had before,
//! whatever the rule was; documents that came or were changed since follow by the ids of their labels, and wait for a
//! person where those are gone.

use std::collections::VecDeque;
use std::sync::Arc;

use arborist_shared::api::jobs::JobResult;
use arborist_shared::edits::{Lineage, TaxonomyDiff};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Author;
use super::publish::Derived;
use super::store::{self, Link};
use crate::corpora::migrate::{self, Course};
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
        let links = store::links(app.db.read(), job.project()).await?;
        let here = taxonomies::content_hash(app, self.taxonomy).await?;
        let back = way(&links, &here, &row.content_hash);
        let course = Course {
            old,
            new: Arc::clone(&new),
            lineage: Arc::new(lineage),
            back,
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

/// The corpora on the way from one version to another: pairs of one with the labels of the version where a step begins, and
/// one with those of the version where it ends, which have the same documents. Versions with the same content are one
/// place, and every publication is a step in both directions. None when there is no way: label sets then follow by the ids
/// of their labels.
fn way(links: &[Link], from: &str, to: &str) -> Vec<(i64, i64)> {
    let mut steps_to: FxHashMap<&str, Vec<(i64, i64)>> = FxHashMap::default();
    steps_to.insert(from, Vec::new());
    let mut open: VecDeque<&str> = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        if at == to {
            break;
        }
        // The newest first: the later two versions had the documents that came meanwhile, too.
        for link in links.iter().rev() {
            let (next, step) = if link.base == at {
                (link.made.as_str(), (link.base_corpus, link.made_corpus))
            } else if link.made == at {
                (link.base.as_str(), (link.made_corpus, link.base_corpus))
            } else {
                continue;
            };
            if !steps_to.contains_key(next) {
                let mut steps = steps_to.get(at).cloned().unwrap_or_default();
                steps.push(step);
                steps_to.insert(next, steps);
                open.push_back(next);
            }
        }
    }
    steps_to.remove(to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(base: &str, made: &str, corpora: (i64, i64)) -> Link {
        Link {
            base: base.to_owned(),
            made: made.to_owned(),
            base_corpus: corpora.0,
            made_corpus: corpora.1,
        }
    }

    #[test]
    fn the_shortest_way_is_taken_in_both_directions() {
        let links = [
            link("a", "b", (1, 2)),
            link("b", "c", (2, 3)),
            // Back to a at once, and then to b with documents that came meanwhile.
            link("c", "a", (3, 4)),
            link("a", "b", (5, 6)),
        ];
        assert_eq!(way(&links, "c", "a"), [(3, 4)]);
        assert_eq!(way(&links, "a", "c"), [(4, 3)]);
        assert_eq!(way(&links, "b", "a"), [(6, 5)]);
        assert_eq!(way(&links[..2], "a", "c"), [(1, 2), (2, 3)]);
        assert_eq!(way(&links[..2], "c", "a"), [(3, 2), (2, 1)]);
        assert_eq!(way(&links, "a", "elsewhere"), []);
    }
}
