//! The JSON Schema that the server validates with and the dashboard makes a form of.

use arborist_model_kit::settings::schema::{
    ADVANCED, BASIC, Property, choice, classifier, dropout, encoder, encoder_kind, integer, number,
    object, pretrained, recursive, structure, switch, text, training,
};
use serde_json::Value;

use super::Hyperparameters;

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    let mut properties = vec![encoder_kind()];
    properties.extend(training());
    properties.extend(aims());
    properties.extend(labels());
    properties.extend(text());
    properties.extend(encoder());
    properties.extend(pretrained());
    properties.extend(structure());
    properties.extend(classifier());
    properties.extend(recursive());
    object(properties, &Hyperparameters::default())
}

fn aims() -> Vec<Property> {
    vec![
        (
            "use_mi",
            BASIC,
            switch(
                "Mutual information",
                "Whether training maximizes what a text and its labels say about each other.",
            ),
        ),
        (
            "use_label_prior",
            BASIC,
            switch(
                "Label prior",
                "Whether training pulls the labels' vectors towards a uniform prior.",
            ),
        ),
        (
            "aux_weight",
            ADVANCED,
            choice(
                "Balance of both",
                &["learned_gate", "fixed"],
                "learned_gate: a gate over text and labels gives one its value and the other the rest. fixed: the two weights below.",
            ),
        ),
        (
            "mi_weight",
            ADVANCED,
            number(
                "Weight of mutual information",
                0.0,
                100.0,
                "With a fixed balance.",
            ),
        ),
        (
            "label_prior_weight",
            ADVANCED,
            number("Weight of label prior", 0.0, 100.0, "With a fixed balance."),
        ),
        (
            "ablation_gate",
            ADVANCED,
            choice(
                "Weight of one without the other",
                &["unit_weight", "keep_gate"],
                "When one of both is off: 1, or what the gate says.",
            ),
        ),
        (
            "train_aux",
            ADVANCED,
            switch(
                "Train discriminators and gate",
                "The paper trains them; the authors' code leaves them as they start.",
            ),
        ),
        (
            "negatives",
            ADVANCED,
            choice(
                "Wrong labels",
                &["permutation", "derangement"],
                "A text is told apart from another document's labels. permutation: chance may pair it with its own, as in the authors' code. derangement: never.",
            ),
        ),
    ]
}

fn labels() -> Vec<Property> {
    vec![
        (
            "text_features",
            ADVANCED,
            choice(
                "Labels attend over",
                &["rnn_tokens", "cnn"],
                "rnn_tokens: the states of all words (la_label_dim = twice the recurrent units), as in the authors' code. cnn: the pooled features of convolutions.",
            ),
        ),
        (
            "la_label_dim",
            ADVANCED,
            integer(
                "Width of a label's vector",
                1,
                2_048,
                "Twice the recurrent units with rnn_tokens; with cnn it must divide the features of the text.",
            ),
        ),
        (
            "label_init",
            ADVANCED,
            choice(
                "Labels start from",
                &["kaiming", "glove_name"],
                "kaiming: chance. glove_name: the mean of the word vectors of their names.",
            ),
        ),
        (
            "mask_padding_in_attention",
            ADVANCED,
            switch(
                "Padding gets no attention",
                "With rnn_tokens: whether positions behind a text's end are left out, unlike in the authors' code.",
            ),
        ),
        (
            "label_dropout",
            ADVANCED,
            dropout(
                "Dropout of label table",
                "Share of the labels' vectors that is dropped in training.",
            ),
        ),
    ]
}
