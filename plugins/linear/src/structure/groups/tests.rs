//! Which labels come together, and from which size on.

use super::*;
use crate::matrix::Piece;

/// Labels by families: a document of a label has the family's feature and, weaker, its own.
fn check(families: u32, size: u32, scale: Scale, judge: impl Fn(Vec<Vec<LabelIndex>>)) {
    let n_labels = families * size;
    let mut matrix = Matrix::new((families + n_labels) as usize);
    let mut piece = Piece::default();
    let mut rows = Vec::new();
    for label in 0..n_labels {
        // Neighbors belong to different families.
        piece.push(&[label % families, families + label], &[0.9, 0.4]);
        rows.push([label]);
    }
    matrix.push(piece);
    let documents = LabelDocuments::new(n_labels as usize, rows.iter().map(|row| &row[..]));
    let labels: Vec<LabelIndex> = (0..n_labels).collect();
    let mut grouping = Grouping {
        matrix: &matrix,
        documents: &documents,
        seed: 3,
        scale,
    };
    judge(grouping.split(&labels));
}

const ALWAYS: Scale = Scale {
    max_flat_work: 0,
    max_dense_weights: 0,
    max_dense_labels: 0,
    min_children: 1,
    max_visits: 0,
};

#[test]
fn similar_labels_come_together() {
    check(2, 8, ALWAYS, |groups| {
        assert_eq!(groups.len(), 4);
        for group in groups {
            assert!(
                group.iter().all(|label| label % 2 == group[0] % 2),
                "{group:?}"
            );
        }
    });
}

#[test]
fn every_label_is_in_one_group_and_groups_are_small() {
    for (families, size) in [(1, 2), (1, 3), (3, 5), (10, 10), (7, 29)] {
        check(families, size, ALWAYS, |groups| {
            let n_labels = families * size;
            let largest = f64::from(n_labels).sqrt().ceil() as usize;
            assert!(
                groups
                    .iter()
                    .all(|group| !group.is_empty() && group.len() <= largest)
            );
            let mut all = groups.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..n_labels), "{groups:?}");
        });
    }
}

#[test]
fn labels_stay_together_up_to_both_limits() {
    // 16 labels with a document each: 16 documents that visit 16 labels.
    for (min_children, max_visits, split) in [
        (16, 0, false),
        (15, 0, true),
        (15, 16 * 16, false),
        (15, 16 * 16 - 1, true),
    ] {
        let scale = Scale {
            min_children,
            max_visits,
            ..ALWAYS
        };
        check(4, 4, scale, |groups| {
            assert_eq!(
                !groups.is_empty(),
                split,
                "{min_children} children, {max_visits} visits"
            );
        });
    }
}
