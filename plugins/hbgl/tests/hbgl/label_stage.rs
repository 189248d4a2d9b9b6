//! The label stage: only labels' vectors learn, in bounded memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arborist_hbgl::network::{Network, pooled};
use arborist_hbgl::{GlobalLoss, Hbgl, Hyperparameters, LabelInit, NamePool};
use arborist_model_kit::checks::{self, Corpus};
use arborist_model_kit::training::Trainable as _;
use arborist_plugin_api::{Host, HostCallbacks, Method as _, ModelError};
use arborist_shared::run::RunEvent;
use arborist_shared::taxonomy::Taxonomy;
use tch::{Kind, Tensor};

use super::tiny;

fn network(hyperparameters: &Hyperparameters, taxonomy: &Taxonomy) -> Network {
    checks::network(hyperparameters, taxonomy, 20, Kind::Float)
}

fn with_steps(global_steps: u64) -> Hyperparameters {
    Hyperparameters {
        global_steps,
        mask_ratio_start: 0.4,
        ..tiny()
    }
}

fn labels(network: &Network) -> Tensor {
    checks::parameter(network, "labels").detach().copy()
}

/// Largest difference in each row.
fn moved(before: &Tensor, after: &Tensor) -> Vec<f64> {
    Vec::try_from(
        (after - before)
            .abs()
            .amax([1], false)
            .to_kind(Kind::Double),
    )
    .unwrap()
}

#[test]
fn the_encoder_is_frozen_and_every_label_learns() {
    let taxonomy = checks::t5();
    let (before, after) = (
        network(&with_steps(0), &taxonomy),
        network(&with_steps(1), &taxonomy),
    );
    for (old, new) in before
        .parameters()
        .entries()
        .iter()
        .zip(after.parameters().entries())
        .filter(|(old, _)| old.name != "labels")
    {
        assert!(old.tensor.equal(&new.tensor), "{} has changed", old.name);
    }
    for (old, new) in before
        .parameters()
        .tables()
        .iter()
        .zip(after.parameters().tables())
    {
        assert!(old.values().equal(new.values()));
    }
    // Also those that are not masked: they are candidates, and seen.
    let moved = moved(&labels(&before), &labels(&after));
    assert!(moved.iter().all(|by| *by > 0.0), "{moved:?}");
}

#[test]
fn every_variant_learns_to_predict_labels() {
    let taxonomy = checks::tree_of(20);
    for (label_init, global_loss, paper) in [
        (LabelInit::GlobalBert, GlobalLoss::Bce, false),
        (LabelInit::GlobalBert, GlobalLoss::Bce, true),
        (LabelInit::GlobalBert, GlobalLoss::SoftmaxCe, false),
        (LabelInit::GlobalGat, GlobalLoss::Bce, false),
    ] {
        let hyperparameters = Hyperparameters {
            label_init,
            global_loss,
            global_self_attention: paper,
            global_segment: i64::from(paper),
            global_dropout: !paper,
            ..with_steps(3)
        };
        let start = network(
            &Hyperparameters {
                global_steps: 0,
                ..hyperparameters.clone()
            },
            &taxonomy,
        );
        let moved = moved(
            &labels(&start),
            &labels(&network(&hyperparameters, &taxonomy)),
        );
        assert!(
            moved.iter().all(|by| by.is_finite() && *by > 0.0),
            "{label_init:?} {global_loss:?}: {moved:?}"
        );
    }
}

#[test]
fn a_stage_without_steps_leaves_names() {
    let taxonomy = checks::t5();
    let name = Hyperparameters {
        label_init: LabelInit::Name,
        ..with_steps(300)
    };
    let (named, skipped) = (
        network(&name, &taxonomy),
        network(&with_steps(0), &taxonomy),
    );
    assert!(labels(&named).equal(&labels(&skipped)));
    let random = Hyperparameters {
        label_init: LabelInit::Random,
        ..with_steps(300)
    };
    let random = labels(&network(&random, &taxonomy));
    assert!(!random.equal(&labels(&named)));
    // The standard normal distribution.
    let deviation = random.std(true).double_value(&[]);
    assert!((0.7..1.3).contains(&deviation), "{deviation}");
}

