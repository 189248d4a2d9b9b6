//! The aims of the training by hand-computed numbers (METHODS 8.3).

use std::f64::consts::LN_2;

use arborist_htcinfomax::Hyperparameters;
use arborist_htcinfomax::auxiliary::{
    InformationDiscriminator, label_prior, mean_of_gold, mutual_information,
};
use arborist_htcinfomax::network::Network;
use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::blocks::Text;
use arborist_model_kit::checks::{self, batch, gradients_by_name, parameter, t5};
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
fn five_positions_make_one_and_fewer_are_padded() {
    let mut parameters = Parameters::fresh(Device::Cpu, 1);
    let discriminator = InformationDiscriminator::new(&mut parameters, 4).unwrap();
    let seen = |length: usize| {
        let mut documents = EncodedDocuments::default();
        documents.push(&vec![1; length], &[0]);
        let batch = Batch::new(&documents, &[0], 1);
        let states = Tensor::ones([length as i64, 4], (Kind::Float, Device::Cpu));
        discriminator.text(&batch, &Text::States(states), 4)
    };
    for length in [1, 4, 5, 9] {
        let found = seen(length);
        assert_eq!(found.size(), [1, 512], "{length} positions");
        assert!(found.isfinite().all().int64_value(&[]) != 0);
    }
    // Four positions are five of which the last is zeros.
    assert_ne!(seen(4), seen(5));
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
    let found = discriminator.text(&batch, &Text::States(states), 6);
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
fn without_both_aims_the_loss_is_that_of_label_attention() {
    let network = network(&Hyperparameters {
        use_mi: false,
        use_label_prior: false,
        ..tiny()
    });
    let losses = network.losses(&batch(1), &Pass::training(moment(0)));
    let names: Vec<&str> = losses.terms.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["classification", "recursive"]);
    let sum: f64 = losses
        .terms
        .iter()
        .map(|(_, loss)| loss.double_value(&[]))
        .sum();
    assert!((losses.total.double_value(&[]) - sum).abs() < 1e-6);
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
