//! An embedding table whose rows are trained sparsely, with the numbers of a dense optimizer (METHODS 1.4).
//!
//! A row without a gradient still moves under Adam as long as its moments are not zero. Instead of touching all
//! rows at every step, a row that was not used for some steps does those steps at once when it is needed again:
//! the same arithmetic in the same order, so not one bit differs, and rows that were never used cost nothing.

mod updates;

use std::cell::RefCell;
use std::rc::Rc;

use tch::Tensor;

use self::updates::Moments;
pub(crate) use self::updates::SavedMoments;
use crate::cpu::lookup::{self, TokensByRow, ZERO_ROW};
use crate::cpu::{self, parallel, slices};
use crate::pass::Pass;

/// Rows whose length is a multiple of this begin at the boundary of a vector.
const ALIGNMENT: usize = 16;

/// A table `[rows, width]`.
#[derive(Debug)]
pub struct WordTable {
    name: String,
    values: Tensor,
    padding_row: Option<u32>,
    width: usize,
    /// Gradients since the last update.
    pending: Rc<RefCell<Vec<RowGradients>>>,
    state: RefCell<State>,
}

/// Distinct rows and the gradients of each, `[rows, width]`.
type RowGradients = (Vec<u32>, Tensor);

#[derive(Debug, Default)]
struct State {
    /// For each row of the table a place that is free outside of a lookup.
    seen: Vec<u32>,
    moments: Option<Moments>,
}

impl WordTable {
    pub(crate) fn new(name: &str, values: Tensor, padding_row: Option<u32>) -> Self {
        let width = values.size()[1] as usize;
        Self {
            name: name.to_owned(),
            values: values.detach(),
            padding_row,
            width,
            pending: Rc::default(),
            state: RefCell::default(),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `[rows, width]`
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Length of a row.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.width as i64
    }

    #[must_use]
    pub fn padding_row(&self) -> Option<u32> {
        self.padding_row
    }

    /// Overwrites rows, before training: `values` are those of all `ids`, one after the other.
    ///
    /// # Panics
    /// If they are not as many as the rows have.
    pub fn set_rows(&self, ids: &[u32], values: &[f32]) {
        let device = self.values.device();
        let ids: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
        let rows = Tensor::from_slice(values)
            .view([ids.len() as i64, self.width()])
            .to_device(device)
            .to_kind(self.values.kind());
        let ids = Tensor::from_slice(&ids).to_device(device);
        let _ = tch::no_grad(|| self.values.shallow_clone().index_copy_(0, &ids, &rows));
    }

    /// Rows for `ids` with dropout `p`: `[ids, width]`. In training the gradient comes back to the table.
    pub fn lookup(&self, pass: &Pass, ids: &[u32], p: f64) -> Tensor {
        if cpu::serves(&self.values) {
            self.lookup_here(pass, ids, p, self.width)
        } else {
            self.lookup_there(pass, ids, p)
        }
    }

    /// The same with columns of zeros behind each row, up to a width that matrix products like; only on a processor.
    pub fn lookup_aligned(&self, pass: &Pass, ids: &[u32], p: f64) -> Tensor {
        if cpu::serves(&self.values) {
            self.lookup_here(pass, ids, p, self.width.next_multiple_of(ALIGNMENT))
        } else {
            self.lookup_there(pass, ids, p)
        }
    }

    fn lookup_here(&self, pass: &Pass, ids: &[u32], p: f64, stride: usize) -> Tensor {
        let rows = self.without_padding(ids);
        let dropout = pass.dropout_factors(p);
        if !pass.is_training() && self.state.borrow().moments.is_none() {
            return self.gather(&rows, dropout, stride);
        }
        let tokens = self.distinct(&rows);
        self.catch_up(&tokens.rows);
        if !pass.is_training() {
            return self.gather(&rows, dropout, stride);
        }
        let output = self.gather(&rows, dropout, stride);
        let width = self.width;
        let sink = Rc::clone(&self.pending);
        pass.record(output, &[], move |gradient| {
            let mut sums = slices::unset(&[tokens.rows.len() as i64, width as i64]);
            let gradient = slices::read(gradient);
            let ranges = parallel::ranges(tokens.rows.len(), 1);
            let parts = parallel::split_rows(slices::write(&mut sums), &ranges, width);
            let tasks = ranges
                .iter()
                .zip(parts)
                .map(|(range, sums)| lookup::Scatter {
                    width,
                    stride,
                    tokens: &tokens,
                    first_row: range.start,
                    gradient,
                    sums,
                    dropout,
                })
                .collect();
            parallel::run(tasks, lookup::scatter);
            sink.borrow_mut().push((tokens.rows, sums));
            Vec::new()
        })
    }

    /// The same with libtorch's own operations, for other devices.
    pub(crate) fn lookup_there(&self, pass: &Pass, ids: &[u32], p: f64) -> Tensor {
        let device = self.values.device();
        let index = |values: Vec<i64>| Tensor::from_slice(&values).to_device(device);
        if !pass.is_training() {
            let ids = ids.iter().map(|id| i64::from(*id)).collect();
            return self.values.index_select(0, &index(ids));
        }
        let tokens = self.distinct(ids);
        let mut places = std::collections::HashMap::with_capacity(tokens.rows.len());
        places.extend(tokens.rows.iter().zip(0_i64..));
        let distinct = index(tokens.rows.iter().map(|row| i64::from(*row)).collect());
        let inverse = index(ids.iter().map(|id| places[id]).collect());
        let sink = Rc::clone(&self.pending);
        let padding = self.padding_row;
        let rows = pass.record(
            self.values.index_select(0, &distinct),
            &[],
            move |gradient| {
                let keep = tokens
                    .rows
                    .iter()
                    .map(|row| if Some(*row) == padding { 0.0_f32 } else { 1.0 })
                    .collect::<Vec<_>>();
                let gradient = gradient
                    * Tensor::from_slice(&keep)
                        .to_device(gradient.device())
                        .unsqueeze(1);
                sink.borrow_mut().push((tokens.rows, gradient));
                Vec::new()
            },
        );
        pass.dropout(&rows.index_select(0, &inverse), p)
    }

    fn without_padding(&self, ids: &[u32]) -> Vec<u32> {
        ids.iter()
            .map(|id| {
                if Some(*id) == self.padding_row {
                    ZERO_ROW
                } else {
                    *id
                }
            })
            .collect()
    }

    fn distinct(&self, rows: &[u32]) -> TokensByRow {
        let mut state = self.state.borrow_mut();
        if state.seen.is_empty() {
            state.seen = vec![ZERO_ROW; self.values.size()[0] as usize];
        }
        TokensByRow::new(rows, &mut state.seen)
    }

    fn gather(&self, rows: &[u32], dropout: crate::cpu::noise::Dropout, stride: usize) -> Tensor {
        let width = self.width;
        let mut output = slices::unset(&[rows.len() as i64, stride as i64]);
        let table = slices::read(&self.values);
        let ranges = parallel::ranges(rows.len(), 16);
        let parts = parallel::split_rows(slices::write(&mut output), &ranges, stride);
        let tasks = ranges
            .iter()
            .zip(parts)
            .map(|(range, output)| lookup::Gather {
                table,
                width,
                stride,
                rows: &rows[range.clone()],
                output,
                dropout,
                first: range.start,
            })
            .collect();
        parallel::run(tasks, lookup::gather);
        output
    }
}
