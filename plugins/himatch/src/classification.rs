//! The classification by text propagation, and the matching beside it in training (METHODS 4.1, 4.2).

use std::rc::Rc;

use arborist_model_kit::batch::{Batch, EncodedDocuments};
use arborist_model_kit::blocks::{
    CompiledClassifier, FlatClassifier, Precision, Reading, StructureEncoder, StructureKind,
    StructureOptions, Text, TextEncoder, TextPropagation, TextPropagationOptions, TreeLstmOptions,
    binary_cross_entropy,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::text_method::{Inputs, LabelSets, Prepared, Purpose};
use arborist_model_kit::training::Losses;
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::hyperparameters::{Hyperparameters, LabelRepr};
use crate::label_texts::label_texts;
use crate::matching::Matching;

/// Labels' texts that are read at a time.
const TEXTS: usize = 64;
/// Stage of the randomness with which labels' texts are read.
const READING: u64 = 1 << 32;

/// From a text to logits, and the matching.
pub(crate) struct Classification {
    encoder: TextEncoder,
    propagation: TextPropagation,
    classifier: FlatClassifier,
    branch: Option<Branch>,
}

/// The matching and its labels.
struct Branch {
    matching: Matching,
    /// `[L, d]`: constants that are read anew from time to time, or trained.
    inputs: Tensor,
    structure: StructureEncoder,
    /// What the constants are read from.
    texts: Option<EncodedDocuments>,
    /// Updates between two readings.
    refresh: u64,
    /// Batches of an update, and of an epoch.
    accumulate: u64,
    batches_per_epoch: u64,
    /// Groups that a batch of labels' texts is cut into.
    groups: usize,
}

/// From a text to logits in prediction.
pub(crate) struct TrainedClassification {
    encoder: TextEncoder,
    propagation: TextPropagation,
    classifier: CompiledClassifier,
}

fn structure(hyperparameters: &Hyperparameters, kind: StructureKind) -> StructureOptions {
    StructureOptions {
        kind,
        gcn: hyperparameters.graph.options(),
        tree_lstm: TreeLstmOptions::default(),
    }
}

impl Classification {
    pub(crate) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError> {
        let settings = &hyperparameters.rcnn;
        let labels = inputs.hierarchy.n_labels() as i64;
        let encoder = inputs.text_encoder(parameters, Reading::Pooled, settings)?;
        let features = encoder.width_or(settings.features());
        let kind = if hyperparameters.propagation_gcn {
            StructureKind::Gcn
        } else {
            StructureKind::None
        };
        let options = TextPropagationOptions {
            features,
            node_size: hyperparameters.node_size,
            dropout: hyperparameters.projection_dropout,
            structure: structure(hyperparameters, kind),
            initialization: settings.init,
        };
        let propagation = TextPropagation::new(parameters, inputs.hierarchy, options)?;
        let width = labels * hyperparameters.node_size;
        let classifier = FlatClassifier::new(
            parameters,
            width,
            labels,
            &hyperparameters.classifier,
            settings.init,
        )?;
        let wanted = inputs.purpose == Purpose::Training && hyperparameters.matching.is_on();
        let branch = wanted
            .then(|| {
                parameters.for_training(|parameters| {
                    Branch::new(parameters, hyperparameters, inputs, width, features)
                })
            })
            .transpose()?;
        Ok(Self {
            encoder,
            propagation,
            classifier,
            branch,
        })
    }

    /// The labels' vectors of texts, side by side: `[documents, L · node_size]`.
    fn nodes(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.propagation
            .forward(pass, &features(&self.encoder, pass, batch))
    }

    pub(crate) fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.classifier.forward(pass, &self.nodes(pass, batch))
    }

    /// `gold`: `[documents, L]`.
    pub(crate) fn losses(
        &self,
        pass: &Pass,
        batch: &Batch,
        gold: &Tensor,
        hyperparameters: &Hyperparameters,
    ) -> Losses {
        // Classifier and matching read them.
        let nodes = pass.leaf(&self.nodes(pass, batch));
        let logits = self.classifier.forward(pass, &nodes);
        let classification =
            binary_cross_entropy(&logits, gold, hyperparameters.classifier.bce_reduction);
        let mut losses = Losses {
            total: classification.shallow_clone(),
            terms: vec![("classification", classification)],
        };
        if let Some(branch) = &self.branch {
            let (total, terms) = branch
                .matching
                .losses(pass, batch, &nodes, &branch.labels(pass));
            losses.total = &losses.total + total;
            losses.terms.extend(terms);
        }
        losses
    }

    pub(crate) fn prepare(
        &mut self,
        corpus: &Prepared<'_>,
        representation: LabelRepr,
    ) -> Result<(), KitError> {
        let words = self.encoder.table().map(Rc::as_ref);
        let (Some(branch), Some(words)) = (&mut self.branch, words) else {
            return Ok(());
        };
        branch.batches_per_epoch = corpus.batches_per_epoch.max(1);
        match representation {
            LabelRepr::DescEncoder => branch.texts = Some(label_texts(corpus)),
            LabelRepr::NameGloveMean => corpus.name_vectors(words, &branch.inputs)?,
        }
        Ok(())
    }

    pub(crate) fn table(&self) -> Option<&WordTable> {
        self.encoder.table().map(Rc::as_ref)
    }

    /// Reads the labels' texts anew where it is time.
    pub(crate) fn before_step(&self, moment: Moment) {
        let Some(branch) = &self.branch else { return };
        let Some(texts) = &branch.texts else { return };
        if !branch.is_due(moment) {
            return;
        }
        let _guard = tch::no_grad_guard();
        let labels: Vec<usize> = (0..texts.len()).collect();
        for (number, members) in (0_u64..).zip(labels.chunks(TEXTS)) {
            // Dropout is on, as in training.
            let pass = Pass::training(Moment {
                stage: moment.stage + READING + number,
                ..moment
            });
            let batch = Batch::new(texts, members, branch.groups);
            let read = features(&self.encoder, &pass, &batch).detach();
            for (row, label) in (0..).zip(&batch.documents) {
                branch
                    .inputs
                    .detach()
                    .get(*label as i64)
                    .copy_(&read.get(row));
            }
        }
    }

    pub(crate) fn into_trained(self, precision: Precision) -> TrainedClassification {
        TrainedClassification {
            encoder: self.encoder.into_trained(precision),
            propagation: self.propagation.into_trained(),
            classifier: self.classifier.into_trained(),
        }
    }
}

