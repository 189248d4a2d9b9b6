//! Resampling, [`LANES`] resamples at a time so that counters are added with vector instructions.
//!
//! Bootstrap: the number of draws that fall on a cell of documents is binomial given what is left. A big group is a
//! cell of its own and done with that. Small groups are packed into cells of 256 documents, within which a draw is one
//! random byte. Weights are exactly multinomial; nothing is approximated.

use std::ops::Range;

use super::documents::{CODES, Documents, FIRST, GOLD, SECOND, Shape};
use super::random::Random;

/// Resamples in a batch.
pub(super) const LANES: usize = 32;

/// Groups of at least so many documents are cells of their own.
const BIG: u32 = 64;

/// Documents in a packed cell: one random byte chooses.
const CELL: usize = 256;

/// Labels of one document that share a code; more count as so many.
const MOST_TIMES: usize = 10_000;

/// Groups that may move more than this at once bypass the short counters.
const MOST_MOVED: u32 = 1_000;

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

/// How often a group has a code.
#[derive(Clone, Copy)]
struct Entry {
    code: u32,
    times: u16,
}

/// Documents that count alike: a stretch of entries.
struct Group {
    n_documents: u32,
    entries: Range<u32>,
}

/// Small groups, packed.
struct Cell {
    groups: Range<u32>,
    /// For each document its group, counted from the first group of the cell.
    rows: Vec<u8>,
    /// The most that one document adds to one counter.
    most: u32,
}

/// A code that changes sides when the answers are swapped: `code` is the form with the first run.
#[derive(Clone, Copy)]
struct Move {
    code: u32,
    /// How many go from the first run to the second; negative the other way.
    times: i16,
}

/// Documents in which the runs differ alike.
struct Differing {
    n_documents: u32,
    moves: Range<u32>,
    /// The most that one document adds to one counter.
    most: u32,
}

/// What both ways of resampling share between batches.
pub(super) struct Plan {
    shape: Shape,
    /// How often each code occurs in the documents as they are.
    observed: Vec<u32>,
    /// The first `n_big` are cells of their own.
    groups: Vec<Group>,
    n_big: usize,
    entries: Vec<Entry>,
    cells: Vec<Cell>,
    differing: Vec<Differing>,
    moves: Vec<Move>,
}

impl Plan {
    pub(super) fn new(documents: Documents) -> Self {
        let shape = documents.shape;
        let mut plan = Self {
            shape,
            observed: vec![0; shape.n_codes()],
            groups: Vec::with_capacity(documents.groups.len()),
            n_big: documents
                .groups
                .partition_point(|group| group.n_documents >= BIG),
            entries: Vec::new(),
            cells: Vec::new(),
            differing: Vec::new(),
            moves: Vec::new(),
        };
        for group in &documents.groups {
            plan.add_group(group.n_documents, &group.codes);
        }
        for position in plan.n_big..plan.groups.len() {
            plan.pack(position);
        }
        plan
    }

    fn add_group(&mut self, n_documents: u32, codes: &[u32]) {
        let first_entry = self.entries.len() as u32;
        let mut moves: Vec<Move> = Vec::new();
        for same in codes.chunk_by(|a, b| a == b) {
            // A document has fewer labels than 2^16 of one kind, or counts as if it had no more.
            let (code, times) = (same[0], same.len().min(MOST_TIMES) as u16);
            self.entries.push(Entry { code, times });
            self.observed[code as usize] += n_documents * u32::from(times);
            let times = times as i16;
            let (code, times) = match code & (FIRST | SECOND) {
                FIRST => (code, times),
                SECOND => (code ^ (FIRST | SECOND), -times),
                _ => continue,
            };
            match moves.iter_mut().find(|other| other.code == code) {
                Some(other) => other.times += times,
                None => moves.push(Move { code, times }),
            }
        }
        self.groups.push(Group {
            n_documents,
            entries: first_entry..self.entries.len() as u32,
        });
        moves.retain(|step| step.times != 0);
        if let Some(most) = moves
            .iter()
            .map(|step| u32::from(step.times.unsigned_abs()))
            .max()
        {
            let first = self.moves.len() as u32;
            self.moves.extend(moves);
            self.differing.push(Differing {
                n_documents,
                moves: first..self.moves.len() as u32,
                most,
            });
        }
    }

    /// Puts the documents of a group into cells, several if need be.
    fn pack(&mut self, position: usize) {
        let group = &self.groups[position];
        let entries = &self.entries[group.entries.start as usize..group.entries.end as usize];
        let most = entries
            .iter()
            .map(|entry| u32::from(entry.times))
            .max()
            .unwrap_or(0);
        let position = position as u32;
        for _ in 0..group.n_documents {
            if self.cells.last().is_none_or(|cell| cell.rows.len() == CELL) {
                self.cells.push(Cell {
                    groups: position..position,
                    rows: Vec::with_capacity(CELL),
                    most: 0,
                });
            }
            if let Some(cell) = self.cells.last_mut() {
                cell.groups.end = position + 1;
                cell.rows.push((position - cell.groups.start) as u8);
                cell.most = cell.most.max(most);
            }
        }
    }

