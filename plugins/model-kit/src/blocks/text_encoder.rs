//! What reads a text, behind one face: features of a whole text, or a state for each of its tokens.

use std::rc::Rc;

use tch::Tensor;

use super::{CompiledTextRcnn, TextRcnn, TextRcnnOptions, TextRnn, TextRnnOptions};
use crate::batch::Batch;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::settings::EncoderSettings;
use crate::word_table::WordTable;

/// What a text encoder gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Features of a whole text, from convolutions.
    Features,
    /// A state for each token, from the recurrent network.
    Tokens,
}

/// A text as it was read.
#[derive(Debug)]
pub enum Text {
    /// `[documents, features]`
    Features(Tensor),
    /// `[tokens, 2h]`, document after document.
    States(Tensor),
}

/// A text encoder.
pub enum TextEncoder {
    Rcnn(TextRcnn),
    Compiled(CompiledTextRcnn),
    Rnn(TextRnn),
}

impl TextEncoder {
    /// `padded`: length to which texts count as padded in prediction where padding takes part at all.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        table: &Rc<WordTable>,
        reading: Reading,
        settings: &EncoderSettings,
        padded: usize,
    ) -> Result<Self, KitError> {
        let table = Rc::clone(table);
        match reading {
            Reading::Features => {
                let options = TextRcnnOptions {
                    rnn_hidden: settings.rnn_hidden,
                    num_kernels: settings.num_kernels,
                    kernel_sizes: settings.kernel_sizes.clone(),
                    top_k: settings.top_k,
                    tail: settings.conv_tail,
                    embedding_dropout: settings.embedding_dropout,
                    rnn_dropout: settings.rnn_dropout,
                    initialization: settings.init,
                    padded,
                };
                Ok(Self::Rcnn(TextRcnn::new(parameters, table, options)?))
            }
            Reading::Tokens => {
                let options = TextRnnOptions {
                    rnn_hidden: settings.rnn_hidden,
                    embedding_dropout: settings.embedding_dropout,
                    rnn_dropout: settings.rnn_dropout,
                    initialization: settings.init,
                };
                Ok(Self::Rnn(TextRnn::new(parameters, table, options)?))
            }
        }
    }

    pub fn forward(&self, pass: &Pass, batch: &Batch) -> Text {
        match self {
            Self::Rcnn(encoder) => Text::Features(encoder.forward(pass, batch)),
            Self::Compiled(encoder) => Text::Features(encoder.forward(batch)),
            Self::Rnn(encoder) => Text::States(encoder.states(pass, batch)),
        }
    }

    /// The encoder for prediction.
    #[must_use]
    pub fn into_trained(self) -> Self {
        match self {
            Self::Rcnn(encoder) => encoder
                .compile()
                .map_or(Self::Rcnn(encoder), Self::Compiled),
            other => other,
        }
    }
}
