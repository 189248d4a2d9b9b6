//! Tests of the method: its network and its aims (METHODS 8.3), its manifest, the conformance kit.
#![allow(clippy::unwrap_used, reason = "test code")]

mod aims;
mod manifest;
mod network;
mod tiny;

/// As the authors' code has it, but small.
mod kit {
    use arborist_htcinfomax::HtcInfoMax;

    arborist_plugin_api::conformance!(HtcInfoMax, {
        "epochs": 15, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 12, "la_label_dim": 24,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2, "label_dropout": 0.1
    });
}

/// A pretrained encoder in the recurrent network's place.
mod kit_of_bert {
    use arborist_htcinfomax::HtcInfoMax;

    arborist_plugin_api::conformance!(HtcInfoMax, {
        "encoder": "bert", "max_length": 48, "epochs": 15, "patience": 0, "learning_rate": 0.003, "batch_size": 12, "la_label_dim": 24,
        "classifier_dropout": 0.1, "label_dropout": 0.1
    }, encoder = arborist_model_kit::checks::tiny_encoder());
}

/// As the paper has it: everything trained, features of convolutions, a tree LSTM.
mod kit_of_the_paper {
    use arborist_htcinfomax::HtcInfoMax;

    arborist_plugin_api::conformance!(HtcInfoMax, {
        "train_aux": true, "text_features": "cnn", "la_label_dim": 12, "structure": "tree_lstm", "negatives": "derangement",
        "epochs": 15, "patience": 0, "learning_rate": 0.01, "batch_size": 16, "min_freq": 1, "word_size": 24, "rnn_hidden": 8, "num_kernels": 12,
        "classifier_dropout": 0.1, "embedding_dropout": 0.2, "label_dropout": 0.1
    });
}
