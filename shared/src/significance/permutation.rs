//! Whether two groups of figures differ: each is the figure of one training, so seeds are the unit, not documents.

use super::ROUNDING;
use super::random::Random;

/// Regroupings that are all looked at; of more, as many are drawn.
const MOST: u64 = 200_000;

/// Two-sided p-value that the means of two groups of figures differ: the share of all ways to deal the figures into groups
/// of these sizes whose means are at least as far apart. Exact up to ten figures a group, beyond that from draws.
///
/// With n figures in each group it cannot fall below 2 / C(2n, n): .1 for three, .008 for five, .0002 for eight.
/// None when a group is empty.
#[must_use]
pub fn permutation(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let figures: Vec<f64> = a.iter().chain(b).copied().collect();
    let total: f64 = figures.iter().sum();
    // The sum of one group tells the difference of the means.
    let distance = |sum: f64| (sum / a.len() as f64 - (total - sum) / b.len() as f64).abs();
    let bar = distance(a.iter().sum()) - ROUNDING;
    let mut seen = 0_u64;
    let mut extreme = 0_u64;
    let mut look = |chosen: &[usize]| {
        let sum: f64 = chosen.iter().map(|&position| figures[position]).sum();
        seen += 1;
        extreme += u64::from(distance(sum) >= bar);
    };
    if ways(figures.len(), a.len()) <= MOST {
        for_each_choice(figures.len(), a.len(), &mut look);
        Some(extreme as f64 / seen as f64)
    } else {
        let mut random = Random::new(0, 0);
        let mut order: Vec<usize> = (0..figures.len()).collect();
        for _ in 0..MOST {
            for position in 0..a.len() {
                let left = (order.len() - position) as u64;
                order.swap(position, position + (random.next() % left) as usize);
            }
            look(&order[..a.len()]);
        }
        // What was observed counts as one more draw.
        Some((extreme + 1) as f64 / (seen + 1) as f64)
    }
}

/// Number of ways to choose `k` of `n`, or more than [`MOST`].
fn ways(n: usize, k: usize) -> u64 {
    let k = k.min(n - k) as u64;
    let mut ways = 1_u64;
    for step in 1..=k {
        ways = ways * (n as u64 - k + step) / step;
        if ways > MOST {
            break;
        }
    }
    ways
}

/// Calls `visit` with every choice of `k` positions below `n`, in ascending order.
fn for_each_choice(n: usize, k: usize, visit: &mut impl FnMut(&[usize])) {
    let mut chosen: Vec<usize> = (0..k).collect();
    loop {
        visit(&chosen);
        let Some(moved) = (0..k).rev().find(|&at| chosen[at] < n - k + at) else {
            return;
        };
        chosen[moved] += 1;
        for at in moved + 1..k {
            chosen[at] = chosen[at - 1] + 1;
        }
    }
}
