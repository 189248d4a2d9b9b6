use tch::nn::{self, OptimizerConfig};

use super::*;
use crate::initializer::Initializer;
use crate::pass::{Moment, Pass};
use crate::testing::{assert_close, random, values};

/// A table of 20 words and a layer, and the loss of a step that uses some of the words.
fn model(seed: u64) -> (Parameters, Rc<WordTable>, Tensor) {
    let mut parameters = Parameters::fresh(Device::Cpu, seed);
    let table = parameters
        .add_table("words", [20, 7], &Initializer::Uniform(0.25), Some(18))
        .unwrap();
    let weight = parameters
        .add("weight", &[3, 7], &Initializer::Uniform(0.5))
        .unwrap();
    (parameters, table, weight)
}

/// Words of a step; some come late, some pause for long, one is padding.
fn words(step: u64) -> Vec<u32> {
    let first = if step < 5 { 0 } else { 9 };
    vec![
        first,
        1 + (step % 3) as u32,
        1 + (step % 3) as u32,
        18,
        if step % 10 == 9 { 17 } else { 5 },
    ]
}

fn train(
    options: AdamOptions,
    steps: std::ops::Range<u64>,
    parameters: &Parameters,
    table: &WordTable,
    weight: &Tensor,
    optimizer: &mut Optimizer,
    accumulate: bool,
) {
    let _ = parameters;
    for step in steps {
        let mut sums = None;
        let words = words(step);
        let parts: Vec<&[u32]> = if accumulate {
            vec![&words[..2], &words[2..]]
        } else {
            vec![&words]
        };
        for part in parts {
            let pass = Pass::training(Moment {
                seed: 1,
                stage: 0,
                step,
            });
            let rows = table.lookup(&pass, part, 0.0);
            let loss = rows.matmul(&weight.tr()).square().sum(Kind::Float) + rows.sum(Kind::Float);
            let gradient = pass.backward(&loss, &optimizer.wanted()).remove(0).unwrap();
            sums = Some(match sums {
                None => gradient,
                Some(sum) => sum + gradient,
            });
        }
        optimizer.update(&[sums], options.learning_rate, 1.0);
    }
}

/// The same training with libtorch's dense Adam.
fn dense(options: AdamOptions, steps: u64) -> (Tensor, Tensor) {
    let (_parameters, table, weight) = model(3);
    let store = nn::VarStore::new(Device::Cpu);
    let words_variable = store.root().add("words", table.values().copy(), true);
    let weight_variable = store.root().add("weight", weight.detach().copy(), true);
    let mut optimizer = nn::Adam {
        beta1: options.beta1,
        beta2: options.beta2,
        wd: 0.0,
        eps: options.epsilon,
        amsgrad: false,
    }
    .build(&store, options.learning_rate)
    .unwrap();
    if options.weight_decay > 0.0 {
        optimizer = nn::AdamW {
            beta1: options.beta1,
            beta2: options.beta2,
            wd: options.weight_decay,
            eps: options.epsilon,
            amsgrad: false,
        }
        .build(&store, options.learning_rate)
        .unwrap();
    }
    for step in 0..steps {
        let ids: Vec<i64> = words(step).into_iter().map(i64::from).collect();
        let mask = Tensor::from_slice(&ids)
            .ne(18)
            .to_kind(Kind::Float)
            .unsqueeze(1);
        let rows = words_variable.index_select(0, &Tensor::from_slice(&ids)) * mask;
        let loss =
            rows.matmul(&weight_variable.tr()).square().sum(Kind::Float) + rows.sum(Kind::Float);
        optimizer.backward_step(&loss);
    }
    (words_variable.detach(), weight_variable.detach())
}

