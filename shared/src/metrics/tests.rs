mod groups;
mod properties;

use super::*;
use crate::decode::{DecodeOptions, Decoded, decode};
use crate::fixtures::{Scored, dag, judged, t5, taxonomy};
use crate::scores::DocumentScores;
use crate::taxonomy::NewLabel;

/// The example's own rounding: six digits.
#[track_caller]
fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 5e-7, "{value} is not {expected}");
}

/// Sums of the same numbers in another order.
#[track_caller]
fn assert_close(value: f64, expected: f64) {
    assert!(
        (value - expected).abs() < 1e-14,
        "{value} is not {expected}"
    );
}

/// Metrics of raw sets, closed by decoding, against gold sets that the caller has closed.
fn metrics(taxonomy: &Taxonomy, documents: &[(&[LabelIndex], &[LabelIndex])]) -> Metrics {
    let mut builder = MetricsBuilder::new(taxonomy, DecodingRecord::default());
    for (gold, raw) in documents {
        builder.add(gold, &judged(taxonomy, raw));
    }
    builder.finish()
}

/// Three labels below the root.
fn three() -> Taxonomy {
    taxonomy(&[("a", &[]), ("b", &[]), ("c", &[])])
}

#[test]
fn micro_and_macro_by_hand() {
    let mut counts = Counts::new(3);
    counts.add(&[0], &[0]);
    counts.add(&[1], &[0]);
    close(counts.macro_f1(), 0.222_222);
    assert_eq!(counts.micro_f1(), 0.5);
    close(counts.f1_of_means(), 0.222_222);
    close(counts.macro_f1_supported(), 1.0 / 3.0);
    assert_eq!(counts.of(0), [1, 2, 1]);
    assert_eq!(micro_macro(&counts), (counts.micro_f1(), counts.macro_f1()));

    let mut counts = Counts::new(3);
    for (gold, predicted) in [(0, 0), (1, 0), (1, 1)] {
        counts.add(&[gold], &[predicted]);
    }
    close(counts.macro_f1(), 0.444_444);
    assert_eq!(counts.f1_of_means(), 0.5);

    let metrics = metrics(&three(), &[(&[0], &[0]), (&[1], &[0])]);
    close(metrics.macro_f1, 0.222_222);
    close(metrics.macro_f1_supported, 1.0 / 3.0);
    assert_eq!(
        (
            metrics.micro_f1,
            metrics.micro_precision,
            metrics.micro_recall,
            metrics.exact_match
        ),
        (0.5, 0.5, 0.5, 0.5)
    );
    assert_eq!(
        (metrics.raw.micro_f1, metrics.raw.macro_f1),
        (metrics.micro_f1, metrics.macro_f1)
    );
    let b = LabelMetrics {
        id: "b".to_owned(),
        name: "b".to_owned(),
        support: 1,
        ..LabelMetrics::default()
    };
    assert_eq!(metrics.labels[1], b);
    let a = &metrics.labels[0];
    assert_eq!((a.support, a.precision, a.recall), (1, 0.5, 1.0));
    close(a.f1, 2.0 / 3.0);
}

#[test]
fn labels_repeated_in_a_set_count_once() {
    let mut counts = Counts::new(3);
    counts.add(&[2, 0, 2], &[2, 2]);
    assert_eq!((counts.of(2), counts.of(0)), ([1, 1, 1], [0, 0, 1]));
}

#[test]
fn a_score_of_one_half_is_negative() {
    let three = three();
    let decoded = decode(
        &three,
        &DocumentScores::from_dense(&[0.5, 0.6, 0.4], 0.5),
        &DecodeOptions::default(),
        0.5,
    );
    let mut builder = MetricsBuilder::new(
        &three,
        DecodingRecord {
            threshold: Some(0.5),
            ..DecodingRecord::default()
        },
    );
    builder.add(&[0, 1], &decoded.judged());
    let metrics = builder.finish();
    close(metrics.micro_recall, 0.5);
    assert_eq!(metrics.decoding.threshold, Some(0.5));
}

