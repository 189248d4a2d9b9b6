//! From a text's features to logits: the variants of the method (METHODS 2.1 to 2.3).

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    FlatClassifier, GcnOptions, LabelTable, Linear, StructureEncoder, StructureOptions,
    TreeLstmOptions, attend, attend_tokens,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::structure::Hierarchy;
use tch::{Kind, Tensor};

use crate::hyperparameters::Hyperparameters;

/// What makes logits of a text.
pub(crate) enum Head {
    TextPropagation(TextPropagation),
    LabelAttention(LabelAttention),
    Flat(FlatClassifier),
}

/// What the text encoder gives.
pub(crate) enum Text {
    /// `[documents, features]`
    Features(Tensor),
    /// `[tokens, 2h]`, document after document.
    States(Tensor),
}

impl Head {
    /// `pass`, `batch` and `text` belong together; result: logits `[documents, L]`.
    pub(crate) fn forward(&self, pass: &Pass, batch: &Batch, text: &Text) -> Tensor {
        match (self, text) {
            (Self::TextPropagation(head), Text::Features(features)) => head.forward(pass, features),
            (Self::LabelAttention(head), text) => {
                let labels = head.labels(pass);
                head.forward(pass, batch, text, &labels)
            }
            (Self::Flat(classifier), Text::Features(features)) => {
                classifier.forward(pass, features)
            }
            (_, Text::States(_)) => unreachable!("only label attention reads tokens"),
        }
    }

    /// Weights of the classifier, one row per label.
    pub(crate) fn classifier_weight(&self) -> &Tensor {
        match self {
            Self::TextPropagation(head) => head.classifier.weight(),
            Self::LabelAttention(head) => head.classifier.weight(),
            Self::Flat(classifier) => classifier.weight(),
        }
    }
}

fn structure(hyperparameters: &Hyperparameters) -> StructureOptions {
    StructureOptions {
        kind: hyperparameters.structure,
        gcn: GcnOptions {
            layers: hyperparameters.gcn_layers,
            prior_top_down: hyperparameters.prior_top_down,
            prior_bottom_up: hyperparameters.prior_bottom_up,
            prior_trainable: hyperparameters.prior_trainable,
            propagation: hyperparameters.propagation,
            edge_wise: hyperparameters.edge_wise,
            dropout: hyperparameters.node_dropout,
        },
        tree_lstm: TreeLstmOptions {
            top_down_index: hyperparameters.tree_td_index,
            prior_trainable: hyperparameters.prior_trainable,
            dropout: hyperparameters.node_dropout,
            initialization: hyperparameters.init,
        },
    }
}

pub(crate) fn classifier(
    parameters: &mut Parameters,
    hyperparameters: &Hyperparameters,
    inputs: i64,
    labels: i64,
) -> Result<FlatClassifier, KitError> {
    FlatClassifier::new(
        parameters,
        inputs,
        labels,
        hyperparameters.classifier_dropout,
        hyperparameters.classifier_dropout_site,
        hyperparameters.init,
    )
}

/// TP: one vector per label, made of the text and propagated along the tree.
pub(crate) struct TextPropagation {
    /// `[L · node_size, features]`, label by label.
    projection: Linear,
    structure: StructureEncoder,
    classifier: FlatClassifier,
    labels: i64,
    node_size: i64,
    dropout: f64,
}

impl TextPropagation {
    pub(crate) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        hierarchy: &Hierarchy,
        features: i64,
    ) -> Result<Self, KitError> {
        let (labels, node_size) = (hierarchy.n_labels() as i64, hyperparameters.node_size);
        Ok(Self {
            projection: Linear::new(
                parameters,
                "projection",
                features,
                labels * node_size,
                hyperparameters.init,
            )?,
            structure: StructureEncoder::new(
                parameters,
                "",
                hierarchy,
                node_size,
                &structure(hyperparameters),
            )?,
            classifier: classifier(parameters, hyperparameters, labels * node_size, labels)?,
            labels,
            node_size,
            dropout: hyperparameters.projection_dropout,
        })
    }

    /// `[documents, L, node_size]`
    pub(crate) fn node_inputs(&self, pass: &Pass, features: &Tensor) -> Tensor {
        self.projection
            .forward_recorded(pass, features)
            .view([-1, self.labels, self.node_size])
    }

    /// `features`: `[documents, features]`; result: logits `[documents, L]`.
    fn forward(&self, pass: &Pass, features: &Tensor) -> Tensor {
        let nodes = self.projection.forward_recorded(pass, features);
        let nodes = self.structure.forward(pass, &nodes, self.dropout);
        self.classifier
            .forward(pass, &nodes.view([-1, self.labels * self.node_size]))
    }
}

/// LA: a vector per label, refined along the tree, attends over the text's vectors.
pub(crate) struct LabelAttention {
    table: Option<LabelTable>,
    /// `[L, d]`: the table's vectors once training is over, when there is no table any more.
    kept: Option<Tensor>,
    classifier: FlatClassifier,
    label_dim: i64,
    /// Whether padding takes no part in the attention over tokens.
    masked: bool,
    /// Length to which every text counts as padded outside training, so that scores do not depend on the batch.
    padded: usize,
}

impl LabelAttention {
    pub(crate) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        hierarchy: &Hierarchy,
    ) -> Result<Self, KitError> {
        let (labels, label_dim) = (hierarchy.n_labels() as i64, hyperparameters.la_label_dim);
        Ok(Self {
            table: Some(LabelTable::new(
                parameters,
                hierarchy,
                label_dim,
                &structure(hyperparameters),
                hyperparameters.label_dropout,
            )?),
            kept: None,
            classifier: classifier(parameters, hyperparameters, labels * label_dim, labels)?,
            label_dim,
            masked: hyperparameters.mask_padding_in_attention,
            padded: hyperparameters.max_length,
        })
    }

    /// Vectors of the labels, `[L, d]`.
    pub(crate) fn labels(&self, pass: &Pass) -> Tensor {
        match (&self.kept, &self.table) {
            (Some(kept), _) => kept.shallow_clone(),
            (None, Some(table)) => table.forward(pass),
            (None, None) => unreachable!("either the table or its vectors are there"),
        }
    }

    /// Keeps the labels' vectors and drops the table and its structure encoder: all that prediction needs.
    pub(crate) fn keep_labels(&mut self) {
        let kept = tch::no_grad(|| self.labels(&Pass::evaluation()));
        self.kept = Some(kept);
        self.table = None;
    }

    /// `labels`: `[L, d]`; result: logits `[documents, L]`.
    fn forward(&self, pass: &Pass, batch: &Batch, text: &Text, labels: &Tensor) -> Tensor {
        let attended = match text {
            Text::Features(features) => attend(
                &features.view([features.size()[0], -1, self.label_dim]),
                labels,
            ),
            Text::States(states) => {
                let (tokens, mask) = batch.pad_rows(states);
                let padding = self.padding(pass, batch).to_device(states.device());
                attend_tokens(&tokens, &mask, &padding, labels)
            }
        };
        self.classifier.forward(pass, &attended.flatten(1, 2))
    }

    /// `[documents]`: positions of padding that take part.
    fn padding(&self, pass: &Pass, batch: &Batch) -> Tensor {
        let longest = if pass.is_training() {
            batch.packing.longest
        } else {
            self.padded.max(batch.packing.longest)
        };
        let counts: Vec<f32> = batch
            .packing
            .lengths
            .iter()
            .map(|length| {
                if self.masked {
                    0.0
                } else {
                    (longest - length) as f32
                }
            })
            .collect();
        Tensor::from_slice(&counts).to_kind(Kind::Float)
    }
}
