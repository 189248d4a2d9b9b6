//! The aims of the training by hand-computed numbers (METHODS 8.3).

use std::f64::consts::LN_2;

use arborist_htcinfomax::auxiliary::{
    InformationDiscriminator, label_prior, mean_of_gold, mutual_information, reordered,
};
use arborist_htcinfomax::network::Network;
use arborist_htcinfomax::{Hyperparameters, Negatives};
use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::blocks::Text;
use arborist_model_kit::checks::{self, batch, gradients_by_name, parameter, t5};
use arborist_model_kit::optimizer::{AdamOptions, Optimizer};
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::training::Trainable;
use tch::{Device, Kind, Tensor};

use crate::tiny::{still, tiny};

fn network(hyperparameters: &Hyperparameters) -> Network {
    checks::network(hyperparameters, &t5(), 20, Kind::Float)
}

#[track_caller]
fn close(found: &Tensor, expected: f64) {
    let found = found.double_value(&[]);
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

fn moment(step: u64) -> Moment {
    Moment {
        seed: 1,
        stage: 0,
        step,
    }
}

/// A term of the loss of all documents.
fn term(network: &Network, name: &str) -> f64 {
    let losses = network.losses(&batch(1), &Pass::training(moment(0)));
    let found = losses.terms.iter().find(|(term, _)| *term == name);
    found
        .unwrap_or_else(|| panic!("no term {name}"))
        .1
        .double_value(&[])
}

#[test]
fn mutual_information_by_hand() {
    let zeros = Tensor::zeros([4], (Kind::Double, Device::Cpu));
    close(&mutual_information(&zeros, &zeros), 2.0 * LN_2);
    let paired = Tensor::from_slice(&[2.0, 2.0]);
    let shuffled = Tensor::from_slice(&[-1.0, -1.0]);
    close(
        &mutual_information(&paired, &shuffled),
        0.126_928_011 + 0.313_261_688,
    );
    // Nothing is gained when documents are paired with themselves.
    for scores in [[0.3, -2.0, 5.0], [0.0, 0.1, -0.1]] {
        let scores = Tensor::from_slice(&scores);
        let loss = mutual_information(&scores, &scores).double_value(&[]);
        assert!(loss >= 2.0 * LN_2 - 1e-12, "{loss}");
    }
}

#[test]
fn the_label_prior_by_hand() {
    for labels in [1, 7] {
        let undecided = Tensor::zeros([labels], (Kind::Double, Device::Cpu));
        close(&label_prior(&undecided, &undecided), 2.0 * LN_2);
    }
    // No infinity where a probability underflows.
    let sure = Tensor::from_slice(&[-1e4]);
    assert!(
        label_prior(&sure, &-&sure)
            .isfinite()
            .all()
            .int64_value(&[])
            != 0
    );
}

#[test]
fn gold_labels_are_averaged() {
    let labels = Tensor::from_slice(&[1.0, 0.0, 9.0, 9.0, 3.0, 4.0]).view([3, 2]);
    let gold = Tensor::from_slice(&[1.0, 0.0, 1.0, 0.0, 0.0, 0.0]).view([2, 3]);
    let found: Vec<f64> = Vec::try_from(mean_of_gold(&labels, &gold).flatten(0, -1)).unwrap();
    assert_eq!(found, [2.0, 2.0, 0.0, 0.0]);
}

#[test]
fn a_gate_of_zeros_weighs_both_by_half() {
    let network = network(&still(Hyperparameters {
        train_aux: true,
        ..tiny()
    }));
    for entry in network.parameters().entries() {
        let judges = ["information.", "prior.", "gate."];
        if judges.iter().any(|prefix| entry.name.starts_with(prefix)) {
            let _ = entry.tensor.detach().zero_();
        }
    }
    assert!((term(&network, "gate") - 0.5).abs() < 1e-6);
    assert!((term(&network, "mutual_information") - 2.0 * LN_2).abs() < 1e-6);
    assert!((term(&network, "label_prior") - 2.0 * LN_2).abs() < 1e-6);
    let losses = network.losses(&batch(1), &Pass::training(moment(0)));
    let named = |name: &str| -> f64 {
        let terms = losses.terms.iter().filter(|(term, _)| *term == name);
        terms.map(|(_, loss)| loss.double_value(&[])).sum()
    };
    let rest = losses.total.double_value(&[]) - named("classification") - named("recursive");
    assert!((rest - 2.0 * LN_2).abs() < 1e-5, "{rest}");
}

#[test]
fn what_the_gate_gives_one_aim_it_takes_from_the_other() {
    let network = network(&still(Hyperparameters {
        train_aux: true,
        ..tiny()
    }));
    for entry in network.parameters().entries() {
        let judges = ["information.", "prior.", "gate."];
        if judges.iter().any(|prefix| entry.name.starts_with(prefix)) {
            let _ = entry.tensor.detach().zero_();
        }
    }
    // Three quarters for the mutual information; the prior's score is 1 for drawn vectors and labels alike.
    let _ = parameter(&network, "gate.text.bias")
        .detach()
        .fill_(3.0_f64.ln());
    let _ = parameter(&network, "prior.layer3.bias").detach().fill_(1.0);
    let prior = 0.313_261_688 + 1.313_261_688;
    assert!((term(&network, "gate") - 0.75).abs() < 1e-6);
    assert!((term(&network, "label_prior") - prior).abs() < 1e-6);
    let losses = network.losses(&batch(1), &Pass::training(moment(0)));
    let of_classifier: f64 = losses
        .terms
        .iter()
        .filter(|(name, _)| ["classification", "recursive"].contains(name))
        .map(|(_, loss)| loss.double_value(&[]))
        .sum();
    let aims = losses.total.double_value(&[]) - of_classifier;
    assert!(
        (aims - (0.75 * 2.0 * LN_2 + 0.25 * prior)).abs() < 1e-5,
        "{aims}"
    );
}

#[test]
fn the_gate_reads_the_mean_over_all_positions() {
    let network = network(&still(tiny()));
    for name in ["gate.text.bias", "gate.labels.weight", "gate.labels.bias"] {
        let _ = parameter(&network, name).detach().zero_();
    }
    let mut documents = EncodedDocuments::default();
    documents.push(&[1, 2], &[0]);
    documents.push(&[3, 4, 5, 6, 7, 8, 9], &[1]);
    // Before the sigmoid.
    let gate_of = |members: &[usize]| {
        let batch = Batch::new(&documents, members, 1);
        let losses = network.losses(&batch, &Pass::training(moment(0)));
        let gate = losses.terms.iter().find(|(term, _)| *term == "gate");
        let open = gate.unwrap().1.double_value(&[]);
        (open / (1.0 - open)).ln()
    };
    // Beside seven words two have five positions of zeros behind them.
    let expected = (2.0 * gate_of(&[0]) + 7.0 * gate_of(&[1])) / 14.0;
    let found = gate_of(&[0, 1]);
    assert!(found.abs() > 1e-3, "{found}");
    assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
}

#[test]
fn the_prior_is_drawn_evenly_between_zero_and_one() {
    let network = network(&still(tiny()));
    for entry in network.parameters().entries() {
        if entry.name.starts_with("prior.") || entry.name == "label_map.weight" {
            let _ = entry.tensor.detach().zero_();
        }
    }
    // Labels are at zero and score 0. What is drawn scores −1000 times the mean of what the ReLU lets through.
    let width = tiny().la_label_dim;
    let value = |name: &str| parameter(&network, name).detach();
    let first = value("prior.layer1.weight").narrow(0, 0, width);
    let bias = value("prior.layer1.bias").narrow(0, 0, width);
    let second = value("prior.layer2.weight").get(0);
    let _ = second.narrow(0, 0, width).fill_(1.0);
    let third = value("prior.layer3.weight").get(0);
    let _ = third.get(0).fill_(-1_000.0 / width as f64);
    let drawn = |sign: f64, more: f64| {
        first
            .shallow_clone()
            .copy_(&(Tensor::eye(width, (Kind::Float, Device::Cpu)) * sign));
        let _ = bias.shallow_clone().fill_(more);
        term(&network, "label_prior") - LN_2
    };
    let nothing = |loss: f64| (loss - LN_2).abs() < 1e-5;
    assert!(nothing(drawn(-1.0, 0.0)), "a value is below 0");
    assert!(nothing(drawn(1.0, -1.0)), "a value is above 1");
    let mean = drawn(1.0, 0.0) / 1_000.0;
    assert!((0.4..0.6).contains(&mean), "{mean}");
    let beyond_half = drawn(1.0, -0.5) / 1_000.0;
    assert!((0.07..0.18).contains(&beyond_half), "{beyond_half}");
}

#[test]
fn five_positions_make_one_and_fewer_are_padded() {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let discriminator = InformationDiscriminator::new(&mut parameters, 4).unwrap();
    // So many positions, the first of them words and the others zeros.
    let seen = |length: usize, words: usize| {
        let mut documents = EncodedDocuments::default();
        documents.push(&vec![1; length], &[0]);
        let batch = Batch::new(&documents, &[0], 1);
        let states = Tensor::zeros([length as i64, 4], (Kind::Float, Device::Cpu));
        let _ = states.narrow(0, 0, words as i64).fill_(1.0);
        discriminator.text(&Pass::evaluation(), &batch, &Text::States(states), 4)
    };
    for length in [1, 4, 5, 9] {
        let found = seen(length, length);
        assert_eq!(found.size(), [1, 512], "{length} positions");
        assert!(found.isfinite().all().int64_value(&[]) != 0);
    }
    // Four positions are five of which the last is zeros.
    assert!((seen(4, 4) - seen(5, 4)).abs().max().double_value(&[]) < 1e-6);
    assert_ne!(seen(4, 4), seen(5, 5));
}

#[test]
fn the_mean_after_two_convolutions_is_that_of_libtorch() {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let discriminator = InformationDiscriminator::new(&mut parameters, 6).unwrap();
    let batch = batch(1);
    let tokens: i64 = batch.packing.lengths.iter().sum::<usize>() as i64;
    let states = Tensor::arange(tokens * 6, (Kind::Float, Device::Cpu))
        .sin()
        .view([tokens, 6]);
    let value = |name: &str| {
        let entry = parameters.entries().iter().find(|entry| entry.name == name);
        entry.unwrap().tensor.detach()
    };
    let expected = batch
        .pad_rows(&states)
        .0
        .transpose(1, 2)
        .conv1d(
            &value("information.convolution1.weight"),
            Some(value("information.convolution1.bias")),
            1,
            0,
            1,
            1,
        )
        .relu()
        .conv1d(
            &value("information.convolution2.weight"),
            Some(value("information.convolution2.bias")),
            1,
            0,
            1,
            1,
        )
        .mean_dim(2_i64, false, Kind::Float);
    let found = discriminator.text(&Pass::evaluation(), &batch, &Text::States(states), 6);
    assert!((found - expected).abs().max().double_value(&[]) < 1e-5);
}

#[test]
fn frozen_judges_stay_as_they_are_and_labels_learn_from_them() {
    let frozen = network(&tiny());
    let judges: Vec<&str> = vec!["information.", "prior.", "gate."];
    for entry in frozen.parameters().entries() {
        let judge = judges.iter().any(|prefix| entry.name.starts_with(prefix));
        assert_eq!(entry.trained, !judge, "{}", entry.name);
    }
    // The prior alone pulls on the labels.
    let prior = network(&Hyperparameters {
        use_mi: false,
        ..tiny()
    });
    let _ = parameter(&prior, "classifier.weight").detach().zero_();
    let gradients = gradients_by_name(&prior);
    let (_, labels) = gradients.iter().find(|(name, _)| name == "labels").unwrap();
    assert!(labels.as_ref().unwrap().abs().max().double_value(&[]) > 0.0);
}

#[test]
fn judges_stay_the_same_in_three_steps_unless_they_are_trained() {
    for train_aux in [false, true] {
        let network = network(&Hyperparameters {
            train_aux,
            ..tiny()
        });
        let entries = network.parameters().entries();
        let before: Vec<Tensor> = entries.iter().map(|entry| entry.tensor.copy()).collect();
        let mut optimizer = Optimizer::new(network.parameters(), AdamOptions::default());
        for step in 0..3 {
            let pass = Pass::training(moment(step));
            let loss = network.losses(&batch(1), &pass).total;
            let gradients = pass.backward(&loss, &optimizer.wanted());
            optimizer.update(&gradients, 1e-3, 1.0);
        }
        for (entry, before) in entries.iter().zip(&before) {
            let judges = ["information.", "prior.", "gate."];
            let judge = judges.iter().any(|prefix| entry.name.starts_with(prefix));
            let moved = entry.tensor.detach() != *before;
            assert_eq!(moved, train_aux || !judge, "{}", entry.name);
        }
    }
}

#[test]
fn orders_are_permutations_and_derangements_leave_nobody_in_place() {
    let noise = |step| Pass::training(moment(step)).noise_of(0);
    let orders = |n, negatives| -> Vec<Vec<i64>> {
        (0..200)
            .map(|step| reordered(n, negatives, noise(step)))
            .collect()
    };
    let in_place = |order: &[i64]| (0..).zip(order).any(|(place, other)| place == *other);
    for n in [1, 2, 3, 7, 64] {
        for negatives in [Negatives::Permutation, Negatives::Derangement] {
            let orders = orders(n, negatives);
            for order in &orders {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n as i64).collect::<Vec<_>>());
                let free = negatives == Negatives::Permutation || n == 1;
                assert!(free || !in_place(order), "{order:?}");
            }
            assert!(n < 3 || orders.iter().any(|order| *order != orders[0]));
        }
        // One order in e leaves nobody in place, so most leave somebody there.
        let permutations = orders(n, Negatives::Permutation);
        let staying = permutations.iter().filter(|order| in_place(order)).count();
        assert!(staying > 60, "{staying} of 200 orders of {n}");
    }
    assert_eq!(reordered(3, Negatives::Derangement, None), [0, 1, 2]);
}