#[test]
fn ranking_by_hand() {
    let five = taxonomy(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[]), ("e", &[])]);
    let mut builder = MetricsBuilder::new(&five, DecodingRecord::default());
    let scores = DocumentScores::from_dense(&[0.68, 0.23, 0.58, 0.0, 0.0], 0.5).scores;
    builder.add(
        &[0, 1],
        &Judged {
            scores: scores.clone(),
            ..Judged::default()
        },
    );
    // Without gold label: does not count for ranks.
    builder.add(
        &[],
        &Judged {
            scores: scores.clone(),
            ..Judged::default()
        },
    );
    let metrics = builder.finish();
    assert_eq!(metrics.recall_at_5, 1.0);
    close(metrics.ndcg_at_5, 0.919_721);
    assert_eq!((metrics.precision_at_1, metrics.precision_at_5), (1.0, 0.4));
    close(metrics.precision_at_3, 2.0 / 3.0);
    assert_eq!(metrics.r_precision, 0.5);

    let ranked = ranking::top(&scores, 5, 5);
    assert_eq!(ranked, [0, 2, 1, 3, 4]);
    close(ranking::ndcg_at(&ranked, &[0, 1], 5).unwrap(), 0.919_721);
    assert_eq!(ranking::recall_at(&ranked, &[0, 1], 5), Some(1.0));
    assert_eq!(ranking::precision_at(&ranked, &[0, 1], 2), Some(0.5));
}

#[test]
fn recall_divides_by_all_gold_labels() {
    let ids: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    let labels = ids.iter().map(|id| NewLabel {
        id: id.clone(),
        ..NewLabel::default()
    });
    let many = Taxonomy::new(labels.collect()).unwrap();
    let gold: Vec<LabelIndex> = (0..10).collect();
    let scores: Vec<(LabelIndex, f32)> = (0..5)
        .map(|label| (label, 1.0 - label as f32 / 10.0))
        .collect();
    let mut builder = MetricsBuilder::new(&many, DecodingRecord::default());
    builder.add(
        &gold,
        &Judged {
            scores: scores.clone(),
            ..Judged::default()
        },
    );
    let metrics = builder.finish();
    assert_eq!(
        (
            metrics.recall_at_5,
            metrics.ndcg_at_5,
            metrics.precision_at_5
        ),
        (0.5, 1.0, 1.0)
    );
    // Unscored labels follow in taxonomy order, here all of them gold.
    assert_eq!(metrics.r_precision, 1.0);
    assert_eq!(
        ranking::recall_at(&ranking::top(&scores, 20, 5), &gold, 5),
        Some(0.5)
    );
}

#[test]
fn a_group_is_ranked_on_its_own() {
    let ranked = [4, 0, 3, 1, 2];
    let is_odd = |label: LabelIndex| label % 2 == 1;
    let (ranked, gold) = (
        ranking::masked(&ranked, is_odd),
        ranking::masked(&[0, 1], is_odd),
    );
    assert_eq!((&ranked[..], &gold[..]), (&[3, 1][..], &[1][..]));
    close(
        ranking::ndcg_at(&ranked, &gold, 5).unwrap(),
        1.0 / 3.0_f64.log2(),
    );
    // A document without gold label in the group is skipped.
    let none = ranking::masked(&[0, 2], is_odd);
    assert_eq!(
        (
            ranking::recall_at(&ranked, &none, 5),
            ranking::ndcg_at(&ranked, &none, 5)
        ),
        (None, None)
    );
    assert_eq!(ranking::precision_at(&ranked, &none, 5), None);
}

#[test]
fn ties_go_to_the_lower_label_and_unscored_labels_last() {
    let scores = DocumentScores::from_sparse(&[(3, 0.5), (1, 0.5), (4, 0.75)], 0.5).scores;
    assert_eq!(ranking::top(&scores, 6, 5), [4, 1, 3, 0, 2]);
    assert_eq!(ranking::top(&scores, 6, 9), [4, 1, 3, 0, 2, 5]);
    assert_eq!(ranking::top(&[], 2, 5), [0, 1]);
}

#[test]
fn levels_by_hand() {
    // Right on level 1 of the tree only. Raw sets, so that closing does not matter: both are closed.
    let metrics = metrics(&t5(), &[(&[0, 2], &[0, 3]), (&[1, 4], &[1])]);
    let level = |level: u32, micro_f1: f64, macro_f1: f64| LevelMetrics {
        level,
        micro_f1,
        macro_f1,
        support: 2,
    };
    assert_eq!(metrics.levels, [level(1, 1.0, 1.0), level(2, 0.0, 0.0)]);
}

#[test]
fn a_label_without_its_parent_is_inconsistent_and_does_not_count_when_constrained() {
    let lone = metrics(&t5(), &[(&[0, 2], &[2])]).raw;
    assert_eq!(
        (
            lone.inconsistency_rate,
            lone.constrained_micro_f1,
            lone.constrained_macro_f1
        ),
        (1.0, 0.0, 0.0)
    );
    close(lone.micro_f1, 2.0 / 3.0);
    assert_eq!(
        (
            lone.hierarchical_precision,
            lone.hierarchical_recall,
            lone.hierarchical_f1
        ),
        (1.0, 1.0, 1.0)
    );
    let whole = metrics(&t5(), &[(&[0, 2], &[0, 2])]).raw;
    assert_eq!(
        (
            whole.inconsistency_rate,
            whole.constrained_micro_f1,
            whole.constrained_macro_f1
        ),
        (0.0, 1.0, 0.4)
    );
}

