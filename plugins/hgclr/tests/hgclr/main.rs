//! Tests of the method: distances, views, contrast (METHODS 8.5), its network, its manifest, the conformance kit.
#![allow(clippy::unwrap_used, reason = "test code")]

mod contrast;
mod distances;
mod graph;
mod manifest;
mod network;
mod positives;

use arborist_hgclr::Hyperparameters;
use arborist_model_kit::checks;

/// As the authors' code has it, but small.
mod kit {
    use arborist_hgclr::Hgclr;

    arborist_plugin_api::conformance!(Hgclr, {
        "max_length": 48, "epochs": 10, "patience": 0, "learning_rate": 0.003, "batch_size": 12
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

fn tiny() -> Hyperparameters {
    let (mut training, ..) = checks::tiny();
    training.learning_rate = 0.003;
    Hyperparameters {
        training,
        max_length: 48,
        ..Hyperparameters::default()
    }
}

/// Without chance: no dropout, and every token is kept.
fn still() -> Hyperparameters {
    let mut hyperparameters = tiny();
    hyperparameters.pretrained.encoder_dropout = 0.0;
    hyperparameters
}
