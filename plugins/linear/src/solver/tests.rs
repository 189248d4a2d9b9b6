//! The solver against scikit-learn's solutions, and against the conditions of an optimum.
#![allow(clippy::unwrap_used, reason = "test code")]

use super::{MAX_LANES, Settings, Solution, norms, solve};
use crate::hyperparameters::Classifier;
use crate::matrix::{Matrix, Part, Piece};
use crate::random::Random;

const NEVER: &(dyn Fn() -> bool + Sync) = &|| false;

/// Six documents with four features.
const DOCUMENTS: [[f32; 4]; 6] = [
    [0.8, 0.6, 0.0, 0.0],
    [0.6, 0.8, 0.0, 0.0],
    [0.0, 0.6, 0.8, 0.0],
    [0.0, 0.0, 1.0, 0.0],
    [0.5, 0.5, 0.5, 0.5],
    [0.0, 0.28, 0.0, 0.96],
];
const TARGETS: [u16; 6] = [1, 1, 0, 0, 1, 0];

fn matrix(documents: &[Vec<f32>]) -> Matrix {
    let mut piece = Piece::default();
    for document in documents {
        let (features, values): (Vec<u32>, Vec<f32>) = (0..)
            .zip(document)
            .filter(|&(_, &value)| value != 0.0)
            .map(|(feature, &value)| (feature, value))
            .unzip();
        piece.push(&features, &values);
    }
    let mut matrix = Matrix::new(documents[0].len());
    matrix.push(piece);
    matrix
}

fn settings(cost: f32, positive_weight: f32, n_labels: usize) -> Settings {
    Settings {
        cost_positive: vec![cost * positive_weight; n_labels],
        cost_negative: cost,
        tolerance: 1e-6,
        epochs: 10_000,
        seed: 1,
    }
}

/// Expected are scikit-learn 1.9.1's coefficients and intercept, of `LinearSVC(C=cost, tol=1e-10,
/// class_weight={0: 1, 1: weight})` and `LogisticRegression(solver="liblinear", …)`.
fn check(kind: Classifier, cost: f32, positive_weight: f32, expected: [f32; 5]) {
    let matrix = matrix(&DOCUMENTS.map(Vec::from));
    let part = Part::whole(&matrix);
    let solution = solve(
        kind,
        &part,
        &norms(&part),
        &TARGETS,
        &settings(cost, positive_weight, 1),
        NEVER,
    )
    .unwrap();
    assert_eq!(solution.n_unfinished, 0);
    let found: Vec<f32> = (0..4)
        .map(|feature| solution.weights[feature * solution.lanes])
        .chain([solution.intercepts[0]])
        .collect();
    let close = found
        .iter()
        .zip(expected)
        .all(|(found, expected)| (found - expected).abs() < 1e-5);
    assert!(close, "found {found:?}, expected {expected:?}");
}

#[test]
fn squared_hinge_equals_linear_svc() {
    check(
        Classifier::Svm,
        1.0,
        1.0,
        [
            1.266_169_2,
            0.373_666_58,
            -0.465_795_03,
            -0.238_823_3,
            -0.311_462_15,
        ],
    );
    check(
        Classifier::Svm,
        4.0,
        1.0,
        [
            2.337_605,
            0.297_716_62,
            -0.258_834_8,
            -0.115_190_47,
            -0.674_515_1,
        ],
    );
    check(
        Classifier::Svm,
        1.0,
        3.0,
        [
            1.611_690_7,
            0.440_212_75,
            -0.294_824_5,
            -0.001_826_049,
            -0.362_671_94,
        ],
    );
}

#[test]
fn logistic_loss_equals_logistic_regression() {
    check(
        Classifier::Logistic,
        1.0,
        1.0,
        [
            0.716_951_5,
            0.333_140_58,
            -0.472_843_9,
            -0.198_249_2,
            -0.088_397_36,
        ],
    );
    check(
        Classifier::Logistic,
        4.0,
        1.0,
        [
            1.896_047,
            0.731_388_45,
            -1.003_166_6,
            -0.480_048_02,
            -0.339_733_78,
        ],
    );
    check(
        Classifier::Logistic,
        1.0,
        3.0,
        [
            1.158_135_7,
            0.657_081_1,
            -0.479_128_17,
            -0.129_102,
            0.292_811_55,
        ],
    );
}

/// Documents with random features, and labels that depend on them, with some noise.
fn random_problem(n_documents: usize, n_features: usize, n_labels: usize) -> (Matrix, Vec<u16>) {
    let mut random = Random::new(5, 0, 0);
    let mut documents = Vec::new();
    let mut targets = Vec::new();
    for _ in 0..n_documents {
        let mut document = vec![0.0_f32; n_features];
        let mut target = 0;
        for _ in 0..8 {
            let feature = random.below(n_features);
            document[feature] += 1.0 + random.below(3) as f32;
            if feature % 20 < n_labels && random.below(4) > 0 {
                target |= 1 << (feature % 20);
            }
        }
        let norm = document
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            .sqrt();
        documents.push(document.into_iter().map(|value| value / norm).collect());
        targets.push(target);
    }
    (matrix(&documents), targets)
}

