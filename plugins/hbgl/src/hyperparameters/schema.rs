//! The JSON Schema that the server validates with and the dashboard makes a form of.

use arborist_model_kit::settings::schema::{
    ADVANCED, BASIC, Property, choice, integer, number, object, pretrained, switch, training,
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
            "Word pieces of a text that are read; the rest is cut off. An encoder has its own limit, of which each level of labels takes one.",
        ),
    ));
    properties.extend(course());
    properties.extend(generation());
    properties.extend(label_stage());
    properties.extend(pretrained());
    object(properties, &Hyperparameters::default())
}

fn course() -> Vec<Property> {
    vec![
        (
            "max_source_test",
            ADVANCED,
            integer(
                "Longest text in prediction",
                0,
                4_096,
                "Word pieces that are read in prediction; 0 reads as many as in training. The authors' code reads fewer, which moves the places where labels are predicted away from where training put them.",
            ),
        ),
        (
            "steps",
            ADVANCED,
            integer(
                "Updates",
                0,
                10_000_000,
                "How many updates are made, rounded up to whole epochs; 0 leaves it to the epochs.",
            ),
        ),
        (
            "eval_every",
            ADVANCED,
            integer(
                "Evaluate every",
                0,
                1_000_000,
                "Updates between two evaluations within epochs; 0 evaluates after each epoch only.",
            ),
        ),
    ]
}

fn generation() -> Vec<Property> {
    vec![
        (
            "mode",
            BASIC,
            choice(
                "What is trained",
                &["local", "seq2seq", "multi_label"],
                "local: label sets level by level. seq2seq: labels one by one. multi_label: all labels at once, without the tree.",
            ),
        ),
        (
            "target_mask_prob",
            BASIC,
            number(
                "Masked levels",
                0.0,
                1.0,
                "Chance that the labels of a level are hidden from the levels below in training, so that prediction survives its own mistakes. 0 in the paper, 0.5 in the authors' code.",
            ),
        ),
        (
            "restrict_to_level",
            BASIC,
            switch(
                "Labels of the level only",
                "Whether each step adds labels of its own level only (the paper), or any label (the authors' code).",
            ),
        ),
        (
            "level_candidates",
            ADVANCED,
            choice(
                "Candidates of a level",
                &["all_plus_sep", "own_level"],
                "What is compared at each level: all labels and the end of the list (the authors' code), or the labels of the level (the paper).",
            ),
        ),
        (
            "empty_row",
            ADVANCED,
            choice(
                "After an empty level",
                &["zero", "sep"],
                "What the next level sees where nothing was predicted: zeros (the authors' code) or the closing piece (the paper).",
            ),
        ),
        (
            "max_target",
            ADVANCED,
            integer(
                "Most levels",
                0,
                4_096,
                "Rows of labels that are generated, the closing one included; 0 takes as many as there are levels, and one.",
            ),
        ),
        (
            "detach_target_embeddings",
            ADVANCED,
            switch(
                "Labels learn as answers only",
                "Whether labels' vectors learn from being predicted, and not from standing in the input.",
            ),
        ),
        (
            "tied_bias",
            ADVANCED,
            switch(
                "Biases",
                "Whether each label's score has a bias besides the vector that it shares with the input.",
            ),
        ),
    ]
}

fn label_stage() -> Vec<Property> {
    vec![
        (
            "label_init",
            BASIC,
            choice(
                "Labels start from",
                &["random", "name", "global_bert", "global_gat"],
                "random: chance. name: the pieces of their names. global_bert: a stage that learns to predict labels from their neighbours with the encoder. global_gat: the same with graph attention.",
            ),
        ),
        (
            "name_pool",
            ADVANCED,
            choice(
                "Pieces of a name",
                &["sum", "mean"],
                "How the vectors of a name's pieces become one: sum (the authors' code) or mean (the paper).",
            ),
        ),
        (
            "global_steps",
            ADVANCED,
            integer(
                "Steps of the label stage",
                0,
                100_000,
                "0 leaves labels at what their names say.",
            ),
        ),
        (
            "global_lr",
            ADVANCED,
            number(
                "Learning rate of the label stage",
                1e-8,
                1.0,
                "Constant; only labels' vectors learn.",
            ),
        ),
        (
            "global_batch",
            ADVANCED,
            integer(
                "Copies in the label stage",
                0,
                1_024,
                "How often the labels stand in a step, each time with others masked. 0: 32, fewer in large trees.",
            ),
        ),
        (
            "mask_ratio_start",
            ADVANCED,
            number(
                "Masked labels at first",
                0.0,
                1.0,
                "Share of labels that are masked in the first step of the label stage.",
            ),
        ),
        (
            "mask_ratio_end",
            ADVANCED,
            number(
                "Masked labels at last",
                0.0,
                1.0,
                "The share grows to this in equal parts.",
            ),
        ),
        (
            "global_loss",
            ADVANCED,
            choice(
                "Loss of the label stage",
                &["bce", "softmax_ce"],
                "bce: masked leaves predict their masked siblings as well. softmax_ce: each predicts itself, seeing its parent only.",
            ),
        ),
        (
            "sibling_targets",
            ADVANCED,
            choice(
                "Siblings",
                &["correct", "shifted"],
                "Whose siblings a masked leaf predicts: its own, or, as in the authors' code, those of the label before it.",
            ),
        ),
        (
            "global_self_attention",
            ADVANCED,
            switch(
                "Labels see themselves",
                "As in the paper, without a root; otherwise the topmost labels see the root and nobody sees itself.",
            ),
        ),
        (
            "global_segment",
            ADVANCED,
            integer(
                "Segment of labels",
                0,
                1,
                "The encoder's vector for first or second texts: 0 in the authors' code, 1 in the paper.",
            ),
        ),
        (
            "global_mlm_transform",
            ADVANCED,
            switch(
                "Head of the label stage",
                "Whether states pass the encoder's head for masked pieces, if it has one.",
            ),
        ),
        (
            "global_dropout",
            ADVANCED,
            switch(
                "Dropout in the label stage",
                "Whether the encoder's dropout is on there.",
            ),
        ),
    ]
}
