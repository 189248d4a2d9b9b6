//! One-vs-rest linear classifiers by dual coordinate descent, several labels side by side.
//!
//! Minimises `½‖w‖² + Σᵢ Cᵢ · loss(yᵢ, w·xᵢ)` over `w`, which includes the intercept as the weight of a feature that is
//! always 1, as LIBLINEAR does. Loss is the squared hinge `max(0, 1 − y·m)²` (Hsieh et al., ICML 2008) or the logistic
//! loss `ln(1 + exp(−y·m))` (Yu, Huang and Lin, Machine Learning 85, 2011).
//!
//! All labels see the documents in the same order, so `LANES` of them are trained at once: the weights of a feature
//! for all of them lie side by side, and what costs time, fetching them for every word of every document, is paid once.
//! A label's result depends on its documents, the seed and nothing else: not on its neighbours, not on threads.

mod loss;
#[cfg(test)]
mod tests;

pub(crate) use loss::{Logistic, Loss, SquaredHinge};

use crate::matrix::Part;
use crate::random::Random;

/// Labels that are trained side by side.
pub(crate) const LANES: usize = 16;

/// One number for each label of a block.
pub(crate) type Lanes = [f32; LANES];

/// What to minimise for a block of labels, and how exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Cost of the loss of a document with the label, for each label.
    pub(crate) cost_positive: Lanes,
    /// Cost of the loss of a document without it.
    pub(crate) cost_negative: Lanes,
    /// Done when no document's margin is further than this from where the optimum wants it.
    pub(crate) tolerance: f32,
    /// Passes over the documents at most.
    pub(crate) epochs: u32,
    pub(crate) seed: u64,
}

/// The classifiers of a block.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// `[features, LANES]`
    pub(crate) weights: Vec<Lanes>,
    pub(crate) intercepts: Lanes,
    /// Passes that each label took.
    pub(crate) epochs: [u32; LANES],
    /// Labels that did not reach the tolerance.
    pub(crate) unfinished: usize,
}

/// The work was to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Documents between two looks at whether to stop.
const DOCUMENTS_PER_LOOK: usize = 4096;

/// Trains up to [`LANES`] labels. Bit `j` of `targets[i]` says whether document `i` has the `j`-th of them.
pub(crate) fn solve<L: Loss>(
    part: &Part<'_>,
    norms: &[f32],
    targets: &[u32],
    n_labels: usize,
    settings: &Settings,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Solution, Stopped> {
    let mut weights = vec![[0.0; LANES]; part.n_features()];
    let mut intercepts = [0.0; LANES];
    let loss = L::new(settings);
    let mut states: Vec<Lanes> = targets.iter().map(|&target| loss.start(target)).collect();
    loss.prepare(part, &states, targets, &mut weights, &mut intercepts);
    let mut order: Vec<u32> = (0..part.n_rows() as u32).collect();
    // 1 while a label is being trained, 0 afterwards.
    let mut live = [0.0_f32; LANES];
    live[..n_labels].fill(1.0);
    let mut epochs = [0; LANES];
    for epoch in 0..settings.epochs {
        Random::new(settings.seed, 1, u64::from(epoch)).shuffle(&mut order);
        let mut violations = [0.0_f32; LANES];
        for documents in order.chunks(DOCUMENTS_PER_LOOK) {
            if stop() {
                return Err(Stopped);
            }
            for &document in documents {
                let document = document as usize;
                let row = part.row(document);
                let mut margins = intercepts;
                for (feature, value) in row.iter() {
                    let weights = &weights[feature as usize];
                    for lane in 0..LANES {
                        margins[lane] += value * weights[lane];
                    }
                }
                let changes =
                    loss.step(&mut states[document], targets[document], &margins, norms[document], &live, &mut violations);
                if changes == [0.0; LANES] {
                    continue;
                }
                for lane in 0..LANES {
                    intercepts[lane] += changes[lane];
                }
                for (feature, value) in row.iter() {
                    let weights = &mut weights[feature as usize];
                    for lane in 0..LANES {
                        weights[lane] += value * changes[lane];
                    }
                }
            }
        }
        for lane in 0..n_labels {
            if live[lane] > 0.0 {
                epochs[lane] = epoch + 1;
                if violations[lane] <= settings.tolerance {
                    live[lane] = 0.0;
                }
            }
        }
        if live == [0.0; LANES] {
            break;
        }
    }
    let unfinished = live.iter().filter(|&&live| live > 0.0).count();
    Ok(Solution { weights, intercepts, epochs, unfinished })
}

/// Squared length of each document with the intercept's feature.
pub(crate) fn norms(part: &Part<'_>) -> Vec<f32> {
    (0..part.n_rows()).map(|row| part.row(row).norm() + 1.0).collect()
}
