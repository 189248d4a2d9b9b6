//! Attention of single rows over cached keys and values: what a decoder computes step by step (METHODS 1.11).

use super::dispatch::{multiply_add, vectorized};
use super::lanes::{LANES, Lanes, add_scaled, dot, exp};

/// Keys and values of the rows of one document that later rows see.
#[derive(Debug)]
pub(crate) struct CachedHeads {
    rows: usize,
    width: usize,
    /// `[block of sixteen rows][column][row of the block]`
    keys: Vec<Lanes>,
    /// `[rows, width]`
    values: Vec<f32>,
}

impl CachedHeads {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            rows: 0,
            width,
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row. `key` and `value`: `[width]`.
    pub(crate) fn push(&mut self, key: &[f32], value: &[f32]) {
        let lane = self.rows % LANES;
        if lane == 0 {
            self.keys.resize(self.keys.len() + self.width, [0.0; LANES]);
        }
        let block = self.rows / LANES * self.width;
        for (lanes, key) in self.keys[block..].iter_mut().zip(key) {
            lanes[lane] = *key;
        }
        self.values.extend_from_slice(value);
        self.rows += 1;
    }
}

/// A row that sees the cached ones and itself.
pub(crate) struct CachedQuery<'a> {
    /// `[3 · width]`: query, key and value.
    pub(crate) projections: &'a [f32],
    /// Whether rows behind it see it.
    pub(crate) kept: bool,
    /// `[width]`: what it sees, written.
    pub(crate) result: &'a mut [f32],
}

/// Rows of one document, in their order.
pub(crate) struct CachedTask<'a> {
    pub(crate) cache: &'a mut CachedHeads,
    pub(crate) rows: Vec<CachedQuery<'a>>,
}

vectorized! {
    /// `size`: columns of a head.
    pub(crate) fn attend(task: CachedTask<'_>, size: usize) => attend_body
}

#[inline(always)]
fn attend_body<const FMA: bool, const ROWS: usize>(task: CachedTask<'_>, size: usize) {
    let CachedTask { cache, rows } = task;
    let width = cache.width;
    let mut scores = Vec::new();
    for row in rows {
        let (query, rest) = row.projections.split_at(width);
        let (key, value) = rest.split_at(width);
        for first in (0..width).step_by(size) {
            let head = first..first + size;
            scores.clear();
            for block in cache.keys.chunks_exact(width) {
                scores.extend(products::<FMA>(&block[head.clone()], &query[head.clone()]));
            }
            scores.truncate(cache.rows);
            scores.push(dot::<FMA>(&query[head.clone()], &key[head.clone()]));
            let sum = exponentials::<FMA>(&mut scores, 1.0 / (size as f32).sqrt());
            let result = &mut row.result[head.clone()];
            result.fill(0.0);
            let values = cache
                .values
                .chunks_exact(width)
                .map(|value| &value[head.clone()])
                .chain([&value[head.clone()]]);
            for (weight, value) in scores.iter().zip(values) {
                add_scaled::<FMA>(result, *weight, value);
            }
            for value in result {
                *value /= sum;
            }
        }
        if row.kept {
            cache.push(key, value);
        }
    }
}

/// Products of sixteen keys with a query.
#[inline(always)]
fn products<const FMA: bool>(keys: &[Lanes], query: &[f32]) -> Lanes {
    let mut sums = [0.0; LANES];
    for (keys, query) in keys.iter().zip(query) {
        for lane in 0..LANES {
            sums[lane] = multiply_add::<FMA>(keys[lane], *query, sums[lane]);
        }
    }
    sums
}

/// Scores become the numerators of their softmax; returns the denominator.
#[inline(always)]
fn exponentials<const FMA: bool>(scores: &mut [f32], scale: f32) -> f32 {
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    for score in scores.iter_mut() {
        *score = exp::<FMA>((*score - largest) * scale);
    }
    scores.iter().sum()
}
