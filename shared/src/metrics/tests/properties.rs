//! What holds for every taxonomy and every set of documents.

use proptest::prelude::*;

use super::super::*;
use super::{decode_all, of};
use crate::decode::{Decoded, from_prediction, to_prediction};
use crate::fixtures::{any_documents, judged};

/// A figure of one document, from its ranking and its gold labels.
type Figure = dyn Fn(&[LabelIndex], &[LabelIndex]) -> Option<f64>;

proptest! {
    #[test]
    fn the_order_of_documents_and_their_batches_do_not_matter(
        ((taxonomy, documents), cut, order) in (any_documents(12, 20), any::<prop::sample::Index>(), any::<u64>()),
    ) {
        let documents = decode_all(&taxonomy, &documents);
        let together = of(&taxonomy, &documents);
        let mut shuffled: Vec<_> = (1_u64..).zip(documents.clone()).collect();
        shuffled.sort_by_key(|(position, _)| position.wrapping_mul(order | 1));
        let shuffled: Vec<_> = shuffled.into_iter().map(|(_, document)| document).collect();
        prop_assert_eq!(&of(&taxonomy, &shuffled), &together);
        let cut = cut.index(documents.len() + 1);
        let mut builders = [&documents[cut..], &documents[..cut]].map(|part| {
            let mut builder = MetricsBuilder::new(&taxonomy, DecodingRecord::default());
            part.iter().for_each(|(gold, decoded)| builder.add(gold, &decoded.judged()));
            builder
        });
        let [first, second] = &mut builders;
        first.merge(second);
        prop_assert_eq!(first.finish(), together);
    }

    #[test]
    fn the_order_of_labels_does_not_matter((taxonomy, documents) in any_documents(12, 10)) {
        let documents = decode_all(&taxonomy, &documents);
        let metrics = of(&taxonomy, &documents);
        // Reverse the taxonomy; rank figures may change, because ties go to the lower label.
        let reversed = Taxonomy::new(taxonomy.to_labels().into_iter().rev().collect()).unwrap();
        let last = taxonomy.len() as LabelIndex - 1;
        let turn = |labels: &[LabelIndex]| -> Vec<LabelIndex> { labels.iter().rev().map(|label| last - label).collect() };
        let mut builder = MetricsBuilder::new(&reversed, DecodingRecord::default());
        for (gold, decoded) in &documents {
            let judged = Judged { scores: Vec::new(), raw: turn(&decoded.raw), labels: turn(&decoded.labels) };
            builder.add(&turn(gold), &judged);
        }
        let mut turned = builder.finish();
        turned.labels.reverse();
        prop_assert_eq!(&turned.labels, &metrics.labels);
        prop_assert_eq!(&turned.levels, &metrics.levels);
        prop_assert_eq!(turned.raw, metrics.raw);
        prop_assert_eq!(turned.decoding, metrics.decoding);
        let figures = |m: &Metrics| [m.micro_f1, m.macro_f1, m.macro_f1_supported, m.micro_precision, m.micro_recall, m.exact_match];
        prop_assert_eq!(figures(&turned), figures(&metrics));
    }

    #[test]
    fn micro_figures_are_pooled_counts((taxonomy, documents) in any_documents(12, 10)) {
        let documents = decode_all(&taxonomy, &documents);
        let metrics = of(&taxonomy, &documents);
        let (mut tp, mut predicted, mut gold_total) = (0, 0, 0);
        for (gold, decoded) in &documents {
            tp += gold.iter().filter(|label| decoded.labels.contains(label)).count() as u64;
            predicted += decoded.labels.len() as u64;
            gold_total += gold.len() as u64;
        }
        prop_assert_eq!(metrics.micro_f1, f1(tp, predicted, gold_total));
        prop_assert_eq!(metrics.labels.iter().map(|label| label.support).sum::<u64>(), gold_total);
        prop_assert_eq!(metrics.levels.iter().map(|level| level.support).sum::<u64>(), gold_total);
        // Closing up is what the hierarchical figures do, so these are the same.
        prop_assert_eq!(metrics.raw.hierarchical_f1, metrics.micro_f1);
        prop_assert!(metrics.raw.constrained_micro_f1 <= metrics.raw.micro_f1);
    }

    #[test]
    fn figures_of_stored_predictions_are_the_same((taxonomy, documents) in any_documents(12, 10)) {
        let documents = decode_all(&taxonomy, &documents);
        let mut builder = MetricsBuilder::new(&taxonomy, DecodingRecord::default());
        for (gold, decoded) in &documents {
            let line = serde_json::to_string(&to_prediction(&taxonomy, "d", decoded, Some(0.5))).unwrap();
            builder.add(gold, &from_prediction(&taxonomy, &serde_json::from_str(&line).unwrap()).unwrap());
        }
        let metrics = builder.finish();
        prop_assert_eq!(&metrics, &of(&taxonomy, &documents));
        let json = serde_json::to_string(&metrics).unwrap();
        prop_assert_eq!(serde_json::from_str::<Metrics>(&json).unwrap(), metrics);
    }

    #[test]
    fn a_perfect_prediction_scores_one((taxonomy, documents) in any_documents(12, 10)) {
        let mut builder = MetricsBuilder::new(&taxonomy, DecodingRecord::default());
        for (gold, _) in &documents {
            builder.add(gold, &judged(&taxonomy, gold));
        }
        let metrics = builder.finish();
        if documents.iter().any(|(gold, _)| !gold.is_empty()) {
            let ones = [metrics.micro_f1, metrics.macro_f1_supported, metrics.exact_match, metrics.ndcg_at_5, metrics.r_precision];
            prop_assert_eq!(ones, [1.0; 5]);
            prop_assert_eq!((metrics.raw.constrained_micro_f1, metrics.raw.hierarchical_f1), (1.0, 1.0));
        }
        prop_assert_eq!((metrics.raw.inconsistency_rate, metrics.decoding.documents_changed), (0.0, 0));
    }

    #[test]
    fn rank_figures_are_means_over_documents((taxonomy, documents) in any_documents(12, 10)) {
        let documents = decode_all(&taxonomy, &documents);
        let metrics = of(&taxonomy, &documents);
        let mean = |figure: &Figure| {
            let ranked = |decoded: &Decoded| ranking::top(&decoded.judged().scores, taxonomy.len(), taxonomy.len());
            let values: Vec<f64> = documents.iter().filter_map(|(gold, decoded)| figure(&ranked(decoded), gold)).collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        let pairs = [
            (metrics.precision_at_1, mean(&|ranked, gold| ranking::precision_at(ranked, gold, 1))),
            (metrics.precision_at_3, mean(&|ranked, gold| ranking::precision_at(ranked, gold, 3))),
            (metrics.precision_at_5, mean(&|ranked, gold| ranking::precision_at(ranked, gold, 5))),
            (metrics.recall_at_5, mean(&|ranked, gold| ranking::recall_at(ranked, gold, 5))),
            (metrics.ndcg_at_5, mean(&|ranked, gold| ranking::ndcg_at(ranked, gold, 5))),
            (metrics.r_precision, mean(&|ranked, gold| ranking::precision_at(ranked, gold, gold.len()))),
        ];
        for (value, expected) in pairs {
            prop_assert!((value - expected).abs() < 1e-12);
        }
    }
}
