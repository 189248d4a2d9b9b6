use proptest::prelude::*;

use super::ErrorKind::{Extra, Missed, Right, TooDeep, TooShallow, WrongBranch, WrongSibling};
use super::*;
use crate::fixtures::{any_documents, dag, t5, taxonomy};

/// Gold and predicted sets are closed first.
fn found(
    taxonomy: &Taxonomy,
    gold: &[LabelIndex],
    predicted: &[LabelIndex],
) -> Vec<(Option<LabelIndex>, Option<LabelIndex>, ErrorKind, u32)> {
    outcomes(taxonomy, &taxonomy.close(gold), &taxonomy.close(predicted))
        .into_iter()
        .map(|found| (found.gold, found.predicted, found.kind, found.distance))
        .collect()
}

/// Root → A 0, B 1; A → A1 2, A2 3; B → B1 4.
#[test]
fn each_kind_of_error_has_its_name() {
    let t5 = t5();
    let one = |gold: &[LabelIndex], predicted: &[LabelIndex]| found(&t5, gold, predicted);
    assert_eq!(one(&[2], &[2]), [(Some(2), Some(2), Right, 0)]);
    assert_eq!(one(&[2], &[0]), [(Some(2), Some(0), TooShallow, 1)]);
    assert_eq!(one(&[0], &[3]), [(Some(0), Some(3), TooDeep, 1)]);
    assert_eq!(one(&[2], &[3]), [(Some(2), Some(3), WrongSibling, 2)]);
    assert_eq!(one(&[0], &[1]), [(Some(0), Some(1), WrongSibling, 2)]);
    assert_eq!(one(&[2], &[4]), [(Some(2), Some(4), WrongBranch, 4)]);
    assert_eq!(one(&[2], &[1]), [(Some(2), Some(1), WrongBranch, 3)]);
    assert_eq!(one(&[4], &[]), [(Some(4), None, Missed, 2)]);
    assert_eq!(one(&[], &[1]), [(None, Some(1), Extra, 1)]);
    assert_eq!(one(&[], &[]), []);
}

#[test]
fn several_ends_are_set_beside_each_other_once() {
    let t5 = t5();
    // A1 is right; what is said beyond it is extra, not in place of it.
    assert_eq!(
        found(&t5, &[2], &[2, 4]),
        [(Some(2), Some(2), Right, 0), (None, Some(4), Extra, 2)]
    );
    // A stands for both of its children, and B1 for nothing.
    assert_eq!(
        found(&t5, &[2, 3], &[0, 4]),
        [
            (Some(2), Some(0), TooShallow, 1),
            (Some(3), Some(0), TooShallow, 1),
            (None, Some(4), Extra, 2)
        ]
    );
    // The nearest first: A1 goes with A2, B1 with nothing.
    assert_eq!(
        found(&t5, &[2, 4], &[3]),
        [
            (Some(2), Some(3), WrongSibling, 2),
            (Some(4), None, Missed, 2)
        ]
    );
    // An inner gold label below which two were predicted.
    assert_eq!(
        found(&t5, &[0], &[2, 3]),
        [
            (Some(0), Some(2), TooDeep, 1),
            (Some(0), Some(3), TooDeep, 1)
        ]
    );
}

#[test]
fn several_parents_offer_the_shortest_way() {
    // A 0, B 1, B1 2 below B, C 3 below A and B1, D 4 below C and A.
    let dag = dag();
    assert_eq!(distance(&dag, 4, 0), 1, "D lies right below A");
    assert_eq!(distance(&dag, 3, 4), 1);
    assert_eq!(distance(&dag, 4, 2), 2, "over C");
    assert_eq!(distance(&dag, 0, 2), 3, "over the root");
    assert_eq!(distance(&dag, 2, 2), 0);
    // Two labels that share their second parent are siblings.
    let shared = taxonomy(&[("A", &[]), ("B", &[]), ("C", &["A", "B"]), ("D", &["B"])]);
    assert_eq!(
        found(&shared, &[2], &[3]),
        [(Some(2), Some(3), WrongSibling, 2)]
    );
}

#[test]
fn counts_collapse_to_any_level() {
    let t5 = t5();
    let mut confusion = Confusion::default();
    for (gold, predicted) in [(2, 3), (2, 3), (3, 4), (4, 4)] {
        confusion.add(&t5, &t5.close(&[gold]), &t5.close(&[predicted]));
    }
    let kinds: Vec<(ErrorKind, u64)> = confusion.kinds().into_iter().collect();
    assert_eq!(kinds, [(Right, 1), (WrongSibling, 2), (WrongBranch, 1)]);
    assert!((confusion.mean_distance() - 8.0 / 4.0).abs() < 1e-12);
    let cells: Vec<(Option<LabelIndex>, Option<LabelIndex>, u64)> = confusion
        .cells()
        .into_iter()
        .map(|(cell, count)| (cell.gold, cell.predicted, count))
        .collect();
    assert_eq!(
        cells,
        [
            (Some(2), Some(3), 2),
            (Some(3), Some(4), 1),
            (Some(4), Some(4), 1)
        ]
    );
    let top = confusion.collapsed(|label| t5.path(label)[0]);
    assert_eq!(
        top,
        [
            ((Some(0), Some(0), WrongSibling), 2),
            ((Some(0), Some(1), WrongBranch), 1),
            ((Some(1), Some(1), Right), 1)
        ]
    );
    let mut twice = confusion.clone();
    twice.merge(&confusion);
    assert_eq!(twice.kinds()[&WrongSibling], 4);
    assert!((Confusion::default().mean_distance()).abs() < f64::EPSILON);
}

proptest! {
    #[test]
    fn every_end_is_accounted_for((taxonomy, documents) in any_documents(12, 2)) {
        let [first, second] = [0, 1].map(|n| documents.get(n).map(|(gold, _)| gold.clone()).unwrap_or_default());
        let found = outcomes(&taxonomy, &first, &second);
        let is_right = first == second;
        prop_assert_eq!(found.iter().all(|outcome| outcome.kind == Right), is_right);
        let golds: std::collections::BTreeSet<_> = found.iter().filter_map(|outcome| outcome.gold).collect();
        let predicted: std::collections::BTreeSet<_> = found.iter().filter_map(|outcome| outcome.predicted).collect();
        prop_assert_eq!(golds.into_iter().collect::<Vec<_>>(), ends(&taxonomy, &first));
        prop_assert_eq!(predicted.into_iter().collect::<Vec<_>>(), ends(&taxonomy, &second));
        // The other way round the same pairs err the other way.
        let mirrored = outcomes(&taxonomy, &second, &first);
        let count = |found: &[Outcome], kind| found.iter().filter(|outcome| outcome.kind == kind).count();
        prop_assert_eq!(count(&found, TooDeep), count(&mirrored, TooShallow));
        for kind in [Right, WrongSibling, WrongBranch] {
            prop_assert!(kind != Right || count(&found, kind) == count(&mirrored, kind));
        }
        for outcome in &found {
            if let (Some(gold), Some(predicted)) = (outcome.gold, outcome.predicted) {
                prop_assert_eq!(outcome.distance, distance(&taxonomy, predicted, gold));
                prop_assert_eq!(outcome.distance == 0, gold == predicted);
            }
        }
    }
}
