//! How the rows of a table move: at once with a gradient, later without one.

use tch::{Kind, Tensor};

use super::WordTable;
use crate::cpu::adam::{self, StepFactors, Stretch};
use crate::cpu::{parallel, slices};

/// Rows that one thread updates at a time.
const ROWS_AT_ONCE: usize = 64;

/// Moments of all rows, and what those that were not used have missed.
#[derive(Debug)]
pub(super) struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
    /// Updates that each row has seen; [`NEVER`] as long as it had no gradient.
    done: Vec<u32>,
    /// Factors of the updates since `base`.
    history: Vec<StepFactors>,
    base: u32,
}

const NEVER: u32 = u32::MAX;

/// Moments of the rows that have any, for a checkpoint.
pub(crate) struct SavedMoments {
    pub(crate) rows: Tensor,
    pub(crate) first: Tensor,
    pub(crate) second: Tensor,
}

impl WordTable {
    /// Makes room for moments. `all` rows move from the first step on when weight decay applies to the table.
    pub(crate) fn begin_training(&self, all: bool) {
        let rows = self.values.size()[0] as usize;
        let length = rows * self.width;
        self.state.borrow_mut().moments = Some(Moments {
            first: vec![0.0; length],
            second: vec![0.0; length],
            done: vec![if all { 0 } else { NEVER }; rows],
            history: Vec::new(),
            base: 0,
        });
    }

    /// Drops moments and gradients.
    pub(crate) fn end_training(&self) {
        self.settle();
        self.state.borrow_mut().moments = None;
        self.pending.borrow_mut().clear();
    }

    /// Does the updates that the given distinct rows have missed.
    pub(super) fn catch_up(&self, rows: &[u32]) {
        let mut state = self.state.borrow_mut();
        let Some(moments) = &mut state.moments else {
            return;
        };
        let now = moments.now();
        let mut late: Vec<u32> = rows
            .iter()
            .copied()
            .filter(|row| moments.done[*row as usize] < now)
            .collect();
        late.sort_unstable();
        let mut handle = self.values.shallow_clone();
        let stretches = stretches(
            slices::write(&mut handle),
            &mut moments.first,
            &mut moments.second,
            self.width,
            &late,
        );
        let (history, base, done) = (&moments.history, moments.base, &moments.done);
        let idle: Vec<adam::Idle<'_>> = stretches
            .into_iter()
            .zip(&late)
            .map(|(stretch, row)| adam::Idle {
                stretch,
                factors: &history[(done[*row as usize] - base) as usize..],
            })
            .collect();
        parallel::run(in_chunks(idle, ROWS_AT_ONCE), |rows| {
            rows.into_iter().for_each(adam::catch_up)
        });
        for row in late {
            moments.done[row as usize] = now;
        }
    }

    /// Brings every row up to date: before the table is read as a whole.
    pub(crate) fn settle(&self) {
        let late: Vec<u32> = match &self.state.borrow().moments {
            Some(moments) => (0..)
                .zip(&moments.done)
                .filter(|(_, done)| **done != NEVER)
                .map(|(row, _)| row)
                .collect(),
            None => return,
        };
        self.catch_up(&late);
        if let Some(moments) = &mut self.state.borrow_mut().moments {
            moments.base = moments.now();
            moments.history.clear();
        }
    }

    /// Sum of the squares of all pending gradients: a number that stays where the table is.
    pub(crate) fn square_norm(&self) -> Tensor {
        self.merge_pending();
        match self.pending.borrow().last() {
            Some((_, gradients)) => gradients.square().sum(Kind::Double),
            None => Tensor::zeros([], (Kind::Double, self.values.device())),
        }
    }

