//! Products of rows with weights in eight bits: for prediction, where the processor multiplies four of them at once.
//!
//! Weights have a scale for each output, rows one of their own that is found as they come. Sums are exact integers, so
//! that results are the same on every processor and however the work is cut.

use std::ops::Range;

use super::dispatch::vectorized;
use super::lanes::{LANES, Lanes, load};
use super::parallel;
use super::square::transposed;

/// Bytes that are multiplied and added at once.
const QUAD: usize = 4;
/// Largest value of eight bits in both directions.
const LARGEST: f32 = 127.0;
/// What makes a value of a row positive, as the instruction wants one side of the product.
const OFFSET: i32 = 128;
/// Rows that a task computes at a time.
const ROWS_AT_A_TIME: usize = 192;
/// Tasks for each thread: more than one evens out what threads get of the processor.
const TASKS: usize = 3;

/// Sixteen outputs of four inputs each.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Quads([[i8; QUAD]; LANES]);

/// A row of the tile: four inputs of each of sixteen rows.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Column([[u8; QUAD]; LANES]);

/// Sums of sixteen rows and sixteen outputs.
type Sums = [[i32; LANES]; LANES];

/// Weights of a linear layer in eight bits.
#[derive(Debug)]
pub(crate) struct QuantizedMatrix {
    inputs: usize,
    outputs: usize,
    /// `[panel][quad]`
    panels: Vec<Quads>,
    /// `[outputs]`
    scales: Vec<f32>,
    /// `[outputs]`: what the offset of the rows adds to each sum.
    offsets: Vec<i32>,
    /// `[outputs]`
    biases: Vec<f32>,
}

/// The instructions that multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    Avx512,
    Avx,
    /// Slow, for tests.
    None,
}

impl Instructions {
    fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avxvnni") && is_x86_feature_detected!("avx2") {
                return Self::Avx;
            }
        }
        Self::None
    }
}

/// Whether the processor has instructions for it; else single precision is faster.
pub(crate) fn is_fast() -> bool {
    Instructions::of_this_processor() != Instructions::None
}

impl QuantizedMatrix {
    /// `weight`: `[outputs, inputs]`, `biases`: `[outputs]`.
    pub(crate) fn new(weight: &[f32], biases: &[f32], inputs: usize) -> Self {
        let outputs = biases.len();
        assert!(
            weight.len() == outputs * inputs,
            "weights are [outputs, inputs]"
        );
        let quads = inputs.div_ceil(QUAD);
        let mut panels = vec![Quads([[0; QUAD]; LANES]); outputs.div_ceil(LANES) * quads];
        let (mut scales, mut offsets) = (Vec::new(), Vec::new());
        for (output, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let (scale, inverse) = scale(row);
            let panel = &mut panels[output / LANES * quads..][..quads];
            let mut sum = 0;
            for (input, value) in row.iter().enumerate() {
                let value = (value * inverse).round_ties_even() as i8;
                panel[input / QUAD].0[output % LANES][input % QUAD] = value;
                sum += i32::from(value);
            }
            scales.push(scale);
            offsets.push(OFFSET * sum);
        }
        Self {
            inputs,
            outputs,
            panels,
            scales,
            offsets,
            biases: biases.to_vec(),
        }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `rows`: `[n, inputs]`; `result`: `[n, outputs]`, written.
    pub(crate) fn multiply(&self, rows: &[f32], result: &mut [f32]) {
        self.multiply_with(rows, result, Instructions::of_this_processor());
    }

    fn multiply_with(&self, rows: &[f32], result: &mut [f32], instructions: Instructions) {
        if self.inputs == 0 || self.outputs == 0 {
            return;
        }
        let n = rows.len() / self.inputs;
        let wanted = parallel::threads() * TASKS;
        let height = n
            .div_ceil(wanted)
            .next_multiple_of(LANES)
            .clamp(LANES, ROWS_AT_A_TIME);
        let panels = self.outputs.div_ceil(LANES);
        let across = wanted.div_ceil(n.div_ceil(height).max(1)).clamp(1, panels);
        let across: Vec<Range<usize>> = (0..across)
            .map(|part| panels * part / across..panels * (part + 1) / across)
            .collect();
        let columns: Vec<Range<usize>> = across
            .iter()
            .map(|panels| panels.start * LANES..(panels.end * LANES).min(self.outputs))
            .collect();
        let mut parts = Vec::new();
        for (rows, result) in rows
            .chunks(height * self.inputs)
            .zip(result.chunks_mut(height * self.outputs))
        {
            let mut results: Vec<Vec<&mut [f32]>> = across.iter().map(|_| Vec::new()).collect();
            for row in result.chunks_exact_mut(self.outputs) {
                for (result, row) in results
                    .iter_mut()
                    .zip(parallel::split_rows(row, &columns, 1))
                {
                    result.push(row);
                }
            }
            parts.extend(across.iter().zip(results).map(|(panels, result)| Part {
                rows,
                panels: panels.clone(),
                result,
            }));
        }
        parallel::run(parts, |part| multiply(part, self, instructions));
    }
}

/// The scale of values in eight bits, and its inverse.
#[inline(always)]
fn scale(values: &[f32]) -> (f32, f32) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut largest = [0.0_f32; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            let value = chunk[lane].abs();
            largest[lane] = if value > largest[lane] {
                value
            } else {
                largest[lane]
            };
        }
    }
    let largest = largest
        .into_iter()
        .chain(rest.iter().map(|value| value.abs()))
        .fold(0.0, f32::max);
    if largest > 0.0 {
        (largest / LARGEST, LARGEST / largest)
    } else {
        (0.0, 0.0)
    }
}

