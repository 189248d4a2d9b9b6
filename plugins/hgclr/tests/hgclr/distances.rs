//! The labels' distances and what lies between them.

use arborist_hgclr::distances::Distances;

/// 0 and 1 at the top; 2 and 3 below 0; 4 below 1; 5 below 2.
fn tree() -> Distances {
    Distances::of(&[None, None, Some(0), Some(0), Some(1), Some(2)])
}

#[test]
fn distances_count_the_edges_between_labels() {
    let distances = tree();
    let expected = [
        ((0, 0), 0),
        ((0, 2), 1),
        ((2, 3), 2),
        ((0, 1), 2),
        ((5, 0), 2),
        ((5, 3), 3),
        ((2, 4), 4),
        ((5, 4), 5),
    ];
    for ((a, b), distance) in expected {
        assert_eq!(distances.distance(a, b), distance, "{a} {b}");
        assert_eq!(distances.distance(b, a), distance, "{b} {a}");
    }
}

#[test]
fn other_ids_change_nothing_but_the_order() {
    let distances = tree();
    // Children before their parents: label i is called order[i].
    let order = [4, 2, 1, 5, 0, 3];
    let parents = [None, None, Some(0), Some(0), Some(1), Some(2)];
    let mut renamed = vec![None; 6];
    for (label, parent) in parents.iter().enumerate() {
        renamed[order[label]] = parent.map(|parent: u32| order[parent as usize] as u32);
    }
    let others = Distances::of(&renamed);
    for a in 0..6 {
        for b in 0..6 {
            assert_eq!(
                distances.distance(a, b),
                others.distance(order[a], order[b]),
                "{a} {b}"
            );
        }
    }
}