/// The mutual information of two documents, at several moments.
fn of_two_documents(negatives: Negatives) -> Vec<f64> {
    let network = network(&still(Hyperparameters {
        negatives,
        ..tiny()
    }));
    let mut documents = EncodedDocuments::default();
    documents.push(&[1, 2, 3, 4, 5, 6], &[0, 2]);
    documents.push(&[9, 8, 7], &[1, 4]);
    let batch = Batch::new(&documents, &[0, 1], 1);
    (0..40)
        .map(|step| {
            let losses = network.losses(&batch, &Pass::training(moment(step)));
            let mut terms = losses.terms.iter();
            let found = terms.find(|(name, _)| *name == "mutual_information");
            found.unwrap().1.double_value(&[])
        })
        .collect()
}

#[test]
fn the_chosen_negatives_are_those_of_the_loss() {
    let same = |a: f64, b: f64| (a - b).abs() < 1e-6;
    let exchanged = of_two_documents(Negatives::Derangement);
    assert!(exchanged.iter().all(|loss| same(*loss, exchanged[0])));
    // A permutation exchanges the two or leaves them, about as often.
    let permuted = of_two_documents(Negatives::Permutation);
    let n = permuted
        .iter()
        .filter(|loss| same(**loss, exchanged[0]))
        .count();
    assert!((8..=32).contains(&n), "{n} of 40");
    let left: Vec<f64> = permuted
        .into_iter()
        .filter(|loss| !same(*loss, exchanged[0]))
        .collect();
    assert!(left.iter().all(|loss| same(*loss, left[0])));
    // Paired with itself a document gains nothing.
    assert!(left[0] >= 2.0 * LN_2 - 1e-6, "{}", left[0]);
}

