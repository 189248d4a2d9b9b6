//! What a training needs in memory: the encoder with its optimizer, two passes over a batch, and labels beside tokens.

use arborist_model_kit::memory::{self, ROW, TRAINED};
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::Hyperparameters;

/// Labels that attend over each other: beyond this that no longer fits.
pub(crate) const MAX_LABELS: u64 = 5_000;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let tokens = memory::tokens(training, source);
    let heads = hyperparameters.cross_heads as f64;
    MemoryFormula {
        // The second view is read as well.
        base: 3e8 + memory::reader(source) + memory::reading(training, source, 0.0) + tokens * ROW,
        per_document: 64.0,
        per_token: memory::per_token(source),
        // Scores of tokens, by head, with gradients; choice and noise.
        per_label: tokens * 4.0 * (3.0 * heads + 6.0) + 768.0 * TRAINED,
        per_label_squared: hyperparameters.self_heads as f64 * 4.0 * 4.0 + 24.0,
    }
}
