use tch::Kind;

use super::*;
use crate::structure::tests::t5_hierarchy;
use crate::testing::{
    MOMENT, assert_close, assert_values, fill, parameters, random, values, wanted,
};

/// Labels of the toy tree by index: A, B, A1, A2, B1.
fn toy(width: i64, options: GcnOptions) -> (Parameters, Gcn) {
    let mut parameters = parameters();
    let gcn = Gcn::new(&mut parameters, "gcn", &t5_hierarchy(), width, options).unwrap();
    (parameters, gcn)
}

fn open_gates(parameters: &Parameters) {
    for gate in [
        "bottom_up.gate",
        "top_down.gate",
        "own.gate",
        "bottom_up.gate_bias",
        "top_down.gate_bias",
    ] {
        fill(parameters, &format!("gcn.0.{gate}"), 0.0);
    }
}

fn no_dropout() -> GcnOptions {
    GcnOptions {
        dropout: 0.0,
        ..GcnOptions::default()
    }
}

fn nodes(values: &[f32]) -> Tensor {
    Tensor::from_slice(values).view([1, 5, -1])
}

/// Both implementations must agree before either is compared with numbers.
fn run(gcn: &Gcn, x: &Tensor) -> Tensor {
    let here = gcn.forward(&Pass::evaluation(), x, 0.0);
    assert_close(
        &here,
        &gcn.forward_portable(&Pass::evaluation(), x, 0.0),
        1e-6,
        "both implementations",
    );
    here
}

#[test]
fn adjacency_holds_priors_at_the_edges() {
    let (parameters, _gcn) = toy(1, no_dropout());
    let of = |name: &str| {
        values(
            &parameters
                .entries()
                .iter()
                .find(|entry| entry.name == name)
                .unwrap()
                .tensor,
        )
    };
    let down = of("gcn.0.top_down.adjacency");
    let mut expected = vec![0.0; 25];
    (expected[2 * 5], expected[3 * 5], expected[4 * 5 + 1]) = (0.75, 0.25, 1.0);
    assert_eq!(down, expected);
    let up = of("gcn.0.bottom_up.adjacency");
    let mut expected = vec![0.0; 25];
    (expected[2], expected[3], expected[5 + 4]) = (1.0, 1.0, 1.0);
    assert_eq!(up, expected);
}

#[test]
fn messages_are_summed_and_gated() {
    let (parameters, gcn) = toy(1, no_dropout());
    open_gates(&parameters);
    let ones = nodes(&[1.0; 5]);
    assert_values(
        &run(&gcn, &ones),
        &[1.5, 1.0, 0.875, 0.625, 1.0],
        1e-6,
        "all inputs 1",
    );
    assert_values(&run(&gcn, &-&ones), &[0.0; 5], 0.0, "all inputs −1");
    fill(&parameters, "gcn.0.bottom_up.gate", 1e9);
    assert_values(
        &run(&gcn, &ones).narrow(1, 0, 1),
        &[2.5],
        1e-6,
        "A with its gate open",
    );
}

#[test]
fn the_receiver_gates() {
    let (parameters, gcn) = toy(1, no_dropout());
    open_gates(&parameters);
    fill(&parameters, "gcn.0.bottom_up.gate", 1e9);
    let x = nodes(&[0.0, 0.0, 1.0, 1.0, 0.0]);
    assert_values(&run(&gcn, &x).narrow(1, 0, 1), &[1.0], 1e-6, "A");
}

#[test]
fn gradients_agree_with_libtorch() {
    for layers in [1, 2] {
        let (parameters, gcn) = toy(
            20,
            GcnOptions {
                layers,
                ..no_dropout()
            },
        );
        for entry in parameters
            .entries()
            .iter()
            .filter(|entry| entry.name.contains("bias"))
        {
            entry
                .tensor
                .detach()
                .copy_(&random(&entry.tensor.size(), 3));
        }
        let x = random(&[7, 5, 20], 1).set_requires_grad(true);
        let weights = random(&[7, 5, 20], 2);
        let mut leaves = vec![&x];
        leaves.extend(wanted(&parameters));
        let expected =
            (gcn.forward_portable(&Pass::training(MOMENT), &x, 0.0) * &weights).sum(Kind::Float);
        let expected = Tensor::run_backward(&[expected], &leaves, false, false);
        let pass = Pass::training(MOMENT);
        let loss = (gcn.forward(&pass, &x, 0.0) * &weights).sum(Kind::Float);
        let found = pass.backward(&loss, &leaves);
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_close(
                found.as_ref().unwrap(),
                expected,
                2e-4,
                &format!("gradient {index} with {layers} layers"),
            );
        }
    }
}

#[test]
fn only_edges_of_the_tree_have_a_gradient() {
    let gradient = |options: GcnOptions| {
        let (parameters, gcn) = toy(3, options);
        let x = random(&[4, 5, 3], 1);
        let pass = Pass::training(MOMENT);
        let loss = gcn.forward(&pass, &x, 0.0).square().sum(Kind::Float);
        let place = parameters
            .entries()
            .iter()
            .filter(|entry| entry.trained)
            .position(|entry| entry.name == "gcn.0.top_down.adjacency");
        let gradients = pass.backward(&loss, &wanted(&parameters));
        place.map(|place| values(gradients[place].as_ref().unwrap()))
    };
    let off_tree = |values: &[f32]| {
        values
            .iter()
            .enumerate()
            .filter(|(place, _)| ![10, 15, 21].contains(place))
            .map(|(_, value)| value.abs())
            .sum::<f32>()
    };
    let tree = gradient(no_dropout()).unwrap();
    assert_eq!(off_tree(&tree), 0.0);
    assert!(tree.iter().any(|value| *value != 0.0));
    assert!(
        off_tree(
            &gradient(GcnOptions {
                propagation: Propagation::AllPairs,
                ..no_dropout()
            })
            .unwrap()
        ) > 1e-3
    );
    assert!(
        gradient(GcnOptions {
            prior_trainable: false,
            ..no_dropout()
        })
        .is_none(),
        "a fixed prior has no gradient"
    );
}

