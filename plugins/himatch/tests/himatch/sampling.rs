//! Which labels are drawn (METHODS 8.4, on the toy tree A, B, A1, A2, B1 = 0 to 4).

use std::collections::BTreeSet;

use arborist_himatch::sampling::{Chance, Draw, Family};
use arborist_himatch::{CoarseParents, MatchingSettings};
use arborist_model_kit::checks::{t5, taxonomy};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::LabelSets;
use arborist_shared::taxonomy::Taxonomy;

fn draws(taxonomy: &Taxonomy, gold: &[u32], settings: &MatchingSettings, n: usize) -> Vec<Draw> {
    let family = Family::new(&Hierarchy::graph(taxonomy, []), LabelSets::Closed);
    let mut chance = Chance::new(Noise::new(1, 0, 0, 0));
    (0..n)
        .flat_map(|_| family.draw(&[gold.to_vec()], settings, &mut chance))
        .collect()
}

fn distinct(labels: impl Iterator<Item = u32>) -> Vec<u32> {
    labels.collect::<BTreeSet<u32>>().into_iter().collect()
}

#[test]
fn labels_of_a_leaf_and_its_parent() {
    let all = draws(&t5(), &[0, 2], &MatchingSettings::default(), 10_000);
    assert_eq!(all.len(), 10_000);
    let (top, leaf): (Vec<&Draw>, Vec<&Draw>) = all.iter().partition(|draw| draw.positive == 0);
    let share = top.len() as f64 / all.len() as f64;
    assert!((share - 0.5).abs() < 0.02, "{share}");
    // On the top level a label is its own coarse label, and top-level labels are its siblings.
    assert!(
        top.iter()
            .all(|draw| draw.coarse == [0] && draw.sibling == Some(1))
    );
    assert!(
        leaf.iter()
            .all(|draw| draw.coarse == [0] && draw.sibling == Some(3))
    );
    let others = leaf.iter().flat_map(|draw| draw.others.iter().copied());
    assert_eq!(distinct(others), [1, 3, 4]);
}

#[test]
fn others_are_drawn_evenly() {
    let all = draws(&t5(), &[0, 2], &MatchingSettings::default(), 9_000);
    for label in [1, 3, 4] {
        let n = all.iter().filter(|draw| draw.others == [label]).count();
        assert!((2_700..3_300).contains(&n), "label {label}: {n} of 9,000");
    }
}

#[test]
fn a_label_without_siblings_gets_any_wrong_one() {
    let all = draws(&t5(), &[1, 4], &MatchingSettings::default(), 2_000);
    let siblings = all
        .iter()
        .filter(|draw| draw.positive == 4)
        .filter_map(|draw| draw.sibling);
    assert_eq!(distinct(siblings), [0, 2, 3]);
}

#[test]
fn right_siblings_are_left_out_unless_told_otherwise() {
    let gold = [0, 2, 3];
    let siblings = |filter_gold_siblings| {
        let settings = MatchingSettings {
            filter_gold_siblings,
            ..MatchingSettings::default()
        };
        let all = draws(&t5(), &gold, &settings, 2_000);
        distinct(
            all.iter()
                .filter(|draw| draw.positive == 2)
                .filter_map(|draw| draw.sibling),
        )
    };
    // The other child of A is right as well: any wrong label instead.
    assert_eq!(siblings(true), [1, 4]);
    assert_eq!(siblings(false), [3]);
}

#[test]
fn without_the_hierarchy_three_wrong_labels_are_drawn() {
    let settings = MatchingSettings {
        hierarchy_sampling: false,
        ..MatchingSettings::default()
    };
    for draw in draws(&t5(), &[0, 2], &settings, 500) {
        assert_eq!(
            (draw.coarse.len(), draw.sibling, draw.others.len()),
            (0, None, 3)
        );
        assert!(draw.others.iter().all(|label| ![0, 2].contains(label)));
    }
}

