//! One-vs-rest linear classifiers by dual coordinate descent, several labels side by side.
//!
//! Minimises `½‖w‖² + Σᵢ Cᵢ · loss(yᵢ, w·xᵢ)` over `w`, which includes the intercept as the weight of a feature that is
//! always 1, as LIBLINEAR does. Loss is the squared hinge `max(0, 1 − y·m)²` (Hsieh et al., ICML 2008) or the logistic
//! loss `ln(1 + exp(−y·m))` (Yu, Huang and Lin, Machine Learning 85, 2011).
//!
//! All labels of a block see the documents in the same order: the weights of a feature for all of them lie side by
//! side, and what costs time, fetching them for every word of every document, is paid once. Documents that no label of
//! the block has a use for at the moment are left out (LIBLINEAR's shrinking); a label counts as finished only after a
//! pass over all documents. The result depends on the documents, the labels of the block and the seed, not on threads.

mod loss;
#[cfg(test)]
mod tests;

use pulp::{Arch, NullaryFnOnce};

use self::loss::{Logistic, Loss, SquaredHinge};
use crate::hyperparameters::Classifier;
use crate::matrix::Part;
use crate::random::Random;

/// Labels in a block at most.
pub(crate) const MAX_LANES: usize = 16;

/// What to minimise for a block of labels, and how exactly.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Cost of the loss of a document with the label, for each label.
    pub(crate) cost_positive: Vec<f32>,
    /// Cost of the loss of a document without it.
    pub(crate) cost_negative: f32,
    /// Done when no document's margin is further than this from where the optimum wants it.
    pub(crate) tolerance: f32,
    /// Passes over the documents at most.
    pub(crate) epochs: u32,
    pub(crate) seed: u64,
}

/// The classifiers of a block.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// `[features, lanes]`, `lanes` at least the number of labels.
    pub(crate) weights: Vec<f32>,
    pub(crate) lanes: usize,
    /// `[lanes]`
    pub(crate) intercepts: Vec<f32>,
    /// Labels that did not reach the tolerance.
    pub(crate) n_unfinished: usize,
}

/// The work was to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Documents between two looks at whether to stop.
const DOCUMENTS_PER_LOOK: usize = 4096;

/// Trains as many labels as `settings` has costs for. Bit `j` of `targets[i]` says whether document `i` has the `j`-th.
pub(crate) fn solve(
    kind: Classifier,
    part: &Part<'_>,
    norms: &[f32],
    targets: &[u16],
    settings: &Settings,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Solution, Stopped> {
    // Lanes without a label cost as much as those with one.
    match (kind, settings.cost_positive.len()) {
        (Classifier::Svm, 0..=4) => {
            Block::<SquaredHinge<4>, 4>::new(part, norms, targets, settings).solve(settings, stop)
        }
        (Classifier::Svm, 5..=8) => {
            Block::<SquaredHinge<8>, 8>::new(part, norms, targets, settings).solve(settings, stop)
        }
        (Classifier::Svm, _) => {
            Block::<SquaredHinge<16>, 16>::new(part, norms, targets, settings).solve(settings, stop)
        }
        (Classifier::Logistic, 0..=4) => {
            Block::<Logistic<4>, 4>::new(part, norms, targets, settings).solve(settings, stop)
        }
        (Classifier::Logistic, _) => {
            Block::<Logistic<16>, 16>::new(part, norms, targets, settings).solve(settings, stop)
        }
    }
}

/// Squared length of each document with the intercept's feature.
pub(crate) fn norms(part: &Part<'_>) -> Vec<f32> {
    (0..part.n_rows())
        .map(|row| part.row(row).norm() + 1.0)
        .collect()
}

/// Up to `N` labels in training.
struct Block<'a, L, const N: usize> {
    part: &'a Part<'a>,
    norms: &'a [f32],
    targets: &'a [u16],
    loss: L,
    /// `[features]`
    weights: Vec<[f32; N]>,
    intercepts: [f32; N],
    /// The loss's state of each document.
    states: Vec<[f32; N]>,
    /// 1 while a label is being trained, 0 afterwards.
    live: [f32; N],
    /// 1 for labels that still change, 0 for those that only wait for a pass over all documents.
    restless: [f32; N],
    /// How far margins were off in the last pass.
    bars: [f32; N],
    /// How far margins are off in this pass.
    violations: [f32; N],
    /// The documents; those of this pass come first.
    order: Vec<u32>,
    n_active: usize,
}

