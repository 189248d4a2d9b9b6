//! What the methods over words share beyond layers: from a request to a checkpoint, and from a checkpoint to scores.
//!
//! A method is a [`WordNetwork`] and its hyperparameters: the vocabulary, the word vectors, the plan of the training
//! and the batches of a prediction are the same for all. What a method deliberately keeps for itself: its layers, its
//! losses, its presets, and what it needs in memory.

mod budget;
mod checkpoint;
mod corpus;
mod model;
mod train;

use std::fmt::Debug;
use std::rc::Rc;

use arborist_shared::taxonomy::Taxonomy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::Tensor;

use crate::batch::{Batch, EncodedDocuments};
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::settings::{CountedFrom, TextSettings, TrainingSettings};
use crate::structure::Hierarchy;
use crate::text::TextPipeline;
use crate::training::Trainable;
use crate::word_table::WordTable;

pub use self::model::WordModel;
pub use self::train::train;

/// Hyperparameters of a method over words.
pub trait WordHyperparameters: Debug + Clone + Serialize + DeserializeOwned {
    /// How texts become words.
    fn text(&self) -> &TextSettings;

    /// How the network is trained.
    fn training(&self) -> &TrainingSettings;

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
    /// Ids of the vocabulary, the last two of which are padding and unknown.
    pub words: usize,
    /// Width of a word vector.
    pub word_size: i64,
    pub purpose: Purpose,
}

/// The corpus of a training.
#[derive(Clone, Copy, Debug)]
pub struct Prepared<'a> {
    pub taxonomy: &'a Taxonomy,
    pub hierarchy: &'a Hierarchy,
    pub pipeline: &'a TextPipeline,
    pub train: &'a EncodedDocuments,
    pub updates_per_epoch: u64,
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
        let vocabulary = self.pipeline.vocabulary();
        tch::no_grad(|| {
            for label in self.taxonomy.indexes() {
                let mut ids = Vec::new();
                self.pipeline
                    .options()
                    .for_each_word(self.taxonomy.name(label), |word| {
                        if word.chars().nth(1).is_some() {
                            ids.extend(vocabulary.known_id(word).map(i64::from));
                        }
                    });
                ids.truncate(NAME_WORDS);
                if ids.is_empty() {
                    continue;
                }
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
}

/// A network over words, in training.
pub trait WordNetwork: Trainable + Sized + 'static {
    type Hyperparameters: WordHyperparameters;
    type Trained: TrainedNetwork + 'static;

    /// Name of the method, which names the checkpoint's description as well.
    const NAME: &'static str;

    /// Whether labels with several parents are reduced to their first one.
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

    /// The word table, for vectors that come from a file.
    fn table(&self) -> &WordTable;

    /// Looks at the corpus once before training begins: word vectors are in the table, weights are new or those of an
    /// interrupted training come afterwards.
    ///
    /// # Errors
    /// When the network cannot be trained on it.
    fn prepare(&mut self, corpus: &Prepared<'_>) -> Result<(), KitError> {
        let _ = corpus;
        Ok(())
    }

    /// The network for prediction, without what only training needs.
    fn into_trained(self) -> Self::Trained;
}

/// A network in prediction.
pub trait TrainedNetwork {
    /// Number of labels: width of the scores.
    fn n_labels(&self) -> usize;

    /// Scores `[documents, L]`, each from 0 to 1. Called without gradients.
    fn scores(&self, batch: &Batch) -> Tensor;
}
