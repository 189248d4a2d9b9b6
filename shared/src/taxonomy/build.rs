//! From labels with parent ids to the flat arrays of a [`Taxonomy`], or the reason why not.

#![allow(
    clippy::indexing_slicing,
    reason = "a label is a position in arrays as long as the taxonomy"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ids::IdIndex;
use super::{LabelDetails, MAX_ANCESTOR_PAIRS, NewLabel, Rows, Taxonomy, TaxonomyError};
use crate::LabelIndex;

impl Taxonomy {
    /// Validates labels and makes a taxonomy of them; their order becomes taxonomy order.
    ///
    /// A parent listed twice is kept once. An empty name becomes the id. Details that say nothing are none; ids in them
    /// may name labels of other taxonomies, which [`check`](super::check) points out.
    ///
    /// # Errors
    /// Empty or repeated ids, parents that do not exist, labels that are their own parent, cycles, and
    /// taxonomies beyond [`MAX_ANCESTOR_PAIRS`].
    pub fn new(labels: Vec<NewLabel>) -> Result<Self, TaxonomyError> {
        if LabelIndex::try_from(labels.len()).is_err() {
            return Err(TaxonomyError::TooLarge {
                found: format!("{} labels", labels.len()),
                expected: format!("at most {}", LabelIndex::MAX),
            });
        }
        let mut ids = Vec::with_capacity(labels.len());
        let mut names = Vec::with_capacity(labels.len());
        let mut parent_ids = Vec::with_capacity(labels.len());
        let mut details = Vec::new();
        for (position, label) in labels.into_iter().enumerate() {
            if label.id.is_empty() {
                return Err(TaxonomyError::EmptyId {
                    number: position + 1,
                });
            }
            names.push(
                if label.name.is_empty() {
                    label.id.clone()
                } else {
                    label.name
                }
                .into_boxed_str(),
            );
            ids.push(label.id.into_boxed_str());
            parent_ids.push(label.parents);
            if let Some(said) = label.details.filter(|details| !details.is_empty()) {
                details.push((position as LabelIndex, said));
            }
        }
        let by_id = IdIndex::new(&ids)?;
        let parents = resolve(&ids, &by_id, &parent_ids)?;
        let by_name = sorted_by(&names);
        assemble(ids, names, by_id, by_name, parents, details)
    }
}

/// A taxonomy of labels whose ids are known to differ and whose parents are known to be labels.
pub(crate) fn from_rows(
    ids: Vec<Box<str>>,
    names: Vec<Box<str>>,
    parents: Vec<Vec<LabelIndex>>,
    details: Vec<(LabelIndex, Box<LabelDetails>)>,
) -> Result<Taxonomy, TaxonomyError> {
    let by_id = IdIndex::new(&ids)?;
    let by_name = sorted_by(&names);
    assemble(ids, names, by_id, by_name, parents, details)
}

/// The same labels with other parents, which must be a subset of the old ones.
pub(super) fn reparent(taxonomy: &Taxonomy, parents: Vec<Vec<LabelIndex>>) -> Taxonomy {
    let assembled = assemble(
        taxonomy.ids.clone(),
        taxonomy.names.clone(),
        taxonomy.by_id.clone(),
        taxonomy.by_name.clone(),
        parents,
        taxonomy.details.clone(),
    );
    // Fewer edges make neither a cycle nor a longer list of ancestors.
    assembled.unwrap_or_else(|_| taxonomy.clone())
}

fn sorted_by(texts: &[Box<str>]) -> Vec<LabelIndex> {
    let mut order: Vec<LabelIndex> = (0..texts.len() as LabelIndex).collect();
    order.sort_unstable_by(|&a, &b| texts[a as usize].cmp(&texts[b as usize]).then(a.cmp(&b)));
    order
}

fn resolve(
    ids: &[Box<str>],
    by_id: &IdIndex,
    parent_ids: &[Vec<String>],
) -> Result<Vec<Vec<LabelIndex>>, TaxonomyError> {
    let mut parents = Vec::with_capacity(ids.len());
    for (position, wanted) in parent_ids.iter().enumerate() {
        let mut found: Vec<LabelIndex> = Vec::with_capacity(wanted.len());
        for parent in wanted {
            let unknown = || TaxonomyError::UnknownParent {
                label: ids[position].to_string(),
                parent: parent.clone(),
            };
            let index = by_id.find(parent, ids).ok_or_else(unknown)?;
            if index as usize == position {
                return Err(TaxonomyError::SelfParent {
                    label: parent.clone(),
                });
            }
            if !found.contains(&index) {
                found.push(index);
            }
        }
        parents.push(found);
    }
    Ok(parents)
}

