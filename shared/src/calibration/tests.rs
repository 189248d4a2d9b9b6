use proptest::prelude::*;

use super::*;
use crate::fixtures::{any_documents, t5};

/// Gold labels of a document and its scores.
type Scored<'a> = (&'a [LabelIndex], &'a [(LabelIndex, f32)]);

/// Documents of t5 (A 0, B 1, A1 2, A2 3, B1 4).
fn counted(documents: &[Scored<'_>]) -> ScoreCounts {
    let t5 = t5();
    let sizes = level_sizes(&t5);
    let mut counts = ScoreCounts::new(&t5);
    for (gold, scores) in documents {
        let scores = DocumentScores::from_sparse(scores, 0.5);
        counts.add(&t5, &sizes, &t5.close(gold), &scores);
    }
    counts
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} and {b}");
}

#[test]
fn figures_by_hand() {
    assert_eq!(level_sizes(&t5()), [2, 3]);
    // Level 1: A right at .75, B wrong at .25. Level 2: A1 right at .5; A2 and B1 are not stored, and wrong.
    let counts = counted(&[(&[2], &[(0, 0.75), (1, 0.25), (2, 0.5)])]);
    let all = counts.reliability(None);
    close(all.brier, (0.0625 + 0.0625 + 0.25) / 5.0);
    let logs = -(0.75_f64.ln() + 0.75_f64.ln() + 0.5_f64.ln()) - 2.0 * (-1e-6_f64).ln_1p();
    close(all.log_loss, logs / 5.0);
    close(all.ece, (0.25 + 0.25 + 0.5) / 5.0);
    assert_eq!(all.bins.iter().map(|bin| bin.count).sum::<u64>(), 5);
    // 15 bins: 0 lies in the first, .25 in (3/15, 4/15], .5 in (7/15, 8/15], .75 in (11/15, 12/15].
    for (bin, count, right) in [(0, 2, 0.0), (3, 1, 0.0), (7, 1, 1.0), (11, 1, 1.0)] {
        assert_eq!(all.bins[bin].count, count, "bin {bin}");
        close(all.bins[bin].right, right);
    }
    close(counts.reliability(Some(1)).brier, 0.0625);
    close(counts.reliability(Some(2)).brier, 0.25 / 3.0);
    assert_eq!(ScoreCounts::default().reliability(None).bins.len(), BINS);
    close(ScoreCounts::default().reliability(None).ece, 0.0);
}

#[test]
fn a_gold_label_without_a_score_counts_against_the_scores() {
    let counts = counted(&[(&[4], &[(1, 0.5)])]);
    let second = counts.reliability(Some(2));
    close(second.bins[0].right, 1.0 / 3.0);
    close(second.brier, 1.0 / 3.0);
}

#[test]
fn the_temperature_of_overconfident_scores_is_above_one() {
    // Scores of .9 that are right three times in four: log-odds 2.197 should be 1.099, half of it.
    let scores: &[(LabelIndex, f32)] = &[(0, 0.9)];
    let right: &[LabelIndex] = &[0];
    let counts = counted(&[
        (right, scores),
        (right, scores),
        (right, scores),
        (&[], scores),
    ]);
    let fitted = Calibration::fit(&counts, CalibrationKind::Temperature);
    let LevelMap::Temperature(temperature) = fitted.levels[0] else {
        panic!("a temperature was asked for");
    };
    assert!((temperature - 2.0).abs() < 0.01, "{temperature}");
    assert!((fitted.apply(1, 0.9) - 0.75).abs() < 0.005);
    // Nothing stored: nothing changes. Neither does a level that there is not.
    assert_eq!(fitted.levels[1], LevelMap::Temperature(1.0));
    assert_eq!((fitted.apply(2, 0.3), fitted.apply(9, 0.3)), (0.3, 0.3));
}

#[test]
fn shares_ascend() {
    // .25 is right half of the time, .5 never, .75 always: the first two are one at a third of three.
    let counts = counted(&[
        (&[0], &[(0, 0.25), (1, 0.5)]),
        (&[], &[(0, 0.25)]),
        (&[1], &[(1, 0.75)]),
    ]);
    let fitted = Calibration::fit(&counts, CalibrationKind::Isotonic);
    let third = 1.0 / 3.0;
    assert_eq!(
        fitted.levels[0],
        LevelMap::Isotonic(vec![(0.25, third), (0.5, third), (0.75, 1.0)])
    );
    let shares = [0.0, 0.25, 0.4, 0.625, 0.75, 1.0].map(|score| fitted.apply(1, score));
    let expected = [third, third, third, 2.0 / 3.0, 1.0, 1.0].map(|share| share as f32);
    for (share, expected) in shares.iter().zip(expected) {
        assert!((share - expected).abs() < 1e-6, "{share} and {expected}");
    }
    assert_eq!(fitted.levels[1], LevelMap::Isotonic(Vec::new()));
}

proptest! {
    #[test]
    fn maps_keep_the_order_and_lower_what_they_are_fitted_to((taxonomy, documents) in any_documents(10, 6)) {
        let sizes = level_sizes(&taxonomy);
        let mut counts = ScoreCounts::new(&taxonomy);
        let mut halves = [counts.clone(), counts.clone()];
        for (number, (gold, dense)) in documents.iter().enumerate() {
            let scores = DocumentScores::all_from_dense(dense, 0.5);
            counts.add(&taxonomy, &sizes, gold, &scores);
            halves[number % 2].add(&taxonomy, &sizes, gold, &scores);
        }
        let [mut sum, other] = halves;
        sum.merge(&other);
        prop_assert_eq!(&sum, &counts);
        let plain = counts.reliability(None);
        for kind in [CalibrationKind::Temperature, CalibrationKind::Isotonic] {
            let fitted = Calibration::fit(&counts, kind);
            let after = counts.calibrated(None, &fitted);
            match kind {
                CalibrationKind::Temperature => prop_assert!(after.log_loss <= plain.log_loss + 1e-4),
                CalibrationKind::Isotonic => prop_assert!(after.brier <= plain.brier + 1e-6),
            }
            for (_, dense) in &documents {
                let scores = DocumentScores::all_from_dense(dense, 0.5);
                let mapped = fitted.document(&taxonomy, &scores);
                prop_assert!(mapped.scores.is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0)));
                for (label, score) in &mapped.scores {
                    prop_assert!((0.0..=1.0).contains(score));
                    for (other, above) in &mapped.scores {
                        let on_one_level = taxonomy.level(*label) == taxonomy.level(*other);
                        if on_one_level && dense[*label as usize] < dense[*other as usize] {
                            prop_assert!(score <= above);
                        }
                    }
                }
            }
        }
    }
}
