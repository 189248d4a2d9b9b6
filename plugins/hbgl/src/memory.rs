//! What a training needs in memory: the encoder with its optimizer, the rows of a batch, and the label stage, which is cut
//! to fit.

use arborist_model_kit::memory::{self, ENCODER, TRAINED};
use arborist_model_kit::text_method::TextHyperparameters as _;
use arborist_shared::manifest::MemoryFormula;

use crate::hyperparameters::Hyperparameters;

/// Rows of the label stage that are computed at a time, if a copy of all labels has no more.
pub(crate) const STAGE_ROWS: usize = 2_048;

/// Peak of the resident memory.
pub(crate) fn formula(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let documents = memory::documents(training, source);
    let tokens = memory::tokens(training, source);
    let row = memory::row(&hyperparameters.pretrained);
    let stage_row = f64::from(hyperparameters.has_label_stage());
    let masked = hyperparameters
        .mask_ratio_start
        .max(hyperparameters.mask_ratio_end);
    // Of training or of the label stage, whichever has more rows.
    let rows = (tokens + documents * 16.0).max(STAGE_ROWS as f64) - tokens;
    MemoryFormula {
        // The evaluation reads with a copy of the weights.
        base: 3e8
            + memory::reader(source)
            + memory::reading(training, source, 0.0)
            + ENCODER * 4.0
            + rows * row,
        per_document: 64.0,
        per_token: memory::per_token(source),
        // A label's row in the stage, with what it sees; its vector; its scores at the slots of a batch.
        per_label: stage_row * row * 1.5 + 768.0 * 2.0 * TRAINED + documents * 16.0 * 12.0,
        // Scores of masked labels over all, with gradients.
        per_label_squared: stage_row * 24.0 * masked,
    }
}
