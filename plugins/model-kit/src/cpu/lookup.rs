//! Rows of a table for tokens, with dropout, and the way back of their gradients.

use super::dispatch::{multiply_add, vectorized};
use super::noise::Dropout;

/// Tokens of one range of rows.
pub(crate) struct Gather<'a> {
    /// `[rows of the table, width]`
    pub(crate) table: &'a [f32],
    pub(crate) width: usize,
    /// Length of a row of the output; zeros behind `width`.
    pub(crate) stride: usize,
    /// Row of the table for each token; [`ZERO_ROW`] gives zeros.
    pub(crate) rows: &'a [u32],
    /// `[tokens, stride]`, written.
    pub(crate) output: &'a mut [f32],
    pub(crate) dropout: Dropout,
    /// Place of the first token in the whole batch.
    pub(crate) first: usize,
}

/// A row of zeros that is not in the table.
pub(crate) const ZERO_ROW: u32 = u32::MAX;

vectorized! {
    /// Copies rows and applies dropout.
    pub(crate) fn gather(task: Gather<'_>) => gather_body
}

#[inline(always)]
fn gather_body<const FMA: bool, const ROWS: usize>(task: Gather<'_>) {
    for (token, (&row, output)) in task
        .rows
        .iter()
        .zip(task.output.chunks_exact_mut(task.stride))
        .enumerate()
    {
        if row == ZERO_ROW {
            output.fill(0.0);
            continue;
        }
        let (output, beyond) = output.split_at_mut(task.width);
        beyond.fill(0.0);
        let values = &task.table[row as usize * task.width..][..task.width];
        if task.dropout.is_off() {
            output.copy_from_slice(values);
        } else {
            let position = ((task.first + token) * task.width) as u32;
            for (index, (output, value)) in output.iter_mut().zip(values).enumerate() {
                *output = value * task.dropout.factor(position.wrapping_add(index as u32));
            }
        }
    }
}

/// Tokens of the rows of one range of a table, see [`TokensByRow`].
pub(crate) struct Scatter<'a> {
    pub(crate) width: usize,
    /// Length of a row of the gradient.
    pub(crate) stride: usize,
    pub(crate) tokens: &'a TokensByRow,
    /// First of the distinct rows to sum.
    pub(crate) first_row: usize,
    /// `[tokens of the batch, stride]`
    pub(crate) gradient: &'a [f32],
    /// `[rows of this task, width]`, written.
    pub(crate) sums: &'a mut [f32],
    pub(crate) dropout: Dropout,
}

vectorized! {
    /// Sums the gradients of the tokens of each row, in the tokens' order.
    pub(crate) fn scatter(task: Scatter<'_>) => scatter_body
}

#[inline(always)]
fn scatter_body<const FMA: bool, const ROWS: usize>(task: Scatter<'_>) {
    for (row, sum) in task.sums.chunks_exact_mut(task.width).enumerate() {
        sum.fill(0.0);
        for &token in task.tokens.tokens(task.first_row + row) {
            let gradient = &task.gradient[token as usize * task.stride..][..task.width];
            let position = (token as usize * task.width) as u32;
            if task.dropout.is_off() {
                for (sum, gradient) in sum.iter_mut().zip(gradient) {
                    *sum += gradient;
                }
            } else {
                for (index, (sum, gradient)) in sum.iter_mut().zip(gradient).enumerate() {
                    *sum = multiply_add::<FMA>(
                        task.dropout.factor(position.wrapping_add(index as u32)),
                        *gradient,
                        *sum,
                    );
                }
            }
        }
    }
}

/// The distinct rows of a batch, in order of first appearance, and the tokens that use each.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokensByRow {
    pub(crate) rows: Vec<u32>,
    offsets: Vec<u32>,
    tokens: Vec<u32>,
}

impl TokensByRow {
    /// `seen` has one entry for each row of the table and is left as it was found, all [`ZERO_ROW`].
    pub(crate) fn new(rows: &[u32], seen: &mut [u32]) -> Self {
        let mut distinct = Vec::new();
        let mut counts: Vec<u32> = Vec::new();
        for &row in rows.iter().filter(|row| **row != ZERO_ROW) {
            let slot = &mut seen[row as usize];
            if *slot == ZERO_ROW {
                *slot = distinct.len() as u32;
                distinct.push(row);
                counts.push(0);
            }
            counts[*slot as usize] += 1;
        }
        let mut offsets = Vec::with_capacity(distinct.len() + 1);
        let mut total = 0;
        offsets.push(0);
        for count in &mut counts {
            let next = total + *count;
            *count = total;
            total = next;
            offsets.push(total);
        }
        let mut tokens = vec![0; total as usize];
        for (token, &row) in rows.iter().enumerate().filter(|(_, row)| **row != ZERO_ROW) {
            let next = &mut counts[seen[row as usize] as usize];
            tokens[*next as usize] = token as u32;
            *next += 1;
        }
        for &row in &distinct {
            seen[row as usize] = ZERO_ROW;
        }
        Self {
            rows: distinct,
            offsets,
            tokens,
        }
    }

    fn tokens(&self, row: usize) -> &[u32] {
        &self.tokens[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }
}