#[test]
fn pieces_of_a_name_are_added_or_averaged() {
    let pieces = Tensor::from_slice2(&[[1.0, 0.0], [3.0, 2.0]]);
    assert_eq!(
        Vec::<f64>::try_from(pooled(&pieces, NamePool::Sum)).unwrap(),
        [4.0, 2.0]
    );
    assert_eq!(
        Vec::<f64>::try_from(pooled(&pieces, NamePool::Mean)).unwrap(),
        [2.0, 1.0]
    );
}

/// Asks to stop some questions after the label stage has begun.
#[derive(Default)]
struct Interrupting {
    left: AtomicUsize,
    begun: AtomicBool,
}

impl HostCallbacks for Interrupting {
    fn emit(&self, event: RunEvent) {
        if format!("{event:?}").contains("label vectors") {
            self.begun.store(true, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_err()
    }
}

#[test]
fn an_interrupted_stage_goes_on_where_it_was() {
    let hyperparameters = || {
        let mut own = with_steps(12);
        own.training.epochs = 1;
        own
    };
    let weights = |corpus: &Corpus| {
        std::fs::read(corpus.request.checkpoint.join("model.safetensors")).unwrap()
    };
    let taxonomy = checks::tree_of(8);
    let unbroken = Corpus::new(&taxonomy);
    unbroken.train::<Hbgl>(hyperparameters()).0.unwrap();

    let broken = Corpus::new(&taxonomy);
    let callbacks = Interrupting {
        left: AtomicUsize::new(5),
        ..Interrupting::default()
    };
    let result = Hbgl::train(hyperparameters(), &broken.request, &Host::new(&callbacks));
    assert!(matches!(result, Err(ModelError::Cancelled)), "{result:?}");
    let state = broken.request.checkpoint.join("resume-labels.safetensors");
    let tensors = Tensor::read_safetensors(&state).unwrap();
    let (_, numbers) = tensors.iter().find(|(name, _)| name == "numbers").unwrap();
    assert_eq!(numbers.int64_value(&[1]), 5, "steps that are done");
    broken.train::<Hbgl>(hyperparameters()).0.unwrap();
    assert!(!state.exists());
    assert!(weights(&broken) == weights(&unbroken));
}

#[test]
fn copies_may_be_computed_one_after_the_other() {
    // Too many rows for one part at 64 copies of 65 rows, and without dropout the parts change nothing.
    let taxonomy = checks::tree_of(64);
    let with = |global_batch| {
        let hyperparameters = Hyperparameters {
            global_batch,
            global_dropout: false,
            ..with_steps(1)
        };
        labels(&network(&hyperparameters, &taxonomy))
    };
    let start = labels(&network(&with_steps(0), &taxonomy));
    for copies in [1, 31, 64] {
        // Adam's first step is the learning rate in the gradient's direction.
        let moved = moved(&start, &with(copies));
        assert!(moved.iter().all(|by| (by - 1e-3).abs() < 1e-5), "{moved:?}");
    }
}

/// Peak of the resident memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

#[test]
fn thousands_of_labels_fit() {
    let before = peak();
    for count in [1_308, 4_271] {
        let taxonomy = checks::tree_of(count);
        let (start, end) = (
            network(&with_steps(0), &taxonomy),
            network(&with_steps(2), &taxonomy),
        );
        let moved = moved(&labels(&start), &labels(&end));
        assert!(moved.iter().all(|by| *by > 0.0));
    }
    // A row of attention for each pair of labels alone would be 73 MB by head, layer and copy.
    let grown = (peak() - before) / (1 << 20);
    assert!(grown < 400, "{grown} MiB");
}