#[test]
fn one_parent_makes_a_label_consistent_all_ancestors_make_it_count() {
    // C lies below A and B1, which lies below B.
    let raw = metrics(&dag(), &[(&[0, 1, 2, 3], &[0, 3])]).raw;
    assert_eq!(raw.inconsistency_rate, 0.0);
    // A is right; C lacks B and B1: 1 right, 2 predicted, 4 gold.
    close(raw.constrained_micro_f1, 2.0 / 6.0);
    close(raw.micro_f1, 4.0 / 6.0);
    assert_eq!(raw.hierarchical_f1, 1.0);
}

#[test]
fn hierarchical_figures_by_hand() {
    // Gold {A, A1}; predicted {A2}, closed {A, A2}: 1 of 2 right. Gold {B, B1}; predicted {B}: 1 of 1, of 2.
    let raw = metrics(&t5(), &[(&[0, 2], &[3]), (&[1, 4], &[1])]).raw;
    close(raw.hierarchical_precision, 2.0 / 3.0);
    assert_eq!(raw.hierarchical_recall, 0.5);
    close(raw.hierarchical_f1, 4.0 / 7.0);
}

#[test]
fn what_decoding_did_is_counted() {
    let taxonomy = t5();
    let mut builder = MetricsBuilder::new(&taxonomy, DecodingRecord::default());
    builder.add(&[0, 2], &judged(&taxonomy, &[2]));
    builder.add(&[1], &judged(&taxonomy, &[1]));
    // A rule that also removes labels.
    builder.add(
        &[1],
        &Judged {
            raw: vec![1, 2, 3],
            labels: vec![1],
            ..Judged::default()
        },
    );
    let metrics = builder.finish();
    let decoding = metrics.decoding;
    assert_eq!(
        (
            decoding.labels_added,
            decoding.labels_removed,
            decoding.documents_changed
        ),
        (1, 2, 2)
    );
    assert_eq!(metrics.exact_match, 1.0);
    close(metrics.raw.exact_match, 1.0 / 3.0);
}

#[test]
fn documents_without_labels_count() {
    let metrics = metrics(&three(), &[(&[], &[]), (&[], &[1])]);
    assert_eq!(
        (
            metrics.documents,
            metrics.exact_match,
            metrics.micro_precision
        ),
        (2, 0.5, 0.0)
    );
    assert_eq!(
        (
            metrics.precision_at_1,
            metrics.ndcg_at_5,
            metrics.r_precision
        ),
        (0.0, 0.0, 0.0)
    );
}

#[test]
fn nothing_gives_zeros() {
    let empty = metrics(&t5(), &[]);
    assert_eq!(
        (
            empty.documents,
            empty.micro_f1,
            empty.raw.inconsistency_rate,
            empty.recall_at_5
        ),
        (0, 0.0, 0.0, 0.0)
    );
    let no_labels = Taxonomy::new(Vec::new()).unwrap();
    let metrics = metrics(&no_labels, &[(&[], &[])]);
    assert_eq!(
        (metrics.macro_f1, metrics.exact_match, metrics.levels.len()),
        (0.0, 1.0, 0)
    );
}

