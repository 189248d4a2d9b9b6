//! A taxonomy with changes on top: what is changed lies in maps, everything else is read from the taxonomy below.
//!
//! An edit so costs what it touches, not what there is; arrays are built once, in the end. Every change goes through
//! a [`Step`] that can be turned round, which is all there is to undoing.

use std::ops::Deref;

use rustc_hash::{FxHashMap, FxHashSet};

use super::lineage::History;
use crate::LabelIndex;
use crate::taxonomy::{
    LabelDetails, Outline, Problem, Taxonomy, TaxonomyError, check_outline, from_rows,
};

/// A label while it is edited: its index in the taxonomy below, or, counted on from there, the number of an added one.
/// A key stays with its label, dead or alive.
pub(super) type Key = LabelIndex;

/// The virtual root, and both ends of the order.
pub(super) const ROOT: Key = Key::MAX;

/// A taxonomy that is being edited; `&Taxonomy` or `Arc<Taxonomy>` lies below.
#[derive(Clone, Debug)]
pub struct WorkingTree<B> {
    pub(super) base: B,
    added: Vec<Box<str>>,
    added_by_id: FxHashMap<Box<str>, Key>,
    names: FxHashMap<Key, Box<str>>,
    parents: FxHashMap<Key, Vec<Key>>,
    /// In no order; the root's as well.
    children: FxHashMap<Key, Vec<Key>>,
    details: FxHashMap<Key, Option<Box<LabelDetails>>>,
    /// Labels of the base that an edit took away.
    gone: FxHashSet<Key>,
    /// Added labels that are there.
    alive: FxHashSet<Key>,
    /// Added labels that were there once and went by an edit, not by undoing.
    pub(super) retired: FxHashSet<Key>,
    /// The order of labels as a ring through the root.
    next: FxHashMap<Key, Key>,
    previous: FxHashMap<Key, Key>,
    /// Labels below which something was edited.
    pub(super) dirty: FxHashSet<Key>,
    pub(super) journal: Vec<Step>,
    pub(super) history: History,
}

/// A change of one thing, from what it was to what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Name(Key, Box<str>, Box<str>),
    Parents(Key, Vec<Key>, Vec<Key>),
    Details(Key, Option<Box<LabelDetails>>, Option<Box<LabelDetails>>),
    /// A label comes after another one, without parents.
    Insert(Key, Key),
    /// A label goes that stood after another one; it has no children any more.
    Remove(Key, Key),
    /// From after one label to after another one.
    Order(Key, Key, Key),
}

impl Step {
    fn turned(self) -> Self {
        match self {
            Self::Name(key, from, to) => Self::Name(key, to, from),
            Self::Parents(key, from, to) => Self::Parents(key, to, from),
            Self::Details(key, from, to) => Self::Details(key, to, from),
            Self::Insert(key, after) => Self::Remove(key, after),
            Self::Remove(key, after) => Self::Insert(key, after),
            Self::Order(key, from, to) => Self::Order(key, to, from),
        }
    }

