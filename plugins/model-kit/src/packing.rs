//! How the documents of a batch lie in memory so that nothing is ever padded.
//!
//! Documents are dealt to as many groups as there are threads. Within a group they stand from longest
//! to shortest; its tokens are *packed by time* (first tokens of all documents, then the second ones, …)
//! for the recurrence, and lie *document after document* for everything else. Each group is one
//! contiguous range of rows in both orders.

use std::ops::Range;

/// One time step of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedStep {
    /// First row of the step, relative to the group.
    pub offset: usize,
    /// Documents that have a token here: the first ones.
    pub alive: usize,
}

/// The documents that one thread works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// First document, counted in the batch's order.
    pub first_document: usize,
    pub documents: usize,
    /// First row of the group, the same in both orders.
    pub first_token: usize,
    pub tokens: usize,
    /// By time.
    pub steps: Vec<PackedStep>,
    /// First row of each document when documents follow each other, relative to the group.
    pub starts: Vec<usize>,
}

/// Layout of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Lengths in the batch's order; at least 1 each.
    pub lengths: Vec<usize>,
    pub groups: Vec<Group>,
    /// All tokens.
    pub tokens: usize,
    /// Length of the longest document.
    pub longest: usize,
}

impl Packing {
    /// Deals documents of the given lengths to groups. Returns the layout and, for each place in the
    /// batch's order, which document stands there.
    ///
    /// # Panics
    /// If a length is 0: an empty document is one padding token.
    #[must_use]
    pub fn arrange(lengths: &[usize], groups: usize) -> (Self, Vec<usize>) {
        assert!(
            lengths.iter().all(|&length| length > 0),
            "an empty document is one padding token"
        );
        let mut by_length: Vec<usize> = (0..lengths.len()).collect();
        by_length.sort_by_key(|&document| (std::cmp::Reverse(lengths[document]), document));
        let count = groups.clamp(1, lengths.len().max(1));
        let mut order = Vec::with_capacity(lengths.len());
        let mut packed = Vec::with_capacity(count);
        let mut tokens = 0;
        for group in 0..count {
            let members: Vec<usize> = by_length
                .iter()
                .copied()
                .skip(group)
                .step_by(count)
                .collect();
            let first_document = order.len();
            packed.push(Group::new(
                &members
                    .iter()
                    .map(|&document| lengths[document])
                    .collect::<Vec<_>>(),
                first_document,
                tokens,
            ));
            tokens += packed[group].tokens;
            order.extend(members);
        }
        let packing = Self {
            lengths: order.iter().map(|&document| lengths[document]).collect(),
            groups: packed,
            tokens,
            longest: lengths.iter().copied().max().unwrap_or(0),
        };
        (packing, order)
    }

    /// Number of documents.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.lengths.len()
    }

    /// Calls `visit(document, time)` for each row packed by time; documents counted in the batch's order.
    pub fn for_each_packed(&self, mut visit: impl FnMut(usize, usize)) {
        for group in &self.groups {
            for (time, step) in group.steps.iter().enumerate() {
                for document in 0..step.alive {
                    visit(group.first_document + document, time);
                }
            }
        }
    }

    /// Rows of each group.
    #[must_use]
    pub fn token_ranges(&self) -> Vec<Range<usize>> {
        let groups = self.groups.iter();
        groups
            .map(|group| group.first_token..group.first_token + group.tokens)
            .collect()
    }

    /// Documents of each group, in the batch's order.
    #[must_use]
    pub fn document_ranges(&self) -> Vec<Range<usize>> {
        let groups = self.groups.iter();
        groups
            .map(|group| group.first_document..group.first_document + group.documents)
            .collect()
    }

    /// First row of each document in the order document after document, and the end of the last one.
    #[must_use]
    pub fn starts(&self) -> Vec<usize> {
        let mut starts: Vec<usize> = self
            .groups
            .iter()
            .flat_map(|group| group.starts.iter().map(|start| group.first_token + start))
            .collect();
        starts.push(self.tokens);
        starts
    }
}

impl Group {
    fn new(lengths: &[usize], first_document: usize, first_token: usize) -> Self {
        let longest = lengths.first().copied().unwrap_or(0);
        let mut steps = Vec::with_capacity(longest);
        let mut alive = lengths.len();
        let mut offset = 0;
        for time in 0..longest {
            while alive > 0 && lengths[alive - 1] <= time {
                alive -= 1;
            }
            steps.push(PackedStep { offset, alive });
            offset += alive;
        }
        let mut starts = Vec::with_capacity(lengths.len());
        let mut start = 0;
        for length in lengths {
            starts.push(start);
            start += length;
        }
        Self {
            first_document,
            documents: lengths.len(),
            first_token,
            tokens: offset,
            steps,
            starts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_dealt_from_longest_to_shortest() {
        let (packing, order) = Packing::arrange(&[3, 5, 1, 4], 2);
        assert_eq!(order, [1, 0, 3, 2]);
        assert_eq!(packing.lengths, [5, 3, 4, 1]);
        assert_eq!(packing.tokens, 13);
        assert_eq!(packing.longest, 5);
        assert_eq!(packing.starts(), [0, 5, 8, 12, 13]);
        let alive: Vec<usize> = packing.groups[0]
            .steps
            .iter()
            .map(|step| step.alive)
            .collect();
        assert_eq!(alive, [2, 2, 2, 1, 1]);
        let mut rows = Vec::new();
        packing.for_each_packed(|document, time| rows.push((document, time)));
        assert_eq!(rows[..4], [(0, 0), (1, 0), (0, 1), (1, 1)]);
        assert_eq!(rows.len(), packing.tokens);
    }

    #[test]
    fn there_are_never_more_groups_than_documents() {
        let (packing, order) = Packing::arrange(&[2], 8);
        assert_eq!(packing.groups.len(), 1);
        assert_eq!(order, [0]);
        let (empty, _) = Packing::arrange(&[], 4);
        assert_eq!(empty.tokens, 0);
    }
}
