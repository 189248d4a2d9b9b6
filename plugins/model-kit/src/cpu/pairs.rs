//! The convolution of [`convolution`](super::convolution) for prediction, two neighboring windows at a time.
//!
//! Two windows of a kernel of `r` inputs share `r − 1` of them: Winograd's minimal filtering F(2, r) needs `r + 1`
//! products for both instead of `2 r`. For kernels of 2, 3 and 4 inputs together that is a third less; results differ
//! from the direct ones in the last digits. Training keeps the direct form, whose windows lead the way back.

use super::convolution::{ForwardGroup, Geometry, NO_WINDOW};
use super::dispatch::vectorized;
use super::lanes::{LANES, Lanes, load, tile};

/// Products of a pair of windows at most.
const POINTS: usize = 5;
/// Blocks of pairs that are transformed at once: few enough for the second cache.
const BLOCKS: usize = 8;

/// Whether pairs of windows of this size can be computed here.
pub(crate) fn takes(size: usize) -> bool {
    (2..POINTS).contains(&size)
}

/// A kernel's taps as factors of the products; as many as taps and one more.
fn factors(taps: &[f32]) -> [f32; POINTS] {
    match *taps {
        [a, b] => [a, a + b, b, 0.0, 0.0],
        [a, b, c] => [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c, 0.0],
        [a, b, c, d] => [
            a / 2.0,
            (a + b + c + d) / 2.0,
            (a - b + c - d) / 6.0,
            (a + 2.0 * b + 4.0 * c + 8.0 * d) / 6.0,
            d,
        ],
        _ => [0.0; POINTS],
    }
}

/// The inputs' side of the products at each point, for a kernel of `size` taps; `d(j)`: input `j` of each pair.
#[inline(always)]
fn point<const ROWS: usize>(
    size: usize,
    point: usize,
    d: impl Fn(usize) -> [f32; ROWS],
) -> [f32; ROWS] {
    let sum = |terms: &[(f32, usize)]| {
        let mut sum = [0.0; ROWS];
        for &(factor, input) in terms {
            let values = d(input);
            for row in 0..ROWS {
                sum[row] += factor * values[row];
            }
        }
        sum
    };
    match (size, point) {
        (2, 0) => sum(&[(1.0, 0), (-1.0, 1)]),
        (2, 1) => d(1),
        (2, _) => sum(&[(1.0, 2), (-1.0, 1)]),
        (3, 0) => sum(&[(1.0, 0), (-1.0, 2)]),
        (3, 1) => sum(&[(1.0, 1), (1.0, 2)]),
        (3, 2) => sum(&[(1.0, 2), (-1.0, 1)]),
        (3, _) => sum(&[(1.0, 3), (-1.0, 1)]),
        (_, 0) => sum(&[(2.0, 0), (-1.0, 1), (-2.0, 2), (1.0, 3)]),
        (_, 1) => sum(&[(2.0, 1), (1.0, 2), (-1.0, 3)]),
        (_, 2) => sum(&[(-2.0, 1), (3.0, 2), (-1.0, 3)]),
        (_, 3) => sum(&[(1.0, 3), (-1.0, 1)]),
        (_, _) => sum(&[(2.0, 1), (-1.0, 2), (-2.0, 3), (1.0, 4)]),
    }
}

/// Both windows of the products.
#[inline(always)]
fn windows(size: usize, m: [f32; POINTS]) -> [f32; 2] {
    match size {
        2 => [m[0] + m[1], m[1] + m[2]],
        3 => [m[0] + m[1] + m[2], m[1] - m[2] + m[3]],
        _ => [m[0] + m[1] + m[2] + m[3], m[1] - m[2] + 2.0 * m[3] + m[4]],
    }
}

/// Weights of all kernel sizes, as factors of the products.
pub(crate) struct PairWeights {
    pub(super) inputs: usize,
    pub(super) channels: usize,
    pub(super) sizes: Vec<usize>,
    /// `[size][panel][point][input][lane]`
    panels: Vec<Lanes>,
    /// `[size][channel]`
    biases: Vec<f32>,
}

impl PairWeights {
    /// `weights`: `[channels, inputs, size]` for each kernel size, each of which is [taken](takes); `biases`:
    /// `[channels]` each.
    pub(crate) fn new(
        inputs: usize,
        channels: usize,
        sizes: &[usize],
        weights: &[&[f32]],
        biases: &[&[f32]],
    ) -> Self {
        let mut panels = Vec::new();
        for (&size, weight) in sizes.iter().zip(weights) {
            let factor = |channel: usize, input: usize, point: usize| {
                if channel < channels {
                    let first = (channel * inputs + input) * size;
                    factors(&weight[first..first + size])[point]
                } else {
                    0.0
                }
            };
            for panel in 0..channels.div_ceil(LANES) {
                for point in 0..=size {
                    for input in 0..inputs {
                        panels.push(std::array::from_fn(|lane| {
                            factor(panel * LANES + lane, input, point)
                        }));
                    }
                }
            }
        }
        Self {
            inputs,
            channels,
            sizes: sizes.to_vec(),
            panels,
            biases: biases.concat(),
        }
    }

    /// Values per document: channels of all sizes.
    pub(crate) fn features(&self) -> usize {
        self.channels * self.sizes.len()
    }
}

