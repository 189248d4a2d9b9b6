//! What the methods share beyond layers: from a request to a checkpoint, and from a checkpoint to scores.
//!
//! A method is a [`TextNetwork`] and its hyperparameters: the vocabulary and word vectors, or the pretrained encoder, the
//! plan of the training and the batches of a prediction are the same for all. What a method deliberately keeps for
//! itself: its layers, its losses, its presets, and what it needs in memory.

mod budget;
mod checkpoint;
mod corpus;
mod model;
mod plan;
mod train;

use std::fmt::Debug;
use std::path::Path;
use std::rc::Rc;

use arborist_plugin_api::{Host, LabelIndex};
use arborist_shared::taxonomy::Taxonomy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::Tensor;

use crate::batch::{Batch, EncodedDocuments};
use crate::blocks::{Precision, Reading, TextEncoder};
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pretrained::BertConfig;
use crate::settings::{
    CountedFrom, EncoderKind, EncoderSettings, PretrainedSettings, TextSettings, TrainSchedule,
    TrainingSettings,
};
use crate::structure::Hierarchy;
use crate::text::Reader;
use crate::training::{Predicted, Trainable};
use crate::word_table::WordTable;

pub use self::model::TextModel;
pub use self::train::train;

/// Hyperparameters of a method.
pub trait TextHyperparameters: Debug + Clone + Serialize + DeserializeOwned {
    /// What reads the texts.
    fn source(&self) -> Source<'_>;

    /// How the network is trained.
    fn training(&self) -> &TrainingSettings;

    /// What `schedule=auto` stands for with a pretrained encoder, after the warm-up.
    fn schedule(&self) -> TrainSchedule {
        TrainSchedule::Linear
    }

    /// When the network is evaluated besides the end of each epoch.
    fn evaluation(&self) -> Evaluation {
        Evaluation::default()
    }

    /// Updates of the training, where they are chosen instead of epochs; 0 = they are not.
    fn updates(&self) -> u64 {
        0
    }

    /// Positions of a pretrained encoder that texts must leave, in a taxonomy of so many levels.
    fn reserved(&self, levels: usize) -> usize {
        let _ = levels;
        0
    }

    /// Splits whose label sets the priors are counted on.
    fn prior_from(&self) -> CountedFrom {
        CountedFrom::Train
    }

    /// The labels of a document that are gold.
    fn label_sets(&self) -> LabelSets {
        LabelSets::Closed
    }

    /// Width of a label's vector in prediction: what bounds a batch besides its documents.
    fn label_width(&self) -> usize;
}

/// Evaluations within epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Updates between two of them; 0 = none.
    pub every: u64,
    /// Epochs that go by before the first.
    pub from_epoch: u32,
}

/// What reads the texts.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Words, with vectors of their own.
    Words(&'a TextSettings),
    /// The encoder of the request.
    Pretrained {
        /// Word pieces that are read.
        max_length: usize,
        settings: &'a PretrainedSettings,
    },
}

impl<'a> Source<'a> {
    /// What methods read with that can do with either; `max_length` of the words is that of the pieces as well.
    #[must_use]
    pub fn of(
        encoder: EncoderKind,
        words: &'a TextSettings,
        pretrained: &'a PretrainedSettings,
    ) -> Self {
        match encoder {
            EncoderKind::Rcnn => Self::Words(words),
            EncoderKind::Bert => Self::Pretrained {
                max_length: words.max_length,
                settings: pretrained,
            },
        }
    }

    #[must_use]
    pub fn is_pretrained(self) -> bool {
        matches!(self, Self::Pretrained { .. })
    }
}

/// Which labels of a document are gold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSets {
    /// Those that it was given and all their ancestors.
    Closed,
    /// Those that it was given.
    Explicit,
}

/// What a network is built for.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    pub hierarchy: &'a Hierarchy,
    /// Ids of the vocabulary, the last two of which are padding and unknown; or pieces of the encoder.
    pub words: usize,
    /// Width of a word vector.
    pub word_size: i64,
    /// Sizes of the pretrained encoder, if the texts are read by one.
    pub encoder: Option<&'a BertConfig>,
    /// Tokens of a text at most.
    pub max_length: usize,
    pub purpose: Purpose,
}

/// The corpus of a training.
#[derive(Clone, Copy)]
pub struct Prepared<'a> {
    pub taxonomy: &'a Taxonomy,
    pub hierarchy: &'a Hierarchy,
    pub reader: &'a Reader,
    pub train: &'a EncodedDocuments,
    /// Forward passes of an epoch: several of them may make an update.
    pub batches_per_epoch: u64,
    pub seed: u64,
    /// Where a stage before the training may keep its own state.
    pub checkpoint: &'a Path,
    pub host: &'a Host<'a>,
}

/// Words of a label's name that are looked at.
const NAME_WORDS: usize = 15;

