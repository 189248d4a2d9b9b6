//! Rows of a document and who sees whom.

use arborist_hbgl::rows::{Layout, by_level, one_by_one};

/// Rows that each row of the only document sees: the first ones, and itself.
fn seen(layout: &Layout, row: usize) -> Vec<usize> {
    let prefix = layout.sight.prefixes(0).unwrap()[row] as usize;
    let mut rows: Vec<usize> = (0..prefix).collect();
    if row >= prefix {
        rows.push(row);
    }
    rows
}

#[test]
fn rows_see_what_comes_before_them() {
    // Three pieces, four levels and the end.
    let layout = Layout::new(&[3], &[5]);
    let sums: Vec<usize> = (0..layout.sight.rows())
        .map(|row| seen(&layout, row).len())
        .collect();
    assert_eq!(sums, [3, 3, 3, 4, 5, 6, 7, 8, 4, 5, 6, 7, 8]);
    assert_eq!(sums.iter().sum::<usize>(), 69);
    for &source in &layout.sources {
        assert_eq!(seen(&layout, source as usize), [0, 1, 2]);
    }
    for (level, (&target, &slot)) in layout.targets.iter().zip(&layout.slots).enumerate() {
        let before: Vec<usize> = (0..3 + level).collect();
        let with = |own: i64| [&before[..], &[own as usize]].concat();
        assert_eq!(seen(&layout, target as usize), with(target));
        assert_eq!(seen(&layout, slot as usize), with(slot));
        assert!(!seen(&layout, slot as usize).contains(&(target as usize)));
    }
}

#[test]
fn a_level_and_its_slot_stand_at_the_same_place() {
    let layout = Layout::new(&[3], &[5]);
    assert_eq!(
        layout.places.positions,
        [0, 1, 2, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7]
    );
    assert_eq!(layout.places.segments[..3], [0; 3]);
    assert_eq!(layout.places.segments[3..], [1; 10]);
}

#[test]
fn documents_stand_one_after_the_other() {
    let layout = Layout::new(&[2, 4], &[2, 1]);
    assert_eq!(layout.sight.segments(), [6, 6]);
    assert_eq!(layout.sources, [0, 1, 6, 7, 8, 9]);
    assert_eq!(layout.targets, [2, 3, 10]);
    assert_eq!(layout.slots, [4, 5, 11]);
}

#[test]
fn labels_are_taken_level_by_level() {
    let level_of = [0, 0, 1, 1, 2];
    assert_eq!(
        by_level(&[0, 1, 2, 4], &level_of),
        [vec![0, 1], vec![2], vec![4]]
    );
    assert_eq!(by_level(&[1, 4], &level_of), [vec![1], vec![4]]);
    assert!(by_level(&[], &level_of).is_empty());
    assert_eq!(
        one_by_one(&[4, 2, 0], &level_of),
        [vec![0], vec![2], vec![4]]
    );
}
