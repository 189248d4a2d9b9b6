//! One label becomes several.

use std::ops::Deref;

use rustc_hash::{FxHashMap, FxHashSet};

use super::put_rule;
use crate::edits::Part;
use crate::edits::error::EditFault;
use crate::edits::lineage::{Record, Retirement, Rule};
use crate::edits::models::ModelChange;
use crate::edits::tree::{Key, WorkingTree};
use crate::taxonomy::Taxonomy;

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    pub(super) fn split(
        &mut self,
        label: &str,
        into: &[Part],
        keep: bool,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        record.scope.relabelled = self.own(&[key]);
        put_rule(record, Rule::Split, ModelChange::StopsAtParent);
        let parents = self.parents_of(key).to_vec();
        let names = self.expect_parts(key, into, keep)?;
        let mut after = key;
        let mut parts = Vec::with_capacity(into.len());
        for (part, name) in into.iter().zip(names) {
            let place = if keep { vec![key] } else { parents.clone() };
            let part_key = self.key_for(&part.id);
            self.insert_new(part_key, after, name, place, part.details.as_deref());
            after = part_key;
            parts.push(part_key);
        }
        let mut parts_of: FxHashMap<Key, Vec<Key>> = FxHashMap::default();
        let mut listed = Vec::new();
        for (part, &part_key) in into.iter().zip(&parts) {
            for child in self.find_all(&part.children)? {
                let of_child = parts_of.entry(child).or_default();
                if of_child.is_empty() {
                    listed.push(child);
                }
                of_child.push(part_key);
            }
        }
        self.soil(&[key]);
        self.soil(&parts);
        for child in listed {
            if let Some(instead) = parts_of.get(&child) {
                self.replace_parent(child, key, instead);
            }
        }
        if keep {
            record.kept = Some((key, parts));
            return Ok(());
        }
        self.dissolve(key, &parents);
        let retirement = Retirement {
            rule: Rule::Split,
            targets: parents,
            parts,
        };
        record.retired.push((key, retirement));
        self.replace_references(&[(key, None)]);
        Ok(())
    }

    /// The names of the parts, if there are enough with new ids, free names and children of the label.
    fn expect_parts<'a>(
        &self,
        key: Key,
        into: &'a [Part],
        keep: bool,
    ) -> Result<Vec<&'a str>, EditFault> {
        if into.len() < 2 {
            return Err(EditFault::TooFewParts { found: into.len() });
        }
        // Siblings that are none any more: the label itself, or its children that go below a part.
        let mut leaving = vec![key];
        for part in into {
            for child in &part.children {
                let found = self.find(child)?;
                if !self.parents_of(found).contains(&key) {
                    return Err(EditFault::NotAChild {
                        label: self.id_of(key).to_owned(),
                        part: part.id.clone(),
                        child: child.clone(),
                    });
                }
                leaving.push(found);
            }
        }
        if !keep {
            leaving.truncate(1);
        }
        let one = [key];
        let above = if keep { &one } else { self.parents_of(key) };
        let mut names: Vec<&str> = Vec::with_capacity(into.len());
        let mut ids: FxHashSet<&str> = FxHashSet::default();
        for part in into {
            let name = self.expect_new(&part.id, &part.name)?;
            if !ids.insert(&part.id) {
                return Err(EditFault::IdTaken {
                    id: part.id.clone(),
                });
            }
            self.expect_free_name(above, name, &leaving)?;
            if let Some(sibling) = names.iter().position(|&other| other == name) {
                return Err(EditFault::DuplicateSibling {
                    name: name.to_owned(),
                    sibling: into.get(sibling).map_or_else(String::new, |p| p.id.clone()),
                    parent: above.first().map(|&parent| self.id_of(parent).to_owned()),
                });
            }
            names.push(name);
        }
        Ok(names)
    }
}
