//! Whether scores mean what they say: of the labels scored .7, seven in ten should be right. How far they are from that,
//! and maps that bring them nearer.
//!
//! Everything is computed from counts by score, so that a million documents take no more memory than one: stored scores
//! have 16 bits. A label that was not stored counts as scored 0 where scores are judged, and does not take part where maps
//! are fitted, for its score is not known.

mod fit;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::LabelIndex;
use crate::scores::{DocumentScores, best_first};
use crate::taxonomy::Taxonomy;

/// Bins of equal width into which scores are sorted for a picture and for [`Reliability::ece`].
pub const BINS: usize = 15;

/// Scores that fall into one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bin {
    /// Labels of documents with such a score.
    pub count: u64,
    /// Their mean score; 0 without any.
    pub score: f64,
    /// Share of them that is right; 0 without any.
    pub right: f64,
}

/// How far scores are from shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reliability {
    /// From 0 to 1; the first holds scores up to its upper end, the others those above their lower end.
    pub bins: Vec<Bin>,
    /// Expected calibration error: mean distance of score and share over the bins, weighted by their counts.
    pub ece: f64,
    /// Mean squared distance of a score from 1 where the label is right, from 0 where it is not.
    pub brier: f64,
    /// Mean of -ln of the score for what is the case; scores are kept a millionth away from 0 and 1.
    pub log_loss: f64,
}

/// For a score how many labels had it, wrong ones and right ones.
type Tally = BTreeMap<u32, [u64; 2]>;

/// Counts of scores by level: what figures and fits are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScoreCounts {
    /// Of each level from the top. Keys are the bits of scores, which order as the scores do.
    levels: Vec<Tally>,
    /// Labels that were not stored, wrong and right, by level.
    unstored: Vec<[u64; 2]>,
}

impl ScoreCounts {
    /// Counts of no document.
    #[must_use]
    pub fn new(taxonomy: &Taxonomy) -> Self {
        let depth = taxonomy.depth() as usize;
        Self {
            levels: vec![Tally::new(); depth],
            unstored: vec![[0; 2]; depth],
        }
    }

    /// Counts a document. `gold`: closed upwards and sorted; `sizes`: labels of each level ([`level_sizes`]).
    pub fn add(
        &mut self,
        taxonomy: &Taxonomy,
        sizes: &[u64],
        gold: &[LabelIndex],
        scores: &DocumentScores,
    ) {
        let place = |label: LabelIndex| taxonomy.level(label) as usize - 1;
        let mut unstored: Vec<[u64; 2]> = sizes.iter().map(|&size| [size, 0]).collect();
        for &label in gold {
            if let Some([wrong, right]) = unstored.get_mut(place(label)) {
                *wrong -= 1;
                *right += 1;
            }
        }
        for &(label, score) in &scores.scores {
            let is_right = usize::from(gold.binary_search(&label).is_ok());
            let (Some(tally), Some(left)) = (
                self.levels.get_mut(place(label)),
                unstored.get_mut(place(label)),
            ) else {
                continue;
            };
            let counts = tally.entry(score.clamp(0.0, 1.0).to_bits()).or_default();
            let [wrong, right] = if is_right == 1 { [0, 1] } else { [1, 0] };
            *counts = [counts[0] + wrong, counts[1] + right];
            *left = [left[0] - wrong, left[1] - right];
        }
        for (sum, left) in self.unstored.iter_mut().zip(unstored) {
            *sum = [sum[0] + left[0], sum[1] + left[1]];
        }
    }

    /// Adds counts of other documents, for the same taxonomy.
    pub fn merge(&mut self, other: &Self) {
        for (tally, more) in self.levels.iter_mut().zip(&other.levels) {
            for (&score, more) in more {
                let counts = tally.entry(score).or_default();
                *counts = [counts[0] + more[0], counts[1] + more[1]];
            }
        }
        for (sum, more) in self.unstored.iter_mut().zip(&other.unstored) {
            *sum = [sum[0] + more[0], sum[1] + more[1]];
        }
    }

    /// How far the scores are from shares: of one level, counted from 1, or of all.
    #[must_use]
    pub fn reliability(&self, level: Option<u32>) -> Reliability {
        self.mapped(level, |_, score| score)
    }

    /// The same for scores that a map has changed. Those that were not stored stay 0.
    #[must_use]
    pub fn calibrated(&self, level: Option<u32>, calibration: &Calibration) -> Reliability {
        self.mapped(level, |level, score| calibration.apply(level, score))
    }

    fn mapped(&self, level: Option<u32>, map: impl Fn(u32, f32) -> f32) -> Reliability {
        let mut sums = Sums::default();
        for ((number, tally), unstored) in (1_u32..).zip(&self.levels).zip(&self.unstored) {
            if level.is_some_and(|level| level != number) {
                continue;
            }
            for (&score, &counts) in tally {
                sums.add(f64::from(map(number, f32::from_bits(score))), counts);
            }
            sums.add(0.0, *unstored);
        }
        sums.finish()
    }

