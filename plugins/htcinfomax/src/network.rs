//! The network: text encoder, labels that attend over it, classifier; in training the further aims (METHODS 3.1, 3.3).

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CompiledClassifier, FlatClassifier, LabelAttention, LabelAttentionOptions, Precision, Reading,
    Text, TextEncoder, binary_cross_entropy, recursive_regularization,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::settings::EncoderKind;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::{Inputs, Prepared, Purpose, TextNetwork, TrainedNetwork};
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::auxiliary::Auxiliary;
use crate::hyperparameters::{Hyperparameters, LabelInit, TextFeatures};

/// The network in training.
pub struct Network {
    parameters: Parameters,
    body: Body,
    classifier: FlatClassifier,
    auxiliary: Option<Auxiliary>,
    hierarchy: Hierarchy,
    hyperparameters: Hyperparameters,
}

/// From a text to what the classifier reads.
struct Body {
    encoder: TextEncoder,
    attention: LabelAttention,
}

impl Body {
    /// What labels see of the text, `[documents, L · d]`.
    fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let text = self.encoder.forward(pass, batch);
        self.attention
            .forward(pass, batch, &text, &self.attention.labels(pass))
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
        self.hierarchy.n_labels()
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses {
        let gold = batch.gold(self.n_labels(), self.parameters.options());
        // Attention and discriminators read both.
        let text = match self.body.encoder.forward(pass, batch) {
            Text::States(states) => Text::States(pass.leaf(&states)),
            features => features,
        };
        let labels = pass.leaf(&self.body.attention.labels(pass));
        let seen = self.body.attention.forward(pass, batch, &text, &labels);
        let logits = self.classifier.forward(pass, &seen);
        let classification = binary_cross_entropy(
            &logits,
            &gold,
            self.hyperparameters.classifier.bce_reduction,
        );
        let mut total = classification.shallow_clone();
        let mut terms = vec![("classification", classification)];
        if self.hyperparameters.recursive.recursive_reg {
            let pull = recursive_regularization(pass, self.classifier.weight(), &self.hierarchy)
                * self.hyperparameters.recursive.lambda_rec;
            total = &total + &pull;
            terms.push(("recursive", pull));
        }
        if let Some(auxiliary) = &self.auxiliary {
            let losses = auxiliary.losses(pass, batch, &text, &labels, &gold);
            total = &total + losses.total;
            terms.extend(losses.terms);
        }
        Losses { total, terms }
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
    type Trained = TrainedHtcInfoMax;

    const NAME: &'static str = "htcinfomax";

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let padded = hyperparameters.text.max_length;
        let init = hyperparameters.rcnn.init;
        let labels = inputs.hierarchy.n_labels() as i64;
        let pretrained = hyperparameters.encoder == EncoderKind::Bert;
        let reading = match hyperparameters.text_features {
            TextFeatures::Cnn if !pretrained => Reading::Features,
            _ => Reading::Tokens {
                width: hyperparameters.la_label_dim,
            },
        };
        let encoder = inputs.text_encoder(&mut parameters, reading, &hyperparameters.rcnn)?;
        let options = LabelAttentionOptions {
            label_dim: hyperparameters.la_label_dim,
            dropout: hyperparameters.label_dropout,
            structure: hyperparameters.structure.options(init),
            mask_padding: pretrained || hyperparameters.mask_padding_in_attention,
            padded,
        };
        let attention = LabelAttention::new(&mut parameters, inputs.hierarchy, options)?;
        let classifier = FlatClassifier::new(
            &mut parameters,
            attention.width(),
            labels,
            &hyperparameters.classifier,
            init,
        )?;
        let auxiliary = match inputs.purpose {
            Purpose::Training => Auxiliary::new(&mut parameters, hyperparameters, labels)?,
            Purpose::Prediction => None,
        };
        Ok(Self {
            parameters,
            body: Body { encoder, attention },
            classifier,
            auxiliary,
            hierarchy: inputs.hierarchy.clone(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    fn table(&self) -> Option<&WordTable> {
        self.body.encoder.table().map(Rc::as_ref)
    }

    fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let by_name = self.hyperparameters.label_init == LabelInit::GloveName;
        if let (true, Some(labels), Some(words)) =
            (by_name, self.body.attention.table(), self.table())
        {
            corpus.name_vectors(words, labels)?;
        }
        Ok(())
    }

    fn into_trained(self, precision: Precision) -> TrainedHtcInfoMax {
        TrainedHtcInfoMax {
            n_labels: self.hierarchy.n_labels(),
            body: Body {
                encoder: self.body.encoder.into_trained(precision),
                attention: self.body.attention.into_trained(),
            },
            classifier: self.classifier.into_trained(),
        }
    }
}

/// The network in prediction.
pub struct TrainedHtcInfoMax {
    body: Body,
    classifier: CompiledClassifier,
    n_labels: usize,
}

impl TrainedNetwork for TrainedHtcInfoMax {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        self.classifier
            .forward(&self.body.forward(&Pass::evaluation(), batch))
            .sigmoid()
    }
}
