//! Groups of hyperparameters that several methods have, each with the defaults of `HiAGM` (METHODS 2.7), their schema and
//! their presets.
//!
//! A method's hyperparameters flatten the groups it has: in JSON the keys stand side by side. What a group means is
//! the business of the block that takes it.

pub mod presets;
pub mod schema;

use serde::{Deserialize, Serialize};

use crate::blocks::{
    BceReduction, ConvolutionTail, DropoutSite, EdgeStart, GcnOptions, Initialization, Precision,
    Propagation, StructureKind, StructureOptions, TopDownIndex, TreeLstmOptions,
};
use crate::pretrained::{BertConfig, TrainingPrecision};
use crate::text::{Cleaning, LongText, StopWords};
use crate::training::{BadEpoch, Select};

/// How texts become words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSettings {
    pub cleaning: Cleaning,
    pub stop_words: StopWords,
    /// Words after these many are not read.
    pub max_length: usize,
    /// Times that a word must occur.
    pub min_freq: u64,
    pub max_vocab: usize,
    pub vocabulary_from: CountedFrom,
    /// Width of word vectors; a word-vector file's own width goes first.
    pub word_size: i64,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            cleaning: Cleaning::Words,
            stop_words: StopWords::English,
            max_length: 256,
            min_freq: 5,
            max_vocab: 50_000,
            vocabulary_from: CountedFrom::Train,
            word_size: 300,
        }
    }
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    /// 0 = what suits the network, see [`TrainingSettings::rate`].
    pub learning_rate: f64,
    /// 0 = what suits the network, see [`TrainingSettings::documents`].
    pub batch_size: usize,
    /// Batches of one update.
    pub accumulate: usize,
    /// 0 = from the number of documents and the budget.
    pub epochs: u32,
    pub budget: Budget,
    /// Bad epochs in a row; 0 = never stop early.
    pub patience: u32,
    pub stop_rule: BadEpoch,
    pub schedule: TrainSchedule,
    /// Updates over which the learning rate rises; at most a tenth of all is used.
    pub warmup_steps: u64,
    pub select: Select,
    pub threshold: f32,
    pub adam_eps: f64,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            learning_rate: 0.0,
            batch_size: 0,
            accumulate: 1,
            epochs: 0,
            budget: Budget::Balanced,
            patience: 6,
            stop_rule: BadEpoch::NotBetter,
            schedule: TrainSchedule::Auto,
            warmup_steps: 0,
            select: Select::MacroF1,
            threshold: 0.5,
            adam_eps: 1e-8,
        }
    }
}

impl TrainingSettings {
    /// The learning rate. Unless chosen, 1e-3 for networks over words; a pretrained encoder forgets what it knows at
    /// such rates, the larger ones sooner.
    #[must_use]
    pub fn rate(&self, encoder: Option<&BertConfig>) -> f64 {
        match encoder {
            _ if self.learning_rate > 0.0 => self.learning_rate,
            None => 1e-3,
            Some(config) if config.hidden_size <= 512 => 1e-4,
            Some(_) => 3e-5,
        }
    }

    /// Documents of a batch. Unless chosen, 64 for networks over words, 12 with a pretrained encoder as in the papers.
    #[must_use]
    pub fn documents(&self, pretrained: bool) -> usize {
        match (self.batch_size, pretrained) {
            (0, false) => 64,
            (0, true) => 12,
            (chosen, _) => chosen,
        }
    }
}

/// What reads texts in methods that can do with words or with a pretrained encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderKind {
    /// A recurrent network with convolutions over words.
    #[default]
    Rcnn,
    /// The pretrained encoder of the request.
    Bert,
}

/// How a pretrained encoder reads and is tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainedSettings {
    pub long_text: LongText,
    /// At every place where the encoder has dropout.
    pub encoder_dropout: f64,
    /// Decoupled decay of its weights.
    pub weight_decay: f64,
    /// Gradients are scaled down to this norm; 0 = never.
    pub clip_norm: f64,
    /// Arithmetic of prediction on a processor.
    pub precision: Precision,
    /// Arithmetic of training.
    pub training_precision: TrainingPrecision,
    /// Whether training computes the insides of layers twice instead of keeping them.
    pub gradient_checkpointing: bool,
}