/// What one task multiplies.
struct Part<'a> {
    /// `[n, inputs]`
    rows: &'a [f32],
    panels: Range<usize>,
    /// The outputs of the panels, of each row.
    result: Vec<&'a mut [f32]>,
}

vectorized! {
    fn multiply(part: Part<'_>, weights: &QuantizedMatrix, instructions: Instructions) => multiply_body
}

#[inline(always)]
fn multiply_body<const FMA: bool, const ROWS: usize>(
    mut part: Part<'_>,
    weights: &QuantizedMatrix,
    instructions: Instructions,
) {
    let quads = weights.inputs.div_ceil(QUAD);
    let mut scales = Vec::with_capacity(part.result.len());
    let mut columns = vec![Column([[0; QUAD]; LANES]); part.result.len().div_ceil(LANES) * quads];
    for (rows, columns) in part
        .rows
        .chunks(LANES * weights.inputs)
        .zip(columns.chunks_exact_mut(quads))
    {
        quantize::<ROWS>(rows, weights.inputs, columns, &mut scales);
    }
    let Range { start: first, end } = part.panels.clone();
    for panel in (first..end).step_by(2) {
        let panels = [panel, (panel + 1).min(end - 1)];
        let values = panels.map(|panel| &weights.panels[panel * quads..][..quads]);
        let outputs = panels.map(|panel| Outputs::new(weights, panel));
        for ((columns, rows), scales) in columns
            .chunks_exact(quads)
            .zip(part.result.chunks_mut(LANES))
            .zip(scales.chunks(LANES))
        {
            let [left, right] = tiles(columns, values, instructions);
            let column = (panel - first) * LANES;
            for (((row, left), right), scale) in rows.iter_mut().zip(&left).zip(&right).zip(scales)
            {
                outputs[0].put(&mut row[column..], left, *scale);
                if panel + 1 < end {
                    outputs[1].put(&mut row[column + LANES..], right, *scale);
                }
            }
        }
    }
}

/// What turns the sums of a panel's outputs into values.
struct Outputs {
    scales: Lanes,
    biases: Lanes,
    offsets: [i32; LANES],
}

impl Outputs {
    #[inline(always)]
    fn new(weights: &QuantizedMatrix, panel: usize) -> Self {
        let range = panel * LANES..weights.outputs.min((panel + 1) * LANES);
        let mut offsets = [0; LANES];
        offsets[..range.len()].copy_from_slice(&weights.offsets[range.clone()]);
        Self {
            scales: load(&weights.scales[range.clone()]),
            biases: load(&weights.biases[range]),
            offsets,
        }
    }

    #[inline(always)]
    fn put(&self, row: &mut [f32], sums: &[i32; LANES], scale: f32) {
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            let sum = (sums[lane] - self.offsets[lane]) as f32;
            values[lane] = sum * (scale * self.scales[lane]) + self.biases[lane];
        }
        if let Some(row) = row.first_chunk_mut::<LANES>() {
            *row = values;
        } else {
            row.copy_from_slice(&values[..row.len()]);
        }
    }
}

