//! Products of a few rows with a large matrix of weights that stays the same: for prediction.
//!
//! The weights are arranged once, sixteen outputs side by side, and streamed once for all rows. libtorch arranges them
//! anew at each call, and its kernels leave half of some processors unused.

use std::ops::Range;

use super::dispatch::vectorized;
use super::lanes::{LANES, Lanes, tile};
use super::parallel;

/// Inputs that are multiplied at a time: rows and weights of as many fit the caches.
const DEPTH: usize = 512;
/// Tasks for each thread: more than one evens out what threads get of the processor.
const TASKS: usize = 2;

/// Weights of a linear layer, arranged for the kernel.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    inputs: usize,
    outputs: usize,
    /// `[panel][input][lane]`: sixteen outputs a panel.
    panels: Vec<Lanes>,
    /// `[outputs]`
    biases: Vec<f32>,
}

impl PackedWeights {
    /// `weight`: `[outputs, inputs]`, `biases`: `[outputs]`.
    pub(crate) fn new(weight: &[f32], biases: &[f32], inputs: usize) -> Self {
        let outputs = biases.len();
        assert!(
            weight.len() == outputs * inputs,
            "weights are [outputs, inputs]"
        );
        let mut panels = vec![[0.0; LANES]; outputs.div_ceil(LANES) * inputs];
        for (output, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let panel = &mut panels[output / LANES * inputs..][..inputs];
            for (lanes, value) in panel.iter_mut().zip(row) {
                lanes[output % LANES] = *value;
            }
        }
        Self {
            inputs,
            outputs,
            panels,
            biases: biases.to_vec(),
        }
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `rows`: `[n, inputs]`; `result`: `[n, outputs]`, written.
    pub(crate) fn multiply(&self, rows: &[f32], result: &mut [f32]) {
        let tasks = parallel::threads() * TASKS;
        let panels = self.outputs.div_ceil(LANES);
        for row in result.chunks_exact_mut(self.outputs.max(1)) {
            row.copy_from_slice(&self.biases);
        }
        if panels >= 4 * tasks {
            self.by_outputs(rows, result, &cut(panels, tasks, 1));
        } else {
            self.by_inputs(rows, result, &cut(self.inputs, tasks, DEPTH));
        }
    }

    /// Many outputs: each task has some of them.
    fn by_outputs(&self, rows: &[f32], result: &mut [f32], parts: &[Range<usize>]) {
        let columns: Vec<Range<usize>> = parts
            .iter()
            .map(|panels| panels.start * LANES..(panels.end * LANES).min(self.outputs))
            .collect();
        let mut results: Vec<Vec<&mut [f32]>> = parts.iter().map(|_| Vec::new()).collect();
        for row in result.chunks_exact_mut(self.outputs) {
            let cut = parallel::split_rows(row, &columns, 1);
            for (result, row) in results.iter_mut().zip(cut) {
                result.push(row);
            }
        }
        let tasks = parts
            .iter()
            .zip(results)
            .map(|(panels, result)| Part {
                rows,
                inputs: 0..self.inputs,
                panels: panels.clone(),
                result,
            })
            .collect();
        parallel::run(tasks, |part| multiply(part, self));
    }

    /// Few outputs: each task has some of the inputs, and what they give is summed.
    fn by_inputs(&self, rows: &[f32], result: &mut [f32], parts: &[Range<usize>]) {
        let mut sums = vec![vec![0.0_f32; result.len()]; parts.len()];
        let tasks = parts
            .iter()
            .zip(&mut sums)
            .map(|(inputs, sums)| Part {
                rows,
                inputs: inputs.clone(),
                panels: 0..self.outputs.div_ceil(LANES),
                result: sums.chunks_exact_mut(self.outputs.max(1)).collect(),
            })
            .collect();
        parallel::run(tasks, |part| multiply(part, self));
        for sums in sums {
            for (value, sum) in result.iter_mut().zip(sums) {
                *value += sum;
            }
        }
    }
}

/// `0..length` in at most `parts` ranges of nearly equal size, at multiples of `unit`.
fn cut(length: usize, parts: usize, unit: usize) -> Vec<Range<usize>> {
    let units = length.div_ceil(unit);
    let parts = parts.min(units).max(1);
    (0..parts)
        .map(|part| units * part / parts * unit..(units * (part + 1) / parts * unit).min(length))
        .collect()
}

/// What one task multiplies.
struct Part<'a> {
    /// `[n, inputs]`, all of them.
    rows: &'a [f32],
    inputs: Range<usize>,
    panels: Range<usize>,
    /// The outputs of the panels, of each row; added to.
    result: Vec<&'a mut [f32]>,
}

vectorized! {
    fn multiply(part: Part<'_>, weights: &PackedWeights) => multiply_body
}

#[inline(always)]
fn multiply_body<const FMA: bool, const ROWS: usize>(mut part: Part<'_>, weights: &PackedWeights) {
    let blocks = part.result.len().div_ceil(ROWS);
    let mut packed = vec![[0.0_f32; ROWS]; blocks * DEPTH];
    for start in part.inputs.clone().step_by(DEPTH) {
        let depth = DEPTH.min(part.inputs.end - start);
        for (number, row) in part.rows.chunks_exact(weights.inputs).enumerate() {
            let block = &mut packed[number / ROWS * DEPTH..][..depth];
            for (column, value) in block.iter_mut().zip(&row[start..start + depth]) {
                column[number % ROWS] = *value;
            }
        }
        for (place, panel) in part.panels.clone().enumerate() {
            let panel = &weights.panels[panel * weights.inputs + start..][..depth];
            for (block, rows) in part.result.chunks_mut(ROWS).enumerate() {
                let sums = tile::<FMA, ROWS>(&packed[block * DEPTH..][..depth], panel);
                for (row, sums) in rows.iter_mut().zip(&sums) {
                    for (value, sum) in row[place * LANES..].iter_mut().zip(sums) {
                        *value += sum;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        for (n, inputs, outputs) in [(1, 3, 5), (13, 700, 40), (25, 1_100, 7), (2, 10, 2_000)] {
            let value = |place: usize| ((place * 37 + 11) % 29) as f32 / 29.0 - 0.4;
            let rows: Vec<f32> = (0..n * inputs).map(value).collect();
            let weight: Vec<f32> = (0..outputs * inputs)
                .map(|place| value(place + 5))
                .collect();
            let biases: Vec<f32> = (0..outputs).map(value).collect();
            let packed = PackedWeights::new(&weight, &biases, inputs);
            let mut found = vec![f32::NAN; n * outputs];
            packed.multiply(&rows, &mut found);
            for row in 0..n {
                for output in 0..outputs {
                    let expected = (0..inputs)
                        .map(|input| {
                            f64::from(rows[row * inputs + input])
                                * f64::from(weight[output * inputs + input])
                        })
                        .sum::<f64>()
                        + f64::from(biases[output]);
                    let found = f64::from(found[row * outputs + output]);
                    assert!(
                        (found - expected).abs() < 1e-3,
                        "{n} {inputs} {outputs}: {found} at {row}, {output}, expected {expected}"
                    );
                }
            }
        }
    }
}
