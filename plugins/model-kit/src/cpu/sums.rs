//! Sums that threads make in parts, added in the parts' order so that they are always the same.

use std::ops::Range;

use super::dispatch::vectorized;
use super::parallel;

/// Values that are worth a task.
const UNIT: usize = 8_192;

/// Ranges of rows, one for each thread.
pub(super) fn row_ranges(rows: usize, width: usize) -> Vec<Range<usize>> {
    parallel::ranges(rows, UNIT.div_ceil(width.max(1)))
}

/// Room for the sums of each range.
pub(super) fn rooms(ranges: &[Range<usize>], width: usize) -> Vec<Vec<f32>> {
    vec![vec![0.0; width]; ranges.len().max(1)]
}

/// The sum of the parts.
pub(crate) fn added(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        add_rows(&part, &mut total);
    }
    total
}

/// The sum of rows `[rows, width]`.
pub(crate) fn of_rows(values: &[f32], width: usize) -> Vec<f32> {
    let ranges = row_ranges(values.len() / width.max(1), width);
    let mut totals = rooms(&ranges, width);
    let tasks = ranges
        .iter()
        .map(|range| &values[range.start * width..range.end * width])
        .zip(&mut totals)
        .collect();
    parallel::run(tasks, |(values, total): (&[f32], &mut Vec<f32>)| {
        add_rows(values, total);
    });
    added(totals)
}

vectorized! {
    fn add_rows(values: &[f32], total: &mut [f32]) => add_rows_body
}

#[inline(always)]
fn add_rows_body<const FMA: bool, const ROWS: usize>(values: &[f32], total: &mut [f32]) {
    for row in values.chunks_exact(total.len().max(1)) {
        for (total, value) in total.iter_mut().zip(row) {
            *total += value;
        }
    }
}
