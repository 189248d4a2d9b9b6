//! What became of every label: one mapping for a whole draft, composed of what its edits did.
//!
//! A label goes at most once, because ids are never used again, and what goes leaves behind where its documents went.
//! So composing is following: a label that was merged into one that was deleted ends at the parents of that.

use std::collections::BTreeMap;
use std::ops::Deref;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::impact::EditScope;
use super::tree::{Key, ROOT, WorkingTree};
use crate::LabelIndex;
use crate::taxonomy::Taxonomy;

/// What happens to the documents of an edited label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nothing.
    Keep,
    /// They keep the label and get the ancestors that it has now.
    RecomputeAncestors,
    /// They get the label that it was merged into.
    Union,
    /// They get its parents, or keep it where it stays, and wait for a person to choose a part.
    Split,
    /// They get its parents.
    RollUp,
    /// They get its parents, and a person looks at them.
    RollUpAndReview,
}

/// What became of an old label that is gone or was split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// [`Rule::Union`], [`Rule::Split`], [`Rule::RollUp`] or [`Rule::RollUpAndReview`]. Of several edits the first
    /// that was no merge counts.
    pub rule: Rule,
    /// New labels that documents get instead, sorted; the label itself where it was split and stays. Empty when it
    /// was rolled up to the root.
    pub targets: Vec<LabelIndex>,
    /// Whether a person looks at its documents.
    pub review: bool,
    /// New labels from which that person chooses first, sorted: the parts.
    pub candidates: Vec<LabelIndex>,
}

/// From the labels of an old taxonomy to those of a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// By old label; [`ROOT`] where it is gone.
    new_of: Vec<LabelIndex>,
    fates: FxHashMap<LabelIndex, Fate>,
    edits: Vec<EditScope>,
}