/// `[documents, features]`
fn features(encoder: &TextEncoder, pass: &Pass, batch: &Batch) -> Tensor {
    match encoder.forward(pass, batch) {
        Text::Features(features) | Text::States(features) => features,
    }
}

impl Branch {
    fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        inputs: Inputs<'_>,
        text_width: i64,
        features: i64,
    ) -> Result<Self, KitError> {
        let labels = inputs.hierarchy.n_labels() as i64;
        let (width, vectors) = match hyperparameters.matching.label_repr {
            LabelRepr::DescEncoder => {
                let vectors = parameters.add_computed("matching.labels", &[labels, features])?;
                (features, vectors)
            }
            LabelRepr::NameGloveMean => {
                let width = inputs.word_size;
                let start = Initializer::kaiming_uniform(width);
                let vectors = parameters.add("matching.labels", &[labels, width], &start)?;
                (width, vectors)
            }
        };
        Ok(Self {
            matching: Matching::new(
                parameters,
                inputs.hierarchy,
                &hyperparameters.matching,
                LabelSets::Closed,
                [text_width, width],
            )?,
            inputs: vectors,
            structure: StructureEncoder::new(
                parameters,
                "matching.",
                inputs.hierarchy,
                width,
                &structure(hyperparameters, StructureKind::Gcn),
            )?,
            texts: None,
            refresh: hyperparameters.matching.label_refresh_steps.max(1),
            accumulate: hyperparameters.training.accumulate.max(1) as u64,
            batches_per_epoch: 1,
            groups: parameters.groups(),
        })
    }

    /// Whether labels are to be read before a batch: before the first one of an epoch and of every so many updates. The
    /// last update of an epoch may have fewer batches than others.
    fn is_due(&self, moment: Moment) -> bool {
        let batch = moment.step % self.batches_per_epoch;
        batch.is_multiple_of(self.accumulate * self.refresh)
    }

    /// `[L, d]`
    fn labels(&self, pass: &Pass) -> Tensor {
        self.structure
            .forward(pass, &self.inputs, 0.0)
            .squeeze_dim(0)
    }
}

impl TrainedClassification {
    /// `[documents, L]`
    pub(crate) fn scores(&self, batch: &Batch) -> Tensor {
        let pass = Pass::evaluation();
        let nodes = self
            .propagation
            .forward(&pass, &features(&self.encoder, &pass, batch));
        self.classifier.forward(&nodes).sigmoid()
    }
}
