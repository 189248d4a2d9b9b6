//! Right, predicted and gold counts of each label, and the figures that need nothing else.

use crate::LabelIndex;
use crate::sets;

use super::ratio;

/// F1 from counts of right, predicted and gold labels; 0 where nothing is right.
#[must_use]
pub fn f1(tp: u64, predicted: u64, gold: u64) -> f64 {
    ratio(2 * tp, predicted + gold)
}

/// Right predictions among all predictions; 0 without predictions.
#[must_use]
pub fn precision(tp: u64, predicted: u64) -> f64 {
    ratio(tp, predicted)
}

/// Right predictions among all gold labels; 0 without gold labels.
#[must_use]
pub fn recall(tp: u64, gold: u64) -> f64 {
    ratio(tp, gold)
}

/// Micro-F1 and macro-F1, for a training loop's validation.
#[must_use]
pub fn micro_macro(counts: &Counts) -> (f64, f64) {
    (counts.micro_f1(), counts.macro_f1())
}

/// For each label: documents where it is predicted rightly, where it is predicted, and which have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rightly predicted, `[labels]`.
    pub tp: Vec<u64>,
    /// Predicted, `[labels]`.
    pub pred: Vec<u64>,
    /// Gold, `[labels]`.
    pub gold: Vec<u64>,
}

impl Counts {
    /// Zeros for `n_labels` labels.
    #[must_use]
    pub fn new(n_labels: usize) -> Self {
        Self {
            tp: vec![0; n_labels],
            pred: vec![0; n_labels],
            gold: vec![0; n_labels],
        }
    }

    /// Counts one document. The sets may come in any order; repeated labels count once.
    pub fn add(&mut self, gold: &[LabelIndex], predicted: &[LabelIndex]) {
        let (gold, predicted) = (sets::sorted(gold), sets::sorted(predicted));
        for &label in gold.iter() {
            self.gold[label as usize] += 1;
        }
        for &label in predicted.iter() {
            self.pred[label as usize] += 1;
        }
        sets::for_each_common(&gold, &predicted, |label| self.tp[label as usize] += 1);
    }

    /// Adds the counts of other documents over the same labels.
    pub fn merge(&mut self, other: &Self) {
        let pairs = [
            (&mut self.tp, &other.tp),
            (&mut self.pred, &other.pred),
            (&mut self.gold, &other.gold),
        ];
        for (sums, more) in pairs {
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += more;
            }
        }
    }

    /// Right, predicted and gold counts of one label.
    #[must_use]
    pub fn of(&self, label: LabelIndex) -> [u64; 3] {
        let label = label as usize;
        [self.tp[label], self.pred[label], self.gold[label]]
    }

    /// Right, predicted and gold counts over all labels.
    #[must_use]
    pub fn totals(&self) -> [u64; 3] {
        [
            self.tp.iter().sum(),
            self.pred.iter().sum(),
            self.gold.iter().sum(),
        ]
    }

    /// F1 of the pooled counts.
    #[must_use]
    pub fn micro_f1(&self) -> f64 {
        let [tp, predicted, gold] = self.totals();
        f1(tp, predicted, gold)
    }

    /// Mean F1 over all labels; labels with neither gold nor prediction count 0.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        mean(self.each(f1))
    }

    /// Mean F1 over labels that some document has.
    #[must_use]
    pub fn macro_f1_supported(&self) -> f64 {
        let scores = self.each(f1).into_iter().zip(&self.gold);
        mean(
            scores
                .filter(|&(_, &gold)| gold > 0)
                .map(|(score, _)| score)
                .collect(),
        )
    }

    /// The other macro-F1 in use: harmonic mean of mean precision and mean recall over all labels.
    #[must_use]
    pub fn f1_of_means(&self) -> f64 {
        let precision = mean(self.each(|tp, predicted, _| precision(tp, predicted)));
        let recall = mean(self.each(|tp, _, gold| recall(tp, gold)));
        if precision + recall == 0.0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        }
    }

    fn each(&self, figure: impl Fn(u64, u64, u64) -> f64) -> Vec<f64> {
        let counts = self.tp.iter().zip(&self.pred).zip(&self.gold);
        counts
            .map(|((&tp, &predicted), &gold)| figure(tp, predicted, gold))
            .collect()
    }
}

/// Mean of values that are not negative, summed from the smallest: the order they come in does not change a digit.
pub(super) fn mean(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    values.iter().sum::<f64>() / values.len() as f64
}
