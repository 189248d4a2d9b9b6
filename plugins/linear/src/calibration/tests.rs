//! Scores grow with margins, keep the classifier's decision, and mean what they say.

use super::{Calibration, JUST_ABOVE, Slopes};
use crate::random::Random;

const PRIOR: f64 = 3.0;

/// A calibration of labels whose margins `m`, evenly spread from -2 to 2, mean a label with probability `σ(slope·m)`.
fn calibrated(slopes: &[(f64, usize)]) -> Vec<Slopes> {
    let mut random = Random::new(3, 0, 0);
    let mut calibration = Calibration::new(slopes.len(), PRIOR);
    for (label, &(slope, n_documents)) in slopes.iter().enumerate() {
        for _ in 0..n_documents {
            let margin = random.below(4_000_000) as f64 / 1e6 - 2.0;
            let probability = 1.0 / (1.0 + (-slope * margin).exp());
            calibration.add(
                label,
                margin as f32,
                (random.below(1 << 30) as f64) < probability * f64::from(1 << 30),
            );
        }
    }
    calibration.finish()
}

#[test]
fn the_decision_stays_where_it_was() {
    for slopes in [
        Slopes {
            below: 1e-3,
            above: 1e-3,
        },
        Slopes {
            below: 40.0,
            above: 0.5,
        },
        Slopes::uncalibrated(PRIOR),
    ] {
        assert!(slopes.score(f32::MIN_POSITIVE) > 0.5);
        assert!(slopes.score(1e-30) > 0.5);
        assert!(slopes.score(0.0) <= 0.5);
        assert!(slopes.score(-0.0) <= 0.5);
        assert!(slopes.score(-1e-30) <= 0.5);
        assert_eq!(slopes.score(f32::MAX), 1.0);
        assert_eq!(slopes.score(f32::MIN), 0.0);
    }
    const { assert!(JUST_ABOVE > 0.5) };
}

#[test]
fn scores_grow_with_margins() {
    let slopes = Slopes {
        below: 2.0,
        above: 7.0,
    };
    let scores: Vec<f32> = (-300..=300)
        .map(|step| slopes.score(step as f32 / 100.0))
        .collect();
    assert!(scores.is_sorted());
}

#[test]
fn without_documents_the_slopes_are_the_prior() {
    assert_eq!(calibrated(&[(1.0, 0)]), [Slopes::uncalibrated(PRIOR)]);
}

#[test]
fn with_many_documents_the_slopes_are_found_again() {
    let found = calibrated(&[(1.0, 20_000), (6.0, 20_000)]);
    for (slopes, expected) in found.iter().zip([1.0_f32, 6.0]) {
        for slope in [slopes.below, slopes.above] {
            assert!(
                (slope / expected - 1.0).abs() < 0.15,
                "found {slope}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_label_with_few_documents_stays_close_to_the_common_slope() {
    let mut labels = vec![(2.0, 5_000); 10];
    labels.push((50.0, 4));
    let found = calibrated(&labels);
    let few = found[10].above;
    assert!((1.5..5.0).contains(&few), "found {few}");
}
