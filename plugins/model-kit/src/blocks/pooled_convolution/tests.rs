use tch::Device;

use super::*;
use crate::testing::{MOMENT, assert_close, parameters, random, wanted};

fn block(
    inputs: i64,
    channels: i64,
    tail: ConvolutionTail,
    top_k: i64,
) -> (Parameters, PooledConvolution) {
    let mut parameters = parameters();
    let block = PooledConvolution::new(
        &mut parameters,
        "convolution",
        inputs,
        channels,
        &[2, 3, 4],
        top_k,
        tail,
        Initialization::TorchDefault,
    )
    .unwrap();
    (parameters, block)
}

#[test]
fn agrees_with_libtorch_forward_and_backward() {
    for tail in [ConvolutionTail::Masked, ConvolutionTail::BatchMax] {
        for (inputs, channels, lengths) in [
            (6, 20, vec![1, 2, 7, 3, 30, 4]),
            (128, 100, vec![40, 17]),
            (3, 5, vec![1]),
        ] {
            let (parameters, block) = block(inputs, channels, tail, 1);
            let (packing, _) = Packing::arrange(&lengths, 2);
            let rows = random(&[packing.tokens as i64, inputs], 1);
            let weights = random(&[packing.documents() as i64, block.features()], 2);

            let theirs = rows.copy().set_requires_grad(true);
            let expected = block.forward_portable(&theirs, &packing, None);
            let mut leaves = vec![&theirs];
            leaves.extend(wanted(&parameters));
            let expected_gradients = Tensor::run_backward(
                &[(&expected * &weights).sum(Kind::Float)],
                &leaves,
                false,
                false,
            );

            let ours = rows.copy().set_requires_grad(true);
            let pass = Pass::training(MOMENT);
            let output = block.forward(&pass, &ours, &packing, None);
            assert_close(&output, &expected, 2e-6, "features");
            let mut leaves = vec![&ours];
            leaves.extend(wanted(&parameters));
            let gradients = pass.backward(&(&output * &weights).sum(Kind::Float), &leaves);
            for (index, (gradient, expected)) in
                gradients.iter().zip(&expected_gradients).enumerate()
            {
                assert_close(
                    gradient.as_ref().unwrap(),
                    expected,
                    1e-5,
                    &format!("gradient {index} with {tail:?}"),
                );
            }
        }
    }
}

/// Features by the definition, of one document: a padding of floor(size / 2) on both sides, maps of all windows, and
/// their highest values per channel. `windows`: their number for each size.
fn by_definition(block: &PooledConvolution, x: &Tensor, windows: [i64; 3], top_k: i64) -> Tensor {
    let columns = x.tr().unsqueeze(0);
    let mut features = Vec::new();
    for (((&size, weight), bias), windows) in block
        .sizes
        .iter()
        .zip(&block.weights)
        .zip(&block.biases)
        .zip(windows)
    {
        let pad = Tensor::zeros(
            [1, block.inputs, (size / 2) as i64],
            (Kind::Float, Device::Cpu),
        );
        let padded = Tensor::cat(&[&pad, &columns, &pad], 2);
        let maps: Vec<Tensor> = (0..windows)
            .map(|window| {
                let seen = padded.narrow(2, window, size as i64);
                ((seen * weight).sum_dim_intlist([1_i64, 2].as_slice(), false, Kind::Float) + bias)
                    .relu()
            })
            .collect();
        let maps = Tensor::stack(&maps, 1);
        features.push(maps.topk(top_k, 1, true, true).0.flatten(0, 1));
    }
    Tensor::cat(&features, 0)
}

#[test]
fn there_are_as_many_windows_as_padding_makes() {
    let x = random(&[7, 4], 1);
    let (packing, _) = Packing::arrange(&[7], 1);
    for top_k in [1, 2, 7] {
        for tail in [ConvolutionTail::BatchMax, ConvolutionTail::Masked] {
            let (_parameters, block) = block(4, 100, tail, top_k);
            let found = block.forward(&Pass::evaluation(), &x, &packing, None);
            assert_eq!(found.size(), [1, 3 * 100 * top_k]);
            let expected = by_definition(&block, &x, [8, 7, 8], top_k);
            assert_close(
                &found.get(0),
                &expected,
                1e-5,
                "features of 8, 7 and 8 windows",
            );
        }
    }
}

#[test]
fn a_longer_neighbor_only_raises_maxima_or_changes_nothing() {
    let (short, long) = (random(&[4, 6], 1), random(&[11, 6], 2));
    let (alone, _) = Packing::arrange(&[4], 1);
    let (both, order) = Packing::arrange(&[4, 11], 1);
    assert_eq!(order, [1, 0]);
    let together = Tensor::cat(&[&long, &short], 0);
    for portable in [false, true] {
        let run = |block: &PooledConvolution, x: &Tensor, packing: &Packing| {
            if portable {
                block.forward_portable(x, packing, None)
            } else {
                block.forward(&Pass::evaluation(), x, packing, None)
            }
        };
        let (_parameters, masked) = block(6, 50, ConvolutionTail::Masked, 1);
        let single = run(&masked, &short, &alone);
        assert_close(
            &run(&masked, &together, &both).get(1),
            &single.get(0),
            1e-6,
            "masked features",
        );
        let (_parameters, batch_max) = block(6, 50, ConvolutionTail::BatchMax, 1);
        let single = run(&batch_max, &short, &alone);
        let changed = run(&batch_max, &together, &both).get(1) - single.get(0);
        assert!(changed.min().double_value(&[]) >= -1e-6, "a maximum fell");
        assert!(changed.max().double_value(&[]) > 1e-4, "no maximum rose");
    }
}

#[test]
fn padding_to_a_fixed_length_does_not_depend_on_the_batch() {
    let (short, long) = (random(&[4, 6], 1), random(&[11, 6], 2));
    let (alone, _) = Packing::arrange(&[4], 1);
    let (both, _) = Packing::arrange(&[4, 11], 1);
    let (_parameters, block) = block(6, 50, ConvolutionTail::BatchMax, 1);
    let pass = Pass::evaluation();
    let single = block.forward(&pass, &short, &alone, Some(64));
    let together = block.forward(&pass, &Tensor::cat(&[&long, &short], 0), &both, Some(64));
    assert_close(&together.get(1), &single.get(0), 0.0, "features");
    assert_close(
        &single,
        &block.forward_portable(&short, &alone, Some(64)),
        1e-6,
        "features",
    );
}

/// Pairs of windows, at every length from one window on, with and without windows that see zeros only.
#[test]
fn pairs_of_windows_agree_with_single_ones() {
    for (inputs, channels) in [(5, 20), (128, 100)] {
        for tail in [ConvolutionTail::Masked, ConvolutionTail::BatchMax] {
            let (_parameters, block) = block(inputs, channels, tail, 1);
            let lengths: Vec<usize> = (1..60).collect();
            let (packing, _) = Packing::arrange(&lengths, 2);
            let x = random(&[packing.tokens as i64, inputs], 4);
            let _guard = tch::no_grad_guard();
            for padded in [None, Some(64)] {
                let expected = block.forward(&Pass::evaluation(), &x, &packing, padded);
                let compiled = block.compile();
                assert!(matches!(compiled, CompiledConvolution::Pairs(_)));
                let found = compiled.forward(&x, &packing, block.padded(&packing, padded));
                assert_close(&found, &expected, 5e-6, "features");
            }
        }
    }
}
