//! The JSON Schema that the server validates with and the dashboard makes a form of.

use arborist_model_kit::settings::schema::{
    ADVANCED, BASIC, Property, bce_reduction, choice, integer, number, object, pretrained, switch,
    training,
};
use serde_json::Value;

use super::Hyperparameters;

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    let mut properties = training();
    properties.push((
        "max_length",
        BASIC,
        integer(
            "Longest text",
            8,
            4_096,
            "Word pieces of a text that are read; the rest is cut off. An encoder has its own limit.",
        ),
    ));
    properties.extend(views());
    properties.extend(labels());
    properties.extend(pretrained());
    properties.push(bce_reduction());
    object(properties, &Hyperparameters::default())
}

fn views() -> Vec<Property> {
    vec![
        (
            "positive",
            BASIC,
            choice(
                "Second view",
                &["hierarchy", "dropout", "random_mask", "fgsm"],
                "What a document is contrasted with. hierarchy: the tokens that its labels keep. dropout: itself. random_mask: as many tokens by chance. fgsm: itself, moved against its classification.",
            ),
        ),
        (
            "keep_threshold",
            BASIC,
            number(
                "Threshold of kept tokens",
                0.0,
                1.0,
                "A token is kept when the document's labels get more than this of its choice. Lower keeps more; the share is in the curves.",
            ),
        ),
        (
            "contrast_weight",
            BASIC,
            number(
                "Weight of the contrast",
                0.0,
                100.0,
                "How much finding one's own view among others counts beside the classification.",
            ),
        ),
        (
            "contrast",
            ADVANCED,
            switch(
                "Contrast",
                "Without it the second view is still classified.",
            ),
        ),
        (
            "gumbel_input",
            ADVANCED,
            choice(
                "Choice of labels from",
                &["probs", "logits"],
                "probs: shares of attention, as in the authors' code, which chance outweighs. logits: scores, as in the paper.",
            ),
        ),
        (
            "gumbel_tau",
            ADVANCED,
            number(
                "Temperature of the choice",
                0.01,
                100.0,
                "Higher spreads a token's choice over more labels.",
            ),
        ),
        (
            "ntxent_tau",
            ADVANCED,
            number(
                "Temperature of the contrast",
                0.01,
                100.0,
                "Lower looks at the nearest documents only.",
            ),
        ),
        (
            "protect_special",
            ADVANCED,
            switch("Keep the frame", "Whether [CLS] and [SEP] are always kept."),
        ),
        (
            "fgsm_epsilon",
            ADVANCED,
            number(
                "Step of the adversarial view",
                0.0,
                10.0,
                "With positive fgsm: how far each value of a word's vector moves.",
            ),
        ),
    ]
}

fn labels() -> Vec<Property> {
    vec![
        (
            "graph",
            BASIC,
            choice(
                "Label encoder",
                &["graphormer", "gcn", "gat", "none", "identity"],
                "What relates labels to each other: attention with distances and edges, a graph convolution, graph attention, attention alone, or nothing.",
            ),
        ),
        (
            "graph_layers",
            ADVANCED,
            integer(
                "Layers of the label encoder",
                1,
                8,
                "With graphormer or none.",
            ),
        ),
        (
            "self_heads",
            ADVANCED,
            integer(
                "Heads among labels",
                1,
                64,
                "At most; the largest number that divides the encoder's width is taken.",
            ),
        ),
        (
            "cross_heads",
            ADVANCED,
            integer(
                "Heads of tokens over labels",
                1,
                64,
                "At most; the largest number that divides the encoder's width is taken.",
            ),
        ),
        (
            "name_emb",
            ADVANCED,
            choice(
                "Labels' names",
                &["full_embedding", "word_only", "none"],
                "Read with the encoder's whole embeddings, as vectors of their pieces, or not at all.",
            ),
        ),
        (
            "id_emb",
            ADVANCED,
            switch(
                "A vector per label",
                "Whether each label has a vector of its own besides its name. With graphormer or identity.",
            ),
        ),
        (
            "spatial",
            ADVANCED,
            switch(
                "Distances",
                "Whether labels' attention knows how far apart they are.",
            ),
        ),
        (
            "edge",
            ADVANCED,
            switch(
                "Edges",
                "Whether labels' attention knows the edges between them.",
            ),
        ),
    ]
}