    /// One update: rows with a gradient now, the others when they are needed.
    pub(crate) fn update(&self, factors: StepFactors, gradient_scale: f32) {
        self.merge_pending();
        let pending = self.pending.borrow_mut().pop();
        if let Some((rows, _)) = &pending {
            self.catch_up(rows);
        }
        let mut state = self.state.borrow_mut();
        let Some(moments) = &mut state.moments else {
            return;
        };
        moments.history.push(factors);
        let Some((rows, gradients)) = pending else {
            return;
        };
        let now = moments.now();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|place| rows[*place]);
        let sorted: Vec<u32> = order.iter().map(|place| rows[*place]).collect();
        let mut handle = self.values.shallow_clone();
        let stretches = stretches(
            slices::write(&mut handle),
            &mut moments.first,
            &mut moments.second,
            self.width,
            &sorted,
        );
        let gradients = slices::read(&gradients);
        let updates: Vec<adam::Update<'_>> = stretches
            .into_iter()
            .zip(order)
            .map(|(stretch, place)| adam::Update {
                stretch,
                gradient: &gradients[place * self.width..(place + 1) * self.width],
                gradient_scale,
                factors,
            })
            .collect();
        parallel::run(in_chunks(updates, ROWS_AT_ONCE), |rows| {
            rows.into_iter().for_each(adam::update)
        });
        for row in sorted {
            moments.done[row as usize] = now;
        }
    }

    /// Sums the gradients of several lookups, so that each row occurs once.
    fn merge_pending(&self) {
        let mut pending = self.pending.borrow_mut();
        if pending.len() < 2 {
            return;
        }
        let rows: Vec<u32> = pending
            .iter()
            .flat_map(|(rows, _)| rows.iter().copied())
            .collect();
        let distinct = self.distinct(&rows).rows;
        let places: std::collections::HashMap<u32, i64> =
            distinct.iter().copied().zip(0..).collect();
        let device = self.values.device();
        let sums = Tensor::zeros(
            [distinct.len() as i64, self.width()],
            (self.values.kind(), device),
        );
        for (rows, gradients) in pending.drain(..) {
            let index: Vec<i64> = rows.iter().map(|row| places[row]).collect();
            let _ = sums.shallow_clone().index_add_(
                0,
                &Tensor::from_slice(&index).to_device(device),
                &gradients,
            );
        }
        pending.push((distinct, sums));
    }

    /// All pending gradients as one dense tensor `[rows, width]`; none when there is none.
    pub(crate) fn take_dense_gradient(&self) -> Option<Tensor> {
        self.merge_pending();
        let (rows, gradients) = self.pending.borrow_mut().pop()?;
        let index: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
        let index = Tensor::from_slice(&index).to_device(self.values.device());
        Some(self.values.zeros_like().index_add_(0, &index, &gradients))
    }

    /// Moments of the rows that have any. Call [`WordTable::settle`] before.
    pub(crate) fn moments(&self) -> Option<SavedMoments> {
        let state = self.state.borrow();
        let moments = state.moments.as_ref()?;
        let rows: Vec<u32> = (0..)
            .zip(&moments.done)
            .filter(|(_, done)| **done != NEVER)
            .map(|(row, _)| row)
            .collect();
        let collect = |values: &[f32]| {
            let mut all = Vec::with_capacity(rows.len() * self.width);
            for row in &rows {
                all.extend_from_slice(
                    &values[*row as usize * self.width..(*row as usize + 1) * self.width],
                );
            }
            Tensor::from_slice(&all).view([rows.len() as i64, self.width()])
        };
        let index: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
        Some(SavedMoments {
            rows: Tensor::from_slice(&index),
            first: collect(&moments.first),
            second: collect(&moments.second),
        })
    }

    /// Takes moments back, as they were after `updates` updates.
    pub(crate) fn restore_moments(
        &self,
        saved: &SavedMoments,
        updates: u32,
    ) -> Result<(), tch::TchError> {
        let mut state = self.state.borrow_mut();
        let Some(moments) = &mut state.moments else {
            return Ok(());
        };
        let rows: Vec<i64> = Vec::try_from(&saved.rows)?;
        let (first, second) = (slices::read(&saved.first), slices::read(&saved.second));
        for (place, row) in rows.iter().enumerate() {
            let Ok(row) = usize::try_from(*row) else {
                continue;
            };
            let from = place * self.width..(place + 1) * self.width;
            let to = row * self.width..(row + 1) * self.width;
            moments.first[to.clone()].copy_from_slice(&first[from.clone()]);
            moments.second[to].copy_from_slice(&second[from]);
            moments.done[row] = updates;
        }
        moments.base = updates;
        moments.history.clear();
        Ok(())
    }
}

impl Moments {
    fn now(&self) -> u32 {
        self.base + self.history.len() as u32
    }
}

/// The rows `sorted` of three tables of one shape.
fn stretches<'a>(
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    width: usize,
    sorted: &[u32],
) -> Vec<Stretch<'a>> {
    let values = rows_of(values, width, sorted);
    let first = rows_of(first, width, sorted);
    let second = rows_of(second, width, sorted);
    values
        .into_iter()
        .zip(first)
        .zip(second)
        .map(|((values, first), second)| Stretch {
            values,
            first,
            second,
        })
        .collect()
}

fn rows_of<'a>(mut table: &'a mut [f32], width: usize, sorted: &[u32]) -> Vec<&'a mut [f32]> {
    let mut rows = Vec::with_capacity(sorted.len());
    let mut next = 0;
    for row in sorted.iter().map(|row| *row as usize) {
        let (row_values, rest) = table[(row - next) * width..].split_at_mut(width);
        rows.push(row_values);
        table = rest;
        next = row + 1;
    }
    rows
}

fn in_chunks<T>(items: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut chunks = Vec::with_capacity(items.len().div_ceil(size));
    let mut items = items.into_iter();
    loop {
        let chunk: Vec<T> = items.by_ref().take(size).collect();
        if chunk.is_empty() {
            return chunks;
        }
        chunks.push(chunk);
    }
}
