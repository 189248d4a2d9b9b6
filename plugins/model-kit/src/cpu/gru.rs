//! The recurrence of a bidirectional GRU over packed documents, forward and backward (METHODS 1.5).
//!
//! The projections of the inputs are one matrix product outside; here only the part that depends on
//! the previous state is computed, a register tile of documents times sixteen units at a time.

use super::dispatch::{multiply_add, vectorized};
use super::lanes::{LANES, Lanes, load, sigmoid, store, tanh, tile};
use super::noise::Dropout;
use crate::packing::Group;

/// Recurrent weights of both directions, rearranged for the kernels.
pub(crate) struct RecurrentWeights {
    units: usize,
    panels: usize,
    /// `[direction][panel][gate][unit of the previous state][lane]`: products with the previous state.
    forward: Vec<Lanes>,
    /// `[direction][panel][gate and unit][lane]`: products with the gradients of the gates.
    backward: Vec<Lanes>,
    /// `[direction][unit]`: bias inside the candidate's reset product.
    candidate_bias: Vec<f32>,
}

impl RecurrentWeights {
    /// `weights`: `W_hh [3h, h]` of the two directions; `biases`: their `b_hh [3h]`.
    pub(crate) fn new(units: usize, weights: [&[f32]; 2], biases: [&[f32]; 2]) -> Self {
        let panels = units.div_ceil(LANES);
        let mut forward = Vec::with_capacity(2 * panels * 3 * units);
        let mut backward = Vec::with_capacity(2 * panels * 3 * units);
        for w in weights {
            assert!(
                w.len() == 3 * units * units,
                "recurrent weights are [3h, h]"
            );
            for panel in 0..panels {
                for gate in 0..3 {
                    for k in 0..units {
                        let lane = |lane: usize| {
                            let unit = panel * LANES + lane;
                            if unit < units {
                                w[(gate * units + unit) * units + k]
                            } else {
                                0.0
                            }
                        };
                        forward.push(std::array::from_fn(lane));
                    }
                }
            }
            for panel in 0..panels {
                for k in 0..3 * units {
                    backward.push(load(
                        &w[k * units + panel * LANES
                            ..((k + 1) * units).min(k * units + (panel + 1) * LANES)],
                    ));
                }
            }
        }
        let candidate_bias = biases
            .iter()
            .flat_map(|bias| bias[2 * units..].iter().copied())
            .collect();
        Self {
            units,
            panels,
            forward,
            backward,
            candidate_bias,
        }
    }

    fn gate(&self, direction: usize, panel: usize, gate: usize) -> &[Lanes] {
        let start = ((direction * self.panels + panel) * 3 + gate) * self.units;
        &self.forward[start..start + self.units]
    }

    fn gradient(&self, direction: usize, panel: usize) -> &[Lanes] {
        let start = (direction * self.panels + panel) * 3 * self.units;
        &self.backward[start..start + 3 * self.units]
    }
}

/// What one group of documents reads and writes in the forward pass. `n` = tokens of the group.
pub(crate) struct ForwardGroup<'a> {
    pub(crate) group: &'a Group,
    /// `[n, 6h]` packed by time. In: input projections with all biases but the candidate's hidden one.
    /// Out: the gates' values (reset, update, candidate; forward direction first).
    pub(crate) gates: &'a mut [f32],
    /// `[n, 2h]` document after document: the states, with dropout applied.
    pub(crate) outputs: &'a mut [f32],
    /// What only the backward pass needs.
    pub(crate) saved: Option<Saved<'a>>,
    pub(crate) dropout: Dropout,
}

/// `[n, 2h]` each, packed by time.
pub(crate) struct Saved<'a> {
    /// Hidden part of the candidate, before the reset gate.
    pub(crate) hidden: &'a mut [f32],
    /// State before the step.
    pub(crate) previous: &'a mut [f32],
}