/// Up to sixteen rows in eight bits, side by side; adds the scale of each.
#[inline(always)]
fn quantize<const ROWS: usize>(
    rows: &[f32],
    inputs: usize,
    columns: &mut [Column],
    scales: &mut Vec<f32>,
) {
    /// Adding this leaves the nearest integer in the low bits of the mantissa.
    const SHIFT: f32 = 12_582_912.0;
    let quads = columns.len();
    let width = quads.next_multiple_of(LANES) * QUAD;
    let mut bytes = vec![OFFSET as u8; LANES * width];
    for (row, bytes) in rows.chunks_exact(inputs).zip(bytes.chunks_exact_mut(width)) {
        let (scale, inverse) = scale(row);
        scales.push(scale);
        for (value, byte) in row.iter().zip(bytes) {
            *byte = ((value * inverse + SHIFT).to_bits() as u8).wrapping_add(OFFSET as u8);
        }
    }
    // Four bytes travel as one number, whose value nobody looks at.
    for (place, columns) in columns.chunks_mut(LANES).enumerate() {
        let block = std::array::from_fn(|row| {
            let bytes = &bytes[row * width + place * LANES * QUAD..][..LANES * QUAD];
            let (quads, _) = bytes.as_chunks::<QUAD>();
            std::array::from_fn(|quad| f32::from_ne_bytes(quads[quad]))
        });
        for (column, values) in columns.iter_mut().zip(transposed::<ROWS>(&block)) {
            column.0 = values.map(f32::to_ne_bytes);
        }
    }
}

/// Sums of two panels: each value of the rows is read once for both.
#[inline(always)]
fn tiles(columns: &[Column], panels: [&[Quads]; 2], instructions: Instructions) -> [Sums; 2] {
    #[cfg(target_arch = "x86_64")]
    match instructions {
        // SAFETY: the processor was found to have the instructions.
        #[allow(unsafe_code)]
        Instructions::Avx512 => return unsafe { tiles_avx512(columns, panels) },
        Instructions::Avx => {
            // SAFETY: the processor was found to have the instructions.
            #[allow(unsafe_code)]
            return panels.map(|panel| unsafe { tile_avx(columns, panel) });
        }
        Instructions::None => {}
    }
    panels.map(|panel| tile(columns, panel))
}