#[test]
fn sparse_rows_get_the_numbers_of_a_dense_optimizer() {
    for options in [
        AdamOptions::default(),
        AdamOptions {
            learning_rate: 0.02,
            epsilon: 1e-6,
            weight_decay: 0.1,
            ..AdamOptions::default()
        },
    ] {
        for accumulate in [false, true] {
            let (parameters, table, weight) = model(3);
            let mut optimizer = Optimizer::new(&parameters, options);
            train(
                options,
                0..60,
                &parameters,
                &table,
                &weight,
                &mut optimizer,
                accumulate,
            );
            optimizer.settle();
            let (expected_table, expected_weight) = dense(options, 60);
            // Sums of gradients differ in their last bits, which Adam scales up where gradients are small. A step that
            // a row misses would differ by about the learning rate.
            let tolerance = options.learning_rate * 1e-2;
            assert_close(table.values(), &expected_table, tolerance, "table");
            assert_close(&weight.detach(), &expected_weight, tolerance, "weight");
            assert!(
                values(&table.values().get(18))
                    .iter()
                    .all(|value| *value == 0.0),
                "the padding row moved"
            );
        }
    }
}

#[test]
fn it_does_not_matter_when_late_rows_catch_up() {
    let options = AdamOptions::default();
    let run = |settle_every: u64| {
        let (parameters, table, weight) = model(3);
        let mut optimizer = Optimizer::new(&parameters, options);
        for step in 0..40 {
            train(
                options,
                step..step + 1,
                &parameters,
                &table,
                &weight,
                &mut optimizer,
                false,
            );
            if (step + 1) % settle_every == 0 {
                optimizer.settle();
            }
        }
        optimizer.settle();
        values(table.values())
    };
    assert_eq!(run(1), run(40));
    assert_eq!(run(7), run(40));
}

#[test]
fn moments_outlive_the_process() {
    let options = AdamOptions::default();
    let (parameters, table, weight) = model(3);
    let mut optimizer = Optimizer::new(&parameters, options);
    train(
        options,
        0..17,
        &parameters,
        &table,
        &weight,
        &mut optimizer,
        false,
    );
    let directory = tempfile::tempdir().unwrap();
    let (weights, moments) = (directory.path().join("w"), directory.path().join("m"));
    let state = optimizer.state();
    parameters
        .save(&weights, crate::files::Durability::Synced)
        .unwrap();
    crate::parameters::write_tensors(&state, &moments, crate::files::Durability::Synced).unwrap();
    train(
        options,
        17..40,
        &parameters,
        &table,
        &weight,
        &mut optimizer,
        false,
    );
    optimizer.settle();

    let (again, again_table, again_weight) = model(99);
    let mut resumed = Optimizer::new(&again, options);
    again
        .assign(crate::parameters::read_tensors(&weights).unwrap())
        .unwrap();
    resumed
        .restore(crate::parameters::read_tensors(&moments).unwrap(), 17)
        .unwrap();
    train(
        options,
        17..40,
        &again,
        &again_table,
        &again_weight,
        &mut resumed,
        false,
    );
    resumed.settle();
    assert_eq!(values(again_table.values()), values(table.values()));
    assert_eq!(values(&again_weight), values(&weight));
}

#[test]
fn gradients_are_clipped_to_a_norm_over_all_parameters() {
    let norm_after = |clip_norm| {
        let (parameters, table, weight) = model(3);
        // One step of Adam without memory moves by lr·g/(|g| + ε): with a large ε, in proportion to the gradient.
        let options = AdamOptions {
            beta1: 0.0,
            beta2: 0.0,
            epsilon: 1e6,
            learning_rate: 1e6,
            clip_norm,
            ..AdamOptions::default()
        };
        let before = Tensor::cat(
            &[
                table.values().flatten(0, -1),
                weight.detach().flatten(0, -1),
            ],
            0,
        )
        .copy();
        let mut optimizer = Optimizer::new(&parameters, options);
        train(
            options,
            0..1,
            &parameters,
            &table,
            &weight,
            &mut optimizer,
            false,
        );
        optimizer.settle();
        let after = Tensor::cat(
            &[
                table.values().flatten(0, -1),
                weight.detach().flatten(0, -1),
            ],
            0,
        );
        (after - before).norm().double_value(&[])
    };
    assert!(norm_after(None) > 2.0);
    assert!((norm_after(Some(0.5)) - 0.5).abs() < 1e-3);
    assert!((norm_after(Some(1e3)) - norm_after(None)).abs() < 1e-6);
}