    pub(super) fn key(&self) -> Key {
        match *self {
            Self::Name(key, ..)
            | Self::Parents(key, ..)
            | Self::Details(key, ..)
            | Self::Insert(key, _)
            | Self::Remove(key, _)
            | Self::Order(key, ..) => key,
        }
    }
}

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    /// A tree without changes; costs nothing.
    #[must_use]
    pub fn new(base: B) -> Self {
        Self {
            base,
            added: Vec::new(),
            added_by_id: FxHashMap::default(),
            names: FxHashMap::default(),
            parents: FxHashMap::default(),
            children: FxHashMap::default(),
            details: FxHashMap::default(),
            gone: FxHashSet::default(),
            alive: FxHashSet::default(),
            retired: FxHashSet::default(),
            next: FxHashMap::default(),
            previous: FxHashMap::default(),
            dirty: FxHashSet::default(),
            journal: Vec::new(),
            history: History::default(),
        }
    }

    /// Everything that is wrong with the tree as it is; linear in its size.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        check_outline(self, &mut problems);
        problems
    }

    /// The edited taxonomy. Linear in the size of the tree.
    ///
    /// # Errors
    /// Only hierarchies beyond [`MAX_ANCESTOR_PAIRS`](crate::taxonomy::MAX_ANCESTOR_PAIRS): everything else is
    /// refused when it is edited.
    pub fn build(&self) -> Result<Taxonomy, TaxonomyError> {
        let keys = self.order();
        let positions = self.positions(&keys);
        let place = |key: Key| positions.get(key as usize).copied().unwrap_or(ROOT);
        let mut ids: Vec<Box<str>> = Vec::with_capacity(keys.len());
        let mut names: Vec<Box<str>> = Vec::with_capacity(keys.len());
        let mut parents = Vec::with_capacity(keys.len());
        let mut details = Vec::new();
        for (position, &key) in (0..).zip(&keys) {
            ids.push(self.id_of(key).into());
            names.push(self.name_of(key).into());
            parents.push(self.parents_of(key).iter().map(|&key| place(key)).collect());
            if let Some(said) = self.details_of(key) {
                details.push((position, Box::new(said.clone())));
            }
        }
        from_rows(ids, names, parents, details)
    }

    /// The labels that there are, in taxonomy order.
    pub(super) fn order(&self) -> Vec<Key> {
        let mut keys = Vec::with_capacity(self.base.len() + self.added.len());
        let mut at = self.next_of(ROOT);
        while at != ROOT {
            keys.push(at);
            at = self.next_of(at);
        }
        keys
    }

    /// Position in the order by key; [`ROOT`] for those that are gone.
    pub(super) fn positions(&self, order: &[Key]) -> Vec<LabelIndex> {
        let mut positions = vec![ROOT; self.base.len() + self.added.len()];
        for (position, &key) in (0..).zip(order) {
            if let Some(place) = positions.get_mut(key as usize) {
                *place = position;
            }
        }
        positions
    }

    fn is_base(&self, key: Key) -> bool {
        (key as usize) < self.base.len()
    }

    pub(super) fn is_alive(&self, key: Key) -> bool {
        if self.is_base(key) {
            !self.gone.contains(&key)
        } else {
            self.alive.contains(&key)
        }
    }

    /// The label with this id, dead or alive; not one whose adding was undone.
    pub(super) fn key_of(&self, id: &str) -> Option<Key> {
        let added = || self.added_by_id.get(id).copied();
        let key = self.base.index_of(id).or_else(added)?;
        (self.is_base(key) || self.is_alive(key) || self.retired.contains(&key)).then_some(key)
    }

    pub(super) fn id_of(&self, key: Key) -> &str {
        if self.is_base(key) {
            return self.base.id(key);
        }
        let added = self.added.get(key as usize - self.base.len());
        added.map_or("", |id| id)
    }

    pub(super) fn name_of(&self, key: Key) -> &str {
        match self.names.get(&key) {
            Some(name) => name,
            None if self.is_base(key) => self.base.name(key),
            None => "",
        }
    }

    pub(super) fn parents_of(&self, key: Key) -> &[Key] {
        match self.parents.get(&key) {
            Some(parents) => parents,
            None if self.is_base(key) => self.base.parents(key),
            None => &[],
        }
    }

    /// In no order.
    pub(super) fn children_of(&self, key: Key) -> &[Key] {
        match self.children.get(&key) {
            Some(children) => children,
            None if key == ROOT => self.base.top_level(),
            None if self.is_base(key) => self.base.children(key),
            None => &[],
        }
    }

    pub(super) fn details_of(&self, key: Key) -> Option<&LabelDetails> {
        match self.details.get(&key) {
            Some(details) => details.as_deref(),
            None if self.is_base(key) => self.base.details(key),
            None => None,
        }
    }

    /// Labels that have details, dead or alive, sorted.
    pub(super) fn detailed(&self) -> Vec<Key> {
        let changed = self.details.iter().filter(|(_, details)| details.is_some());
        let mut keys: Vec<Key> = changed.map(|(&key, _)| key).collect();
        let base = self.base.detailed().map(|(key, _)| key);
        keys.extend(base.filter(|key| !self.details.contains_key(key)));
        keys.sort_unstable();
        keys
    }

    /// Whether `above` is the label itself or lies above it.
    pub(super) fn is_at_or_above(&self, above: Key, key: Key) -> bool {
        above == key || self.ancestors_of(&[key]).contains(&above)
    }

    /// Everything above these labels; they themselves only where they lie above one another.
    pub(super) fn ancestors_of(&self, keys: &[Key]) -> FxHashSet<Key> {
        let mut above = FxHashSet::default();
        let mut open = keys.to_vec();
        while let Some(key) = open.pop() {
            for &parent in self.parents_of(key) {
                if above.insert(parent) {
                    open.push(parent);
                }
            }
        }
        above
    }

    fn next_of(&self, key: Key) -> Key {
        match self.next.get(&key) {
            Some(&next) => next,
            None if key == ROOT && !self.base.is_empty() => 0,
            None if key != ROOT && self.is_base(key + 1) => key + 1,
            None => ROOT,
        }
    }

    pub(super) fn previous_of(&self, key: Key) -> Key {
        match self.previous.get(&key) {
            Some(&previous) => previous,
            None if key == ROOT => (self.base.len() as Key).checked_sub(1).unwrap_or(ROOT),
            None => key.checked_sub(1).unwrap_or(ROOT),
        }
    }

    fn link(&mut self, key: Key, after: Key) {
        let next = self.next_of(after);
        self.next.insert(after, key);
        self.previous.insert(key, after);
        self.next.insert(key, next);
        self.previous.insert(next, key);
    }

    fn unlink(&mut self, key: Key) {
        let (previous, next) = (self.previous_of(key), self.next_of(key));
        self.next.insert(previous, next);
        self.previous.insert(next, previous);
    }

    /// The key for the id of a label that is about to be inserted.
    pub(super) fn key_for(&mut self, id: &str) -> Key {
        if let Some(&key) = self.added_by_id.get(id) {
            return key;
        }
        let key = (self.base.len() + self.added.len()) as Key;
        self.added.push(id.into());
        self.added_by_id.insert(id.into(), key);
        key
    }

    pub(super) fn set_name(&mut self, key: Key, name: &str) {
        let from = self.name_of(key).into();
        self.step(Step::Name(key, from, name.into()));
    }

    pub(super) fn set_parents(&mut self, key: Key, parents: Vec<Key>) {
        let from = self.parents_of(key).to_vec();
        self.step(Step::Parents(key, from, parents));
    }

    pub(super) fn set_details(&mut self, key: Key, details: LabelDetails) {
        let from = self.details_of(key).cloned().map(Box::new);
        let to = (!details.is_empty()).then(|| Box::new(details));
        self.step(Step::Details(key, from, to));
    }

    pub(super) fn insert(&mut self, key: Key, after: Key) {
        self.step(Step::Insert(key, after));
    }

    /// Takes away a label whose children went before.
    pub(super) fn remove(&mut self, key: Key) {
        self.step(Step::Remove(key, self.previous_of(key)));
    }

    pub(super) fn put_after(&mut self, key: Key, after: Key) {
        self.step(Step::Order(key, self.previous_of(key), after));
    }

    fn step(&mut self, step: Step) {
        let changes = match &step {
            Step::Name(_, from, to) => from != to,
            Step::Parents(_, from, to) => from != to,
            Step::Details(_, from, to) => from != to,
            Step::Order(key, from, to) => from != to && key != to,
            Step::Insert(..) | Step::Remove(..) => true,
        };
        if changes {
            self.take(step.clone());
            self.journal.push(step);
        }
    }

    /// Goes back by these steps, the last one first.
    pub(super) fn go_back(&mut self, steps: Vec<Step>) {
        for step in steps.into_iter().rev() {
            self.take(step.turned());
        }
    }

    /// Turns steps round, in the order in which to take them.
    pub(super) fn turn(steps: Vec<Step>) -> Vec<Step> {
        steps.into_iter().rev().map(Step::turned).collect()
    }

    /// Takes a step if everything stands as it was when the step was recorded; else names the label that does not.
    pub(super) fn retake(&mut self, step: Step) -> Result<(), Key> {
        let key = step.key();
        let fits = match &step {
            Step::Name(_, from, _) => self.is_alive(key) && self.name_of(key) == &**from,
            Step::Parents(_, from, to) => {
                self.is_alive(key)
                    && self.parents_of(key) == from.as_slice()
                    && to
                        .iter()
                        .all(|&parent| self.is_alive(parent) && !self.is_at_or_above(key, parent))
            }
            Step::Details(_, from, _) => {
                self.is_alive(key) && self.details_of(key) == from.as_deref()
            }
            Step::Insert(_, after) => {
                !self.is_alive(key) && (*after == ROOT || self.is_alive(*after))
            }
            Step::Remove(..) => {
                self.is_alive(key)
                    && self.children_of(key).is_empty()
                    && self.parents_of(key).is_empty()
            }
            Step::Order(_, _, after) => {
                self.is_alive(key) && (*after == ROOT || self.is_alive(*after))
            }
        };
        if !fits {
            return Err(key);
        }
        // Whatever stood before the label then may be elsewhere by now.
        let step = match step {
            Step::Remove(key, _) => Step::Remove(key, self.previous_of(key)),
            Step::Order(key, _, after) => Step::Order(key, self.previous_of(key), after),
            step => step,
        };
        self.take(step.clone());
        self.journal.push(step);
        Ok(())
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Name(key, _, to) => {
                self.names.insert(key, to);
            }
            Step::Details(key, _, to) => {
                self.details.insert(key, to);
            }
            Step::Parents(key, from, to) => {
                let or_root = |parents: &[Key]| match parents {
                    [] => vec![ROOT],
                    parents => parents.to_vec(),
                };
                let (before, after) = (or_root(&from), or_root(&to));
                for &parent in before.iter().filter(|parent| !after.contains(parent)) {
                    self.drop_child(parent, key);
                }
                for &parent in after.iter().filter(|parent| !before.contains(parent)) {
                    self.children_mut(parent).push(key);
                }
                self.parents.insert(key, to);
            }
            Step::Insert(key, after) => {
                self.link(key, after);
                self.gone.remove(&key);
                self.retired.remove(&key);
                if !self.is_base(key) {
                    self.alive.insert(key);
                }
                self.parents.insert(key, Vec::new());
                self.children_mut(ROOT).push(key);
            }
            Step::Remove(key, _) => {
                self.unlink(key);
                if self.is_base(key) {
                    self.gone.insert(key);
                } else {
                    self.alive.remove(&key);
                }
                self.drop_child(ROOT, key);
            }
            Step::Order(key, _, after) => {
                self.unlink(key);
                self.link(key, after);
            }
        }
    }

    /// From now on the id of an added label is one that was used, not one that was never there.
    pub(super) fn retire(&mut self, key: Key) {
        if !self.is_base(key) {
            self.retired.insert(key);
        }
    }

    fn children_mut(&mut self, key: Key) -> &mut Vec<Key> {
        if !self.children.contains_key(&key) {
            let now = self.children_of(key).to_vec();
            self.children.insert(key, now);
        }
        self.children.entry(key).or_default()
    }

    /// The last children are looked at first: what goes in the reverse order in which it came goes at once.
    fn drop_child(&mut self, parent: Key, child: Key) {
        let children = self.children_mut(parent);
        if let Some(at) = children.iter().rposition(|&other| other == child) {
            children.swap_remove(at);
        }
    }
}

impl<B: Deref<Target = Taxonomy>> Outline for WorkingTree<B> {
    fn keys(&self) -> Vec<LabelIndex> {
        self.order()
    }

    fn id(&self, key: LabelIndex) -> &str {
        self.id_of(key)
    }

    fn name(&self, key: LabelIndex) -> &str {
        self.name_of(key)
    }

    fn parents(&self, key: LabelIndex) -> &[LabelIndex] {
        self.parents_of(key)
    }

    fn details(&self, key: LabelIndex) -> Option<&LabelDetails> {
        self.details_of(key)
    }

    fn find(&self, id: &str) -> Option<LabelIndex> {
        self.key_of(id).filter(|&key| self.is_alive(key))
    }
}
