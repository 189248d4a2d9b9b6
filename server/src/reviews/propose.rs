//! A model says which of the labels to choose from fits a document that waits.
//!
//! A run helps where it knows labels that are to be chosen from, in the newest taxonomy: those it was trained on, followed
//! edit by edit. A part of a label that was split is known by no run that was trained before; then there is nothing to
//! say, and that is what the job says.

use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::jobs::JobResult;
use arborist_shared::api::reviews::ProposedLabel;
use arborist_shared::edits::{ModelMap, Unit};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::corpora::reviews::{self, Waiting};
use crate::jobs::{self, JobContext, JobError, step};
use crate::{App, corpora, drafts, runs, taxonomies};

/// Documents that are read at once, and labels of each that are kept.
const CHUNK: u64 = 256;
const SHOWN: usize = 10;
/// Labels that a message names.
const NAMED: usize = 5;

/// What the job is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposeReviews {
    pub corpus: i64,
    /// The run to ask; the one that knows most where none is given.
    pub run: Option<i64>,
}

/// A run that knows some of the labels to choose from.
struct Chosen {
    run: i64,
    map: ModelMap,
    known: FxHashSet<LabelIndex>,
}

impl ProposeReviews {
    /// Scores every document that waits; what was proposed before is replaced.
    pub(crate) async fn carry_out(
        &self,
        app: &Arc<App>,
        job: &JobContext,
    ) -> Result<JobResult, JobError> {
        job.progress(vec![step("runs", 0, 0)]);
        let failed = |text: String| JobError::Failed(text);
        let corpus = corpora::in_project(app, job.project(), self.corpus).await?;
        let corpus = corpus.ok_or_else(|| failed("the corpus is gone".to_owned()))?;
        let taxonomy = taxonomies::load(app, corpus.taxonomy_id).await?;
        let candidates = candidates(app, job, corpus.id, &taxonomy).await?;
        if candidates.is_empty() {
            return Err(failed(
                "no document waits with labels to choose from".to_owned(),
            ));
        }
        let chosen = self
            .choose(app, job.project(), corpus.taxonomy_id, &candidates)
            .await?;
        let Some(chosen) = chosen else {
            return Err(failed(nobody_knows(&taxonomy, &candidates)));
        };
        reviews::forget_proposals(app, corpus.id).await?;
        let total = reviews::count(app, corpus.id).await?;
        let (mut after, mut done) = (0, 0);
        loop {
            job.check()?;
            job.progress(vec![step("documents", done, total)]);
            let waiting = reviews::waiting(app, corpus.id, after, CHUNK).await?;
            let Some(last) = waiting.last() else {
                break;
            };
            after = last.document;
            done += waiting.len() as u64;
            let proposals = ask(app, &taxonomy, &chosen, waiting).await?;
            reviews::propose(app, corpus.id, chosen.run, &proposals).await?;
        }
        let result = JobResult {
            kind: "corpus".to_owned(),
            id: corpus.id,
        };
        let transaction = app.db.begin().await?;
        jobs::succeed_in(&transaction, job.id(), &result).await?;
        transaction.commit().await?;
        Ok(result)
    }

    /// The run that knows most of the labels to choose from, the newest among equals.
    async fn choose(
        &self,
        app: &Arc<App>,
        project: i64,
        taxonomy: i64,
        candidates: &FxHashSet<LabelIndex>,
    ) -> Result<Option<Chosen>, JobError> {
        let mut best: Option<Chosen> = None;
        for (run, trained_on) in runs::with_model(app, project).await?.into_iter().rev() {
            if self.run.is_some_and(|wanted| wanted != run) {
                continue;
            }
            let map = drafts::model_map(app, trained_on, taxonomy)
                .await
                .map_err(|error| JobError::Internal(Box::new(error)))?;
            let known: FxHashSet<LabelIndex> = map
                .units()
                .iter()
                .filter_map(|unit| match unit {
                    Unit::Kept(label) | Unit::Combined(label) => Some(*label),
                    Unit::StoppedAt(_) | Unit::Masked => None,
                })
                .filter(|label| candidates.contains(label))
                .collect();
            let is_better = best
                .as_ref()
                .map_or(!known.is_empty(), |best| known.len() > best.known.len());
            if is_better {
                best = Some(Chosen { run, map, known });
            }
        }
        Ok(best)
    }
}

/// All labels that are to be chosen from.
async fn candidates(
    app: &App,
    job: &JobContext,
    corpus: i64,
    taxonomy: &Taxonomy,
) -> Result<FxHashSet<LabelIndex>, JobError> {
    let mut found = FxHashSet::default();
    let mut after = 0;
    loop {
        job.check()?;
        let causes = reviews::causes(app, corpus, after, 10 * CHUNK).await?;
        let Some((last, _)) = causes.last() else {
            return Ok(found);
        };
        after = *last;
        let ids = causes.iter().flat_map(|(_, candidates)| candidates);
        found.extend(ids.filter_map(|id| taxonomy.index_of(id)));
    }
}

/// Scores of the labels that each document has to choose from, as far as the run knows them, the best first.
async fn ask(
    app: &Arc<App>,
    taxonomy: &Taxonomy,
    chosen: &Chosen,
    waiting: Vec<Waiting>,
) -> Result<Vec<(i64, Vec<ProposedLabel>)>, JobError> {
    let mut asked = Vec::with_capacity(waiting.len());
    let mut texts = Vec::with_capacity(waiting.len());
    for document in waiting {
        let labels = document.candidates.iter();
        let labels = labels.filter_map(|id| taxonomy.index_of(id));
        let labels: Vec<LabelIndex> = labels
            .filter(|label| chosen.known.contains(label))
            .collect();
        if !labels.is_empty() {
            asked.push((document.document, labels));
            texts.push(document.text);
        }
    }
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let answers = runs::scores(app, chosen.run, &texts)
        .await
        .map_err(|error| JobError::Failed(error.to_string()))?;
    let of_document = |((document, labels), scores): ((i64, Vec<LabelIndex>), _)| {
        let scores = chosen.map.scores(scores);
        let score_of = |label: LabelIndex| {
            let at = scores
                .binary_search_by_key(&label, |&(label, _)| label)
                .ok()?;
            scores.get(at).map(|&(_, score)| score)
        };
        let mut proposed: Vec<ProposedLabel> = labels
            .into_iter()
            .map(|label| ProposedLabel {
                label: taxonomy.id(label).to_owned(),
                score: score_of(label).unwrap_or(0.0),
            })
            .collect();
        proposed.sort_by(|a, b| b.score.total_cmp(&a.score));
        proposed.truncate(SHOWN);
        (document, proposed)
    };
    let answers = answers.iter().map(|answer| answer.scores.as_slice());
    Ok(asked.into_iter().zip(answers).map(of_document).collect())
}

fn nobody_knows(taxonomy: &Taxonomy, candidates: &FxHashSet<LabelIndex>) -> String {
    let mut labels: Vec<LabelIndex> = candidates.iter().copied().collect();
    labels.sort_unstable();
    let named = labels.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|&label| format!("`{}`", taxonomy.id(label)))
        .collect();
    let more = match labels.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "no run knows any of the labels to choose from ({}{more}): they came after the runs were trained; decide about some documents, apply that and train a run, which can propose then",
        named.join(", ")
    )
}