/// What another device computes is tried here on the processor, with libtorch's operations and dense tables.
#[test]
fn another_device_makes_the_same_updates() {
    for clip_norm in [None, Some(0.5), Some(1e3)] {
        let options = AdamOptions {
            weight_decay: 0.1,
            clip_norm,
            ..AdamOptions::default()
        };
        let run = |there: bool| {
            let (parameters, table, weight) = model(3);
            let mut optimizer = Optimizer::new(&parameters, options);
            if there {
                table.end_training();
                let moments = || table.values().zeros_like();
                optimizer.tables[0].dense = Some((moments(), moments()));
            }
            for step in 0..5 {
                let pass = Pass::training(Moment {
                    seed: 1,
                    stage: 0,
                    step,
                });
                let rows = if there {
                    table.lookup_there(&pass, &words(step), 0.0)
                } else {
                    table.lookup(&pass, &words(step), 0.0)
                };
                // The sum pulls on the padding as well.
                let loss =
                    rows.matmul(&weight.tr()).square().sum(Kind::Float) + rows.sum(Kind::Float);
                let gradients = pass.backward(&loss, &optimizer.wanted());
                if there {
                    optimizer.updates += 1;
                    let factors = [false, true].map(|decayed| optimizer.factors(0.01, decayed));
                    tch::no_grad(|| {
                        let scale = optimizer.scale_there(&gradients, 0.5);
                        optimizer.update_there(&gradients, factors, &scale);
                    });
                } else {
                    optimizer.update(&gradients, 0.01, 0.5);
                }
            }
            optimizer.settle();
            (table.values().copy(), weight.detach().copy())
        };
        let ((table, weight), (table_there, weight_there)) = (run(false), run(true));
        assert_close(&table_there, &table, 1e-6, "table");
        assert_close(&weight_there, &weight, 1e-6, "weight");
    }
}

#[test]
fn parameters_stay_where_the_model_sees_them() {
    let (parameters, _table, weight) = model(3);
    let before = values(&weight);
    let optimizer = Optimizer::new(&parameters, AdamOptions::default());
    assert_eq!(values(&weight), before);
    assert!(weight.requires_grad() && weight.is_leaf());
    assert_eq!(optimizer.wanted().len(), 1);
    weight.detach().copy_(&random(&[3, 7], 1));
    assert_eq!(values(optimizer.wanted()[0]), values(&weight));
}

#[test]
fn biases_and_layer_norms_do_not_decay() {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let one = Initializer::Constant(1.0);
    let names = [
        "dense.weight",
        "dense.bias",
        "LayerNorm.weight",
        "LayerNorm.bias",
    ];
    let tensors = names.map(|name| parameters.add(name, &[4], &one).unwrap());
    let options = AdamOptions {
        learning_rate: 0.1,
        weight_decay: 0.5,
        ..AdamOptions::default()
    };
    let mut optimizer = Optimizer::new(&parameters, options);
    // Without a slope, decay alone moves a weight: by the rate times the decay.
    let slopes = names.map(|_| Some(Tensor::zeros([4], (Kind::Float, Device::Cpu))));
    optimizer.update(&slopes, options.learning_rate, 1.0);
    optimizer.settle();
    let first = tensors.map(|tensor| values(&tensor.detach())[0]);
    assert!((first[0] - 0.95).abs() < 1e-6, "{first:?}");
    assert_eq!(first[1..], [1.0; 3]);
}
