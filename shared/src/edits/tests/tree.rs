//! What a tree keeps while it is edited: undoing, checks, size.

use super::*;
use crate::fixtures::{dag, t5, taxonomy};
use crate::taxonomy::NewLabel;

#[test]
fn a_failed_edit_leaves_nothing_behind() {
    let taxonomy = dag();
    let mut tree = WorkingTree::new(&taxonomy);
    // The second child to list is none, so the parts that were there already go again.
    let edit = &edits(&[
        r#"{"op":"split","label":"C","into":[{"id":"X","children":["D"]},{"id":"Y","children":["A"]}]}"#,
    ])[0];
    assert!(tree.apply(edit).is_err());
    assert_eq!(tree.build().unwrap(), taxonomy);
    assert_eq!(tree.finish().unwrap().lineage.edits(), []);
    tree.apply(&edits(&[r#"{"op":"add","id":"X"}"#])[0])
        .unwrap();
}

#[test]
fn edits_are_undone_in_any_order_that_makes_sense() {
    let taxonomy = t5();
    let mut tree = WorkingTree::new(&taxonomy);
    let mut undo: Vec<Undo> = edits(&[
        r#"{"op":"rename","label":"A1","name":"X"}"#,
        r#"{"op":"rename","label":"A1","name":"Y"}"#,
        r#"{"op":"add","id":"N","parents":["B"]}"#,
        r#"{"op":"merge","labels":["B1"],"into":"N"}"#,
        r#"{"op":"move","label":"A","parent":"B"}"#,
    ])
    .iter()
    .map(|edit| tree.apply(edit).unwrap())
    .collect();
    let check = |tree: &WorkingTree<&Taxonomy>, name: &str, expected: &str| {
        let taxonomy = tree.build().unwrap();
        assert_eq!(edges(&taxonomy), expected);
        assert_eq!(taxonomy.name(taxonomy.index_of("A1").unwrap()), name);
    };
    check(&tree, "Y", "A<B B A1<A A2<A N<B");
    // The first name was changed again, and documents of another label came to the new one.
    for (at, label) in [(0, "A1"), (2, "N")] {
        let error = tree.undo(undo[at].clone()).unwrap_err();
        assert_eq!(error.label, label);
    }
    check(&tree, "Y", "A<B B A1<A A2<A N<B");
    let redo = tree.undo(undo.remove(1)).unwrap();
    check(&tree, "X", "A<B B A1<A A2<A N<B");
    tree.undo(undo.remove(2)).unwrap();
    check(&tree, "X", "A<B B A1<A A2<A B1<B N<B");
    assert!(tree.finish().unwrap().lineage.fated().is_empty());
    tree.undo(undo.remove(1)).unwrap();
    check(&tree, "X", "A<B B A1<A A2<A B1<B");
    tree.undo(redo).unwrap();
    check(&tree, "Y", "A<B B A1<A A2<A B1<B");
    // What was added and undone was never there.
    tree.apply(&edits(&[r#"{"op":"add","id":"N"}"#])[0])
        .unwrap();
    check(&tree, "Y", "A<B B A1<A A2<A B1<B N");
}

#[test]
fn undoing_loses_nothing_that_came_later() {
    let taxonomy = t5();
    let mut tree = WorkingTree::new(&taxonomy);
    let split = r#"{"op":"split","label":"B1","into":[{"id":"P"},{"id":"Q"}]}"#;
    let undo = tree
        .apply(&edits(&[r#"{"op":"move","label":"B1"}"#, split])[0])
        .and_then(|_| tree.apply(&edits(&[split])[0]))
        .unwrap();
    for line in [
        r#"{"op":"move","label":"Q","parent":"P"}"#,
        r#"{"op":"describe","label":"Q","details":{"notation":"1"}}"#,
    ] {
        let later = tree.apply(&edits(&[line])[0]).unwrap();
        let before = tree.finish().unwrap();
        assert!(tree.undo(undo.clone()).is_err());
        assert_eq!(tree.finish().unwrap(), before);
        tree.undo(later).unwrap();
    }
    tree.undo(undo).unwrap();
    assert_eq!(edges(&tree.build().unwrap()), "A B A1<A A2<A B1");
}

#[test]
fn a_draft_is_checked_while_it_is_edited() {
    let taxonomy = taxonomy(&[("A", &[]), ("A/x", &["A"]), ("B", &[]), ("B/x", &["B"])]);
    let mut tree = WorkingTree::new(std::sync::Arc::new(taxonomy));
    assert_eq!(tree.check(), []);
    let edit = &edits(&[r#"{"op":"merge","labels":["A"],"into":"B"}"#])[0];
    let undo = tree.apply(edit).unwrap();
    let problems = tree.check();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].labels, ["A/x", "B/x"]);
    assert_eq!(problems, crate::taxonomy::check(&tree.build().unwrap()));
    tree.undo(undo).unwrap();
    assert_eq!(tree.check(), []);
}

#[test]
fn a_hundred_thousand_labels_and_hundreds_of_edits() {
    let id = |n: usize| format!("label {n}");
    let label = |n: usize| NewLabel {
        id: id(n),
        parents: (n >= 10).then(|| id(n / 10)).into_iter().collect(),
        ..NewLabel::default()
    };
    let taxonomy = Taxonomy::new((0..100_000).map(label).collect()).unwrap();
    let mut list = Vec::new();
    for n in 0..300 {
        list.push(Edit::Move {
            label: id(10_000 + n * 7),
            parent: Some(id(9_000 + n)),
            from: None,
            before: None,
        });
        list.push(Edit::Merge {
            labels: vec![id(50_000 + n)],
            into: id(60_000 + n),
        });
    }
    list.push(Edit::Delete {
        label: id(1),
        with_descendants: true,
        review: false,
    });
    let mut tree = WorkingTree::new(&taxonomy);
    let undo: Vec<Undo> = list.iter().map(|edit| tree.apply(edit).unwrap()).collect();
    let edited = tree.finish().unwrap();
    assert_eq!(edited.taxonomy.len(), 100_000 - 300 - 11_111 + 300);
    assert_eq!(
        edited.taxonomy.len(),
        100_000 - edited.lineage.fated().len()
    );
    for undo in undo.into_iter().rev() {
        tree.undo(undo).unwrap();
    }
    assert_eq!(tree.build().unwrap(), taxonomy);
}
