//! The JSON Schema that the server validates with and the dashboard makes a form of.

use arborist_model_kit::word_method::schema::{
    ADVANCED, BASIC, Property, choice, dropout, encoder, integer, number, object, switch, text,
    training,
};
use serde_json::Value;

use super::Hyperparameters;

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    object(properties_in_order(), &Hyperparameters::default())
}

fn properties_in_order() -> Vec<Property> {
    let mut all = training();
    all.extend(text());
    all.extend(encoder());
    all.extend(structure());
    all.extend(regularization());
    all
}

fn structure() -> Vec<Property> {
    vec![
        (
            "variant",
            BASIC,
            choice(
                "Variant",
                &["tp", "la", "flat"],
                "tp: the text is projected onto every label and propagated along the tree. la: labels refined along the tree attend over the text. flat: no tree, the text encoder alone.",
            ),
        ),
        (
            "structure",
            BASIC,
            choice(
                "Structure encoder",
                &["gcn", "tree_lstm", "none"],
                "What carries information along the tree: a graph convolution, a bidirectional tree LSTM (slower), or nothing.",
            ),
        ),
        (
            "node_size",
            ADVANCED,
            integer(
                "Width of a label's vector",
                2,
                2_048,
                "Memory and time of the classifier grow with the number of labels squared times this.",
            ),
        ),
        (
            "la_label_dim",
            ADVANCED,
            integer(
                "Width of a label's vector in la",
                1,
                2_048,
                "It must divide the features of the text. 300, as in the authors' code, leaves one vector to attend to: the labels then learn nothing.",
            ),
        ),
        (
            "la_text",
            ADVANCED,
            choice(
                "Labels attend over",
                &["cnn", "rnn_tokens"],
                "With la: the pooled features of the convolutions, or the states of all words (la_label_dim = twice the recurrent units).",
            ),
        ),
        (
            "mask_padding_in_attention",
            ADVANCED,
            switch(
                "Padding gets no attention",
                "With la and rnn_tokens: whether positions behind a text's end are left out, unlike in the authors' code.",
            ),
        ),
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
            "tree_td_index",
            ADVANCED,
            choice(
                "Tree LSTM's weights downwards",
                &["correct", "as_released_zero"],
                "as_released_zero repeats a slip of the released code: they start at 0.",
            ),
        ),
    ]
}

fn regularization() -> Vec<Property> {
    vec![
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
        (
            "projection_dropout",
            ADVANCED,
            dropout(
                "Dropout of label vectors",
                "Share of the projected text that is dropped in training.",
            ),
        ),
        (
            "label_dropout",
            ADVANCED,
            dropout(
                "Dropout of label table",
                "With la: share of the labels' vectors that is dropped in training.",
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
        (
            "bce_reduction",
            ADVANCED,
            choice(
                "Loss over labels",
                &["mean", "sum"],
                "Whether losses of single labels are averaged (the authors' code) or summed (the paper).",
            ),
        ),
    ]
}
