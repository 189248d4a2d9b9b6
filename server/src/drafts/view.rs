//! A draft at a revision, as it is read: the edited taxonomy with its index, what is different, and what is wrong.

use std::sync::{Arc, OnceLock};
use std::thread::ScopedJoinHandle;

use arborist_shared::LabelIndex;
use arborist_shared::api::drafts::{DraftLabel, LabelCard, LabelMark};
use arborist_shared::edits::{Edit, Edited, LabelChange, Lineage, TaxonomyDiff};
use arborist_shared::taxonomy::{Problem, Taxonomy, TaxonomyError, check};
use rustc_hash::{FxHashMap, FxHashSet};

use super::replica::Replica;
use crate::taxonomies::LabelIndexes;

/// Paths of a label that are shown.
const PATHS: usize = 100;

/// Everything that is asked of a draft.
#[derive(Debug)]
pub(super) struct View {
    pub(super) revision: i64,
    pub(super) base: Arc<Taxonomy>,
    pub(super) index: LabelIndexes,
    pub(super) lineage: Lineage,
    pub(super) diff: TaxonomyDiff,
    pub(super) problems: Vec<Problem>,
    /// How many of the problems the base has already.
    pub(super) n_earlier: u64,
    /// Problems of the base, once somebody asked: it does not change.
    of_base: Arc<OnceLock<Vec<Problem>>>,
    /// Edits in force with their revisions.
    pub(super) in_force: Vec<(i64, Edit)>,
    /// By id, as edits and problems name labels.
    marks: FxHashMap<String, Vec<LabelMark>>,
    n_problems: FxHashMap<String, u64>,
}

impl View {
    /// Builds everything; linear in the size of the taxonomy. What was found out for an earlier view, or for the base, is
    /// taken from there.
    pub(super) fn new(
        replica: &Replica,
        of_base: &LabelIndexes,
        earlier: Option<&Self>,
    ) -> Result<Self, TaxonomyError> {
        let Edited { taxonomy, lineage } = replica.tree().finish()?;
        let taxonomy = Arc::new(taxonomy);
        let base = replica.base();
        // Three parts that know nothing of each other, each a walk over all labels.
        let (index, diff, problems) = std::thread::scope(|scope| {
            let diff = scope.spawn(|| TaxonomyDiff::new(&base, &taxonomy, &lineage));
            let problems = scope.spawn(|| check(&taxonomy));
            let near = earlier.map_or(of_base, |earlier| &earlier.index);
            let index = LabelIndexes::after(Arc::clone(&taxonomy), Some(near));
            (index, joined(diff), joined(problems))
        });
        let of_base = match earlier {
            Some(earlier) => Arc::clone(&earlier.of_base),
            None => Arc::default(),
        };
        let mut n_problems: FxHashMap<String, u64> = FxHashMap::default();
        for label in problems.iter().flat_map(|problem| &problem.labels) {
            *n_problems.entry(label.clone()).or_default() += 1;
        }
        let n_earlier = if problems.is_empty() {
            0
        } else {
            let earlier: FxHashSet<(_, &[String])> = of_base
                .get_or_init(|| check(&base))
                .iter()
                .map(|problem| (problem.kind, &problem.labels[..]))
                .collect();
            let is_earlier =
                |problem: &&Problem| earlier.contains(&(problem.kind, &problem.labels[..]));
            problems.iter().filter(is_earlier).count() as u64
        };
        Ok(Self {
            revision: replica.revision(),
            marks: marks(&diff),
            index,
            base,
            lineage,
            of_base,
            diff,
            problems,
            n_earlier,
            in_force: replica.in_force(),
            n_problems,
        })
    }

    pub(super) fn taxonomy(&self) -> &Taxonomy {
        &self.index.taxonomy
    }

    /// A label with what the draft did to it; `counts` are documents by label of the base.
    pub(super) fn row(&self, label: LabelIndex, counts: &[u64]) -> DraftLabel {
        let taxonomy = self.taxonomy();
        let before = self.base.index_of(taxonomy.id(label));
        let n_documents = before.and_then(|before| counts.get(before as usize));
        let mut row = row(taxonomy, label, n_documents.copied().unwrap_or(0));
        row.marks = self.marks.get(&row.id).cloned().unwrap_or_default();
        row.n_problems = self.n_problems.get(&row.id).copied().unwrap_or(0);
        row
    }

    /// Everything about a label.
    pub(super) fn card(&self, label: LabelIndex, counts: &[u64]) -> LabelCard {
        let row = self.row(label, counts);
        let problems = self.problems.iter();
        let problems = problems.filter(|problem| problem.labels.contains(&row.id));
        let problems = problems.cloned().collect();
        LabelCard {
            problems,
            ..card(self.taxonomy(), label, row)
        }
    }
}

/// What a thread made; a panic goes on as it would without threads.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A label as it stands in a taxonomy.
pub(super) fn row(taxonomy: &Taxonomy, label: LabelIndex, n_documents: u64) -> DraftLabel {
    let parents = taxonomy.parents(label).iter();
    DraftLabel {
        id: taxonomy.id(label).to_owned(),
        name: taxonomy.name(label).to_owned(),
        path: taxonomy.path_names(label),
        parents: parents
            .map(|&parent| taxonomy.id(parent).to_owned())
            .collect(),
        level: taxonomy.level(label),
        n_children: taxonomy.children(label).len() as u64,
        n_documents,
        deprecated: taxonomy.is_deprecated(label),
        replaced_by: taxonomy
            .details(label)
            .and_then(|details| details.replaced_by.clone()),
        marks: Vec::new(),
        n_problems: 0,
    }
}

/// Everything about a label but its problems.
pub(super) fn card(taxonomy: &Taxonomy, label: LabelIndex, row: DraftLabel) -> LabelCard {
    let paths = taxonomy.paths(label).into_iter().take(PATHS);
    let names = |path: Vec<LabelIndex>| {
        let names = path.into_iter().map(|label| taxonomy.name(label));
        names.map(str::to_owned).collect()
    };
    LabelCard {
        label: row,
        details: taxonomy.details(label).cloned().unwrap_or_default(),
        paths: paths.map(names).collect(),
        problems: Vec::new(),
    }
}

/// What is different, by label.
fn marks(diff: &TaxonomyDiff) -> FxHashMap<String, Vec<LabelMark>> {
    let mut marks: FxHashMap<String, Vec<LabelMark>> = FxHashMap::default();
    for change in &diff.changes {
        let (label, mark) = match change {
            LabelChange::Removed { .. } | LabelChange::Split { keep: false, .. } => continue,
            LabelChange::Merged { into, .. } => (into, LabelMark::Merged),
            LabelChange::Split { label, .. } => (label, LabelMark::Split),
            LabelChange::Added { label, .. } => (label, LabelMark::Added),
            LabelChange::Renamed { label, .. } => (label, LabelMark::Renamed),
            LabelChange::Moved { label, .. } => (label, LabelMark::Moved),
            LabelChange::Deprecated { label, .. } | LabelChange::Reinstated { label, .. } => {
                (label, LabelMark::Deprecated)
            }
            LabelChange::Described { label, .. } => (label, LabelMark::Described),
        };
        let of_label = marks.entry(label.clone()).or_default();
        if !of_label.contains(&mark) {
            of_label.push(mark);
        }
    }
    marks
}
