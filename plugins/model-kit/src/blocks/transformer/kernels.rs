//! The layer on a processor in single precision: one recorded block.

use std::cmp::Reverse;

use tch::Tensor;

use super::{LayerNorm, Sight, TransformerLayer, TransformerSizes};
use crate::blocks::Linear;
use crate::blocks::linear::LinearWeights;
use crate::cpu::attention::{self, Head, HeadGradient};
use crate::cpu::noise::Dropout;
use crate::cpu::norm::{self, Norm};
use crate::cpu::{gelu, parallel, slices};
use crate::pass::Pass;

/// Dropout of one pass: on probabilities, on the attention's output, on the output of the layers behind it.
#[derive(Clone, Copy)]
pub(super) struct Dropouts {
    pub(super) probabilities: Dropout,
    pub(super) attention: Dropout,
    pub(super) output: Dropout,
}

impl Dropouts {
    pub(super) fn off() -> Self {
        Self {
            probabilities: Dropout::off(),
            attention: Dropout::off(),
            output: Dropout::off(),
        }
    }
}

/// What multiplies rows: a linear layer as it is trained, or one that is compiled.
pub(super) trait Product {
    /// `x`: `[n, in]`; result: `[n, out]`.
    fn multiply(&self, x: &Tensor) -> Tensor;
}

impl Product for LinearWeights {
    fn multiply(&self, x: &Tensor) -> Tensor {
        LinearWeights::multiply(self, x)
    }
}

/// Values of a [`LayerNorm`].
#[derive(Debug)]
pub(super) struct NormValues {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

impl NormValues {
    pub(super) fn of(norm: &LayerNorm) -> Self {
        Self {
            weight: norm.weight.detach().contiguous(),
            bias: norm.bias.detach().contiguous(),
            eps: norm.eps as f32,
        }
    }

    fn view(&self) -> Norm<'_> {
        Norm {
            weight: slices::read(&self.weight),
            bias: slices::read(&self.bias),
            eps: self.eps,
        }
    }

    /// `normalized(dropout(x) + residual)`, `[rows, width]` each.
    fn forward(&self, mut x: Tensor, residual: &Tensor, dropout: Dropout) -> Normalized {
        let mut output = slices::unset(&x.size());
        let mut moments = vec![[0.0; 2]; x.size()[0] as usize];
        norm::forward(
            self.view(),
            dropout,
            slices::write(&mut x),
            slices::read(residual),
            slices::write(&mut output),
            &mut moments,
        );
        Normalized {
            summed: x,
            moments,
            output,
        }
    }

    fn backward(&self, gradient: &Tensor, mut saved: Normalized, dropout: Dropout) -> NormGradient {
        let mut of_x = slices::unset(&saved.summed.size());
        let totals = norm::backward(
            self.view(),
            dropout,
            slices::read(gradient),
            slices::write(&mut saved.summed),
            slices::write(&mut of_x),
            &saved.moments,
        );
        let [of_weight, of_bias, of_x_bias] =
            [0, 1, 2].map(|part| part_of(&totals, part, totals.len() / 3));
        NormGradient {
            of_residual: saved.summed,
            of_x,
            of_weight,
            of_bias,
            of_x_bias,
        }
    }
}

fn part_of(values: &[f32], part: usize, length: usize) -> Tensor {
    Tensor::from_slice(&values[part * length..(part + 1) * length])
}

/// Normalized rows, and what their way back needs.
pub(super) struct Normalized {
    summed: Tensor,
    moments: Vec<[f32; 2]>,
    pub(super) output: Tensor,
}

struct NormGradient {
    of_residual: Tensor,
    of_x: Tensor,
    of_weight: Tensor,
    of_bias: Tensor,
    /// Of what was added to each row of `x`.
    of_x_bias: Tensor,
}

/// A layer's values as the kernels take them.
#[derive(Debug)]
pub(super) struct Kernels<P> {
    pub(super) sizes: TransformerSizes,
    /// `[3 · width, width]`: query, key, value.
    pub(super) projections: P,
    pub(super) attention_output: P,
    pub(super) attention_norm: NormValues,
    pub(super) intermediate: P,
    pub(super) output: P,
    pub(super) output_norm: NormValues,
}

impl Kernels<LinearWeights> {
    pub(super) fn of(layer: &TransformerLayer) -> Self {
        let [query, key, value] = &layer.projections;
        Self {
            sizes: layer.sizes,
            projections: LinearWeights::of(&[query, key, value]),
            attention_output: LinearWeights::of(&[&layer.attention_output]),
            attention_norm: NormValues::of(&layer.attention_norm),
            intermediate: LinearWeights::of(&[&layer.intermediate]),
            output: LinearWeights::of(&[&layer.output]),
            output_norm: NormValues::of(&layer.output_norm),
        }
    }
}

