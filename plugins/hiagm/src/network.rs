//! The network: text encoder, a variant's head, classifier (METHODS 2.1 to 2.3).

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CompiledClassifier, FlatClassifier, Precision, Text, TextEncoder, binary_cross_entropy,
    recursive_regularization,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::{Inputs, TextNetwork, TrainedNetwork};
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::head::{self, Head};
use crate::hyperparameters::Hyperparameters;

/// The network in training.
pub struct Network {
    parameters: Parameters,
    body: Body,
    classifier: FlatClassifier,
    hierarchy: Hierarchy,
    hyperparameters: Hyperparameters,
}

/// From a text to what the classifier reads.
struct Body {
    encoder: TextEncoder,
    head: Head,
}

impl Body {
    /// `[documents, width]`
    fn forward(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let text = self.encoder.forward(pass, batch);
        self.head.forward(pass, batch, &text)
    }
}

impl Network {
    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.classifier
            .forward(pass, &self.body.forward(pass, batch))
    }

    /// What the structure encoder of the variant TP gets: the projected text, one vector per label,
    /// `[documents, L, node_size]`. None with another variant.
    #[must_use]
    pub fn node_inputs(&self, pass: &Pass, batch: &Batch) -> Option<Tensor> {
        match (&self.body.head, self.body.encoder.forward(pass, batch)) {
            (Head::TextPropagation(head), Text::Features(features)) => {
                Some(head.inputs(pass, &features))
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
        let gold = batch.gold(self.n_labels(), self.parameters.options());
        let classification = binary_cross_entropy(
            &self.logits(pass, batch),
            &gold,
            self.hyperparameters.classifier.bce_reduction,
        );
        let recursive = &self.hyperparameters.recursive;
        if !recursive.recursive_reg {
            return Losses {
                terms: vec![("classification", classification.shallow_clone())],
                total: classification,
            };
        }
        let pull = recursive_regularization(pass, self.classifier.weight(), &self.hierarchy)
            * recursive.lambda_rec;
        Losses {
            total: &classification + &pull,
            terms: vec![("classification", classification), ("recursive", pull)],
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
    type Trained = TrainedHiAgm;

    const NAME: &'static str = "hiagm";

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let encoder = inputs.text_encoder(
            &mut parameters,
            head::reading(hyperparameters),
            &hyperparameters.rcnn,
        )?;
        let features = encoder.width_or(hyperparameters.rcnn.features());
        let (head, width) =
            Head::new(&mut parameters, hyperparameters, inputs.hierarchy, features)?;
        let classifier = FlatClassifier::new(
            &mut parameters,
            width,
            inputs.hierarchy.n_labels() as i64,
            &hyperparameters.classifier,
            hyperparameters.rcnn.init,
        )?;
        Ok(Self {
            parameters,
            body: Body { encoder, head },
            classifier,
            hierarchy: inputs.hierarchy.clone(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    fn table(&self) -> Option<&WordTable> {
        self.body.encoder.table().map(Rc::as_ref)
    }

    fn into_trained(self, precision: Precision) -> TrainedHiAgm {
        TrainedHiAgm {
            n_labels: self.hierarchy.n_labels(),
            body: Body {
                encoder: self.body.encoder.into_trained(precision),
                head: self.body.head.into_trained(),
            },
            classifier: self.classifier.into_trained(),
        }
    }
}

/// The network in prediction.
pub struct TrainedHiAgm {
    body: Body,
    classifier: CompiledClassifier,
    n_labels: usize,
}

impl TrainedNetwork for TrainedHiAgm {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        self.classifier
            .forward(&self.body.forward(&Pass::evaluation(), batch))
            .sigmoid()
    }
}
