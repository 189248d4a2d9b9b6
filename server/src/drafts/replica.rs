//! A draft in memory: the version that it changes with its entries done one after another.
//!
//! Pure: whoever holds a replica gives it the entries that it lacks. Doing the same entries gives the same tree wherever
//! that is done, which is why the entries are all that is stored.

use std::sync::Arc;

use arborist_shared::api::drafts::{DraftEntry, EntryKind};
use arborist_shared::edits::{Edit, EditFault, Undo, UndoError, WorkingTree};
use arborist_shared::taxonomy::Taxonomy;

use super::Author;

/// A draft at a revision.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    base: Arc<Taxonomy>,
    tree: WorkingTree<Arc<Taxonomy>>,
    revision: i64,
    /// In the order of their revisions.
    edits: Vec<Slot>,
}

/// An edit, in force or undone.
#[derive(Clone, Debug)]
struct Slot {
    /// Revision of the entry that brought it.
    revision: i64,
    edit: Edit,
    author: Author,
    /// How to undo it, or to redo it.
    turn: Undo,
    in_force: bool,
    /// Revision that turned it last.
    turned_at: i64,
}

/// Why an entry cannot be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplicaError {
    /// The edit does not fit the tree.
    #[error(transparent)]
    Edit(#[from] EditFault),
    /// Something later stands in the way.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// There is no such edit, or it is undone already, or not undone.
    #[error("found no edit {of} that could be {}, expected the revision of one", word(*.kind))]
    NoSuchEdit { of: i64, kind: EntryKind },
}

fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Edit => "done",
        EntryKind::Undo => "undone",
        EntryKind::Redo => "redone",
    }
}

impl Replica {
    /// A draft without entries.
    pub(super) fn new(base: Arc<Taxonomy>) -> Self {
        Self {
            tree: WorkingTree::new(Arc::clone(&base)),
            base,
            revision: 0,
            edits: Vec::new(),
        }
    }

    /// Number of entries so far.
    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    /// The version that the draft changes.
    pub(super) fn base(&self) -> Arc<Taxonomy> {
        Arc::clone(&self.base)
    }

    pub(super) fn tree(&self) -> &WorkingTree<Arc<Taxonomy>> {
        &self.tree
    }

    /// Does entries that were stored.
    pub(super) fn replay(
        &mut self,
        entries: Vec<(DraftEntry, Author)>,
    ) -> Result<(), ReplicaError> {
        for (entry, author) in entries {
            match entry.kind {
                EntryKind::Edit => self.edit(entry.edit, author)?,
                kind => self.turn(entry.of, kind).map(|_| ())?,
            }
        }
        Ok(())
    }

    /// Does an edit, or nothing where it cannot be done.
    pub(super) fn edit(&mut self, edit: Edit, author: Author) -> Result<(), ReplicaError> {
        let turn = self.tree.apply(&edit)?;
        self.revision += 1;
        self.edits.push(Slot {
            revision: self.revision,
            edit,
            author,
            turn,
            in_force: true,
            turned_at: self.revision,
        });
        Ok(())
    }

    /// Undoes or redoes the edit that an entry brought, or nothing where that cannot be done. Answers the edit.
    pub(super) fn turn(&mut self, of: i64, kind: EntryKind) -> Result<Edit, ReplicaError> {
        let at = self.edits.binary_search_by_key(&of, |slot| slot.revision);
        let slot = at.ok().and_then(|at| self.edits.get_mut(at));
        let slot = slot
            .filter(|slot| slot.in_force == (kind == EntryKind::Undo))
            .ok_or(ReplicaError::NoSuchEdit { of, kind })?;
        slot.turn = self.tree.undo(slot.turn.clone())?;
        slot.in_force = !slot.in_force;
        self.revision += 1;
        slot.turned_at = self.revision;
        Ok(slot.edit.clone())
    }