impl Lineage {
    /// What became of the labels of a tree, whose taxonomy was built from it just now.
    pub(super) fn of<B: Deref<Target = Taxonomy>>(tree: &WorkingTree<B>) -> Self {
        let positions = tree.positions(&tree.order());
        let place = |keys: &[Key]| {
            let mut places: Vec<LabelIndex> = keys
                .iter()
                .filter_map(|&key| positions.get(key as usize).copied())
                .filter(|&position| position != ROOT)
                .collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let history = &tree.history;
        let base = tree.base.len() as LabelIndex;
        let mut touched: Vec<Key> = history.retired.keys().copied().collect();
        touched.extend(history.kept.keys().copied());
        touched.retain(|&key| key < base);
        touched.sort_unstable();
        touched.dedup();
        let fates = touched.into_iter().filter_map(|key| {
            let mut end = history.follow(key)?;
            // A part that was merged into what documents get anyway leaves nothing to choose.
            let above = tree.ancestors_of(&end.targets);
            end.parts
                .retain(|part| !end.targets.contains(part) && !above.contains(part));
            let fate = Fate {
                rule: end.rule,
                targets: place(&end.targets),
                review: end.review,
                candidates: place(&end.parts),
            };
            let is_whole = tree.is_alive(key) && fate.candidates.is_empty();
            (!is_whole).then_some((key, fate))
        });
        Self {
            fates: fates.collect(),
            new_of: positions.into_iter().take(base as usize).collect(),
            edits: history.records.values().map(|r| r.scope.clone()).collect(),
        }
    }

    /// Between two taxonomies of which nobody knows the edits: a label with the id of an old one is that one, and the
    /// documents of labels that are gone are rolled up to the nearest parents that are not, and reviewed.
    #[must_use]
    pub fn between(old: &Taxonomy, new: &Taxonomy) -> Self {
        let find = |label| new.index_of(old.id(label)).unwrap_or(ROOT);
        let new_of: Vec<LabelIndex> = old.indexes().map(find).collect();
        let mut fates: FxHashMap<LabelIndex, Fate> = FxHashMap::default();
        for &label in old.topological() {
            if new.index_of(old.id(label)).is_some() {
                continue;
            }
            let mut targets = Vec::new();
            for parent in old.parents(label) {
                match fates.get(parent) {
                    Some(fate) => targets.extend_from_slice(&fate.targets),
                    None => targets.extend(new.index_of(old.id(*parent))),
                }
            }
            targets.sort_unstable();
            targets.dedup();
            let fate = Fate {
                rule: Rule::RollUpAndReview,
                targets,
                review: true,
                candidates: Vec::new(),
            };
            fates.insert(label, fate);
        }
        Self {
            new_of,
            fates,
            edits: Vec::new(),
        }
    }

    /// The same label in the new taxonomy, if it is still there.
    #[must_use]
    pub fn new_of(&self, old: LabelIndex) -> Option<LabelIndex> {
        let new = self.new_of.get(old as usize).copied();
        new.filter(|&new| new != ROOT)
    }

    /// What became of an old label that is gone or was split; none of all others.
    #[must_use]
    pub fn fate(&self, old: LabelIndex) -> Option<&Fate> {
        self.fates.get(&old)
    }

    /// Old labels that are gone or were split, sorted.
    #[must_use]
    pub fn fated(&self) -> Vec<LabelIndex> {
        let mut labels: Vec<LabelIndex> = self.fates.keys().copied().collect();
        labels.sort_unstable();
        labels
    }

    /// What each edit touches, in their order; empty for [`between`](Self::between).
    #[must_use]
    pub fn edits(&self) -> &[EditScope] {
        &self.edits
    }

    /// Number of old labels.
    #[must_use]
    pub fn n_old(&self) -> usize {
        self.new_of.len()
    }
}

/// What the edits of a tree did so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    serial: u32,
    pub(super) records: BTreeMap<u32, Record>,
    /// Where documents of labels went that are gone.
    retired: FxHashMap<Key, (u32, Retirement)>,
    /// Labels that were split and stay, with the parts.
    kept: FxHashMap<Key, Vec<(u32, Vec<Key>)>>,
    /// Labels that went, by where their documents went.
    sources: FxHashMap<Key, Vec<Key>>,
}

/// What one edit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) scope: EditScope,
    pub(super) retired: Vec<(Key, Retirement)>,
    pub(super) kept: Option<(Key, Vec<Key>)>,
}

/// Where the documents of a label went that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retirement {
    pub(super) rule: Rule,
    pub(super) targets: Vec<Key>,
    pub(super) parts: Vec<Key>,
}

/// Where the documents of a label end.
struct End {
    rule: Rule,
    targets: Vec<Key>,
    parts: Vec<Key>,
    review: bool,
}

impl History {
    /// Whether documents of other labels went to this one.
    pub(super) fn has_sources(&self, key: Key) -> bool {
        self.sources.get(&key).is_some_and(|keys| !keys.is_empty())
    }

    /// Adds what an edit did, and gives it a number.
    pub(super) fn record(&mut self, record: Record) -> u32 {
        self.serial += 1;
        self.restore(self.serial, record);
        self.serial
    }

    /// Adds what an edit did under the number that it had.
    pub(super) fn restore(&mut self, serial: u32, record: Record) {
        for (key, retirement) in &record.retired {
            for &target in &retirement.targets {
                self.sources.entry(target).or_default().push(*key);
            }
            self.retired.insert(*key, (serial, retirement.clone()));
        }
        if let Some((key, parts)) = &record.kept {
            let splits = self.kept.entry(*key).or_default();
            splits.push((serial, parts.clone()));
        }
        self.records.insert(serial, record);
    }

