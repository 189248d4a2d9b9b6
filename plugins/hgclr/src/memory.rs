//! What a training needs in memory: the encoder with its optimizer, two passes over a batch, and labels beside tokens.

use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::Hyperparameters;

/// Labels that attend over each other and over all tokens of a batch: beyond this, both no longer fit.
pub(crate) const MAX_LABELS: u64 = 5_000;

/// Value, gradient and two moments in single precision.
const TRAINED: f64 = 16.0;

/// Values of an encoder of base size; which one comes, only the training knows.
const ENCODER: f64 = 110e6;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let batch = hyperparameters.training.documents(true) as f64;
    let tokens = batch * hyperparameters.max_length as f64;
    let heads = hyperparameters.cross_heads as f64;
    // What each of twelve layers keeps of a row for the way back, in two passes.
    let rows = 2.0 * tokens * 12.0 * 768.0 * 12.0 * 4.0;
    MemoryFormula {
        base: 3e8 + ENCODER * TRAINED + rows,
        per_document: 64.0,
        per_token: 8.0,
        // Scores of tokens, by head, with gradients; choice and noise.
        per_label: tokens * 4.0 * (3.0 * heads + 6.0) + 768.0 * TRAINED,
        per_label_squared: hyperparameters.self_heads as f64 * 4.0 * 4.0 + 24.0,
    }
}
