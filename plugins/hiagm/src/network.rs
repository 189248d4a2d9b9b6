//! The network: text encoder, projection onto labels, structure encoder, classifier (METHODS 2.1).

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CompiledTextRcnn, TextRcnn, TextRcnnOptions, TextRnn, TextRnnOptions, binary_cross_entropy,
    recursive_regularization,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_method::{Inputs, TrainedNetwork, WordNetwork};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::head::{self, Head, LabelAttention, Text, TextPropagation};
use crate::hyperparameters::{Hyperparameters, LaText, Variant};

/// Half the width of the words' first values (METHODS 1.4).
const WORD_BOUND: f64 = 0.25;

/// The network in training.
pub struct Network {
    parameters: Parameters,
    table: Rc<WordTable>,
    encoder: Encoder,
    head: Head,
    hierarchy: Hierarchy,
    hyperparameters: Hyperparameters,
}

/// Reads a text.
enum Encoder {
    Rcnn(TextRcnn),
    Compiled(CompiledTextRcnn),
    Rnn(TextRnn),
}

impl Encoder {
    fn forward(&self, pass: &Pass, batch: &Batch) -> Text {
        match self {
            Self::Rcnn(encoder) => Text::Features(encoder.forward(pass, batch)),
            Self::Compiled(encoder) => Text::Features(encoder.forward(batch)),
            Self::Rnn(encoder) => Text::States(encoder.states(pass, batch)),
        }
    }
}

impl Network {
    /// Builds the network: parameters start from their initializers or come from a checkpoint. `words`: ids of the
    /// vocabulary, the last two of which are padding and unknown.
    ///
    /// # Errors
    /// When the checkpoint does not fit.
    pub fn new(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        hierarchy: &Hierarchy,
        words: usize,
        word_size: i64,
    ) -> Result<Self, KitError> {
        let padding = words.checked_sub(2).map(|row| row as u32);
        let table = parameters.add_table(
            "words",
            [words as i64, word_size],
            &Initializer::Uniform(WORD_BOUND),
            padding,
        )?;
        let reads_tokens =
            hyperparameters.variant == Variant::La && hyperparameters.la_text == LaText::RnnTokens;
        let (encoder, features) = if reads_tokens {
            let options = TextRnnOptions {
                rnn_hidden: hyperparameters.rnn_hidden,
                embedding_dropout: hyperparameters.embedding_dropout,
                rnn_dropout: hyperparameters.rnn_dropout,
                initialization: hyperparameters.init,
            };
            let encoder = TextRnn::new(&mut parameters, Rc::clone(&table), options)?;
            let width = encoder.width();
            (Encoder::Rnn(encoder), width)
        } else {
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
            let encoder = TextRcnn::new(&mut parameters, Rc::clone(&table), options)?;
            let features = encoder.features();
            (Encoder::Rcnn(encoder), features)
        };
        let head = match hyperparameters.variant {
            Variant::Tp => Head::TextPropagation(TextPropagation::new(
                &mut parameters,
                hyperparameters,
                hierarchy,
                features,
            )?),
            Variant::La => Head::LabelAttention(LabelAttention::new(
                &mut parameters,
                hyperparameters,
                hierarchy,
            )?),
            Variant::Flat => Head::Flat(head::classifier(
                &mut parameters,
                hyperparameters,
                features,
                hierarchy.n_labels() as i64,
            )?),
        };
        Ok(Self {
            parameters,
            table,
            encoder,
            head,
            hierarchy: hierarchy.clone(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let text = self.encoder.forward(pass, batch);
        self.head.forward(pass, batch, &text)
    }

    /// What the structure encoder of the variant TP gets: the projected text, one vector per label,
    /// `[documents, L, node_size]`. None with another variant.
    #[must_use]
    pub fn node_inputs(&self, pass: &Pass, batch: &Batch) -> Option<Tensor> {
        match (&self.head, self.encoder.forward(pass, batch)) {
            (Head::TextPropagation(head), Text::Features(features)) => {
                Some(head.node_inputs(pass, &features))
            }
            _ => None,
        }
    }
}

impl Trainable for Network {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        self.hierarchy.n_labels()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses {
        let gold = batch.gold(self.n_labels(), self.parameters.device());
        let classification = binary_cross_entropy(
            &self.logits(pass, batch),
            &gold,
            self.hyperparameters.bce_reduction,
        );
        if !self.hyperparameters.recursive_reg {
            return Losses {
                terms: vec![("classification", classification.shallow_clone())],
                total: classification,
            };
        }
        let recursive =
            recursive_regularization(pass, self.head.classifier_weight(), &self.hierarchy)
                * self.hyperparameters.lambda_rec;
        Losses {
            total: &classification + &recursive,
            terms: vec![("classification", classification), ("recursive", recursive)],
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
    type Trained = TrainedHiAgm;

    const NAME: &'static str = "hiagm";

    fn build(
        parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        Self::new(
            parameters,
            hyperparameters,
            inputs.hierarchy,
            inputs.words,
            inputs.word_size,
        )
    }

    fn table(&self) -> &WordTable {
        &self.table
    }

    fn into_trained(mut self) -> TrainedHiAgm {
        if let Head::LabelAttention(head) = &mut self.head {
            head.keep_labels();
        }
        let encoder = match self.encoder {
            Encoder::Rcnn(encoder) => encoder
                .compile()
                .map_or(Encoder::Rcnn(encoder), Encoder::Compiled),
            other => other,
        };
        TrainedHiAgm {
            encoder,
            head: self.head,
            n_labels: self.hierarchy.n_labels(),
        }
    }
}

/// The network in prediction.
pub struct TrainedHiAgm {
    encoder: Encoder,
    head: Head,
    n_labels: usize,
}

impl TrainedNetwork for TrainedHiAgm {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        let pass = Pass::evaluation();
        let text = self.encoder.forward(&pass, batch);
        self.head.forward(&pass, batch, &text).sigmoid()
    }
}
