//! The network: text encoder, projection onto labels, structure encoder, classifier (METHODS 2.1).

use std::rc::Rc;

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    CompiledTextRcnn, FlatClassifier, Gcn, GcnOptions, Linear, TextRcnn, TextRcnnOptions, TreeLstm,
    TreeLstmOptions, binary_cross_entropy, recursive_regularization,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::training::{Losses, Predicted, Trainable};
use arborist_model_kit::word_table::WordTable;
use tch::Tensor;

use crate::hyperparameters::{Hyperparameters, Structure, Variant};

/// Half the width of the words' first values (METHODS 1.4).
const WORD_BOUND: f64 = 0.25;

/// The network in training.
pub struct Network {
    parameters: Parameters,
    table: Rc<WordTable>,
    encoder: TextRcnn,
    head: Head,
    hierarchy: Hierarchy,
    hyperparameters: Hyperparameters,
}

/// What makes logits of a text's features.
enum Head {
    TextPropagation(TextPropagation),
}

/// TP: one vector per label, propagated along the tree.
struct TextPropagation {
    /// `[L · node_size, features]`, label by label.
    projection: Linear,
    structure: StructureEncoder,
    classifier: FlatClassifier,
    labels: i64,
    node_size: i64,
    dropout: f64,
}

enum StructureEncoder {
    Gcn(Gcn),
    TreeLstm(TreeLstm),
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
        let head = match hyperparameters.variant {
            Variant::Tp => Head::TextPropagation(TextPropagation::new(
                &mut parameters,
                hyperparameters,
                hierarchy,
                encoder.features(),
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

    /// The word table, for vectors that come from a file.
    #[must_use]
    pub fn table(&self) -> &WordTable {
        &self.table
    }

    /// Logits `[documents, L]`.
    pub fn logits(&self, pass: &Pass, batch: &Batch) -> Tensor {
        self.head.forward(pass, &self.encoder.forward(pass, batch))
    }

    /// What the structure encoder gets: the projected text, one vector per label, `[documents, L, node_size]`.
    pub fn node_inputs(&self, pass: &Pass, batch: &Batch) -> Tensor {
        match &self.head {
            Head::TextPropagation(head) => head
                .node_inputs(pass, &self.encoder.forward(pass, batch))
                .view([-1, head.labels, head.node_size]),
        }
    }

    /// The network for prediction, without what only training needs.
    #[must_use]
    pub fn into_trained(self) -> TrainedNetwork {
        let encoder = match self.encoder.compile() {
            Some(compiled) => Encoder::Compiled(compiled),
            None => Encoder::Plain(self.encoder),
        };
        TrainedNetwork {
            encoder,
            head: self.head,
            n_labels: self.hierarchy.n_labels(),
        }
    }
}

impl Head {
    fn forward(&self, pass: &Pass, features: &Tensor) -> Tensor {
        match self {
            Self::TextPropagation(head) => head.forward(pass, features),
        }
    }

    /// Weights of the classifier, one row per label.
    fn classifier_weight(&self) -> &Tensor {
        match self {
            Self::TextPropagation(head) => head.classifier.weight(),
        }
    }
}

impl TextPropagation {
    fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        hierarchy: &Hierarchy,
        features: i64,
    ) -> Result<Self, KitError> {
        let (labels, node_size) = (hierarchy.n_labels() as i64, hyperparameters.node_size);
        let projection = Linear::new(
            parameters,
            "projection",
            features,
            labels * node_size,
            hyperparameters.init,
        )?;
        let structure = match hyperparameters.structure {
            Structure::Gcn => {
                let options = GcnOptions {
                    layers: hyperparameters.gcn_layers,
                    prior_top_down: hyperparameters.prior_top_down,
                    prior_bottom_up: hyperparameters.prior_bottom_up,
                    prior_trainable: hyperparameters.prior_trainable,
                    propagation: hyperparameters.propagation,
                    edge_wise: hyperparameters.edge_wise,
                    dropout: hyperparameters.node_dropout,
                };
                StructureEncoder::Gcn(Gcn::new(parameters, "gcn", hierarchy, node_size, options)?)
            }
            Structure::TreeLstm => {
                let options = TreeLstmOptions {
                    top_down_index: hyperparameters.tree_td_index,
                    prior_trainable: hyperparameters.prior_trainable,
                    dropout: hyperparameters.node_dropout,
                    initialization: hyperparameters.init,
                };
                StructureEncoder::TreeLstm(TreeLstm::new(
                    parameters,
                    "tree_lstm",
                    hierarchy,
                    node_size,
                    options,
                )?)
            }
        };
        let classifier = FlatClassifier::new(
            parameters,
            labels * node_size,
            labels,
            hyperparameters.classifier_dropout,
            hyperparameters.classifier_dropout_site,
            hyperparameters.init,
        )?;
        Ok(Self {
            projection,
            structure,
            classifier,
            labels,
            node_size,
            dropout: hyperparameters.projection_dropout,
        })
    }

    /// `[documents, L · node_size]`
    fn node_inputs(&self, pass: &Pass, features: &Tensor) -> Tensor {
        self.projection.forward_recorded(pass, features)
    }

    /// `features`: `[documents, features]`; result: logits `[documents, L]`.
    fn forward(&self, pass: &Pass, features: &Tensor) -> Tensor {
        let nodes = self.node_inputs(pass, features);
        let nodes = match &self.structure {
            StructureEncoder::Gcn(gcn) => gcn.forward(pass, &nodes, self.dropout),
            StructureEncoder::TreeLstm(tree) => tree.forward(
                pass,
                &pass.dropout(&nodes.view([-1, self.labels, self.node_size]), self.dropout),
            ),
        };
        self.classifier
            .forward(pass, &nodes.view([-1, self.labels * self.node_size]))
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

/// The network in prediction.
pub struct TrainedNetwork {
    encoder: Encoder,
    head: Head,
    n_labels: usize,
}

enum Encoder {
    Compiled(CompiledTextRcnn),
    Plain(TextRcnn),
}

impl TrainedNetwork {
    #[must_use]
    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    /// Scores `[documents, L]`, each from 0 to 1. Call it without gradients.
    pub fn scores(&self, batch: &Batch) -> Tensor {
        let pass = Pass::evaluation();
        let features = match &self.encoder {
            Encoder::Compiled(encoder) => encoder.forward(batch),
            Encoder::Plain(encoder) => encoder.forward(&pass, batch),
        };
        self.head.forward(&pass, &features).sigmoid()
    }
}
