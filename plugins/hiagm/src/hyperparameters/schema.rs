//! The JSON Schema that the server validates with and the dashboard makes a form of.

use arborist_model_kit::settings::schema::{
    ADVANCED, BASIC, Property, choice, classifier, dropout, encoder, encoder_kind, integer, object,
    pretrained, recursive, structure, switch, text, training,
};
use serde_json::Value;

use super::Hyperparameters;

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    let mut properties = own();
    properties.extend(training());
    properties.extend(text());
    properties.extend(encoder());
    properties.extend(structure());
    properties.extend(pretrained());
    properties.extend(classifier());
    properties.extend(recursive());
    object(properties, &Hyperparameters::default())
}

fn own() -> Vec<Property> {
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
        encoder_kind(),
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
            "projection_dropout",
            ADVANCED,
            dropout(
                "Dropout of label vectors",
                "Share of the projected text that is dropped in training.",
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
            "la_prior_trainable",
            ADVANCED,
            switch(
                "Weights are trained in la",
                "With la: whether the weights of edges change in training, as in the authors' code; in the paper they do not. prior_trainable goes before it.",
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
            "label_dropout",
            ADVANCED,
            dropout(
                "Dropout of label table",
                "With la: share of the labels' vectors that is dropped in training.",
            ),
        ),
    ]
}
