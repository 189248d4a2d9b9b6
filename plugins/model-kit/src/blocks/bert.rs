//! BERT over packed documents: embeddings, layers, and the head that predicts masked pieces (METHODS 1.11).
//!
//! Parameters are called as in Hugging Face's files, so that a checkpoint can be read there.

mod masked_head;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use tch::Tensor;

pub use self::masked_head::{CompiledMaskedHead, MaskedHead};
use super::transformer::LayerNorm;
use super::{
    CompiledTransformerLayer, Linear, Links, Precision, Sight, TransformerLayer, TransformerSizes,
};
use crate::batch::Batch;
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::pretrained::BertConfig;
use crate::word_table::WordTable;

/// Standard deviation with which weights start that no file brings.
const DEVIATION: f64 = 0.02;

/// Where rows stand in their documents, and in which of two texts.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// One per row.
    pub positions: Vec<i64>,
    /// One per row; empty = all in the first text.
    pub segments: Vec<i64>,
}

impl Places {
    /// Rows of documents of these lengths, one after the other, each from position 0.
    #[must_use]
    pub fn of(lengths: &[usize]) -> Self {
        Self {
            positions: lengths
                .iter()
                .flat_map(|&length| 0..length as i64)
                .collect(),
            segments: Vec::new(),
        }
    }
}

/// From vectors of pieces to what the first layer reads.
#[derive(Debug)]
struct Embeddings {
    words: Rc<WordTable>,
    /// `[positions, d]`
    positions: Tensor,
    /// `[2, d]`
    segments: Tensor,
    norm: LayerNorm,
    dropout: f64,
}

impl Embeddings {
    fn new(parameters: &mut Parameters, config: &BertConfig) -> Result<Self, KitError> {
        let width = config.hidden_size;
        let start = Initializer::Normal(DEVIATION);
        let words = parameters.add_table(
            "bert.embeddings.word_embeddings.weight",
            [config.vocab_size, width],
            &start,
            None,
        )?;
        Ok(Self {
            words,
            positions: parameters.add(
                "bert.embeddings.position_embeddings.weight",
                &[config.max_position_embeddings, width],
                &start,
            )?,
            segments: parameters.add(
                "bert.embeddings.token_type_embeddings.weight",
                &[config.type_vocab_size, width],
                &start,
            )?,
            norm: LayerNorm::new(
                parameters,
                "bert.embeddings.LayerNorm",
                width,
                config.layer_norm_eps,
            )?,
            dropout: config.hidden_dropout_prob,
        })
    }

    fn shallow_clone(&self) -> Self {
        Self {
            words: Rc::clone(&self.words),
            positions: self.positions.shallow_clone(),
            segments: self.segments.shallow_clone(),
            norm: self.norm.shallow_clone(),
            dropout: self.dropout,
        }
    }

    /// `words`: `[rows, d]`; result: `[rows, d]`.
    fn forward(&self, pass: &Pass, words: &Tensor, places: &Places) -> Tensor {
        let device = words.device();
        let rows = |table: &Tensor, ids: &[i64]| {
            table.index_select(0, &Tensor::from_slice(ids).to_device(device))
        };
        let positions = rows(&self.positions, &places.positions);
        let segments = if places.segments.is_empty() {
            self.segments.narrow(0, 0, 1)
        } else {
            rows(&self.segments, &places.segments)
        };
        pass.dropout(
            &self.norm.forward(&(words + positions + segments)),
            self.dropout,
        )
    }
}

/// BERT in training.
#[derive(Debug)]
pub struct Bert {
    config: BertConfig,
    embeddings: Embeddings,
    layers: Vec<TransformerLayer>,
}

impl Bert {
    /// Adds the encoder's parameters, all of them under `bert.`.
    ///
    /// # Errors
    /// When what they start from does not have them in this shape.
    pub fn new(parameters: &mut Parameters, config: &BertConfig) -> Result<Self, KitError> {
        let embeddings = Embeddings::new(parameters, config)?;
        let sizes = TransformerSizes {
            width: config.hidden_size,
            heads: config.num_attention_heads,
            intermediate: config.intermediate_size,
            layer_norm_eps: config.layer_norm_eps,
            dropout: config.hidden_dropout_prob,
            attention_dropout: config.attention_probs_dropout_prob,
            training_kind: config.training_precision.kind(parameters.device()),
        };
        let layers = (0..config.num_hidden_layers)
            .map(|layer| {
                TransformerLayer::new(parameters, &format!("bert.encoder.layer.{layer}"), sizes)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            config: config.clone(),
            embeddings,
            layers,
        })
    }