/// Length of the primal objective's gradient, for each label, in double precision.
fn gradient_norms(
    kind: Classifier,
    part: &Part<'_>,
    targets: &[u16],
    settings: &Settings,
    solution: &Solution,
) -> Vec<f64> {
    let lanes = solution.lanes;
    (0..settings.cost_positive.len())
        .map(|lane| {
            let mut gradient: Vec<f64> = (0..part.n_features())
                .map(|feature| f64::from(solution.weights[feature * lanes + lane]))
                .collect();
            gradient.push(f64::from(solution.intercepts[lane]));
            for (document, &target) in targets.iter().enumerate() {
                let (side, cost) = if target >> lane & 1 == 1 {
                    (1.0, settings.cost_positive[lane])
                } else {
                    (-1.0, settings.cost_negative)
                };
                let mut margin = f64::from(solution.intercepts[lane]);
                for (feature, value) in part.row(document).iter() {
                    margin += f64::from(value)
                        * f64::from(solution.weights[feature as usize * lanes + lane]);
                }
                let slope = match kind {
                    Classifier::Svm => -2.0 * (1.0 - side * margin).max(0.0),
                    Classifier::Logistic => -1.0 / (1.0 + (side * margin).exp()),
                };
                let factor = f64::from(cost) * side * slope;
                for (feature, value) in part.row(document).iter() {
                    gradient[feature as usize] += factor * f64::from(value);
                }
                *gradient.last_mut().unwrap() += factor;
            }
            gradient
                .iter()
                .map(|value| value * value)
                .sum::<f64>()
                .sqrt()
        })
        .collect()
}

#[test]
fn the_gradient_vanishes_at_the_solution() {
    let (matrix, targets) = random_problem(600, 100, 13);
    let part = Part::whole(&matrix);
    for kind in [Classifier::Svm, Classifier::Logistic] {
        let settings = Settings {
            tolerance: 1e-4,
            ..settings(1.0, 4.0, 13)
        };
        let solution = solve(kind, &part, &norms(&part), &targets, &settings, NEVER).unwrap();
        assert_eq!(solution.n_unfinished, 0, "{kind:?}");
        let nothing = Solution {
            weights: vec![0.0; solution.weights.len()],
            intercepts: vec![0.0; solution.lanes],
            ..solution.clone()
        };
        let start = gradient_norms(kind, &part, &targets, &settings, &nothing);
        let end = gradient_norms(kind, &part, &targets, &settings, &solution);
        for (label, (start, end)) in start.iter().zip(&end).enumerate() {
            assert!(
                end / start < 1e-3,
                "{kind:?}, label {label}: the gradient went from {start} to {end}"
            );
        }
    }
}

#[test]
fn blocks_of_any_width_agree() {
    let (matrix, targets) = random_problem(400, 60, MAX_LANES);
    let part = Part::whole(&matrix);
    let norms = norms(&part);
    let whole = solve(
        Classifier::Svm,
        &part,
        &norms,
        &targets,
        &settings(2.0, 2.0, MAX_LANES),
        NEVER,
    )
    .unwrap();
    for width in [1, 3, 6] {
        let part_of = solve(
            Classifier::Svm,
            &part,
            &norms,
            &targets,
            &settings(2.0, 2.0, width),
            NEVER,
        )
        .unwrap();
        for feature in 0..part.n_features() {
            for lane in 0..width {
                let (all, few) = (
                    whole.weights[feature * whole.lanes + lane],
                    part_of.weights[feature * part_of.lanes + lane],
                );
                // Both are within the tolerance of the optimum.
                assert!(
                    (all - few).abs() < 1e-4,
                    "width {width}, feature {feature}, label {lane}: {all} and {few}"
                );
            }
        }
    }
}

#[test]
fn a_part_of_the_documents_is_the_same_problem_as_these_documents_alone() {
    let (matrix, targets) = random_problem(500, 80, 4);
    let chosen: Vec<u32> = (0..500).filter(|document| document % 3 == 0).collect();
    let part = Part::of(&matrix, &chosen, &mut Vec::new());
    let some: Vec<u16> = chosen
        .iter()
        .map(|&document| targets[document as usize])
        .collect();
    let settings = settings(1.0, 1.0, 4);
    let solution = solve(
        Classifier::Svm,
        &part,
        &norms(&part),
        &some,
        &settings,
        NEVER,
    )
    .unwrap();
    let end = gradient_norms(Classifier::Svm, &part, &some, &settings, &solution);
    assert!(end.iter().all(|&end| end < 1e-2), "{end:?}");
    assert!((0..part.n_features() as u32).all(|feature| part.feature(feature) < 80));
}

#[test]
fn stops_when_asked() {
    let (matrix, targets) = random_problem(50, 20, 2);
    let part = Part::whole(&matrix);
    let stopped = solve(
        Classifier::Svm,
        &part,
        &norms(&part),
        &targets,
        &settings(1.0, 1.0, 2),
        &|| true,
    );
    assert!(stopped.is_err());
}
