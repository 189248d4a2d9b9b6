use super::*;
use crate::fixtures::{dag, t5};

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
