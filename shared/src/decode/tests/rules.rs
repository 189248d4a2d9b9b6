//! The rules against their definitions, and against all sets there are.

use std::collections::BTreeSet;

use super::*;
use crate::fixtures::{any_scores, any_taxonomy};

const RULES: [DecodingRule; 4] = [
    DecodingRule::CloseUp,
    DecodingRule::TopDown,
    DecodingRule::BestSet,
    DecodingRule::BestPath,
];

fn by(rule: DecodingRule) -> DecodeOptions {
    DecodeOptions {
        rule,
        ..DecodeOptions::default()
    }
}

/// Labels of t5: A 0, B 1, A1 2, A2 3, B1 4.
fn labels(stored: &[(LabelIndex, f32)], options: &DecodeOptions) -> Vec<LabelIndex> {
    decode(&t5(), &scores(stored), options, 0.5).labels
}

#[test]
fn top_down_keeps_what_can_be_reached() {
    let stored = [(0, 0.75), (2, 0.625), (4, 0.875), (1, 0.25)];
    // B is not chosen, so B1 is lost.
    assert_eq!(labels(&stored, &by(DecodingRule::TopDown)), [0, 2]);
    assert_eq!(labels(&stored, &by(DecodingRule::CloseUp)), [0, 1, 2, 4]);
    // In a DAG one parent is enough; the others come along. C lies below A and B1, D below C and A.
    let options = by(DecodingRule::TopDown);
    let found = decode(&dag(), &scores(&[(0, 0.75), (3, 0.75)]), &options, 0.5);
    assert_eq!(found.labels, [0, 1, 2, 3]);
    let found = decode(&dag(), &scores(&[(3, 0.75), (4, 0.75)]), &options, 0.5);
    assert_eq!(found.labels, Vec::<LabelIndex>::new());
}

#[test]
fn the_best_set_weighs_a_label_against_its_ancestors() {
    let best = by(DecodingRule::BestSet);
    // Log-odds: .875 is 1.95, .75 is 1.10, .625 is .51, .25 is -1.10, .125 is -1.95.
    assert_eq!(labels(&[(1, 0.25), (4, 0.875)], &best), [1, 4]);
    assert_eq!(
        labels(&[(1, 0.125), (4, 0.75)], &best),
        Vec::<LabelIndex>::new()
    );
    // Two children together outweigh what speaks against their parent; neither would alone.
    assert_eq!(labels(&[(0, 0.25), (2, 0.625), (3, 0.7)], &best), [0, 2, 3]);
    assert_eq!(
        labels(&[(0, 0.25), (2, 0.625)], &best),
        Vec::<LabelIndex>::new()
    );
    // As much for as against: the smaller set.
    assert_eq!(
        labels(&[(0, 0.25), (2, 0.75)], &best),
        Vec::<LabelIndex>::new()
    );
    // A lower threshold speaks for all of them.
    let lower = DecodeOptions {
        selection: Selection::Threshold(0.125),
        ..best
    };
    assert_eq!(labels(&[(0, 0.25), (2, 0.75)], &lower), [0, 2]);
}

#[test]
fn the_best_path_is_one_label_with_its_ancestors() {
    let best = by(DecodingRule::BestPath);
    let stored = [(0, 0.75), (2, 0.625), (3, 0.6), (1, 0.625), (4, 0.875)];
    // B + B1 2.46, A + A1 1.61, A + A2 1.50.
    assert_eq!(labels(&stored, &best), [1, 4]);
    assert_eq!(labels(&[(0, 0.75), (2, 0.25)], &best), [0]);
    assert_eq!(labels(&[(0, 0.25)], &best), Vec::<LabelIndex>::new());
    let leaves = DecodeOptions {
        ends: Ends::Leaves,
        ..best.clone()
    };
    assert_eq!(labels(&[(0, 0.875), (2, 0.25), (3, 0.3)], &leaves), [0, 3]);
    let wanted = DecodeOptions {
        at_least_one: true,
        ..best
    };
    assert_eq!(labels(&[(0, 0.25), (1, 0.125)], &wanted), [0]);
    assert_eq!(
        labels(&[], &wanted),
        [0],
        "no score at all: the first of the top level"
    );
}

#[test]
fn paths_are_continued_to_leaves() {
    let options = DecodeOptions {
        ends: Ends::Leaves,
        ..DecodeOptions::default()
    };
    assert_eq!(
        labels(&[(0, 0.75), (2, 0.125), (3, 0.25)], &options),
        [0, 3]
    );
    assert_eq!(
        labels(&[(0, 0.75), (2, 0.625)], &options),
        [0, 2],
        "one that ends in a leaf stays"
    );
    assert_eq!(labels(&[], &options), Vec::<LabelIndex>::new());
    let wanted = DecodeOptions {
        at_least_one: true,
        ..options
    };
    assert_eq!(labels(&[(1, 0.25), (4, 0.125)], &wanted), [1, 4]);
}

