//! Fits of maps to counts of scores.

/// Temperatures are looked for between e to the minus this and e to this.
const WIDEST: f64 = 4.0;
/// Halvings of that range.
const STEPS: usize = 80;
/// Scores are kept this far from 0 and 1, where log-odds have no end.
const LEAST: f64 = 1e-6;

fn odds(score: f64) -> f64 {
    let score = score.clamp(LEAST, 1.0 - LEAST);
    (score / (1.0 - score)).ln()
}

/// A score whose log-odds are divided by the temperature.
pub(super) fn tempered(score: f64, temperature: f64) -> f64 {
    if temperature == 1.0 {
        return score;
    }
    1.0 / (1.0 + (-odds(score) / temperature).exp())
}

/// The temperature with the smallest log-loss; 1 without scores. `scores`: with counts of wrong and right labels.
///
/// The loss is convex in the inverse of the temperature, so its slope there has one zero.
pub(super) fn temperature(scores: &[(f64, [u64; 2])]) -> f64 {
    let points: Vec<(f64, f64, f64)> = scores
        .iter()
        .map(|&(score, [wrong, right])| (odds(score), (wrong + right) as f64, right as f64))
        .collect();
    let slope = |inverse: f64| -> f64 {
        points
            .iter()
            .map(|&(odds, all, right)| odds * (all / (1.0 + (-odds * inverse).exp()) - right))
            .sum()
    };
    if points.is_empty() {
        return 1.0;
    }
    let (mut low, mut high) = (-WIDEST, WIDEST);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if slope(middle.exp()) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (-f64::midpoint(low, high)).exp()
}

/// Points of the ascending shares with the smallest squared distance (pool adjacent violators): the lowest and the highest
/// score of each stretch of one share.
pub(super) fn isotonic(scores: &[(f64, [u64; 2])]) -> Vec<(f64, f64)> {
    /// Scores with one share.
    struct Block {
        first: f64,
        last: f64,
        count: f64,
        right: f64,
    }
    let mut blocks: Vec<Block> = Vec::new();
    for &(score, [wrong, right]) in scores {
        let mut block = Block {
            first: score,
            last: score,
            count: (wrong + right) as f64,
            right: right as f64,
        };
        // What is not above the one before it is one with it.
        while let Some(before) =
            blocks.pop_if(|before| before.right * block.count >= block.right * before.count)
        {
            block.first = before.first;
            block.count += before.count;
            block.right += before.right;
        }
        blocks.push(block);
    }
    let mut points = Vec::with_capacity(2 * blocks.len());
    for block in blocks {
        let share = block.right / block.count.max(1.0);
        points.push((block.first, share));
        if block.last > block.first {
            points.push((block.last, share));
        }
    }
    points
}

/// The share at a score; the score itself without points.
#[allow(clippy::indexing_slicing, reason = "positions that a search has found")]
pub(super) fn interpolated(points: &[(f64, f64)], score: f64) -> f64 {
    let (Some(&(_, first)), Some(&(_, last))) = (points.first(), points.last()) else {
        return score;
    };
    let after = points.partition_point(|&(at, _)| at < score);
    if after == 0 {
        return first;
    }
    if after == points.len() {
        return last;
    }
    let ((from, low), (to, high)) = (points[after - 1], points[after]);
    low + (high - low) * (score - from) / (to - from)
}