    /// What somebody undoes next, or redoes next: of their own edits, the last one. What was undone before their newest
    /// edit is not redone unasked.
    pub(super) fn next_turn(&self, author: &Author, kind: EntryKind) -> Option<i64> {
        let mut own = self.edits.iter().filter(|slot| slot.author == *author);
        if kind == EntryKind::Undo {
            let last = own.rfind(|slot| slot.in_force);
            return last.map(|slot| slot.revision);
        }
        let newest = own.clone().map(|slot| slot.revision).max()?;
        own.filter(|slot| !slot.in_force && slot.turned_at > newest)
            .max_by_key(|slot| slot.turned_at)
            .map(|slot| slot.revision)
    }

    /// Edits in force with their revisions and who made them, in the order in which they are done.
    pub(super) fn in_force_by(&self) -> Vec<(i64, Edit, Author)> {
        let slots = self.edits.iter().filter(|slot| slot.in_force);
        slots
            .map(|slot| (slot.revision, slot.edit.clone(), slot.author.clone()))
            .collect()
    }

    /// Edits in force with their revisions, in the order in which they are done.
    pub(super) fn in_force(&self) -> Vec<(i64, Edit)> {
        let slots = self.edits.iter().filter(|slot| slot.in_force);
        slots
            .map(|slot| (slot.revision, slot.edit.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    fn base() -> Arc<Taxonomy> {
        let label = |id: &str| NewLabel {
            id: id.to_owned(),
            ..NewLabel::default()
        };
        Arc::new(Taxonomy::new(vec![label("a"), label("b")]).unwrap())
    }

    fn rename(label: &str, name: &str) -> Edit {
        Edit::Rename {
            label: label.to_owned(),
            name: name.to_owned(),
        }
    }

    fn author(name: &str) -> Author {
        Author {
            user: None,
            name: name.to_owned(),
        }
    }

    #[test]
    fn everybody_undoes_their_own_edits() {
        let (ann, ben) = (author("ann"), author("ben"));
        let mut replica = Replica::new(base());
        replica.edit(rename("a", "A"), ann.clone()).unwrap();
        replica.edit(rename("b", "B"), ben.clone()).unwrap();
        assert_eq!(replica.next_turn(&ann, EntryKind::Undo), Some(1));
        assert_eq!(replica.next_turn(&ben, EntryKind::Undo), Some(2));
        replica.turn(1, EntryKind::Undo).unwrap();
        assert_eq!(replica.next_turn(&ann, EntryKind::Undo), None);
        assert_eq!(replica.next_turn(&ann, EntryKind::Redo), Some(1));
        assert_eq!(replica.next_turn(&ben, EntryKind::Redo), None);
        assert_eq!(replica.in_force(), [(2, rename("b", "B"))]);
        replica.turn(1, EntryKind::Redo).unwrap();
        assert_eq!(replica.revision(), 4);
        assert_eq!(replica.in_force().len(), 2);
        // A new edit is not gone on from what was undone before.
        replica.turn(1, EntryKind::Undo).unwrap();
        replica.edit(rename("a", "Z"), ann.clone()).unwrap();
        assert_eq!(replica.next_turn(&ann, EntryKind::Redo), None);
    }

    #[test]
    fn what_cannot_be_turned_changes_nothing() {
        let mut replica = Replica::new(base());
        replica.edit(rename("a", "A"), author("ann")).unwrap();
        replica.edit(rename("a", "AA"), author("ben")).unwrap();
        assert!(matches!(
            replica.turn(1, EntryKind::Undo),
            Err(ReplicaError::Undo(_))
        ));
        assert!(matches!(
            replica.turn(2, EntryKind::Redo),
            Err(ReplicaError::NoSuchEdit { of: 2, .. })
        ));
        assert!(replica.edit(rename("a", "b"), author("ann")).is_err());
        assert_eq!(replica.revision(), 2);
        replica.turn(2, EntryKind::Undo).unwrap();
        replica.turn(1, EntryKind::Undo).unwrap();
        assert_eq!(*replica.tree().finish().unwrap().taxonomy.name(0), *"a");
    }
}