impl Prepared<'_> {
    /// Writes the mean of the word vectors of each label's name into its row of `labels`, `[L, d]`: of its words of two
    /// letters or more that are known. Rows of labels without any stay.
    ///
    /// # Errors
    /// When words and labels are not equally wide.
    pub fn name_vectors(&self, words: &WordTable, labels: &Tensor) -> Result<(), KitError> {
        if words.width() != labels.size()[1] {
            return Err(KitError::Input(format!(
                "word vectors have {} values, labels' vectors {}; labels that start from their names need as many",
                words.width(),
                labels.size()[1]
            )));
        }
        tch::no_grad(|| {
            for label in self.taxonomy.indexes() {
                let ids = self.reader.name(self.taxonomy.name(label), NAME_WORDS);
                if ids.is_empty() {
                    continue;
                }
                let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
                let rows = words
                    .values()
                    .index_select(0, &Tensor::from_slice(&ids).to_device(labels.device()));
                labels.detach().get(i64::from(label)).copy_(&rows.mean_dim(
                    0_i64,
                    false,
                    rows.kind(),
                ));
            }
        });
        Ok(())
    }
}

/// What a network is built to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Training,
    /// From a checkpoint that has no parameters but those that prediction needs.
    Prediction,
}

impl Inputs<'_> {
    /// Adds the table of word vectors: random in ±¼, the padding's zero (METHODS 1.4).
    ///
    /// # Errors
    /// When the checkpoint does not have it in this shape.
    pub fn word_table(&self, parameters: &mut Parameters) -> Result<Rc<WordTable>, KitError> {
        let padding = self.words.checked_sub(2).map(|row| row as u32);
        parameters.add_table(
            "words",
            [self.words as i64, self.word_size],
            &Initializer::Uniform(0.25),
            padding,
        )
    }

    /// Adds what reads the texts: a network over words, or the pretrained encoder.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn text_encoder(
        &self,
        parameters: &mut Parameters,
        reading: Reading,
        settings: &EncoderSettings,
    ) -> Result<TextEncoder, KitError> {
        if let Some(config) = self.encoder {
            return TextEncoder::pretrained(parameters, config, reading);
        }
        let table = self.word_table(parameters)?;
        TextEncoder::new(parameters, &table, reading, settings, self.max_length)
    }
}

/// A network in training.
pub trait TextNetwork: Trainable + Sized + 'static {
    type Hyperparameters: TextHyperparameters;
    type Trained: TrainedNetwork + 'static;

    /// Name of the method, which names the checkpoint's description as well.
    const NAME: &'static str;

    /// Whether labels with several parents are reduced to their first one. The host says so of a method that declares
    /// `tree`, and a method that declares `dag` has to.
    fn works_on_trees(hyperparameters: &Self::Hyperparameters) -> bool {
        let _ = hyperparameters;
        true
    }

    /// Builds the network: parameters start from their initializers or come from a checkpoint.
    ///
    /// # Errors
    /// When the checkpoint does not fit.
    fn build(
        parameters: Parameters,
        hyperparameters: &Self::Hyperparameters,
        inputs: Inputs<'_>,
    ) -> Result<Self, KitError>;

    /// The vectors of words or pieces.
    fn table(&self) -> Option<&WordTable>;

    /// Looks at the corpus once before training begins: word vectors are in the table, weights are new or those of an
    /// interrupted training come afterwards.
    ///
    /// # Errors
    /// When the network cannot be trained on it.
    fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let _ = corpus;
        Ok(())
    }

    /// Called when training has ended and the kept weights are in place: writes what a trained model offers besides
    /// scores into the checkpoint.
    ///
    /// # Errors
    /// When a file cannot be written.
    fn finish(&self, checkpoint: &Path) -> Result<(), KitError> {
        let _ = checkpoint;
        Ok(())
    }

    /// The network for prediction, without what only training needs. `precision` is that of a pretrained encoder.
    fn into_trained(self, precision: Precision) -> Self::Trained;
}

/// A network in prediction.
pub trait TrainedNetwork {
    /// Number of labels: width of the scores.
    fn n_labels(&self) -> usize;

    /// Scores `[documents, L]`, each from 0 to 1. Called without gradients.
    fn scores(&self, batch: &Batch) -> Tensor;

    /// Scores, and label sets where the method decides in its own way. Called without gradients.
    fn predict(&self, batch: &Batch) -> Predicted {
        Predicted {
            scores: self.scores(batch),
            decided: None,
        }
    }

    /// Reads what [`TextNetwork::finish`] left in the checkpoint.
    ///
    /// # Errors
    /// When it cannot be read.
    fn complete(&mut self, checkpoint: &Path) -> Result<(), KitError> {
        let _ = checkpoint;
        Ok(())
    }

    /// How much each token of the only document of a batch speaks for a label; none where the method cannot say.
    fn evidence(&self, batch: &Batch, label: LabelIndex) -> Option<Vec<f32>> {
        let _ = (batch, label);
        None
    }
}
