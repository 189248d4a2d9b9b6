//! The two losses: what a document's dual variable looks like and how one step changes it.

use super::{LANES, Lanes, Settings};
use crate::matrix::Part;

/// A loss with its costs. The state of a document for a label is one number.
pub(crate) trait Loss: Sized {
    fn new(settings: &Settings) -> Self;

    /// State before the first step.
    fn start(&self, target: u32) -> Lanes;

    /// Brings the weights in line with the states before the first step.
    fn prepare(&self, part: &Part<'_>, states: &[Lanes], targets: &[u32], weights: &mut [Lanes], intercepts: &mut Lanes);

    /// Minimises the dual over one document's variables. Returns what to add to the weights per unit of the document's
    /// values, raises `violations` to how far the margins were from where they belong; labels with `live` 0 do not change.
    fn step(
        &self,
        state: &mut Lanes,
        target: u32,
        margins: &Lanes,
        norm: f32,
        live: &Lanes,
        violations: &mut Lanes,
    ) -> Lanes;
}

/// `max(0, 1 − y·m)²`. The state is the dual variable α ≥ 0 with the sign of y, also at zero.
pub(crate) struct SquaredHinge {
    /// `1 / 2C` of documents with the label and without.
    positive: Lanes,
    negative: Lanes,
}

impl Loss for SquaredHinge {
    fn new(settings: &Settings) -> Self {
        Self {
            positive: settings.cost_positive.map(|cost| 0.5 / cost),
            negative: settings.cost_negative.map(|cost| 0.5 / cost),
        }
    }

    fn start(&self, target: u32) -> Lanes {
        std::array::from_fn(|lane| if target >> lane & 1 == 1 { 0.0 } else { -0.0 })
    }

    fn prepare(&self, _: &Part<'_>, _: &[Lanes], _: &[u32], _: &mut [Lanes], _: &mut Lanes) {}

    #[inline(always)]
    fn step(
        &self,
        state: &mut Lanes,
        _target: u32,
        margins: &Lanes,
        norm: f32,
        live: &Lanes,
        violations: &mut Lanes,
    ) -> Lanes {
        let mut changes = [0.0; LANES];
        for lane in 0..LANES {
            let side = 1.0_f32.copysign(state[lane]);
            let dual = state[lane].abs();
            let diagonal = if side > 0.0 { self.positive[lane] } else { self.negative[lane] };
            let gradient = side * margins[lane] - 1.0 + diagonal * dual;
            // Where the variable is at its bound only a negative gradient moves it.
            let violation = if dual > 0.0 { gradient.abs() } else { (-gradient).max(0.0) };
            violations[lane] = violations[lane].max(violation * live[lane]);
            let next = (dual - gradient / (norm + diagonal) * live[lane]).max(0.0);
            changes[lane] = (next - dual) * side;
            state[lane] = next.copysign(side);
        }
        changes
    }
}

/// `ln(1 + exp(−y·m))`. The dual variable is `C·σ(u)`; the state is `u`, so that it keeps its precision near both bounds.
pub(crate) struct Logistic {
    positive: Lanes,
    negative: Lanes,
}

/// Start of `u`: the variable is almost 0, as for a document that is classified well.
const FAR: f32 = -8.0;

impl Loss for Logistic {
    fn new(settings: &Settings) -> Self {
        Self { positive: settings.cost_positive, negative: settings.cost_negative }
    }

    fn start(&self, _target: u32) -> Lanes {
        [FAR; LANES]
    }

    fn prepare(
        &self,
        part: &Part<'_>,
        states: &[Lanes],
        targets: &[u32],
        weights: &mut [Lanes],
        intercepts: &mut Lanes,
    ) {
        for (document, (state, &target)) in states.iter().zip(targets).enumerate() {
            let duals: Lanes = std::array::from_fn(|lane| {
                let (side, cost) = self.side(target, lane);
                (side * cost * sigmoid(f64::from(state[lane]))) as f32
            });
            for lane in 0..LANES {
                intercepts[lane] += duals[lane];
            }
            for (feature, value) in part.row(document).iter() {
                for lane in 0..LANES {
                    weights[feature as usize][lane] += value * duals[lane];
                }
            }
        }
    }

    fn step(
        &self,
        state: &mut Lanes,
        target: u32,
        margins: &Lanes,
        norm: f32,
        live: &Lanes,
        violations: &mut Lanes,
    ) -> Lanes {
        let mut changes = [0.0; LANES];
        let norm = f64::from(norm);
        for lane in 0..LANES {
            if live[lane] == 0.0 {
                continue;
            }
            let (side, cost) = self.side(target, lane);
            let before = f64::from(state[lane]);
            let margin = side * f64::from(margins[lane]);
            let dual = cost * sigmoid(before);
            // The optimum has u = −y·m: the dual variable is minus the loss's derivative.
            violations[lane] = violations[lane].max((sigmoid(-margin) - sigmoid(before)).abs() as f32);
            // Root of h(u) = margin + norm·(C·σ(u) − dual) + u, which increases with a slope of at least 1.
            let (mut low, mut high) = (-margin - norm * (cost - dual), -margin + norm * dual);
            let mut u = before.clamp(low, high);
            for _ in 0..20 {
                let probability = sigmoid(u);
                let value = margin + norm * (cost * probability - dual) + u;
                if value > 0.0 {
                    high = u;
                } else {
                    low = u;
                }
                let newton = u - value / (1.0 + norm * cost * probability * (1.0 - probability));
                let next = if newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
                let moved = (next - u).abs();
                u = next;
                if moved < 1e-6 {
                    break;
                }
            }
            state[lane] = u as f32;
            changes[lane] = (side * (cost * sigmoid(f64::from(state[lane])) - dual)) as f32;
        }
        changes
    }
}

impl Logistic {
    /// y and C of a document.
    fn side(&self, target: u32, lane: usize) -> (f64, f64) {
        if target >> lane & 1 == 1 {
            (1.0, f64::from(self.positive[lane]))
        } else {
            (-1.0, f64::from(self.negative[lane]))
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