vectorized! {
    /// Features of the documents of one group; no window is named.
    pub(crate) fn forward(group: ForwardGroup<'_>, weights: &PairWeights) => forward_body
}

#[expect(
    clippy::needless_range_loop,
    reason = "a row runs through the products of all points"
)]
#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(
    group: ForwardGroup<'_>,
    weights: &PairWeights,
) {
    let (inputs, features) = (weights.inputs, weights.features());
    let geometry = Geometry::new(&weights.sizes);
    group.windows.fill(NO_WINDOW);
    let longest = group.lengths.iter().copied().max().unwrap_or(0);
    // Every second input of a document, zeros on both sides: the same input of neighboring pairs is consecutive.
    let stride = (longest + geometry.lead) / 2 + POINTS + BLOCKS * ROWS;
    let mut halves = [
        vec![0.0_f32; inputs * stride],
        vec![0.0_f32; inputs * stride],
    ];
    let mut packed = vec![[0.0_f32; ROWS]; BLOCKS * POINTS * inputs];
    let mut products = [[[[0.0_f32; LANES]; ROWS]; POINTS]; BLOCKS];
    let mut start = 0;
    for (document, &length) in group.lengths.iter().enumerate() {
        let tokens = &group.inputs[start * inputs..(start + length) * inputs];
        start += length;
        split(tokens, inputs, &mut halves, stride, geometry.lead, length);
        let padded = group.padded.map_or(length, |padded| padded.max(length));
        let row = &mut group.features[document * features..(document + 1) * features];
        let mut size_panels = weights.panels.as_slice();
        for (index, &size) in weights.sizes.iter().enumerate() {
            // As in the direct form: windows behind the document's last input see zeros only.
            let all = padded + 2 * (size / 2) + 1 - size;
            let touching = all.min(length + size / 2);
            let start = if all > touching {
                0.0
            } else {
                f32::NEG_INFINITY
            };
            let depth = (size + 1) * inputs;
            let offset = geometry.first_tap(size);
            let pairs = touching.div_ceil(2);
            let channels = &mut row[index * weights.channels..(index + 1) * weights.channels];
            channels.fill(start);
            let mut first = 0;
            while first < pairs {
                let blocks = (pairs - first).div_ceil(ROWS).min(BLOCKS);
                for (block, packed) in packed.chunks_exact_mut(depth).take(blocks).enumerate() {
                    let pair = first + block * ROWS;
                    pack::<ROWS>(&halves, stride, packed, size, offset, pair, inputs);
                }
                for (panel, channels) in channels.chunks_mut(LANES).enumerate() {
                    for point in 0..=size {
                        let factors = &size_panels[panel * depth + point * inputs..][..inputs];
                        for block in 0..blocks {
                            let inputs = &packed[block * depth + point * inputs..][..inputs];
                            products[block][point] = tile::<FMA, ROWS>(inputs, factors);
                        }
                    }
                    let mut best = load(channels);
                    for (block, products) in products.iter().take(blocks).enumerate() {
                        for row in 0..ROWS {
                            let window = 2 * (first + block * ROWS + row);
                            if window >= touching {
                                break;
                            }
                            let both = window + 1 < touching;
                            for lane in 0..LANES {
                                let m = std::array::from_fn(|point| products[point][row][lane]);
                                let [even, odd] = windows(size, m);
                                let pair = if both { even.max(odd) } else { even };
                                best[lane] = best[lane].max(pair);
                            }
                        }
                    }
                    let count = channels.len();
                    channels.copy_from_slice(&best[..count]);
                }
                first += blocks * ROWS;
            }
            size_panels = &size_panels[weights.channels.div_ceil(LANES) * depth..];
        }
        for (value, bias) in row.iter_mut().zip(&weights.biases) {
            *value = (*value + bias).max(0.0);
        }
    }
}

/// The inputs' side of the products of `ROWS` pairs from `pair` on: `[point][input][row]`.
#[inline(always)]
fn pack<const ROWS: usize>(
    halves: &[Vec<f32>; 2],
    stride: usize,
    packed: &mut [[f32; ROWS]],
    size: usize,
    offset: usize,
    pair: usize,
    inputs: usize,
) {
    for (at, packed) in packed.chunks_exact_mut(inputs).enumerate() {
        for (input, packed) in packed.iter_mut().enumerate() {
            *packed = point::<ROWS>(size, at, |tap| {
                let place = offset + tap;
                let from = input * stride + pair + place / 2;
                let mut values = [0.0; ROWS];
                values.copy_from_slice(&halves[place % 2][from..from + ROWS]);
                values
            });
        }
    }
}

/// Writes `[tokens, inputs]` as columns of inputs at even and at odd places, the first at `lead`; zeros behind the end.
#[inline(always)]
fn split(
    tokens: &[f32],
    inputs: usize,
    halves: &mut [Vec<f32>; 2],
    stride: usize,
    lead: usize,
    length: usize,
) {
    for (time, row) in tokens.chunks_exact(inputs).enumerate() {
        let place = lead + time;
        let half = &mut halves[place % 2];
        for (input, value) in row.iter().enumerate() {
            half[input * stride + place / 2] = *value;
        }
    }
    let end = lead + length;
    for (parity, half) in halves.iter_mut().enumerate() {
        let first = (end + 1 - parity) / 2;
        for column in half.chunks_exact_mut(stride) {
            column[first..].fill(0.0);
        }
    }
}