impl PretrainedSettings {
    /// The encoder's configuration with these settings in place of its own.
    #[must_use]
    pub fn applied_to(&self, config: &BertConfig) -> BertConfig {
        BertConfig {
            hidden_dropout_prob: self.encoder_dropout,
            attention_probs_dropout_prob: self.encoder_dropout,
            gradient_checkpointing: self.gradient_checkpointing,
            training_precision: self.training_precision,
            ..config.clone()
        }
    }
}

impl Default for PretrainedSettings {
    fn default() -> Self {
        Self {
            long_text: LongText::Head,
            encoder_dropout: 0.1,
            weight_decay: 0.01,
            clip_norm: 1.0,
            precision: Precision::Single,
            training_precision: TrainingPrecision::Auto,
            gradient_checkpointing: false,
        }
    }
}

/// Sizes and rates of the text encoders (METHODS 1.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncoderSettings {
    /// GRU units of one direction.
    pub rnn_hidden: i64,
    /// Channels of each convolution.
    pub num_kernels: i64,
    pub kernel_sizes: Vec<usize>,
    /// Highest values kept of each channel.
    pub top_k: i64,
    pub conv_tail: ConvolutionTail,
    pub embedding_dropout: f64,
    pub rnn_dropout: f64,
    pub init: Initialization,
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self {
            rnn_hidden: 64,
            num_kernels: 100,
            kernel_sizes: vec![2, 3, 4],
            top_k: 1,
            conv_tail: ConvolutionTail::Masked,
            embedding_dropout: 0.5,
            rnn_dropout: 0.1,
            init: Initialization::TorchDefault,
        }
    }
}

impl EncoderSettings {
    /// Features of a text after the convolutions.
    #[must_use]
    pub fn features(&self) -> i64 {
        self.num_kernels * self.kernel_sizes.len() as i64 * self.top_k
    }

    /// Refuses a width of the labels' vectors that does not cut the features of a text into vectors as wide; `key` is
    /// the hyperparameter that says it.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check_vectors(&self, key: &str, width: i64) -> Result<(), String> {
        let features = self.features();
        if features % width != 0 {
            return Err(format!(
                "{key} is {width}; it must divide the {features} features of the text (num_kernels times kernel sizes times top_k)"
            ));
        }
        Ok(())
    }

    /// Refuses a width of the labels' vectors that is not that of the tokens' states; `key` is the hyperparameter that
    /// says it.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check_states(&self, key: &str, width: i64) -> Result<(), String> {
        let states = 2 * self.rnn_hidden;
        if states != width {
            return Err(format!(
                "{key} is {width}; for labels that attend over tokens it must be twice rnn_hidden, {states}"
            ));
        }
        Ok(())
    }

    /// Refuses what the schema cannot.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), String> {
        if self.kernel_sizes.is_empty() || self.kernel_sizes.contains(&0) {
            return Err("kernel_sizes needs at least one size, each of 1 or more".to_owned());
        }
        Ok(())
    }
}

/// Messages along the tree, and what their weights start from (METHODS 1.6, 1.7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphSettings {
    pub gcn_layers: usize,
    pub prior_top_down: EdgeStart,
    pub prior_bottom_up: EdgeStart,
    pub prior_trainable: bool,
    /// Splits whose label sets the priors are counted on.
    pub prior_from: CountedFrom,
    pub propagation: Propagation,
    pub edge_wise: bool,
    pub node_dropout: f64,
}

impl Default for GraphSettings {
    fn default() -> Self {
        Self {
            gcn_layers: 1,
            prior_top_down: EdgeStart::Prior,
            prior_bottom_up: EdgeStart::One,
            prior_trainable: true,
            prior_from: CountedFrom::Train,
            propagation: Propagation::Hierarchy,
            edge_wise: false,
            node_dropout: 0.05,
        }
    }
}

