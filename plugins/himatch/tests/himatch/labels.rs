//! What labels are made of (METHODS 4.2, 8.4).

use arborist_himatch::network::Network;
use arborist_himatch::{Hyperparameters, is_keyword};
use arborist_model_kit::checks::{self, batch, gradients_by_name, parameter, t5};
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::training::Trainable;
use tch::{Kind, Tensor};

use crate::tiny::{of_the_paper, still, tiny};

fn network(hyperparameters: &Hyperparameters) -> Network {
    checks::network(hyperparameters, &t5(), 20, Kind::Float)
}

fn moment(step: u64) -> Moment {
    Moment {
        seed: 1,
        stage: 0,
        step,
    }
}

#[test]
fn keywords_are_in_a_tenth_to_four_fifths_of_the_documents() {
    assert!(!is_keyword(9, 10));
    assert!(is_keyword(8, 10));
    assert!(is_keyword(1, 10));
    assert!(!is_keyword(1, 11));
}

#[test]
fn labels_are_read_at_the_start_of_an_epoch_and_every_few_steps() {
    let mut network = network(&still(tiny()));
    let labels = |network: &Network| parameter(network, "matching.labels").detach().copy();
    assert_eq!(labels(&network).abs().max().double_value(&[]), 0.0);
    network.before_step(moment(0)).unwrap();
    let first = labels(&network);
    assert!(first.abs().max().double_value(&[]) > 0.0);
    let disturb = |network: &Network| {
        let table = network.parameters().tables()[0].values().detach();
        let _ = table.shallow_clone().g_add_scalar_(0.01);
    };
    // Ten updates an epoch, a reading every three.
    for (step, read) in [
        (1, false),
        (2, false),
        (3, true),
        (9, true),
        (10, true),
        (11, false),
    ] {
        disturb(&network);
        let before = labels(&network);
        network.before_step(moment(step)).unwrap();
        assert_eq!(labels(&network) != before, read, "step {step}");
    }
}

#[test]
fn labels_that_are_read_are_constants() {
    let mut network = network(&tiny());
    network.before_step(moment(0)).unwrap();
    let entry = |name: &str| {
        let entries = network.parameters().entries();
        entries.iter().find(|entry| entry.name == name).unwrap()
    };
    assert!(!entry("matching.labels").trained);
    let gradients = gradients_by_name(&network);
    for name in [
        "matching.gcn.0.bottom_up.bias",
        "matching.label.layer1.weight",
        "matching.text.layer1.weight",
    ] {
        let found = gradients.iter().find(|(found, _)| found == name);
        let largest = found
            .and_then(|(_, gradient)| gradient.as_ref())
            .map_or(0.0, |gradient| gradient.abs().max().double_value(&[]));
        assert!(largest > 0.0, "{name}");
    }
}

#[test]
fn names_start_the_labels_of_the_paper() {
    let network = network(&Hyperparameters { ..of_the_paper() });
    let labels = parameter(&network, "matching.labels").detach();
    let words = network.parameters().tables()[0].values().detach();
    assert_eq!(labels.get(3), words.get(3));
}

#[test]
fn logits_do_not_know_the_matching() {
    let network = network(&tiny());
    let logits = |network: &Network| -> Tensor {
        tch::no_grad(|| network.logits(&Pass::evaluation(), &batch(1)))
    };
    let before = logits(&network);
    for entry in network.parameters().entries() {
        if entry.name.starts_with("matching.") {
            let _ = entry.tensor.detach().fill_(3.0);
        }
    }
    assert_eq!(logits(&network), before);
}
