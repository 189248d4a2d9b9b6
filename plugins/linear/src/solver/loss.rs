//! The two losses: what a document's dual variables look like and how one step changes them.

/// A loss. The state of a document for a label is one number.
pub(crate) trait Loss<const N: usize> {
    /// A loss with these costs of documents with a label, for each label, and of documents without it.
    fn new(positive: &[f32; N], negative: f32) -> Self;

    /// State before the first step.
    fn start(&self, target: u16) -> [f32; N];

    /// What a document in this state adds to the weights, per unit of its values.
    fn contribution(&self, state: &[f32; N], target: u16) -> [f32; N];

    /// Minimises the dual over one document's variables; those of labels with `live` 0 do not change.
    fn step(
        &self,
        state: &mut [f32; N],
        target: u16,
        margins: &[f32; N],
        norm: f32,
        live: &[f32; N],
    ) -> Step<N>;
}

/// What a step did.
pub(crate) struct Step<const N: usize> {
    /// What to add to the weights per unit of the document's values.
    pub(crate) changes: [f32; N],
    /// How far the margins were from where the optimum wants them.
    pub(crate) violations: [f32; N],
    /// By how much the document is beyond what the label has a use for; 0 if the label uses it.
    pub(crate) spare: [f32; N],
}

/// `max(0, 1 − y·m)²`. The state is the dual variable α ≥ 0 with the sign of y, also at zero.
pub(crate) struct SquaredHinge<const N: usize> {
    /// `1 / 2C` of documents with the label and without.
    positive: [f32; N],
    negative: f32,
}

impl<const N: usize> Loss<N> for SquaredHinge<N> {
    fn new(positive: &[f32; N], negative: f32) -> Self {
        Self {
            positive: positive.map(|cost| 0.5 / cost),
            negative: 0.5 / negative,
        }
    }

    fn start(&self, target: u16) -> [f32; N] {
        std::array::from_fn(|lane| if target >> lane & 1 == 1 { 0.0 } else { -0.0 })
    }

    fn contribution(&self, state: &[f32; N], _target: u16) -> [f32; N] {
        *state
    }

    #[inline(always)]
    fn step(
        &self,
        state: &mut [f32; N],
        _target: u16,
        margins: &[f32; N],
        norm: f32,
        live: &[f32; N],
    ) -> Step<N> {
        let mut step = Step {
            changes: [0.0; N],
            violations: [0.0; N],
            spare: [0.0; N],
        };
        for lane in 0..N {
            let side = 1.0_f32.copysign(state[lane]);
            let dual = state[lane].abs();
            let diagonal = if side > 0.0 {
                self.positive[lane]
            } else {
                self.negative
            };
            let gradient = side * margins[lane] - 1.0 + diagonal * dual;
            // Where the variable is at its bound only a negative gradient moves it.
            let used = dual > 0.0;
            let violation = if used {
                gradient.abs()
            } else {
                (-gradient).max(0.0)
            };
            step.violations[lane] = violation * live[lane];
            step.spare[lane] = if used { 0.0 } else { gradient.max(0.0) };
            let next = (dual - gradient / (norm + diagonal) * live[lane]).max(0.0);
            step.changes[lane] = (next - dual) * side;
            state[lane] = next.copysign(side);
        }
        step
    }
}

/// `ln(1 + exp(−y·m))`. The dual variable is `C·σ(u)`; the state is `u`, so that it keeps its precision near both bounds.
pub(crate) struct Logistic<const N: usize> {
    positive: [f32; N],
    negative: f32,
}

/// Start of `u`: the variable is almost 0, as for a document that is classified well.
const FAR: f32 = -8.0;

impl<const N: usize> Loss<N> for Logistic<N> {
    fn new(positive: &[f32; N], negative: f32) -> Self {
        Self {
            positive: *positive,
            negative,
        }
    }

    fn start(&self, _target: u16) -> [f32; N] {
        [FAR; N]
    }

    fn contribution(&self, state: &[f32; N], target: u16) -> [f32; N] {
        std::array::from_fn(|lane| {
            let (side, cost) = self.side(target, lane);
            (side * cost * sigmoid(f64::from(state[lane]))) as f32
        })
    }

    #[inline(always)]
    fn step(
        &self,
        state: &mut [f32; N],
        target: u16,
        margins: &[f32; N],
        norm: f32,
        live: &[f32; N],
    ) -> Step<N> {
        let mut step = Step {
            changes: [0.0; N],
            violations: [0.0; N],
            spare: [0.0; N],
        };
        let norm = f64::from(norm);
        for lane in 0..N {
            if live[lane] == 0.0 {
                continue;
            }
            let (side, cost) = self.side(target, lane);
            let before = f64::from(state[lane]);
            let margin = side * f64::from(margins[lane]);
            let dual = cost * sigmoid(before);
            // The optimum has u = −y·m: the dual variable is minus the loss's derivative.
            step.violations[lane] = (sigmoid(-margin) - sigmoid(before)).abs() as f32;
            // Root of margin + norm·(C·σ(u) − dual) + u, which increases with a slope of at least 1.
            let (mut low, mut high) = (-margin - norm * (cost - dual), -margin + norm * dual);
            let mut u = before.clamp(low, high);
            for _ in 0..MAX_NEWTON_STEPS {
                let probability = sigmoid(u);
                let value = margin + norm * (cost * probability - dual) + u;
                if value > 0.0 {
                    high = u;
                } else {
                    low = u;
                }
                let newton = u - value / (1.0 + norm * cost * probability * (1.0 - probability));
                let next = if newton >= low && newton <= high {
                    newton
                } else {
                    0.5 * (low + high)
                };
                let moved = (next - u).abs();
                u = next;
                if moved < 1e-6 {
                    break;
                }
            }
            state[lane] = u as f32;
            step.changes[lane] = (side * (cost * sigmoid(f64::from(state[lane])) - dual)) as f32;
        }
        step
    }
}

const MAX_NEWTON_STEPS: usize = 20;

impl<const N: usize> Logistic<N> {
    /// y and C of a document.
    fn side(&self, target: u16, lane: usize) -> (f64, f64) {
        if target >> lane & 1 == 1 {
            (1.0, f64::from(self.positive[lane]))
        } else {
            (-1.0, f64::from(self.negative))
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
