//! Convolutions over time with `ReLU` and the highest values of each channel (METHODS 1.5, step 4).

use serde::{Deserialize, Serialize};
use tch::{IndexOp, Kind, Tensor};

use super::Initialization;
use crate::cpu::convolution::{self, BackwardGroup, ConvolutionWeights, ForwardGroup};
use crate::cpu::pairs::{self, PairWeights};
use crate::cpu::{self, parallel, slices};
use crate::error::KitError;
use crate::packing::Packing;
use crate::parameters::Parameters;
use crate::pass::Pass;

/// Which windows behind the end of a document take part in the maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvolutionTail {
    /// Those that exist when the document is alone: its features do not depend on its neighbors.
    #[default]
    Masked,
    /// All up to the longest document of the batch, as the authors' code has it.
    BatchMax,
}

/// Convolutions of several sizes. Features: for each size, for each channel, its `top_k` highest values.
#[derive(Debug)]
pub struct PooledConvolution {
    inputs: i64,
    channels: i64,
    top_k: i64,
    tail: ConvolutionTail,
    sizes: Vec<usize>,
    /// `[channels, inputs, size]` each.
    weights: Vec<Tensor>,
    /// `[channels]` each.
    biases: Vec<Tensor>,
}

impl PooledConvolution {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        channels: i64,
        sizes: &[usize],
        top_k: i64,
        tail: ConvolutionTail,
        initialization: Initialization,
    ) -> Result<Self, KitError> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for &size in sizes {
            let fan_in = inputs * size as i64;
            let fan_out = channels * size as i64;
            let name = format!("{name}.{size}");
            weights.push(parameters.add(
                &format!("{name}.weight"),
                &[channels, inputs, size as i64],
                &initialization.weight(fan_in, fan_out),
            )?);
            biases.push(parameters.add(
                &format!("{name}.bias"),
                &[channels],
                &initialization.bias(fan_in),
            )?);
        }
        Ok(Self {
            inputs,
            channels,
            top_k,
            tail,
            sizes: sizes.to_vec(),
            weights,
            biases,
        })
    }

    /// Number of features of a document.
    #[must_use]
    pub fn features(&self) -> i64 {
        self.channels * self.top_k * self.sizes.len() as i64
    }

    /// `x`: `[tokens, inputs]`, document after document; result: `[documents, features]`. `padded`: length up to which
    /// [`ConvolutionTail::BatchMax`] pads; the longest document when none.
    pub fn forward(
        &self,
        pass: &Pass,
        x: &Tensor,
        packing: &Packing,
        padded: Option<usize>,
    ) -> Tensor {
        if cpu::serves(x) && self.top_k == 1 {
            self.forward_here(pass, x, packing, padded)
        } else {
            self.forward_portable(x, packing, padded)
        }
    }

    fn padded(&self, packing: &Packing, padded: Option<usize>) -> Option<usize> {
        (self.tail == ConvolutionTail::BatchMax).then(|| padded.unwrap_or(0).max(packing.longest))
    }

    /// The same with libtorch's operations.
    pub fn forward_portable(&self, x: &Tensor, packing: &Packing, padded: Option<usize>) -> Tensor {
        let width = self.padded(packing, padded).unwrap_or(packing.longest);
        let starts = packing.starts();
        // Row of zeros behind all tokens, for padding.
        let mut index = vec![packing.tokens as i64; packing.documents() * width];
        for (document, &length) in packing.lengths.iter().enumerate() {
            for time in 0..length {
                index[document * width + time] = (starts[document] + time) as i64;
            }
        }
        let rows = Tensor::cat(
            &[
                x.shallow_clone(),
                Tensor::zeros([1, self.inputs], (x.kind(), x.device())),
            ],
            0,
        );
        let columns = rows
            .index_select(0, &Tensor::from_slice(&index).to_device(x.device()))
            .view([packing.documents() as i64, width as i64, self.inputs])
            .transpose(1, 2);
        let mut features = Vec::with_capacity(self.sizes.len());
        for ((&size, weight), bias) in self.sizes.iter().zip(&self.weights).zip(&self.biases) {
            let pad = size / 2;
            let mut maps = columns
                .conv1d(weight, Some(bias), 1, [pad as i64], 1, 1)
                .relu();
            if self.tail == ConvolutionTail::Masked {
                let windows = maps.size()[2] as usize;
                let mut mask = vec![0.0_f32; packing.documents() * windows];
                for (row, &length) in mask.chunks_exact_mut(windows).zip(&packing.lengths) {
                    row[length + 2 * pad + 1 - size..].fill(f32::NEG_INFINITY);
                }
                let mask =
                    Tensor::from_slice(&mask).view([packing.documents() as i64, 1, windows as i64]);
                // Not in place: the rectifier needs its own output for the way back.
                maps = maps.g_add(&mask.to_device(x.device()));
            }
            let available = maps.size()[2];
            let (mut values, _) = maps.topk(self.top_k.min(available), 2, true, true);
            if available < self.top_k {
                values = values.constant_pad_nd([0, self.top_k - available]);
            }
            // A document with fewer windows than values asked for has nothing in the missing places.
            let values = values.masked_fill(&values.isneginf(), 0.0);
            features.push(values.flatten(1, 2));
        }
        Tensor::cat(&features, 1)
    }

    fn kernel_weights(&self) -> ConvolutionWeights {
        self.with_slices(|weights, biases| {
            ConvolutionWeights::new(
                self.inputs as usize,
                self.channels as usize,
                &self.sizes,
                weights,
                biases,
            )
        })
    }

    /// `[channels, inputs, size]` and `[channels]` of each size.
    fn with_slices<T>(&self, work: impl FnOnce(&[&[f32]], &[&[f32]]) -> T) -> T {
        let weights: Vec<Tensor> = self.weights.iter().map(Tensor::detach).collect();
        let biases: Vec<Tensor> = self.biases.iter().map(Tensor::detach).collect();
        work(
            &weights.iter().map(slices::read).collect::<Vec<_>>(),
            &biases.iter().map(slices::read).collect::<Vec<_>>(),
        )
    }

    /// The convolutions for prediction on a processor.
    pub(crate) fn compile(&self) -> CompiledConvolution {
        if !self.sizes.iter().all(|&size| pairs::takes(size)) {
            return CompiledConvolution::Direct(self.kernel_weights());
        }
        self.with_slices(|weights, biases| {
            CompiledConvolution::Pairs(PairWeights::new(
                self.inputs as usize,
                self.channels as usize,
                &self.sizes,
                weights,
                biases,
            ))
        })
    }

    fn forward_here(
        &self,
        pass: &Pass,
        x: &Tensor,
        packing: &Packing,
        padded: Option<usize>,
    ) -> Tensor {
        let _guard = tch::no_grad_guard();
        let weights = self.kernel_weights();
        let input = x.detach();
        let kernel = |group: ForwardGroup<'_>| convolution::forward(group, &weights);
        let padded = self.padded(packing, padded);
        let (output, windows) = pooled(&input, packing, weights.features(), padded, kernel);
        let saved = output.shallow_clone();
        let packing = packing.clone();
        let (inputs, channels, sizes) = (self.inputs, self.channels, self.sizes.clone());
        let parameters: Vec<&Tensor> = [x]
            .into_iter()
            .chain(&self.weights)
            .chain(&self.biases)
            .collect();
        pass.record(output, &parameters, move |gradient| {
            let (of_input, of_weights, of_biases) =
                gradients(&input, &packing, &weights, &saved, &windows, gradient);
            let mut gradients = vec![Some(of_input)];
            let mut start = 0;
            for &size in &sizes {
                let length = size as i64 * channels * inputs;
                let of_weight =
                    of_weights
                        .narrow(0, start, length)
                        .view([size as i64, channels, inputs]);
                gradients.push(Some(of_weight.permute([1, 2, 0]).contiguous()));
                start += length;
            }
            for index in 0..sizes.len() as i64 {
                gradients.push(Some(
                    of_biases.narrow(0, index * channels, channels).contiguous(),
                ));
            }
            gradients
        })
    }
}