/// What follows the attention.
pub(super) struct Behind {
    attended: Normalized,
    /// `[rows, intermediate]`, before the GELU.
    inner: Tensor,
    pub(super) output: Normalized,
}

impl<P: Product> Kernels<P> {
    /// What rows see: `[rows, width]`. `projections`: `[rows, 3 · width]`.
    pub(super) fn attend(&self, projections: &Tensor, sight: &Sight, dropout: Dropout) -> Tensor {
        let (width, heads) = (self.sizes.width as usize, self.sizes.heads as usize);
        let mut context = slices::unset(&[projections.size()[0], self.sizes.width]);
        let columns = by_head(slices::write(&mut context), sight, heads, width / heads);
        let mut tasks: Vec<(Head<'_>, Vec<&mut [f32]>)> = self
            .heads(projections, sight, dropout)
            .zip(columns)
            .collect();
        tasks.sort_by_key(|(head, _)| Reverse(head.projections.len()));
        parallel::run(tasks, |(head, result)| attention::forward(head, result));
        context
    }

    /// Heads of all segments.
    fn heads<'a>(
        &self,
        projections: &'a Tensor,
        sight: &'a Sight,
        dropout: Dropout,
    ) -> impl Iterator<Item = Head<'a>> {
        let (width, heads) = (self.sizes.width as usize, self.sizes.heads as usize);
        let projections = slices::read(projections);
        let mut position = 0_u32;
        (0..sight.segments().len() * heads).map(move |number| {
            let rows = sight.range(number / heads);
            let head = Head {
                projections: &projections[rows.start * 3 * width..rows.end * 3 * width],
                width,
                first: number % heads * (width / heads),
                size: width / heads,
                prefixes: sight.prefixes(number / heads),
                dropout,
                position,
            };
            position = position.wrapping_add((rows.len() * rows.len()) as u32);
            head
        })
    }

    /// `x`: the layer's input, `context`: what its rows saw; both `[rows, width]`.
    pub(super) fn behind(&self, x: &Tensor, context: &Tensor, dropouts: Dropouts) -> Behind {
        let attended = self.attention_output.multiply(context);
        let attended = self.attention_norm.forward(attended, x, dropouts.attention);
        let inner = self.intermediate.multiply(&attended.output);
        let output = self.output.multiply(&activated(&inner));
        let output = self
            .output_norm
            .forward(output, &attended.output, dropouts.output);
        Behind {
            attended,
            inner,
            output,
        }
    }
}

fn activated(inner: &Tensor) -> Tensor {
    let mut output = slices::unset(&inner.size());
    gelu::forward(slices::read(inner), slices::write(&mut output));
    output
}

/// For each head of each segment: its columns of the segment's rows. `values`: `[rows, heads · size]`.
fn by_head<'a>(
    values: &'a mut [f32],
    sight: &Sight,
    heads: usize,
    size: usize,
) -> Vec<Vec<&'a mut [f32]>> {
    let mut rows = values.chunks_exact_mut(heads * size);
    let mut columns = Vec::with_capacity(sight.segments().len() * heads);
    for &length in sight.segments() {
        let first = columns.len();
        columns.resize_with(first + heads, || Vec::with_capacity(length));
        for row in rows.by_ref().take(length) {
            for (columns, part) in columns[first..].iter_mut().zip(row.chunks_exact_mut(size)) {
                columns.push(part);
            }
        }
    }
    columns
}

impl TransformerLayer {
    /// [`forward`](TransformerLayer::forward) with the kernels.
    pub(super) fn forward_here(&self, pass: &Pass, hidden: &Tensor, sight: &Sight) -> Tensor {
        let _guard = tch::no_grad_guard();
        let kernels = Kernels::of(self);
        let dropouts = Dropouts {
            probabilities: pass.dropout_factors(self.sizes.attention_dropout),
            attention: pass.dropout_factors(self.sizes.dropout),
            output: pass.dropout_factors(self.sizes.dropout),
        };
        let x = hidden.detach().contiguous();
        let projections = kernels.projections.multiply(&x);
        let context = kernels.attend(&projections, sight, dropouts.probabilities);
        let behind = kernels.behind(&x, &context, dropouts);
        let run = Run {
            kernels,
            dropouts,
            sight: sight.clone(),
            x,
            projections,
            context,
        };
        let mut inputs = vec![hidden];
        inputs.extend(self.parameters());
        let needs_gradient = hidden.requires_grad();
        let output = behind.output.output.shallow_clone();
        pass.record(output, &inputs, move |gradient| {
            run.backward(gradient, behind, needs_gradient)
        })
    }

