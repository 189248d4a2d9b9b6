//! Groups of similar labels, for nodes with so many children that training or asking all of them takes too long.
//!
//! As in Parabel (Prabhu et al., WWW 2018): a label is the mean of its documents' vectors, and a set of labels is
//! halved by balanced spherical 2-means until the parts are small enough.

#[cfg(test)]
mod tests;

use arborist_shared::LabelIndex;
use rayon::prelude::*;

use super::LabelDocuments;
use crate::matrix::Matrix;
use crate::random::Random;
use crate::scale::Scale;

/// Documents that a label's mean is taken of, at most.
const DOCUMENTS_PER_MEAN: usize = 64;
/// Features that are kept of a mean: the largest.
const FEATURES_PER_MEAN: usize = 128;
/// Rounds of 2-means at most.
const ROUNDS: u64 = 8;

/// What grouping needs to know.
pub(crate) struct Grouping<'a> {
    pub(crate) matrix: &'a Matrix,
    pub(crate) documents: &'a LabelDocuments,
    pub(crate) seed: u64,
    pub(crate) scale: Scale,
}

type Mean = Vec<(u32, f32)>;

impl Grouping<'_> {
    /// Groups of similar labels; none when the labels are few enough to be together.
    pub(super) fn split(&mut self, labels: &[LabelIndex]) -> Vec<Vec<LabelIndex>> {
        let n_documents: usize = labels
            .iter()
            .map(|&label| self.documents.of(label).len())
            .sum();
        let visits = n_documents
            .min(self.matrix.n_rows())
            .saturating_mul(labels.len());
        if labels.len() <= self.scale.min_children || visits <= self.scale.max_visits {
            return Vec::new();
        }
        let means: Vec<Mean> = labels.par_iter().map(|&label| self.mean(label)).collect();
        let group_size = (labels.len() as f64).sqrt().ceil() as usize;
        let mut sums = [
            vec![0.0; self.matrix.n_features()],
            vec![0.0; self.matrix.n_features()],
        ];
        let mut groups = Vec::new();
        let mut open = vec![(0..labels.len() as u32).collect::<Vec<u32>>()];
        let mut step = 0;
        while let Some(members) = open.pop() {
            if members.len() <= group_size {
                groups.push(
                    members
                        .into_iter()
                        .map(|member| labels[member as usize])
                        .collect::<Vec<_>>(),
                );
                continue;
            }
            let (left, right) = halve(members, &means, &mut sums, Random::new(self.seed, 2, step));
            step += 1;
            open.push(right);
            open.push(left);
        }
        for group in &mut groups {
            group.sort_unstable();
        }
        groups
    }

    /// Mean vector of a label's documents, of length 1.
    fn mean(&self, label: LabelIndex) -> Mean {
        let documents = self.documents.of(label);
        let stride = documents.len().div_ceil(DOCUMENTS_PER_MEAN).max(1);
        let mut all: Mean = Vec::new();
        for &document in documents.iter().step_by(stride) {
            all.extend(self.matrix.row(document as usize).iter());
        }
        all.sort_by_key(|&(feature, _)| feature);
        let mut mean: Mean = Vec::new();
        for (feature, value) in all {
            match mean.last_mut() {
                Some((last, sum)) if *last == feature => *sum += value,
                _ => mean.push((feature, value)),
            }
        }
        if mean.len() > FEATURES_PER_MEAN {
            mean.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            mean.truncate(FEATURES_PER_MEAN);
        }
        let norm = mean
            .iter()
            .map(|(_, value)| value * value)
            .sum::<f32>()
            .sqrt();
        if norm > 0.0 {
            for (_, value) in &mut mean {
                *value /= norm;
            }
        }
        mean
    }
}

/// Cuts a set in two halves of equal size, each around its own center.
fn halve(
    mut members: Vec<u32>,
    means: &[Mean],
    sums: &mut [Vec<f32>; 2],
    mut random: Random,
) -> (Vec<u32>, Vec<u32>) {
    let middle = members.len() / 2;
    let first = random.below(members.len());
    let second = (first + 1 + random.below(members.len() - 1)) % members.len();
    let mut centers = [vec![members[first]], vec![members[second]]];
    for _ in 0..ROUNDS {
        for (sum, center) in sums.iter_mut().zip(&centers) {
            add(sum, center, means);
        }
        // The sums count as directions only.
        let scale = [0, 1]
            .map(|side| 1.0 / length(&sums[side], &centers[side], means).max(f32::MIN_POSITIVE));
        let [left, right] = &*sums;
        let mut preferences: Vec<(f32, u32)> = members
            .iter()
            .map(|&member| {
                let mut preference = 0.0;
                for &(feature, value) in &means[member as usize] {
                    preference += value
                        * (left[feature as usize] * scale[0] - right[feature as usize] * scale[1]);
                }
                (preference, member)
            })
            .collect();
        preferences
            .sort_unstable_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        for (sum, center) in sums.iter_mut().zip(&centers) {
            clear(sum, center, means);
        }
        let mut halves = [
            Vec::with_capacity(middle),
            Vec::with_capacity(members.len() - middle),
        ];
        for (place, (_, member)) in preferences.into_iter().enumerate() {
            halves[usize::from(place >= middle)].push(member);
        }
        for half in &mut halves {
            half.sort_unstable();
        }
        let settled = halves == centers;
        centers = halves;
        if settled {
            break;
        }
    }
    members.clear();
    let [left, right] = centers;
    (left, right)
}

fn add(sum: &mut [f32], members: &[u32], means: &[Mean]) {
    for &member in members {
        for &(feature, value) in &means[member as usize] {
            sum[feature as usize] += value;
        }
    }
}

fn clear(sum: &mut [f32], members: &[u32], means: &[Mean]) {
    for &member in members {
        for &(feature, _) in &means[member as usize] {
            sum[feature as usize] = 0.0;
        }
    }
}

/// Length of a center: its square is the sum of its members' products with it.
fn length(sum: &[f32], members: &[u32], means: &[Mean]) -> f32 {
    let mut square = 0.0;
    for &member in members {
        for &(feature, value) in &means[member as usize] {
            square += value * sum[feature as usize];
        }
    }
    square.max(0.0).sqrt()
}