#[test]
fn one_layer_reaches_the_neighbors_and_two_go_further() {
    for (layers, reached) in [(1, vec![0, 2]), (2, vec![0, 2, 3])] {
        let (parameters, gcn) = toy(
            2,
            GcnOptions {
                layers,
                ..no_dropout()
            },
        );
        for layer in 0..layers {
            for gate in ["bottom_up.gate", "top_down.gate", "own.gate"] {
                fill(&parameters, &format!("gcn.{layer}.{gate}"), 0.0);
            }
        }
        let x = random(&[1, 5, 2], 1).abs() + 0.1;
        let before = run(&gcn, &x);
        let changed = x.copy();
        let _ = changed.narrow(1, 2, 1).g_add_scalar_(0.5);
        let after = run(&gcn, &changed);
        let moved: Vec<i64> = (0..5)
            .filter(|&label| {
                (before.narrow(1, label, 1) - after.narrow(1, label, 1))
                    .abs()
                    .max()
                    .double_value(&[])
                    > 1e-6
            })
            .collect();
        assert_eq!(moved, reached, "with {layers} layers");
    }
}

#[test]
fn dropout_in_the_kernel_matches_its_way_back() {
    let (parameters, gcn) = toy(
        16,
        GcnOptions {
            dropout: 0.3,
            ..GcnOptions::default()
        },
    );
    let x = (random(&[6, 5, 16], 1).abs() + 0.2).set_requires_grad(true);
    let direction = random(&[6, 5, 16], 2);
    let forward = |x: &Tensor| {
        let pass = Pass::training(MOMENT);
        let y = gcn.forward(&pass, x, 0.4);
        (pass, y)
    };
    let (pass, y) = forward(&x);
    let gradient = pass.backward(&y.sum(Kind::Float), &[&x]).remove(0).unwrap();
    let step = 1e-3;
    let sum = |x: &Tensor| forward(x).1.sum(Kind::Double).double_value(&[]);
    let slope = (sum(&(&x + &direction * step)) - sum(&(&x - &direction * step))) / (2.0 * step);
    let expected = (&gradient * &direction).sum(Kind::Double).double_value(&[]);
    assert!(
        (slope - expected).abs() < 2e-2 * expected.abs().max(1.0),
        "slope {slope}, gradient says {expected}"
    );
    let _ = parameters;
}

#[test]
fn other_forms_have_the_right_shapes() {
    for options in [
        GcnOptions {
            edge_wise: true,
            ..no_dropout()
        },
        GcnOptions {
            propagation: Propagation::AllPairs,
            prior_top_down: EdgeStart::Random,
            prior_bottom_up: EdgeStart::Random,
            ..no_dropout()
        },
        GcnOptions {
            prior_top_down: EdgeStart::One,
            prior_bottom_up: EdgeStart::Prior,
            ..no_dropout()
        },
    ] {
        let (parameters, gcn) = toy(4, options);
        let x = random(&[3, 5, 4], 1);
        let pass = Pass::training(MOMENT);
        let y = gcn.forward(&pass, &x, 0.0);
        assert_eq!(y.size(), [3, 5, 4]);
        let gradients = pass.backward(&y.sum(Kind::Float), &wanted(&parameters));
        assert!(gradients.iter().all(Option::is_some), "{options:?}");
    }
}

#[test]
fn edge_matrices_carry_messages_along_edges() {
    let (parameters, gcn) = toy(
        1,
        GcnOptions {
            edge_wise: true,
            ..no_dropout()
        },
    );
    open_gates(&parameters);
    fill(&parameters, "gcn.0.bottom_up.edge_weight", 2.0);
    fill(&parameters, "gcn.0.top_down.edge_weight", 3.0);
    // A: .5·1 + .5·(2+2); B: .5·1 + .5·2; leaves: .5·1 + .5·3.
    assert_values(
        &run(&gcn, &nodes(&[1.0; 5])),
        &[2.5, 1.5, 2.0, 2.0, 2.0],
        1e-6,
        "edge-wise",
    );
}

#[test]
fn parameters_are_counted() {
    let labels: Vec<_> = (0..103)
        .map(|label| {
            (
                format!("l{label}"),
                (label >= 4).then(|| format!("l{}", (label - 4) / 3)),
            )
        })
        .collect();
    let labels = labels
        .into_iter()
        .map(|(id, parent)| arborist_shared::taxonomy::NewLabel {
            name: id.clone(),
            id,
            parents: parent.into_iter().collect(),
            details: None,
        });
    let taxonomy = arborist_shared::taxonomy::Taxonomy::new(labels.collect()).unwrap();
    let hierarchy = Hierarchy::new(&taxonomy, []);
    let mut parameters = parameters();
    Gcn::new(
        &mut parameters,
        "gcn",
        &hierarchy,
        300,
        GcnOptions::default(),
    )
    .unwrap();
    assert_eq!(parameters.count(), 84_124);
    let mut parameters = crate::testing::parameters();
    crate::blocks::TreeLstm::new(
        &mut parameters,
        "tree_lstm",
        &hierarchy,
        300,
        crate::blocks::TreeLstmOptions::default(),
    )
    .unwrap();
    // 608,768 with the projection [150, 300] that the released code makes and never uses.
    assert_eq!(parameters.count(), 608_768 - 45_150);
}