impl GraphSettings {
    /// Refuses choices that have no effect beside `edge_wise`.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), String> {
        if !self.edge_wise {
            return Ok(());
        }
        let mut chosen = self.of_weights();
        if self.propagation != Propagation::Hierarchy {
            chosen.push("propagation");
        }
        refuse("edge_wise", &chosen)
    }

    /// What is chosen of a graph convolution's messages other than the default.
    fn of_messages(&self) -> Vec<&'static str> {
        let default = Self::default();
        chosen(&[
            ("gcn_layers", self.gcn_layers != default.gcn_layers),
            ("edge_wise", self.edge_wise != default.edge_wise),
            ("propagation", self.propagation != default.propagation),
        ])
    }

    /// What is chosen of the weights of edges other than the default.
    fn of_weights(&self) -> Vec<&'static str> {
        let default = Self::default();
        chosen(&[
            (
                "prior_top_down",
                self.prior_top_down != default.prior_top_down,
            ),
            (
                "prior_bottom_up",
                self.prior_bottom_up != default.prior_bottom_up,
            ),
            (
                "prior_trainable",
                self.prior_trainable != default.prior_trainable,
            ),
        ])
    }

    #[must_use]
    pub fn options(&self) -> GcnOptions {
        GcnOptions {
            layers: self.gcn_layers,
            prior_top_down: self.prior_top_down,
            prior_bottom_up: self.prior_bottom_up,
            prior_trainable: self.prior_trainable,
            propagation: self.propagation,
            edge_wise: self.edge_wise,
            dropout: self.node_dropout,
        }
    }
}

/// Names of those that are so.
fn chosen(options: &[(&'static str, bool)]) -> Vec<&'static str> {
    let names = options.iter().filter(|(_, is_chosen)| *is_chosen);
    names.map(|(name, _)| *name).collect()
}

/// Refuses options that would change nothing.
fn refuse(beside: &str, without_effect: &[&str]) -> Result<(), String> {
    if without_effect.is_empty() {
        return Ok(());
    }
    Err(format!(
        "with {beside}, {} would change nothing: leave the default",
        without_effect.join(", ")
    ))
}

/// Which structure encoder, and its options (METHODS 1.7, 1.8).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StructureSettings {
    pub structure: StructureKind,
    #[serde(flatten)]
    pub graph: GraphSettings,
    pub tree_td_index: TopDownIndex,
}

impl StructureSettings {
    #[must_use]
    pub fn options(&self, initialization: Initialization) -> StructureOptions {
        StructureOptions {
            kind: self.structure,
            gcn: self.graph.options(),
            tree_lstm: TreeLstmOptions {
                top_down_index: self.tree_td_index,
                prior_top_down: self.graph.prior_top_down,
                prior_bottom_up: self.graph.prior_bottom_up,
                prior_trainable: self.graph.prior_trainable,
                dropout: self.graph.node_dropout,
                initialization,
            },
        }
    }

    /// Refuses a width that the structure encoder cannot have, and choices that it would not look at; `key` is the
    /// hyperparameter that says the width.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self, key: &str, width: i64) -> Result<(), String> {
        match self.structure {
            StructureKind::Gcn => self.graph.check(),
            StructureKind::TreeLstm if width % 2 != 0 => Err(format!(
                "{key} is {width}; with structure tree_lstm it must be even"
            )),
            StructureKind::TreeLstm => refuse("structure tree_lstm", &self.graph.of_messages()),
            StructureKind::None => {
                let mut chosen = self.graph.of_messages();
                chosen.extend(self.graph.of_weights());
                refuse("structure none", &chosen)
            }
        }
    }
}

/// The linear layer onto labels, and its loss (METHODS 1.9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassifierSettings {
    pub classifier_dropout: f64,
    pub classifier_dropout_site: DropoutSite,
    pub bce_reduction: BceReduction,
}

impl Default for ClassifierSettings {
    fn default() -> Self {
        Self {
            classifier_dropout: 0.5,
            classifier_dropout_site: DropoutSite::Logits,
            bce_reduction: BceReduction::Mean,
        }
    }
}

/// The pull of a label's weights towards its parent's (METHODS 1.9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecursiveSettings {
    pub recursive_reg: bool,
    pub lambda_rec: f64,
}

impl Default for RecursiveSettings {
    fn default() -> Self {
        Self {
            recursive_reg: true,
            lambda_rec: 1e-6,
        }
    }
}

/// How much training is spent when `epochs` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    Fast,
    #[default]
    Balanced,
    Best,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainSchedule {
    /// Constant for networks over words; with a pretrained encoder the method's own, warmed up for a tenth of all updates.
    #[default]
    Auto,
    Constant,
    /// Falls to 0 at the last epoch.
    Linear,
}

/// Which splits something is counted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedFrom {
    #[default]
    Train,
    TrainValidation,
}
