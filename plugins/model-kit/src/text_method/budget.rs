//! How many epochs a corpus gets when nobody says so.

use crate::settings::{Budget, TrainingSettings};

/// Epochs of a training with so many updates an epoch. Small corpora need many epochs for the same number of updates,
/// large ones learn enough in few.
pub(super) fn epochs(settings: &TrainingSettings, per_epoch: u64) -> u32 {
    if settings.epochs > 0 {
        return settings.epochs;
    }
    let (updates, least, most) = match settings.budget {
        Budget::Fast => (500, 2, 12),
        Budget::Balanced => (2_500, 3, 30),
        Budget::Best => (10_000, 6, 60),
    };
    (updates / per_epoch.max(1)).clamp(least, most) as u32
}
