use super::*;
use crate::fixtures::{dag, t5, taxonomy};
use crate::taxonomy::NewLabel;

#[track_caller]
fn check(taxonomy: &Taxonomy, lines: &[&str], expected: &str) -> Edited {
    let edited = edited(taxonomy, lines);
    assert_eq!(edges(&edited.taxonomy), expected);
    edited
}

#[track_caller]
fn fail(taxonomy: &Taxonomy, lines: &[&str], message: &str) {
    let error = apply(taxonomy, &edits(lines)).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn no_edit_changes_nothing() {
    let edited = check(&dag(), &[], "A B B1<B C<A<B1 D<C<A");
    assert_eq!(edited.taxonomy, dag());
    assert!(edited.lineage.fated().is_empty());
}

#[test]
fn a_rename_changes_the_name() {
    let edited = check(
        &t5(),
        &[r#"{"op":"rename","label":"A1","name":"First"}"#],
        "A B A1<A A2<A B1<B",
    );
    assert_eq!(edited.taxonomy.path_names(2), ["A", "First"]);
    fail(
        &t5(),
        &[r#"{"op":"rename","label":"A1","name":"A2"}"#],
        "edit 1 (rename `A1`): found the name `A2` at `A2` below `A`, expected siblings with different names",
    );
    fail(
        &t5(),
        &[r#"{"op":"rename","label":"A","name":"B"}"#],
        "edit 1 (rename `A`): found the name `B` at `B` below the root, expected siblings with different names",
    );
    fail(
        &t5(),
        &[r#"{"op":"rename","label":"A","name":" "}"#],
        "edit 1 (rename `A`): found an empty name, expected a name",
    );
    fail(
        &t5(),
        &[
            r#"{"op":"rename","label":"A","name":"X"}"#,
            r#"{"op":"rename","label":"X","name":"Y"}"#,
        ],
        "edit 2 (rename `X`): found `X`, which is no label, expected the id of a label",
    );
}

#[test]
fn a_move_takes_everything_below_along() {
    check(
        &t5(),
        &[r#"{"op":"move","label":"A","parent":"B1"}"#],
        "A<B1 B A1<A A2<A B1<B",
    );
    check(
        &t5(),
        &[r#"{"op":"move","label":"A1"}"#],
        "A B A1 A2<A B1<B",
    );
    check(
        &t5(),
        &[r#"{"op":"move","label":"A1","parent":"B","before":"A"}"#],
        "A1<B A B A2<A B1<B",
    );
    check(
        &t5(),
        &[r#"{"op":"move","label":"B","parent":null,"before":"A"}"#],
        "B A A1<A A2<A B1<B",
    );
    fail(
        &t5(),
        &[r#"{"op":"move","label":"A","parent":"A1"}"#],
        "edit 1 (move `A`): found the parent `A1`, which is below `A`, expected a label elsewhere in the hierarchy",
    );
    fail(
        &t5(),
        &[r#"{"op":"move","label":"A","parent":"A"}"#],
        "edit 1 (move `A`): found the parent `A`, which is the label itself, expected a label elsewhere in the hierarchy",
    );
    fail(
        &t5(),
        &[r#"{"op":"move","label":"A","before":"A"}"#],
        "edit 1 (move `A`): found `A` before itself, expected another label",
    );
}

#[test]
fn a_move_in_a_dag_replaces_one_parent() {
    let dag = dag();
    check(
        &dag,
        &[r#"{"op":"move","label":"C","parent":"B"}"#],
        "A B B1<B C<B<B1 D<C<A",
    );
    check(
        &dag,
        &[r#"{"op":"move","label":"C","parent":"A","from":"B1"}"#],
        "A B B1<B C<A D<C<A",
    );
    check(&dag, &[r#"{"op":"move","label":"C"}"#], "A B B1<B C D<C<A");
    fail(
        &dag,
        &[r#"{"op":"move","label":"C","parent":"D","from":"B"}"#],
        "edit 1 (move `C`): found `B`, which is no parent of `C`, expected one of its parents",
    );
}

#[test]
fn parents_beside_the_first() {
    let dag = dag();
    check(
        &dag,
        &[r#"{"op":"add_parent","label":"B1","parent":"A"}"#],
        "A B B1<B<A C<A<B1 D<C<A",
    );
    check(
        &dag,
        &[r#"{"op":"set_primary_parent","label":"D","parent":"A"}"#],
        "A B B1<B C<A<B1 D<A<C",
    );
    check(
        &dag,
        &[r#"{"op":"remove_parent","label":"D","parent":"C"}"#],
        "A B B1<B C<A<B1 D<A",
    );
    fail(
        &dag,
        &[r#"{"op":"add_parent","label":"A","parent":"B"}"#],
        "edit 1 (add_parent `A`): found `A` below the root, expected a label with a parent; to put it below another label only, move it there",
    );
    fail(
        &dag,
        &[r#"{"op":"add_parent","label":"B1","parent":"D"}"#],
        "edit 1 (add_parent `B1`): found the parent `D`, which is below `B1`, expected a label elsewhere in the hierarchy",
    );
    fail(
        &dag,
        &[r#"{"op":"remove_parent","label":"B1","parent":"B"}"#],
        "edit 1 (remove_parent `B1`): found `B` as the only parent of `B1`, expected another one beside it; to put the label below the root, move it there",
    );
}

#[test]
fn a_merge_takes_children_over() {
    let edited = check(
        &t5(),
        &[r#"{"op":"merge","labels":["A","B1"],"into":"B"}"#],
        "B A1<B A2<B",
    );
    let fate = edited.lineage.fate(0).unwrap();
    assert_eq!((fate.rule, &fate.targets[..]), (Rule::Union, &[0][..]));
    assert_eq!(edited.lineage.new_of(2), Some(1));
    check(
        &dag(),
        &[r#"{"op":"merge","labels":["C","C"],"into":"A"}"#],
        "A B B1<B D<A",
    );
    fail(
        &dag(),
        &[r#"{"op":"merge","labels":["C","A"],"into":"D"}"#],
        "edit 1 (merge `D`): found `C` above `D`, expected labels that are not above it; merge `D` into `C` instead",
    );
    fail(
        &t5(),
        &[r#"{"op":"merge","labels":["A"],"into":"A"}"#],
        "edit 1 (merge `A`): found no label to merge into `A`, expected at least one other label",
    );
    fail(
        &t5(),
        &[
            r#"{"op":"merge","labels":["A"],"into":"B"}"#,
            r#"{"op":"rename","label":"A","name":"X"}"#,
        ],
        "edit 2 (rename `A`): found `A`, which an earlier edit took away, expected the id of a label",
    );
}

#[test]
fn a_split_puts_parts_in_the_place_of_a_label() {
    let edited = check(
        &t5(),
        &[
            r#"{"op":"split","label":"A","into":[{"id":"X","children":["A1"]},{"id":"Y","name":"A","children":["A1"]}]}"#,
        ],
        "X Y B A1<X<Y A2 B1<B",
    );
    assert_eq!(edited.taxonomy.name(1), "A");
    let fate = edited.lineage.fate(0).unwrap();
    assert_eq!((fate.rule, fate.review), (Rule::Split, true));
    assert_eq!(
        (&fate.targets[..], &fate.candidates[..]),
        (&[][..], &[0, 1][..])
    );
    check(
        &t5(),
        &[
            r#"{"op":"split","label":"A","keep":true,"into":[{"id":"X","children":["A1"]},{"id":"Y","name":"A1"}]}"#,
        ],
        "A X<A Y<A B A1<X A2<A B1<B",
    );
    for (line, message) in [
        (
            r#"{"op":"split","label":"A","into":[{"id":"X"}]}"#,
            "found 1 parts, expected at least 2",
        ),
        (
            r#"{"op":"split","label":"A","into":[{"id":"X"},{"id":"X"}]}"#,
            "found the id `X`, which a label has, expected one that no label has",
        ),
        (
            r#"{"op":"split","label":"A","into":[{"id":"X"},{"id":"Y","name":"X"}]}"#,
            "found the name `X` at `X` below the root, expected siblings with different names",
        ),
        (
            r#"{"op":"split","label":"A","into":[{"id":"X"},{"id":"Y","name":"B"}]}"#,
            "found the name `B` at `B` below the root, expected siblings with different names",
        ),
        (
            r#"{"op":"split","label":"A","into":[{"id":"X"},{"id":"Y","children":["B1"]}]}"#,
            "found `B1` for the part `Y`, expected a child of `A`",
        ),
        (
            r#"{"op":"split","label":"A","keep":true,"into":[{"id":"X"},{"id":"Y","name":"A2"}]}"#,
            "found the name `A2` at `A2` below `A`, expected siblings with different names",
        ),
    ] {
        fail(&t5(), &[line], &format!("edit 1 (split `A`): {message}"));
    }
}

#[test]
fn a_new_label_has_a_new_id() {
    let edited = check(
        &t5(),
        &[
            r#"{"op":"add","id":"N","name":"New","parents":["B1","A","B1"],"before":"B","details":{"notation":"7"}}"#,
            r#"{"op":"add","id":"M"}"#,
        ],
        "A N<B1<A B A1<A A2<A B1<B M",
    );
    assert_eq!(edited.taxonomy.details(1).unwrap().notation, "7");
    assert_eq!(edited.taxonomy.name(6), "M");
    for (line, message) in [
        (
            r#"{"op":"add","id":"A1"}"#,
            "edit 2 (add `A1`): found the id `A1`, which a label has, expected one that no label has",
        ),
        (
            r#"{"op":"add","id":"B1"}"#,
            "edit 2 (add `B1`): found the id `B1` of a label that an earlier edit took away, expected one that no label has or had",
        ),
        (
            r#"{"op":"add","id":""}"#,
            "edit 2 (add ``): found an empty id, expected one that no label has",
        ),
        (
            r#"{"op":"add","id":"N","name":"A1","parents":["A"]}"#,
            "edit 2 (add `N`): found the name `A1` at `A1` below `A`, expected siblings with different names",
        ),
        (
            r#"{"op":"add","id":"N","parents":["M"]}"#,
            "edit 2 (add `N`): found `M`, which is no label, expected the id of a label",
        ),
    ] {
        fail(&t5(), &[r#"{"op":"delete","label":"B1"}"#, line], message);
    }
}

#[test]
fn children_of_deleted_labels_go_up_unless_they_go_too() {
    check(&t5(), &[r#"{"op":"delete","label":"A"}"#], "B A1 A2 B1<B");
    check(
        &t5(),
        &[r#"{"op":"delete","label":"A","with_descendants":true}"#],
        "B B1<B",
    );
    check(
        &dag(),
        &[r#"{"op":"delete","label":"B1"}"#],
        "A B C<A<B D<C<A",
    );
    // C and D have another way to the root.
    let kept = check(
        &dag(),
        &[r#"{"op":"delete","label":"B","with_descendants":true}"#],
        "A C<A D<C<A",
    );
    assert_eq!(kept.lineage.fated(), [1, 2]);
    check(
        &dag(),
        &[r#"{"op":"delete","label":"C","with_descendants":true}"#],
        "A B B1<B D<A",
    );
    fail(
        &t5(),
        &[
            r#"{"op":"delete","label":"A","with_descendants":true}"#,
            r#"{"op":"delete","label":"A1"}"#,
        ],
        "edit 2 (delete `A1`): found `A1`, which an earlier edit took away, expected the id of a label",
    );
}

#[test]
fn deprecation_and_descriptions() {
    let edited = edited(
        &t5(),
        &[
            r#"{"op":"describe","label":"A1","details":{"notation":"1","notes":[{"text":"n"}]}}"#,
            r#"{"op":"deprecate","label":"A1","replaced_by":"A2"}"#,
            r#"{"op":"describe","label":"A1","details":{"notation":"","related":["B1","B"]}}"#,
            r#"{"op":"deprecate","label":"B1"}"#,
            r#"{"op":"deprecate","label":"B1","deprecated":false}"#,
        ],
    );
    assert_eq!(
        serde_json::to_string(edited.taxonomy.details(2).unwrap()).unwrap(),
        r#"{"notes":[{"text":"n"}],"related":["B1","B"],"deprecated":true,"replaced_by":"A2"}"#
    );
    assert_eq!(edited.taxonomy.details(4), None);
    fail(
        &t5(),
        &[r#"{"op":"deprecate","label":"A","replaced_by":"A"}"#],
        "edit 1 (deprecate `A`): found `A` as its own replacement, expected another label",
    );
    fail(
        &t5(),
        &[r#"{"op":"deprecate","label":"A","replaced_by":"B","deprecated":false}"#],
        "edit 1 (deprecate `A`): found the replacement `B` of a label that is not deprecated, expected none",
    );
}

#[test]
fn labels_that_name_one_that_goes_follow_it() {
    let described = edited(
        &t5(),
        &[
            r#"{"op":"describe","label":"A1","details":{"related":["B1","A2","B"]}}"#,
            r#"{"op":"deprecate","label":"A1","replaced_by":"A2"}"#,
            r#"{"op":"deprecate","label":"B1","replaced_by":"A2"}"#,
        ],
    );
    let edited = edited(
        &described.taxonomy,
        &[
            r#"{"op":"merge","labels":["A2"],"into":"B1"}"#,
            r#"{"op":"delete","label":"B"}"#,
        ],
    );
    let details = |id: &str| {
        let label = edited.taxonomy.index_of(id).unwrap();
        serde_json::to_string(&edited.taxonomy.details(label)).unwrap()
    };
    assert_eq!(
        details("A1"),
        r#"{"related":["B1"],"deprecated":true,"replaced_by":"B1"}"#
    );
    assert_eq!(details("B1"), r#"{"deprecated":true}"#);
}

#[test]
fn edits_are_tagged_by_op_and_have_no_other_fields() {
    for line in [
        r#"{"op":"rename","label":"A","name":"B"}"#,
        r#"{"op":"move","label":"A","parent":"B","from":"C","before":"D"}"#,
        r#"{"op":"move","label":"A"}"#,
        r#"{"op":"merge","labels":["A"],"into":"B"}"#,
        r#"{"op":"split","label":"A","into":[{"id":"B","name":"b","children":["C"],"details":{"notation":"1"}}],"keep":true}"#,
        r#"{"op":"add","id":"A","name":"a","parents":["B"],"before":"C","details":{"deprecated":true}}"#,
        r#"{"op":"delete","label":"A","with_descendants":true,"review":true}"#,
        r#"{"op":"delete","label":"A"}"#,
        r#"{"op":"deprecate","label":"A","replaced_by":"B"}"#,
        r#"{"op":"deprecate","label":"A","deprecated":false}"#,
        r#"{"op":"add_parent","label":"A","parent":"B"}"#,
        r#"{"op":"remove_parent","label":"A","parent":"B"}"#,
        r#"{"op":"set_primary_parent","label":"A","parent":"B"}"#,
        r#"{"op":"describe","label":"A","details":{"language":"en","notation":"1"}}"#,
    ] {
        let edit: Edit = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&edit).unwrap(), line);
        assert!(line.contains(&format!(r#""op":"{}""#, edit.op())));
        assert_eq!(edit.label(), if edit.op() == "merge" { "B" } else { "A" });
    }
    let misspelt = r#"{"op":"delete","label":"A","with_decendants":true}"#;
    assert!(serde_json::from_str::<Edit>(misspelt).is_err());
}

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
