//! Resampling, [`LANES`] resamples at a time so that counters are added with vector instructions.
//!
//! Bootstrap: the number of draws that fall on a cell of documents is binomial given what is left. A big group is a
//! cell of its own and done with that. Small groups are packed into cells of 256 documents, within which a draw is one
//! random byte. Weights are exactly multinomial; nothing is approximated.

use super::documents::{CODES, Documents, FIRST, GOLD, SECOND};
use super::random::Random;

/// Resamples in a batch.
pub(super) const LANES: usize = 32;

/// Groups of at least so many documents are cells of their own.
const BIG: u32 = 64;

/// Documents in a packed cell: one random byte chooses.
const CELL: usize = 256;

/// One number per resample.
type Lanes<T> = [T; LANES];

/// Differences of the metrics, first run minus second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Differences {
    pub(super) micro: f64,
    pub(super) macro_: f64,
    pub(super) hierarchical: f64,
    pub(super) exact: f64,
}

/// Small groups, packed.
struct Cell {
    /// Positions of the groups in it.
    groups: Vec<u32>,
    /// For each document the position in `groups`.
    rows: Vec<u8>,
}

/// What both ways of resampling share between batches.
pub(super) struct Plan {
    documents: Documents,
    n_big: usize,
    cells: Vec<Cell>,
    /// How often each code occurs in the documents as they are.
    observed: Vec<u32>,
    /// Groups in which the runs differ, with their differing codes.
    differing: Vec<(u32, Vec<u32>)>,
}

impl Plan {
    pub(super) fn new(documents: Documents) -> Self {
        let n_big = documents
            .groups
            .partition_point(|group| group.n_documents >= BIG);
        let mut cells: Vec<Cell> = Vec::new();
        for (position, group) in documents.groups.iter().enumerate().skip(n_big) {
            for _ in 0..group.n_documents {
                if cells.last().is_none_or(|cell| cell.rows.len() == CELL) {
                    cells.push(Cell {
                        groups: Vec::new(),
                        rows: Vec::with_capacity(CELL),
                    });
                }
                if let Some(cell) = cells.last_mut() {
                    if cell.groups.last() != Some(&(position as u32)) {
                        cell.groups.push(position as u32);
                    }
                    cell.rows.push((cell.groups.len() - 1) as u8);
                }
            }
        }
        let mut observed = vec![0; documents.n_codes()];
        let mut differing = Vec::new();
        for group in &documents.groups {
            for &code in &group.codes {
                observed[code as usize] += group.n_documents;
            }
            let codes: Vec<u32> = group
                .codes
                .iter()
                .copied()
                .filter(|&code| is_differing(code))
                .collect();
            if !codes.is_empty() {
                differing.push((group.n_documents, codes));
            }
        }
        Self {
            documents,
            n_big,
            cells,
            observed,
            differing,
        }
    }

    /// Room for the counts of one batch.
    pub(super) fn counters(&self) -> Counters {
        Counters(vec![[0; LANES]; self.documents.n_codes()])
    }

    /// The differences in the documents as they are, by the same arithmetic as the resamples.
    pub(super) fn observed(&self) -> Differences {
        let mut counters = self.counters();
        for (counter, &count) in counters.0.iter_mut().zip(&self.observed) {
            counter[0] = count;
        }
        differences(&self.documents, &counters)[0]
    }

    /// A batch of bootstrap samples.
    pub(super) fn bootstrap(
        &self,
        random: &mut Random,
        counters: &mut Counters,
    ) -> Lanes<Differences> {
        counters.0.fill([0; LANES]);
        let mut draws = [self.documents.n_documents; LANES];
        let mut n_left = self.documents.n_documents;
        let mut take = |n_documents: u32, random: &mut Random| {
            let share = f64::from(n_documents) / f64::from(n_left);
            n_left -= n_documents;
            let mut taken = [0; LANES];
            for (taken, left) in taken.iter_mut().zip(&mut draws) {
                *taken = random.binomial(*left, share);
                *left -= *taken;
            }
            taken
        };
        for group in &self.documents.groups[..self.n_big] {
            let weights = take(group.n_documents, random);
            for &code in &group.codes {
                add(&mut counters.0[code as usize], &weights);
            }
        }
        let mut weights: Vec<Lanes<u16>> = vec![[0; LANES]; CELL];
        for cell in &self.cells {
            let taken = take(cell.rows.len() as u32, random);
            let weights = &mut weights[..cell.groups.len()];
            weights.fill([0; LANES]);
            for (lane, &draws) in taken.iter().enumerate() {
                draw(cell, draws, lane, weights, random);
            }
            for (&group, weights) in cell.groups.iter().zip(&*weights) {
                for &code in &self.documents.groups[group as usize].codes {
                    add_short(&mut counters.0[code as usize], weights);
                }
            }
        }
        differences(&self.documents, counters)
    }

    /// A batch of samples in which the runs' answers are swapped for every document with probability one half.
    pub(super) fn swap(&self, random: &mut Random, counters: &mut Counters) -> Lanes<Differences> {
        for (counter, &count) in counters.0.iter_mut().zip(&self.observed) {
            *counter = [count; LANES];
        }
        for (n_documents, codes) in &self.differing {
            let swapped = swaps(*n_documents, random);
            for &code in codes {
                // Both never fall below zero: a code is left by no more documents than have it.
                let from = &mut counters.0[code as usize];
                from.iter_mut()
                    .zip(&swapped)
                    .for_each(|(count, &n)| *count -= n);
                add(
                    &mut counters.0[(code ^ (FIRST | SECOND)) as usize],
                    &swapped,
                );
            }
        }
        differences(&self.documents, counters)
    }
}

