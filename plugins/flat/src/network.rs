//! The networks: a text encoder and one linear layer, with label attention between them where asked for.

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CompiledClassifier, FlatClassifier, LabelAttention, LabelAttentionOptions, PooledConvolution,
    Precision, Reading, StructureKind, StructureOptions, Text, TextEncoder, binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::text_method::{Inputs, TextNetwork, TrainedNetwork};
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::hyperparameters::{Architecture, Hyperparameters};

/// A network in training.
pub struct Network {
    parameters: Parameters,
    body: Body,
    classifier: FlatClassifier,
    n_labels: usize,
    hyperparameters: Hyperparameters,
}

/// From a text to what the classifier reads.
struct Body {
    encoder: Encoder,
    attention: Option<LabelAttention>,
}

enum Encoder {
    Reading(TextEncoder),
    Cnn(TextCnn),
}

/// Convolutions over words (Kim 2014).
struct TextCnn {
    table: Rc<WordTable>,
    convolution: PooledConvolution,
    embedding_dropout: f64,
    padded: usize,
}

impl Encoder {
    fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        inputs: &Inputs<'_>,
    ) -> Result<Self, KitError> {
        let settings = &hyperparameters.rcnn;
        let reading = match hyperparameters.architecture {
            Architecture::TextCnn => {
                let table = inputs.word_table(parameters)?;
                let convolution = PooledConvolution::new(
                    parameters,
                    "convolution",
                    table.width(),
                    settings.num_kernels,
                    &settings.kernel_sizes,
                    settings.top_k,
                    settings.conv_tail,
                    settings.init,
                )?;
                return Ok(Self::Cnn(TextCnn {
                    table,
                    convolution,
                    embedding_dropout: settings.embedding_dropout,
                    padded: inputs.max_length,
                }));
            }
            Architecture::TextRnn => Reading::Tokens {
                width: 2 * settings.rnn_hidden,
            },
            Architecture::TextRcnn | Architecture::LabelAttention | Architecture::Bert => {
                Reading::Features
            }
        };
        let encoder = inputs.text_encoder(parameters, reading, settings)?;
        Ok(Self::Reading(encoder))
    }

    /// `[documents, features]`
    fn forward(&self, pass: &Pass, batch: &Batch) -> Text {
        let features = match self {
            Self::Reading(encoder) => match encoder.forward(pass, batch) {
                Text::Features(features) => features,
                Text::States(states) => last_states(&states, batch),
            },
            Self::Cnn(encoder) => {
                let words = encoder
                    .table
                    .lookup(pass, &batch.tokens, encoder.embedding_dropout);
                let padded = (!pass.is_training()).then_some(encoder.padded);
                encoder
                    .convolution
                    .forward(pass, &words, &batch.packing, padded)
            }
        };
        Text::Features(features)
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
    /// `[documents, width]`
    fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let text = self.encoder.forward(pass, batch);
        match (&self.attention, text) {
            (Some(attention), text) => {
                attention.forward(pass, batch, &text, &attention.labels(pass))
            }
            (None, Text::Features(rows) | Text::States(rows)) => rows,
        }
    }
}

impl Network {
    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.classifier
            .forward(pass, &self.body.forward(pass, batch))
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
        let gold = batch.gold(self.n_labels, self.parameters.options());
        let total = binary_cross_entropy(
            &self.logits(pass, batch),
            &gold,
            self.hyperparameters.classifier.bce_reduction,
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

impl TextNetwork for Network {
    type Hyperparameters = Hyperparameters;
    type Trained = TrainedFlat;

    const NAME: &'static str = "flat";

    fn works_on_trees(_: &Hyperparameters) -> bool {
        false
    }

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let encoder = Encoder::new(&mut parameters, hyperparameters, &inputs)?;
        let attention = (hyperparameters.architecture == Architecture::LabelAttention)
            .then(|| {
                let options = LabelAttentionOptions {
                    label_dim: hyperparameters.la_label_dim,
                    dropout: hyperparameters.label_dropout,
                    structure: StructureOptions {
                        kind: StructureKind::None,
                        ..StructureOptions::default()
                    },
                    mask_padding: true,
                    padded: hyperparameters.text.max_length,
                };
                LabelAttention::new(&mut parameters, inputs.hierarchy, options)
            })
            .transpose()?;
        let labels = inputs.hierarchy.n_labels() as i64;
        let classifier = match (&attention, inputs.encoder) {
            (None, Some(config)) => {
                FlatClassifier::behind_pretrained(&mut parameters, config.hidden_size, labels)?
            }
            (attention, _) => FlatClassifier::new(
                &mut parameters,
                attention
                    .as_ref()
                    .map_or_else(|| hyperparameters.features(), LabelAttention::width),
                labels,
                &hyperparameters.classifier,
                hyperparameters.rcnn.init,
            )?,
        };
        Ok(Self {
            parameters,
            body: Body { encoder, attention },
            classifier,
            n_labels: inputs.hierarchy.n_labels(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    fn table(&self) -> Option<&WordTable> {
        match &self.body.encoder {
            Encoder::Reading(encoder) => encoder.table().map(Rc::as_ref),
            Encoder::Cnn(encoder) => Some(&encoder.table),
        }
    }

    fn into_trained(self, precision: Precision) -> TrainedFlat {
        let encoder = match self.body.encoder {
            Encoder::Reading(encoder) => Encoder::Reading(encoder.into_trained(precision)),
            other => other,
        };
        TrainedFlat {
            body: Body {
                encoder,
                attention: self.body.attention.map(LabelAttention::into_trained),
            },
            classifier: self.classifier.into_trained(),
            n_labels: self.n_labels,
        }
    }
}

/// A network in prediction.
pub struct TrainedFlat {
    body: Body,
    classifier: CompiledClassifier,
    n_labels: usize,
}

impl TrainedNetwork for TrainedFlat {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        self.classifier
            .forward(&self.body.forward(&Pass::evaluation(), batch))
            .sigmoid()
    }
}
