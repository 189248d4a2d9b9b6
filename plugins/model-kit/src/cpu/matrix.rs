//! Products of matrices: linear layers of many rows, forward and backward.
//!
//! libtorch's own leave half of some processors unused. The products are those of the `gemm` crates, one part of the
//! result for each task: their own threads would wait for libtorch's.

use std::ops::Range;

use gemm_common::Parallelism;

use super::parallel;

/// Rows of the result that are worth a task: each packs the whole right operand for itself.
const ROWS: usize = 256;
/// Tasks for each thread, at most: more than one evens out what threads get of the processor.
const TASKS: usize = 3;
/// Columns of the result that are worth a task when there are few rows.
const COLUMNS: usize = 64;

/// A matrix as it stands in memory: `count` rows or columns of the result, and `depth` terms of each of their sums.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    values: &'a [f32],
    count: usize,
    depth: usize,
    order: Order,
    /// From one line in memory to the next: more than a line is long where only a part of each counts.
    pitch: usize,
}

#[derive(Clone, Copy)]
enum Order {
    /// `[count, depth]`
    Terms,
    /// `[depth, count]`
    Outcomes,
}

impl<'a> Operand<'a> {
    /// `values`: `[count, depth]`
    pub(crate) fn rows(values: &'a [f32], depth: usize) -> Self {
        assert!(values.len().is_multiple_of(depth.max(1)), "whole rows");
        Self {
            values,
            count: values.len() / depth.max(1),
            depth,
            order: Order::Terms,
            pitch: depth,
        }
    }

    /// `values`: `[depth, count]`
    pub(crate) fn columns(values: &'a [f32], count: usize) -> Self {
        assert!(values.len().is_multiple_of(count.max(1)), "whole rows");
        Self {
            values,
            count,
            depth: values.len() / count.max(1),
            order: Order::Outcomes,
            pitch: count,
        }
    }

    /// Of [columns](Self::columns), `count` from `first`.
    ///
    /// # Panics
    /// When there are not as many.
    pub(crate) fn part(self, first: usize, count: usize) -> Self {
        assert!(
            matches!(self.order, Order::Outcomes) && first + count <= self.count,
            "a part of the columns"
        );
        Self {
            values: self.values.get(first..).unwrap_or_default(),
            count,
            ..self
        }
    }

    /// From one row or column of the result to the next, and from one term to the next.
    fn strides(self) -> (usize, usize) {
        match self.order {
            Order::Terms => (self.pitch, 1),
            Order::Outcomes => (1, self.pitch),
        }
    }

    /// Whether all that the shape names is there.
    fn fills_its_shape(self) -> bool {
        let (lines, width) = match self.order {
            Order::Terms => (self.count, self.depth),
            Order::Outcomes => (self.depth, self.count),
        };
        let needed = match lines.checked_sub(1) {
            Some(others) if width > 0 => others * self.pitch + width,
            _ => 0,
        };
        width <= self.pitch && self.values.len() >= needed
    }
}

/// What the result is before the product is added.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// One for each column.
    Biases(&'a [f32]),
    /// What stands there.
    Result,
}

/// The right operand, arranged once for many products.
#[derive(Debug)]
pub(crate) struct ArrangedMatrix {
    count: usize,
    /// `[depth, count]`, which is packed fastest.
    values: Vec<f32>,
}

impl ArrangedMatrix {
    pub(crate) fn new(operand: Operand<'_>) -> Self {
        let (outcome, term) = operand.strides();
        let values = (0..operand.depth)
            .flat_map(|step| (0..operand.count).map(move |place| step * term + place * outcome))
            .map(|place| operand.values[place])
            .collect();
        Self {
            count: operand.count,
            values,
        }
    }

    /// Columns of the result.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn operand(&self) -> Operand<'_> {
        Operand::columns(&self.values, self.count)
    }
}

/// `result = start + a · b`, `[a.count, b.count]`.
///
/// # Panics
/// When the shapes do not fit.
pub(crate) fn multiply(a: Operand<'_>, b: Operand<'_>, result: &mut [f32], start: Start<'_>) {
    check(a, b, result);
    if result.is_empty() {
        return;
    }
    let threads = parallel::threads();
    let parts = (a.count / ROWS).clamp(threads, threads * TASKS);
    let rows = a.count.div_ceil(parts).next_multiple_of(16);
    if rows >= COLUMNS || b.count < 2 * COLUMNS {
        let tasks = result.chunks_mut(rows * b.count).enumerate().collect();
        parallel::run(tasks, |(number, result): (usize, &mut [f32])| {
            let first = number * rows;
            let part = first..first + result.len() / b.count;
            multiply_part(a, b, part, 0..b.count, result, start);
        });
    } else {
        by_columns(a, b, result, start);
    }
}

/// The same on the caller's thread: for tasks that are many already.
///
/// # Panics
/// When the shapes do not fit.
pub(crate) fn multiply_alone(a: Operand<'_>, b: Operand<'_>, result: &mut [f32], start: Start<'_>) {
    check(a, b, result);
    if !result.is_empty() {
        multiply_part(a, b, 0..a.count, 0..b.count, result, start);
    }
}

fn check(a: Operand<'_>, b: Operand<'_>, result: &[f32]) {
    assert!(a.depth == b.depth, "{} terms and {}", a.depth, b.depth);
    for operand in [a, b] {
        assert!(operand.fills_its_shape(), "an operand fills its shape");
    }
    assert!(
        result.len() == a.count * b.count,
        "{} values are not {} × {}",
        result.len(),
        a.count,
        b.count
    );
}