/// For each code and resample, how many documents have it.
pub(super) struct Counters(Vec<Lanes<u32>>);

/// Whether exactly one of the runs has the label.
fn is_differing(code: u32) -> bool {
    matches!(code & (FIRST | SECOND), FIRST | SECOND)
}

fn add(counter: &mut Lanes<u32>, weights: &Lanes<u32>) {
    for (count, weight) in counter.iter_mut().zip(weights) {
        *count += weight;
    }
}

fn add_short(counter: &mut Lanes<u32>, weights: &Lanes<u16>) {
    for (count, &weight) in counter.iter_mut().zip(weights) {
        *count += u32::from(weight);
    }
}

/// Lets `draws` documents of the cell be drawn in one resample.
fn draw(cell: &Cell, draws: u32, lane: usize, weights: &mut [Lanes<u16>], random: &mut Random) {
    let mut left = draws;
    if let Ok(rows) = <&[u8; CELL]>::try_from(&cell.rows[..]) {
        while left > 0 {
            let bytes = random.next().to_le_bytes();
            let n = left.min(8);
            for &byte in &bytes[..n as usize] {
                weights[usize::from(rows[usize::from(byte)])][lane] += 1;
            }
            left -= n;
        }
        return;
    }
    // The last cell is not full: bytes beyond it are drawn again.
    while left > 0 {
        for byte in random.next().to_le_bytes() {
            if left > 0 && usize::from(byte) < cell.rows.len() {
                weights[usize::from(cell.rows[usize::from(byte)])][lane] += 1;
                left -= 1;
            }
        }
    }
}

/// How many of `n` documents are swapped in each resample.
fn swaps(n: u32, random: &mut Random) -> Lanes<u32> {
    if n >= BIG {
        return std::array::from_fn(|_| random.binomial(n, 0.5));
    }
    let mut swapped = [0; LANES];
    for _ in 0..n {
        let bits = random.next() as u32;
        for (lane, swapped) in swapped.iter_mut().enumerate() {
            *swapped += u32::from(bits & (1 << lane) != 0);
        }
    }
    swapped
}

/// Right, predicted and gold counts of a slot, for one run.
fn counts(slot: &[Lanes<u32>], run: u32) -> [Lanes<u32>; 3] {
    let mut sums = [[0; LANES]; 3];
    for (who, counter) in (0_u32..).zip(slot) {
        if who & run != 0 && who & GOLD != 0 {
            add(&mut sums[0], counter);
        }
        if who & run != 0 {
            add(&mut sums[1], counter);
        }
        if who & GOLD != 0 {
            add(&mut sums[2], counter);
        }
    }
    sums
}

fn f1(counts: &[Lanes<f64>; 3]) -> Lanes<f64> {
    let [tp, predicted, gold] = counts;
    // Where nothing is predicted and nothing gold, 0 is divided by 1.
    std::array::from_fn(|lane| 2.0 * tp[lane] / (predicted[lane] + gold[lane]).max(1.0))
}

fn wide(counts: &[Lanes<u32>; 3]) -> [Lanes<f64>; 3] {
    counts.map(|lanes| lanes.map(f64::from))
}

fn differences(documents: &Documents, counters: &Counters) -> Lanes<Differences> {
    let slot = |slot: usize| &counters.0[slot * CODES..][..CODES];
    let mut pooled = [[[0.0; LANES]; 3]; 2];
    let mut macro_ = [0.0; LANES];
    for position in 0..=documents.rest() {
        let mut scores = [[0.0; LANES]; 2];
        for (run, (pooled, score)) in [FIRST, SECOND]
            .into_iter()
            .zip(pooled.iter_mut().zip(&mut scores))
        {
            let counts = wide(&counts(slot(position), run));
            for (sum, more) in pooled.iter_mut().flatten().zip(counts.iter().flatten()) {
                *sum += more;
            }
            *score = f1(&counts);
        }
        if position < documents.n_slots {
            for (lane, sum) in macro_.iter_mut().enumerate() {
                *sum += scores[0][lane] - scores[1][lane];
            }
        }
    }
    let micro = difference(f1(&pooled[0]), f1(&pooled[1]));
    let hierarchical = if documents.has_hierarchical {
        let slot = slot(documents.hierarchical());
        difference(
            f1(&wide(&counts(slot, FIRST))),
            f1(&wide(&counts(slot, SECOND))),
        )
    } else {
        micro
    };
    let exact = slot(documents.exact());
    let n_documents = f64::from(documents.n_documents).max(1.0);
    let n_labels = (documents.n_labels as f64).max(1.0);
    std::array::from_fn(|lane| Differences {
        micro: micro[lane],
        macro_: macro_[lane] / n_labels,
        hierarchical: hierarchical[lane],
        exact: (f64::from(exact[FIRST as usize][lane]) - f64::from(exact[SECOND as usize][lane]))
            / n_documents,
    })
}

fn difference(a: Lanes<f64>, b: Lanes<f64>) -> Lanes<f64> {
    std::array::from_fn(|lane| a[lane] - b[lane])
}
