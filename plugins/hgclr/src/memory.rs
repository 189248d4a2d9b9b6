//! What a training needs in memory: the encoder with its optimizer, two passes over a batch, and labels beside tokens.

use arborist_model_kit::memory::{self, TRAINED};
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::Hyperparameters;

/// Labels that attend over each other: beyond this that no longer fits.
pub(crate) const MAX_LABELS: u64 = 5_000;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let tokens = memory::tokens(training, source);
    MemoryFormula {
        // The second view is read as well.
        base: 8e8
            + memory::reader(source)
            + memory::reading(training, source, 0.0)
            + tokens * memory::row(&hyperparameters.pretrained),
        per_document: 64.0,
        per_token: memory::per_token(source),
        // The noise of the tokens' choice; their scores are computed in parts.
        per_label: tokens * 4.0 * 2.0 + 768.0 * TRAINED,
        // Distances and paths of pairs, what they add to the attention, and one head of it, with gradients.
        per_label_squared: 80.0,
    }
}
