//! What a training needs in memory. As in `HiAGM`, the classifier grows with the number of labels squared.

use arborist_model_kit::memory::{self, TRAINED};
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_plugin_api::ModelError;
use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::Hyperparameters;

/// At 300 values per label the classifier of as many labels has 1.2 billion weights: 19 GB with gradients and moments.
pub(crate) const MAX_LABELS: u64 = 2_000;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let label_dim = hyperparameters.la_label_dim as f64;
    let batch = memory::documents(training, source);
    let tokens = memory::tokens(training, source);
    let units = hyperparameters.rcnn.rnn_hidden as f64;
    let encoder = memory::reading(training, source, units);
    // Maps of the text that the discriminator sees, with gradients.
    let discriminator = if hyperparameters.use_mi {
        tokens * 4.0 * 9.0 * label_dim
    } else {
        0.0
    };
    MemoryFormula {
        base: 3e8 + memory::reader(source) + encoder + discriminator,
        per_document: 64.0,
        per_token: memory::per_token(source),
        // Weights of attention over tokens, and what labels see of a batch.
        per_label: tokens * 4.0 * 3.0 + batch * label_dim * 4.0 * 4.0,
        per_label_squared: label_dim * TRAINED + 2.0 * TRAINED,
    }
}

/// Refuses taxonomies that are too large.
pub(crate) fn check(labels: u64) -> Result<(), ModelError> {
    if labels <= MAX_LABELS {
        return Ok(());
    }
    let gigabytes = labels as f64 * labels as f64 * 300.0 * TRAINED / 1e9;
    Err(ModelError::Input(format!(
        "the taxonomy has {labels} labels; HTCInfoMax takes {MAX_LABELS} at most, because its classifier grows with their square ({gigabytes:.0} GB here)"
    )))
}
