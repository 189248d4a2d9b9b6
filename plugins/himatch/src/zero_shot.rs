//! Labels scored by what they see of a text, from their names and their place in the taxonomy (METHODS 4.8).
//!
//! The paper describes this for EURLEX57K in few words and its code for it does not run; what is computed here is the
//! reading of METHODS: label-wise attention as in the zero-shot methods that the paper cites. Two things are different.
//! A label is its name plus what the graph convolution makes of it: what passed a `ReLU` alone, times what a `ReLU` lets
//! through of the text, is never negative, so that no score would be below a half. And all labels share one bias, for
//! most labels do not apply.

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    Linear, Precision, Reading, StructureEncoder, StructureKind, StructureOptions, Text,
    TextEncoder, TreeLstmOptions, binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::text_method::{Inputs, Prepared, Purpose};
use arborist_model_kit::training::Losses;
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::hyperparameters::Hyperparameters;
use crate::matching::Matching;

/// From a text to logits of all labels, those without documents among them.
pub(crate) struct ZeroShot {
    encoder: TextEncoder,
    /// `[e, 2h]`: tokens as labels look for them.
    look: Linear,
    /// `[e, 2h]`: what a label saw, as it is compared with the label.
    compare: Linear,
    labels: Labels,
    /// `[1]`
    bias: Tensor,
    matching: Option<Matching>,
    /// Labels that training documents have.
    seen: Vec<i64>,
}

enum Labels {
    Trained {
        /// `[L, e]`: means of the word vectors of names.
        names: Tensor,
        structure: Box<StructureEncoder>,
    },
    /// `[L, e]`
    Kept(Tensor),
}

impl ZeroShot {
    pub(crate) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let settings = &hyperparameters.rcnn;
        let (width, states) = (inputs.word_size, 2 * settings.rnn_hidden);
        let reading = Reading::Tokens { width: states };
        let encoder = inputs.text_encoder(parameters, reading, settings)?;
        let look = Linear::new(parameters, "look", states, width, settings.init)?;
        let compare = Linear::new(parameters, "compare", states, width, settings.init)?;
        let names = parameters.add_frozen(
            "label_names",
            &[inputs.hierarchy.n_labels() as i64, width],
            &Initializer::Uniform(0.25),
        )?;
        let bias = parameters.add("bias", &[1], &Initializer::Constant(0.0))?;
        let options = StructureOptions {
            kind: StructureKind::Gcn,
            gcn: hyperparameters.graph.options(),
            tree_lstm: TreeLstmOptions::default(),
        };
        let structure = StructureEncoder::new(parameters, "", inputs.hierarchy, width, &options)?;
        let wanted = inputs.purpose == Purpose::Training && hyperparameters.matching.is_on();
        let matching = wanted
            .then(|| {
                parameters.for_training(|parameters| {
                    Matching::new(
                        parameters,
                        inputs.hierarchy,
                        &hyperparameters.matching,
                        states,
                        width,
                    )
                })
            })
            .transpose()?;
        Ok(Self {
            encoder,
            look,
            compare,
            labels: Labels::Trained {
                names,
                structure: Box::new(structure),
            },
            bias,
            matching,
            seen: (0..inputs.hierarchy.n_labels() as i64).collect(),
        })
    }

    pub(crate) fn table(&self) -> Option<&WordTable> {
        self.encoder.table().map(Rc::as_ref)
    }

    pub(crate) fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let mut seen = vec![false; corpus.taxonomy.len()];
        for label in corpus.train.label_sets().flatten() {
            seen[*label as usize] = true;
        }
        self.seen = (0..)
            .zip(seen)
            .filter(|(_, seen)| *seen)
            .map(|(label, _)| label)
            .collect();
        match &self.labels {
            Labels::Trained { names, .. } => match self.table() {
                Some(words) => corpus.name_vectors(words, names),
                None => Ok(()),
            },
            Labels::Kept(_) => Ok(()),
        }
    }

    /// `[L, e]`
    fn labels(&self, pass: &Pass) -> Tensor {
        match &self.labels {
            Labels::Trained { names, structure } => {
                structure.forward(pass, names, 0.0).squeeze_dim(0) + names
            }
            Labels::Kept(labels) => labels.shallow_clone(),
        }
    }

    /// `[tokens, 2h]`
    fn states(&self, pass: &Pass, batch: &Batch) -> Tensor {
        match self.encoder.forward(pass, batch) {
            Text::States(states) | Text::Features(states) => states,
        }
    }

    /// Logits `[documents, L]`. `states`: `[tokens, 2h]`; `labels`: `[L, e]`.
    fn compared(&self, batch: &Batch, states: &Tensor, labels: &Tensor) -> Tensor {
        let (tokens, mask) = batch.pad_rows(states);
        let looks = self.look.forward(&tokens).tanh().matmul(&labels.tr());
        let weights = looks
            .masked_fill(&mask.unsqueeze(2).eq(0.0), f64::NEG_INFINITY)
            .softmax(1, states.kind());
        let saw = weights.transpose(1, 2).matmul(&tokens);
        let agreement = self.compare.forward(&saw).relu() * labels;
        agreement.sum_dim_intlist(2_i64, false, states.kind()) + &self.bias
    }

    pub(crate) fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.compared(batch, &self.states(pass, batch), &self.labels(pass))
    }

    /// `gold`: `[documents, L]`.
    pub(crate) fn losses(
        &self,
        pass: &Pass,
        batch: &Batch,
        gold: &Tensor,
        hyperparameters: &Hyperparameters,
    ) -> Losses {
        let states = self.states(pass, batch);
        let labels = self.labels(pass);
        let logits = self.compared(batch, &states, &labels);
        // A label without documents would only learn that it never applies.
        let seen = Tensor::from_slice(&self.seen).to_device(gold.device());
        let classification = binary_cross_entropy(
            &logits.index_select(1, &seen),
            &gold.index_select(1, &seen),
            hyperparameters.classifier.bce_reduction,
        );
        let mut losses = Losses {
            total: classification.shallow_clone(),
            terms: vec![("classification", classification)],
        };
        if let Some(matching) = &self.matching {
            let (tokens, mask) = batch.pad_rows(&states);
            let lengths = mask
                .sum_dim_intlist(1_i64, true, states.kind())
                .clamp_min(1.0);
            let means = tokens.sum_dim_intlist(1_i64, false, states.kind()) / lengths;
            let (total, terms) = matching.losses(pass, batch, &means, &labels);
            losses.total = &losses.total + total;
            losses.terms.extend(terms);
        }
        losses
    }

    pub(crate) fn into_trained(self, precision: Precision) -> Self {
        let labels = tch::no_grad(|| self.labels(&Pass::evaluation()));
        Self {
            encoder: self.encoder.into_trained(precision),
            labels: Labels::Kept(labels),
            matching: None,
            ..self
        }
    }
}
