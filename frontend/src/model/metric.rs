//! The metrics: their names on the page and what they mean, in one sentence each.

use arborist_shared::metrics::Metrics;
use arborist_shared::significance::Intervals;

/// A metric of the answer of `GET …/metrics`.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Key in the answer; those of `raw` with the prefix.
    pub key: &'static str,
    pub title: &'static str,
    pub meaning: &'static str,
    pub read: fn(&Metrics) -> f64,
    /// Whether more is better.
    pub up: bool,
}

macro_rules! metric {
    ($key:literal, $title:literal, $meaning:literal, $($field:ident).+) => {
        Metric { key: $key, title: $title, meaning: $meaning, read: |metrics| metrics.$($field).+, up: true }
    };
}

/// The four figures on top of a run.
pub const HEADLINE: [Metric; 4] = [
    metric!(
        "micro_f1",
        "Micro F1",
        "How well labels are found over all decisions together; frequent labels weigh most.",
        micro_f1
    ),
    metric!(
        "macro_f1",
        "Macro F1",
        "Mean F1 over all labels of the taxonomy; rare labels weigh as much as frequent ones.",
        macro_f1
    ),
    metric!(
        "raw.hierarchical_f1",
        "Hierarchical F1",
        "F1 that counts ancestors, so that a near miss in the tree counts more than a far one.",
        raw.hierarchical_f1
    ),
    metric!(
        "exact_match",
        "Exact match",
        "Share of documents whose label set is predicted without any difference.",
        exact_match
    ),
];

/// Figures that exist for sets after decoding and before it.
pub const PAIRED: [(Metric, Metric); 3] = [
    (
        HEADLINE[0],
        metric!(
            "raw.micro_f1",
            "Micro F1",
            "Before decoding, as the papers count it.",
            raw.micro_f1
        ),
    ),
    (
        HEADLINE[1],
        metric!(
            "raw.macro_f1",
            "Macro F1",
            "Before decoding, as the papers count it.",
            raw.macro_f1
        ),
    ),
    (
        HEADLINE[3],
        metric!(
            "raw.exact_match",
            "Exact match",
            "Before decoding, as the papers count it.",
            raw.exact_match
        ),
    ),
];

/// The rest of the decoded figures and the ranking.
pub const DECODED: [Metric; 9] = [
    metric!(
        "micro_precision",
        "Micro precision",
        "Share of the predicted labels that are right.",
        micro_precision
    ),
    metric!(
        "micro_recall",
        "Micro recall",
        "Share of the right labels that are predicted.",
        micro_recall
    ),
    metric!(
        "macro_f1_supported",
        "Macro F1, labels with documents",
        "Mean F1 over the labels that occur in this split.",
        macro_f1_supported
    ),
    metric!(
        "precision_at_1",
        "Precision at 1",
        "How often the label with the highest score is right.",
        precision_at_1
    ),
    metric!(
        "precision_at_3",
        "Precision at 3",
        "Share of right labels among the three highest scores.",
        precision_at_3
    ),
    metric!(
        "precision_at_5",
        "Precision at 5",
        "Share of right labels among the five highest scores.",
        precision_at_5
    ),
    metric!(
        "recall_at_5",
        "Recall at 5",
        "Share of a document's labels found among the five highest scores.",
        recall_at_5
    ),
    metric!(
        "ndcg_at_5",
        "nDCG at 5",
        "How high the right labels stand among the five highest scores.",
        ndcg_at_5
    ),
    metric!(
        "r_precision",
        "R-precision",
        "Share of right labels among as many highest scores as the document has labels.",
        r_precision
    ),
];

/// Figures that only make sense before decoding.
pub const RAW: [Metric; 6] = [
    metric!(
        "raw.constrained_micro_f1",
        "Constrained micro F1",
        "A predicted label counts only if all its ancestors are predicted too.",
        raw.constrained_micro_f1
    ),
    metric!(
        "raw.constrained_macro_f1",
        "Constrained macro F1",
        "A predicted label counts only if all its ancestors are predicted too.",
        raw.constrained_macro_f1
    ),
    metric!(
        "raw.hierarchical_precision",
        "Hierarchical precision",
        "Share of the predicted labels and their ancestors that are right.",
        raw.hierarchical_precision
    ),
    metric!(
        "raw.hierarchical_recall",
        "Hierarchical recall",
        "Share of the right labels and their ancestors that are predicted.",
        raw.hierarchical_recall
    ),
    HEADLINE[2],
    Metric {
        up: false,
        ..metric!(
            "raw.inconsistency_rate",
            "Inconsistency",
            "Share of documents with a predicted label none of whose parents is predicted.",
            raw.inconsistency_rate
        )
    },
];

/// Ends of a metric's 95 % interval, by its key; only the headline figures have one.
pub fn interval(intervals: &Intervals, key: &str) -> Option<(f64, f64)> {
    let [low, high] = match key {
        "micro_f1" => intervals.micro_f1,
        "macro_f1" => intervals.macro_f1,
        "exact_match" => intervals.exact_match,
        "raw.micro_f1" => intervals.raw.micro_f1,
        "raw.macro_f1" => intervals.raw.macro_f1,
        "raw.hierarchical_f1" => intervals.raw.hierarchical_f1,
        "raw.exact_match" => intervals.raw.exact_match,
        _ => return None,
    };
    Some((low, high))
}

/// Every metric once, in reading order.
pub fn all() -> Vec<Metric> {
    let mut all = HEADLINE.to_vec();
    all.extend(DECODED);
    all.extend(PAIRED.iter().map(|(_, raw)| *raw));
    all.extend(RAW.iter().filter(|metric| metric.key != HEADLINE[2].key));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headline_figures_have_intervals() {
        let intervals = Intervals {
            micro_f1: [0.7, 0.8],
            ..Intervals::default()
        };
        assert_eq!(interval(&intervals, "micro_f1"), Some((0.7, 0.8)));
        assert!(
            HEADLINE
                .iter()
                .all(|metric| interval(&intervals, metric.key).is_some())
        );
        assert_eq!(interval(&intervals, "ndcg_at_5"), None);
    }

    #[test]
    fn keys_are_unique() {
        let mut keys: Vec<_> = all().iter().map(|metric| metric.key).collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert_eq!(count, 21);
    }
}
