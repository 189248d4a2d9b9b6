//! Labels that go: into another one, or for good.

use std::ops::Deref;

use rustc_hash::FxHashSet;

use super::put_rule;
use crate::edits::error::EditFault;
use crate::edits::impact::Scope;
use crate::edits::lineage::{Record, Retirement, Rule};
use crate::edits::models::ModelChange;
use crate::edits::tree::{Key, WorkingTree};
use crate::taxonomy::Taxonomy;

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    pub(super) fn merge(
        &mut self,
        labels: &[String],
        into: &str,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let target = self.find(into)?;
        let mut going = self.find_all(labels)?;
        going.retain(|&key| key != target);
        if going.is_empty() {
            return Err(EditFault::NothingToMerge {
                into: into.to_owned(),
            });
        }
        let above = self.ancestors_of(&[target]);
        if let Some(&key) = going.iter().find(|key| above.contains(key)) {
            return Err(EditFault::MergeDownwards {
                label: self.id_of(key).to_owned(),
                into: into.to_owned(),
            });
        }
        record.scope.name = self.name_of(target).to_owned();
        record.scope.touched = self.scope_of(&going);
        record.scope.relabelled = self.own(&going);
        let mut all = going.clone();
        all.push(target);
        record.scope.labels = self.origins(&all);
        put_rule(record, Rule::Union, ModelChange::Combined);
        for &key in &going {
            self.dissolve(key, &[target]);
            let retirement = Retirement {
                rule: Rule::Union,
                targets: vec![target],
                parts: Vec::new(),
            };
            record.retired.push((key, retirement));
        }
        let gone: Vec<(Key, Option<Key>)> = going.iter().map(|&key| (key, Some(target))).collect();
        self.replace_references(&gone);
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        label: &str,
        with_descendants: bool,
        review: bool,
        record: &mut Record,
    ) -> Result<(), EditFault> {
        let key = self.begin(label, record)?;
        let parents = self.parents_of(key).to_vec();
        let going = match with_descendants {
            true => self.only_through(key),
            false => vec![key],
        };
        record.scope.relabelled = self.own(&going);
        record.scope.labels = self.origins(&going);
        let rule = match review {
            true => Rule::RollUpAndReview,
            false => Rule::RollUp,
        };
        put_rule(record, rule, ModelChange::Masked);
        // Children before parents: of several that go each then has only children that stay, with other parents.
        for &going in going.iter().rev() {
            let instead: &[Key] = if with_descendants { &[] } else { &parents };
            self.dissolve(going, instead);
            let retirement = Retirement {
                rule,
                targets: parents.clone(),
                parts: Vec::new(),
            };
            record.retired.push((going, retirement));
        }
        self.soil(&parents);
        let gone: Vec<(Key, Option<Key>)> = going.iter().map(|&key| (key, None)).collect();
        self.replace_references(&gone);
        Ok(())
    }

    /// The label and all below it that have no way to the root beside it, parents before children.
    fn only_through(&self, key: Key) -> Vec<Key> {
        let mut found = vec![key];
        let mut inside: FxHashSet<Key> = found.iter().copied().collect();
        let mut at = 0;
        while let Some(&key) = found.get(at) {
            for &child in self.children_of(key) {
                let parents = self.parents_of(child);
                if parents.iter().all(|parent| inside.contains(parent)) && inside.insert(child) {
                    found.push(child);
                }
            }
            at += 1;
        }
        found
    }

    /// Documents that were given one of these labels.
    pub(super) fn own(&self, keys: &[Key]) -> Scope {
        Scope {
            closed: Vec::new(),
            explicit: self.origins(keys),
        }
    }
}
