//! What is wrong with a hierarchy, all of it at once: for those who are still working on it.
//!
//! [`Taxonomy::new`] stops at the first fault that it cannot live with. An editor shows every fault beside its label,
//! and those as well that a taxonomy can be built with: siblings of one name, and names and relations that contradict
//! conditions S13, S14 and S27 of the SKOS reference. Everything here is linear in labels, edges and details, but for
//! S27, which walks upwards from labels that have `related` ones.

mod names;
mod outline;
#[cfg(test)]
mod tests;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::{LabelDetails, NewLabel, Taxonomy, cycle};
use crate::LabelIndex;

pub(super) use names::is_language;
pub(crate) use outline::Outline;
use outline::Raw;

/// Something that is wrong with a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = TaxonomyProblem))]
pub struct Problem {
    /// What kind of fault it is.
    pub kind: ProblemKind,
    /// Ids of the labels at fault, the one to change first.
    pub labels: Vec<String>,
    /// What was found and what was expected, in words.
    pub message: String,
    /// Whether no taxonomy can be made of the labels as long as it stands.
    pub fatal: bool,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A label without id.
    EmptyId,
    /// Two labels with one id.
    DuplicateId,
    /// A parent that is no label.
    Orphan,
    /// Labels above themselves.
    Cycle,
    /// Labels with one name below one parent.
    DuplicateSibling,
    /// One name as preferred and alternative or hidden one in one language (SKOS S13).
    NameOverlap,
    /// Several preferred names in one language (SKOS S14).
    SeveralPreferredNames,
    /// A related label that is above or below (SKOS S27).
    RelatedInHierarchy,
    /// A related label that does not exist.
    UnknownRelated,
    /// A language that is no BCP 47 tag.
    Language,
    /// A replacement that does not exist, is deprecated itself, or of a label that is still in use.
    Replacement,
    /// A label in use all of whose parents are deprecated: nobody who looks for it finds it.
    DeprecatedParents,
}

/// Everything that is wrong with labels from which no taxonomy may be possible, in their order.
#[must_use]
pub fn check_labels(labels: &[NewLabel]) -> Vec<Problem> {
    let (raw, mut problems) = Raw::new(labels);
    cycles(&raw, &mut problems);
    check_outline(&raw, &mut problems);
    problems
}

/// What is wrong with a taxonomy; nothing of it is fatal.
#[must_use]
pub fn check(taxonomy: &Taxonomy) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_outline(taxonomy, &mut problems);
    problems
}

/// Faults that do not keep a taxonomy from being built.
pub(crate) fn check_outline(outline: &impl Outline, problems: &mut Vec<Problem>) {
    let keys = outline.keys();
    duplicate_siblings(outline, &keys, problems);
    for key in keys {
        if let Some(details) = outline.details(key) {
            names::check(outline, key, details, problems);
            related(outline, key, details, problems);
            replacement(outline, key, details, problems);
        }
        deprecated_parents(outline, key, problems);
    }
}

impl Problem {
    fn new(kind: ProblemKind, labels: &[&str], message: String) -> Self {
        use ProblemKind::{Cycle, DuplicateId, EmptyId, Orphan};
        Self {
            kind,
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            message,
            fatal: matches!(kind, EmptyId | DuplicateId | Orphan | Cycle),
        }
    }
}

/// Labels with one name below one parent, or below the root, one problem for each such name.
fn duplicate_siblings(outline: &impl Outline, keys: &[LabelIndex], problems: &mut Vec<Problem>) {
    let mut first: FxHashMap<(Option<LabelIndex>, &str), LabelIndex> = FxHashMap::default();
    first.reserve(keys.len());
    let mut groups: Vec<(Option<LabelIndex>, Vec<LabelIndex>)> = Vec::new();
    let mut group_of: FxHashMap<(Option<LabelIndex>, LabelIndex), usize> = FxHashMap::default();
    for &key in keys {
        let parents = outline.parents(key);
        let root = parents.is_empty().then_some(None);
        for parent in root
            .into_iter()
            .chain(parents.iter().map(|&parent| Some(parent)))
        {
            let sibling = *first.entry((parent, outline.name(key))).or_insert(key);
            if sibling == key {
                continue;
            }
            let group = *group_of.entry((parent, sibling)).or_insert_with(|| {
                groups.push((parent, vec![sibling]));
                groups.len() - 1
            });
            if let Some((_, labels)) = groups.get_mut(group) {
                labels.push(key);
            }
        }
    }
    for (parent, labels) in groups {
        let ids: Vec<&str> = labels.iter().map(|&key| outline.id(key)).collect();
        let name = labels.first().map_or("", |&key| outline.name(key));
        let place = parent.map_or("the root".to_owned(), |parent| {
            format!("`{}`", outline.id(parent))
        });
        let message = format!(
            "found the name `{name}` {} times below {place} ({}), expected siblings with different names",
            ids.len(),
            listed(&ids)
        );
        problems.push(Problem::new(ProblemKind::DuplicateSibling, &ids, message));
    }
}

/// Ids in words, shortened where they are many.
fn listed(ids: &[&str]) -> String {
    const SHOWN: usize = 5;
    let mut words: Vec<String> = ids.iter().take(SHOWN).map(|id| format!("`{id}`")).collect();
    if ids.len() > SHOWN {
        words.push(format!("{} more", ids.len() - SHOWN));
    }
    words.join(", ")
}

