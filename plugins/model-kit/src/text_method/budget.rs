//! How many epochs a corpus gets when nobody says so.

use crate::settings::{Budget, TrainingSettings};
use crate::training::Plan;

/// Epochs of a training on `documents` documents. Small corpora need many epochs for the same number of updates,
/// large ones learn enough in few.
pub(super) fn epochs(settings: &TrainingSettings, batch_size: usize, documents: usize) -> u32 {
    if settings.epochs > 0 {
        return settings.epochs;
    }
    let (updates, least, most) = match settings.budget {
        Budget::Fast => (500, 2, 12),
        Budget::Balanced => (2_500, 3, 30),
        Budget::Best => (10_000, 6, 60),
    };
    let per_epoch = Plan::updates_per_epoch(documents, batch_size, 1).max(1);
    (updates / per_epoch).clamp(least, most) as u32
}
