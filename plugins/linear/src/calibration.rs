//! From margins to scores: how sure a margin of this size is.
//!
//! A score is `σ(a·m)`, with a slope `a > 0` for margins above zero and another for those below. So scores grow with
//! margins and the classifier's own decision stays where it is: the score is above .5 exactly when the margin is above 0
//! (Platt's method without its offset). Slopes are fitted on validation documents: first for all labels together,
//! then for each label with a prior around the common slope, so that a label with few documents stays close to it.

#[cfg(test)]
mod tests;

use crate::tables::NONE;

/// Slopes of a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slopes {
    /// For margins below 0.
    pub(crate) below: f32,
    /// For margins above 0.
    pub(crate) above: f32,
}

impl Slopes {
    /// Slopes before any validation document was seen.
    pub(crate) fn uncalibrated(slope: f64) -> Self {
        Self {
            below: slope as f32,
            above: slope as f32,
        }
    }

    /// The score of a margin: above .5 exactly when the margin is above 0.
    #[inline]
    pub(crate) fn score(self, margin: f32) -> f32 {
        if margin > 0.0 {
            (1.0 / (1.0 + (-self.above * margin).exp())).max(JUST_ABOVE)
        } else {
            (1.0 / (1.0 + (-self.below * margin).exp())).min(0.5)
        }
    }
}

/// The smallest number above .5.
const JUST_ABOVE: f32 = 0.5_f32.next_up();

/// Width of a bin of margins.
const WIDTH: f32 = 1.0 / 32.0;
/// Margins further from 0 than this many bins count as this far.
const BINS: usize = 256;
/// How far, in units of ln, the common slope may well be from the uncalibrated one.
const COMMON_SPREAD: f64 = 2.0;
/// How far, in units of ln, a label's slope may well be from the common one.
const LABEL_SPREAD: f64 = 0.5;

/// Margins on one side of 0, counted by size.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Documents with and without the label, by bin.
    bins: Vec<(u32, u32)>,
}

/// What is known of a label's margins on validation documents.
#[derive(Clone, Debug, Default)]
struct Margins {
    below: Side,
    above: Side,
}

/// Collects margins of validation documents, and fits the slopes.
#[derive(Clone, Debug)]
pub(crate) struct Calibration {
    /// One entry per classifier.
    margins: Vec<Margins>,
    /// The prior of the common slope.
    slope: f64,
}

impl Calibration {
    /// `slope` is what is assumed without documents.
    pub(crate) fn new(n_classifiers: usize, slope: f64) -> Self {
        debug_assert!(n_classifiers < NONE as usize);
        Self {
            margins: vec![Margins::default(); n_classifiers],
            slope,
        }
    }

    /// Adds a document's margin for a classifier.
    pub(crate) fn add(&mut self, classifier: usize, margin: f32, has_label: bool) {
        let margins = &mut self.margins[classifier];
        let side = if margin > 0.0 {
            &mut margins.above
        } else {
            &mut margins.below
        };
        let bin = ((margin.abs() / WIDTH) as usize).min(BINS - 1);
        if side.bins.len() <= bin {
            side.bins.resize(bin + 1, (0, 0));
        }
        let (with, without) = &mut side.bins[bin];
        *(if has_label { with } else { without }) += 1;
    }

    /// The slopes of each classifier.
    pub(crate) fn finish(self) -> Vec<Slopes> {
        let mut common = Margins::default();
        for margins in &self.margins {
            common.below.add(&margins.below);
            common.above.add(&margins.above);
        }
        let prior = self.slope.ln();
        let below = common.below.fit(-1.0, prior, COMMON_SPREAD);
        let above = common.above.fit(1.0, prior, COMMON_SPREAD);
        self.margins
            .iter()
            .map(|margins| Slopes {
                below: margins.below.fit(-1.0, below, LABEL_SPREAD).exp() as f32,
                above: margins.above.fit(1.0, above, LABEL_SPREAD).exp() as f32,
            })
            .collect()
    }
}

impl Side {
    fn add(&mut self, other: &Self) {
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), (0, 0));
        }
        for (bin, (with, without)) in self.bins.iter_mut().zip(&other.bins) {
            bin.0 += with;
            bin.1 += without;
        }
    }

    /// The logarithm of the slope that makes the counts and the prior most likely, by golden section.
    fn fit(&self, sign: f64, prior: f64, spread: f64) -> f64 {
        const SHRINK: f64 = 0.618_033_988_749_894_8;
        let cost = |slope: f64| {
            let mut cost = (slope - prior).powi(2) / (2.0 * spread * spread);
            let factor = slope.exp() * sign;
            for (bin, &(with, without)) in self.bins.iter().enumerate() {
                let margin = factor * (bin as f64 + 0.5) * f64::from(WIDTH);
                cost += f64::from(with) * softplus(-margin) + f64::from(without) * softplus(margin);
            }
            cost
        };
        if self.bins.is_empty() {
            return prior;
        }
        let (mut low, mut high) = (prior - 4.0 * spread, prior + 4.0 * spread);
        let mut left = high - SHRINK * (high - low);
        let mut right = low + SHRINK * (high - low);
        let (mut cost_left, mut cost_right) = (cost(left), cost(right));
        while high - low > 1e-3 {
            if cost_left <= cost_right {
                high = right;
                (right, cost_right) = (left, cost_left);
                left = high - SHRINK * (high - low);
                cost_left = cost(left);
            } else {
                low = left;
                (left, cost_left) = (right, cost_right);
                right = low + SHRINK * (high - low);
                cost_right = cost(right);
            }
        }
        0.5 * (low + high)
    }
}

/// `ln(1 + exp(x))`
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