#[test]
fn all_fine_labels_or_several() {
    let fine = MatchingSettings {
        positive_num: 0,
        ..MatchingSettings::default()
    };
    let positives = |settings: &MatchingSettings, gold: &[u32]| {
        let all = draws(&t5(), gold, settings, 1);
        all.iter().map(|draw| draw.positive).collect::<Vec<u32>>()
    };
    assert_eq!(positives(&fine, &[0, 1, 2, 3]), [1, 2, 3]);
    let three = MatchingSettings {
        positive_num: 3,
        ..MatchingSettings::default()
    };
    assert_eq!(positives(&three, &[0, 2]).len(), 3);
}

#[test]
fn documents_without_labels_and_with_all_of_them() {
    let settings = MatchingSettings::default();
    assert!(draws(&t5(), &[], &settings, 10).is_empty());
    for draw in draws(&t5(), &[0, 1, 2, 3, 4], &settings, 50) {
        assert_eq!((draw.sibling, draw.others.len()), (None, 0));
    }
}

#[test]
fn one_of_several_parents_is_drawn() {
    let dag = taxonomy(&[("A", &[]), ("B", &[]), ("C", &["A", "B"]), ("D", &["B"])]);
    let all = draws(&dag, &[2], &MatchingSettings::default(), 500);
    assert!(all.iter().all(|draw| draw.coarse.len() == 1));
    assert_eq!(
        distinct(all.iter().flat_map(|draw| draw.coarse.clone())),
        [0, 1]
    );
}

#[test]
fn all_parents_are_coarse_labels_where_they_are_asked_for() {
    let dag = taxonomy(&[("A", &[]), ("B", &[]), ("C", &["A", "B"]), ("D", &["C"])]);
    let settings = MatchingSettings {
        coarse_parents: CoarseParents::All,
        ..MatchingSettings::default()
    };
    for draw in draws(&dag, &[0, 1, 2, 3], &settings, 100) {
        // On the top level a label is its own coarse label still.
        let expected: &[u32] = match draw.positive {
            2 => &[0, 1],
            3 => &[2],
            top => &[top],
        };
        assert_eq!(draw.coarse, expected, "of {}", draw.positive);
    }
    // Where ancestors are not gold, all that the document does not have.
    let family = Family::new(&Hierarchy::graph(&dag, []), LabelSets::Explicit);
    let mut chance = Chance::new(Noise::new(1, 0, 0, 0));
    for (gold, expected) in [(vec![3], vec![0, 1, 2]), (vec![0, 3], vec![1, 2])] {
        for draw in family.draw(&[gold], &settings, &mut chance) {
            if draw.positive == 3 {
                assert_eq!(draw.coarse, expected);
            }
        }
    }
}

#[test]
fn where_ancestors_are_not_gold_one_of_them_is_the_coarse_label() {
    let dag = taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("C", &["A", "B"]),
        ("D", &["C"]),
        ("E", &[]),
    ]);
    let family = Family::new(&Hierarchy::graph(&dag, []), LabelSets::Explicit);
    let settings = MatchingSettings::default();
    let mut chance = Chance::new(Noise::new(1, 0, 0, 0));
    let mut coarse = |gold: &[u32], positive: u32| -> Vec<u32> {
        let all: Vec<Draw> = (0..500)
            .flat_map(|_| family.draw(&[gold.to_vec()], &settings, &mut chance))
            .filter(|draw| draw.positive == positive)
            .collect();
        distinct(all.iter().flat_map(|draw| draw.coarse.clone()))
    };
    // Not the parent, which the document has, but what is above it.
    assert_eq!(coarse(&[2, 3], 3), [0, 1]);
    assert_eq!(coarse(&[3], 3), [0, 1, 2]);
    // Nothing is above: no coarse label, for the document has this one.
    assert_eq!(coarse(&[4], 4), [0_u32; 0]);
}
