//! Who sees whom among labels, and what masked ones predict.

use arborist_hbgl::label_tree::{Judged, LabelTree, mask_ratio};
use arborist_model_kit::checks::{t5, taxonomy};

/// Labels of the tree by place: A, B, A1, A2, B1 in the order of [`t5`].
fn masked(labels: &[usize]) -> Vec<bool> {
    (0..5).map(|label| labels.contains(&label)).collect()
}

#[test]
fn labels_see_parents_and_children() {
    let tree = LabelTree::new(&t5());
    // [CLS] 0, A 1, B 2, A1 3, A2 4, B1 5.
    let links = tree.links(false, false);
    assert_eq!(
        links,
        [
            (0, 1),
            (0, 2),
            (1, 0),
            (1, 3),
            (1, 4),
            (2, 0),
            (2, 5),
            (3, 1),
            (4, 1),
            (5, 2)
        ]
    );
    assert!(links.iter().all(|(seer, seen)| seer != seen));
    let paper = tree.links(true, false);
    let among_labels = paper.iter().filter(|(a, b)| *a > 0 && *b > 0).count();
    assert_eq!(among_labels, 11);
    let upwards = tree.links(false, true);
    assert_eq!(
        upwards,
        [(0, 1), (0, 2), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]
    );
}

#[test]
fn positions_are_levels() {
    assert_eq!(LabelTree::new(&t5()).positions(), [0, 1, 1, 2, 2, 2]);
}

#[test]
fn masked_leaves_predict_their_masked_siblings() {
    let tree = LabelTree::new(&t5());
    let targets = |labels: &[usize]| tree.targets(&masked(labels), Judged::ByItself);
    assert_eq!(
        targets(&[1, 2, 3]),
        [vec![1], vec![2, 3], vec![2, 3]],
        "B, A1, A2"
    );
    assert_eq!(targets(&[2]), [vec![2]]);
    assert_eq!(targets(&[0, 2]), [vec![0], vec![2]]);
}

#[test]
fn the_label_before_judges_in_the_authors_code() {
    // A 0, A1 1, A2 2, B 3, B1 4.
    let tree = LabelTree::new(&taxonomy(&[
        ("A", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B", &[]),
        ("B1", &["B"]),
    ]));
    let targets = |labels: &[usize], judged| tree.targets(&masked(labels), judged);
    let shifted = Judged::ByTheOneBefore;
    assert_eq!(targets(&[1], shifted), [vec![1]]);
    assert_eq!(targets(&[1, 2], shifted), [vec![1], vec![2]]);
    assert_eq!(targets(&[2, 3], shifted), [vec![2, 3], vec![2, 3]]);
    assert_eq!(targets(&[2, 3], Judged::ByItself), [vec![2], vec![3]]);
    assert_eq!(targets(&[0], shifted), [vec![0]]);
}

#[test]
fn the_share_of_masked_labels_rises() {
    assert!((mask_ratio(0.15, 0.45, 0, 100) - 0.15).abs() < 1e-12);
    assert!((mask_ratio(0.15, 0.45, 50, 100) - 0.30).abs() < 1e-12);
    assert!((mask_ratio(0.15, 0.15, 70, 100) - 0.15).abs() < 1e-12);
}
