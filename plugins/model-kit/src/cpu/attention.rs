//! Attention of packed documents, forward and backward, for one head of one document at a time (METHODS 1.11).
//!
//! Sixteen queries lie side by side: the scores of a key for all of them are one register, so that the softmax goes down
//! the keys without ever turning, and what it leaves is an operand of the next product as it stands. Nothing is kept for
//! the way back but the projections; probabilities and dropout are computed again.

use super::dispatch::vectorized;
use super::lanes::{LANES, Lanes, exp, load, store};
use super::noise::Dropout;
use super::square::{Square, square, transposed};

/// Panels of queries whose probabilities are kept at a time on the way back.
const GROUP: usize = 8;

/// What one head of one document reads. `n` = rows of the document.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    /// `[n, 3 · width]`: queries, keys and values of all heads.
    pub(crate) projections: &'a [f32],
    pub(crate) width: usize,
    /// First column of the head within the width, and its columns.
    pub(crate) first: usize,
    pub(crate) size: usize,
    /// How many of the first rows each row sees besides itself; all rows see all when there are none.
    pub(crate) prefixes: Option<&'a [u32]>,
    /// On probabilities; `position + query · n + key` is the place of one.
    pub(crate) dropout: Dropout,
    pub(crate) position: u32,
}

impl Head<'_> {
    fn rows(&self) -> usize {
        self.projections.len() / (3 * self.width)
    }

    /// Queries, keys or values: row `row`.
    #[inline(always)]
    fn row(&self, part: usize, row: usize) -> &[f32] {
        &self.projections[row * 3 * self.width + part * self.width + self.first..][..self.size]
    }

    fn scale(&self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }
}

/// Rows as they are, padded with zeros to whole tiles: `[n, padded]`.
#[inline(always)]
fn padded_rows<'a>(
    n: usize,
    size: usize,
    factor: f32,
    row: impl Fn(usize) -> &'a [f32],
) -> Vec<f32> {
    let padded = size.next_multiple_of(LANES);
    let mut rows = vec![0.0; n.next_multiple_of(LANES) * padded];
    for (number, target) in rows.chunks_exact_mut(padded).take(n).enumerate() {
        for (target, value) in target.iter_mut().zip(row(number)) {
            *target = value * factor;
        }
    }
    rows
}

/// The same with sixteen rows side by side: `[panel][column][lane]`.
#[inline(always)]
fn turned<const ROWS: usize>(rows: &[f32], size: usize) -> Vec<Lanes> {
    let padded = size.next_multiple_of(LANES);
    let mut panels = vec![[0.0; LANES]; rows.len() / (padded * LANES) * size];
    for (panel, rows) in panels
        .chunks_exact_mut(size)
        .zip(rows.chunks_exact(padded * LANES))
    {
        for (place, target) in panel.chunks_mut(LANES).enumerate() {
            let block: Square =
                std::array::from_fn(|row| load(&rows[row * padded + place * LANES..][..LANES]));
            let length = target.len();
            target.copy_from_slice(&transposed::<ROWS>(&block)[..length]);
        }
    }
    panels
}

/// What sixteen queries see.
struct Seen {
    /// Keys behind these are seen by none of them.
    limit: usize,
    /// For each query: how many of the first keys it sees, and its own.
    masks: Option<([u32; LANES], [u32; LANES])>,
}

impl Seen {
    #[inline(always)]
    fn new(head: &Head<'_>, first: usize) -> Self {
        let n = head.rows();
        let Some(prefixes) = head.prefixes else {
            return Self {
                limit: n,
                masks: None,
            };
        };
        let own = std::array::from_fn(|lane| (first + lane) as u32);
        let last = n.min(first + LANES);
        let mut limit = last;
        for prefix in &prefixes[first..last] {
            limit = limit.max(*prefix as usize);
        }
        // Lanes without a query see something, so that their sums are not zero.
        let prefix =
            std::array::from_fn(|lane| prefixes.get(first + lane).copied().unwrap_or(limit as u32));
        Self {
            limit,
            masks: Some((prefix, own)),
        }
    }
}

