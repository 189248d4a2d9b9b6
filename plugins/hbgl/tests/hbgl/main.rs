//! Tests of the method: the label stage, rows, decoding (METHODS 8.6), its network, its manifest, the conformance kit.
#![allow(clippy::unwrap_used, reason = "test code")]

mod decoding;
mod label_stage;
mod label_tree;
mod manifest;
mod network;
mod rows;

use arborist_hbgl::{Hyperparameters, LabelInit};
use arborist_model_kit::checks;

/// As the authors' code has it, but small.
mod kit {
    use arborist_hbgl::Hbgl;

    arborist_plugin_api::conformance!(Hbgl, {
        "max_length": 48, "epochs": 40, "patience": 0, "learning_rate": 0.003, "batch_size": 12, "global_steps": 20
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// As the paper has it.
mod kit_of_the_paper {
    use arborist_hbgl::Hbgl;

    arborist_plugin_api::conformance!(Hbgl, {
        "max_length": 48, "epochs": 12, "patience": 0, "learning_rate": 0.003, "batch_size": 12, "global_steps": 20,
        "mask_ratio_end": 0.45, "name_pool": "mean", "global_self_attention": true, "global_segment": 1,
        "global_mlm_transform": false, "target_mask_prob": 0.0, "level_candidates": "own_level", "empty_row": "sep",
        "restrict_to_level": true
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// One label after the other.
mod kit_of_single_labels {
    use arborist_hbgl::Hbgl;

    arborist_plugin_api::conformance!(Hbgl, {
        "mode": "seq2seq", "max_length": 48, "epochs": 16, "patience": 0, "learning_rate": 0.003, "batch_size": 12,
        "label_init": "name"
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// All labels at once.
mod kit_of_classes {
    use arborist_hbgl::Hbgl;

    arborist_plugin_api::conformance!(Hbgl, {
        "mode": "multi_label", "max_length": 48, "epochs": 10, "patience": 0, "learning_rate": 0.003, "batch_size": 12
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

fn tiny() -> Hyperparameters {
    let (mut training, ..) = checks::tiny();
    training.learning_rate = 0.003;
    Hyperparameters {
        training,
        max_length: 48,
        global_steps: 0,
        ..Hyperparameters::default()
    }
}

/// Without chance: no dropout, no level is masked, and the loss is a function of all that it depends on.
fn still() -> Hyperparameters {
    let mut hyperparameters = tiny();
    hyperparameters.pretrained.encoder_dropout = 0.0;
    hyperparameters.target_mask_prob = 0.0;
    hyperparameters.detach_target_embeddings = false;
    hyperparameters.label_init = LabelInit::Random;
    hyperparameters
}
