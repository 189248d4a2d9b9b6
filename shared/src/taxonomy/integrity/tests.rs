use super::*;
use crate::fixtures::{dag, t5};
use crate::taxonomy::{LabelName, NameKind};

fn label(id: &str, name: &str, parents: &[&str]) -> NewLabel {
    NewLabel {
        id: id.to_owned(),
        name: name.to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    }
}

fn with(label: NewLabel, details: LabelDetails) -> NewLabel {
    NewLabel {
        details: Some(Box::new(details)),
        ..label
    }
}

#[track_caller]
fn check_all(labels: &[NewLabel], expected: &[(ProblemKind, &[&str], &str)]) {
    let problems = check_labels(labels);
    let found: Vec<(ProblemKind, Vec<&str>, &str)> = problems
        .iter()
        .map(|problem| {
            let labels = problem.labels.iter().map(String::as_str).collect();
            (problem.kind, labels, problem.message.as_str())
        })
        .collect();
    let expected: Vec<(ProblemKind, Vec<&str>, &str)> = expected
        .iter()
        .map(|&(kind, labels, message)| (kind, labels.to_vec(), message))
        .collect();
    assert_eq!(found, expected);
    let is_fatal = problems.iter().any(|problem| problem.fatal);
    match Taxonomy::new(labels.to_vec()) {
        Ok(taxonomy) => {
            assert!(!is_fatal);
            assert_eq!(check(&taxonomy), problems);
        }
        Err(_) => assert!(is_fatal),
    }
}

#[test]
fn nothing_is_wrong_with_sound_ones() {
    assert_eq!(check(&t5()), []);
    assert_eq!(check(&dag()), []);
    check_all(&[], &[]);
}

#[test]
fn every_fault_of_the_hierarchy_is_listed() {
    check_all(
        &[
            label("A", "", &["X"]),
            label("A", "again", &[]),
            label("S", "", &["S"]),
            label("C1", "", &["C2"]),
            label("C2", "", &["A", "C3"]),
            label("C3", "", &["C1"]),
            label("below", "", &["C2"]),
            label("D1", "", &["D2"]),
            label("D2", "", &["D1"]),
            label("", "none", &[]),
        ],
        &[
            (
                ProblemKind::DuplicateId,
                &["A"],
                "found the id `A` twice, expected every id once",
            ),
            (
                ProblemKind::EmptyId,
                &[""],
                "found a label with an empty id (number 10 of the taxonomy), expected an id",
            ),
            (
                ProblemKind::Orphan,
                &["A"],
                "found the parent `X` of `A`, which is introduced nowhere, expected a label of the taxonomy",
            ),
            (
                ProblemKind::Cycle,
                &["S"],
                "found `S` as its own parent, expected another label or the root",
            ),
            (
                ProblemKind::Cycle,
                &["C1", "C2", "C3"],
                "found the cycle `C1` → `C2` → `C3` → `C1`, expected a hierarchy without cycles",
            ),
            (
                ProblemKind::Cycle,
                &["D1", "D2"],
                "found the cycle `D1` → `D2` → `D1`, expected a hierarchy without cycles",
            ),
        ],
    );
}

#[test]
fn siblings_of_one_name_are_one_problem() {
    check_all(
        &[
            label("A", "A", &[]),
            label("B", "B", &[]),
            label("1", "Other", &["A"]),
            label("2", "Other", &["B", "A"]),
            label("3", "Other", &["A"]),
            label("4", "B", &[]),
        ],
        &[
            (
                ProblemKind::DuplicateSibling,
                &["1", "2", "3"],
                "found the name `Other` 3 times below `A` (`1`, `2`, `3`), expected siblings with different names",
            ),
            (
                ProblemKind::DuplicateSibling,
                &["B", "4"],
                "found the name `B` 2 times below the root (`B`, `4`), expected siblings with different names",
            ),
        ],
    );
}

