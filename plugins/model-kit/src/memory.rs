//! What reading texts takes in memory while a network is trained: the part of a method's estimate that all share.
//!
//! What labels take is the methods' own business.

use crate::settings::{PretrainedSettings, TrainingSettings};
use crate::text_method::Source;

/// Bytes of a trained value: itself, gradient and two moments in single precision.
pub const TRAINED: f64 = 16.0;

/// Values of an encoder of base size; which one comes, only the training knows.
pub const ENCODER: f64 = 110e6;

/// Bytes that twelve layers of base size keep of a row for the way back.
const ROW: f64 = 12.0 * 768.0 * 12.0 * 4.0;

/// The same when layers are computed again: what goes into each of them, and the inside of one.
const ROW_CHECKPOINTED: f64 = ROW / 12.0 + ROW / 12.0;

/// Bytes that a pretrained encoder keeps of a row for the way back.
#[must_use]
pub fn row(settings: &PretrainedSettings) -> f64 {
    if settings.gradient_checkpointing {
        ROW_CHECKPOINTED
    } else {
        ROW
    }
}

/// Documents of a batch.
#[must_use]
pub fn documents(training: &TrainingSettings, source: Source<'_>) -> f64 {
    training.documents(source.is_pretrained()) as f64
}

/// Tokens of a batch at most.
#[must_use]
pub fn tokens(training: &TrainingSettings, source: Source<'_>) -> f64 {
    let length = match source {
        Source::Words(text) => text.max_length,
        Source::Pretrained { max_length, .. } => max_length,
    };
    documents(training, source) * length as f64
}

/// Bytes of what reads the texts, whatever the batch: words' vectors, or a pretrained encoder.
#[must_use]
pub fn reader(source: Source<'_>) -> f64 {
    match source {
        Source::Words(text) => text.max_vocab as f64 * text.word_size as f64 * 4.0,
        Source::Pretrained { .. } => ENCODER * TRAINED,
    }
}

/// Bytes for reading a batch: with a recurrent network of so many units in each direction, or a pretrained encoder.
#[must_use]
pub fn reading(training: &TrainingSettings, source: Source<'_>, units: f64) -> f64 {
    let of_token = match source {
        // Gates, states and their gradients, words and their gradients.
        Source::Words(text) => {
            4.0 * (3.0 * text.word_size as f64 + 2.0 * 6.0 * units + 8.0 * 2.0 * units)
        }
        Source::Pretrained { settings, .. } => row(settings),
    };
    tokens(training, source) * of_token
}

/// Bytes for each token of the corpus: ids, and vectors and moments of words, of which there is seldom more than one new
/// in fifty tokens.
#[must_use]
pub fn per_token(source: Source<'_>) -> f64 {
    match source {
        Source::Words(text) => 4.0 + (text.word_size as f64 * 8.0 / 50.0).min(40.0),
        // There are more pieces than words.
        Source::Pretrained { .. } => 8.0,
    }
}