    /// In the order in which [`Run::backward`] gives their gradients.
    pub(super) fn parameters(&self) -> Vec<&Tensor> {
        let [query, key, value] = &self.projections;
        fn linear(layer: &Linear) -> [&Tensor; 2] {
            [&layer.weight, &layer.bias]
        }
        fn norm(norm: &LayerNorm) -> [&Tensor; 2] {
            [&norm.weight, &norm.bias]
        }
        [
            linear(query),
            linear(key),
            linear(value),
            linear(&self.attention_output),
            norm(&self.attention_norm),
            linear(&self.intermediate),
            linear(&self.output),
            norm(&self.output_norm),
        ]
        .concat()
    }
}

/// A pass through the layer with what its way back needs.
struct Run {
    kernels: Kernels<LinearWeights>,
    dropouts: Dropouts,
    sight: Sight,
    /// `[rows, width]`
    x: Tensor,
    /// `[rows, 3 · width]`
    projections: Tensor,
    /// `[rows, width]`
    context: Tensor,
}

impl Run {
    /// Gradients of the input and of all parameters. `gradient`: `[rows, width]`.
    fn backward(
        self,
        gradient: &Tensor,
        behind: Behind,
        needs_gradient: bool,
    ) -> Vec<Option<Tensor>> {
        let kernels = &self.kernels;
        let Behind {
            attended,
            mut inner,
            output,
        } = behind;
        let second = kernels
            .output_norm
            .backward(gradient, output, self.dropouts.output);
        let mut of_inner = kernels.output.of_input(&second.of_x);
        let of_inner_bias = gelu::backward(
            slices::write(&mut inner),
            slices::write(&mut of_inner),
            kernels.output.inputs(),
        );
        let of_output_weight = kernels.output.of_weight(&second.of_x, &inner);
        let of_inner_weight = kernels.intermediate.of_weight(&of_inner, &attended.output);
        let mut of_attended = second.of_residual;
        kernels
            .intermediate
            .add_of_input(&of_inner, &mut of_attended);
        drop((inner, of_inner));
        let first =
            kernels
                .attention_norm
                .backward(&of_attended, attended, self.dropouts.attention);
        let of_context_weight = kernels
            .attention_output
            .of_weight(&first.of_x, &self.context);
        let of_context = kernels.attention_output.of_input(&first.of_x);
        let of_projections = self.attention_backward(&of_context);
        let of_weights = kernels.projections.of_weight(&of_projections, &self.x);
        let width = kernels.sizes.width;
        let of_biases = kernels.projections.of_bias(&of_projections);
        let of_x = needs_gradient.then(|| {
            let mut of_x = first.of_residual;
            kernels.projections.add_of_input(&of_projections, &mut of_x);
            of_x
        });
        let mut gradients = vec![of_x];
        for part in 0..3 {
            gradients.push(Some(of_weights.narrow(0, part * width, width)));
            gradients.push(Some(of_biases.narrow(0, part * width, width)));
        }
        gradients.extend([
            Some(of_context_weight),
            Some(first.of_x_bias),
            Some(first.of_weight),
            Some(first.of_bias),
            Some(of_inner_weight),
            Some(Tensor::from_slice(&of_inner_bias)),
            Some(of_output_weight),
            Some(second.of_x_bias),
            Some(second.of_weight),
            Some(second.of_bias),
        ]);
        gradients
    }

    /// Gradients of the projections, `[rows, 3 · width]`. `gradient`: of what the rows saw, `[rows, width]`.
    fn attention_backward(&self, gradient: &Tensor) -> Tensor {
        let sizes = &self.kernels.sizes;
        let (width, heads) = (sizes.width as usize, sizes.heads as usize);
        let mut result = slices::unset(&self.projections.size());
        let gradient = slices::read(gradient);
        let mut columns = by_head(
            slices::write(&mut result),
            &self.sight,
            3 * heads,
            width / heads,
        )
        .into_iter();
        let mut all =
            self.kernels
                .heads(&self.projections, &self.sight, self.dropouts.probabilities);
        let mut tasks = Vec::with_capacity(self.sight.segments().len() * heads);
        for segment in 0..self.sight.segments().len() {
            let [queries, keys, values] =
                [(); 3].map(|()| columns.by_ref().take(heads).collect::<Vec<_>>());
            let rows = self.sight.range(segment);
            let gradient = &gradient[rows.start * width..rows.end * width];
            for ((queries, keys), values) in queries.into_iter().zip(keys).zip(values) {
                let result = HeadGradient {
                    queries,
                    keys,
                    values,
                };
                tasks.extend(all.next().map(|head| (head, gradient, result)));
            }
        }
        tasks.sort_by_key(|(head, ..)| Reverse(head.projections.len()));
        parallel::run(tasks, |(head, gradient, result)| {
            attention::backward(head, gradient, result);
        });
        result
    }
}