#[test]
fn names_follow_s13_and_s14() {
    let name = |name: &str, language: &str, kind| LabelName {
        name: name.to_owned(),
        language: language.to_owned(),
        kind,
    };
    let sound = LabelDetails {
        language: "en".to_owned(),
        names: vec![
            name("Hund", "de", NameKind::Preferred),
            name("Köter", "de", NameKind::Alternative),
            name("Köter", "de", NameKind::Alternative),
            name("Dog", "nl", NameKind::Preferred),
            name("Dog", "", NameKind::Alternative),
        ],
        ..LabelDetails::default()
    };
    check_all(&[with(label("D", "Dog", &[]), sound)], &[]);
    let faulty = LabelDetails {
        language: "en".to_owned(),
        names: vec![
            name("Hound", "EN", NameKind::Preferred),
            name("Dog", "En", NameKind::Alternative),
            name("Hund", "de", NameKind::Hidden),
            name("Hund", "de", NameKind::Alternative),
            name("x", "in English", NameKind::Alternative),
        ],
        ..LabelDetails::default()
    };
    check_all(
        &[with(label("D", "Dog", &[]), faulty)],
        &[
            (
                ProblemKind::Language,
                &["D"],
                "found the language `in English` at `D`, expected a BCP 47 tag such as `en` or `pt-BR`",
            ),
            (
                ProblemKind::NameOverlap,
                &["D"],
                "found the name `Hund` of `D` in `de` as alternative and hidden name, expected only one of them (SKOS S13)",
            ),
            (
                ProblemKind::SeveralPreferredNames,
                &["D"],
                "found the preferred names `Dog`, `Hound` of `D` in `en`, expected one for each language (SKOS S14)",
            ),
            (
                ProblemKind::NameOverlap,
                &["D"],
                "found the name `Dog` of `D` in `en` as preferred and alternative name, expected only one of them (SKOS S13)",
            ),
        ],
    );
}

#[test]
fn related_labels_stand_elsewhere() {
    let related = |related: &[&str]| LabelDetails {
        related: related.iter().map(|&id| id.to_owned()).collect(),
        ..LabelDetails::default()
    };
    let labels = [
        label("A", "", &[]),
        with(label("A1", "", &["A"]), related(&["A", "B", "A11", "A1"])),
        label("A11", "", &["A1"]),
        with(label("B", "", &[]), related(&["C"])),
    ];
    let found: Vec<String> = check_labels(&labels)
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    assert_eq!(
        found,
        [
            "found `A` related to `A1`, which is a label above it, expected a label elsewhere in the hierarchy (SKOS S27)",
            "found `A11` related to `A1`, which is a label below it, expected a label elsewhere in the hierarchy (SKOS S27)",
            "found `A1` related to `A1`, which is the label itself, expected a label elsewhere in the hierarchy (SKOS S27)",
            "found `C` related to `B`, which is no label, expected a label of the taxonomy",
        ]
    );
}

#[test]
fn replacements_are_labels_in_use() {
    let replaced = |by: &str, deprecated| LabelDetails {
        deprecated,
        replaced_by: Some(by.to_owned()),
        ..LabelDetails::default()
    };
    let labels = [
        with(label("fine", "", &[]), replaced("used", true)),
        with(label("gone", "", &[]), replaced("nowhere", true)),
        with(label("self", "", &[]), replaced("self", true)),
        with(label("chain", "", &[]), replaced("fine", true)),
        with(label("used", "", &[]), replaced("other", false)),
        label("other", "", &[]),
    ];
    let found: Vec<String> = check_labels(&labels)
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    assert_eq!(found.len(), 4, "{found:?}");
    for (message, part) in found.iter().zip([
        "`gone`, which is no label",
        "`self`, which is the label itself",
        "`chain`, which is deprecated as well",
        "`used`, although it is not deprecated",
    ]) {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn labels_in_use_are_to_be_found() {
    let deprecated = || LabelDetails {
        deprecated: true,
        ..LabelDetails::default()
    };
    check_all(
        &[
            with(label("old", "", &[]), deprecated()),
            label("fine", "", &[]),
            label("hidden", "", &["old"]),
            label("found", "", &["old", "fine"]),
            with(label("gone", "", &["old"]), deprecated()),
        ],
        &[(
            ProblemKind::DeprecatedParents,
            &["hidden"],
            "found `hidden` in use below deprecated labels only (`old`), expected a parent in use, or the label deprecated as well",
        )],
    );
}
