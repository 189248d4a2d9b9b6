//! Dropout, addition and normalization of rows at once: the end of each sublayer of a transformer (METHODS 1.11).

use super::dispatch::{multiply_add, vectorized};
use super::lanes::{LANES, load};
use super::noise::Dropout;
use super::{parallel, sums};

/// Scale and shift of normalized rows.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    /// `[width]`
    pub(crate) weight: &'a [f32],
    /// `[width]`
    pub(crate) bias: &'a [f32],
    pub(crate) eps: f32,
}

/// Some rows of the way forward.
struct Forward<'a> {
    first: usize,
    x: &'a mut [f32],
    residual: &'a [f32],
    output: &'a mut [f32],
    moments: &'a mut [[f32; 2]],
}

/// `output = normalized(dropout(x) + residual)`, `[rows, width]` each. `x` becomes the sum, `moments` mean and inverse
/// deviation of each row's sum.
pub(crate) fn forward(
    norm: Norm<'_>,
    dropout: Dropout,
    x: &mut [f32],
    residual: &[f32],
    output: &mut [f32],
    moments: &mut [[f32; 2]],
) {
    let width = norm.weight.len();
    let ranges = sums::row_ranges(moments.len(), width);
    let tasks = ranges
        .iter()
        .zip(parallel::split_rows(x, &ranges, width))
        .zip(parallel::split_rows(output, &ranges, width))
        .zip(parallel::split_rows(moments, &ranges, 1))
        .map(|(((range, x), output), moments)| Forward {
            first: range.start,
            x,
            residual: &residual[range.start * width..range.end * width],
            output,
            moments,
        })
        .collect();
    parallel::run(tasks, |task| forward_rows(task, norm, dropout));
}

vectorized! {
    fn forward_rows(task: Forward<'_>, norm: Norm<'_>, dropout: Dropout) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(
    task: Forward<'_>,
    norm: Norm<'_>,
    dropout: Dropout,
) {
    let width = norm.weight.len();
    let rows = task
        .x
        .chunks_exact_mut(width)
        .zip(task.residual.chunks_exact(width))
        .zip(task.output.chunks_exact_mut(width))
        .zip(task.moments);
    for (row, (((x, residual), output), moments)) in rows.enumerate() {
        let position = ((task.first + row) * width) as u32;
        if dropout.is_off() {
            for (x, residual) in x.iter_mut().zip(residual) {
                *x += residual;
            }
        } else {
            for (column, (x, residual)) in x.iter_mut().zip(residual).enumerate() {
                let factor = dropout.factor(position.wrapping_add(column as u32));
                *x = multiply_add::<FMA>(*x, factor, *residual);
            }
        }
        let mean = sum(x, |value| value) / width as f32;
        let variance = sum(x, |value| (value - mean) * (value - mean)) / width as f32;
        let inverse = 1.0 / (variance + norm.eps).sqrt();
        *moments = [mean, inverse];
        for (((output, x), weight), bias) in
            output.iter_mut().zip(&*x).zip(norm.weight).zip(norm.bias)
        {
            *output = multiply_add::<FMA>((x - mean) * inverse, *weight, *bias);
        }
    }
}

/// Σ of a function of values, in sixteen lanes.
#[inline(always)]
fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] += of(chunk[lane]);
        }
    }
    let mut total: f32 = lanes.iter().sum();
    for value in rest {
        total += of(*value);
    }
    total
}

/// Some rows of the way back.
struct Backward<'a> {
    first: usize,
    gradient: &'a [f32],
    summed: &'a mut [f32],
    of_x: &'a mut [f32],
    moments: &'a [[f32; 2]],
    totals: &'a mut [f32],
}

/// Gradients of [`forward`]. `summed` is what it made of `x` and becomes the gradient of the residual; `of_x` is written.
/// Returns the gradients of scale, shift and of what was added to each row of `x`, `[3 · width]`.
pub(crate) fn backward(
    norm: Norm<'_>,
    dropout: Dropout,
    gradient: &[f32],
    summed: &mut [f32],
    of_x: &mut [f32],
    moments: &[[f32; 2]],
) -> Vec<f32> {
    let width = norm.weight.len();
    let ranges = sums::row_ranges(moments.len(), width);
    let mut totals = sums::rooms(&ranges, 3 * width);
    let tasks = ranges
        .iter()
        .zip(parallel::split_rows(summed, &ranges, width))
        .zip(parallel::split_rows(of_x, &ranges, width))
        .zip(&mut totals)
        .map(|(((range, summed), of_x), totals)| Backward {
            first: range.start,
            gradient: &gradient[range.start * width..range.end * width],
            summed,
            of_x,
            moments: &moments[range.clone()],
            totals,
        })
        .collect();
    parallel::run(tasks, |task| backward_rows(task, norm.weight, dropout));
    sums::added(totals)
}

vectorized! {
    fn backward_rows(task: Backward<'_>, weight: &[f32], dropout: Dropout) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    task: Backward<'_>,
    weight: &[f32],
    dropout: Dropout,
) {
    let width = weight.len();
    let (of_weight, rest) = task.totals.split_at_mut(width);
    let (of_bias, of_added) = rest.split_at_mut(width);
    let rows = task
        .gradient
        .chunks_exact(width)
        .zip(task.summed.chunks_exact_mut(width))
        .zip(task.of_x.chunks_exact_mut(width))
        .zip(task.moments);
    for (row, (((gradient, summed), of_x), &[mean, inverse])) in rows.enumerate() {
        // Of the normalized values: the mean of their gradients, and of those times the values.
        let (mut plain, mut along) = ([0.0; LANES], [0.0; LANES]);
        for start in (0..width).step_by(LANES) {
            let to = width.min(start + LANES);
            let (g, w) = (load(&gradient[start..to]), load(&weight[start..to]));
            let x = load(&summed[start..to]);
            for lane in 0..LANES {
                let of_normal = g[lane] * w[lane];
                plain[lane] += of_normal;
                along[lane] =
                    multiply_add::<FMA>(of_normal, (x[lane] - mean) * inverse, along[lane]);
            }
        }
        let plain = plain.iter().sum::<f32>() / width as f32;
        let along = along.iter().sum::<f32>() / width as f32;
        let values = summed.iter_mut().zip(&mut *of_x).zip(gradient).zip(weight);
        let totals = of_weight.iter_mut().zip(&mut *of_bias);
        for ((((sum, of_x), gradient), weight), (of_weight, of_bias)) in values.zip(totals) {
            let normal = (*sum - mean) * inverse;
            *of_weight = multiply_add::<FMA>(*gradient, normal, *of_weight);
            *of_bias += gradient;
            let of_sum = inverse * (gradient * weight - plain - normal * along);
            *sum = of_sum;
            *of_x = of_sum;
        }
        if !dropout.is_off() {
            let position = ((task.first + row) * width) as u32;
            for (column, of_x) in of_x.iter_mut().enumerate() {
                *of_x *= dropout.factor(position.wrapping_add(column as u32));
            }
        }
        for (total, value) in of_added.iter_mut().zip(&*of_x) {
            *total += value;
        }
    }
}
