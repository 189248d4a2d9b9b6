//! Convolution over time, `ReLU` and the maximum over time as one kernel (METHODS 1.5, step 4).
//!
//! The maps `[tokens, channels]` are never written: a register tile of positions times sixteen channels
//! is reduced at once. Backward, a gradient reaches one window per document and channel, so three small
//! sums replace two large matrix products.

use super::dispatch::vectorized;
use super::lanes::{LANES, Lanes, add_scaled, load, tile};

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
    let geometry = Geometry::new(&weights.sizes);
    let longest = group.lengths.iter().copied().max().unwrap_or(0);
    // Columns of a document with zeros on both sides: window positions are consecutive floats.
    let stride = longest + 2 * geometry.lead + geometry.taps + BLOCKS * ROWS;
    let mut columns = vec![0.0_f32; inputs * stride];
    let mut packed = vec![[0.0_f32; ROWS]; BLOCKS * geometry.taps * inputs];
    let panels = weights.channels.div_ceil(LANES);
    let mut best = vec![([0.0_f32; LANES], [NO_WINDOW; LANES]); weights.sizes.len() * panels];
    let mut start = 0;
    for (document, &length) in group.lengths.iter().enumerate() {
        let tokens = &group.inputs[start * inputs..(start + length) * inputs];
        start += length;
        transpose(tokens, inputs, &mut columns, stride, geometry.lead);
        for column in columns.chunks_exact_mut(stride) {
            column[geometry.lead + length..].fill(0.0);
        }
        // Windows of each size, and those of them that begin before the end of the document; the others see zeros only.
        let padded = group.padded.map_or(length, |padded| padded.max(length));
        let windows = |size: usize| padded + 2 * (size / 2) + 1 - size;
        let touching = |size: usize| windows(size).min(length + size / 2);
        for (index, best) in best.iter_mut().enumerate() {
            let size = weights.sizes[index / panels];
            let start = if windows(size) > touching(size) {
                0.0
            } else {
                f32::NEG_INFINITY
            };
            *best = ([start; LANES], [NO_WINDOW; LANES]);
        }
        let last = weights
            .sizes
            .iter()
            .map(|size| touching(*size))
            .max()
            .unwrap_or(0);
        let mut first = 0;
        while first < last {
            let blocks = (last - first).div_ceil(ROWS).min(BLOCKS);
            pack::<ROWS>(&columns, stride, &mut packed, geometry.taps, first, blocks);
            let mut panel_start = 0;
            for (index, &size) in weights.sizes.iter().enumerate() {
                let depth = size * inputs;
                let offset = geometry.first_tap(size) * inputs;
                for panel in 0..panels {
                    let panel_weights = &weights.panels[panel_start..panel_start + depth];
                    panel_start += depth;
                    let (best, place) = &mut best[index * panels + panel];
                    for (block, packed) in packed
                        .chunks_exact(geometry.taps * inputs)
                        .take(blocks)
                        .enumerate()
                    {
                        let sums =
                            tile::<FMA, ROWS>(&packed[offset..offset + depth], panel_weights);
                        let window = first + block * ROWS;
                        let rows = touching(size).saturating_sub(window);
                        for (row, sums) in sums.iter().enumerate().take(rows) {
                            let window = (window + row) as i32;
                            for lane in 0..LANES {
                                let better = sums[lane] > best[lane];
                                best[lane] = if better { sums[lane] } else { best[lane] };
                                place[lane] = if better { window } else { place[lane] };
                            }
                        }
                    }
                }
            }
            first += blocks * ROWS;
        }
        let feature_row = &mut group.features[document * features..(document + 1) * features];
        let window_row = &mut group.windows[document * features..(document + 1) * features];
        for (index, (best, place)) in best.iter().enumerate() {
            let from = index % panels * LANES;
            let to = weights.channels.min(from + LANES);
            let offset = index / panels * weights.channels;
            let bias = load(&weights.biases[offset + from..offset + to]);
            for lane in 0..to - from {
                feature_row[offset + from + lane] = (best[lane] + bias[lane]).max(0.0);
                window_row[offset + from + lane] = place[lane];
            }
        }
    }
}

/// Blocks of positions whose windows are packed at once: few enough for the second cache, enough to use a panel of
/// weights several times while it is in the first.
const BLOCKS: usize = 8;

/// Which inputs the windows at one position see, over all kernel sizes.
pub(super) struct Geometry {
    /// Inputs before the position: the largest padding.
    pub(super) lead: usize,
    /// Inputs from the first to the last that any size sees.
    taps: usize,
}

impl Geometry {
    pub(super) fn new(sizes: &[usize]) -> Self {
        let lead = sizes.iter().map(|size| size / 2).max().unwrap_or(0);
        let taps = sizes
            .iter()
            .map(|size| lead - size / 2 + size)
            .max()
            .unwrap_or(0);
        Self { lead, taps }
    }

    /// First input that windows of a size see.
    pub(super) fn first_tap(&self, size: usize) -> usize {
        self.lead - size / 2
    }
}

/// For `blocks` blocks of `ROWS` positions, beginning at position `first`: `[block][tap][input][row]`.
#[inline(always)]
fn pack<const ROWS: usize>(
    columns: &[f32],
    stride: usize,
    packed: &mut [[f32; ROWS]],
    taps: usize,
    first: usize,
    blocks: usize,
) {
    let inputs = columns.len() / stride;
    for (block, packed) in packed
        .chunks_exact_mut(taps * inputs)
        .take(blocks)
        .enumerate()
    {
        for (tap, packed) in packed.chunks_exact_mut(inputs).enumerate() {
            let from = first + block * ROWS + tap;
            for (column, packed) in columns.chunks_exact(stride).zip(packed) {
                packed.copy_from_slice(&column[from..from + ROWS]);
            }
        }
    }
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
