//! Products of matrices: linear layers of many rows, forward and backward.
//!
//! libtorch's own leave half of some processors unused. Both operands are packed sixteen values side by side, a stretch
//! of the inner dimension at a time, and multiplied in register tiles; every order in memory is packed equally fast.

use std::ops::Range;

use super::dispatch::vectorized;
use super::lanes::{LANES, Lanes, load};
use super::parallel;
use super::square::{square, transposed};

/// Steps of the inner dimension at a time: sixteen columns of as many stay in the first cache.
const DEPTH: usize = 384;
/// Rows of the result that a task computes at a time: as many, packed, stay in the second cache.
const ROWS_AT_A_TIME: usize = 192;
/// Tasks for each thread: more than one evens out what threads get of the processor.
const TASKS: usize = 3;

/// A matrix as it stands in memory: `count` rows or columns of the result, and `depth` terms of each of their sums.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    values: &'a [f32],
    count: usize,
    depth: usize,
    order: Order,
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
        Self {
            values,
            count: values.len() / depth.max(1),
            depth,
            order: Order::Terms,
        }
    }

    /// `values`: `[depth, count]`
    pub(crate) fn columns(values: &'a [f32], count: usize) -> Self {
        Self {
            values,
            count,
            depth: values.len() / count.max(1),
            order: Order::Outcomes,
        }
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

/// The right operand, packed once for many products.
#[derive(Debug)]
pub(crate) struct PackedMatrix {
    count: usize,
    depth: usize,
    blocks: Vec<Block>,
}

impl PackedMatrix {
    pub(crate) fn new(operand: Operand<'_>) -> Self {
        Self {
            count: operand.count,
            depth: operand.depth,
            blocks: stretches(operand.depth)
                .map(|steps| Block::new(operand, steps))
                .collect(),
        }
    }

    /// Columns of the result.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// `result = start + a · self`, `[a.count, self.count]`.
    pub(crate) fn multiply(&self, a: Operand<'_>, result: &mut [f32], start: Start<'_>) {
        check(a, self.count, self.depth, result);
        prepare(self.depth, self.count, result, start);
        let mut start = start;
        for (steps, block) in stretches(self.depth).zip(&self.blocks) {
            accumulate(a, steps, block, self.count, result, start);
            start = Start::Result;
        }
    }
}

/// `result = start + a · b`, `[a.count, b.count]`.
pub(crate) fn multiply(a: Operand<'_>, b: Operand<'_>, result: &mut [f32], start: Start<'_>) {
    check(a, b.count, b.depth, result);
    prepare(b.depth, b.count, result, start);
    let mut start = start;
    for steps in stretches(b.depth) {
        let block = Block::new(b, steps.clone());
        accumulate(a, steps, &block, b.count, result, start);
        start = Start::Result;
    }
}

fn check(a: Operand<'_>, count: usize, depth: usize, result: &[f32]) {
    assert!(a.depth == depth, "{} terms and {depth}", a.depth);
    assert!(
        result.len() == a.count * count,
        "{} values are not {} × {count}",
        result.len(),
        a.count
    );
}

/// Sums without terms are never reached.
fn prepare(depth: usize, count: usize, result: &mut [f32], start: Start<'_>) {
    if depth > 0 {
        return;
    }
    match start {
        Start::Zero => result.fill(0.0),
        Start::Biases(biases) => result
            .chunks_exact_mut(count.max(1))
            .for_each(|row| row.copy_from_slice(biases)),
        Start::Result => {}
    }
}

/// The inner dimension in parts of nearly equal size.
fn stretches(depth: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = depth.div_ceil(DEPTH);
    let length = depth.div_ceil(parts.max(1)).next_multiple_of(LANES);
    (0..parts)
        .map(move |part| part * length..((part + 1) * length).min(depth))
        .filter(|steps| !steps.is_empty())
}

/// A stretch of an operand: `[panel][step][lane]`.
#[derive(Debug)]
struct Block {
    steps: usize,
    panels: Vec<Lanes>,
}

impl Block {
    fn new(operand: Operand<'_>, steps: Range<usize>) -> Self {
        let depth = steps.len();
        let count = operand.count.div_ceil(LANES);
        let mut panels = vec![[0.0; LANES]; count * depth];
        let ranges = parallel::ranges(count, 1);
        let tasks = ranges
            .iter()
            .cloned()
            .zip(parallel::split_rows(&mut panels, &ranges, depth))
            .collect();
        parallel::run(tasks, |(range, panels): (Range<usize>, &mut [Lanes])| {
            pack(operand, range.start * LANES, steps.clone(), panels);
        });
        Self {
            steps: depth,
            panels,
        }
    }

    fn panel(&self, panel: usize) -> &[Lanes] {
        &self.panels[panel * self.steps..][..self.steps]
    }
}

vectorized! {
    /// Packs as many panels as there is room for, the first of them at `first`.
    fn pack(operand: Operand<'_>, first: usize, steps: Range<usize>, panels: &mut [Lanes]) => pack_body
}

#[inline(always)]
fn pack_body<const FMA: bool, const ROWS: usize>(
    operand: Operand<'_>,
    first: usize,
    steps: Range<usize>,
    panels: &mut [Lanes],
) {
    let Operand {
        values,
        count,
        depth,
        order,
    } = operand;
    for (number, panel) in panels.chunks_exact_mut(steps.len()).enumerate() {
        let first = first + number * LANES;
        let lanes = LANES.min(count - first);
        match order {
            Order::Outcomes => {
                for (step, target) in steps.clone().zip(panel) {
                    *target = load(&values[step * count + first..][..lanes]);
                }
            }
            Order::Terms => {
                for (place, target) in panel.chunks_mut(LANES).enumerate() {
                    let start = steps.start + place * LANES;
                    let length = target.len();
                    let mut rows = [[0.0; LANES]; LANES];
                    for (lane, row) in rows.iter_mut().take(lanes).enumerate() {
                        *row = load(&values[(first + lane) * depth + start..][..length]);
                    }
                    target.copy_from_slice(&transposed::<ROWS>(&rows)[..length]);
                }
            }
        }
    }
}

/// What one task computes.
struct Part<'a> {
    first_row: usize,
    panels: Range<usize>,
    /// The panels' columns of each row.
    result: Vec<&'a mut [f32]>,
}

/// `result = start + a · block`
fn accumulate(
    a: Operand<'_>,
    steps: Range<usize>,
    block: &Block,
    columns: usize,
    result: &mut [f32],
    start: Start<'_>,
) {
    if result.is_empty() {
        return;
    }
    let wanted = parallel::threads() * TASKS;
    let rows = a
        .count
        .div_ceil(wanted)
        .next_multiple_of(LANES)
        .min(ROWS_AT_A_TIME);
    let stretches = a.count.div_ceil(rows);
    let panels = columns.div_ceil(LANES);
    let across = cut(panels, wanted.div_ceil(stretches));
    let widths: Vec<Range<usize>> = across
        .iter()
        .map(|panels| panels.start * LANES..(panels.end * LANES).min(columns))
        .collect();
    let mut parts = Vec::with_capacity(stretches * across.len());
    for (number, result) in result.chunks_mut(rows * columns).enumerate() {
        let mut results: Vec<Vec<&mut [f32]>> = across.iter().map(|_| Vec::new()).collect();
        for row in result.chunks_exact_mut(columns) {
            for (result, row) in results
                .iter_mut()
                .zip(parallel::split_rows(row, &widths, 1))
            {
                result.push(row);
            }
        }
        parts.extend(across.iter().zip(results).map(|(panels, result)| Part {
            first_row: number * rows,
            panels: panels.clone(),
            result,
        }));
    }
    parallel::run(parts, |part| add_part(part, a, steps.clone(), block, start));
}

/// `0..length` in at most `parts` ranges of nearly equal size.
fn cut(length: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.clamp(1, length.max(1));
    (0..parts)
        .map(|part| length * part / parts..length * (part + 1) / parts)
        .collect()
}

vectorized! {
    fn add_part(part: Part<'_>, a: Operand<'_>, steps: Range<usize>, block: &Block, start: Start<'_>) => add_part_body
}

#[inline(always)]
fn add_part_body<const FMA: bool, const ROWS: usize>(
    mut part: Part<'_>,
    a: Operand<'_>,
    steps: Range<usize>,
    block: &Block,
    start: Start<'_>,
) {
    let depth = steps.len();
    let mut packed = vec![[0.0; LANES]; part.result.len().div_ceil(LANES) * depth];
    pack_body::<FMA, ROWS>(a, part.first_row, steps, &mut packed);
    for (place, panel) in part.panels.clone().enumerate() {
        let right = block.panel(panel).as_flattened();
        let mut before = [0.0; LANES];
        if let Start::Biases(biases) = start {
            before = load(&biases[panel * LANES..biases.len().min((panel + 1) * LANES)]);
        }
        for (left, rows) in packed
            .chunks_exact(depth)
            .zip(part.result.chunks_mut(LANES))
        {
            let sums = square::<FMA, ROWS>(left.as_flattened(), LANES, right, LANES, depth);
            for (row, sums) in rows.iter_mut().zip(&sums) {
                let row = &mut row[place * LANES..];
                if let Some(row) = row.first_chunk_mut::<LANES>() {
                    put(row, sums, &before, start);
                } else {
                    let mut padded = load(row);
                    put(&mut padded, sums, &before, start);
                    row.copy_from_slice(&padded[..row.len()]);
                }
            }
        }
    }
}

#[inline(always)]
fn put(row: &mut Lanes, sums: &Lanes, before: &Lanes, start: Start<'_>) {
    if matches!(start, Start::Result) {
        for lane in 0..LANES {
            row[lane] += sums[lane];
        }
    } else {
        for lane in 0..LANES {
            row[lane] = before[lane] + sums[lane];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(place: usize) -> f32 {
        ((place * 37 + 11) % 29) as f32 / 29.0 - 0.4
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
                    let packed = PackedMatrix::new(right);
                    packed.multiply(left, &mut found, Start::Biases(&biases));
                    check(&found, 0.0, &biases);
                }
            }
        }
    }
}
