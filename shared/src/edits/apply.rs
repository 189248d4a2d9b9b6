//! Doing edits one after another, and undoing them.

use std::ops::Deref;

use super::error::{EditError, EditFault, UndoError};
use super::lineage::{Lineage, Record};
use super::tree::{Step, WorkingTree};
use super::{Edit, EditScope, Rule, Scope};
use crate::edits::ModelChange;
use crate::taxonomy::Taxonomy;

/// What a draft makes of a taxonomy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The taxonomy with all edits.
    pub taxonomy: Taxonomy,
    /// What became of the old labels.
    pub lineage: Lineage,
}

/// Does all edits, in their order. Labels that no edit names keep their order.
///
/// Costs what the edits touch, and once the size of the taxonomy.
///
/// # Errors
/// Names the first edit that cannot be done, its label, what was found and what was expected.
pub fn apply(taxonomy: &Taxonomy, edits: &[Edit]) -> Result<Edited, EditError> {
    let mut tree = WorkingTree::new(taxonomy);
    for (position, edit) in edits.iter().enumerate() {
        tree.apply(edit).map_err(|fault| EditError {
            position,
            op: edit.op(),
            label: edit.label().to_owned(),
            fault: Box::new(fault),
        })?;
    }
    tree.finish().map_err(|error| {
        let last = edits.last();
        EditError {
            position: edits.len().saturating_sub(1),
            op: last.map_or("", Edit::op),
            label: last.map_or("", Edit::label).to_owned(),
            fault: Box::new(EditFault::Taxonomy(error)),
        }
    })
}

/// How to undo an edit, or to redo one that was undone; for the tree that gave it, or a copy of that.
#[derive(Clone, Debug)]
pub struct Undo {
    serial: u32,
    /// In the order in which they are taken.
    steps: Vec<Step>,
    /// What the edit did, of one that was undone.
    record: Option<Record>,
}

impl<B: Deref<Target = Taxonomy>> WorkingTree<B> {
    /// Does an edit, or nothing where it cannot be done.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn apply(&mut self, edit: &Edit) -> Result<Undo, EditFault> {
        self.journal.clear();
        let mut record = Record {
            scope: EditScope {
                op: edit.op(),
                label: edit.label().to_owned(),
                name: String::new(),
                rule: Rule::Keep,
                model: ModelChange::None,
                touched: Scope::default(),
                relabelled: Scope::default(),
                labels: Vec::new(),
            },
            retired: Vec::new(),
            kept: None,
        };
        let done = self.operate(edit, &mut record);
        let steps = std::mem::take(&mut self.journal);
        if let Err(fault) = done {
            self.go_back(steps);
            return Err(fault);
        }
        Ok(Undo {
            serial: self.history.record(record),
            steps: Self::turn(steps),
            record: None,
        })
    }

    /// Undoes an edit, or redoes one that was undone, and gives back how to turn that round.
    ///
    /// Edits may be undone in any order, as long as no later one changed the same.
    ///
    /// # Errors
    /// Names a label that a later edit changed; nothing is undone then.
    pub fn undo(&mut self, undo: Undo) -> Result<Undo, UndoError> {
        let Undo {
            serial,
            steps,
            record,
        } = undo;
        self.journal.clear();
        let retired = self.retired.clone();
        for step in steps {
            // Documents of other labels may have come to a label that was added, or somebody described it.
            let is_needed = record.is_none()
                && matches!(step, Step::Remove(key, _)
                    if self.history.has_sources(key) || self.details_of(key).is_some());
            let taken = match is_needed {
                true => Err(step.key()),
                false => self.retake(step),
            };
            if let Err(key) = taken {
                let taken = std::mem::take(&mut self.journal);
                self.go_back(taken);
                self.retired = retired;
                let label = self.id_of(key).to_owned();
                return Err(UndoError { label });
            }
        }
        let steps = Self::turn(std::mem::take(&mut self.journal));
        let record = match record {
            None => self.history.forget(serial),
            Some(record) => {
                for &(key, _) in &record.retired {
                    self.retire(key);
                }
                self.history.restore(serial, record);
                None
            }
        };
        Ok(Undo {
            serial,
            steps,
            record,
        })
    }

    /// The edited taxonomy, and what became of the old labels. Linear in the size of the tree.
    ///
    /// # Errors
    /// Only hierarchies beyond [`MAX_ANCESTOR_PAIRS`](crate::taxonomy::MAX_ANCESTOR_PAIRS).
    pub fn finish(&self) -> Result<Edited, crate::taxonomy::TaxonomyError> {
        Ok(Edited {
            taxonomy: self.build()?,
            lineage: Lineage::of(self),
        })
    }
}
