use super::*;
use crate::fixtures::{dag, t5, taxonomy};

/// Root → A, B, N; A → A1, A2; B → B1; A1 → x, y.
fn deeper() -> Taxonomy {
    taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("N", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
        ("x", &["A1"]),
        ("y", &["A1"]),
    ])
}

/// `labels | closure | why and from what to choose`, after the edits.
fn migrated(old: &Taxonomy, lines: &[&str], ancestors: GivenAncestors, labels: &[&str]) -> String {
    let Edited { taxonomy, lineage } = edited(old, lines);
    let migration = Migration::new(old, &taxonomy, &lineage, ancestors);
    let migrated = migration.migrate(&indexes(old, labels));
    let review = |review: &Review| {
        let candidates = ids(&taxonomy, &review.candidates);
        format!("{:?} {}: {candidates}", review.reason, old.id(review.label))
    };
    let reviews: Vec<String> = migrated.review.iter().map(review).collect();
    format!(
        "{} | {} | {}",
        ids(&taxonomy, &migrated.explicit),
        ids(&taxonomy, &migrated.closed),
        reviews.join(", ")
    )
}

#[track_caller]
fn check(lines: &[&str], labels: &[&str], expected: &str) {
    let found = migrated(&deeper(), lines, GivenAncestors::Implied, labels);
    assert_eq!(found, expected);
}

/// Labels whose sets an edit may change.
fn touched(line: &str) -> String {
    let old = deeper();
    let Edited { taxonomy, lineage } = edited(&old, &[line]);
    let migration = Migration::new(&old, &taxonomy, &lineage, GivenAncestors::Implied);
    ids(&old, &migration.touched())
}

#[test]
fn a_rename_changes_no_set() {
    let rename = r#"{"op":"rename","label":"A1","name":"other"}"#;
    check(&[rename], &["x", "B"], "B x | A B A1 x | ");
    assert_eq!(touched(rename), "");
    check(&[rename], &[], " |  | ");
}

#[test]
fn a_move_recomputes_ancestors() {
    let to_b = r#"{"op":"move","label":"A1","parent":"B"}"#;
    check(&[to_b], &["x"], "x | B A1 x | ");
    // A path written out goes along; what another label explains stays.
    check(&[to_b], &["A", "A1", "x"], "A1 x | B A1 x | ");
    check(
        &[to_b],
        &["A", "A1", "x", "A2"],
        "A A1 A2 x | A B A1 A2 x | ",
    );
    assert_eq!(
        migrated(&deeper(), &[to_b], GivenAncestors::Chosen, &["A", "x"]),
        "A x | A B A1 x | "
    );
    // Nothing changes where no label of the set moved.
    check(&[to_b], &["A", "A2"], "A A2 | A A2 | ");
    assert_eq!(touched(to_b), "A1 x y");
}

#[test]
fn a_merge_is_a_union() {
    let merge = r#"{"op":"merge","labels":["A1","A2"],"into":"B1"}"#;
    check(&[merge], &["A1", "A2"], "B1 | B B1 | ");
    check(&[merge], &["x", "A2"], "B1 x | B B1 x | ");
    check(&[merge], &["A", "A1", "x"], "B1 x | B B1 x | ");
    check(&[merge], &["A"], "A | A | ");
}

#[test]
fn a_split_waits_for_a_person() {
    let gone = r#"{"op":"split","label":"A1","into":[{"id":"P","children":["x"]},{"id":"Q"}]}"#;
    check(&[gone], &["A1"], "A | A | Split A1: P Q");
    check(&[gone], &["x"], "x | A P x | ");
    check(&[gone], &["y"], "y | A y | ");
    // The label below tells which part is meant.
    check(&[gone], &["A1", "x"], "x | A P x | ");
    assert_eq!(
        migrated(&deeper(), &[gone], GivenAncestors::Chosen, &["A1", "x"]),
        "x | A P x | "
    );
    let stays = r#"{"op":"split","label":"A1","keep":true,"into":[{"id":"P","children":["x"]},{"id":"Q"}]}"#;
    check(&[stays], &["A1"], "A1 | A A1 | Split A1: P Q");
    check(&[stays], &["A1", "x"], "A1 x | A A1 P x | ");
    let top = r#"{"op":"split","label":"N","into":[{"id":"P"},{"id":"Q"}]}"#;
    check(&[top], &["N"], " |  | Split N: P Q");
    check(&[top], &["N", "B"], "B | B | Split N: P Q");
}

