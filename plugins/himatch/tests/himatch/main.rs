//! Tests of the method: its network, its sampling, its losses (METHODS 8.4), its manifest, the conformance kit.
#![allow(clippy::unwrap_used, reason = "test code")]

mod labels;
mod losses;
mod manifest;
mod network;
mod sampling;
mod tiny;
mod unseen;

/// As the authors' code has it, but small.
mod kit {
    use arborist_himatch::HiMatch;

    arborist_plugin_api::conformance!(HiMatch, {
        "epochs": 12, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12, "node_size": 10,
        "joint_dim": 8, "head_dropout": 0.1, "classifier_dropout": 0.1, "projection_dropout": 0.1, "embedding_dropout": 0.2, "label_refresh_steps": 3
    });
}

/// A pretrained encoder in the recurrent network's place.
mod kit_of_bert {
    use arborist_himatch::HiMatch;

    arborist_plugin_api::conformance!(HiMatch, {
        "encoder": "bert", "max_length": 48, "epochs": 30, "patience": 0, "learning_rate": 0.003, "batch_size": 12, "node_size": 10,
        "joint_dim": 8, "head_dropout": 0.1, "classifier_dropout": 0.1, "projection_dropout": 0.1, "label_refresh_steps": 3
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// As the paper has it.
mod kit_of_the_paper {
    use arborist_himatch::HiMatch;

    arborist_plugin_api::conformance!(HiMatch, {
        "label_repr": "name_glove_mean", "distance": "l2norm_euclid", "coarse_term": "rank", "joint_labels": "gold", "positive_num": 0, "coarse_parents": "all",
        "epochs": 12, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12, "node_size": 10,
        "joint_dim": 8, "head_dropout": 0.1, "classifier_dropout": 0.1, "projection_dropout": 0.1, "embedding_dropout": 0.2
    });
}

/// Labels scored by what they see of the text.
mod kit_of_dot_products {
    use arborist_himatch::HiMatch;

    arborist_plugin_api::conformance!(HiMatch, {
        "scoring": "dot_product", "gamma": 0.5,
        "epochs": 25, "patience": 0, "learning_rate": 0.02, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 12,
        "joint_dim": 8, "head_dropout": 0.1, "embedding_dropout": 0.1
    });
}
