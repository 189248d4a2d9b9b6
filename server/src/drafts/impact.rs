//! What a draft would do, counted before anybody publishes it.
//!
//! Documents are found by the index by label, so that a draft costs the documents that it touches.

use std::sync::Arc;

use arborist_shared::LabelIndex;
use arborist_shared::api::drafts::{DraftImpact, ImpactOfEdit, ReadableChange};
use arborist_shared::edits::{Counted, EditScope, Rule, RunLabels, Scope, Tally, impact};
use arborist_shared::taxonomy::Taxonomy;
use rustc_hash::{FxHashMap, FxHashSet};

use super::store::DraftRow;
use super::view::View;
use crate::http::problem::ApiError;
use crate::{App, corpora, runs, taxonomies};

/// Counts what the edits in force touch.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn of_draft(
    app: &App,
    row: &DraftRow,
    view: Arc<View>,
) -> Result<DraftImpact, ApiError> {
    let corpus = corpora::newest_of_taxonomy(app, row.taxonomy_id).await?;
    let runs = known_labels(app, row, &view.base).await?;
    let scopes = view.lineage.edits();
    let touched = union(scopes.iter().map(|edit| &edit.touched));
    let reviewed = scopes.iter().filter(|edit| is_reviewed(edit));
    let reviewed = union(reviewed.map(|edit| &edit.relabelled));
    let mut all: Vec<&Scope> = Vec::with_capacity(2 * scopes.len() + 2);
    all.extend([&touched, &reviewed]);
    all.extend(
        scopes
            .iter()
            .flat_map(|edit| [&edit.touched, &edit.relabelled]),
    );
    let mut tally = Tally::new(&all);
    if let Some(corpus) = corpus {
        let labels = topmost(&view.base, &touched);
        let base = Arc::clone(&view.base);
        tally = corpora::fold_labelled(app, corpus, labels, tally, move |tally, explicit| {
            tally.add(explicit, &base.close(explicit));
        })
        .await?;
    }
    let counts = tally.counts();
    let count_of = |at: usize| counts.get(at).copied().unwrap_or(0);
    let by_scope: FxHashMap<*const Scope, u64> = all
        .iter()
        .zip(counts)
        .map(|(&scope, &n)| (std::ptr::from_ref(scope), n))
        .collect();
    let run_labels: Vec<RunLabels<'_>> = runs
        .iter()
        .map(|(run, labels)| RunLabels {
            run: *run,
            labels: labels.as_ref().map(|labels| labels.as_slice()),
        })
        .collect();
    let impacts = impact(scopes, &run_labels, |counted, scope| match counted {
        // A judged label set is one annotation.
        Counted::Documents | Counted::Annotations => by_scope
            .get(&std::ptr::from_ref(scope))
            .copied()
            .unwrap_or(0),
    });
    let n_runs: FxHashSet<i64> = impacts
        .iter()
        .flat_map(|impact| impact.runs.iter().copied())
        .collect();
    let edits = view.in_force.iter().cloned().zip(impacts);
    let edits = edits.map(|((revision, edit), impact)| ImpactOfEdit {
        revision,
        edit,
        impact,
    });
    Ok(DraftImpact {
        revision: view.revision,
        corpus,
        n_documents: count_of(0),
        n_review: count_of(1),
        n_runs: n_runs.len() as u64,
        edits: edits.collect(),
        changes: view
            .diff
            .changes
            .iter()
            .cloned()
            .map(ReadableChange::from)
            .collect(),
    })
}

fn is_reviewed(edit: &EditScope) -> bool {
    matches!(edit.rule, Rule::Split | Rule::RollUpAndReview)
}

/// Documents in any of the scopes.
fn union<'a>(scopes: impl Iterator<Item = &'a Scope>) -> Scope {
    let mut all = Scope::default();
    for scope in scopes {
        all.closed.extend_from_slice(&scope.closed);
        all.explicit.extend_from_slice(&scope.explicit);
    }
    for labels in [&mut all.closed, &mut all.explicit] {
        labels.sort_unstable();
        labels.dedup();
    }
    all
}

/// Labels by which all documents in a scope are found, those left out that have one of them above.
fn topmost(taxonomy: &Taxonomy, scope: &Scope) -> Vec<LabelIndex> {
    let mut labels = [scope.closed.as_slice(), scope.explicit.as_slice()].concat();
    labels.sort_unstable();
    labels.dedup();
    let is_covered = |&label: &LabelIndex| {
        let mut above = taxonomy.ancestors(label).iter();
        above.any(|above| labels.binary_search(above).is_ok())
    };
    labels
        .iter()
        .copied()
        .filter(|label| !is_covered(label))
        .collect()
}

/// Runs of the project that have a model, each with the labels of the draft's base that it knows; none = all.
async fn known_labels(
    app: &App,
    row: &DraftRow,
    base: &Taxonomy,
) -> Result<Vec<(i64, Option<Arc<Vec<LabelIndex>>>)>, ApiError> {
    let mut by_taxonomy: FxHashMap<i64, Arc<Vec<LabelIndex>>> = FxHashMap::default();
    let mut known = Vec::new();
    for (run, taxonomy) in runs::with_model(app, row.project_id).await? {
        if taxonomy == row.taxonomy_id {
            known.push((run, None));
            continue;
        }
        let labels = match by_taxonomy.get(&taxonomy) {
            Some(labels) => Arc::clone(labels),
            None => {
                let other = taxonomies::load(app, taxonomy).await?;
                let mut labels: Vec<LabelIndex> = other
                    .indexes()
                    .filter_map(|label| base.index_of(other.id(label)))
                    .collect();
                labels.sort_unstable();
                let labels = Arc::new(labels);
                by_taxonomy.insert(taxonomy, Arc::clone(&labels));
                labels
            }
        };
        known.push((run, Some(labels)));
    }
    Ok(known)
}