#[test]
fn masked_padding_takes_no_part_in_training() {
    let logits_of_the_short_one = |mask, beside: &[usize]| {
        let network = network(&still(Hyperparameters {
            mask_padding_in_attention: mask,
            ..tiny()
        }));
        let mut documents = EncodedDocuments::default();
        documents.push(&[1, 2], &[0]);
        documents.push(&[3, 4, 5, 6, 7, 8, 9], &[1]);
        let batch = Batch::new(&documents, beside, 1);
        let row = batch.documents.iter().position(|document| *document == 0);
        let logits = network.logits(&Pass::training(moment(0)), &batch);
        logits.detach().get(row.unwrap() as i64)
    };
    let apart = |mask| {
        let alone = logits_of_the_short_one(mask, &[0]);
        let difference = alone - logits_of_the_short_one(mask, &[0, 1]);
        difference.abs().max().double_value(&[])
    };
    assert!(apart(true) < 1e-6);
    // Five positions of zeros behind two words change what labels see.
    assert!(apart(false) > 1e-4);
}

#[test]
fn without_both_aims_the_loss_is_that_of_label_attention() {
    let hyperparameters = still(Hyperparameters {
        use_mi: false,
        use_label_prior: false,
        ..tiny()
    });
    let network = network(&hyperparameters);
    let losses = network.losses(&batch(1), &Pass::training(moment(0)));
    let names: Vec<&str> = losses.terms.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["classification", "recursive"]);
    let logits = network.logits(&Pass::training(moment(0)), &batch(1));
    let gold = batch(1).gold(5, (Kind::Float, Device::Cpu));
    let entropy = (logits.softplus() - &logits * gold)
        .mean(Kind::Double)
        .double_value(&[]);
    let rows = parameter(&network, "classifier.weight").detach();
    let apart = |parent: i64, child: i64| {
        let difference = rows.get(parent) - rows.get(child);
        difference.square().sum(Kind::Double).double_value(&[])
    };
    let pull = 0.5 * (apart(0, 2) + apart(0, 3) + apart(1, 4));
    let expected = entropy + hyperparameters.recursive.lambda_rec * pull;
    let found = losses.total.double_value(&[]);
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    assert!(
        network
            .parameters()
            .entries()
            .iter()
            .all(|entry| !entry.auxiliary)
    );
}

#[test]
fn the_map_of_the_aims_changes_no_logit() {
    let network = network(&tiny());
    let batch = batch(1);
    let logits = || tch::no_grad(|| network.logits(&Pass::evaluation(), &batch));
    let before = logits();
    let _ = parameter(&network, "label_map.weight").detach().fill_(7.0);
    assert_eq!(logits(), before);
}

#[test]
fn documents_without_labels_take_no_part() {
    let network = network(&still(tiny()));
    let mut documents = EncodedDocuments::default();
    documents.push(&[1, 2, 3, 4, 5, 6], &[]);
    documents.push(&[3, 4], &[]);
    let batch = Batch::new(&documents, &[0, 1], 1);
    let losses = network.losses(&batch, &Pass::training(moment(0)));
    assert!(losses.total.double_value(&[]).is_finite());
    let information = losses
        .terms
        .iter()
        .find(|(name, _)| *name == "mutual_information");
    assert_eq!(information.unwrap().1.double_value(&[]), 0.0);
}
