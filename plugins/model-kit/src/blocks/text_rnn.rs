//! Words and a bidirectional GRU over them: the first half of the `TextRCNN` (METHODS 1.5, steps 1 to 3).

use std::rc::Rc;

use tch::Tensor;

use super::{Gru, Initialization};
use crate::batch::Batch;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::word_table::WordTable;

/// Sizes and rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextRnnOptions {
    /// GRU units of one direction.
    pub rnn_hidden: i64,
    pub embedding_dropout: f64,
    pub rnn_dropout: f64,
    pub initialization: Initialization,
}

/// Token states of documents.
pub struct TextRnn {
    pub(super) table: Rc<WordTable>,
    pub(super) gru: Gru,
    options: TextRnnOptions,
}

impl TextRnn {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        table: Rc<WordTable>,
        options: TextRnnOptions,
    ) -> Result<Self, KitError> {
        let gru = Gru::new(
            parameters,
            "gru",
            table.width(),
            options.rnn_hidden,
            options.initialization,
        )?;
        Ok(Self {
            table,
            gru,
            options,
        })
    }

    /// The vectors of words.
    #[must_use]
    pub fn table(&self) -> &Rc<WordTable> {
        &self.table
    }

    /// Width of a token's state: both directions.
    #[must_use]
    pub fn width(&self) -> i64 {
        2 * self.options.rnn_hidden
    }

    /// States of all tokens, document after document: `[tokens, 2h]`.
    pub fn states(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let words =
            self.table
                .lookup_aligned(pass, &batch.packed_tokens(), self.options.embedding_dropout);
        self.gru
            .forward(pass, &words, &batch.packing, self.options.rnn_dropout)
    }
}
