use tch::{Device, Kind};

use super::*;
use crate::structure::tests::t5_hierarchy;
use crate::testing::{MOMENT, assert_close, parameters, random};

fn scalar(tensor: &Tensor) -> f64 {
    tensor.double_value(&[])
}

#[test]
fn dropped_logits_leave_a_floor() {
    let gold = random(&[100, 100], 1).gt(0.0).to_kind(Kind::Float);
    let logits = (&gold * 2.0 - 1.0) * 1e4;
    let dropped = Pass::training(MOMENT).dropout(&logits, 0.5);
    let loss = scalar(&binary_cross_entropy(&dropped, &gold, BceReduction::Mean));
    assert!((loss - 0.346_574).abs() < 0.01, "{loss}");
    let kept = Pass::evaluation().dropout(&logits, 0.5);
    assert_eq!(
        scalar(&binary_cross_entropy(&kept, &gold, BceReduction::Mean)),
        0.0
    );
}

#[test]
fn losses_are_averaged_or_summed() {
    let logits = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
    let gold = Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 0.0, 1.0, 1.0]).view([2, 3]);
    assert!(
        (scalar(&binary_cross_entropy(&logits, &gold, BceReduction::Mean))
            - std::f64::consts::LN_2)
            .abs()
            < 1e-6
    );
    assert!(
        (scalar(&binary_cross_entropy(&logits, &gold, BceReduction::Sum)) - 4.158_883).abs() < 1e-5
    );
}

#[test]
fn children_are_pulled_towards_their_parents() {
    // A, B, A1, A2, B1; B and B1 are equal.
    let rows = Tensor::from_slice(&[1.0_f32, 0.0, 7.0, 7.0, 0.0, 0.0, 1.0, 2.0, 7.0, 7.0])
        .view([5, 2])
        .set_requires_grad(true);
    let hierarchy = t5_hierarchy();
    let pass = Pass::training(MOMENT);
    let value = recursive_regularization(&pass, &rows, &hierarchy);
    assert!((scalar(&value) - 2.5).abs() < 1e-6, "{}", scalar(&value));
    let gradient = pass.backward(&(value * 3.0), &[&rows]).remove(0).unwrap();
    let index = |ends: &[i64]| Tensor::from_slice(ends);
    let apart = rows.index_select(0, &index(&[0, 0, 1])) - rows.index_select(0, &index(&[2, 3, 4]));
    let expected = Tensor::run_backward(
        &[apart.square().sum(Kind::Float) * 1.5],
        &[&rows],
        false,
        false,
    )
    .remove(0);
    assert_close(&gradient, &expected, 1e-6, "gradient");
    assert_close(
        &differences_here(&rows.detach(), hierarchy.neighbors()),
        &differences_there(&rows.detach(), &hierarchy),
        1e-6,
        "both implementations",
    );
}

#[test]
fn a_tree_without_edges_has_no_regularizer() {
    let taxonomy =
        arborist_shared::taxonomy::Taxonomy::new(vec![arborist_shared::taxonomy::NewLabel {
            id: "A".into(),
            name: "A".into(),
            parents: vec![],
            details: None,
        }])
        .unwrap();
    let value = recursive_regularization(
        &Pass::training(MOMENT),
        &random(&[1, 4], 1),
        &Hierarchy::new(&taxonomy, []),
    );
    assert_eq!(scalar(&value), 0.0);
}

#[test]
fn dropout_acts_where_it_is_told() {
    let x = random(&[50, 40], 1);
    for site in [DropoutSite::Logits, DropoutSite::Input, DropoutSite::None] {
        let mut parameters = parameters();
        let classifier = FlatClassifier::new(
            &mut parameters,
            40,
            30,
            &ClassifierSettings {
                classifier_dropout_site: site,
                ..ClassifierSettings::default()
            },
            Initialization::TorchDefault,
        )
        .unwrap();
        let plain = classifier.forward(&Pass::evaluation(), &x);
        let training = classifier.forward(&Pass::training(MOMENT), &x);
        let zeros = training
            .eq(0.0)
            .to_kind(Kind::Float)
            .mean(Kind::Double)
            .double_value(&[]);
        match site {
            DropoutSite::Logits => assert!((zeros - 0.5).abs() < 0.05, "{zeros}"),
            DropoutSite::Input => {
                assert_eq!(zeros, 0.0);
                assert!((&training - &plain).abs().max().double_value(&[]) > 1e-3);
            }
            DropoutSite::None => assert_close(&training, &plain, 0.0, "logits"),
        }
    }
}

#[test]
fn linear_layers_start_within_the_framework_bounds() {
    let mut parameters = parameters();
    Linear::new(
        &mut parameters,
        "layer",
        300,
        10,
        Initialization::TorchDefault,
    )
    .unwrap();
    for entry in parameters.entries() {
        let largest = entry.tensor.abs().max().double_value(&[]);
        assert!(largest <= 0.057_735_1, "{}: {largest}", entry.name);
        assert!(
            largest > 0.05 || entry.name.ends_with("bias"),
            "{}: {largest}",
            entry.name
        );
    }
}

#[test]
fn a_recorded_linear_layer_is_the_same_layer() {
    let mut parameters = parameters();
    let layer = Linear::new(&mut parameters, "layer", 6, 4, Initialization::TorchDefault).unwrap();
    let x = random(&[5, 6], 1).set_requires_grad(true);
    let weights = random(&[5, 4], 2);
    let leaves = [&x, &layer.weight, &layer.bias];
    let expected = Tensor::run_backward(
        &[(layer.forward(&x) * &weights).sum(Kind::Float)],
        &leaves,
        false,
        false,
    );
    let pass = Pass::training(MOMENT);
    let y = layer.forward_recorded(&pass, &x);
    assert_close(&y, &layer.forward(&x), 1e-6, "output");
    let found = pass.backward(&(y * &weights).sum(Kind::Float), &leaves);
    for (found, expected) in found.iter().zip(&expected) {
        assert_close(found.as_ref().unwrap(), expected, 1e-5, "gradient");
    }
}