fn tile(columns: &[Column], panel: &[Quads]) -> Sums {
    let mut sums = [[0; LANES]; LANES];
    for (column, quads) in columns.iter().zip(panel) {
        for (sums, row) in sums.iter_mut().zip(&column.0) {
            for (sum, weights) in sums.iter_mut().zip(&quads.0) {
                for (value, weight) in row.iter().zip(weights) {
                    *sum += i32::from(*value) * i32::from(*weight);
                }
            }
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
fn tiles_avx512(columns: &[Column], panels: [&[Quads]; 2]) -> [Sums; 2] {
    use std::arch::x86_64::{
        _mm512_dpbusd_epi32, _mm512_load_si512, _mm512_set1_epi32, _mm512_setzero_si512,
        _mm512_storeu_si512,
    };

    /// Rows at a time: twice as many sums fit the registers.
    const HALF: usize = LANES / 2;
    let mut result = [[[0; LANES]; LANES]; 2];
    for first in [0, HALF] {
        let mut sums = [[_mm512_setzero_si512(); 2]; HALF];
        for ((column, left), right) in columns.iter().zip(panels[0]).zip(panels[1]) {
            // SAFETY: there are 64 aligned bytes to read of each.
            #[allow(unsafe_code)]
            let weights = unsafe {
                [
                    _mm512_load_si512(std::ptr::from_ref(left).cast()),
                    _mm512_load_si512(std::ptr::from_ref(right).cast()),
                ]
            };
            for (row, sums) in sums.iter_mut().enumerate() {
                let row = _mm512_set1_epi32(i32::from_ne_bytes(column.0[first + row]));
                sums[0] = _mm512_dpbusd_epi32(sums[0], row, weights[0]);
                sums[1] = _mm512_dpbusd_epi32(sums[1], row, weights[1]);
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            for (result, sum) in result.iter_mut().zip(sums) {
                // SAFETY: there is room for sixteen numbers.
                #[allow(unsafe_code)]
                unsafe {
                    _mm512_storeu_si512(result[first + row].as_mut_ptr().cast(), sum);
                }
            }
        }
    }
    result
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avxvnni")]
#[inline]
fn tile_avx(columns: &[Column], panel: &[Quads]) -> Sums {
    use std::arch::x86_64::{
        _mm256_dpbusd_avx_epi32, _mm256_load_si256, _mm256_set1_epi32, _mm256_setzero_si256,
        _mm256_storeu_si256,
    };

    /// As many rows at a time as there are registers for.
    const FEW: usize = 4;
    const HALF: usize = LANES / 2;
    let mut result = [[0; LANES]; LANES];
    for (number, result) in result.chunks_exact_mut(FEW).enumerate() {
        let mut sums = [[_mm256_setzero_si256(); 2]; FEW];
        for (column, quads) in columns.iter().zip(panel) {
            let halves: *const std::arch::x86_64::__m256i = std::ptr::from_ref(quads).cast();
            // SAFETY: there are twice 32 aligned bytes to read.
            #[allow(unsafe_code)]
            let halves = unsafe { [_mm256_load_si256(halves), _mm256_load_si256(halves.add(1))] };
            for (sums, row) in sums.iter_mut().zip(&column.0[number * FEW..]) {
                let row = _mm256_set1_epi32(i32::from_ne_bytes(*row));
                for (sum, half) in sums.iter_mut().zip(halves) {
                    *sum = _mm256_dpbusd_avx_epi32(*sum, row, half);
                }
            }
        }
        for (row, sums) in result.iter_mut().zip(sums) {
            for (half, sum) in row.chunks_exact_mut(HALF).zip(sums) {
                // SAFETY: there is room for eight numbers.
                #[allow(unsafe_code)]
                unsafe {
                    _mm256_storeu_si256(half.as_mut_ptr().cast(), sum);
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(place: usize) -> f32 {
        ((place * 37 + 11) % 1_009) as f32 / 1_009.0 - 0.4
    }

    #[test]
    fn products_are_near_those_of_the_definition_and_the_same_everywhere() {
        for (n, inputs, outputs) in [(1, 3, 5), (13, 384, 40), (230, 70, 17), (2, 10, 900)] {
            let rows: Vec<f32> = (0..n * inputs).map(value).collect();
            let weight: Vec<f32> = (0..outputs * inputs)
                .map(|place| value(place + 5))
                .collect();
            let biases: Vec<f32> = (0..outputs).map(value).collect();
            let matrix = QuantizedMatrix::new(&weight, &biases, inputs);
            let mut found = vec![f32::NAN; n * outputs];
            matrix.multiply(&rows, &mut found);
            for row in 0..n {
                for output in 0..outputs {
                    let terms = (0..inputs).map(|input| {
                        (
                            f64::from(rows[row * inputs + input]),
                            f64::from(weight[output * inputs + input]),
                        )
                    });
                    let expected: f64 = terms.clone().map(|(x, w)| x * w).sum();
                    let expected = expected + f64::from(biases[output]);
                    // Half a step of 0.6 / 127 on either side of each product.
                    let allowed: f64 = terms
                        .map(|(x, w)| 0.0024 * (x.abs() + w.abs()))
                        .sum::<f64>()
                        + 1e-5;
                    let found = f64::from(found[row * outputs + output]);
                    assert!(
                        (found - expected).abs() < allowed,
                        "{found}, expected {expected}, allowed {allowed}"
                    );
                }
            }
            let mut others = vec![Instructions::None];
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("avxvnni") {
                others.push(Instructions::Avx);
            }
            for instructions in others {
                let mut other = vec![f32::NAN; n * outputs];
                matrix.multiply_with(&rows, &mut other, instructions);
                assert_eq!(other, found, "{instructions:?}");
            }
        }
    }

    #[test]
    fn rows_of_zeros_give_biases() {
        let matrix = QuantizedMatrix::new(&[1.0, -2.0, 0.0, 0.0], &[3.0, 4.0], 2);
        let mut found = [f32::NAN; 4];
        matrix.multiply(&[0.0, 0.0, 1.0, 1.0], &mut found);
        assert_eq!(found[..2], [3.0, 4.0]);
        assert_eq!(found[3], 4.0);
    }
}
