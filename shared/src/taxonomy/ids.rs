//! Finding labels by id: an open hash table of positions, without a second copy of the ids.

#![allow(
    clippy::indexing_slicing,
    reason = "positions are taken modulo the number of slots"
)]

use std::hash::Hasher;

use rustc_hash::FxHasher;

use super::TaxonomyError;
use crate::LabelIndex;

const FREE: LabelIndex = LabelIndex::MAX;

/// Positions of ids, at most half full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdIndex {
    slots: Vec<LabelIndex>,
}

impl IdIndex {
    /// Indexes all ids.
    pub(super) fn new(ids: &[Box<str>]) -> Result<Self, TaxonomyError> {
        let mut index = Self {
            slots: vec![FREE; (ids.len() * 2).next_power_of_two()],
        };
        for (position, id) in (0..).zip(ids) {
            let slot = index.slot(id, ids);
            if index.slots[slot] != FREE {
                return Err(TaxonomyError::DuplicateId { id: id.to_string() });
            }
            index.slots[slot] = position;
        }
        Ok(index)
    }

    /// The position of an id.
    pub(super) fn find(&self, id: &str, ids: &[Box<str>]) -> Option<LabelIndex> {
        let position = self.slots[self.slot(id, ids)];
        (position != FREE).then_some(position)
    }

    /// The slot that holds the id, else the free one where it would go.
    fn slot(&self, id: &str, ids: &[Box<str>]) -> usize {
        let mut hasher = FxHasher::default();
        hasher.write(id.as_bytes());
        let mask = self.slots.len() - 1;
        let mut slot = hasher.finish() as usize & mask;
        loop {
            let position = self.slots[slot];
            if position == FREE || *ids[position as usize] == *id {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}