vectorized! {
    /// Runs both directions over one group of documents.
    pub(crate) fn forward(group: ForwardGroup<'_>, weights: &RecurrentWeights) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(
    mut group: ForwardGroup<'_>,
    weights: &RecurrentWeights,
) {
    for direction in 0..2 {
        forward_direction::<FMA, ROWS>(&mut group, weights, direction);
    }
}

#[inline(always)]
fn forward_direction<const FMA: bool, const ROWS: usize>(
    view: &mut ForwardGroup<'_>,
    weights: &RecurrentWeights,
    direction: usize,
) {
    let (units, panels) = (weights.units, weights.panels);
    let group = view.group;
    let blocks = group.documents.div_ceil(ROWS);
    // The state twice: as columns for the register tile, as rows for the gates.
    let mut columns = vec![[0.0_f32; ROWS]; blocks * units];
    let mut rows = vec![0.0_f32; group.documents * units];
    let steps = group.steps.len();
    for index in 0..steps {
        let time = if direction == 0 {
            index
        } else {
            steps - 1 - index
        };
        let step = group.steps[time];
        // Panels outside, documents inside: the three gates' weights of a panel stay in the first cache.
        for panel in 0..panels {
            let from = panel * LANES;
            let to = units.min(from + LANES);
            let gate_weights = [0, 1, 2].map(|gate| weights.gate(direction, panel, gate));
            let bias =
                load(&weights.candidate_bias[direction * units + from..direction * units + to]);
            for block in 0..step.alive.div_ceil(ROWS) {
                let first = block * ROWS;
                let alive = (step.alive - first).min(ROWS);
                let state = &columns[block * units..(block + 1) * units];
                let reset = tile::<FMA, ROWS>(state, gate_weights[0]);
                let update = tile::<FMA, ROWS>(state, gate_weights[1]);
                let hidden = tile::<FMA, ROWS>(state, gate_weights[2]);
                for row in 0..alive {
                    let document = first + row;
                    let token = step.offset + document;
                    let gates = &mut view.gates[(token * 2 + direction) * 3 * units..][..3 * units];
                    let previous = &mut rows[document * units + from..document * units + to];
                    let before = load(previous);
                    let mut r = load(&gates[from..to]);
                    let mut z = load(&gates[units + from..units + to]);
                    let mut c = load(&gates[2 * units + from..2 * units + to]);
                    let mut h = [0.0; LANES];
                    let mut after = [0.0; LANES];
                    for lane in 0..LANES {
                        r[lane] = sigmoid::<FMA>(r[lane] + reset[row][lane]);
                        z[lane] = sigmoid::<FMA>(z[lane] + update[row][lane]);
                        h[lane] = hidden[row][lane] + bias[lane];
                        c[lane] = tanh::<FMA>(multiply_add::<FMA>(r[lane], h[lane], c[lane]));
                        after[lane] = multiply_add::<FMA>(z[lane], before[lane] - c[lane], c[lane]);
                    }
                    store(previous, &after);
                    if let Some(saved) = &mut view.saved {
                        store(&mut gates[from..to], &r);
                        store(&mut gates[units + from..units + to], &z);
                        store(&mut gates[2 * units + from..2 * units + to], &c);
                        let range = (token * 2 + direction) * units + from
                            ..(token * 2 + direction) * units + to;
                        store(&mut saved.hidden[range.clone()], &h);
                        store(&mut saved.previous[range], &before);
                    }
                }
            }
        }
        for (document, values) in rows.chunks_exact(units).take(step.alive).enumerate() {
            let state = &mut columns[document / ROWS * units..][..units];
            let row = document % ROWS;
            for (column, value) in state.iter_mut().zip(values) {
                column[row] = *value;
            }
            let start = ((group.starts[document] + time) * 2 + direction) * units;
            let output = &mut view.outputs[start..start + units];
            if view.dropout.is_off() {
                output.copy_from_slice(values);
            } else {
                let position = (group.first_token * 2 * units + start) as u32;
                for (unit, (output, value)) in output.iter_mut().zip(values).enumerate() {
                    *output = value * view.dropout.factor(position.wrapping_add(unit as u32));
                }
            }
        }
    }
}

/// What one group of documents reads and writes in the backward pass.
pub(crate) struct BackwardGroup<'a> {
    pub(crate) group: &'a Group,
    /// `[n, 6h]` packed by time. In: the gates' values; out: gradients before the gates' functions.
    pub(crate) gates: &'a mut [f32],
    /// `[n, 2h]` packed by time. In: hidden part of the candidate; out: its gradient.
    pub(crate) hidden: &'a mut [f32],
    /// `[n, 2h]` packed by time: state before the step.
    pub(crate) previous: &'a [f32],
    /// `[n, 2h]` document after document: gradient of the outputs.
    pub(crate) gradient: &'a [f32],
    pub(crate) dropout: Dropout,
}