#[test]
fn levels_have_thresholds_of_their_own() {
    let stored = scores(&[(0, 0.4), (1, 0.35), (2, 0.65), (3, 0.7)]);
    let raw = |thresholds: &[f32]| {
        let options = select(Selection::Levels(thresholds.to_vec()));
        decode(&t5(), &stored, &options, 0.5).raw
    };
    assert_eq!(raw(&[0.375, 0.675]), [0, 3]);
    assert_eq!(raw(&[0.375]), [0, 2, 3], "the last one goes for all below");
    assert_eq!(raw(&[]), [2, 3], "none: that of the method");
}

#[test]
fn what_is_not_asked_for_is_not_on_the_wire() {
    let options = DecodeOptions {
        rule: DecodingRule::BestPath,
        selection: Selection::Levels(vec![0.5, 0.25]),
        ends: Ends::Leaves,
        at_least_one: true,
    };
    let json = r#"{"rule":"best_path","selection":{"levels":[0.5,0.25]},"ends":"leaves","at_least_one":true}"#;
    assert_eq!(serde_json::to_string(&options).unwrap(), json);
    assert_eq!(
        serde_json::from_str::<DecodeOptions>(json).unwrap(),
        options
    );
}

/// Every set that is closed upwards, of a taxonomy of few labels.
fn closed_sets(taxonomy: &Taxonomy) -> BTreeSet<Vec<LabelIndex>> {
    (0..1_u32 << taxonomy.len())
        .map(|bits| {
            let chosen = taxonomy.indexes().filter(|label| bits >> label & 1 == 1);
            taxonomy.close(&chosen.collect::<Vec<_>>())
        })
        .collect()
}

/// What speaks for a set, as the rules count.
fn weight(dense: &[f32], threshold: f32, labels: &[LabelIndex]) -> i64 {
    let odds = |p: f32| {
        let p = f64::from(p).clamp(0.001, 0.999);
        (p / (1.0 - p)).ln()
    };
    let of = |label: &LabelIndex| {
        ((odds(dense[*label as usize]) - odds(threshold)) * 1_048_576.0).round() as i64
    };
    labels.iter().map(of).sum()
}

fn any_scored(size: usize) -> impl Strategy<Value = (Taxonomy, Vec<f32>)> {
    any_taxonomy(size).prop_flat_map(|taxonomy| {
        let n = taxonomy.len();
        (Just(taxonomy), any_scores(n))
    })
}

proptest! {
    #[test]
    fn no_set_is_better_than_the_best(
        (taxonomy, dense) in any_scored(8),
        threshold in (1_u16..16).prop_map(|step| f32::from(step) / 16.0),
    ) {
        let stored = DocumentScores::all_from_dense(&dense, threshold);
        let options = DecodeOptions {
            selection: Selection::Threshold(threshold),
            ..by(DecodingRule::BestSet)
        };
        let found = decode(&taxonomy, &stored, &options, 0.5).labels;
        let stored: Vec<f32> = taxonomy.indexes().map(|label| {
            stored.scores.iter().find(|score| score.0 == label).map_or(0.0, |score| score.1)
        }).collect();
        let own = weight(&stored, threshold, &found);
        for other in closed_sets(&taxonomy) {
            let others = weight(&stored, threshold, &other);
            prop_assert!(others <= own);
            prop_assert!(others < own || other.len() >= found.len(), "{other:?} is smaller than {found:?}");
        }
        let options = DecodeOptions { rule: DecodingRule::BestPath, ..options };
        let path = decode(&taxonomy, &DocumentScores::all_from_dense(&dense, threshold), &options, 0.5).labels;
        let best = taxonomy.indexes().map(|label| weight(&stored, threshold, &taxonomy.close(&[label]))).max();
        prop_assert_eq!(weight(&stored, threshold, &path), best.unwrap_or(0).max(0));
    }

    #[test]
    fn every_rule_keeps_to_the_taxonomy_and_to_what_is_asked(
        (taxonomy, dense) in any_scored(12),
        selection in any_selection(),
        rule in 0_usize..4,
        leaves in any::<bool>(),
        at_least_one in any::<bool>(),
    ) {
        let options = DecodeOptions {
            rule: RULES[rule],
            selection,
            ends: if leaves { Ends::Leaves } else { Ends::Anywhere },
            at_least_one,
        };
        let stored = DocumentScores::from_dense(&dense, 0.5);
        let decoded = decode(&taxonomy, &stored, &options, 0.5);
        prop_assert!(taxonomy.is_closed(&decoded.labels));
        prop_assert!(crate::sets::is_sorted(&decoded.labels));
        prop_assert!(!at_least_one || !decoded.labels.is_empty());
        let is_end = |label: LabelIndex| {
            !taxonomy.children(label).iter().any(|child| decoded.labels.contains(child))
        };
        let ends: Vec<LabelIndex> = decoded.labels.iter().copied().filter(|&label| is_end(label)).collect();
        if leaves {
            prop_assert!(ends.iter().all(|&end| taxonomy.children(end).is_empty()));
        }
        match rule {
            0 => prop_assert!(decoded.raw.iter().all(|label| decoded.labels.contains(label))),
            1 if !leaves && !decoded.raw.is_empty() && taxonomy.is_tree() && !at_least_one => {
                prop_assert!(decoded.labels.iter().all(|label| decoded.raw.contains(label)));
            }
            3 => prop_assert!(ends.len() <= 1, "{ends:?}"),
            _ => {}
        }
    }
}
