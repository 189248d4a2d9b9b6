//! The networks: a text encoder and one linear layer, with label attention between them where asked for.

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CompiledTextRcnn, FlatClassifier, LabelTable, PooledConvolution, StructureKind,
    StructureOptions, TextRcnn, TextRcnnOptions, TextRnn, TextRnnOptions, attend,
    binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_method::{Inputs, TrainedNetwork, WordNetwork};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::hyperparameters::{Architecture, Hyperparameters};

/// Half the width of the words' first values (METHODS 1.4).
const WORD_BOUND: f64 = 0.25;

/// A network in training.
pub struct Network {
    parameters: Parameters,
    table: Rc<WordTable>,
    body: Body,
    n_labels: usize,
    hyperparameters: Hyperparameters,
}

/// From a text to logits.
struct Body {
    encoder: Encoder,
    attention: Option<Attention>,
    classifier: FlatClassifier,
}

enum Encoder {
    Rnn(TextRnn),
    Cnn(TextCnn),
    Rcnn(TextRcnn),
    Compiled(CompiledTextRcnn),
}

/// Convolutions over words (Kim 2014).
struct TextCnn {
    table: Rc<WordTable>,
    convolution: PooledConvolution,
    embedding_dropout: f64,
    padded: usize,
}

struct Attention {
    table: LabelTable,
    width: i64,
}

impl Encoder {
    fn new(
        parameters: &mut Parameters,
        table: &Rc<WordTable>,
        hyperparameters: &Hyperparameters,
    ) -> Result<Self, KitError> {
        let table = Rc::clone(table);
        match hyperparameters.architecture {
            Architecture::TextRnn => {
                let options = TextRnnOptions {
                    rnn_hidden: hyperparameters.rnn_hidden,
                    embedding_dropout: hyperparameters.embedding_dropout,
                    rnn_dropout: hyperparameters.rnn_dropout,
                    initialization: hyperparameters.init,
                };
                Ok(Self::Rnn(TextRnn::new(parameters, table, options)?))
            }
            Architecture::TextCnn => {
                let convolution = PooledConvolution::new(
                    parameters,
                    "convolution",
                    table.width(),
                    hyperparameters.num_kernels,
                    &hyperparameters.kernel_sizes,
                    hyperparameters.top_k,
                    hyperparameters.conv_tail,
                    hyperparameters.init,
                )?;
                Ok(Self::Cnn(TextCnn {
                    table,
                    convolution,
                    embedding_dropout: hyperparameters.embedding_dropout,
                    padded: hyperparameters.max_length,
                }))
            }
            Architecture::TextRcnn | Architecture::LabelAttention => {
                let options = TextRcnnOptions {
                    rnn_hidden: hyperparameters.rnn_hidden,
                    num_kernels: hyperparameters.num_kernels,
                    kernel_sizes: hyperparameters.kernel_sizes.clone(),
                    top_k: hyperparameters.top_k,
                    tail: hyperparameters.conv_tail,
                    embedding_dropout: hyperparameters.embedding_dropout,
                    rnn_dropout: hyperparameters.rnn_dropout,
                    initialization: hyperparameters.init,
                    padded: hyperparameters.max_length,
                };
                Ok(Self::Rcnn(TextRcnn::new(parameters, table, options)?))
            }
        }
    }

    /// `[documents, features]`
    fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        match self {
            Self::Rnn(encoder) => last_states(&encoder.states(pass, batch), batch),
            Self::Cnn(encoder) => {
                let words = encoder
                    .table
                    .lookup(pass, &batch.tokens, encoder.embedding_dropout);
                let padded = (!pass.is_training()).then_some(encoder.padded);
                encoder
                    .convolution
                    .forward(pass, &words, &batch.packing, padded)
            }
            Self::Rcnn(encoder) => encoder.forward(pass, batch),
            Self::Compiled(encoder) => encoder.forward(batch),
        }
    }
}