    #[must_use]
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Vectors of the pieces.
    #[must_use]
    pub fn table(&self) -> &Rc<WordTable> {
        &self.embeddings.words
    }

    /// Vectors of pieces without anything added: `[pieces, d]`.
    pub fn words(&self, pass: &Pass, pieces: &[u32]) -> Tensor {
        self.embeddings.words.lookup(pass, pieces, 0.0)
    }

    /// What the first layer reads: vectors of pieces with those of their places, normalized, with dropout.
    /// `words`: `[rows, d]`; result: `[rows, d]`.
    pub fn embed(&self, pass: &Pass, words: &Tensor, places: &Places) -> Tensor {
        self.embeddings.forward(pass, words, places)
    }

    /// All layers. `hidden`: `[rows, d]`, from [`embed`](Self::embed); result: `[rows, d]`.
    pub fn encode(&self, pass: &Pass, hidden: Tensor, sight: &Sight) -> Tensor {
        self.through(pass, hidden, &self.layers, sight)
    }

    /// Some of the layers.
    fn through(
        &self,
        pass: &Pass,
        hidden: Tensor,
        layers: &[TransformerLayer],
        sight: &Sight,
    ) -> Tensor {
        layers.iter().fold(hidden, |hidden, layer| {
            let sight = sight.clone();
            self.step(pass, layer, &hidden, move |layer, pass, hidden| {
                layer.forward(pass, hidden, &sight)
            })
        })
    }

    /// One layer, of which nothing but the result is kept where that is asked for.
    fn step(
        &self,
        pass: &Pass,
        layer: &TransformerLayer,
        hidden: &Tensor,
        forward: impl Fn(&TransformerLayer, &Pass, &Tensor) -> Tensor + 'static,
    ) -> Tensor {
        if !self.config.gradient_checkpointing || !pass.is_training() {
            return forward(layer, pass, hidden);
        }
        let own = layer.shallow_clone();
        pass.again(&[hidden], &layer.tensors(), move |pass, inputs| {
            forward(&own, pass, &inputs[0])
        })
    }

    /// All layers on rows that see along links. `hidden` and result: `[rows, d]`.
    pub fn encode_linked(&self, pass: &Pass, hidden: Tensor, links: &Links) -> Tensor {
        self.layers.iter().fold(hidden, |hidden, layer| {
            let links = links.shallow_clone();
            self.step(pass, layer, &hidden, move |layer, pass, hidden| {
                layer.forward_linked(pass, hidden, &links)
            })
        })
    }

    /// The same encoder: its tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            embeddings: self.embeddings.shallow_clone(),
            layers: self
                .layers
                .iter()
                .map(TransformerLayer::shallow_clone)
                .collect(),
        }
    }

    /// States of the tokens of a batch, document after document: `[tokens, d]`.
    pub fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let lengths = &batch.packing.lengths;
        let words = self.words(pass, &batch.tokens);
        let hidden = self.embed(pass, &words, &Places::of(lengths));
        self.encode(pass, hidden, &Sight::whole(lengths.clone()))
    }

    /// States of `[CLS]`, the first token of each document: `[documents, d]`. The last layer computes nothing else.
    /// `hidden`: `[Σ lengths, d]`, from [`embed`](Self::embed).
    pub fn encode_firsts(&self, pass: &Pass, hidden: Tensor, lengths: &[usize]) -> Tensor {
        let Some((last, layers)) = self.layers.split_last() else {
            return firsts(&hidden, lengths);
        };
        let sight = Sight::whole(lengths.to_vec());
        let hidden = self.through(pass, hidden, layers, &sight);
        let lengths = lengths.to_vec();
        self.step(pass, last, &hidden, move |layer, pass, hidden| {
            layer.forward_firsts(pass, hidden, &lengths)
        })
    }

    /// The same of a batch.
    pub fn first_states(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let lengths = &batch.packing.lengths;
        let words = self.words(pass, &batch.tokens);
        let hidden = self.embed(pass, &words, &Places::of(lengths));
        self.encode_firsts(pass, hidden, lengths)
    }

    /// The encoder for prediction.
    #[must_use]
    pub fn into_trained(self, precision: Precision) -> CompiledBert {
        CompiledBert {
            config: self.config,
            embeddings: self.embeddings,
            layers: self
                .layers
                .into_iter()
                .map(|layer| layer.into_trained(precision))
                .collect(),
        }
    }
}