    /// Takes back what an edit did.
    pub(super) fn forget(&mut self, serial: u32) -> Option<Record> {
        let record = self.records.remove(&serial)?;
        for (key, retirement) in record.retired.iter().rev() {
            self.retired.remove(key);
            for target in &retirement.targets {
                if let Some(sources) = self.sources.get_mut(target)
                    && let Some(at) = sources.iter().rposition(|source| source == key)
                {
                    sources.remove(at);
                }
            }
        }
        if let Some((key, _)) = &record.kept
            && let Some(splits) = self.kept.get_mut(key)
        {
            splits.retain(|&(of, _)| of != serial);
            if splits.is_empty() {
                self.kept.remove(key);
            }
        }
        Some(record)
    }

    /// The label and all that went into it.
    pub(super) fn sources(&self, key: Key) -> Vec<Key> {
        let mut found = vec![key];
        let mut seen: FxHashSet<Key> = FxHashSet::default();
        let mut open = vec![key];
        while let Some(key) = open.pop() {
            for &source in self.sources.get(&key).into_iter().flatten() {
                if seen.insert(source) {
                    found.push(source);
                    open.push(source);
                }
            }
        }
        found
    }

    /// Where a label's documents end; none where nothing happened to them.
    fn follow(&self, key: Key) -> Option<End> {
        let (mut at, mut since) = (key, 0);
        let mut end = End {
            rule: Rule::Keep,
            targets: Vec::new(),
            parts: Vec::new(),
            review: false,
        };
        // Merges have one target each; the first edit that is none decides the rule.
        while let Some((serial, retirement)) = self.retired.get(&at)
            && let (Rule::Union, &[into]) = (retirement.rule, &retirement.targets[..])
        {
            self.add_parts(at, since, &mut end);
            end.rule = Rule::Union;
            (at, since) = (into, *serial);
        }
        match self.retired.get(&at) {
            Some((_, retirement)) => end.rule = retirement.rule,
            None if end.rule == Rule::Keep => end.rule = Rule::Split,
            None => {}
        }
        self.collect(&[at], since, &mut end);
        end.parts = self.living_parts(std::mem::take(&mut end.parts));
        (end.rule != Rule::Split || end.review).then_some(end)
    }

    /// What is left of parts: themselves, what they were merged into, and parts of their own. One that was deleted is
    /// none any more.
    fn living_parts(&self, mut open: Vec<Key>) -> Vec<Key> {
        let mut living = Vec::new();
        let mut seen: FxHashSet<Key> = FxHashSet::default();
        while let Some(key) = open.pop() {
            if !seen.insert(key) {
                continue;
            }
            match self.retired.get(&key) {
                None => living.push(key),
                Some((_, retirement)) => match retirement.rule {
                    Rule::Union => open.extend_from_slice(&retirement.targets),
                    _ => open.extend_from_slice(&retirement.parts),
                },
            }
        }
        living
    }

    /// Adds the living labels at which these end, and whether they are reviewed on the way.
    fn collect(&self, keys: &[Key], since: u32, end: &mut End) {
        let mut reached: FxHashMap<Key, u32> = FxHashMap::default();
        let mut open: Vec<(Key, u32)> = keys.iter().map(|&key| (key, since)).collect();
        while let Some((key, since)) = open.pop() {
            if reached.get(&key).is_some_and(|&before| before <= since) {
                continue;
            }
            reached.insert(key, since);
            self.add_parts(key, since, end);
            let Some((serial, retirement)) = self.retired.get(&key) else {
                end.targets.push(key);
                continue;
            };
            end.parts.extend_from_slice(&retirement.parts);
            end.review |= matches!(retirement.rule, Rule::Split | Rule::RollUpAndReview);
            open.extend(retirement.targets.iter().map(|&target| (target, *serial)));
        }
        end.targets.sort_unstable();
        end.targets.dedup();
    }

    /// Adds the parts into which a label was split while the documents in question had it.
    fn add_parts(&self, key: Key, since: u32, end: &mut End) {
        for (serial, parts) in self.kept.get(&key).into_iter().flatten() {
            if *serial > since {
                end.parts.extend_from_slice(parts);
                end.review = true;
            }
        }
    }
}
