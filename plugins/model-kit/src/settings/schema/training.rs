//! What is chosen about texts, pretrained encoders and the training.

use super::{ADVANCED, BASIC, Property, choice, dropout, integer, number, switch};

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
        (
            "training_precision",
            ADVANCED,
            choice(
                "Arithmetic of training",
                &["auto", "single", "bf16"],
                "With a pretrained encoder: numbers in which its layers multiply. auto: bf16 on a GPU, single precision on a processor, where bf16 is slower. Weights stay in single precision.",
            ),
        ),
        (
            "gradient_checkpointing",
            ADVANCED,
            switch(
                "Gradient checkpointing",
                "With a pretrained encoder: keeps only what goes from layer to layer and computes the rest twice. A fraction of the memory, a third more time, the same result.",
            ),
        ),
    ]
}