/// Trained convolutions.
pub(crate) enum CompiledConvolution {
    Direct(ConvolutionWeights),
    Pairs(PairWeights),
}

impl CompiledConvolution {
    /// `x`: `[tokens, inputs]`; result: `[documents, features]`. `padded`: length to which every document is padded.
    pub(crate) fn forward(&self, x: &Tensor, packing: &Packing, padded: Option<usize>) -> Tensor {
        let features = match self {
            Self::Direct(weights) => weights.features(),
            Self::Pairs(weights) => weights.features(),
        };
        let kernel = |group: ForwardGroup<'_>| match self {
            Self::Direct(weights) => convolution::forward(group, weights),
            Self::Pairs(weights) => pairs::forward(group, weights),
        };
        pooled(x, packing, features, padded, kernel).0
    }
}

/// Features `[documents, features]` and the windows that gave them.
fn pooled(
    x: &Tensor,
    packing: &Packing,
    features: usize,
    padded: Option<usize>,
    kernel: impl Fn(ForwardGroup<'_>) + Sync,
) -> (Tensor, Vec<i32>) {
    let mut output = slices::unset(&[packing.documents() as i64, features as i64]);
    let mut windows = vec![0_i32; packing.documents() * features];
    let parts = Parts::new(packing);
    let width = x.size()[1] as usize;
    let inputs = slices::read(x);
    let outputs = parallel::split_rows(slices::write(&mut output), &parts.documents, features);
    let places = parallel::split_rows(&mut windows, &parts.documents, features);
    let tasks = parts
        .documents
        .iter()
        .zip(&parts.tokens)
        .zip(outputs)
        .zip(places)
        .map(|(((documents, tokens), features), windows)| ForwardGroup {
            lengths: &packing.lengths[documents.clone()],
            inputs: &inputs[tokens.start * width..tokens.end * width],
            features,
            windows,
            padded,
        })
        .collect();
    parallel::run(tasks, kernel);
    (output, windows)
}

fn gradients(
    x: &Tensor,
    packing: &Packing,
    weights: &ConvolutionWeights,
    features: &Tensor,
    windows: &[i32],
    gradient: &Tensor,
) -> (Tensor, Tensor, Tensor) {
    let width = weights.features();
    let inputs = x.size()[1] as usize;
    let parts = Parts::new(packing);
    let n_parts = parts.documents.len() as i64;
    let mut of_input = slices::unset(&x.size());
    let mut of_weights = slices::unset(&[n_parts, weights.gradient_len() as i64]);
    let mut of_biases = slices::unset(&[n_parts, width as i64]);
    {
        let (x, features, gradient) = (
            slices::read(x),
            slices::read(features),
            slices::read(gradient),
        );
        let input_parts = parallel::split_rows(slices::write(&mut of_input), &parts.tokens, inputs);
        let weight_parts = slices::write(&mut of_weights).chunks_exact_mut(weights.gradient_len());
        let bias_parts = slices::write(&mut of_biases).chunks_exact_mut(width);
        let tasks = parts
            .documents
            .iter()
            .zip(&parts.tokens)
            .zip(input_parts)
            .zip(weight_parts)
            .zip(bias_parts)
            .map(
                |((((documents, tokens), input_gradient), weight_gradient), bias_gradient)| {
                    let rows = documents.start * width..documents.end * width;
                    BackwardGroup {
                        lengths: &packing.lengths[documents.clone()],
                        inputs: &x[tokens.start * inputs..tokens.end * inputs],
                        features: &features[rows.clone()],
                        windows: &windows[rows.clone()],
                        gradient: &gradient[rows],
                        input_gradient,
                        weight_gradient,
                        bias_gradient,
                    }
                },
            )
            .collect();
        parallel::run(tasks, |task| convolution::backward(task, weights));
    }
    let sum = |parts: &Tensor| {
        if n_parts == 1 {
            parts.i(0)
        } else {
            parts.sum_dim_intlist(0_i64, false, Kind::Float)
        }
    };
    (of_input, sum(&of_weights), sum(&of_biases))
}

/// The groups of a packing as ranges of documents and of tokens.
struct Parts {
    documents: Vec<std::ops::Range<usize>>,
    tokens: Vec<std::ops::Range<usize>>,
}

impl Parts {
    fn new(packing: &Packing) -> Self {
        Self {
            documents: packing
                .groups
                .iter()
                .map(|group| group.first_document..group.first_document + group.documents)
                .collect(),
            tokens: packing
                .groups
                .iter()
                .map(|group| group.first_token..group.first_token + group.tokens)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
