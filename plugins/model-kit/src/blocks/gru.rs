//! A bidirectional GRU over packed documents (METHODS 1.5, step 2).

use tch::{Kind, Tensor};

use super::Initialization;
use super::linear::LinearWeights;
use crate::cpu::gru::{self, BackwardGroup, ForwardGroup, RecurrentWeights, Saved};
use crate::cpu::matrix::{self, Operand, Start};
use crate::cpu::noise::Dropout;
use crate::cpu::{self, parallel, slices};
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::packing::Packing;
use crate::parameters::Parameters;
use crate::pass::Pass;

/// One layer, two directions. Gates in the order reset, update, candidate.
#[derive(Debug)]
pub struct Gru {
    units: i64,
    /// Forward, then backward direction.
    directions: [Direction; 2],
}

#[derive(Debug)]
struct Direction {
    /// `[3h, in]`
    weight_ih: Tensor,
    /// `[3h, h]`
    weight_hh: Tensor,
    /// `[3h]`
    bias_ih: Tensor,
    /// `[3h]`
    bias_hh: Tensor,
}

impl Direction {
    fn parameters(&self) -> [&Tensor; 4] {
        [
            &self.weight_ih,
            &self.weight_hh,
            &self.bias_ih,
            &self.bias_hh,
        ]
    }
}

