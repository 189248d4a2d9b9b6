//! What a training needs in memory. The classifier reads every label's vector for every label: it grows with the
//! number of labels squared, which is what limits this method.

use arborist_model_kit::memory::{self, TRAINED};
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_plugin_api::ModelError;
use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::{Hyperparameters, Variant};

/// At 300 values per label the classifier of as many labels has 1.2 billion weights: 19 GB with gradients and moments.
pub(crate) const MAX_LABELS: u64 = 2_000;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let node = hyperparameters.node_size as f64;
    let features = hyperparameters.rcnn.features() as f64;
    let batch = memory::documents(training, source);
    let tokens = memory::tokens(training, source);
    let units = hyperparameters.rcnn.rnn_hidden as f64;
    let encoder = memory::reading(training, source, units);
    // A label's vectors of one batch: inputs, outputs, both with gradients.
    let nodes = batch * node * 4.0 * 6.0;
    let label_dim = hyperparameters.la_label_dim as f64;
    let (per_label, per_label_squared) = match hyperparameters.variant {
        Variant::Tp => (
            node * features * TRAINED + nodes,
            node * TRAINED + 2.0 * TRAINED,
        ),
        // The labels' weights of attention over tokens, and what they attend to.
        Variant::La => (
            tokens * 4.0 * 3.0 + batch * label_dim * 4.0 * 4.0,
            label_dim * TRAINED + 2.0 * TRAINED,
        ),
        Variant::Flat => (features * TRAINED, 0.0),
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
    if labels <= MAX_LABELS || hyperparameters.variant == Variant::Flat {
        return Ok(());
    }
    let gigabytes = labels as f64 * labels as f64 * 300.0 * TRAINED / 1e9;
    Err(ModelError::Input(format!(
        "the taxonomy has {labels} labels; HiAGM takes {MAX_LABELS} at most, because its classifier grows with their square ({gigabytes:.0} GB here)"
    )))
}
