//! What reads a text, behind one face: features of a whole text, or a state for each of its tokens.

use std::rc::Rc;

use tch::Tensor;

use super::bert::{Bert, CompiledBert, Pooler, pretrained_linear};
use super::{
    CompiledTextRcnn, Linear, Precision, TextRcnn, TextRcnnOptions, TextRnn, TextRnnOptions,
};
use crate::batch::Batch;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::pretrained::BertConfig;
use crate::settings::EncoderSettings;
use crate::word_table::WordTable;

/// What a text encoder gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Features of a whole text: from convolutions, or the state of `[CLS]`.
    Features,
    /// The same, but with a pretrained encoder what its pooler makes of that state.
    Pooled,
    /// A state for each token: from the recurrent network, or those of a pretrained encoder, mapped to this width.
    Tokens { width: i64 },
}

/// A text as it was read.
#[derive(Debug)]
pub enum Text {
    /// `[documents, features]`
    Features(Tensor),
    /// `[tokens, d]`, document after document.
    States(Tensor),
}

/// A text encoder.
pub enum TextEncoder {
    Rcnn(TextRcnn),
    Compiled(CompiledTextRcnn),
    Rnn(TextRnn),
    Pretrained(Box<PretrainedText>),
}

/// A pretrained encoder, and what is made of its states.
pub struct PretrainedText {
    encoder: Encoder,
    head: Head,
    width: i64,
    dropout: f64,
}

enum Encoder {
    Training(Bert),
    Trained(CompiledBert),
}

enum Head {
    First,
    Pooled(Pooler),
    Tokens(Linear),
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
            Reading::Features | Reading::Pooled => {
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
            Reading::Tokens { .. } => {
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

    /// A pretrained encoder.
    ///
    /// # Errors
    /// When what the parameters start from does not have them in this shape.
    pub fn pretrained(
        parameters: &mut Parameters,
        config: &BertConfig,
        reading: Reading,
    ) -> Result<Self, KitError> {
        let encoder = Bert::new(parameters, config)?;
        let (head, width) = match reading {
            Reading::Features => (Head::First, config.hidden_size),
            Reading::Pooled => (
                Head::Pooled(Pooler::new(parameters, config)?),
                config.hidden_size,
            ),
            Reading::Tokens { width } => {
                let map = pretrained_linear(parameters, "tokens", config.hidden_size, width)?;
                (Head::Tokens(map), width)
            }
        };
        Ok(Self::Pretrained(Box::new(PretrainedText {
            encoder: Encoder::Training(encoder),
            head,
            width,
            dropout: config.hidden_dropout_prob,
        })))
    }

    /// The vectors of words or pieces. None in prediction where they are compiled into the encoder.
    #[must_use]
    pub fn table(&self) -> Option<&Rc<WordTable>> {
        match self {
            Self::Rcnn(encoder) => Some(encoder.table()),
            Self::Rnn(encoder) => Some(encoder.table()),
            Self::Compiled(_) => None,
            Self::Pretrained(text) => Some(match &text.encoder {
                Encoder::Training(bert) => bert.table(),
                Encoder::Trained(bert) => bert.table(),
            }),
        }
    }

    /// Width of the features of a text or of a token's state: what it is with a pretrained encoder, else `words`.
    #[must_use]
    pub fn width_or(&self, words: i64) -> i64 {
        match self {
            Self::Pretrained(text) => text.width,
            _ => words,
        }
    }

    pub fn forward(&self, pass: &Pass, batch: &Batch) -> Text {
        match self {
            Self::Rcnn(encoder) => Text::Features(encoder.forward(pass, batch)),
            Self::Compiled(encoder) => Text::Features(encoder.forward(batch)),
            Self::Rnn(encoder) => Text::States(encoder.states(pass, batch)),
            Self::Pretrained(text) => text.forward(pass, batch),
        }
    }

    /// The encoder for prediction; `precision` is that of a pretrained one.
    #[must_use]
    pub fn into_trained(self, precision: Precision) -> Self {
        match self {
            Self::Rcnn(encoder) => encoder
                .compile()
                .map_or(Self::Rcnn(encoder), Self::Compiled),
            Self::Pretrained(text) => {
                let PretrainedText {
                    encoder,
                    head,
                    width,
                    dropout,
                } = *text;
                let encoder = match encoder {
                    Encoder::Training(bert) => Encoder::Trained(bert.into_trained(precision)),
                    trained => trained,
                };
                Self::Pretrained(Box::new(PretrainedText {
                    encoder,
                    head,
                    width,
                    dropout,
                }))
            }
            other => other,
        }
    }
}

impl PretrainedText {
    fn forward(&self, pass: &Pass, batch: &Batch) -> Text {
        let firsts = || match &self.encoder {
            Encoder::Training(bert) => bert.first_states(pass, batch),
            Encoder::Trained(bert) => bert.first_states(batch),
        };
        match &self.head {
            Head::First => Text::Features(pass.dropout(&firsts(), self.dropout)),
            Head::Pooled(pooler) => {
                Text::Features(pass.dropout(&pooler.forward(&firsts()), self.dropout))
            }
            Head::Tokens(map) => {
                let states = match &self.encoder {
                    Encoder::Training(bert) => bert.forward(pass, batch),
                    Encoder::Trained(bert) => bert.forward(batch),
                };
                Text::States(map.forward_recorded(pass, &states))
            }
        }
    }
}
