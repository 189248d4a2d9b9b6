//! The `TextRCNN` encoder: embedding, bidirectional GRU, convolutions, pooling (METHODS 1.5).

use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use super::gru::Recurrence;
use super::pooled_convolution::CompiledConvolution;
use super::{ConvolutionTail, Initialization, PooledConvolution, TextRnn, TextRnnOptions};
use crate::batch::Batch;
use crate::cpu::gru::RecurrentWeights;
use crate::cpu::lookup::{self, Gather};
use crate::cpu::noise::Dropout;
use crate::cpu::{self, parallel, slices};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::word_table::WordTable;

/// Sizes and rates of the encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct TextRcnnOptions {
    /// GRU units of one direction.
    pub rnn_hidden: i64,
    /// Channels of each convolution.
    pub num_kernels: i64,
    pub kernel_sizes: Vec<usize>,
    /// Highest values kept of each channel.
    pub top_k: i64,
    pub tail: ConvolutionTail,
    pub embedding_dropout: f64,
    pub rnn_dropout: f64,
    pub initialization: Initialization,
    /// Length to which [`ConvolutionTail::BatchMax`] pads outside training, so that scores do not depend on the batch.
    pub padded: usize,
}

impl Default for TextRcnnOptions {
    fn default() -> Self {
        Self {
            rnn_hidden: 64,
            num_kernels: 100,
            kernel_sizes: vec![2, 3, 4],
            top_k: 1,
            tail: ConvolutionTail::default(),
            embedding_dropout: 0.5,
            rnn_dropout: 0.1,
            initialization: Initialization::default(),
            padded: 256,
        }
    }
}

/// The encoder.
pub struct TextRcnn {
    options: TextRcnnOptions,
    rnn: TextRnn,
    convolution: PooledConvolution,
}

impl TextRcnn {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        table: Rc<WordTable>,
        options: TextRcnnOptions,
    ) -> Result<Self, KitError> {
        let rnn = TextRnn::new(
            parameters,
            table,
            TextRnnOptions {
                rnn_hidden: options.rnn_hidden,
                embedding_dropout: options.embedding_dropout,
                rnn_dropout: options.rnn_dropout,
                initialization: options.initialization,
            },
        )?;
        let convolution = PooledConvolution::new(
            parameters,
            "convolution",
            rnn.width(),
            options.num_kernels,
            &options.kernel_sizes,
            options.top_k,
            options.tail,
            options.initialization,
        )?;
        Ok(Self {
            options,
            rnn,
            convolution,
        })
    }

    /// Number of features of a document.
    #[must_use]
    pub fn features(&self) -> i64 {
        self.convolution.features()
    }

    /// The vectors of words.
    #[must_use]
    pub fn table(&self) -> &Rc<WordTable> {
        &self.rnn.table
    }

    /// States of all tokens, document after document: `[tokens, 2h]`.
    pub fn states(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.rnn.states(pass, batch)
    }

    /// `[documents, features]`
    pub fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let padded = (!pass.is_training()).then_some(self.options.padded);
        self.convolution
            .forward(pass, &self.states(pass, batch), &batch.packing, padded)
    }

    /// The encoder for prediction on a processor: the words' input projections are computed once for the whole vocabulary.
    /// None on other devices.
    #[must_use]
    pub fn compile(&self) -> Option<CompiledTextRcnn> {
        if !cpu::serves(self.rnn.table.values()) || self.options.top_k != 1 {
            return None;
        }
        let _guard = tch::no_grad_guard();
        let (weight, bias) = self.rnn.gru.input_projection();
        let values = self.rnn.table.values();
        let words = bias.addmm(values, &weight.tr());
        if let Some(row) = self.rnn.table.padding_row() {
            words.get(i64::from(row)).copy_(&bias);
        }
        let padded =
            (self.options.tail == ConvolutionTail::BatchMax).then_some(self.options.padded);
        Some(CompiledTextRcnn {
            units: self.options.rnn_hidden,
            words,
            recurrent: self.rnn.gru.recurrent_weights(),
            convolution: self.convolution.compile(),
            padded,
        })
    }
}

/// A trained encoder without what only training needs.
pub struct CompiledTextRcnn {
    units: i64,
    /// `[words, 6h]`: input projections with biases.
    words: Tensor,
    recurrent: RecurrentWeights,
    convolution: CompiledConvolution,
    padded: Option<usize>,
}

impl CompiledTextRcnn {
    /// `[documents, features]`
    pub fn forward(&self, batch: &Batch) -> Tensor {
        let rows = batch.packed_tokens();
        let width = 6 * self.units as usize;
        let mut gates = Tensor::empty(
            [rows.len() as i64, width as i64],
            (Kind::Float, Device::Cpu),
        );
        let table = slices::read(&self.words);
        let ranges = parallel::ranges(rows.len(), 16);
        let parts = parallel::split_rows(slices::write(&mut gates), &ranges, width);
        let tasks = ranges
            .iter()
            .zip(parts)
            .map(|(range, output)| Gather {
                table,
                width,
                stride: width,
                rows: &rows[range.clone()],
                output,
                dropout: Dropout::off(),
                first: range.start,
            })
            .collect();
        parallel::run(tasks, lookup::gather);
        let states = Recurrence::new(gates, self.units, false).forward(
            &batch.packing,
            &self.recurrent,
            Dropout::off(),
        );
        let padded = self.padded.map(|padded| padded.max(batch.packing.longest));
        self.convolution.forward(&states, &batch.packing, padded)
    }
}
