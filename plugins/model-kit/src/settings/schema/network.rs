//! What is chosen about the blocks of a network.

use serde_json::json;

use super::{ADVANCED, BASIC, Property, choice, dropout, integer, number, switch};

/// Sizes and rates of the `TextRCNN` encoder.
#[must_use]
pub fn encoder() -> Vec<Property> {
    let mut properties = encoder_sizes();
    properties.extend([
        (
            "embedding_dropout",
            ADVANCED,
            dropout(
                "Dropout of words",
                "Share of the word vectors' values that is dropped in training.",
            ),
        ),
        (
            "rnn_dropout",
            ADVANCED,
            dropout(
                "Dropout of recurrent states",
                "Share of the GRU's outputs that is dropped in training.",
            ),
        ),
    ]);
    properties
}

fn encoder_sizes() -> Vec<Property> {
    vec![
        (
            "rnn_hidden",
            ADVANCED,
            integer(
                "Recurrent units",
                1,
                2_048,
                "Units of the GRU, per direction.",
            ),
        ),
        (
            "num_kernels",
            ADVANCED,
            integer(
                "Convolution channels",
                1,
                2_048,
                "Channels of each convolution.",
            ),
        ),
        (
            "kernel_sizes",
            ADVANCED,
            json!({
                "type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 16}, "minItems": 1, "maxItems": 8,
                "title": "Convolution sizes", "description": "Words in a row that each convolution sees."
            }),
        ),
        (
            "top_k",
            ADVANCED,
            integer(
                "Values kept of a channel",
                1,
                16,
                "Highest values over the text. 1 = the maximum; more is slower.",
            ),
        ),
        (
            "conv_tail",
            ADVANCED,
            choice(
                "Ends of short texts",
                &["masked", "batch_max"],
                "masked: a text's features depend on itself only. batch_max: windows behind its end count too, as in the authors' code.",
            ),
        ),
        (
            "init",
            ADVANCED,
            choice(
                "Initial weights",
                &["torch_default", "xavier"],
                "torch_default: as in the authors' code. xavier: as in the paper.",
            ),
        ),
    ]
}

/// Which structure encoder, and its options.
#[must_use]
pub fn structure() -> Vec<Property> {
    let mut properties = vec![(
        "structure",
        BASIC,
        choice(
            "Structure encoder",
            &["gcn", "tree_lstm", "none"],
            "What carries information along the tree: a graph convolution, a bidirectional tree LSTM (slower), or nothing.",
        ),
    )];
    properties.extend(graph());
    properties.push((
        "tree_td_index",
        ADVANCED,
        choice(
            "Tree LSTM's weights downwards",
            &["correct", "as_released_zero"],
            "as_released_zero repeats a slip of the released code: they start at 0.",
        ),
    ));
    properties
}

/// Messages along the tree.
#[must_use]
pub fn graph() -> Vec<Property> {
    vec![
        (
            "gcn_layers",
            ADVANCED,
            integer(
                "Graph layers",
                1,
                4,
                "Steps along the tree. 1 is best in the paper.",
            ),
        ),
        (
            "prior_top_down",
            ADVANCED,
            choice(
                "Weights downwards",
                &["prior", "one", "random"],
                "What the weight of an edge from parent to child starts from: the child's share of the parent's documents, 1, or chance.",
            ),
        ),
        (
            "prior_bottom_up",
            ADVANCED,
            choice(
                "Weights upwards",
                &["one", "prior", "random"],
                "What the weight of an edge from child to parent starts from.",
            ),
        ),
        (
            "prior_trainable",
            ADVANCED,
            switch(
                "Weights are trained",
                "Whether the weights of edges change in training.",
            ),
        ),
        (
            "prior_from",
            ADVANCED,
            choice(
                "Weights from",
                &["train", "train_validation"],
                "Splits whose labels are counted for the weights.",
            ),
        ),
        (
            "propagation",
            ADVANCED,
            choice(
                "Messages",
                &["hierarchy", "all_pairs"],
                "Along the edges of the tree, or between all pairs of labels (slower).",
            ),
        ),
        (
            "edge_wise",
            ADVANCED,
            switch(
                "A matrix per edge",
                "Instead of a weight: much more memory, worse in the paper.",
            ),
        ),
        (
            "node_dropout",
            ADVANCED,
            dropout(
                "Dropout of messages",
                "Share of the messages along the tree that is dropped in training.",
            ),
        ),
    ]
}

/// The linear layer onto labels, and its loss.
#[must_use]
pub fn classifier() -> Vec<Property> {
    vec![
        (
            "classifier_dropout",
            ADVANCED,
            dropout("Dropout of the classifier", "See where it acts."),
        ),
        (
            "classifier_dropout_site",
            ADVANCED,
            choice(
                "Where the classifier's dropout acts",
                &["logits", "input", "none"],
                "logits: on the scores before the sigmoid, as in the authors' code. input: on the features.",
            ),
        ),
        bce_reduction(),
    ]
}

/// The pull of children's weights towards their parents'.
#[must_use]
pub fn recursive() -> Vec<Property> {
    vec![
        (
            "recursive_reg",
            ADVANCED,
            switch(
                "Pull children towards parents",
                "Whether the classifier's weights of a label are pulled towards those of its parent.",
            ),
        ),
        (
            "lambda_rec",
            ADVANCED,
            number(
                "Strength of the pull",
                0.0,
                1.0,
                "Factor of the sum of squared differences.",
            ),
        ),
    ]
}

/// How the losses of labels become one.
#[must_use]
pub fn bce_reduction() -> Property {
    (
        "bce_reduction",
        ADVANCED,
        choice(
            "Loss over labels",
            &["mean", "sum"],
            "Whether losses of single labels are averaged (the authors' code) or summed (the paper).",
        ),
    )
}
