//! The kernels against libtorch's operations in double precision.

use super::*;
use crate::cpu::noise::Dropout;
use crate::cpu::parallel;
use crate::testing::values;

const DROPPED: f64 = 0.3;

/// `[rows, columns]`: what the kernels multiply with, as a tensor.
fn factors(dropout: Dropout, first: u32, rows: usize, columns: usize) -> Tensor {
    let factors: Vec<f32> = (0..(rows * columns) as u32)
        .map(|place| dropout.factor(first + place))
        .collect();
    Tensor::from_slice(&factors)
        .view([rows as i64, columns as i64])
        .to_kind(Kind::Double)
}

/// The layer in double precision with the kernels' own dropout.
fn expected(layer: &TransformerLayer, pass: &Pass, hidden: &Tensor, sight: &Sight) -> Tensor {
    let (width, heads) = (layer.sizes.width, layer.sizes.heads);
    let size = width / heads;
    let on_probabilities = pass.dropout_factors(layer.sizes.attention_dropout);
    let [on_attention, on_output] = [(); 2].map(|()| {
        let dropout = pass.dropout_factors(layer.sizes.dropout);
        factors(dropout, 0, sight.rows(), width as usize)
    });
    let projections = layer.projections(pass, hidden);
    let mut position = 0;
    let mut documents = Vec::new();
    for segment in 0..sight.segments().len() {
        let range = sight.range(segment);
        let n = range.len();
        let unseen: Vec<bool> = (0..n * n)
            .map(|place| {
                let (row, other) = (place / n, place % n);
                let seen = sight
                    .prefixes(segment)
                    .map_or(n, |prefixes| prefixes[row] as usize);
                other >= seen && other != row
            })
            .collect();
        let unseen = Tensor::from_slice(&unseen).view([n as i64, n as i64]);
        let mut parts = Vec::new();
        for head in 0..heads {
            let [query, key, value] = [0, 1, 2].map(|part| {
                projections.narrow(0, range.start as i64, n as i64).narrow(
                    1,
                    part * width + head * size,
                    size,
                )
            });
            let scores = query.matmul(&key.tr()) / (size as f64).sqrt();
            let probabilities = scores
                .masked_fill(&unseen, f64::NEG_INFINITY)
                .softmax(1, Kind::Double);
            let kept = factors(on_probabilities, position, n, n);
            parts.push((probabilities * kept).matmul(&value));
            position += (n * n) as u32;
        }
        documents.push(Tensor::cat(&parts, 1));
    }
    let context = Tensor::cat(&documents, 0);
    let attended = layer.attention_output.forward(&context) * on_attention;
    let attended = layer.attention_norm.forward(&(attended + hidden));
    let inner = layer.intermediate.forward(&attended).gelu("none");
    let output = layer.output.forward(&inner) * on_output;
    layer.output_norm.forward(&(output + attended))
}

#[track_caller]
fn assert_near(found: &Tensor, expected: &Tensor, what: &str) {
    let largest = expected.abs().max().double_value(&[]);
    assert_close(found, expected, 2e-5 * largest + 1e-6, what);
}

#[test]
fn outputs_and_gradients_are_those_of_libtorch() {
    for sight in sights() {
        for sizes in [TINY, ODD, SMALL] {
            for dropped in [0.0, DROPPED] {
                let sizes = TransformerSizes {
                    dropout: dropped,
                    attention_dropout: dropped / 2.0,
                    training_kind: Kind::Float,
                    ..sizes
                };
                let what = |of: &str| format!("{of} of {sizes:?} with {:?}", sight.segments());
                let (exact_parameters, exact) = layer(sizes, Kind::Double);
                let (parameters, layer) = layer(sizes, Kind::Float);
                let shape = [sight.rows() as i64, sizes.width];
                let (rows, weights) = (random(&shape, 1), random(&shape, 2));

                let theirs = rows.to_kind(Kind::Double).detach().set_requires_grad(true);
                let output = expected(&exact, &Pass::training(MOMENT), &theirs, &sight);
                let mut leaves = wanted(&exact_parameters);
                leaves.push(&theirs);
                let total = (&output * &weights).sum(Kind::Double);
                let expected_gradients = Tensor::run_backward(&[&total], &leaves, false, false);

                let ours = rows.copy().set_requires_grad(true);
                let pass = Pass::training(MOMENT);
                let found = layer.forward(&pass, &ours, &sight);
                assert_near(&found, &output, &what("output"));
                let mut leaves = wanted(&parameters);
                leaves.push(&ours);
                let gradients = pass.backward(&(&found * &weights).sum(Kind::Float), &leaves);
                let names = parameters.entries().iter().map(|entry| entry.name.as_str());
                for ((name, gradient), expected) in names
                    .chain(["hidden"])
                    .zip(&gradients)
                    .zip(&expected_gradients)
                {
                    let gradient = gradient.as_ref().unwrap();
                    // The softmax does not see what is added to all keys: rounding is all that there is.
                    if name.ends_with("key.bias") {
                        assert!(gradient.abs().max().double_value(&[]) < 1e-4);
                        continue;
                    }
                    assert_near(gradient, expected, &what(name));
                }
            }
        }
    }
}

