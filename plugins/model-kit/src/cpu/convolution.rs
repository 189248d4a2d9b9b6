//! Convolution over time, ReLU and the maximum over time as one kernel (METHODS 1.5, step 4).
//!
//! The maps `[tokens, channels]` are never written: a register tile of positions times sixteen channels
//! is reduced at once. Backward, a gradient reaches one window per document and channel, so three small
//! sums replace two large matrix products.

use super::dispatch::{multiply_add, vectorized};
use super::lanes::{LANES, Lanes, add_scaled, load};

/// No window won: the maximum is that of an empty window, or the unit is inactive.
pub(crate) const NO_WINDOW: i32 = -1;

/// Weights of all kernel sizes, rearranged for the kernels.
pub(crate) struct ConvolutionWeights {
    inputs: usize,
    channels: usize,
    sizes: Vec<usize>,
    /// `[size][panel][tap][input][lane]`
    panels: Vec<Lanes>,
    /// `[size][tap][channel][input]`
    rows: Vec<f32>,
    /// `[size][channel]`
    biases: Vec<f32>,
}

impl ConvolutionWeights {
    /// `weights`: `[channels, inputs, size]` for each kernel size; `biases`: `[channels]` each.
    pub(crate) fn new(
        inputs: usize,
        channels: usize,
        sizes: &[usize],
        weights: &[&[f32]],
        biases: &[&[f32]],
    ) -> Self {
        let mut panels = Vec::new();
        let mut rows = Vec::new();
        for (&size, weight) in sizes.iter().zip(weights) {
            assert!(
                weight.len() == channels * inputs * size,
                "convolution weights are [channels, inputs, size]"
            );
            for panel in 0..channels.div_ceil(LANES) {
                for tap in 0..size {
                    for input in 0..inputs {
                        panels.push(std::array::from_fn(|lane| {
                            let channel = panel * LANES + lane;
                            if channel < channels {
                                weight[(channel * inputs + input) * size + tap]
                            } else {
                                0.0
                            }
                        }));
                    }
                }
            }
            for tap in 0..size {
                for channel in 0..channels {
                    rows.extend(
                        (0..inputs).map(|input| weight[(channel * inputs + input) * size + tap]),
                    );
                }
            }
        }
        let biases = biases
            .iter()
            .flat_map(|bias| bias.iter().copied())
            .collect();
        Self {
            inputs,
            channels,
            sizes: sizes.to_vec(),
            panels,
            rows,
            biases,
        }
    }

    /// Values per document: channels of all sizes.
    pub(crate) fn features(&self) -> usize {
        self.channels * self.sizes.len()
    }

    /// Length of the weights' gradient, laid out `[size][tap][channel][input]`.
    pub(crate) fn gradient_len(&self) -> usize {
        self.rows.len()
    }
}

/// Documents of one group in the forward pass.
pub(crate) struct ForwardGroup<'a> {
    /// Lengths of the documents.
    pub(crate) lengths: &'a [usize],
    /// `[tokens, inputs]`, document after document.
    pub(crate) inputs: &'a [f32],
    /// `[documents, features]`
    pub(crate) features: &'a mut [f32],
    /// `[documents, features]`: the window that gave the maximum, or [`NO_WINDOW`].
    pub(crate) windows: &'a mut [i32],
    /// Length to which every document counts as padded with zeros; its own when none.
    pub(crate) padded: Option<usize>,
}