    /// Room for the counts of one batch.
    pub(super) fn counters(&self) -> Counters {
        Counters(vec![[0; LANES]; self.shape.n_codes()])
    }

    /// The differences in the documents as they are, by the same arithmetic as the resamples.
    pub(super) fn observed(&self) -> Differences {
        let mut counters = self.counters();
        for (counter, &count) in counters.0.iter_mut().zip(&self.observed) {
            counter[0] = count;
        }
        differences(&self.shape, &counters)[0]
    }

    /// A batch of bootstrap samples.
    pub(super) fn bootstrap(
        &self,
        random: &mut Random,
        counters: &mut Counters,
    ) -> Lanes<Differences> {
        counters.0.fill([0; LANES]);
        let mut left = Left {
            draws: [self.shape.n_documents; LANES],
            n_documents: self.shape.n_documents,
        };
        for group in &self.groups[..self.n_big] {
            let weights = left.take(group.n_documents, random);
            for entry in &self.entries[group.entries.start as usize..group.entries.end as usize] {
                for (count, weight) in counters.0[entry.code as usize].iter_mut().zip(weights) {
                    *count += weight * u32::from(entry.times);
                }
            }
        }
        let mut small = vec![[0_u16; LANES]; counters.0.len()];
        let mut bound = 0;
        let mut weights = [[0_u16; LANES]; CELL];
        for cell in &self.cells {
            let taken = left.take(cell.rows.len() as u32, random);
            let most = taken.iter().copied().max().unwrap_or(0) * cell.most;
            if bound + most > u32::from(u16::MAX) {
                flush(&mut small, counters);
                bound = 0;
            }
            bound += most;
            weights[..cell.groups.len()].fill([0; LANES]);
            for (lane, &draws) in taken.iter().enumerate() {
                draw(cell, draws, lane, &mut weights, random);
            }
            let groups = &self.groups[cell.groups.start as usize..cell.groups.end as usize];
            if most > u32::from(u16::MAX) {
                self.add_wide(groups, &weights, counters);
                bound = 0;
                continue;
            }
            for (group, weights) in groups.iter().zip(&weights) {
                let entries =
                    &self.entries[group.entries.start as usize..group.entries.end as usize];
                add(&mut small, entries, weights);
            }
        }
        flush(&mut small, counters);
        differences(&self.shape, counters)
    }

    /// For cells whose documents have so many labels of one kind that 16 bits might not do.
    fn add_wide(&self, groups: &[Group], weights: &[Lanes<u16>], counters: &mut Counters) {
        for (group, weights) in groups.iter().zip(weights) {
            for entry in &self.entries[group.entries.start as usize..group.entries.end as usize] {
                for (count, &weight) in counters.0[entry.code as usize].iter_mut().zip(weights) {
                    *count += u32::from(weight) * u32::from(entry.times);
                }
            }
        }
    }

    /// A batch of samples in which the runs' answers are swapped for every document with probability one half.
    pub(super) fn swap(&self, random: &mut Random, counters: &mut Counters) -> Lanes<Differences> {
        for (counter, &count) in counters.0.iter_mut().zip(&self.observed) {
            *counter = [count; LANES];
        }
        // What goes from the first run to the second, by code.
        let mut moved = vec![[0_i16; LANES]; counters.0.len()];
        let mut bound = 0;
        for group in &self.differing {
            let moves = &self.moves[group.moves.start as usize..group.moves.end as usize];
            let most = group.n_documents.saturating_mul(group.most);
            if most > MOST_MOVED {
                let swapped: Lanes<u32> =
                    std::array::from_fn(|_| random.binomial(group.n_documents, 0.5));
                for step in moves {
                    let amounts = swapped.map(|swapped| swapped as i32 * i32::from(step.times));
                    carry(step.code, &amounts, counters);
                }
                continue;
            }
            if bound + most > i16::MAX as u32 {
                flush_moves(&mut moved, counters);
                bound = 0;
            }
            bound += most;
            let swapped = swaps(group.n_documents, random);
            add_moves(&mut moved, moves, &swapped);
        }
        flush_moves(&mut moved, counters);
        differences(&self.shape, counters)
    }
}

/// For each code and resample, how many documents have it.
pub(super) struct Counters(Vec<Lanes<u32>>);

/// Draws and documents that are left for the cells to come.
struct Left {
    draws: Lanes<u32>,
    n_documents: u32,
}

impl Left {
    /// How many of the draws fall on the next `n_documents`.
    fn take(&mut self, n_documents: u32, random: &mut Random) -> Lanes<u32> {
        let share = f64::from(n_documents) / f64::from(self.n_documents);
        self.n_documents -= n_documents;
        let mut taken = [0; LANES];
        for (taken, left) in taken.iter_mut().zip(&mut self.draws) {
            *taken = random.binomial(*left, share);
            *left -= *taken;
        }
        taken
    }
}

