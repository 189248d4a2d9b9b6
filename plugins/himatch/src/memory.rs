//! What a training needs in memory. With a classifier it grows with the number of labels squared; by dot products it is
//! what each label sees of each text of a batch.

use arborist_model_kit::memory::{self, TRAINED};
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_plugin_api::ModelError;
use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::{Hyperparameters, Scoring};

/// At 300 values per label the classifier of as many labels has 1.2 billion weights: 19 GB with gradients and moments.
const MAX_LABELS: u64 = 2_000;
/// More labels would take too long.
pub(crate) const MAX_LABELS_BY_DOT_PRODUCT: u64 = 20_000;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let node = hyperparameters.node_size as f64;
    let features = hyperparameters.rcnn.features() as f64;
    let batch = memory::documents(training, source);
    let length = hyperparameters.text.max_length as f64;
    let tokens = memory::tokens(training, source);
    let units = hyperparameters.rcnn.rnn_hidden as f64;
    // Once more for the labels' texts.
    let encoder = memory::reading(training, source, units) * 1.5;
    let joint = hyperparameters.matching.joint_dim as f64;
    let (per_label, per_label_squared) = match hyperparameters.scoring {
        Scoring::Classifier => (
            node * features * TRAINED
                + batch * node * 4.0 * 6.0
                + node * joint * TRAINED
                + length * 8.0,
            node * TRAINED + 4.0 * TRAINED,
        ),
        // Weights of attention, likeness of words, what is seen, and all with gradients.
        Scoring::DotProduct => (
            tokens * 4.0 * 6.0
                + batch * 4.0 * 4.0 * (2.0 * units + hyperparameters.text.word_size as f64),
            2.0 * TRAINED,
        ),
    };
    MemoryFormula {
        base: 3e8 + memory::reader(source) + encoder,
        per_document: 64.0,
        per_token: memory::per_token(source),
        per_label,
        per_label_squared,
    }
}

/// Refuses taxonomies that are too large.
pub(crate) fn check(hyperparameters: &Hyperparameters, labels: u64) -> Result<(), ModelError> {
    let most = match hyperparameters.scoring {
        Scoring::Classifier => MAX_LABELS,
        Scoring::DotProduct => MAX_LABELS_BY_DOT_PRODUCT,
    };
    if labels <= most {
        return Ok(());
    }
    let gigabytes = labels as f64 * labels as f64 * 300.0 * TRAINED / 1e9;
    Err(ModelError::Input(match hyperparameters.scoring {
        Scoring::Classifier => format!(
            "the taxonomy has {labels} labels; HiMatch takes {most} at most, because its classifier grows with their square ({gigabytes:.0} GB here); scoring = dot_product takes more"
        ),
        Scoring::DotProduct => {
            format!("the taxonomy has {labels} labels; HiMatch takes {most} at most")
        }
    }))
}
