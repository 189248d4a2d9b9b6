//! What resampling needs to know about documents, as small as it can be.
//!
//! A document is a list of codes. A code is a label and who has it: gold, first run, second run (three bits). Labels on
//! which the two runs never differ share one slot, because they move micro-F1 only; slots of their own hold the
//! hierarchical counts and exact matches. Documents with equal codes are one group, so that typical corpora shrink by
//! an order of magnitude.

use rustc_hash::FxHashMap;

use crate::LabelIndex;
use crate::decode::Judged;
use crate::sets;
use crate::taxonomy::Taxonomy;

/// The gold set has the label.
pub(super) const GOLD: u32 = 1;
/// The first run predicts the label.
pub(super) const FIRST: u32 = 2;
/// The second run predicts the label.
pub(super) const SECOND: u32 = 4;
/// Codes of a slot.
pub(super) const CODES: usize = 8;

/// Documents that count alike.
pub(super) struct Group {
    /// `slot · 8 + who`, sorted; repeated where several labels share a slot.
    pub(super) codes: Vec<u32>,
    pub(super) n_documents: u32,
}

/// Sizes, and which slot holds what.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) n_documents: u32,
    pub(super) n_labels: usize,
    /// Labels on which the runs differ somewhere: slots `0..n_slots`.
    pub(super) n_slots: usize,
    /// Whether hierarchical counts have a slot of their own; else they equal the decoded ones.
    pub(super) has_hierarchical: bool,
}

impl Shape {
    /// Slot of all labels on which the runs never differ.
    pub(super) fn rest(&self) -> usize {
        self.n_slots
    }

    /// Slot of all labels of sets closed upwards before decoding.
    pub(super) fn hierarchical(&self) -> usize {
        self.n_slots + 1
    }

    /// Slot of exact matches.
    pub(super) fn exact(&self) -> usize {
        self.n_slots + 2
    }

    pub(super) fn n_codes(&self) -> usize {
        (self.n_slots + 3) * CODES
    }
}

pub(super) struct Documents {
    pub(super) shape: Shape,
    /// Largest groups first, then by codes: the order of documents is forgotten.
    pub(super) groups: Vec<Group>,
}

impl Documents {
    pub(super) fn new(
        a: &[Judged],
        b: &[Judged],
        gold: &[Vec<LabelIndex>],
        taxonomy: &Taxonomy,
    ) -> Self {
        let triples = || gold.iter().zip(a.iter().zip(b));
        let mut differs = vec![false; taxonomy.len()];
        let mut has_hierarchical = false;
        for (_, (a, b)) in triples() {
            for_each(&[], &a.labels, &b.labels, |label, who| {
                differs[label as usize] |= who == FIRST || who == SECOND;
            });
            has_hierarchical |=
                taxonomy.close(&a.raw) != a.labels || taxonomy.close(&b.raw) != b.labels;
        }
        let n_slots = differs.iter().filter(|&&differs| differs).count();
        let shape = Shape {
            n_documents: gold.len() as u32,
            n_labels: taxonomy.len(),
            n_slots,
            has_hierarchical,
        };
        let mut next = 0;
        let slot = |&differs: &bool| {
            next += usize::from(differs);
            if differs { next - 1 } else { shape.rest() }
        };
        let slots: Vec<usize> = differs.iter().map(slot).collect();
        let mut counts: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
        for (gold, (a, b)) in triples() {
            *counts
                .entry(codes(shape, &slots, gold, a, b, taxonomy))
                .or_default() += 1;
        }
        let group = |(codes, n_documents)| Group { codes, n_documents };
        let mut groups: Vec<Group> = counts.into_iter().map(group).collect();
        groups.sort_unstable_by(|a, b| {
            b.n_documents
                .cmp(&a.n_documents)
                .then_with(|| a.codes.cmp(&b.codes))
        });
        Self { shape, groups }
    }
}

/// The codes of one document.
fn codes(
    shape: Shape,
    slots: &[usize],
    gold: &[LabelIndex],
    a: &Judged,
    b: &Judged,
    taxonomy: &Taxonomy,
) -> Vec<u32> {
    let gold = sets::sorted(gold);
    let mut codes = Vec::with_capacity(gold.len() + 4);
    let code = |slot: usize, who: u32| (slot * CODES) as u32 + who;
    for_each(&gold, &a.labels, &b.labels, |label, who| {
        codes.push(code(slots[label as usize], who))
    });
    if shape.has_hierarchical {
        let (a, b) = (taxonomy.close(&a.raw), taxonomy.close(&b.raw));
        for_each(&gold, &a, &b, |_, who| {
            codes.push(code(shape.hierarchical(), who))
        });
    }
    let (exact_a, exact_b) = (*gold == a.labels[..], *gold == b.labels[..]);
    if exact_a != exact_b {
        codes.push(code(shape.exact(), if exact_a { FIRST } else { SECOND }));
    }
    codes.sort_unstable();
    codes
}

/// Calls `visit` for every label of three sorted sets, with the bits of the sets that have it.
fn for_each(
    gold: &[LabelIndex],
    a: &[LabelIndex],
    b: &[LabelIndex],
    mut visit: impl FnMut(LabelIndex, u32),
) {
    let mut rest = [(gold, GOLD), (a, FIRST), (b, SECOND)];
    while let Some(label) = rest
        .iter()
        .filter_map(|(set, _)| set.first())
        .min()
        .copied()
    {
        let mut who = 0;
        for (set, bit) in &mut rest {
            if set.first() == Some(&label) {
                who |= *bit;
                *set = &set[1..];
            }
        }
        visit(label, who);
    }
}
