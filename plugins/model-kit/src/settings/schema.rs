//! JSON Schemas of hyperparameters: what the server validates with and the dashboard makes a form of.

use serde::Serialize;
use serde_json::{Value, json};

/// Key, whether it is for those who know the method, and its schema without the default.
pub type Property = (&'static str, bool, Value);

pub const BASIC: bool = false;
pub const ADVANCED: bool = true;

/// The schema of an object of these properties, in their order, with the defaults of `defaults`.
pub fn object(properties: Vec<Property>, defaults: &impl Serialize) -> Value {
    let mut described = json!({});
    let defaults = serde_json::to_value(defaults).unwrap_or_default();
    for (order, (key, advanced, mut property)) in properties.into_iter().enumerate() {
        property["default"] = rounded(&defaults[key]);
        property["x-order"] = json!(order + 1);
        if advanced {
            property["x-advanced"] = json!(true);
        }
        described[key] = property;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": described
    })
}

/// A single-precision default reads 0.5 and not its nearest double.
fn rounded(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() => format!("{number:.9}")
            .parse::<f64>()
            .map_or_else(|_| value.clone(), |number| json!(number)),
        _ => value.clone(),
    }
}

/// One of a few words.
#[must_use]
pub fn choice(title: &str, values: &[&str], description: &str) -> Value {
    json!({"type": "string", "enum": values, "title": title, "description": description})
}

/// A whole number.
#[must_use]
pub fn integer(title: &str, minimum: i64, maximum: i64, description: &str) -> Value {
    json!({"type": "integer", "minimum": minimum, "maximum": maximum, "title": title, "description": description})
}

/// A number.
#[must_use]
pub fn number(title: &str, minimum: f64, maximum: f64, description: &str) -> Value {
    json!({"type": "number", "minimum": minimum, "maximum": maximum, "title": title, "description": description})
}

/// Yes or no.
#[must_use]
pub fn switch(title: &str, description: &str) -> Value {
    json!({"type": "boolean", "title": title, "description": description})
}

/// A share that is dropped.
#[must_use]
pub fn dropout(title: &str, description: &str) -> Value {
    number(title, 0.0, 0.95, description)
}

/// How the network is trained.
#[must_use]
pub fn training() -> Vec<Property> {
    vec![
        (
            "learning_rate",
            BASIC,
            number(
                "Learning rate",
                0.0,
                0.1,
                "How far weights move at each update. 0 = 0.001 for networks over words, 0.0001 for a small pretrained encoder, 0.00003 for a large one.",
            ),
        ),
        (
            "batch_size",
            BASIC,
            integer(
                "Batch size",
                0,
                4_096,
                "Documents that are worked on at once. 0 = 64 for networks over words, 12 with a pretrained encoder.",
            ),
        ),
        (
            "accumulate",
            ADVANCED,
            integer(
                "Batches of an update",
                1,
                1_024,
                "How many batches weights are moved for at once: larger updates where larger batches do not fit in memory.",
            ),
        ),
        (
            "epochs",
            BASIC,
            integer(
                "Epochs",
                0,
                10_000,
                "Times that all training documents are read, at most. 0 = chosen from their number and the budget.",
            ),
        ),
        (
            "budget",
            BASIC,
            choice(
                "Budget",
                &["fast", "balanced", "best"],
                "How much training is spent when epochs is 0.",
            ),
        ),
        (
            "patience",
            BASIC,
            integer(
                "Patience",
                0,
                10_000,
                "Training stops after this many epochs in a row without improvement on validation. 0 = it never stops early.",
            ),
        ),
        (
            "select",
            BASIC,
            choice(
                "Best by",
                &["macro_f1", "micro_f1"],
                "The validation score that names the weights to keep.",
            ),
        ),
        (
            "threshold",
            BASIC,
            number(
                "Threshold",
                0.0,
                1.0,
                "A label is predicted when its score is strictly above.",
            ),
        ),
        (
            "stop_rule",
            ADVANCED,
            choice(
                "Epoch without improvement",
                &["not_better", "both_worse", "either_not_better"],
                "When an epoch counts as one: the score to select by did not rise; both F1 scores fell below their bests (the authors' rule); one of them did not rise.",
            ),
        ),
        (
            "schedule",
            ADVANCED,
            choice(
                "Schedule",
                &["auto", "constant", "linear"],
                "Whether the learning rate stays or falls to 0 at the last epoch. auto: it stays; with a pretrained encoder it rises over a tenth of the updates and then goes on as the method's authors have it: with HGCLR and the flat baseline it stays, with the others it falls.",
            ),
        ),
        (
            "warmup_steps",
            ADVANCED,
            integer(
                "Warm-up",
                0,
                1_000_000,
                "Updates over which the learning rate rises from 0. At most a tenth of all updates is used.",
            ),
        ),
        (
            "adam_eps",
            ADVANCED,
            number(
                "Adam's epsilon",
                1e-12,
                1e-2,
                "Added to the root of the second moment.",
            ),
        ),
    ]
}

