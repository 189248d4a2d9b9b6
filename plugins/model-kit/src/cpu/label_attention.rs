//! Labels that attend over the tokens of packed documents, forward and backward (METHODS 2.2, 3.1).
//!
//! One document after another, so that nothing is padded: three small products and a softmax along the tokens.

use super::dispatch::vectorized;
use super::lanes::exp;
use super::matrix::{Operand, Start, multiply_alone};

/// What a group of documents reads.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    /// `[tokens, width]`, document after document.
    pub(crate) states: &'a [f32],
    /// `[L, width]`
    pub(crate) labels: &'a [f32],
    pub(crate) width: usize,
    /// First token of each document.
    pub(crate) starts: &'a [usize],
    /// For each document, how many vectors of zeros take part besides.
    pub(crate) zeros: &'a [f32],
}

impl<'a> Texts<'a> {
    fn n_labels(&self) -> usize {
        self.labels.len() / self.width
    }

    /// For each document its place, its tokens as a range, and its states.
    fn documents(self) -> impl Iterator<Item = (usize, std::ops::Range<usize>, &'a [f32])> {
        let tokens = self.states.len() / self.width;
        let ends = self.starts.iter().skip(1).copied().chain([tokens]);
        let ranges = self.starts.iter().zip(ends);
        ranges.enumerate().map(move |(place, (&start, end))| {
            let states = &self.states[start * self.width..end * self.width];
            (place, start..end, states)
        })
    }
}

/// What each label sees, `[documents, L, width]`. `weights`: `[L, n]` for each document of `n` tokens, one behind the
/// other, written for the way back.
pub(crate) fn forward(texts: Texts<'_>, weights: &mut [f32], seen: &mut [f32]) {
    let (width, n_labels) = (texts.width, texts.n_labels());
    for ((place, tokens, states), seen) in texts
        .documents()
        .zip(seen.chunks_exact_mut(n_labels * width))
    {
        let weights = &mut weights[tokens.start * n_labels..tokens.end * n_labels];
        let labels = Operand::rows(texts.labels, width);
        multiply_alone(labels, Operand::rows(states, width), weights, Start::Zero);
        softmax(weights, tokens.len(), texts.zeros[place]);
        let weights = Operand::rows(weights, tokens.len());
        multiply_alone(weights, Operand::columns(states, width), seen, Start::Zero);
    }
}

/// Gradients of the states, `[tokens, width]`, written, and of the labels, `[L, width]`, added. `gradient` is that of what
/// the labels see.
pub(crate) fn backward(
    texts: Texts<'_>,
    weights: &[f32],
    gradient: &[f32],
    of_states: &mut [f32],
    of_labels: &mut [f32],
) {
    let (width, n_labels) = (texts.width, texts.n_labels());
    let mut of_weights = Vec::new();
    for ((_, tokens, states), gradient) in texts
        .documents()
        .zip(gradient.chunks_exact(n_labels * width))
    {
        let n = tokens.len();
        let weights = &weights[tokens.start * n_labels..tokens.end * n_labels];
        let of_states = &mut of_states[tokens.start * width..tokens.end * width];
        of_weights.resize(n_labels * n, 0.0);
        let (rows, columns) = (
            Operand::rows(gradient, width),
            Operand::columns(gradient, width),
        );
        multiply_alone(
            rows,
            Operand::rows(states, width),
            &mut of_weights,
            Start::Zero,
        );
        softmax_gradient(weights, &mut of_weights, n);
        let of_scores = of_weights.as_slice();
        multiply_alone(
            Operand::columns(weights, n),
            columns,
            of_states,
            Start::Zero,
        );
        multiply_alone(
            Operand::columns(of_scores, n),
            Operand::columns(texts.labels, width),
            of_states,
            Start::Result,
        );
        multiply_alone(
            Operand::rows(of_scores, n),
            Operand::columns(states, width),
            of_labels,
            Start::Result,
        );
    }
}

vectorized! {
    /// Scores `[L, n]` become weights, as if so many scores of 0 stood beside each row.
    fn softmax(scores: &mut [f32], n: usize, zeros: f32) => softmax_body
}

#[inline(always)]
fn softmax_body<const FMA: bool, const ROWS: usize>(scores: &mut [f32], n: usize, zeros: f32) {
    for row in scores.chunks_exact_mut(n) {
        let least = if zeros > 0.0 { 0.0 } else { f32::NEG_INFINITY };
        let highest = row.iter().copied().fold(least, f32::max);
        for score in &mut *row {
            *score = exp::<FMA>(*score - highest);
        }
        let others = if zeros > 0.0 {
            zeros * exp::<FMA>(-highest)
        } else {
            0.0
        };
        let factor = 1.0 / (row.iter().sum::<f32>() + others);
        for score in row {
            *score *= factor;
        }
    }
}

vectorized! {
    /// Gradients of weights `[L, n]` become those of scores.
    fn softmax_gradient(weights: &[f32], gradient: &mut [f32], n: usize) => softmax_gradient_body
}

#[inline(always)]
fn softmax_gradient_body<const FMA: bool, const ROWS: usize>(
    weights: &[f32],
    gradient: &mut [f32],
    n: usize,
) {
    for (weights, gradient) in weights.chunks_exact(n).zip(gradient.chunks_exact_mut(n)) {
        let mean = super::lanes::dot::<FMA>(weights, gradient);
        for (gradient, weight) in gradient.iter_mut().zip(weights) {
            *gradient = weight * (*gradient - mean);
        }
    }
}
