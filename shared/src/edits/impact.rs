//! What edits touch, before anybody publishes them.
//!
//! Nothing is counted here but labels: each edit says by which labels of the old taxonomy its documents can be found,
//! as a [`Scope`]. A server counts those in its index; a [`Tally`] counts them in one pass over label sets.

use std::ops::Deref;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::lineage::Rule;
use super::models::ModelChange;
use super::tree::{Key, WorkingTree};
use crate::LabelIndex;
use crate::taxonomy::Taxonomy;

/// Documents that an edit touches: those with one of these labels of the old taxonomy. Both lists are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// In the label set closed upwards.
    pub closed: Vec<LabelIndex>,
    /// Among the labels as given.
    pub explicit: Vec<LabelIndex>,
}

impl Scope {
    /// Whether no document can be touched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.explicit.is_empty()
    }

    fn sort(&mut self) {
        for labels in [&mut self.closed, &mut self.explicit] {
            labels.sort_unstable();
            labels.dedup();
        }
    }
}

/// What an edit touches, in labels of the old taxonomy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditScope {
    /// The word in `op`.
    pub op: &'static str,
    /// Id of the label that it is about.
    pub label: String,
    /// Its name before the edit; of a new label, its own.
    pub name: String,
    /// What happens to the documents.
    pub rule: Rule,
    /// What happens in models.
    pub model: ModelChange,
    /// Documents with the edited labels or labels below them.
    pub touched: Scope,
    /// Documents whose own labels are replaced, or wait for a choice.
    pub relabelled: Scope,
    /// Old labels that the edit is about, sorted; for a new label its parents.
    pub labels: Vec<LabelIndex>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Documents by the labels that they have now.
    Documents,
    /// Annotations by the labels that they gave.
    Annotations,
}

/// Labels of a run, for which it has an output.
#[derive(Clone, Copy, Debug)]
pub struct RunLabels<'a> {
    /// Id of the run.
    pub run: i64,
    /// Labels of the old taxonomy, sorted; none means all of them.
    pub labels: Option<&'a [LabelIndex]>,
}

/// What an edit does, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EditImpact {
    /// The word in `op`.
    pub op: String,
    /// Id of the label that the edit is about.
    pub label: String,
    /// Its name before the edit.
    pub name: String,
    /// What happens to the documents.
    pub rule: Rule,
    /// What happens in models until they are trained again.
    pub model: ModelChange,
    /// Documents that have the edited labels or labels below them.
    pub n_documents: u64,
    /// Documents whose own labels are replaced, or wait for a choice.
    pub n_relabelled: u64,
    /// Documents that a person looks at afterwards.
    pub n_review: u64,
    /// Annotations that gave the edited labels or labels below them.
    pub n_annotations: u64,
    /// Ids of the runs that know an edited label, ascending.
    pub runs: Vec<i64>,
}

/// Puts counts to the edits of a draft. `count` is asked for documents twice and for annotations once for each edit
/// that can touch any.
pub fn impact(
    edits: &[EditScope],
    runs: &[RunLabels<'_>],
    mut count: impl FnMut(Counted, &Scope) -> u64,
) -> Vec<EditImpact> {
    let mut count = |counted, scope: &Scope| match scope.is_empty() {
        true => 0,
        false => count(counted, scope),
    };
    let of_edit = |edit: &EditScope| {
        let n_relabelled = count(Counted::Documents, &edit.relabelled);
        let is_reviewed = matches!(edit.rule, Rule::Split | Rule::RollUpAndReview);
        let mut touched: Vec<i64> = runs
            .iter()
            .filter(|run| match run.labels {
                None => !edit.labels.is_empty(),
                Some(labels) => crate::sets::n_common(labels, &edit.labels) > 0,
            })
            .map(|run| run.run)
            .collect();
        touched.sort_unstable();
        touched.dedup();
        EditImpact {
            op: edit.op.to_owned(),
            label: edit.label.clone(),
            name: edit.name.clone(),
            rule: edit.rule,
            model: edit.model,
            n_documents: count(Counted::Documents, &edit.touched),
            n_relabelled,
            n_review: if is_reviewed { n_relabelled } else { 0 },
            n_annotations: count(Counted::Annotations, &edit.touched),
            runs: touched,
        }
    };
    edits.iter().map(of_edit).collect()
}

/// Counts the label sets in several scopes in one pass: each set costs its labels.
#[derive(Clone, Debug)]
pub struct Tally {
    by_closed: FxHashMap<LabelIndex, Vec<u32>>,
    by_explicit: FxHashMap<LabelIndex, Vec<u32>>,
    counts: Vec<u64>,
    /// The last set that each scope counted, so that it counts once.
    last: Vec<u64>,
    n_sets: u64,
}

impl Tally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(scopes: &[&Scope]) -> Self {
        let mut by_closed: FxHashMap<LabelIndex, Vec<u32>> = FxHashMap::default();
        let mut by_explicit: FxHashMap<LabelIndex, Vec<u32>> = FxHashMap::default();
        for (number, scope) in (0..).zip(scopes) {
            for &label in &scope.closed {
                by_closed.entry(label).or_default().push(number);
            }
            for &label in &scope.explicit {
                by_explicit.entry(label).or_default().push(number);
            }
        }
        Self {
            by_closed,
            by_explicit,
            counts: vec![0; scopes.len()],
            last: vec![0; scopes.len()],
            n_sets: 0,
        }
    }

    /// Adds a label set: the labels as given, and closed upwards in the old taxonomy.
    pub fn add(&mut self, explicit: &[LabelIndex], closed: &[LabelIndex]) {
        self.n_sets += 1;
        let by_closed = closed.iter().filter_map(|label| self.by_closed.get(label));
        let by_explicit = explicit
            .iter()
            .filter_map(|label| self.by_explicit.get(label));
        for &scope in by_closed.chain(by_explicit).flatten() {
            let scope = scope as usize;
            if let (Some(count), Some(last)) =
                (self.counts.get_mut(scope), self.last.get_mut(scope))
                && *last != self.n_sets
            {
                *last = self.n_sets;
                *count += 1;
            }
        }
    }

    /// Sets in each scope, in their order.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    /// By which labels of the base the documents are found that have this label now, or one below it.
    ///
    /// Below a label where nothing was edited the old closure still holds; elsewhere every label speaks for itself.
    pub(super) fn scope_of(&self, keys: &[Key]) -> Scope {
        let mut scope = Scope::default();
        let mut seen: FxHashSet<Key> = FxHashSet::default();
        let mut open = keys.to_vec();
        while let Some(key) = open.pop() {
            if !seen.insert(key) {
                continue;
            }
            if (key as usize) < self.base.len() && !self.dirty.contains(&key) {
                scope.closed.push(key);
            } else {
                scope.explicit.extend(self.origins(&[key]));
                open.extend_from_slice(self.children_of(key));
            }
        }
        scope.sort();
        scope
    }

    /// Labels of the base whose documents have one of these labels as given now, sorted.
    pub(super) fn origins(&self, keys: &[Key]) -> Vec<LabelIndex> {
        let sources = keys.iter().flat_map(|&key| self.history.sources(key));
        let mut labels: Vec<LabelIndex> = sources
            .filter(|&key| (key as usize) < self.base.len())
            .collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// From now on these labels and all above them are found by their own documents, not by the old closure.
    pub(super) fn soil(&mut self, keys: &[Key]) {
        let above = self.ancestors_of(keys);
        self.dirty.extend(above);
        self.dirty.extend(keys.iter().copied());
    }
}