vectorized! {
    /// Features of the documents of one group.
    pub(crate) fn forward(group: ForwardGroup<'_>, weights: &ConvolutionWeights) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(
    group: ForwardGroup<'_>,
    weights: &ConvolutionWeights,
) {
    let (inputs, features) = (weights.inputs, weights.features());
    let lead = weights.sizes.iter().map(|size| size / 2).max().unwrap_or(0);
    let longest = group.lengths.iter().copied().max().unwrap_or(0);
    // Columns of a document with zeros on both sides: window positions are consecutive floats.
    let stride = longest + 2 * lead + 2 * ROWS;
    let mut columns = vec![0.0_f32; inputs * stride];
    let mut start = 0;
    for (document, &length) in group.lengths.iter().enumerate() {
        let tokens = &group.inputs[start * inputs..(start + length) * inputs];
        start += length;
        transpose(tokens, inputs, &mut columns, stride, lead);
        for column in columns.chunks_exact_mut(stride) {
            column[lead + length..].fill(0.0);
        }
        let feature_row = &mut group.features[document * features..(document + 1) * features];
        let window_row = &mut group.windows[document * features..(document + 1) * features];
        let mut panel_start = 0;
        for (index, &size) in weights.sizes.iter().enumerate() {
            let pad = size / 2;
            let padded = group.padded.map_or(length, |padded| padded.max(length));
            let windows = padded + 2 * pad + 1 - size;
            // Windows that begin behind the document see zeros only.
            let touching = windows.min(length + pad);
            let depth = size * inputs;
            for panel in 0..weights.channels.div_ceil(LANES) {
                let panel_weights = &weights.panels[panel_start..panel_start + depth];
                panel_start += depth;
                let (mut best, mut place) = if windows > touching {
                    ([0.0; LANES], [NO_WINDOW; LANES])
                } else {
                    ([f32::NEG_INFINITY; LANES], [NO_WINDOW; LANES])
                };
                let mut first = 0;
                while first < touching {
                    let sums = window_tile::<FMA, ROWS>(
                        &columns,
                        stride,
                        inputs,
                        panel_weights,
                        first + lead - pad,
                    );
                    for row in 0..ROWS.min(touching - first) {
                        let window = (first + row) as i32;
                        for lane in 0..LANES {
                            let better = sums[row][lane] > best[lane];
                            best[lane] = if better { sums[row][lane] } else { best[lane] };
                            place[lane] = if better { window } else { place[lane] };
                        }
                    }
                    first += ROWS;
                }
                let from = panel * LANES;
                let to = weights.channels.min(from + LANES);
                let offset = index * weights.channels;
                let bias = load(&weights.biases[offset + from..offset + to]);
                for lane in 0..to - from {
                    let value = best[lane] + bias[lane];
                    feature_row[offset + from + lane] = value.max(0.0);
                    window_row[offset + from + lane] = place[lane];
                }
            }
        }
    }
}

/// Sums of `ROWS` windows, the first of which begins at column `first`.
#[inline(always)]
fn window_tile<const FMA: bool, const ROWS: usize>(
    columns: &[f32],
    stride: usize,
    inputs: usize,
    weights: &[Lanes],
    first: usize,
) -> [Lanes; ROWS] {
    let mut sums = [[0.0; LANES]; ROWS];
    for (tap, weights) in weights.chunks_exact(inputs).enumerate() {
        let from = first + tap;
        for (column, weight) in columns.chunks_exact(stride).zip(weights) {
            let Some(values) = column[from..].first_chunk::<ROWS>() else {
                continue;
            };
            for row in 0..ROWS {
                for lane in 0..LANES {
                    sums[row][lane] =
                        multiply_add::<FMA>(values[row], weight[lane], sums[row][lane]);
                }
            }
        }
    }
    sums
}

/// Writes `[tokens, inputs]` as columns of `stride`, beginning at `lead`.
#[inline(always)]
fn transpose(tokens: &[f32], inputs: usize, columns: &mut [f32], stride: usize, lead: usize) {
    const BLOCK: usize = 16;
    for (block, rows) in tokens.chunks(BLOCK * inputs).enumerate() {
        let first = lead + block * BLOCK;
        for (input, column) in columns.chunks_exact_mut(stride).enumerate() {
            let count = rows.len() / inputs;
            for (time, target) in column[first..first + count].iter_mut().enumerate() {
                *target = rows[time * inputs + input];
            }
        }
    }
}

/// Documents of one group in the backward pass.
pub(crate) struct BackwardGroup<'a> {
    pub(crate) lengths: &'a [usize],
    /// `[tokens, inputs]`
    pub(crate) inputs: &'a [f32],
    /// `[documents, features]`
    pub(crate) features: &'a [f32],
    pub(crate) windows: &'a [i32],
    /// `[documents, features]`: gradient of the features.
    pub(crate) gradient: &'a [f32],
    /// `[tokens, inputs]`, written.
    pub(crate) input_gradient: &'a mut [f32],
    /// `[size][tap][channel][input]`, written.
    pub(crate) weight_gradient: &'a mut [f32],
    /// `[size][channel]`, written.
    pub(crate) bias_gradient: &'a mut [f32],
}

vectorized! {
    /// Gradients of one group.
    pub(crate) fn backward(group: BackwardGroup<'_>, weights: &ConvolutionWeights) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    group: BackwardGroup<'_>,
    weights: &ConvolutionWeights,
) {
    let (inputs, features, channels) = (weights.inputs, weights.features(), weights.channels);
    group.input_gradient.fill(0.0);
    group.weight_gradient.fill(0.0);
    group.bias_gradient.fill(0.0);
    let mut start = 0;
    for (document, &length) in group.lengths.iter().enumerate() {
        let tokens = &group.inputs[start * inputs..(start + length) * inputs];
        let token_gradient = &mut group.input_gradient[start * inputs..(start + length) * inputs];
        start += length;
        let mut first_tap = 0;
        for (index, &size) in weights.sizes.iter().enumerate() {
            let pad = size / 2;
            for channel in 0..channels {
                let feature = index * channels + channel;
                let gradient = group.gradient[document * features + feature];
                if group.features[document * features + feature] <= 0.0 || gradient == 0.0 {
                    continue;
                }
                group.bias_gradient[feature] += gradient;
                let window = group.windows[document * features + feature];
                if window == NO_WINDOW {
                    continue;
                }
                for tap in 0..size {
                    let Some(time) = (window as usize + tap)
                        .checked_sub(pad)
                        .filter(|time| *time < length)
                    else {
                        continue;
                    };
                    let weight = ((first_tap + tap) * channels + channel) * inputs;
                    let row = time * inputs..(time + 1) * inputs;
                    add_scaled::<FMA>(
                        &mut token_gradient[row.clone()],
                        gradient,
                        &weights.rows[weight..weight + inputs],
                    );
                    add_scaled::<FMA>(
                        &mut group.weight_gradient[weight..weight + inputs],
                        gradient,
                        &tokens[row],
                    );
                }
            }
            first_tap += size;
        }
    }
}
