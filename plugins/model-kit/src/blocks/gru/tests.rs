use tch::Device;

use tch::Kind;

use super::*;
use crate::testing::{MOMENT, assert_close, parameters, random, values, wanted};

/// Packs `[tokens, in]` from document after document to by time.
fn packed(rows: &Tensor, packing: &Packing) -> Tensor {
    let starts = packing.starts();
    let mut order = Vec::new();
    packing.for_each_packed(|document, time| order.push((starts[document] + time) as i64));
    rows.index_select(0, &Tensor::from_slice(&order))
}

fn gru(units: i64) -> (Parameters, Gru) {
    let mut parameters = parameters();
    let gru = Gru::new(
        &mut parameters,
        "gru",
        7,
        units,
        Initialization::TorchDefault,
    )
    .unwrap();
    (parameters, gru)
}

#[test]
fn agrees_with_libtorch_forward_and_backward() {
    for (units, lengths) in [
        (64, vec![5, 3, 9, 1, 9, 2, 2, 4]),
        (5, vec![4]),
        (20, vec![3, 3, 3]),
    ] {
        let (parameters, gru) = gru(units);
        let (whole, _) = Packing::arrange(&lengths, 1);
        let rows = random(&[whole.tokens as i64, 7], 1);
        let weights = random(&[whole.tokens as i64, 2 * units], 2);

        let theirs = packed(&rows, &whole).set_requires_grad(true);
        let expected = gru.forward_portable(&theirs, &whole);
        let mut leaves = vec![&theirs];
        leaves.extend(wanted(&parameters));
        let expected_gradients = Tensor::run_backward(
            &[(&expected * &weights).sum(Kind::Float)],
            &leaves,
            false,
            false,
        );

        let ours = packed(&rows, &whole).set_requires_grad(true);
        let pass = Pass::training(MOMENT);
        let output = gru.forward(&pass, &ours, &whole, 0.0);
        assert_close(&output, &expected, 2e-6, "states");
        let mut leaves = vec![&ours];
        leaves.extend(wanted(&parameters));
        let gradients = pass.backward(&(&output * &weights).sum(Kind::Float), &leaves);
        for (index, (gradient, expected)) in gradients.iter().zip(&expected_gradients).enumerate() {
            assert_close(
                gradient.as_ref().unwrap(),
                expected,
                3e-5,
                &format!("gradient {index} with {units} units"),
            );
        }
    }
}

#[test]
fn groups_change_nothing() {
    let (_parameters, gru) = gru(16);
    let lengths = [6, 1, 4, 4, 2];
    let rows: Vec<Tensor> = lengths
        .iter()
        .enumerate()
        .map(|(document, &length)| random(&[length as i64, 7], document as u64))
        .collect();
    let run = |groups: usize, portable: bool| {
        let (packing, order) = Packing::arrange(&lengths, groups);
        let documents: Vec<&Tensor> = order.iter().map(|&document| &rows[document]).collect();
        let rows = packed(&Tensor::cat(&documents, 0), &packing);
        let output = if portable {
            gru.forward_portable(&rows, &packing)
        } else {
            gru.forward(&Pass::evaluation(), &rows, &packing, 0.0)
        };
        let starts = packing.starts();
        let mut by_document = vec![Vec::new(); lengths.len()];
        for (place, &document) in order.iter().enumerate() {
            let (start, end) = (starts[place], starts[place + 1]);
            by_document[document] = values(&output.narrow(0, start as i64, (end - start) as i64));
        }
        by_document
    };
    for portable in [false, true] {
        let (one, three) = (run(1, portable).concat(), run(3, portable).concat());
        assert_eq!(one.len(), three.len());
        // Products of other numbers of rows may be summed in another order.
        let apart = one.iter().zip(&three).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-6);
    }
}

#[test]
fn a_document_does_not_see_its_neighbors() {
    let (_parameters, gru) = gru(16);
    let (short, long) = (random(&[3, 7], 1), random(&[5, 7], 2));
    let (alone, _) = Packing::arrange(&[3], 1);
    let (both, order) = Packing::arrange(&[3, 5], 1);
    assert_eq!(order, [1, 0]);
    let pass = Pass::evaluation();
    let single = gru.forward(&pass, &short, &alone, 0.0);
    let together = gru.forward(
        &pass,
        &packed(&Tensor::cat(&[&long, &short], 0), &both),
        &both,
        0.0,
    );
    assert_close(
        &together.narrow(0, 5, 3),
        &single,
        1e-6,
        "the short document",
    );
    // Padded with zeros instead, the backward direction would start two steps too early.
    let (padded, _) = Packing::arrange(&[5], 1);
    let zeros = Tensor::cat(
        &[&short, &Tensor::zeros([2, 7], (Kind::Float, Device::Cpu))],
        0,
    );
    let wrong = gru.forward(&pass, &zeros, &padded, 0.0).narrow(0, 0, 3);
    let backward = |output: &Tensor| output.narrow(1, 16, 16);
    assert!(
        (backward(&wrong) - backward(&single))
            .abs()
            .max()
            .double_value(&[])
            > 1e-3
    );
}

#[test]
fn dropout_keeps_states_and_matches_its_way_back() {
    let (_parameters, gru) = gru(16);
    let (packing, _) = Packing::arrange(&[30, 20, 25], 2);
    let x = random(&[75, 7], 1).set_requires_grad(true);
    let plain = gru.forward(&Pass::evaluation(), &x, &packing, 0.5);
    let pass = Pass::training(MOMENT);
    let dropped = gru.forward(&pass, &x, &packing, 0.5);
    let kept = dropped.ne(0.0).to_kind(Kind::Float);
    assert_close(&dropped, &(&kept * &plain * 2.0), 1e-6, "kept states");
    let rate = kept.mean(Kind::Double).double_value(&[]);
    assert!((rate - 0.5).abs() < 0.05, "kept {rate}");
    // The same mask by hand.
    let gradient = pass
        .backward(&dropped.sum(Kind::Float), &[&x])
        .remove(0)
        .unwrap();
    let pass = Pass::training(MOMENT);
    let by_hand = gru.forward(&pass, &x, &packing, 0.0) * kept * 2.0;
    let expected = pass
        .backward(&by_hand.sum(Kind::Float), &[&x])
        .remove(0)
        .unwrap();
    assert_close(&gradient, &expected, 1e-5, "gradient of the input");
}

#[test]
fn starts_within_the_framework_bounds() {
    let mut parameters = parameters();
    Gru::new(
        &mut parameters,
        "gru",
        300,
        64,
        Initialization::TorchDefault,
    )
    .unwrap();
    for entry in parameters.entries() {
        let largest = entry.tensor.abs().max().double_value(&[]);
        assert!(
            largest <= 0.125 && largest > 0.1,
            "{}: {largest}",
            entry.name
        );
    }
    assert_eq!(parameters.count(), 2 * (192 * 300 + 192 * 64 + 192 + 192));
}