/// Probabilities before they are divided by their sums, into `probabilities[key][query]`; returns the sums.
#[inline(always)]
fn softmax<const FMA: bool, const ROWS: usize>(
    keys: &[Lanes],
    queries: &[Lanes],
    seen: &Seen,
    probabilities: &mut [Lanes],
) -> Lanes {
    /// Below every score.
    const UNSEEN: f32 = f32::MIN;
    let size = queries.len();
    for (keys, scores) in keys
        .chunks_exact(size)
        .zip(probabilities.chunks_mut(LANES))
        .take(seen.limit.div_ceil(LANES))
    {
        let tile = square::<FMA, ROWS>(
            keys.as_flattened(),
            LANES,
            queries.as_flattened(),
            LANES,
            size,
        );
        scores.copy_from_slice(&tile);
    }
    let scores = &mut probabilities[..seen.limit];
    let mut largest = [UNSEEN; LANES];
    if let Some((prefix, own)) = &seen.masks {
        for (key, scores) in scores.iter_mut().enumerate() {
            let key = key as u32;
            for lane in 0..LANES {
                let visible = (key < prefix[lane]) | (key == own[lane]);
                scores[lane] = if visible { scores[lane] } else { UNSEEN };
            }
        }
    }
    for scores in scores.iter() {
        for lane in 0..LANES {
            largest[lane] = if scores[lane] > largest[lane] {
                scores[lane]
            } else {
                largest[lane]
            };
        }
    }
    let mut sums = [0.0; LANES];
    for scores in scores {
        for lane in 0..LANES {
            let value = exp::<FMA>(scores[lane] - largest[lane]);
            let value = if scores[lane] > UNSEEN { value } else { 0.0 };
            scores[lane] = value;
            sums[lane] += value;
        }
    }
    sums
}

/// Places of the probabilities of the first key.
#[inline(always)]
fn positions(head: &Head<'_>, first: usize) -> [u32; LANES] {
    let n = head.rows() as u32;
    std::array::from_fn(|lane| {
        head.position
            .wrapping_add(((first + lane) as u32).wrapping_mul(n))
    })
}

vectorized! {
    /// `result`: the head's columns of each row of what the document saw, written.
    pub(crate) fn forward(head: Head<'_>, result: Vec<&mut [f32]>) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(head: Head<'_>, mut result: Vec<&mut [f32]>) {
    let (n, size) = (head.rows(), head.size);
    let padded = size.next_multiple_of(LANES);
    let values = padded_rows(n, size, 1.0, |row| head.row(2, row));
    let keys = turned::<ROWS>(&padded_rows(n, size, 1.0, |row| head.row(1, row)), size);
    let queries = padded_rows(n, size, head.scale(), |row| head.row(0, row));
    let queries = turned::<ROWS>(&queries, size);
    let mut probabilities = vec![[0.0; LANES]; n.next_multiple_of(LANES)];
    for (panel, (queries, result)) in queries
        .chunks_exact(size)
        .zip(result.chunks_mut(LANES))
        .enumerate()
    {
        let first = panel * LANES;
        let seen = Seen::new(&head, first);
        let sums = softmax::<FMA, ROWS>(&keys, queries, &seen, &mut probabilities);
        let probabilities = &mut probabilities[..seen.limit];
        if !head.dropout.is_off() {
            let positions = positions(&head, first);
            for (key, probabilities) in probabilities.iter_mut().enumerate() {
                for lane in 0..LANES {
                    let position = positions[lane].wrapping_add(key as u32);
                    probabilities[lane] *= head.dropout.factor(position);
                }
            }
        }
        for column in (0..size).step_by(LANES) {
            let tile = square::<FMA, ROWS>(
                probabilities.as_flattened(),
                LANES,
                &values[column..],
                padded,
                seen.limit,
            );
            for (row, (result, values)) in result.iter_mut().zip(&tile).enumerate() {
                let inverse = 1.0 / sums[row];
                let values = values.map(|value| value * inverse);
                let to = size.min(column + LANES);
                store(&mut result[column..to], &values);
            }
        }
    }
}

/// The head's columns of each row of a gradient, written.
pub(crate) struct HeadGradient<'a> {
    pub(crate) queries: Vec<&'a mut [f32]>,
    pub(crate) keys: Vec<&'a mut [f32]>,
    pub(crate) values: Vec<&'a mut [f32]>,
}