/// Adds weights as often as a group has each code. In steps of eight and not inlined, so that the compiler knows that
/// nothing overlaps and makes vector instructions of it.
#[inline(never)]
fn add(counters: &mut [Lanes<u16>], entries: &[Entry], weights: &Lanes<u16>) {
    for entry in entries {
        let counter = &mut counters[entry.code as usize];
        for (counter, weights) in counter.chunks_exact_mut(8).zip(weights.chunks_exact(8)) {
            for lane in 0..8 {
                counter[lane] += weights[lane] * entry.times;
            }
        }
    }
}

/// The same for swapped documents.
#[inline(never)]
fn add_moves(sums: &mut [Lanes<i16>], moves: &[Move], swapped: &Lanes<i16>) {
    for step in moves {
        let sum = &mut sums[step.code as usize];
        for (sum, swapped) in sum.chunks_exact_mut(8).zip(swapped.chunks_exact(8)) {
            for lane in 0..8 {
                sum[lane] += swapped[lane] * step.times;
            }
        }
    }
}

/// Empties the short counters into the long ones.
fn flush(small: &mut [Lanes<u16>], counters: &mut Counters) {
    for (small, counter) in small.iter_mut().zip(&mut counters.0) {
        for (count, more) in counter.iter_mut().zip(&*small) {
            *count += u32::from(*more);
        }
        *small = [0; LANES];
    }
}

fn flush_moves(moved: &mut [Lanes<i16>], counters: &mut Counters) {
    for (code, moved) in (0..).zip(moved) {
        if code & (FIRST | SECOND) == FIRST {
            carry(code, &moved.map(i32::from), counters);
            *moved = [0; LANES];
        }
    }
}

/// Carries amounts from a code with the first run to the same with the second.
fn carry(code: u32, amounts: &Lanes<i32>, counters: &mut Counters) {
    // Never below zero in the end: no more documents leave a code than have it. In between it may wrap.
    for (count, &amount) in counters.0[code as usize].iter_mut().zip(amounts) {
        *count = count.wrapping_sub(amount as u32);
    }
    for (count, &amount) in counters.0[(code ^ (FIRST | SECOND)) as usize]
        .iter_mut()
        .zip(amounts)
    {
        *count = count.wrapping_add(amount as u32);
    }
}

/// Lets `draws` documents of the cell be drawn in one resample.
fn draw(
    cell: &Cell,
    draws: u32,
    lane: usize,
    weights: &mut [Lanes<u16>; CELL],
    random: &mut Random,
) {
    let mut left = draws;
    if let Ok(rows) = <&[u8; CELL]>::try_from(&cell.rows[..]) {
        while left >= 8 {
            for byte in random.next().to_le_bytes() {
                weights[usize::from(rows[usize::from(byte)])][lane] += 1;
            }
            left -= 8;
        }
        for &byte in &random.next().to_le_bytes()[..left as usize] {
            weights[usize::from(rows[usize::from(byte)])][lane] += 1;
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

/// How many of `n` documents are swapped in each resample; few documents.
fn swaps(n: u32, random: &mut Random) -> Lanes<i16> {
    let mut swapped = [0; LANES];
    for _ in 0..n {
        let bits = random.next();
        for (step, swapped) in swapped.chunks_exact_mut(8).enumerate() {
            let bits = (bits >> (8 * step)) as i16;
            for (lane, swapped) in swapped.iter_mut().enumerate() {
                *swapped += (bits & (1 << lane)) >> lane;
            }
        }
    }
    swapped
}

fn add_all(sum: &mut Lanes<u32>, more: &Lanes<u32>) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

/// Right, predicted and gold counts of a slot, for one run.
fn counts(slot: &[Lanes<u32>], run: u32) -> [Lanes<u32>; 3] {
    let mut sums = [[0; LANES]; 3];
    for (who, counter) in (0_u32..).zip(slot) {
        if who & run != 0 && who & GOLD != 0 {
            add_all(&mut sums[0], counter);
        }
        if who & run != 0 {
            add_all(&mut sums[1], counter);
        }
        if who & GOLD != 0 {
            add_all(&mut sums[2], counter);
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

fn differences(shape: &Shape, counters: &Counters) -> Lanes<Differences> {
    let slot = |slot: usize| &counters.0[slot * CODES..][..CODES];
    let mut pooled = [[[0.0; LANES]; 3]; 2];
    let mut macro_ = [0.0; LANES];
    for position in 0..=shape.rest() {
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
        if position < shape.n_slots {
            for (lane, sum) in macro_.iter_mut().enumerate() {
                *sum += scores[0][lane] - scores[1][lane];
            }
        }
    }
    let micro = difference(f1(&pooled[0]), f1(&pooled[1]));
    let hierarchical = if shape.has_hierarchical {
        let slot = slot(shape.hierarchical());
        difference(
            f1(&wide(&counts(slot, FIRST))),
            f1(&wide(&counts(slot, SECOND))),
        )
    } else {
        micro
    };
    let exact = slot(shape.exact());
    let n_documents = f64::from(shape.n_documents).max(1.0);
    let n_labels = (shape.n_labels as f64).max(1.0);
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
