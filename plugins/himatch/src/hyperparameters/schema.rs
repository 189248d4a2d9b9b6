//! The JSON Schema that the server validates with and the dashboard makes a form of.

use arborist_model_kit::settings::schema::{
    ADVANCED, BASIC, Property, choice, classifier, dropout, encoder, encoder_kind, graph, integer,
    number, object, pretrained, switch, text, training,
};
use serde_json::Value;

use super::Hyperparameters;

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    let mut properties = vec![(
        "scoring",
        BASIC,
        choice(
            "Scores from",
            &["classifier", "dot_product"],
            "classifier: one layer over all labels. dot_product: what a label sees of the text times the label itself, so that labels without documents get scores too; trained on labels as they were given.",
        ),
    )];
    properties.push((
        "unseen_weight",
        ADVANCED,
        number(
            "Weight of labels without documents",
            0.0,
            10.0,
            "With dot_product: how much it counts in training that they do not apply to its documents. At 0 nothing keeps them from ranking above all others.",
        ),
    ));
    properties.push(encoder_kind());
    properties.extend(training());
    properties.extend(evaluation());
    properties.extend(losses());
    properties.extend(sampling());
    properties.extend(labels());
    properties.extend(propagation());
    properties.extend(text());
    properties.extend(encoder());
    properties.extend(pretrained());
    properties.extend(graph());
    properties.extend(classifier());
    object(properties, &Hyperparameters::default())
}

fn evaluation() -> Vec<Property> {
    vec![
        (
            "eval_every",
            ADVANCED,
            integer(
                "Evaluations within an epoch",
                0,
                1_000_000,
                "Updates between two; the best weights of all are kept. 0 = at the end of each epoch only.",
            ),
        ),
        (
            "eval_from_epoch",
            ADVANCED,
            integer(
                "Evaluations within an epoch begin after",
                0,
                1_000_000,
                "Epochs. At the end of an epoch there is always one.",
            ),
        ),
    ]
}

fn losses() -> Vec<Property> {
    vec![
        (
            "use_joint",
            BASIC,
            switch(
                "Pull texts to labels",
                "Whether a text and its labels are pulled together in the common space.",
            ),
        ),
        (
            "use_match",
            BASIC,
            switch(
                "Rank labels",
                "Whether wrong labels are pushed away from a text, the more the less they have in common with the right one.",
            ),
        ),
        (
            "lambda1",
            ADVANCED,
            number(
                "Weight of the pull",
                0.0,
                100.0,
                "Beside the classification.",
            ),
        ),
        (
            "lambda2",
            ADVANCED,
            number(
                "Weight of the ranking",
                0.0,
                100.0,
                "Beside the classification.",
            ),
        ),
        (
            "distance",
            ADVANCED,
            choice(
                "Distance",
                &["mean_sq", "l2norm_euclid"],
                "mean_sq: mean of squared differences, as in the authors' code. l2norm_euclid: between vectors of length 1, as in the paper.",
            ),
        ),
        (
            "l2_norm",
            ADVANCED,
            switch(
                "Vectors of length 1",
                "With mean_sq: whether texts and labels are brought to length 1 first. The margins are then never reached.",
            ),
        ),
        (
            "coarse_term",
            ADVANCED,
            choice(
                "Coarse labels",
                &["pull_slack", "rank"],
                "pull_slack: they are pulled near, as in the authors' code. rank: they are ranked behind the fine one, as in the paper.",
            ),
        ),
        (
            "joint_labels",
            ADVANCED,
            choice(
                "Pulled to",
                &["sampled", "gold"],
                "sampled: the labels that were drawn, as in the authors' code. gold: all of the document's, as in the paper.",
            ),
        ),
        (
            "gamma",
            ADVANCED,
            number(
                "Margin",
                0.0,
                10.0,
                "How much farther a wrong label should be than the right one.",
            ),
        ),
        (
            "alpha",
            ADVANCED,
            number(
                "Coarse labels' share of the margin",
                0.0,
                1.0,
                "With coarse_term rank.",
            ),
        ),
        (
            "beta",
            ADVANCED,
            number(
                "Siblings' share of the margin",
                0.0,
                1.0,
                "Between those of coarse and of other labels.",
            ),
        ),
        (
            "any_margins",
            ADVANCED,
            switch(
                "Margins in any order",
                "Allows margins that do not grow from coarse labels to siblings to others, for the paper's ablation.",
            ),
        ),
    ]
}

fn sampling() -> Vec<Property> {
    vec![
        (
            "hierarchy_sampling",
            ADVANCED,
            switch(
                "Wrong labels by the tree",
                "A parent, a sibling and another label; if not, three others.",
            ),
        ),
        (
            "positive_num",
            ADVANCED,
            integer(
                "Labels drawn of a document",
                0,
                100,
                "0 = each label whose children the document has not, as in the paper.",
            ),
        ),
        (
            "coarse_parents",
            ADVANCED,
            choice(
                "Coarse labels drawn",
                &["one", "all"],
                "Of a label with several parents. one: one of them is drawn, as in the authors' code. all: each of them, as in the paper.",
            ),
        ),
        (
            "filter_gold_siblings",
            ADVANCED,
            switch(
                "Siblings that are right",
                "Whether siblings that the document has as well are no wrong labels.",
            ),
        ),
    ]
}

fn labels() -> Vec<Property> {
    vec![
        (
            "label_repr",
            ADVANCED,
            choice(
                "Labels are made of",
                &["desc_encoder", "name_glove_mean"],
                "desc_encoder: words typical of their documents, read like texts. name_glove_mean: the word vectors of their names.",
            ),
        ),
        (
            "label_refresh_steps",
            ADVANCED,
            integer(
                "Labels are read again after",
                1,
                1_000_000,
                "Updates between two readings of the labels' words; also at the start of each epoch.",
            ),
        ),
        (
            "joint_dim",
            ADVANCED,
            integer(
                "Width of the common space",
                1,
                2_048,
                "Of texts and labels.",
            ),
        ),
        (
            "head_dropout",
            ADVANCED,
            dropout(
                "Dropout of the matching",
                "Share of the values within the maps to the common space that is dropped in training.",
            ),
        ),
    ]
}

fn propagation() -> Vec<Property> {
    vec![
        (
            "propagation_gcn",
            ADVANCED,
            switch(
                "Propagate the text",
                "Whether the projected text is propagated along the tree.",
            ),
        ),
        (
            "node_size",
            ADVANCED,
            integer(
                "Width of a label's vector",
                1,
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
    ]
}
