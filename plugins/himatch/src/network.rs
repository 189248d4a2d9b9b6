//! The network: one of two ways to score labels, with the matching beside it in training (METHODS 4.1, 4.8).

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::Precision;
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text_method::{Inputs, Prepared, TextNetwork, TrainedNetwork};
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::classification::{Classification, TrainedClassification};
use crate::hyperparameters::{Hyperparameters, Scoring};
use crate::zero_shot::ZeroShot;

/// The network in training.
pub struct Network {
    parameters: Parameters,
    body: Body,
    hierarchy: Hierarchy,
    hyperparameters: Hyperparameters,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them in a process"
)]
enum Body {
    Classification(Classification),
    ZeroShot(ZeroShot),
}

impl Network {
    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        match &self.body {
            Body::Classification(body) => body.logits(pass, batch),
            Body::ZeroShot(body) => body.logits(pass, batch),
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
        match &self.body {
            Body::Classification(body) => body.losses(pass, batch, &gold, &self.hyperparameters),
            Body::ZeroShot(body) => body.losses(pass, batch, &gold, &self.hyperparameters),
        }
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        Predicted {
            scores: self.logits(&Pass::evaluation(), batch).sigmoid(),
            decided: None,
        }
    }

    fn before_step(&mut self, moment: Moment) -> Result<(), KitError> {
        if let Body::Classification(body) = &self.body {
            body.before_step(moment);
        }
        Ok(())
    }
}

impl TextNetwork for Network {
    type Hyperparameters = Hyperparameters;
    type Trained = TrainedHiMatch;

    const NAME: &'static str = "himatch";

    fn works_on_trees(hyperparameters: &Hyperparameters) -> bool {
        hyperparameters.scoring == Scoring::Classifier
    }

    fn build(
        mut parameters: Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let body = match hyperparameters.scoring {
            Scoring::Classifier => Body::Classification(Classification::new(
                &mut parameters,
                hyperparameters,
                inputs,
            )?),
            Scoring::DotProduct => {
                Body::ZeroShot(ZeroShot::new(&mut parameters, hyperparameters, inputs)?)
            }
        };
        Ok(Self {
            parameters,
            body,
            hierarchy: inputs.hierarchy.clone(),
            hyperparameters: hyperparameters.clone(),
        })
    }

    fn table(&self) -> Option<&WordTable> {
        match &self.body {
            Body::Classification(body) => body.table(),
            Body::ZeroShot(body) => body.table(),
        }
    }

    fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let representation = self.hyperparameters.matching.label_repr;
        match &mut self.body {
            Body::Classification(body) => body.prepare(corpus, representation),
            Body::ZeroShot(body) => body.prepare(corpus),
        }
    }

    fn into_trained(self, precision: Precision) -> TrainedHiMatch {
        TrainedHiMatch {
            n_labels: self.hierarchy.n_labels(),
            body: match self.body {
                Body::Classification(body) => {
                    TrainedBody::Classification(body.into_trained(precision))
                }
                Body::ZeroShot(body) => TrainedBody::ZeroShot(body.into_trained(precision)),
            },
        }
    }
}

/// The network in prediction.
pub struct TrainedHiMatch {
    body: TrainedBody,
    n_labels: usize,
}

enum TrainedBody {
    Classification(TrainedClassification),
    ZeroShot(ZeroShot),
}

impl TrainedNetwork for TrainedHiMatch {
    fn n_labels(&self) -> usize {
        self.n_labels
    }

    fn scores(&self, batch: &Batch) -> Tensor {
        match &self.body {
            TrainedBody::Classification(body) => body.scores(batch),
            TrainedBody::ZeroShot(body) => body.logits(&Pass::evaluation(), batch).sigmoid(),
        }
    }
}