#[test]
fn a_deletion_rolls_up() {
    check(&[r#"{"op":"delete","label":"A1"}"#], &["A1"], "A | A | ");
    check(
        &[r#"{"op":"delete","label":"A1"}"#],
        &["A1", "A2"],
        "A2 | A A2 | ",
    );
    check(&[r#"{"op":"delete","label":"A1"}"#], &["x"], "x | A x | ");
    let review = r#"{"op":"delete","label":"A1","review":true}"#;
    check(&[review], &["A1"], "A | A | Deleted A1: ");
    check(&[review], &["x"], "x | A x | ");
    let whole = r#"{"op":"delete","label":"A","with_descendants":true}"#;
    check(&[whole], &["x", "B"], "B | B | ");
    check(&[whole], &["x", "A"], " |  | NothingLeft x: ");
    let below = r#"{"op":"delete","label":"A1","with_descendants":true}"#;
    check(&[below], &["x", "y"], "A | A | ");
    // To both parents of a label that had two.
    let found = migrated(
        &dag(),
        &[r#"{"op":"delete","label":"C"}"#],
        GivenAncestors::Implied,
        &["C"],
    );
    assert_eq!(found, "A B1 | A B B1 | ");
}

#[test]
fn edits_compose() {
    // Merged, moved, and what it was merged into deleted.
    check(
        &[
            r#"{"op":"merge","labels":["A2"],"into":"A1"}"#,
            r#"{"op":"move","label":"A1","parent":"B"}"#,
            r#"{"op":"delete","label":"A1"}"#,
        ],
        &["A2"],
        "B | B | ",
    );
    // Split, and one part merged elsewhere.
    check(
        &[
            r#"{"op":"split","label":"A1","into":[{"id":"P"},{"id":"Q"}]}"#,
            r#"{"op":"merge","labels":["P"],"into":"B1"}"#,
        ],
        &["A1"],
        "A | A | Split A1: Q B1",
    );
    // What came to a label before it was split is split as well; what came later is not.
    let split = r#"{"op":"split","label":"A1","keep":true,"into":[{"id":"P"},{"id":"Q"}]}"#;
    let merge = r#"{"op":"merge","labels":["N"],"into":"A1"}"#;
    check(&[merge, split], &["N"], "A1 | A A1 | Split N: P Q");
    check(&[split, merge], &["N"], "A1 | A A1 | ");
    // A label rolled up twice.
    check(
        &[
            r#"{"op":"delete","label":"A1"}"#,
            r#"{"op":"delete","label":"A","review":true}"#,
        ],
        &["A1", "B1"],
        "B1 | B B1 | Deleted A1: ",
    );
}

#[test]
fn deprecation_keeps_sets() {
    let line = r#"{"op":"deprecate","label":"A1","replaced_by":"A2"}"#;
    check(&[line], &["A1"], "A1 | A A1 | ");
}

#[test]
fn without_edits_ids_decide() {
    let old = deeper();
    let new = taxonomy(&[("B", &[]), ("A", &[]), ("x", &["A"]), ("y", &["B"])]);
    let lineage = Lineage::between(&old, &new);
    let migration = Migration::new(&old, &new, &lineage, GivenAncestors::Implied);
    let of = |labels: &[&str]| {
        let migrated = migration.migrate(&indexes(&old, labels));
        (ids(&new, &migrated.closed), migrated.review.len())
    };
    assert_eq!(of(&["x", "y"]), ("B A x y".to_owned(), 0));
    assert_eq!(of(&["A1"]), ("A".to_owned(), 1));
    assert_eq!(of(&["B1", "x"]), ("B A x".to_owned(), 1));
    assert_eq!(of(&["N"]), (String::new(), 1));
    assert!(lineage.edits().is_empty());
    let diff = TaxonomyDiff::between(&old, &new).to_string();
    assert_eq!(
        diff,
        "removed `N` (N)\nremoved `A1` (A > A1)\nremoved `A2` (A > A2)\nremoved `B1` (B > B1)\nmoved `x` (x) from `A1` to `A`\nmoved `y` (y) from `A1` to `B`"
    );
}

#[test]
fn a_diff_reads_as_sentences() {
    let old = deeper();
    let Edited { taxonomy, lineage } = edited(
        &old,
        &[
            r#"{"op":"rename","label":"B","name":"Bee"}"#,
            r#"{"op":"rename","label":"A","name":"Ay"}"#,
            r#"{"op":"rename","label":"A","name":"A"}"#,
            r#"{"op":"merge","labels":["A2"],"into":"B1"}"#,
            r#"{"op":"split","label":"A1","into":[{"id":"P","children":["x"]},{"id":"Q"}]}"#,
            r#"{"op":"delete","label":"N"}"#,
            r#"{"op":"add","id":"M","parents":["B"]}"#,
            r#"{"op":"deprecate","label":"y","replaced_by":"x"}"#,
            r#"{"op":"describe","label":"x","details":{"notation":"1"}}"#,
        ],
    );
    let diff = TaxonomyDiff::new(&old, &taxonomy, &lineage);
    assert_eq!(
        diff.to_string(),
        "removed `N` (N)\n\
         split `A1` (A > A1) into `P`, `Q`\n\
         merged `A2` (A > A2) into `B1`\n\
         renamed `B` from “B” to “Bee”\n\
         added `P` (A > P)\n\
         added `Q` (A > Q)\n\
         moved `x` (x) from `A1` to `P`\n\
         changed notation of `x` (x)\n\
         moved `y` (y) from `A1` to `A`\n\
         deprecated `y` (y) in favor of `x`\n\
         added `M` (Bee > M)"
    );
    assert_eq!(
        serde_json::to_string(&diff.changes[1]).unwrap(),
        r#"{"change":"split","label":"A1","path":["A","A1"],"into":["P","Q"],"keep":false}"#
    );
    assert!(TaxonomyDiff::between(&t5(), &t5()).changes.is_empty());
}
