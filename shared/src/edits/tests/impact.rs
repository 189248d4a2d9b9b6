use super::*;
use crate::fixtures::t5;

/// Documents of T5 with their labels as given.
const DOCUMENTS: [&[&str]; 7] = [
    &["A1"],
    &["A1"],
    &["A2"],
    &["A"],
    &["B1"],
    &["A1", "B1"],
    &["B"],
];

fn impacts(lines: &[&str]) -> Vec<EditImpact> {
    let old = t5();
    let lineage = edited(&old, lines).lineage;
    let scopes: Vec<&Scope> = lineage
        .edits()
        .iter()
        .flat_map(|edit| [&edit.touched, &edit.relabelled])
        .collect();
    let mut tally = Tally::new(&scopes);
    for labels in DOCUMENTS {
        let explicit = indexes(&old, labels);
        tally.add(&explicit, &old.close(&explicit));
    }
    let of = |scope: &Scope| {
        let at = scopes.iter().position(|other| *other == scope).unwrap();
        tally.counts()[at]
    };
    let only_b = indexes(&old, &["B", "B1"]);
    let runs = [
        RunLabels {
            run: 7,
            labels: None,
        },
        RunLabels {
            run: 3,
            labels: Some(&only_b),
        },
    ];
    impact(lineage.edits(), &runs, |counted, scope| match counted {
        Counted::Documents => of(scope),
        Counted::Annotations => 10 * of(scope),
    })
}

#[track_caller]
fn check(line: &str, rule: Rule, model: ModelChange, counts: [u64; 4], runs: &[i64]) {
    let impact = &impacts(&[line])[0];
    assert_eq!((impact.rule, impact.model), (rule, model));
    let found = [
        impact.n_documents,
        impact.n_relabelled,
        impact.n_review,
        impact.n_annotations,
    ];
    assert_eq!(found, counts);
    assert_eq!(impact.runs, runs);
}

#[test]
fn every_edit_says_what_it_touches() {
    check(
        r#"{"op":"rename","label":"A","name":"X"}"#,
        Rule::Keep,
        ModelChange::NamesChanged,
        [5, 0, 0, 50],
        &[7],
    );
    check(
        r#"{"op":"move","label":"A1","parent":"B"}"#,
        Rule::RecomputeAncestors,
        ModelChange::StructureChanged,
        [3, 0, 0, 30],
        &[7],
    );
    check(
        r#"{"op":"merge","labels":["A1","A2"],"into":"B1"}"#,
        Rule::Union,
        ModelChange::Combined,
        [4, 4, 0, 40],
        &[3, 7],
    );
    check(
        r#"{"op":"split","label":"A","into":[{"id":"P"},{"id":"Q"}]}"#,
        Rule::Split,
        ModelChange::StopsAtParent,
        [5, 1, 1, 50],
        &[7],
    );
    check(
        r#"{"op":"delete","label":"A"}"#,
        Rule::RollUp,
        ModelChange::Masked,
        [5, 1, 0, 50],
        &[7],
    );
    check(
        r#"{"op":"delete","label":"A","with_descendants":true,"review":true}"#,
        Rule::RollUpAndReview,
        ModelChange::Masked,
        [5, 5, 5, 50],
        &[7],
    );
    check(
        r#"{"op":"add","id":"N","parents":["B"]}"#,
        Rule::Keep,
        ModelChange::NewLabel,
        [0, 0, 0, 0],
        &[3, 7],
    );
    check(
        r#"{"op":"deprecate","label":"B1"}"#,
        Rule::Keep,
        ModelChange::None,
        [2, 0, 0, 20],
        &[3, 7],
    );
}

#[test]
fn later_edits_count_what_earlier_ones_brought() {
    let impacts = impacts(&[
        r#"{"op":"merge","labels":["A1"],"into":"B1"}"#,
        r#"{"op":"move","label":"A2","parent":"B1"}"#,
        r#"{"op":"rename","label":"A","name":"empty"}"#,
        r#"{"op":"delete","label":"B1","with_descendants":true}"#,
    ]);
    let counts: Vec<(u64, u64)> = impacts
        .iter()
        .map(|impact| (impact.n_documents, impact.n_relabelled))
        .collect();
    assert_eq!(counts, [(3, 3), (1, 0), (1, 0), (5, 5)]);
    assert_eq!(impacts[3].runs, [3, 7]);
    assert_eq!(
        serde_json::to_string(&impacts[2]).unwrap(),
        r#"{"op":"rename","label":"A","name":"A","rule":"keep","model":"names_changed","n_documents":1,"n_relabelled":0,"n_review":0,"n_annotations":10,"runs":[7]}"#
    );
}