/// The forward direction's state at the last word and the backward direction's at the first: `[documents, 2h]`.
/// `states`: `[tokens, 2h]`, document after document.
fn last_states(states: &Tensor, batch: &Batch) -> Tensor {
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    let mut start = 0;
    for &length in &batch.packing.lengths {
        firsts.push(start);
        lasts.push(start + length as i64 - 1);
        start += length as i64;
    }
    let rows = |places: &[i64]| {
        states.index_select(0, &Tensor::from_slice(places).to_device(states.device()))
    };
    let half = states.size()[1] / 2;
    Tensor::cat(
        &[
            rows(&lasts).narrow(1, 0, half),
            rows(&firsts).narrow(1, half, half),
        ],
        1,
    )
}

impl Body {
    /// Logits `[documents, L]`.
    fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let features = self.encoder.forward(pass, batch);
        let features = match &self.attention {
            Some(attention) => {
                let text = features.view([features.size()[0], -1, attention.width]);
                attend(&text, &attention.table.forward(pass)).flatten(1, 2)
            }
            None => features,
        };
        self.classifier.forward(pass, &features)
    }
}

impl Network {
    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.body.forward(pass, batch)
    }
}

impl Trainable for Network {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses {
        let gold = batch.gold(self.n_labels, self.parameters.device());
        let total = binary_cross_entropy(
            &self.logits(pass, batch),
            &gold,
            self.hyperparameters.bce_reduction,
        );
        Losses {
            terms: vec![("classification", total.shallow_clone())],
            total,
        }
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        Predicted {
            scores: self.logits(&Pass::evaluation(), batch).sigmoid(),
            decided: None,
        }
    }
}

impl WordNetwork for Network {
    type Hyperparameters = Hyperparameters;
    type Trained = TrainedFlat;

    const NAME: &'static str = "flat";
    const WORKS_ON_TREES: bool = false;

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let padding = inputs.words.checked_sub(2).map(|row| row as u32);
        let table = parameters.add_table(
            "words",
            [inputs.words as i64, inputs.word_size],
            &Initializer::Uniform(WORD_BOUND),
            padding,
        )?;
        let encoder = Encoder::new(&mut parameters, &table, hyperparameters)?;
        let labels = inputs.hierarchy.n_labels() as i64;
        let (attention, features) = if hyperparameters.architecture == Architecture::LabelAttention
        {
            let width = hyperparameters.la_label_dim;
            let structure = StructureOptions {
                kind: StructureKind::None,
                ..StructureOptions::default()
            };
            let table = LabelTable::new(
                &mut parameters,
                inputs.hierarchy,
                width,
                &structure,
                hyperparameters.label_dropout,
            )?;
            (Some(Attention { table, width }), labels * width)
        } else {
            (None, hyperparameters.features())
        };
        let classifier = FlatClassifier::new(
            &mut parameters,
            features,
            labels,
            hyperparameters.classifier_dropout,
            hyperparameters.classifier_dropout_site,
            hyperparameters.init,
        )?;
        Ok(Self {
            parameters,
            table,
            body: Body {
                encoder,
                attention,
                classifier,
            },
            n_labels: inputs.hierarchy.n_labels(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    fn table(&self) -> &WordTable {
        &self.table
    }

    fn into_trained(self) -> TrainedFlat {
        let encoder = match self.body.encoder {
            Encoder::Rcnn(encoder) => encoder
                .compile()
                .map_or(Encoder::Rcnn(encoder), Encoder::Compiled),
            other => other,
        };
        TrainedFlat {
            body: Body {
                encoder,
                ..self.body
            },
            n_labels: self.n_labels,
        }
    }
}

/// A network in prediction.
pub struct TrainedFlat {
    body: Body,
    n_labels: usize,
}

impl TrainedNetwork for TrainedFlat {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        self.body.forward(&Pass::evaluation(), batch).sigmoid()
    }
}
