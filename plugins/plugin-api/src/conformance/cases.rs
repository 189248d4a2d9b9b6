//! The cases. Each is a method of [`Kit`] and panics with a sentence for the author.

mod data;
mod description;
mod faults;
mod learning;

use arborist_shared::manifest::PathKind;

use super::Kit;
use super::corpus::Corpus;
use crate::method::{Method, Predictions, Scores};

impl<M: Method> Kit<M> {
    pub(super) const CASES: &'static [fn(&Self)] = &[
        Self::describes_itself,
        Self::keeps_the_rules_for_manifests,
        Self::accepts_its_presets,
        Self::refuses_unknown_hyperparameters,
        Self::beats_the_majority_label,
        Self::keeps_its_scores_when_saved_and_moved,
        Self::gives_the_abilities_it_declares,
        Self::repeats_itself_with_the_same_seed,
        Self::reports_progress,
        Self::stops_when_asked,
        Self::does_not_start_when_cancelled_before,
        Self::goes_on_after_an_interruption,
        Self::survives_strange_texts,
        Self::survives_a_label_without_documents,
        Self::survives_documents_without_labels,
        Self::survives_a_taxonomy_of_one_label,
        Self::treats_three_parents_as_declared,
        Self::survives_a_missing_validation_split,
        Self::refuses_a_missing_checkpoint,
        Self::survives_a_damaged_checkpoint,
        Self::survives_a_panic_in_training,
        Self::survives_a_panic_in_prediction,
    ];

    fn corpus(&self) -> Corpus {
        Corpus::generate(M::manifest().paths == PathKind::Multi)
    }
}

fn assert_scores_are_fractions(n_labels: usize, predictions: &Predictions) {
    for row in 0..predictions.scores.len() {
        let scores = predictions
            .scores
            .row(row)
            .expect("a row for each text")
            .to_dense(n_labels);
        for (label, score) in scores.into_iter().enumerate() {
            assert!(
                (0.0..=1.0).contains(&score),
                "the score of label {label} for text {row} is {score}, expected 0 to 1"
            );
        }
    }
}

fn assert_same(left: &Predictions, right: &Predictions, message: &str) {
    if left == right {
        return;
    }
    let n_labels = match &left.scores {
        Scores::Dense { n_labels, .. } => *n_labels,
        Scores::Sparse { labels, .. } => labels.iter().max().map_or(0, |label| *label as usize + 1),
    };
    let largest = (0..left.scores.len())
        .filter_map(|row| left.scores.row(row).zip(right.scores.row(row)))
        .flat_map(|(left, right)| {
            left.to_dense(n_labels)
                .into_iter()
                .zip(right.to_dense(n_labels))
        })
        .map(|(left, right)| (left - right).abs())
        .fold(0.0, f32::max);
    panic!("{message}; the largest difference of two scores is {largest}");
}
