//! The losses by hand-computed numbers (METHODS 8.4).

use arborist_himatch::matching::losses;
use arborist_himatch::sampling::Draw;
use arborist_himatch::{CoarseTerm, Distance, JointLabels, MatchingSettings};
use arborist_model_kit::cpu::noise::Noise;
use tch::{Kind, Tensor};

/// Labels 0 to 3 are right, coarse, sibling and other.
fn draw() -> Draw {
    Draw {
        document: 0,
        positive: 0,
        coarse: vec![1],
        sibling: Some(2),
        others: vec![3],
    }
}

fn found(settings: &MatchingSettings, texts: &Tensor, labels: &Tensor) -> (f64, f64, f64) {
    let gold = [vec![0_u32]];
    let (total, terms) = losses(settings, texts, labels, &gold, &[draw()]);
    let term = |name: &str| {
        let found = terms.iter().find(|(term, _)| *term == name);
        found.map_or(0.0, |(_, loss)| loss.double_value(&[]))
    };
    (term("joint"), term("match"), total.double_value(&[]))
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

/// A text at zero and labels on the first of 200 axes.
fn on_an_axis(places: [f64; 4]) -> (Tensor, Tensor) {
    let texts = Tensor::zeros([1, 200], (Kind::Double, tch::Device::Cpu));
    let labels = Tensor::zeros([4, 200], (Kind::Double, tch::Device::Cpu));
    for (label, place) in (0..).zip(places) {
        let _ = labels.get(label).get(0).fill_(place);
    }
    (texts, labels)
}

#[test]
fn the_loss_of_the_code() {
    let settings = MatchingSettings::default();
    let (texts, labels) = on_an_axis([2.0, 3.0, 4.0, 5.0]);
    let (joint, matched, total) = found(&settings, &texts, &labels);
    close(joint, 0.02);
    close(matched, 0.044_95 + 0.04 + 0.095);
    close(total, 0.199_95);
    // A sibling that is far enough away costs nothing.
    let (texts, labels) = on_an_axis([2.0, 3.0, 10.0, 5.0]);
    close(found(&settings, &texts, &labels).1, 0.044_95 + 0.095);
}

#[test]
fn three_others_are_three_terms_as_the_kinds_are() {
    let settings = MatchingSettings {
        use_joint: false,
        ..MatchingSettings::default()
    };
    let (texts, labels) = on_an_axis([2.0, 3.0, 4.0, 5.0]);
    let draw = Draw {
        coarse: Vec::new(),
        sibling: None,
        others: vec![1, 2, 3],
        ..draw()
    };
    let gold = [vec![0_u32]];
    let (total, _) = losses(&settings, &texts, &labels, &gold, &[draw]);
    close(total.double_value(&[]), 0.175 + 0.14 + 0.095);
}

#[test]
fn weights_and_switches() {
    let (texts, labels) = on_an_axis([2.0, 3.0, 4.0, 5.0]);
    let weighted = MatchingSettings {
        lambda1: 2.0,
        lambda2: 0.5,
        ..MatchingSettings::default()
    };
    close(
        found(&weighted, &texts, &labels).2,
        2.0 * 0.02 + 0.5 * 0.179_95,
    );
    let joint = MatchingSettings {
        use_match: false,
        ..MatchingSettings::default()
    };
    close(found(&joint, &texts, &labels).2, 0.02);
    let matched = MatchingSettings {
        use_joint: false,
        ..MatchingSettings::default()
    };
    close(found(&matched, &texts, &labels).2, 0.179_95);
}

#[test]
fn a_coarse_label_within_the_slack_is_left_alone() {
    let settings = MatchingSettings {
        use_joint: false,
        gamma: 0.0,
        ..MatchingSettings::default()
    };
    let (texts, labels) = on_an_axis([0.0, 0.05, 9.0, 9.0]);
    let texts = texts.set_requires_grad(true);
    let (total, _) = losses(&settings, &texts, &labels, &[vec![0_u32]], &[draw()]);
    close(total.double_value(&[]), 0.0);
    total.backward();
    close(texts.grad().abs().max().double_value(&[]), 0.0);
}

#[test]
fn with_vectors_of_length_one_mean_squares_never_reach_the_margins() {
    let settings = MatchingSettings {
        l2_norm: true,
        use_joint: false,
        ..MatchingSettings::default()
    };
    for number in 0..50 {
        let noise = Noise::new(number, 0, 0, 0);
        let values: Vec<f64> = (0..1_000)
            .map(|place| 2.0 * f64::from(noise.unit(place)) - 1.0)
            .collect();
        let all = Tensor::from_slice(&values).view([5, 200]);
        let gold = [vec![0_u32]];
        let one = |coarse: Vec<u32>, sibling: Option<u32>, others: Vec<u32>| {
            let draw = Draw {
                coarse,
                sibling,
                others,
                ..draw()
            };
            let (total, _) = losses(
                &settings,
                &all.narrow(0, 0, 1),
                &all.narrow(0, 1, 4),
                &gold,
                &[draw],
            );
            total.double_value(&[])
        };
        assert!(one(vec![], Some(2), vec![]) >= 0.08);
        assert!(one(vec![], None, vec![3]) >= 0.18);
    }
}

fn paper() -> MatchingSettings {
    MatchingSettings {
        distance: Distance::L2normEuclid,
        coarse_term: CoarseTerm::Rank,
        joint_labels: JointLabels::Gold,
        use_joint: false,
        ..MatchingSettings::default()
    }
}

/// Unit vectors at angles in degrees; the text is at 0.
fn at_angles(angles: [f64; 4]) -> (Tensor, Tensor) {
    let vector = |angle: f64| [angle.to_radians().cos(), angle.to_radians().sin()];
    let labels: Vec<f64> = angles.into_iter().flat_map(vector).collect();
    (
        Tensor::from_slice(&[1.0, 0.0]).view([1, 2]),
        Tensor::from_slice(&labels).view([4, 2]),
    )
}

#[test]
fn the_loss_of_the_paper() {
    let (texts, labels) = at_angles([20.0, 22.0, 40.0, 60.0]);
    close(found(&paper(), &texts, &labels).1, 0.0);
    let wide = MatchingSettings {
        alpha: 0.5,
        ..paper()
    };
    // .347296 − .381618 + .1, one of three hinges.
    close(found(&wide, &texts, &labels).1, 0.065_678_3 / 3.0);
    // Vectors of any length are brought to 1.
    let lengths = Tensor::from_slice(&[0.1, 2.0, 3.0, 0.5]).view([4, 1]);
    close(
        found(&wide, &(texts * 3.0), &(labels * lengths)).1,
        0.065_678_3 / 3.0,
    );
    let (texts, labels) = at_angles([20.0; 4]);
    close(found(&paper(), &texts, &labels).1, 0.302 / 3.0);
}

#[test]
fn all_gold_labels_are_pulled_in_the_paper() {
    let settings = MatchingSettings {
        use_joint: true,
        use_match: false,
        ..paper()
    };
    let (texts, labels) = at_angles([60.0, 90.0, 0.0, 180.0]);
    let gold = [vec![0_u32, 1, 3]];
    let (total, _) = losses(&settings, &texts, &labels, &gold, &[]);
    // Squared chords of 60°, 90° and 180°.
    close(total.double_value(&[]), 1.0 + 2.0 + 4.0);
    // A second document is where its label is: the mean over documents.
    let texts = Tensor::cat(&[&texts, &texts], 0);
    let gold = [vec![0_u32, 1, 3], vec![2]];
    let (total, _) = losses(&settings, &texts, &labels, &gold, &[]);
    close(total.double_value(&[]), 7.0 / 2.0);
}

#[test]
fn without_draws_there_is_no_loss() {
    let (texts, labels) = on_an_axis([2.0, 3.0, 4.0, 5.0]);
    for settings in [MatchingSettings::default(), paper()] {
        let (total, _) = losses(&settings, &texts, &labels, &[Vec::<u32>::new()], &[]);
        close(total.double_value(&[]), 0.0);
    }
}