impl Gru {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        units: i64,
        initialization: Initialization,
    ) -> Result<Self, KitError> {
        let mut direction = |direction: &str| {
            let (input, hidden, bias) = match initialization {
                Initialization::TorchDefault => {
                    let bound = Initializer::fan_in(units);
                    (bound.clone(), bound.clone(), bound)
                }
                Initialization::Xavier => {
                    let xavier = |fan_in| Initializer::xavier_uniform(fan_in, 3 * units);
                    (xavier(inputs), xavier(units), Initializer::Constant(0.0))
                }
            };
            Ok::<_, KitError>(Direction {
                weight_ih: parameters.add(
                    &format!("{name}.{direction}.weight_ih"),
                    &[3 * units, inputs],
                    &input,
                )?,
                weight_hh: parameters.add(
                    &format!("{name}.{direction}.weight_hh"),
                    &[3 * units, units],
                    &hidden,
                )?,
                bias_ih: parameters.add(
                    &format!("{name}.{direction}.bias_ih"),
                    &[3 * units],
                    &bias,
                )?,
                bias_hh: parameters.add(
                    &format!("{name}.{direction}.bias_hh"),
                    &[3 * units],
                    &bias,
                )?,
            })
        };
        Ok(Self {
            units,
            directions: [direction("forward")?, direction("backward")?],
        })
    }

    /// Units of one direction; outputs are twice as wide.
    #[must_use]
    pub fn units(&self) -> i64 {
        self.units
    }

    /// `x`: `[tokens, in]` packed by time, columns behind `in` must be zeros; result: `[tokens, 2h]`, document after document, with dropout `p`.
    pub fn forward(&self, pass: &Pass, x: &Tensor, packing: &Packing, p: f64) -> Tensor {
        if cpu::serves(x) {
            self.forward_here(pass, x, packing, p)
        } else {
            pass.dropout(&self.forward_portable(x, packing), p)
        }
    }

    /// The same with libtorch's own GRU, group by group: fastest with one group.
    pub fn forward_portable(&self, x: &Tensor, packing: &Packing) -> Tensor {
        let parameters: Vec<&Tensor> = self
            .directions
            .iter()
            .flat_map(Direction::parameters)
            .collect();
        let outputs: Vec<Tensor> = packing
            .groups
            .iter()
            .map(|group| {
                let alive: Vec<i64> = group.steps.iter().map(|step| step.alive as i64).collect();
                let documents = alive.first().copied().unwrap_or(0);
                let start = Tensor::zeros([2, documents, self.units], (x.kind(), x.device()));
                let rows = x.narrow(0, group.first_token as i64, group.tokens as i64);
                let sizes = Tensor::from_slice(&alive);
                Tensor::gru_data(
                    &rows,
                    &sizes,
                    &start,
                    &parameters,
                    true,
                    1,
                    0.0,
                    false,
                    true,
                )
                .0
            })
            .collect();
        Tensor::cat(&outputs, 0).index_select(0, &document_order(packing).to_device(x.device()))
    }

    /// `[6h, in]` and `[6h]`: projections of both directions and all biases that may be added to them.
    pub fn input_projection(&self) -> (Tensor, Tensor) {
        let weights = self
            .directions
            .each_ref()
            .map(|direction| direction.weight_ih.detach());
        let biases = self.directions.each_ref().map(|direction| {
            let outer = direction.bias_hh.detach().narrow(0, 0, 2 * self.units);
            let outer = Tensor::cat(
                &[
                    outer,
                    Tensor::zeros([self.units], (Kind::Float, direction.bias_hh.device())),
                ],
                0,
            );
            direction.bias_ih.detach() + outer
        });
        (Tensor::cat(&weights, 0), Tensor::cat(&biases, 0))
    }

    pub(crate) fn recurrent_weights(&self) -> RecurrentWeights {
        let weights = self
            .directions
            .each_ref()
            .map(|direction| direction.weight_hh.detach());
        let biases = self
            .directions
            .each_ref()
            .map(|direction| direction.bias_hh.detach());
        RecurrentWeights::new(
            self.units as usize,
            weights.each_ref().map(slices::read),
            biases.each_ref().map(slices::read),
        )
    }

    fn forward_here(&self, pass: &Pass, x: &Tensor, packing: &Packing, p: f64) -> Tensor {
        let _guard = tch::no_grad_guard();
        let dropout = pass.dropout_factors(p);
        let (weight, bias) = self.input_projection();
        let width = weight.size()[1];
        let input = x.detach().contiguous();
        let padded = weight.constant_pad_nd([0, input.size()[1] - width]);
        let projection = LinearWeights::from_values(&padded, &bias);
        let gates = projection.multiply(&input);
        let recurrent = self.recurrent_weights();
        let mut run = Recurrence::new(gates, self.units, pass.is_training());
        let output = run.forward(packing, &recurrent, dropout);
        let packing = packing.clone();
        let units = self.units;
        let needs_gradient = x.requires_grad();
        let parameters: Vec<&Tensor> = self
            .directions
            .iter()
            .flat_map(Direction::parameters)
            .collect();
        let inputs: Vec<&Tensor> = [x].into_iter().chain(parameters).collect();
        pass.record(output, &inputs, move |gradient| {
            run.backward(&packing, &recurrent, dropout, gradient);
            let of_input = needs_gradient.then(|| projection.of_input(&run.gates));
            let of_weight_ih = projection.of_weight(&run.gates, &input);
            let of_bias_ih = projection.of_bias(&run.gates);
            let mut gradients = vec![of_input];
            for direction in 0..2 {
                let hidden = run.hidden.narrow(1, direction * units, units);
                let of_weight_hh = run.of_recurrent_weight(direction as usize);
                let of_bias = of_bias_ih.narrow(0, direction * 3 * units, 3 * units);
                let of_bias_hh = Tensor::cat(
                    &[
                        of_bias.narrow(0, 0, 2 * units),
                        hidden.sum_dim_intlist(0_i64, false, Kind::Float),
                    ],
                    0,
                );
                let of_rows = of_weight_ih.narrow(0, direction * 3 * units, 3 * units);
                gradients.push(Some(of_rows.narrow(1, 0, width)));
                gradients.push(Some(of_weight_hh));
                gradients.push(Some(of_bias.contiguous()));
                gradients.push(Some(of_bias_hh));
            }
            gradients
        })
    }
}

impl Recurrence {
    /// Gradient of a direction's recurrent weights, `[3h, h]`, after the way back.
    fn of_recurrent_weight(&self, direction: usize) -> Tensor {
        let units = self.units;
        let columns = |values, width: usize, first, count| {
            Operand::columns(slices::read(values), width * units).part(first * units, count * units)
        };
        let mut result = slices::unset(&[3 * units as i64, units as i64]);
        let (outer, candidate) = slices::write(&mut result).split_at_mut(2 * units * units);
        let previous = columns(&self.previous, 2, direction, 1);
        let gates = columns(&self.gates, 6, 3 * direction, 2);
        let hidden = columns(&self.hidden, 2, direction, 1);
        matrix::multiply(gates, previous, outer, Start::Zero);
        matrix::multiply(hidden, previous, candidate, Start::Zero);
        result
    }
}

