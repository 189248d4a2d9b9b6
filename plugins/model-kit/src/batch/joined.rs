//! Scores of texts from the scores of their parts.

use tch::Tensor;

use super::{EncodedDocuments, Joining};
use crate::cpu::slices;

/// Scores of texts, `[texts, L]`, to which those of their parts are added in any order.
pub struct JoinedScores {
    joining: Joining,
    n_labels: usize,
    /// For each document, its text and by how much it counts.
    places: Vec<(usize, f32)>,
    values: Vec<f32>,
}

impl JoinedScores {
    #[must_use]
    pub fn new(split: &EncodedDocuments, n_labels: usize) -> Self {
        let mut places = Vec::with_capacity(split.len());
        let mut texts = 0;
        for (text, parts) in split.texts().enumerate() {
            let weight = 1.0 / parts.len().max(1) as f32;
            places.extend(parts.map(|_| (text, weight)));
            texts = text + 1;
        }
        Self {
            joining: split.joining(),
            n_labels,
            places,
            values: vec![0.0; texts * n_labels],
        }
    }

    /// Adds the scores of some documents, `[documents, L]`, from 0 to 1 each, in main memory.
    pub fn add(&mut self, documents: &[usize], scores: &Tensor) {
        let n_labels = self.n_labels;
        let rows = slices::read(scores).chunks_exact(n_labels.max(1));
        for (row, document) in rows.zip(documents) {
            let (text, weight) = self.places[*document];
            let values = &mut self.values[text * n_labels..(text + 1) * n_labels];
            for (value, score) in values.iter_mut().zip(row) {
                *value = match self.joining {
                    Joining::Mean => *value + weight * score,
                    Joining::Highest => value.max(*score),
                };
            }
        }
    }

    /// The scores of all texts, `[texts, L]`.
    pub fn into_scores(self) -> Tensor {
        Tensor::from_slice(&self.values).view([-1, self.n_labels as i64])
    }

    /// The same, row after row.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_in_whatever_order_they_come() {
        for (joining, expected) in [
            (Joining::Mean, [0.5, 1.0, 0.375, 0.5]),
            (Joining::Highest, [0.5, 1.0, 0.5, 0.75]),
        ] {
            let mut split = EncodedDocuments::joined_by(joining);
            split.push_parts(&[vec![1]], &[]);
            split.push_parts(&[vec![2], vec![3]], &[]);
            let mut joined = JoinedScores::new(&split, 2);
            let scores = |rows: &[f32]| Tensor::from_slice(rows).view([-1, 2]);
            joined.add(&[2, 0], &scores(&[0.5, 0.25, 0.5, 1.0]));
            joined.add(&[1], &scores(&[0.25, 0.75]));
            assert_eq!(joined.into_values(), expected);
        }
    }
}