#[test]
fn a_long_document_is_that_of_libtorch() {
    let sight = Sight::whole(vec![300, 3]);
    let (parameters, layer) = layer(SMALL, Kind::Float);
    let hidden = random(&[303, 64], 1).set_requires_grad(true);
    let weights = random(&[303, 64], 2);
    let mut leaves = wanted(&parameters);
    leaves.push(&hidden);
    let run = |portable: bool| {
        let pass = Pass::training(MOMENT);
        let output = if portable {
            layer.forward_portable(&pass, &hidden, &sight)
        } else {
            layer.forward(&pass, &hidden, &sight)
        };
        let gradients = pass.backward(&(&output * &weights).sum(Kind::Float), &leaves);
        (output, gradients)
    };
    let (expected, expected_gradients) = run(true);
    let (found, gradients) = run(false);
    assert_near(&found, &expected, "output");
    for (number, (gradient, expected)) in gradients.iter().zip(&expected_gradients).enumerate() {
        let (gradient, expected) = (gradient.as_ref().unwrap(), expected.as_ref().unwrap());
        let largest = expected.abs().max().double_value(&[]);
        assert_close(
            gradient,
            expected,
            5e-5 * largest + 5e-5,
            &format!("gradient {number}"),
        );
    }
}

#[test]
fn the_same_moment_gives_the_same_bits() {
    let sizes = TransformerSizes {
        dropout: DROPPED,
        attention_dropout: DROPPED,
        training_kind: Kind::Float,
        ..SMALL
    };
    let (parameters, layer) = layer(sizes, Kind::Float);
    let sight = Sight::whole(vec![70, 33, 1, 150]);
    let hidden = random(&[254, 64], 1).set_requires_grad(true);
    let mut leaves = wanted(&parameters);
    leaves.push(&hidden);
    let run = |step| {
        let pass = Pass::training(crate::pass::Moment { step, ..MOMENT });
        let output = layer.forward(&pass, &hidden, &sight);
        let mut all = vec![values(&output)];
        let gradients = pass.backward(&output.square().sum(Kind::Float), &leaves);
        all.extend(gradients.iter().flatten().map(values));
        all
    };
    let first = run(0);
    assert!(first == run(0), "the same step");
    assert!(first != run(1), "another step");
}

#[test]
fn dropout_drops_as_much_as_it_says() {
    // Values of one row each: with the identity as the way out, what remains is a share of the probabilities.
    let sizes = TransformerSizes {
        attention_dropout: 0.25,
        training_kind: Kind::Float,
        ..SMALL
    };
    let (_parameters, layer) = layer(sizes, Kind::Float);
    let kernels = kernels::Kernels::of(&layer);
    let sight = Sight::whole(vec![64; 4]);
    let projections = Tensor::cat(
        &[
            Tensor::zeros([256, 128], (Kind::Float, Device::Cpu)),
            Tensor::ones([256, 64], (Kind::Float, Device::Cpu)),
        ],
        1,
    );
    let pass = Pass::training(MOMENT);
    let context = kernels.attend(&projections, &sight, pass.dropout_factors(0.25));
    // 2 heads of 256 rows keep 64 × 0.75 equal shares of 1 / (64 × 0.75) each.
    let mean = context.mean(Kind::Double).double_value(&[]);
    let deviation = context.to_kind(Kind::Double).std(true).double_value(&[]);
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
    let expected = (64.0_f64 * 0.25 * 0.75).sqrt() / 48.0;
    assert!(
        (deviation - expected).abs() < 0.01,
        "{deviation}, {expected}"
    );
}

#[test]
fn eight_bits_are_near_single_precision() {
    let sizes = TransformerSizes {
        width: 128,
        heads: 4,
        intermediate: 512,
        ..TINY
    };
    let mut parameters = Parameters::fresh(Device::Cpu, 5);
    let make = |parameters: &mut Parameters, name: &str| {
        TransformerLayer::new(parameters, name, sizes).unwrap()
    };
    let (single, int8) = (make(&mut parameters, "a"), make(&mut parameters, "b"));
    for (from, to) in single.parameters().into_iter().zip(int8.parameters()) {
        let moved = random(&from.size(), 3) * 0.1;
        let _ = from.detach().g_add_(&moved);
        to.detach().copy_(from);
    }
    let _guard = tch::no_grad_guard();
    let sight = Sight::whole(vec![40, 7, 100]);
    let hidden = random(&[147, 128], 1);
    let expected = single
        .into_trained(Precision::Single)
        .forward(&hidden, &sight);
    let found = int8.into_trained(Precision::Int8).forward(&hidden, &sight);
    let difference = (&found - &expected).square().mean(Kind::Double).sqrt();
    let size = expected.square().mean(Kind::Double).sqrt();
    let error = (difference / size).double_value(&[]);
    assert!(error < 0.02, "relative error {error}");
}

#[test]
fn nothing_is_nothing() {
    let (_parameters, layer) = layer(SMALL, Kind::Float);
    let sight = Sight::whole(Vec::new());
    let hidden = Tensor::zeros([0, 64], (Kind::Float, Device::Cpu));
    let output = layer.forward(&Pass::evaluation(), &hidden, &sight);
    assert_eq!(output.size(), [0, 64]);
    assert!(parallel::threads() >= 1);
}