/// Computed with scikit-learn 1.9.1 on the same sets: `f1_score`, `precision_score`, `recall_score` with
/// `zero_division=0`, `accuracy_score`, `ndcg_score` with `k=5`; the constrained figures with `NumPy`.
#[test]
fn agrees_with_scikit_learn() {
    let taxonomy = taxonomy(&[
        ("0", &[]),
        ("1", &[]),
        ("2", &["0"]),
        ("3", &["0"]),
        ("4", &["1"]),
        ("5", &["2"]),
        ("6", &["2", "4"]),
        ("7", &["4"]),
    ]);
    // Gold labels, and scores of the labels in units of 1/1024.
    let documents: [(&[LabelIndex], [u16; 8]); 10] = [
        (
            &[0, 1, 2, 4, 5, 6],
            [390, 890, 381, 161, 557, 481, 253, 116],
        ),
        (&[0, 3], [456, 130, 136, 996, 633, 6, 893, 2]),
        (&[0, 3], [992, 202, 306, 916, 708, 990, 989, 393]),
        (&[0, 2, 5], [324, 839, 314, 68, 714, 493, 318, 364]),
        (&[1, 4, 7], [386, 429, 10, 593, 862, 48, 375, 464]),
        (&[0, 3], [604, 38, 817, 800, 767, 881, 303, 377]),
        (&[1, 4, 7], [182, 706, 739, 153, 818, 317, 81, 642]),
        (&[0, 2, 5], [150, 1003, 654, 58, 34, 821, 939, 432]),
        (&[0, 1, 2, 4, 5, 6], [431, 945, 636, 61, 866, 465, 302, 145]),
        (&[1, 4, 7], [983, 643, 512, 347, 545, 960, 184, 889]),
    ];
    let documents = documents.map(|(gold, scores)| {
        (
            gold.to_vec(),
            scores.map(|score| f32::from(score) / 1024.0).to_vec(),
        )
    });
    let metrics = of(&taxonomy, &decode_all(&taxonomy, &documents));
    // Decoded sets; closed sets are what the hierarchical figures count.
    assert_close(metrics.micro_f1, 0.567_901_234_567_901_2);
    assert_close(metrics.macro_f1, 0.533_847_402_597_402_6);
    assert_close(metrics.micro_precision, 0.479_166_666_666_666_7);
    assert_close(metrics.micro_recall, 0.696_969_696_969_697);
    assert_close(metrics.raw.hierarchical_f1, 0.567_901_234_567_901_2);
    assert_eq!((metrics.exact_match, metrics.raw.exact_match), (0.0, 0.0));
    let labels = [
        2.0 / 3.0,
        2.0 / 3.0,
        0.363_636_363_636_363_65,
        0.857_142_857_142_857_1,
        2.0 / 3.0,
        0.25,
        0.0,
        0.8,
    ];
    for (label, expected) in metrics.labels.iter().zip(labels) {
        assert_close(label.f1, expected);
    }
    assert_close(metrics.levels[2].micro_f1, 1.0 / 3.0);
    assert_close(metrics.levels[2].macro_f1, 0.35);
    assert_close(metrics.ndcg_at_5, 0.758_146_917_800_742_3);
    // Raw sets.
    assert_close(metrics.raw.micro_f1, 0.558_823_529_411_764_7);
    assert_close(metrics.raw.macro_f1, 0.531_087_662_337_662_3);
    assert_close(metrics.raw.constrained_micro_f1, 0.411_764_705_882_352_9);
    assert_close(metrics.raw.constrained_macro_f1, 0.383_766_233_766_233_76);
    assert_eq!(metrics.raw.inconsistency_rate, 0.8);
}

#[test]
fn the_keys_are_fixed() {
    let value = serde_json::to_value(metrics(&t5(), &[(&[0], &[0])])).unwrap();
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut top: Vec<String> = keys(&value).split(' ').map(str::to_owned).collect();
    top.sort();
    assert_eq!(
        top.join(" "),
        "decoding documents exact_match labels levels macro_f1 macro_f1_supported micro_f1 micro_precision micro_recall \
         ndcg_at_5 precision_at_1 precision_at_3 precision_at_5 r_precision raw recall_at_5"
    );
    let sorted = |value: &serde_json::Value| {
        let mut keys: Vec<String> = keys(value).split(' ').map(str::to_owned).collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(
        sorted(&value["levels"][0]),
        "level macro_f1 micro_f1 support"
    );
    assert_eq!(
        sorted(&value["labels"][0]),
        "f1 id name precision recall support"
    );
    assert_eq!(
        sorted(&value["raw"]),
        "constrained_macro_f1 constrained_micro_f1 exact_match hierarchical_f1 hierarchical_precision \
         hierarchical_recall inconsistency_rate macro_f1 micro_f1"
    );
    assert_eq!(
        sorted(&value["decoding"]),
        "documents_changed labels_added labels_removed rule threshold"
    );
}

fn decode_all(taxonomy: &Taxonomy, documents: &[Scored]) -> Vec<(Vec<LabelIndex>, Decoded)> {
    let decode = |(gold, dense): &Scored| {
        let scores = DocumentScores::from_dense(dense, 0.5);
        (
            gold.clone(),
            decode(taxonomy, &scores, &DecodeOptions::default(), 0.5),
        )
    };
    documents.iter().map(decode).collect()
}

fn of(taxonomy: &Taxonomy, documents: &[(Vec<LabelIndex>, Decoded)]) -> Metrics {
    let mut builder = MetricsBuilder::new(taxonomy, DecodingRecord::default());
    for (gold, decoded) in documents {
        builder.add(gold, &decoded.judged());
    }
    builder.finish()
}
