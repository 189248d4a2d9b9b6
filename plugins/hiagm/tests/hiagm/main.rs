//! Tests of the method: its network (METHODS 8.1, 8.2), its manifest, its checkpoints, the conformance kit, the library.
#![allow(clippy::unwrap_used)]

mod corpus;
mod library;
mod manifest;
mod model;
mod network;

/// Tiny: a few thousand weights, learns the kit's corpus in a second.
mod kit {
    use arborist_hiagm::HiAgm;

    arborist_plugin_api::conformance!(HiAgm, {
        "epochs": 12, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12, "node_size": 10,
        "classifier_dropout": 0.1, "projection_dropout": 0.1, "embedding_dropout": 0.2
    });
}

/// The same with the other structure encoder and what the authors' code does differently.
mod kit_of_the_tree_lstm {
    use arborist_hiagm::HiAgm;

    arborist_plugin_api::conformance!(HiAgm, {
        "structure": "tree_lstm", "conv_tail": "batch_max", "top_k": 2, "stop_rule": "both_worse", "schedule": "linear", "warmup_steps": 5,
        "epochs": 10, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12, "node_size": 10,
        "classifier_dropout": 0.1, "projection_dropout": 0.1, "embedding_dropout": 0.2
    });
}

/// Labels that attend over words, refined along the tree.
mod kit_of_label_attention {
    use arborist_hiagm::HiAgm;

    arborist_plugin_api::conformance!(HiAgm, {
        "variant": "la", "la_text": "rnn_tokens", "la_label_dim": 24,
        "epochs": 15, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 12, "label_dropout": 0.1,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2
    });
}

/// A pretrained encoder in the recurrent network's place.
mod kit_of_bert {
    use arborist_hiagm::HiAgm;

    arborist_plugin_api::conformance!(HiAgm, {
        "encoder": "bert", "max_length": 48, "epochs": 30, "patience": 0, "learning_rate": 0.003, "batch_size": 12, "node_size": 10,
        "classifier_dropout": 0.1, "projection_dropout": 0.1
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// Labels that attend over the states of its tokens.
mod kit_of_bert_and_label_attention {
    use arborist_hiagm::HiAgm;

    arborist_plugin_api::conformance!(HiAgm, {
        "encoder": "bert", "variant": "la", "la_label_dim": 24, "max_length": 48, "epochs": 15, "patience": 0, "learning_rate": 0.003,
        "batch_size": 12, "label_dropout": 0.1, "classifier_dropout": 0.1
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// The text encoder alone.
mod kit_of_the_flat_variant {
    use arborist_hiagm::HiAgm;

    arborist_plugin_api::conformance!(HiAgm, {
        "variant": "flat",
        "epochs": 12, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2
    });
}
