//! Where labels stand: adding, moving, and parents beside the first.

use std::ops::Deref;

use super::put_rule;
use crate::edits::error::EditFault;
use crate::edits::lineage::{Record, Rule};
use crate::edits::models::ModelChange;
use crate::edits::tree::{Key, ROOT, WorkingTree};
use crate::taxonomy::{LabelDetails, Taxonomy};

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    pub(super) fn add(
        &mut self,
        (id, name): (&str, &str),
        parents: &[String],
        before: Option<&str>,
        details: Option<&LabelDetails>,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let name = self.expect_new(id, name)?;
        let parents = self.find_all(parents)?;
        self.expect_free_name(&parents, name, &[])?;
        let before = match before {
            Some(before) => self.find(before)?,
            None => ROOT,
        };
        let after = self.previous_of(before);
        record.scope.name = name.to_owned();
        record.scope.labels = self.origins(&parents);
        put_rule(record, Rule::Keep, ModelChange::NewLabel);
        let key = self.key_for(id);
        self.insert_new(key, after, name, parents, details);
        Ok(())
    }

    /// Inserts a label that was checked.
    pub(super) fn insert_new(
        &mut self,
        key: Key,
        after: Key,
        name: &str,
        parents: Vec<Key>,
        details: Option<&LabelDetails>,
    ) {
        self.insert(key, after);
        self.set_name(key, name);
        self.set_parents(key, parents);
        self.set_details(key, details.cloned().unwrap_or_default());
    }

    pub(super) fn move_label(
        &mut self,
        label: &str,
        parent: Option<&str>,
        from: Option<&str>,
        before: Option<&str>,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let old = self.parents_of(key).to_vec();
        let from = match from {
            Some(from) => Some(self.expect_parent(key, from)?),
            None => old.first().copied(),
        };
        let new: Vec<Key> = match parent {
            None => Vec::new(),
            Some(parent) => {
                let parent = self.expect_elsewhere(key, parent)?;
                if from.is_none() {
                    vec![parent]
                } else {
                    let mut new: Vec<Key> = Vec::with_capacity(old.len());
                    for &other in &old {
                        let one = if Some(other) == from { parent } else { other };
                        if !new.contains(&one) {
                            new.push(one);
                        }
                    }
                    new
                }
            }
        };
        if new.is_empty() {
            if !old.is_empty() {
                self.expect_free_name(&[], self.name_of(key), &[key])?;
            }
        } else {
            let added: Vec<Key> = new.iter().copied().filter(|k| !old.contains(k)).collect();
            if !added.is_empty() {
                self.expect_free_name(&added, self.name_of(key), &[key])?;
            }
        }
        if let Some(before) = before {
            let before = self.find(before)?;
            if before == key {
                return Err(EditFault::BeforeItself {
                    label: label.to_owned(),
                });
            }
            let after = self.previous_of(before);
            self.put_after(key, after);
        }
        self.put_below(key, new, record);
        Ok(())
    }

    pub(super) fn add_parent(
        &mut self,
        label: &str,
        parent: &str,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let parent = self.expect_elsewhere(key, parent)?;
        let mut parents = self.parents_of(key).to_vec();
        if parents.is_empty() {
            return Err(EditFault::BelowRoot {
                label: label.to_owned(),
            });
        }
        if !parents.contains(&parent) {
            self.expect_free_name(&[parent], self.name_of(key), &[key])?;
            parents.push(parent);
        }
        self.put_below(key, parents, record);
        Ok(())
    }

    pub(super) fn remove_parent(
        &mut self,
        label: &str,
        parent: &str,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let parent_key = self.expect_parent(key, parent)?;
        let mut parents = self.parents_of(key).to_vec();
        if parents.len() == 1 {
            return Err(EditFault::OnlyParent {
                label: label.to_owned(),
                parent: parent.to_owned(),
            });
        }
        parents.retain(|&other| other != parent_key);
        self.put_below(key, parents, record);
        Ok(())
    }

    pub(super) fn set_primary_parent(
        &mut self,
        label: &str,
        parent: &str,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let parent = self.expect_parent(key, parent)?;
        let mut parents = self.parents_of(key).to_vec();
        parents.retain(|&other| other != parent);
        parents.insert(0, parent);
        self.put_below(key, parents, record);
        Ok(())
    }

    /// Gives a label its parents, and says what follows: other ancestors, or only another path.
    fn put_below(&mut self, key: Key, parents: Vec<Key>, record: &mut Record) {
        let old = self.parents_of(key).to_vec();
        if old == parents {
            return;
        }
        let is_same_set =
            old.len() == parents.len() && old.iter().all(|parent| parents.contains(parent));
        let rule = if is_same_set {
            Rule::Keep
        } else {
            self.soil(&old);
            self.soil(&parents);
            Rule::RecomputeAncestors
        };
        put_rule(record, rule, ModelChange::StructureChanged);
        self.set_parents(key, parents);
    }

    /// A parent of the label.
    fn expect_parent(&self, key: Key, parent: &str) -> Result<Key, EditFault> {
        let found = self.find(parent)?;
        if self.parents_of(key).contains(&found) {
            return Ok(found);
        }
        Err(EditFault::NotAParent {
            label: self.id_of(key).to_owned(),
            parent: parent.to_owned(),
        })
    }

    /// A label that can be a parent: neither the label itself nor below it.
    fn expect_elsewhere(&self, key: Key, parent: &str) -> Result<Key, EditFault> {
        let found = self.find(parent)?;
        if self.is_at_or_above(key, found) {
            return Err(EditFault::BelowItself {
                label: self.id_of(key).to_owned(),
                parent: parent.to_owned(),
            });
        }
        Ok(found)
    }
}
