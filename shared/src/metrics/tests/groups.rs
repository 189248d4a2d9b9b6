//! Groups of labels by hand, and the two forms of scores beside each other.

use proptest::prelude::*;

use super::super::*;
use super::close;
use crate::fixtures::{any_labels, any_scores};

/// By group: labels, documents, recall and gain.
fn figures(
    groups: &LabelGroups,
    documents: &[(&[LabelIndex], ScoreList<'_>)],
) -> Vec<GroupMetrics> {
    let mut ranks = GroupRanks::new(groups);
    for (gold, scores) in documents {
        ranks.add(gold, *scores);
    }
    ranks.finish()
}

#[test]
fn one_document_by_hand() {
    // Two of five labels on ranks 1 and 3.
    let groups = LabelGroups::new(&[51, 50, 1, 0, 0], &[1; 5], FREQUENT_ABOVE);
    let dense = [0.68, 0.23, 0.58, 0.0, 0.0];
    let [frequent, few, zero, overall] =
        &figures(&groups, &[(&[0, 1], ScoreList::Dense(&dense))])[..]
    else {
        panic!("four groups")
    };
    let names = [frequent, few, zero, overall].map(|group| (group.name.as_str(), group.labels));
    assert_eq!(
        names,
        [("frequent", 1), ("few", 2), ("zero", 2), ("overall", 5)]
    );
    assert_eq!((overall.documents, overall.recall_at_5), (1, 1.0));
    close(overall.ndcg_at_5, 0.919_721);
    // More than 50 documents are frequent, 50 are few: label 1 is second among labels 1 and 2.
    assert_eq!((frequent.recall_at_5, frequent.ndcg_at_5), (1.0, 1.0));
    assert_eq!(few.recall_at_5, 1.0);
    close(few.ndcg_at_5, 0.630_930);
    // No gold label in the group: the document does not count.
    assert_eq!(
        (zero.documents, zero.recall_at_5, zero.ndcg_at_5),
        (0, 0.0, 0.0)
    );
}

#[test]
fn recall_is_of_all_gold_labels() {
    let groups = LabelGroups::new(&[1; 12], &[0; 12], 0);
    let dense: Vec<f32> = (0..12_u8)
        .map(|label| 1.0 - f32::from(label) / 100.0)
        .collect();
    let gold: Vec<LabelIndex> = (0..10).collect();
    let figures = figures(&groups, &[(&gold, ScoreList::Dense(&dense))]);
    // All are frequent with this bound.
    assert_eq!(figures[0].recall_at_5, 0.5);
    assert_eq!(figures[0].ndcg_at_5, 1.0);
    assert_eq!(figures[1].labels, 0);
    assert_eq!(figures[3].recall_at_5, 0.5);
}

#[test]
fn labels_rank_within_their_group_only() {
    // Ten frequent labels with high scores, ten that no document has with low ones.
    let counts: Vec<u64> = (0..20)
        .map(|label| if label < 10 { 99 } else { 0 })
        .collect();
    let groups = LabelGroups::new(&counts, &[1; 20], FREQUENT_ABOVE);
    let mut dense = vec![0.9; 20];
    for (label, score) in (0_u8..).zip(&mut dense).skip(10) {
        *score = f32::from(label) / 10_000.0;
    }
    let figures = figures(&groups, &[(&[19, 3], ScoreList::Dense(&dense))]);
    assert_eq!((figures[2].documents, figures[2].recall_at_5), (1, 1.0));
    // Among all labels the first five are those with the lowest indexes of the ten that tie.
    assert_eq!(figures[3].recall_at_5, 0.5);
    close(figures[3].ndcg_at_5, 0.430_677 / 1.630_930);
}

#[test]
fn ties_and_labels_that_are_not_listed_go_by_index() {
    let groups = LabelGroups::new(&[0; 8], &[1; 8], FREQUENT_ABOVE);
    let rank_of = |gold: LabelIndex, listed: &[(LabelIndex, f32)]| {
        let figures = figures(&groups, &[(&[gold], ScoreList::Listed(listed))]);
        let gain = figures[3].ndcg_at_5;
        (1..=5).find(|&rank| (gain - 1.0 / (f64::from(rank) + 1.0).log2()).abs() < 1e-9)
    };
    let listed = [(6, 0.5), (4, 0.5), (1, -0.25), (0, 0.0)];
    // 4, 6, then the zeros 0, 2, 3; label 1 is behind all of them.
    for (label, rank) in [
        (4, Some(1)),
        (6, Some(2)),
        (0, Some(3)),
        (2, Some(4)),
        (3, Some(5)),
        (5, None),
        (1, None),
    ] {
        assert_eq!(rank_of(label, &listed), rank, "label {label}");
    }
    // Where the group has too few others, scores below 0 are ranked as well.
    let groups = LabelGroups::new(&[0; 3], &[1; 3], FREQUENT_ABOVE);
    let figures = figures(
        &groups,
        &[(&[1], ScoreList::Listed(&[(1, -0.5), (2, f32::NAN)]))],
    );
    assert_eq!(figures[2].ndcg_at_5, 0.5);
}

#[test]
fn labels_that_no_document_has_are_in_no_group() {
    // Label 0 is an ancestor that is never given; label 2 is in test documents only.
    let groups = LabelGroups::new(&[0, 60, 0, 7], &[0, 3, 2, 0], FREQUENT_ABOVE);
    let dense = [0.9, 0.1, 0.2, 0.3];
    let figures = figures(&groups, &[(&[2], ScoreList::Dense(&dense))]);
    let sizes: Vec<u64> = figures.iter().map(|group| group.labels).collect();
    assert_eq!(sizes, [1, 1, 1, 3]);
    // First in its group, second behind label 3 overall: the ancestor takes no rank.
    assert_eq!(figures[2].ndcg_at_5, 1.0);
    close(figures[3].ndcg_at_5, 0.630_930);
}

proptest! {
    #[test]
    fn a_list_ranks_as_all_scores_do(
        (documents, counts) in (
            proptest::collection::vec((any_labels(30), any_scores(30)), 0..12),
            proptest::collection::vec(0_u64..100, 30),
        ),
    ) {
        let groups = LabelGroups::new(&counts, &[1; 30], FREQUENT_ABOVE);
        let mut dense = GroupRanks::new(&groups);
        let mut listed = GroupRanks::new(&groups);
        let mut reversed = GroupRanks::new(&groups);
        for (gold, scores) in &documents {
            dense.add(gold, ScoreList::Dense(scores));
            let mut list: Vec<(LabelIndex, f32)> = (0..).zip(scores.iter().copied()).filter(|&(_, score)| score != 0.0).collect();
            list.reverse();
            listed.add(gold, ScoreList::Listed(&list));
        }
        for (gold, scores) in documents.iter().rev() {
            reversed.add(gold, ScoreList::Dense(scores));
        }
        prop_assert_eq!(dense.finish(), listed.finish());
        prop_assert_eq!(dense.finish(), reversed.finish());
        // Overall is the ranking that the ordinary figures use.
        let documents: Vec<_> = documents.iter().filter(|(gold, _)| !gold.is_empty()).collect();
        let recall: f64 = documents.iter().filter_map(|(gold, scores)| {
            let mut sorted: Vec<(LabelIndex, f32)> = (0..).zip(scores.iter().copied()).collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            ranking::recall_at(&ranking::top(&sorted, 30, 5), gold, 5)
        }).sum();
        let mean = if documents.is_empty() { 0.0 } else { recall / documents.len() as f64 };
        prop_assert!((dense.finish()[3].recall_at_5 - mean).abs() < 1e-12);
    }
}