vectorized! {
    /// `gradient`: of what the document saw, `[n, width]`.
    pub(crate) fn backward(head: Head<'_>, gradient: &[f32], result: HeadGradient<'_>) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    head: Head<'_>,
    gradient: &[f32],
    mut result: HeadGradient<'_>,
) {
    let (n, size, scale) = (head.rows(), head.size, head.scale());
    let padded = size.next_multiple_of(LANES);
    let height = n.next_multiple_of(LANES);
    let rows = [
        padded_rows(n, size, scale, |row| head.row(0, row)),
        padded_rows(n, size, 1.0, |row| head.row(1, row)),
        padded_rows(n, size, 1.0, |row| head.row(2, row)),
        padded_rows(n, size, 1.0, |row| {
            &gradient[row * head.width + head.first..][..size]
        }),
    ];
    let [query_panels, key_panels, value_panels, gradient_panels] =
        rows.each_ref().map(|rows| turned::<ROWS>(rows, size));
    let [queries, keys, _, gradients] = rows;
    let mut of_keys = vec![0.0_f32; height * padded];
    let mut of_values = vec![0.0_f32; height * padded];
    // `[panel of the group][key][query]`: probabilities, and gradients of the scores.
    let mut probabilities = vec![[0.0; LANES]; GROUP.min(height / LANES) * height];
    let mut of_scores = vec![[0.0; LANES]; probabilities.len()];
    let mut columns = vec![[0.0; LANES]; GROUP * LANES];
    for group in (0..height).step_by(GROUP * LANES) {
        let panels = GROUP.min((height - group) / LANES);
        let mut group_limit = 0;
        for number in 0..panels {
            let first = group + number * LANES;
            let seen = Seen::new(&head, first);
            group_limit = group_limit.max(seen.limit);
            let panel = first / LANES * size..(first / LANES + 1) * size;
            let probabilities = &mut probabilities[number * height..][..height];
            let of_scores = &mut of_scores[number * height..][..height];
            let sums = softmax::<FMA, ROWS>(
                &key_panels,
                &query_panels[panel.clone()],
                &seen,
                probabilities,
            );
            probabilities[seen.limit..].fill([0.0; LANES]);
            score_gradients::<FMA, ROWS>(
                &head,
                first,
                &value_panels,
                &gradient_panels[panel],
                sums,
                &mut probabilities[..seen.limit],
                of_scores,
            );
            of_scores[seen.limit..].fill([0.0; LANES]);
            for column in (0..size).step_by(LANES) {
                let tile = square::<FMA, ROWS>(
                    of_scores.as_flattened(),
                    LANES,
                    &keys[column..],
                    padded,
                    seen.limit,
                );
                let to = size.min(column + LANES);
                for (result, values) in result.queries.iter_mut().skip(first).zip(&tile) {
                    store(&mut result[column..to], &values.map(|value| value * scale));
                }
            }
        }
        for key in (0..group_limit).step_by(LANES) {
            for (from, rows, sums) in [
                (&of_scores, &queries, &mut of_keys),
                (&probabilities, &gradients, &mut of_values),
            ] {
                for (number, columns) in columns.chunks_exact_mut(LANES).take(panels).enumerate() {
                    let block = &from[number * height + key..][..LANES];
                    if let Some(block) = block.first_chunk::<LANES>() {
                        columns.copy_from_slice(&transposed::<ROWS>(block));
                    }
                }
                for column in (0..size).step_by(LANES) {
                    let tile = square::<FMA, ROWS>(
                        columns.as_flattened(),
                        LANES,
                        &rows[group * padded + column..],
                        padded,
                        panels * LANES,
                    );
                    for (row, values) in tile.iter().enumerate() {
                        let sum = &mut sums[(key + row) * padded + column..][..LANES];
                        for (sum, value) in sum.iter_mut().zip(values) {
                            *sum += value;
                        }
                    }
                }
            }
        }
    }
    for (rows, sums) in [(result.keys, of_keys), (result.values, of_values)] {
        for (row, sums) in rows.into_iter().zip(sums.chunks_exact(padded)) {
            row.copy_from_slice(&sums[..size]);
        }
    }
}

/// Turns probabilities before their division into what multiplied the values, and writes the gradients of the scores.
/// `values`: `[panel][column][key]`, `gradient`: `[column][query]`.
#[inline(always)]
fn score_gradients<const FMA: bool, const ROWS: usize>(
    head: &Head<'_>,
    first: usize,
    values: &[Lanes],
    gradient: &[Lanes],
    sums: Lanes,
    probabilities: &mut [Lanes],
    of_scores: &mut [Lanes],
) {
    let size = head.size;
    for (values, of_scores) in values
        .chunks_exact(size)
        .zip(of_scores.chunks_mut(LANES))
        .take(probabilities.len().div_ceil(LANES))
    {
        let tile = square::<FMA, ROWS>(
            values.as_flattened(),
            LANES,
            gradient.as_flattened(),
            LANES,
            size,
        );
        of_scores.copy_from_slice(&tile);
    }
    let inverse = sums.map(|sum| 1.0 / sum);
    let positions = positions(head, first);
    let kept = head.dropout.kept_factor();
    let mut total = [0.0; LANES];
    // A dropped probability gets a minus until both gradients are known.
    for (key, (probability, of_score)) in probabilities.iter_mut().zip(&mut *of_scores).enumerate()
    {
        for lane in 0..LANES {
            let value = probability[lane] * inverse[lane];
            let factor = head
                .dropout
                .factor(positions[lane].wrapping_add(key as u32));
            let through = of_score[lane] * factor;
            total[lane] += value * through;
            of_score[lane] = through;
            probability[lane] = if factor > 0.0 { value } else { -value };
        }
    }
    for (probability, of_score) in probabilities.iter_mut().zip(of_scores) {
        for lane in 0..LANES {
            let value = probability[lane];
            of_score[lane] = value.abs() * (of_score[lane] - total[lane]);
            probability[lane] = if value > 0.0 { value * kept } else { 0.0 };
        }
    }
}
