use proptest::prelude::*;

use super::*;
use crate::fixtures::{any_documents, dag, t5};

/// t5 (A 0, B 1, A1 2, A2 3, B1 4): gold and predicted sets, closed.
fn counts(documents: &[([LabelIndex; 2], [LabelIndex; 2])]) -> Counts {
    let t5 = t5();
    let mut counts = Counts::new(5);
    for (gold, predicted) in documents {
        counts.add(&t5.close(gold), &t5.close(predicted));
    }
    counts
}

#[test]
fn subtrees_by_hand() {
    // {A, A1} as {A, A2}; {B, B1} as it is.
    let counts = counts(&[([0, 2], [0, 3]), ([1, 4], [1, 4])]);
    let found = subtrees(&t5(), &counts, None);
    assert_eq!(found.len(), 2);
    let (label, below_a) = found[0];
    assert_eq!(
        (label, below_a.labels, below_a.support, below_a.predicted),
        (0, 3, 2, 2)
    );
    // A is right; of A1 and A2 neither.
    assert!((below_a.micro_f1 - 0.5).abs() < 1e-12);
    assert!((below_a.macro_f1 - 1.0 / 3.0).abs() < 1e-12);
    let (label, below_b) = found[1];
    assert_eq!((label, below_b.labels), (1, 2));
    assert!((below_b.micro_f1 - 1.0).abs() < 1e-12);
    let deeper = subtrees(&t5(), &counts, Some(0));
    assert_eq!(
        deeper.iter().map(|(label, _)| *label).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(deeper[0].1.support, 1);
    assert!(deeper[0].1.micro_recall.abs() < 1e-12);
    assert!(subtrees(&t5(), &counts, Some(4)).is_empty());
}

#[test]
fn a_label_below_two_branches_counts_for_both() {
    let dag = dag();
    let mut counts = Counts::new(5);
    counts.add(&dag.close(&[4]), &dag.close(&[4]));
    let found = subtrees(&dag, &counts, None);
    // Below A lie C and D, below B lie B1, C and D.
    assert_eq!(
        found
            .iter()
            .map(|(_, part)| part.labels)
            .collect::<Vec<_>>(),
        [3, 4]
    );
}

#[test]
fn groups_by_frequency() {
    let bounds = FrequencyBounds::default();
    use Frequency::{Few, Many, Medium, Zero};
    let groups = [0, 1, 20, 21, 100, 101].map(|documents| bounds.group(documents));
    assert_eq!(groups, [Zero, Few, Few, Medium, Medium, Many]);
    let counts = counts(&[([0, 2], [0, 3]), ([1, 4], [1, 4])]);
    let found = by_frequency(&counts, &[200, 20, 0, 0, 5], bounds);
    let found: Vec<(Frequency, u64, u64)> = found
        .into_iter()
        .map(|(group, part)| (group, part.labels, part.support))
        .collect();
    assert_eq!(
        found,
        [(Many, 1, 1), (Few, 2, 2), (Zero, 2, 1)],
        "no group without labels"
    );
}

#[test]
fn lengths_fall_into_even_parts() {
    let lengths = [10, 20, 30, 40, 50, 60];
    let mut counts = LengthCounts::new(5, &lengths, 3);
    for (place, length) in lengths.into_iter().enumerate() {
        let predicted: &[LabelIndex] = if place < 2 { &[0] } else { &[1] };
        counts.add(length, &[0], predicted);
    }
    let found = counts.finish();
    let parts: Vec<(u32, Option<u32>, u64)> = found
        .iter()
        .map(|part| (part.above, part.up_to, part.documents))
        .collect();
    assert_eq!(parts, [(0, Some(20), 2), (20, Some(40), 2), (40, None, 2)]);
    assert!((found[0].figures.micro_f1 - 1.0).abs() < 1e-12);
    assert!(found[1].figures.micro_f1.abs() < 1e-12);
    // All of one length, or no document: one part.
    let equal = LengthCounts::new(5, &[7, 7, 7], 4).finish();
    assert_eq!((equal.len(), equal[0].up_to), (1, None));
    assert_eq!(LengthCounts::new(5, &[], 4).finish().len(), 1);
}

proptest! {
    #[test]
    fn parts_add_up_to_the_whole((taxonomy, documents) in any_documents(12, 6), lengths in proptest::collection::vec(0_u32..9, 6)) {
        let n = taxonomy.len();
        let mut counts = Counts::new(n);
        let mut by_length = LengthCounts::new(n, &lengths[..documents.len()], 3);
        for (place, (gold, dense)) in documents.iter().enumerate() {
            let predicted: Vec<LabelIndex> = taxonomy.indexes().filter(|&label| dense[label as usize] > 0.5).collect();
            counts.add(gold, &predicted);
            by_length.add(lengths[place], gold, &predicted);
        }
        let whole = part(&counts, taxonomy.indexes());
        prop_assert_eq!(whole.micro_f1, counts.micro_f1());
        prop_assert_eq!(whole.macro_f1, counts.macro_f1());
        let parts = by_length.finish();
        prop_assert_eq!(parts.iter().map(|part| part.documents).sum::<u64>(), documents.len() as u64);
        prop_assert_eq!(parts.iter().map(|part| part.figures.support).sum::<u64>(), whole.support);
        let training: Vec<u64> = taxonomy.indexes().map(|label| u64::from(label) * 17).collect();
        let groups = by_frequency(&counts, &training, FrequencyBounds::default());
        prop_assert_eq!(groups.iter().map(|(_, part)| part.labels).sum::<u64>(), n as u64);
        prop_assert_eq!(groups.iter().map(|(_, part)| part.predicted).sum::<u64>(), whole.predicted);
    }
}
