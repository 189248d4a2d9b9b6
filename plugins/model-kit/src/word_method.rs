//! What the methods over words share beyond layers: from a request to a checkpoint, and from a checkpoint to scores.
//!
//! A method is a [`WordNetwork`] and its hyperparameters: the vocabulary, the word vectors, the plan of the training
//! and the batches of a prediction are the same for all. What a method deliberately keeps for itself: its layers, its
//! losses, its presets, and what it needs in memory.

mod budget;
mod checkpoint;
mod corpus;
mod model;
pub mod schema;
mod settings;
mod train;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tch::Tensor;

use crate::batch::Batch;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::structure::Hierarchy;
use crate::training::Trainable;
use crate::word_table::WordTable;

pub use self::model::WordModel;
pub use self::settings::{Budget, CountedFrom, TextSettings, TrainSchedule, TrainingSettings};
pub use self::train::train;

/// Hyperparameters of a method over words.
pub trait WordHyperparameters: Debug + Clone + Serialize + DeserializeOwned {
    /// How texts become words.
    fn text(&self) -> TextSettings;

    /// How the network is trained.
    fn training(&self) -> TrainingSettings;

    /// Splits whose label sets the priors are counted on.
    fn prior_from(&self) -> CountedFrom {
        CountedFrom::Train
    }

    /// Width of a label's vector in prediction: what bounds a batch besides its documents.
    fn label_width(&self) -> usize;
}

/// What a network is built for.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    pub hierarchy: &'a Hierarchy,
    /// Ids of the vocabulary, the last two of which are padding and unknown.
    pub words: usize,
    /// Width of a word vector.
    pub word_size: i64,
}

/// A network over words, in training.
pub trait WordNetwork: Trainable + Sized + 'static {
    type Hyperparameters: WordHyperparameters;
    type Trained: TrainedNetwork + 'static;

    /// Name of the method, which names the checkpoint's description as well.
    const NAME: &'static str;

    /// Whether labels with several parents are reduced to their first one.
    const WORKS_ON_TREES: bool = true;

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
