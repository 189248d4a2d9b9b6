//! What each operation does to the tree and to the documents, and what it must not do.

mod merge;
mod place;
mod split;

use std::ops::Deref;

use rustc_hash::FxHashMap;

use super::error::EditFault;
use super::lineage::{Record, Rule};
use super::models::ModelChange;
use super::tree::{Key, ROOT, WorkingTree};
use super::{DetailsChange, Edit};
use crate::taxonomy::Taxonomy;

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    /// Does an edit step by step; whoever calls goes back where it fails.
    pub(super) fn operate(&mut self, edit: &Edit, record: &mut Record) -> Result<(), EditFault> {
        match edit {
            Edit::Rename { label, name } => self.rename(label, name, record),
            Edit::Move {
                label,
                parent,
                from,
                before,
            } => self.move_label(
                label,
                parent.as_deref(),
                from.as_deref(),
                before.as_deref(),
                record,
            ),
            Edit::Merge { labels, into } => self.merge(labels, into, record),
            Edit::Split { label, into, keep } => self.split(label, into, *keep, record),
            Edit::Add {
                id,
                name,
                parents,
                before,
                details,
            } => self.add(
                (id, name),
                parents,
                before.as_deref(),
                details.as_deref(),
                record,
            ),
            Edit::Delete {
                label,
                with_descendants,
                review,
            } => self.delete(label, *with_descendants, *review, record),
            Edit::Deprecate {
                label,
                replaced_by,
                deprecated,
            } => self.deprecate(label, replaced_by.as_deref(), *deprecated, record),
            Edit::AddParent { label, parent } => self.add_parent(label, parent, record),
            Edit::RemoveParent { label, parent } => self.remove_parent(label, parent, record),
            Edit::SetPrimaryParent { label, parent } => {
                self.set_primary_parent(label, parent, record)
            }
            Edit::Describe { label, details } => self.describe(label, details, record),
        }
    }

    fn rename(&mut self, label: &str, name: &str, record: &mut Record) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        if name.trim().is_empty() {
            return Err(EditFault::EmptyName);
        }
        if name != self.name_of(key) {
            self.expect_free_name(self.parents_of(key), name, &[key])?;
            record.scope.model = ModelChange::NamesChanged;
        }
        self.set_name(key, name);
        Ok(())
    }

    fn deprecate(
        &mut self,
        label: &str,
        replaced_by: Option<&str>,
        deprecated: bool,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let mut details = self.details_of(key).cloned().unwrap_or_default();
        if let Some(replacement) = replaced_by {
            if !deprecated {
                return Err(EditFault::ReplacementInUse {
                    replaced_by: replacement.to_owned(),
                });
            }
            if self.find(replacement)? == key {
                return Err(EditFault::ReplacedByItself {
                    label: label.to_owned(),
                });
            }
        }
        details.deprecated = deprecated;
        details.replaced_by = replaced_by.map(str::to_owned);
        self.set_details(key, details);
        Ok(())
    }

    fn describe(
        &mut self,
        label: &str,
        change: &DetailsChange,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let mut details = self.details_of(key).cloned().unwrap_or_default();
        change.merge_into(&mut details);
        self.set_details(key, details);
        Ok(())
    }

    /// The label of an edit; notes what the edit is about before anything changes.
    fn begin(&mut self, label: &str, record: &mut Record) -> Result<Key, EditFault> {
        let key = self.find(label)?;
        record.scope.name = self.name_of(key).to_owned();
        record.scope.touched = self.scope_of(&[key]);
        record.scope.labels = self.origins(&[key]);
        Ok(key)
    }

    /// The living label with this id.
    fn find(&self, id: &str) -> Result<Key, EditFault> {
        let label = || id.to_owned();
        match self.key_of(id) {
            None => Err(EditFault::UnknownLabel { label: label() }),
            Some(key) if !self.is_alive(key) => Err(EditFault::GoneLabel { label: label() }),
            Some(key) => Ok(key),
        }
    }

    fn find_all(&self, ids: &[String]) -> Result<Vec<Key>, EditFault> {
        let mut keys = Vec::with_capacity(ids.len());
        for id in ids {
            let key = self.find(id)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// The name of a new label whose id must not have been used.
    fn expect_new<'a>(&self, id: &'a str, name: &'a str) -> Result<&'a str, EditFault> {
        if id.is_empty() {
            return Err(EditFault::EmptyId);
        }
        match self.key_of(id) {
            Some(key) if self.is_alive(key) => Err(EditFault::IdTaken { id: id.to_owned() }),
            Some(_) => Err(EditFault::IdRetired { id: id.to_owned() }),
            None if name.trim().is_empty() => Ok(id),
            None => Ok(name),
        }
    }

    /// Refuses a name that another child of one of the parents has; none means below the root.
    fn expect_free_name(
        &self,
        parents: &[Key],
        name: &str,
        except: &[Key],
    ) -> Result<(), EditFault> {
        let root = [ROOT];
        let parents = if parents.is_empty() { &root } else { parents };
        for &parent in parents {
            let siblings = self.children_of(parent).iter().copied();
            let same = siblings.filter(|key| self.name_of(*key) == name && !except.contains(key));
            if let Some(sibling) = same.min() {
                return Err(EditFault::DuplicateSibling {
                    name: name.to_owned(),
                    sibling: self.id_of(sibling).to_owned(),
                    parent: (parent != ROOT).then(|| self.id_of(parent).to_owned()),
                });
            }
        }
        Ok(())
    }

    /// Puts others in the place of a label in the list of its child's parents.
    fn replace_parent(&mut self, child: Key, parent: Key, instead: &[Key]) {
        let mut parents: Vec<Key> = Vec::with_capacity(self.parents_of(child).len());
        for &old in self.parents_of(child) {
            let one = [old];
            let new = if old == parent { instead } else { &one };
            for &key in new {
                if !parents.contains(&key) {
                    parents.push(key);
                }
            }
        }
        self.set_parents(child, parents);
    }

    /// Takes a label away for ever; its children get others in its place.
    fn dissolve(&mut self, key: Key, instead: &[Key]) {
        self.soil(&[key]);
        self.soil(instead);
        // From the last child on, so that each is found at once where it is taken out.
        let children: Vec<Key> = self.children_of(key).iter().rev().copied().collect();
        for child in children {
            self.replace_parent(child, key, instead);
        }
        self.set_parents(key, Vec::new());
        self.remove(key);
        self.retire(key);
    }

    /// Labels that named one that is gone as related or as replacement name what it became, or nothing.
    fn replace_references(&mut self, gone: &[(Key, Option<Key>)]) {
        let id = |key: Key| self.id_of(key).to_owned();
        let instead: FxHashMap<String, Option<String>> = gone
            .iter()
            .map(|&(key, target)| (id(key), target.map(id)))
            .collect();
        for key in self.detailed() {
            let Some(before) = self.details_of(key) else {
                continue;
            };
            let mut named = before.related.iter().chain(&before.replaced_by);
            if !self.is_alive(key) || !named.any(|id| instead.contains_key(id)) {
                continue;
            }
            let mut details = before.clone();
            let own = self.id_of(key);
            let current = |id: String| match instead.get(&id) {
                None => Some(id),
                Some(target) => target.clone().filter(|target| target != own),
            };
            let mut related: Vec<String> = Vec::with_capacity(details.related.len());
            for id in details.related.into_iter().filter_map(current) {
                if !related.contains(&id) {
                    related.push(id);
                }
            }
            details.related = related;
            details.replaced_by = details.replaced_by.and_then(current);
            self.set_details(key, details);
        }
    }
}

/// The rule and the change of models that belong together.
fn put_rule(record: &mut Record, rule: Rule, model: ModelChange) {
    record.scope.rule = rule;
    record.scope.model = model;
}