/// BERT in prediction. Run it under [`tch::no_grad`].
#[derive(Debug)]
pub struct CompiledBert {
    config: BertConfig,
    embeddings: Embeddings,
    layers: Vec<CompiledTransformerLayer>,
}

impl CompiledBert {
    #[must_use]
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Vectors of the pieces.
    #[must_use]
    pub fn table(&self) -> &Rc<WordTable> {
        &self.embeddings.words
    }

    #[must_use]
    pub fn layers(&self) -> &[CompiledTransformerLayer] {
        &self.layers
    }

    /// Vectors of pieces without anything added: `[pieces, d]`.
    pub fn words(&self, pieces: &[u32]) -> Tensor {
        let pass = Pass::evaluation();
        self.embeddings.words.lookup(&pass, pieces, 0.0)
    }

    /// What the first layer reads, as [`Bert::embed`].
    pub fn embed(&self, words: &Tensor, places: &Places) -> Tensor {
        self.embeddings.forward(&Pass::evaluation(), words, places)
    }

    /// States of the tokens of a batch, document after document: `[tokens, d]`.
    pub fn forward(&self, batch: &Batch) -> Tensor {
        let lengths = &batch.packing.lengths;
        let hidden = self.embed(&self.words(&batch.tokens), &Places::of(lengths));
        let sight = Sight::whole(lengths.clone());
        self.layers
            .iter()
            .fold(hidden, |hidden, layer| layer.forward(&hidden, &sight))
    }
}

impl CompiledBert {
    /// States of `[CLS]`, the first token of each document: `[documents, d]`. The last layer computes nothing else.
    pub fn first_states(&self, batch: &Batch) -> Tensor {
        let Some((last, layers)) = self.layers.split_last() else {
            return first_states(&self.forward(batch), batch);
        };
        let lengths = &batch.packing.lengths;
        let hidden = self.embed(&self.words(&batch.tokens), &Places::of(lengths));
        let sight = Sight::whole(lengths.clone());
        let hidden = layers
            .iter()
            .fold(hidden, |hidden, layer| layer.forward(&hidden, &sight));
        last.forward_firsts(&hidden, &sight)
    }
}

/// The states of `[CLS]`, the first token of each document: `[documents, d]`. `hidden`: `[tokens, d]`.
pub fn first_states(hidden: &Tensor, batch: &Batch) -> Tensor {
    firsts(hidden, &batch.packing.lengths)
}

/// The first row of each stretch of rows.
pub(super) fn firsts(rows: &Tensor, lengths: &[usize]) -> Tensor {
    let starts: Vec<i64> = lengths
        .iter()
        .scan(0, |start, &length| {
            let first = *start;
            *start += length as i64;
            Some(first)
        })
        .collect();
    rows.index_select(0, &Tensor::from_slice(&starts).to_device(rows.device()))
}

/// The pooler: a linear layer and tanh on the state of `[CLS]`.
#[derive(Debug)]
pub struct Pooler(Linear);

impl Pooler {
    /// # Errors
    /// When what the parameters start from does not have them in this shape.
    pub fn new(parameters: &mut Parameters, config: &BertConfig) -> Result<Self, KitError> {
        let width = config.hidden_size;
        pretrained_linear(parameters, "bert.pooler.dense", width, width).map(Self)
    }

    /// `[documents, d]`, from as many.
    pub fn forward(&self, first: &Tensor) -> Tensor {
        self.0.forward(first).tanh()
    }
}

/// A linear layer that starts as BERT's do where no file brings it: weights normal, biases zero.
///
/// # Errors
/// When what the parameters start from does not have them in this shape.
pub fn pretrained_linear(
    parameters: &mut Parameters,
    name: &str,
    inputs: i64,
    outputs: i64,
) -> Result<Linear, KitError> {
    Ok(Linear {
        weight: parameters.add(
            &format!("{name}.weight"),
            &[outputs, inputs],
            &Initializer::Normal(DEVIATION),
        )?,
        bias: parameters.add(
            &format!("{name}.bias"),
            &[outputs],
            &Initializer::Constant(0.0),
        )?,
    })
}