fn assemble(
    ids: Vec<Box<str>>,
    names: Vec<Box<str>>,
    by_id: IdIndex,
    by_name: Vec<LabelIndex>,
    parent_rows: Vec<Vec<LabelIndex>>,
    details: Vec<(LabelIndex, Box<LabelDetails>)>,
) -> Result<Taxonomy, TaxonomyError> {
    let parents = rows(&parent_rows);
    let children = transpose(&parents);
    let topological =
        sort_topologically(&parents, &children).map_err(|ring| TaxonomyError::Cycle {
            ids: ring.iter().map(|&l| ids[l as usize].to_string()).collect(),
        })?;
    let mut levels = vec![0_u32; ids.len()];
    for &label in &topological {
        let above = parents
            .row(label)
            .iter()
            .map(|&parent| levels[parent as usize])
            .min();
        levels[label as usize] = above.unwrap_or(0) + 1;
    }
    let ancestors = collect_ancestors(&parents, &topological)?;
    let top_level = (0..ids.len() as LabelIndex)
        .filter(|&label| parents.row(label).is_empty())
        .collect();
    Ok(Taxonomy {
        ids,
        names,
        by_id,
        by_name,
        parents,
        children,
        ancestors,
        top_level,
        topological,
        levels,
        details,
    })
}

fn rows(lists: &[Vec<LabelIndex>]) -> Rows {
    let mut rows = Rows {
        offsets: Vec::with_capacity(lists.len() + 1),
        items: Vec::new(),
    };
    rows.offsets.push(0);
    for list in lists {
        rows.items.extend_from_slice(list);
        rows.offsets.push(rows.items.len() as u32);
    }
    rows
}

/// Children from parents; each row in taxonomy order.
fn transpose(parents: &Rows) -> Rows {
    let n = parents.len();
    let mut offsets = vec![0_u32; n + 1];
    for &parent in &parents.items {
        offsets[parent as usize + 1] += 1;
    }
    for position in 0..n {
        offsets[position + 1] += offsets[position];
    }
    let mut next = offsets.clone();
    let mut items = vec![0; parents.items.len()];
    for label in 0..n as LabelIndex {
        for &parent in parents.row(label) {
            let slot = &mut next[parent as usize];
            items[*slot as usize] = label;
            *slot += 1;
        }
    }
    Rows { offsets, items }
}

/// The smallest order in which parents come before children; else a cycle, each label followed by one of its parents.
fn sort_topologically(parents: &Rows, children: &Rows) -> Result<Vec<LabelIndex>, Vec<LabelIndex>> {
    let n = parents.len();
    let mut waiting: Vec<u32> = (0..n as LabelIndex)
        .map(|label| parents.row(label).len() as u32)
        .collect();
    let mut ready: BinaryHeap<Reverse<LabelIndex>> = (0..n as LabelIndex)
        .filter(|&label| waiting[label as usize] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(n);
    while let Some(Reverse(label)) = ready.pop() {
        order.push(label);
        for &child in children.row(label) {
            let count = &mut waiting[child as usize];
            *count -= 1;
            if *count == 0 {
                ready.push(Reverse(child));
            }
        }
    }
    if order.len() == n {
        return Ok(order);
    }
    Err(find_cycle(parents, &waiting))
}

/// Walks upwards among the labels that still wait: each of them has a parent that waits, so the walk must close.
fn find_cycle(parents: &Rows, waiting: &[u32]) -> Vec<LabelIndex> {
    let stuck = |label: LabelIndex| waiting[label as usize] > 0;
    let mut visited_at = vec![usize::MAX; waiting.len()];
    let mut walk: Vec<LabelIndex> = Vec::new();
    let mut at = (0..waiting.len() as LabelIndex).find(|&label| stuck(label));
    while let Some(label) = at {
        let first_visit = visited_at[label as usize];
        if first_visit != usize::MAX {
            return walk.split_off(first_visit);
        }
        visited_at[label as usize] = walk.len();
        walk.push(label);
        at = parents
            .row(label)
            .iter()
            .copied()
            .find(|&parent| stuck(parent));
    }
    walk
}

fn collect_ancestors(parents: &Rows, topological: &[LabelIndex]) -> Result<Rows, TaxonomyError> {
    let n = parents.len();
    let mut found: Vec<Vec<LabelIndex>> = vec![Vec::new(); n];
    let mut pairs = 0;
    for &label in topological {
        let above = match *parents.row(label) {
            // By far the most frequent case: the parent's list with the parent put in its place.
            [parent] => {
                let mut above = Vec::with_capacity(found[parent as usize].len() + 1);
                let (before, after) = found[parent as usize]
                    .split_at(found[parent as usize].partition_point(|&other| other < parent));
                above.extend_from_slice(before);
                above.push(parent);
                above.extend_from_slice(after);
                above
            }
            ref several => {
                let mut above = several.to_vec();
                for &parent in several {
                    above.extend_from_slice(&found[parent as usize]);
                }
                above.sort_unstable();
                above.dedup();
                above
            }
        };
        pairs += above.len();
        if pairs > MAX_ANCESTOR_PAIRS {
            return Err(TaxonomyError::TooLarge {
                found: format!(
                    "more than {MAX_ANCESTOR_PAIRS} pairs of a label and an ancestor of it"
                ),
                expected: "a shallower hierarchy".to_owned(),
            });
        }
        found[label as usize] = above;
    }
    Ok(rows(&found))
}