/// Rows packed by time for each row document after document.
fn document_order(packing: &Packing) -> Tensor {
    let starts = packing.starts();
    let mut order = vec![0_i64; packing.tokens];
    let mut packed = 0;
    packing.for_each_packed(|document, time| {
        order[starts[document] + time] = packed;
        packed += 1;
    });
    Tensor::from_slice(&order)
}

/// The recurrence of one batch with what its way back needs.
pub(crate) struct Recurrence {
    units: usize,
    /// `[tokens, 6h]`
    gates: Tensor,
    /// `[tokens, 2h]`, empty outside training.
    hidden: Tensor,
    /// `[tokens, 2h]`, empty outside training.
    previous: Tensor,
}

impl Recurrence {
    /// `gates`: input projections `[tokens, 6h]`, packed by time.
    pub(crate) fn new(gates: Tensor, units: i64, training: bool) -> Self {
        let shape = [if training { gates.size()[0] } else { 0 }, 2 * units];
        Self {
            units: units as usize,
            gates,
            hidden: slices::unset(&shape),
            previous: slices::unset(&shape),
        }
    }

    /// States `[tokens, 2h]`, document after document.
    pub(crate) fn forward(
        &mut self,
        packing: &Packing,
        weights: &RecurrentWeights,
        dropout: Dropout,
    ) -> Tensor {
        let units = self.units;
        let mut output = slices::unset(&[packing.tokens as i64, 2 * units as i64]);
        let ranges: Vec<_> = packing
            .groups
            .iter()
            .map(|group| group.first_token..group.first_token + group.tokens)
            .collect();
        let saves = self.hidden.numel() > 0;
        let gates = parallel::split_rows(slices::write(&mut self.gates), &ranges, 6 * units);
        let outputs = parallel::split_rows(slices::write(&mut output), &ranges, 2 * units);
        let mut saved: Vec<Option<Saved<'_>>> = if saves {
            let hidden = parallel::split_rows(slices::write(&mut self.hidden), &ranges, 2 * units);
            let previous =
                parallel::split_rows(slices::write(&mut self.previous), &ranges, 2 * units);
            hidden
                .into_iter()
                .zip(previous)
                .map(|(hidden, previous)| Some(Saved { hidden, previous }))
                .collect()
        } else {
            ranges.iter().map(|_| None).collect()
        };
        let tasks = packing
            .groups
            .iter()
            .zip(gates)
            .zip(outputs)
            .zip(saved.drain(..))
            .map(|(((group, gates), outputs), saved)| ForwardGroup {
                group,
                gates,
                outputs,
                saved,
                dropout,
            })
            .collect();
        parallel::run(tasks, |task| gru::forward(task, weights));
        output
    }

    /// Turns gates into gradients before the gates' functions, the candidate's hidden part into its gradient.
    fn backward(
        &mut self,
        packing: &Packing,
        weights: &RecurrentWeights,
        dropout: Dropout,
        gradient: &Tensor,
    ) {
        let units = self.units;
        let ranges: Vec<_> = packing
            .groups
            .iter()
            .map(|group| group.first_token..group.first_token + group.tokens)
            .collect();
        let gates = parallel::split_rows(slices::write(&mut self.gates), &ranges, 6 * units);
        let hidden = parallel::split_rows(slices::write(&mut self.hidden), &ranges, 2 * units);
        let (previous, gradient) = (slices::read(&self.previous), slices::read(gradient));
        let tasks = packing
            .groups
            .iter()
            .zip(gates)
            .zip(hidden)
            .map(|((group, gates), hidden)| {
                let rows =
                    group.first_token * 2 * units..(group.first_token + group.tokens) * 2 * units;
                BackwardGroup {
                    group,
                    gates,
                    hidden,
                    previous: &previous[rows.clone()],
                    gradient: &gradient[rows],
                    dropout,
                }
            })
            .collect();
        parallel::run(tasks, |task| gru::backward(task, weights));
    }
}

#[cfg(test)]
mod tests;