    /// Scores of a level in ascending order, with wrong and right counts.
    fn of_level(&self, level: usize) -> Vec<(f64, [u64; 2])> {
        let tally = self.levels.get(level).into_iter().flatten();
        tally
            .map(|(&score, &counts)| (f64::from(f32::from_bits(score)), counts))
            .collect()
    }
}

/// Labels of each level, from the top.
#[must_use]
pub fn level_sizes(taxonomy: &Taxonomy) -> Vec<u64> {
    let mut sizes = vec![0; taxonomy.depth() as usize];
    for label in taxonomy.indexes() {
        if let Some(size) = sizes.get_mut(taxonomy.level(label) as usize - 1) {
            *size += 1;
        }
    }
    sizes
}

#[derive(Default)]
struct Sums {
    /// Count, sum of scores, right ones.
    bins: [(u64, f64, u64); BINS],
    squares: f64,
    logs: f64,
}

impl Sums {
    #[allow(clippy::indexing_slicing, reason = "a bin below their number")]
    fn add(&mut self, score: f64, [wrong, right]: [u64; 2]) {
        // Up to and with its upper end, so that 1 has a place.
        let bin = ((score * BINS as f64).ceil() as usize).saturating_sub(1);
        let bin = &mut self.bins[bin.min(BINS - 1)];
        let (wrongs, rights) = (wrong as f64, right as f64);
        bin.0 += wrong + right;
        bin.1 += score * (wrongs + rights);
        bin.2 += right;
        self.squares += wrongs * score * score + rights * (1.0 - score) * (1.0 - score);
        let kept = score.clamp(1e-6, 1.0 - 1e-6);
        self.logs -= wrongs * (-kept).ln_1p() + rights * kept.ln();
    }

    fn finish(&self) -> Reliability {
        let total: u64 = self.bins.iter().map(|bin| bin.0).sum();
        let share = |part: f64| if total == 0 { 0.0 } else { part / total as f64 };
        let bins: Vec<Bin> = self
            .bins
            .iter()
            .map(|&(count, scores, right)| {
                let n = count.max(1) as f64;
                Bin {
                    count,
                    score: scores / n,
                    right: right as f64 / n,
                }
            })
            .collect();
        let apart = |bin: &Bin| bin.count as f64 * (bin.score - bin.right).abs();
        Reliability {
            ece: share(bins.iter().map(apart).sum()),
            brier: share(self.squares),
            log_loss: share(self.logs),
            bins,
        }
    }
}

/// A map of scores that makes them mean more of what they say, one for each level. It keeps the order of a level's scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Calibration {
    /// From the top; deeper levels keep their scores.
    pub levels: Vec<LevelMap>,
}

/// The map of one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LevelMap {
    /// Log-odds are divided by this (Guo et al. 2017); 1 changes nothing.
    Temperature(f64),
    /// Shares at these scores, both ascending; between two of them a straight line, beyond them the last share.
    Isotonic(Vec<(f64, f64)>),
}

/// How a map is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CalibrationKind {
    /// The temperature with the smallest log-loss.
    Temperature,
    /// The ascending shares with the smallest squared distance.
    Isotonic,
}

impl Calibration {
    /// Fits a map to counts, those of validation documents. Levels without a stored score keep theirs.
    #[must_use]
    pub fn fit(counts: &ScoreCounts, kind: CalibrationKind) -> Self {
        let level = |level: usize| {
            let scores = counts.of_level(level);
            match kind {
                CalibrationKind::Temperature => LevelMap::Temperature(fit::temperature(&scores)),
                CalibrationKind::Isotonic => LevelMap::Isotonic(fit::isotonic(&scores)),
            }
        };
        Self {
            levels: (0..counts.levels.len()).map(level).collect(),
        }
    }

    /// A score of a label on a level, counted from 1.
    #[must_use]
    pub fn apply(&self, level: u32, score: f32) -> f32 {
        let map = level
            .checked_sub(1)
            .and_then(|at| self.levels.get(at as usize));
        map.map_or(score, |map| map.apply(f64::from(score)) as f32)
    }

    /// All stored scores of a document, best first again.
    #[must_use]
    pub fn document(&self, taxonomy: &Taxonomy, scores: &DocumentScores) -> DocumentScores {
        let mut mapped: Vec<(LabelIndex, f32)> = scores
            .scores
            .iter()
            .map(|&(label, score)| (label, self.apply(taxonomy.level(label), score)))
            .collect();
        mapped.sort_unstable_by(best_first);
        DocumentScores {
            scores: mapped,
            decided: scores.decided.clone(),
        }
    }
}

impl LevelMap {
    fn apply(&self, score: f64) -> f64 {
        match self {
            Self::Temperature(temperature) => fit::tempered(score, *temperature),
            Self::Isotonic(points) => fit::interpolated(points, score),
        }
    }
}