/// How texts become words.
#[must_use]
pub fn text() -> Vec<Property> {
    vec![
        (
            "max_length",
            BASIC,
            integer(
                "Longest text",
                8,
                20_000,
                "Words of a text that are read, or word pieces with a pretrained encoder; the rest is cut off. Stop words do not count.",
            ),
        ),
        (
            "cleaning",
            ADVANCED,
            choice(
                "Words",
                &["words", "english", "english_digits", "blanks"],
                "words: letters and digits of any script. english: ASCII letters, clitics detached, as the authors did. english_digits: the same with digits. blanks: what white space parts, for texts that are cut already.",
            ),
        ),
        (
            "stop_words",
            ADVANCED,
            choice(
                "Stop words",
                &["english", "keep"],
                "Whether the 179 most common English words are dropped.",
            ),
        ),
        (
            "min_freq",
            ADVANCED,
            integer(
                "Rarest word",
                1,
                1_000_000,
                "Times that a word must occur to have a vector of its own.",
            ),
        ),
        (
            "max_vocab",
            ADVANCED,
            integer(
                "Words at most",
                1,
                10_000_000,
                "If more words are left, the most frequent ones are kept.",
            ),
        ),
        (
            "vocabulary_from",
            ADVANCED,
            choice(
                "Vocabulary from",
                &["train", "train_validation"],
                "Splits whose words are counted.",
            ),
        ),
        (
            "word_size",
            ADVANCED,
            integer(
                "Width of a word vector",
                1,
                4_096,
                "Used without a word-vector file; a file has its own.",
            ),
        ),
    ]
}

/// What reads the texts.
#[must_use]
pub fn encoder_kind() -> Property {
    (
        "encoder",
        BASIC,
        choice(
            "Text encoder",
            &["rcnn", "bert"],
            "rcnn: a recurrent network with convolutions over words, trained here. bert: a pretrained encoder, tuned here; slower and better on small corpora.",
        ),
    )
}

/// How a pretrained encoder reads and is tuned.
#[must_use]
pub fn pretrained() -> Vec<Property> {
    vec![
        (
            "long_text",
            ADVANCED,
            choice(
                "Texts that are too long",
                &["head", "head_tail", "windows_mean", "windows_max"],
                "With a pretrained encoder. head: the beginning is read. head_tail: a quarter from the beginning and the rest from the end. windows_mean, windows_max: all of it in windows; a label gets the mean or the highest of its scores.",
            ),
        ),
        (
            "encoder_dropout",
            ADVANCED,
            dropout(
                "Dropout of the encoder",
                "With a pretrained encoder: share that is dropped in training at every place where it has dropout.",
            ),
        ),
        (
            "weight_decay",
            ADVANCED,
            number(
                "Weight decay",
                0.0,
                1.0,
                "With a pretrained encoder: share by which weights shrink at each update, times the learning rate.",
            ),
        ),
        (
            "clip_norm",
            ADVANCED,
            number(
                "Longest gradient",
                0.0,
                1_000.0,
                "With a pretrained encoder: gradients are scaled down to this length. 0 = never.",
            ),
        ),
        (
            "precision",
            ADVANCED,
            choice(
                "Arithmetic of prediction",
                &["single", "int8"],
                "With a pretrained encoder on a processor. int8: faster, with a small loss that validation shows.",
            ),
        ),
    ]
}

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