impl<'a, L: Loss<N>, const N: usize> Block<'a, L, N> {
    fn new(part: &'a Part<'a>, norms: &'a [f32], targets: &'a [u16], settings: &Settings) -> Self {
        let n_labels = settings.cost_positive.len();
        let mut cost_positive = [1.0; N];
        cost_positive[..n_labels].copy_from_slice(&settings.cost_positive);
        let loss = L::new(&cost_positive, settings.cost_negative);
        let mut live = [0.0; N];
        live[..n_labels].fill(1.0);
        let n_documents = part.n_rows();
        let mut block = Self {
            part,
            norms,
            targets,
            states: targets.iter().map(|&target| loss.start(target)).collect(),
            loss,
            weights: vec![[0.0; N]; part.n_features()],
            intercepts: [0.0; N],
            live,
            restless: live,
            bars: [f32::INFINITY; N],
            violations: [0.0; N],
            order: (0..n_documents as u32).collect(),
            n_active: n_documents,
        };
        for document in 0..n_documents {
            let changes = block
                .loss
                .contribution(&block.states[document], targets[document]);
            if changes != [0.0; N] {
                block.add(document, &changes);
            }
        }
        block
    }

    fn solve(
        mut self,
        settings: &Settings,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Solution, Stopped> {
        let arch = Arch::new();
        let n_documents = self.order.len();
        for epoch in 0..settings.epochs {
            let complete = self.n_active == n_documents;
            Random::new(settings.seed, 1, u64::from(epoch))
                .shuffle(&mut self.order[..self.n_active]);
            self.violations = [0.0; N];
            let mut place = 0;
            while place < self.n_active {
                if stop() {
                    return Err(Stopped);
                }
                place = arch.dispatch(Pass {
                    block: &mut self,
                    place,
                });
            }
            for lane in 0..N {
                let finished = self.violations[lane] <= settings.tolerance;
                if complete && finished {
                    self.live[lane] = 0.0;
                }
                self.restless[lane] = if finished { 0.0 } else { self.live[lane] };
            }
            if self.live == [0.0; N] {
                break;
            }
            self.bars = self.violations;
            if self.restless == [0.0; N] {
                self.n_active = n_documents;
                self.restless = self.live;
                self.bars = [f32::INFINITY; N];
            }
        }
        Ok(Solution {
            weights: self.weights.into_flattened(),
            lanes: N,
            intercepts: self.intercepts.to_vec(),
            n_unfinished: self.live.iter().filter(|&&live| live > 0.0).count(),
        })
    }

    #[inline(always)]
    fn add(&mut self, document: usize, changes: &[f32; N]) {
        for lane in 0..N {
            self.intercepts[lane] += changes[lane];
        }
        for (feature, value) in self.part.row(document).iter() {
            let weights = &mut self.weights[feature as usize];
            for lane in 0..N {
                weights[lane] += value * changes[lane];
            }
        }
    }
}

/// Some documents of a pass, from `place` on; compiled for what the processor can do. The numbers are the same on all:
/// products and sums are never fused.
struct Pass<'a, 'b, L, const N: usize> {
    block: &'a mut Block<'b, L, N>,
    place: usize,
}

impl<L: Loss<N>, const N: usize> NullaryFnOnce for Pass<'_, '_, L, N> {
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        let Self { block, mut place } = self;
        for _ in 0..DOCUMENTS_PER_LOOK {
            if place >= block.n_active {
                break;
            }
            let document = block.order[place] as usize;
            let mut margins = block.intercepts;
            for (feature, value) in block.part.row(document).iter() {
                let weights = &block.weights[feature as usize];
                for lane in 0..N {
                    margins[lane] += value * weights[lane];
                }
            }
            let step = block.loss.step(
                &mut block.states[document],
                block.targets[document],
                &margins,
                block.norms[document],
                &block.live,
            );
            let mut needed = false;
            for lane in 0..N {
                block.violations[lane] = block.violations[lane].max(step.violations[lane]);
                needed |= block.restless[lane] > 0.0 && step.spare[lane] <= block.bars[lane];
            }
            if step.changes != [0.0; N] {
                block.add(document, &step.changes);
            }
            if needed {
                place += 1;
            } else {
                block.n_active -= 1;
                block.order.swap(place, block.n_active);
            }
        }
        place
    }
}