fn related(
    outline: &impl Outline,
    key: LabelIndex,
    details: &LabelDetails,
    problems: &mut Vec<Problem>,
) {
    if details.related.is_empty() {
        return;
    }
    let id = outline.id(key);
    let above = ancestors(outline, key);
    for related in &details.related {
        let Some(other) = outline.find(related) else {
            let message = format!(
                "found `{related}` related to `{id}`, which is no label, expected a label of the taxonomy"
            );
            problems.push(Problem::new(ProblemKind::UnknownRelated, &[id], message));
            continue;
        };
        let place = if other == key {
            "the label itself"
        } else if above.contains(&other) {
            "a label above it"
        } else if ancestors(outline, other).contains(&key) {
            "a label below it"
        } else {
            continue;
        };
        let message = format!(
            "found `{related}` related to `{id}`, which is {place}, expected a label elsewhere in the hierarchy (SKOS S27)"
        );
        let at_fault = [id, related.as_str()];
        problems.push(Problem::new(
            ProblemKind::RelatedInHierarchy,
            &at_fault,
            message,
        ));
    }
}

/// Labels above; bears cycles.
fn ancestors(outline: &impl Outline, key: LabelIndex) -> FxHashSet<LabelIndex> {
    let mut above = FxHashSet::default();
    let mut open = vec![key];
    while let Some(next) = open.pop() {
        for &parent in outline.parents(next) {
            if above.insert(parent) {
                open.push(parent);
            }
        }
    }
    above
}

fn is_deprecated(outline: &impl Outline, key: LabelIndex) -> bool {
    outline
        .details(key)
        .is_some_and(|details| details.deprecated)
}

fn deprecated_parents(outline: &impl Outline, key: LabelIndex, problems: &mut Vec<Problem>) {
    let parents = outline.parents(key);
    let is_hidden = !parents.is_empty()
        && parents.iter().all(|&parent| is_deprecated(outline, parent))
        && !is_deprecated(outline, key);
    if !is_hidden {
        return;
    }
    let id = outline.id(key);
    let above: Vec<&str> = parents.iter().map(|&parent| outline.id(parent)).collect();
    let message = format!(
        "found `{id}` in use below deprecated labels only ({}), expected a parent in use, or the label deprecated as well",
        listed(&above)
    );
    problems.push(Problem::new(ProblemKind::DeprecatedParents, &[id], message));
}

fn replacement(
    outline: &impl Outline,
    key: LabelIndex,
    details: &LabelDetails,
    problems: &mut Vec<Problem>,
) {
    let Some(replacement) = &details.replaced_by else {
        return;
    };
    let id = outline.id(key);
    let other = outline.find(replacement);
    let found = match other {
        None => "which is no label",
        Some(other) if other == key => "which is the label itself",
        Some(other) if is_deprecated(outline, other) => "which is deprecated as well",
        Some(_) if !details.deprecated => "although it is not deprecated",
        Some(_) => return,
    };
    let message = format!(
        "found `{replacement}` as the replacement of `{id}`, {found}, expected a label in use instead of a deprecated one"
    );
    problems.push(Problem::new(ProblemKind::Replacement, &[id], message));
}

/// One cycle of every group of labels that cannot be reached from the root.
fn cycles(raw: &Raw<'_>, problems: &mut Vec<Problem>) {
    let keys = raw.keys();
    // Peel off what is reachable from the root: every label that is left has a parent that is left.
    let mut waiting: Vec<usize> = keys.iter().map(|&key| raw.parents(key).len()).collect();
    let mut children: Vec<Vec<LabelIndex>> = vec![Vec::new(); keys.len()];
    for &key in &keys {
        for &parent in raw.parents(key) {
            if let Some(row) = children.get_mut(parent as usize) {
                row.push(key);
            }
        }
    }
    let mut open: Vec<LabelIndex> = keys.clone();
    open.retain(|&key| raw.parents(key).is_empty());
    while let Some(key) = open.pop() {
        for &child in children.get(key as usize).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(child as usize) {
                *count -= 1;
                if *count == 0 {
                    open.push(child);
                }
            }
        }
    }
    let is_left = |key: LabelIndex| waiting.get(key as usize).is_some_and(|&count| count > 0);
    // Going to the first parent that is left, every walk ends in a cycle; each is met once.
    let mut walk_of: FxHashMap<LabelIndex, LabelIndex> = FxHashMap::default();
    for &start in keys.iter().filter(|&&key| is_left(key)) {
        let mut walk = Vec::new();
        let mut at = start;
        while !walk_of.contains_key(&at) {
            walk_of.insert(at, start);
            walk.push(at);
            let Some(parent) = raw.parents(at).iter().copied().find(|&key| is_left(key)) else {
                break;
            };
            at = parent;
        }
        if walk_of.get(&at) == Some(&start)
            && let Some(from) = walk.iter().position(|&key| key == at)
        {
            let ids: Vec<&str> = walk.iter().skip(from).map(|&key| raw.id(key)).collect();
            let owned: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
            let message = format!(
                "found the cycle {}, expected a hierarchy without cycles",
                cycle(&owned)
            );
            problems.push(Problem::new(ProblemKind::Cycle, &ids, message));
        }
    }
}