vectorized! {
    /// Runs both directions backward over one group of documents.
    pub(crate) fn backward(group: BackwardGroup<'_>, weights: &RecurrentWeights) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    mut group: BackwardGroup<'_>,
    weights: &RecurrentWeights,
) {
    for direction in 0..2 {
        backward_direction::<FMA, ROWS>(&mut group, weights, direction);
    }
}

#[inline(always)]
fn backward_direction<const FMA: bool, const ROWS: usize>(
    view: &mut BackwardGroup<'_>,
    weights: &RecurrentWeights,
    direction: usize,
) {
    let (units, panels) = (weights.units, weights.panels);
    let group = view.group;
    // Gradient of the state that each document carries from one step to the one before it.
    let mut carried = vec![0.0_f32; group.documents * units];
    let mut columns = vec![[0.0_f32; ROWS]; 3 * units];
    let steps = group.steps.len();
    for index in 0..steps {
        let time = if direction == 0 {
            steps - 1 - index
        } else {
            index
        };
        let step = group.steps[time];
        for block in 0..step.alive.div_ceil(ROWS) {
            let first = block * ROWS;
            let alive = (step.alive - first).min(ROWS);
            for row in 0..alive {
                let document = first + row;
                let token = step.offset + document;
                let start = ((group.starts[document] + time) * 2 + direction) * units;
                let position = (group.first_token * 2 * units + start) as u32;
                let gates = &mut view.gates[(token * 2 + direction) * 3 * units..][..3 * units];
                let states = (token * 2 + direction) * units..(token * 2 + direction + 1) * units;
                for panel in 0..panels {
                    let from = panel * LANES;
                    let to = units.min(from + LANES);
                    let r = load(&gates[from..to]);
                    let z = load(&gates[units + from..units + to]);
                    let c = load(&gates[2 * units + from..2 * units + to]);
                    let hidden = &mut view.hidden[states.clone()][from..to];
                    let h = load(hidden);
                    let before = load(&view.previous[states.clone()][from..to]);
                    let mut total = load(&view.gradient[start + from..start + to]);
                    if !view.dropout.is_off() {
                        for (lane, total) in total.iter_mut().enumerate() {
                            *total *= view
                                .dropout
                                .factor(position.wrapping_add((from + lane) as u32));
                        }
                    }
                    let carry = &mut carried[document * units + from..document * units + to];
                    let later = load(carry);
                    let (mut dr, mut dz, mut dc) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
                    let (mut dh, mut direct) = ([0.0; LANES], [0.0; LANES]);
                    for lane in 0..LANES {
                        let total = total[lane] + later[lane];
                        dc[lane] = total * (1.0 - z[lane]) * (1.0 - c[lane] * c[lane]);
                        dz[lane] = total * (before[lane] - c[lane]) * z[lane] * (1.0 - z[lane]);
                        dr[lane] = dc[lane] * h[lane] * r[lane] * (1.0 - r[lane]);
                        dh[lane] = dc[lane] * r[lane];
                        direct[lane] = total * z[lane];
                    }
                    store(&mut gates[from..to], &dr);
                    store(&mut gates[units + from..units + to], &dz);
                    store(&mut gates[2 * units + from..2 * units + to], &dc);
                    store(hidden, &dh);
                    store(carry, &direct);
                }
                let hidden = &view.hidden[states];
                for (column, value) in columns
                    .iter_mut()
                    .zip(gates[..2 * units].iter().chain(hidden))
                {
                    column[row] = *value;
                }
            }
            for panel in 0..panels {
                let from = panel * LANES;
                let to = units.min(from + LANES);
                let through = tile::<FMA, ROWS>(&columns, weights.gradient(direction, panel));
                for row in 0..alive {
                    let carry =
                        &mut carried[(first + row) * units + from..(first + row) * units + to];
                    let mut sum = load(carry);
                    for lane in 0..LANES {
                        sum[lane] += through[row][lane];
                    }
                    store(carry, &sum);
                }
            }
        }
    }
}