/// Few rows: each task has some of the columns, in a place of its own.
fn by_columns(a: Operand<'_>, b: Operand<'_>, result: &mut [f32], start: Start<'_>) {
    let columns = parallel::ranges(b.count, COLUMNS);
    let mut parts: Vec<Vec<f32>> = columns
        .iter()
        .map(|columns| {
            let rows = result.chunks_exact(b.count);
            rows.flat_map(|row| &row[columns.clone()])
                .copied()
                .collect()
        })
        .collect();
    let tasks = columns.iter().cloned().zip(&mut parts).collect();
    parallel::run(tasks, |(columns, part): (Range<usize>, &mut Vec<f32>)| {
        multiply_part(a, b, 0..a.count, columns, part, start);
    });
    for (columns, part) in columns.iter().zip(parts) {
        let rows = result.chunks_exact_mut(b.count);
        for (row, part) in rows.zip(part.chunks_exact(columns.len())) {
            row[columns.clone()].copy_from_slice(part);
        }
    }
}

/// Some rows and columns of the result, `[rows, columns]`.
fn multiply_part(
    a: Operand<'_>,
    b: Operand<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
    result: &mut [f32],
    start: Start<'_>,
) {
    assert!(
        rows.end <= a.count && columns.end <= b.count,
        "within the operands"
    );
    assert!(
        result.len() == rows.len() * columns.len(),
        "a part has its size"
    );
    let keeps = match start {
        Start::Zero => false,
        Start::Biases(biases) => {
            for row in result.chunks_exact_mut(columns.len()) {
                row.copy_from_slice(&biases[columns.clone()]);
            }
            true
        }
        Start::Result => true,
    };
    if a.depth == 0 {
        if !keeps {
            result.fill(0.0);
        }
        return;
    }
    let ((a_row, a_term), (b_column, b_term)) = (a.strides(), b.strides());
    let multiply = gemm_f32::gemm::f32::get_gemm_fn();
    // SAFETY: rows and columns are within the operands, which have `depth` terms for each of them; the result has room
    // for all of them, and nobody else looks at it.
    #[allow(unsafe_code)]
    unsafe {
        multiply(
            rows.len(),
            columns.len(),
            a.depth,
            result.as_mut_ptr(),
            1,
            columns.len() as isize,
            keeps,
            a.values.as_ptr().add(rows.start * a_row),
            a_term as isize,
            a_row as isize,
            b.values.as_ptr().add(columns.start * b_column),
            b_column as isize,
            b_term as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(place: usize) -> f32 {
        ((place * 37 + 11) % 29) as f32 / 29.0 - 0.4
    }

    #[test]
    fn parts_of_columns_are_multiplied_in_place() {
        let (left, right): (Vec<f32>, Vec<f32>) = (
            (0..70 * 9).map(value).collect(),
            (0..70 * 5).map(value).collect(),
        );
        let mut found = vec![f32::NAN; 4 * 3];
        let parts = (
            Operand::columns(&left, 9).part(5, 4),
            Operand::columns(&right, 5).part(2, 3),
        );
        multiply(parts.0, parts.1, &mut found, Start::Zero);
        for (place, found) in found.iter().enumerate() {
            let (row, column) = (place / 3, place % 3);
            let product: f32 = (0..70)
                .map(|step| left[step * 9 + 5 + row] * right[step * 5 + 2 + column])
                .sum();
            assert!(
                (found - product).abs() < 1e-4,
                "{found} {product} at {place}"
            );
        }
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, columns, depth) in [
            (1, 1, 1),
            (5, 3, 0),
            (13, 40, 700),
            (230, 33, 65),
            (16, 16, 16),
            (2, 900, 10),
        ] {
            let a: Vec<f32> = (0..rows * depth).map(value).collect();
            let b: Vec<f32> = (0..columns * depth).map(|place| value(place + 5)).collect();
            let biases: Vec<f32> = (0..columns).map(value).collect();
            let turned = |values: &[f32], count: usize| -> Vec<f32> {
                (0..values.len())
                    .map(|place| values[place % count * depth + place / count])
                    .collect()
            };
            let (a_columns, b_columns) = (turned(&a, rows), turned(&b, columns));
            let (mut left, mut right) = (Operand::rows(&a, depth), Operand::rows(&b, depth));
            let mut left_turned = Operand::columns(&a_columns, rows);
            let mut right_turned = Operand::columns(&b_columns, columns);
            for operand in [&mut left, &mut left_turned] {
                (operand.count, operand.depth) = (rows, depth);
            }
            for operand in [&mut right, &mut right_turned] {
                (operand.count, operand.depth) = (columns, depth);
            }
            let check = |found: &[f32], added: f64, biases: &[f32]| {
                for row in 0..rows {
                    for column in 0..columns {
                        let product: f64 = (0..depth)
                            .map(|step| {
                                f64::from(a[row * depth + step])
                                    * f64::from(b[column * depth + step])
                            })
                            .sum();
                        let bias = biases.get(column).copied().map_or(0.0, f64::from);
                        let found = f64::from(found[row * columns + column]);
                        assert!(
                            (found - product - added - bias).abs() < 1e-3,
                            "{rows} {columns} {depth}: {found} at {row}, {column}"
                        );
                    }
                }
            };
            for left in [left, left_turned] {
                for right in [right, right_turned] {
                    let mut found = vec![f32::NAN; rows * columns];
                    multiply(left, right, &mut found, Start::Zero);
                    check(&found, 0.0, &[]);
                    found.fill(2.0);
                    multiply(left, right, &mut found, Start::Result);
                    check(&found, 2.0, &[]);
                    found.fill(f32::NAN);
                    let arranged = ArrangedMatrix::new(right);
                    let right = arranged.operand();
                    multiply(left, right, &mut found, Start::Biases(&biases));
                    check(&found, 0.0, &biases);
                }
            }
        }
    }
}
