use proptest::prelude::*;

use super::*;
use crate::fixtures::{any_labels, any_taxonomy, dag, t5, taxonomy};

fn new(labels: &[(&str, &[&str])]) -> Result<Taxonomy, TaxonomyError> {
    let label = |&(id, parents): &(&str, &[&str])| NewLabel {
        id: id.to_owned(),
        name: String::new(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    };
    Taxonomy::new(labels.iter().map(label).collect())
}

#[test]
fn a_tree_knows_its_neighbours() {
    let t5 = t5();
    assert_eq!(
        (t5.len(), t5.depth(), t5.is_tree(), t5.is_empty()),
        (5, 2, true, false)
    );
    assert_eq!(t5.top_level(), [0, 1]);
    assert_eq!(
        t5.indexes()
            .map(|label| t5.level(label))
            .collect::<Vec<_>>(),
        [1, 1, 2, 2, 2]
    );
    assert_eq!(
        (t5.children(0), t5.children(1), t5.children(2)),
        (&[2, 3][..], &[4][..], &[][..])
    );
    assert_eq!(
        (t5.parents(2), t5.primary_parent(4), t5.primary_parent(0)),
        (&[0][..], Some(1), None)
    );
    assert_eq!((t5.ancestors(4), t5.ancestors(0)), (&[1][..], &[][..]));
    assert_eq!((t5.descendants(0), t5.descendants(4)), (vec![2, 3], vec![]));
    assert_eq!(
        (t5.path(3), t5.path_names(3)),
        (vec![0, 3], vec!["A".to_owned(), "A2".to_owned()])
    );
    assert_eq!(
        (t5.index_of("B1"), t5.index_of("B2"), t5.index_of("")),
        (Some(4), None, None)
    );
}

#[test]
fn a_second_parent_counts_for_closure_but_not_for_the_path() {
    let dag = dag();
    let [c, d] = ["C", "D"].map(|id| dag.index_of(id).unwrap());
    assert!(!dag.is_tree());
    assert_eq!(dag.n_multi_parent(), 2);
    // C is one step below A, and two below B1; D is one step below A as well.
    assert_eq!((dag.level(c), dag.level(d), dag.depth()), (2, 2, 2));
    assert_eq!(dag.path(d), [0, 3, 4]);
    assert_eq!(dag.paths(d), [vec![0, 3, 4], vec![1, 2, 3, 4], vec![0, 4]]);
    assert_eq!(dag.ancestors(d), [0, 1, 2, 3]);
    assert_eq!(dag.close(&[c]), [0, 1, 2, 3]);
    assert_eq!(dag.descendants(1), [2, 3, 4]);
    let tree = dag.to_tree();
    assert!(tree.is_tree());
    assert_eq!(
        (tree.close(&[c]), tree.parents(d), tree.level(d)),
        (vec![0, 3], &[3][..], 3)
    );
    assert_eq!(tree.id(c), "C");
}

#[test]
fn closing_sorts_and_drops_repetition() {
    let t5 = t5();
    assert_eq!(t5.close(&[4, 2, 4, 0]), [0, 1, 2, 4]);
    assert_eq!(t5.close(&[]), Vec::<LabelIndex>::new());
    assert!(t5.is_closed(&[2, 0]) && t5.is_closed(&[]) && !t5.is_closed(&[2, 1]));
}

#[test]
fn names_may_repeat_ids_may_not() {
    let wos = taxonomy(&[
        ("M", &[]),
        ("P", &[]),
        ("M/Depression", &["M"]),
        ("P/Depression", &["P"]),
    ]);
    assert_eq!(wos.named("Depression"), [2, 3]);
    assert_eq!(
        (wos.named("M"), wos.named("Zebra"), wos.named("")),
        (&[0][..], &[][..], &[][..])
    );
    assert_eq!(
        new(&[("A", &[]), ("B", &[]), ("A", &["B"])]),
        Err(TaxonomyError::DuplicateId { id: "A".to_owned() })
    );
}

#[test]
fn faults_are_named() {
    let check = |labels: &[(&str, &[&str])], message: &str| {
        assert_eq!(new(labels).unwrap_err().to_string(), message);
    };
    check(
        &[("A", &["X"])],
        "found the parent `X` of `A`, which is introduced nowhere, expected a label of the taxonomy",
    );
    check(
        &[("A", &["A"])],
        "found `A` as its own parent, expected another label or the root",
    );
    check(
        &[("A", &[]), ("", &[])],
        "found a label with an empty id (number 2 of the taxonomy), expected an id",
    );
    check(
        &[
            ("R", &[]),
            ("D", &["B"]),
            ("A", &["R", "B"]),
            ("B", &["C"]),
            ("C", &["A"]),
        ],
        "found the cycle `B` → `C` → `A` → `B`, expected a hierarchy without cycles",
    );
}

#[test]
fn a_long_cycle_is_shortened() {
    let ids: Vec<String> = (0..30).map(|n| format!("L{n}")).collect();
    let labels = (0..30).map(|n| NewLabel {
        id: ids[n].clone(),
        name: String::new(),
        parents: vec![ids[(n + 1) % 30].clone()],
        details: None,
    });
    let message = Taxonomy::new(labels.collect()).unwrap_err().to_string();
    assert!(message.contains("`L10` → … (19 more) → `L0`"), "{message}");
}

#[test]
fn repeated_parents_and_empty_names_are_mended() {
    let taxonomy = new(&[("A", &[]), ("B", &["A", "A"])]).unwrap();
    assert_eq!(
        (taxonomy.parents(1), taxonomy.name(1), taxonomy.is_tree()),
        (&[0][..], "B", true)
    );
}

#[test]
fn a_taxonomy_may_be_empty() {
    let empty = new(&[]).unwrap();
    assert_eq!(
        (
            empty.len(),
            empty.depth(),
            empty.close(&[]),
            empty.top_level()
        ),
        (0, 0, vec![], &[][..])
    );
}

#[test]
fn the_canonical_form_is_fixed() {
    let json = serde_json::to_string(&t5()).unwrap();
    assert_eq!(
        json,
        r#"{"labels":[{"id":"A","name":"A","parents":[]},{"id":"B","name":"B","parents":[]},{"id":"A1","name":"A1","parents":["A"]},{"id":"A2","name":"A2","parents":["A"]},{"id":"B1","name":"B1","parents":["B"]}]}"#
    );
    assert_eq!(
        t5().content_hash(),
        crate::hex(&Sha256::digest(json.as_bytes()))
    );
    let cyclic = r#"{"labels":[{"id":"A","name":"A","parents":["B"]},{"id":"B","name":"B","parents":["A"]}]}"#;
    let error = serde_json::from_str::<Taxonomy>(cyclic)
        .unwrap_err()
        .to_string();
    assert!(error.contains("found the cycle `A` → `B` → `A`"), "{error}");
}

#[test]
fn topological_order_keeps_taxonomy_order_where_it_can() {
    assert_eq!(t5().topological(), [0, 1, 2, 3, 4]);
    let reversed = taxonomy(&[("C", &["B"]), ("B", &["A"]), ("A", &[]), ("Z", &[])]);
    assert_eq!(reversed.topological(), [2, 1, 0, 3]);
}

#[test]
fn a_hundred_thousand_labels() {
    let id = |n: usize| format!("label {n}");
    let label = |n: usize| NewLabel {
        id: id(n),
        name: id(n % 1000),
        parents: (n >= 10).then(|| id(n / 10)).into_iter().collect(),
        details: None,
    };
    let taxonomy = Taxonomy::new((0..100_000).map(label).collect()).unwrap();
    assert_eq!((taxonomy.depth(), taxonomy.top_level().len()), (5, 10));
    assert_eq!(taxonomy.path(98_765), [9, 98, 987, 9876, 98_765]);
    assert_eq!(taxonomy.named("label 7").len(), 100);
    assert_eq!(taxonomy.index_of("label 54321"), Some(54_321));
}

#[test]
fn a_chain_without_end_is_refused() {
    let id = |n: usize| format!("{n}");
    let label = |n: usize| NewLabel {
        id: id(n),
        name: String::new(),
        parents: (n > 0).then(|| id(n - 1)).into_iter().collect(),
        details: None,
    };
    let error = Taxonomy::new((0..9_000).map(label).collect()).unwrap_err();
    assert!(matches!(error, TaxonomyError::TooLarge { .. }), "{error}");
}

#[test]
fn paths_are_listed_up_to_a_limit() {
    // Ten diamonds on top of each other: 2^10 paths to the lowest label.
    let mut labels = vec![NewLabel {
        id: "0".to_owned(),
        ..NewLabel::default()
    }];
    for n in 1..=10 {
        for side in ["a", "b"] {
            labels.push(NewLabel {
                id: format!("{n}{side}"),
                parents: vec![format!("{}", n - 1)],
                ..NewLabel::default()
            });
        }
        labels.push(NewLabel {
            id: format!("{n}"),
            parents: vec![format!("{n}a"), format!("{n}b")],
            ..NewLabel::default()
        });
    }
    let taxonomy = Taxonomy::new(labels).unwrap();
    assert_eq!(taxonomy.paths(taxonomy.index_of("9").unwrap()).len(), 512);
    assert_eq!(
        taxonomy.paths(taxonomy.index_of("10").unwrap()).len(),
        MAX_PATHS
    );
}

fn with_labels() -> impl Strategy<Value = (Taxonomy, Vec<LabelIndex>)> {
    any_taxonomy(20).prop_flat_map(|taxonomy| {
        let n = taxonomy.len();
        (Just(taxonomy), any_labels(n))
    })
}

proptest! {
    #[test]
    fn closure_is_idempotent_and_minimal((taxonomy, labels) in with_labels()) {
        let closed = taxonomy.close(&labels);
        prop_assert!(taxonomy.is_closed(&closed));
        prop_assert_eq!(&taxonomy.close(&closed), &closed);
        prop_assert!(labels.iter().all(|label| closed.binary_search(label).is_ok()));
        for label in &closed {
            let is_needed = labels.contains(label) || taxonomy.descendants(*label).iter().any(|below| labels.contains(below));
            prop_assert!(is_needed);
        }
    }

    #[test]
    fn relations_agree(taxonomy in any_taxonomy(20)) {
        let mut position = vec![0; taxonomy.len()];
        for (place, &label) in taxonomy.topological().iter().enumerate() {
            position[label as usize] = place;
        }
        for label in taxonomy.indexes() {
            prop_assert_eq!(taxonomy.index_of(taxonomy.id(label)), Some(label));
            prop_assert!(taxonomy.named(taxonomy.name(label)).contains(&label));
            for &parent in taxonomy.parents(label) {
                prop_assert!(taxonomy.children(parent).contains(&label));
                prop_assert!(position[parent as usize] < position[label as usize]);
                prop_assert!(taxonomy.level(label) <= taxonomy.level(parent) + 1);
            }
            for &ancestor in taxonomy.ancestors(label) {
                prop_assert!(taxonomy.descendants(ancestor).contains(&label));
            }
            let shortest = taxonomy.paths(label).iter().map(Vec::len).min();
            prop_assert_eq!(shortest, Some(taxonomy.level(label) as usize));
            prop_assert_eq!(&taxonomy.paths(label)[0], &taxonomy.path(label));
        }
    }

    #[test]
    fn the_canonical_form_comes_back(taxonomy in any_taxonomy(20)) {
        let json = serde_json::to_string(&taxonomy).unwrap();
        let back: Taxonomy = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back.content_hash(), taxonomy.content_hash());
        prop_assert_eq!(back, taxonomy);
    }
}

/// A label with something in every field.
fn described() -> NewLabel {
    let details = r#"{"language":"en","names":[{"name":"Hund","language":"de","kind":"preferred"},{"name":"hound","kind":"alternative"}],"definitions":[{"text":"A pet.","language":"en"}],"notes":[{"text":"Not wolves."}],"examples":[{"text":"Laika"}],"notation":"599.77","related":["B"],"deprecated":true,"replaced_by":"B"}"#;
    NewLabel {
        id: "A".to_owned(),
        name: "Dog".to_owned(),
        parents: Vec::new(),
        details: serde_json::from_str(details).unwrap(),
    }
}

#[test]
fn details_are_written_where_there_are_any() {
    let silent = NewLabel {
        id: "B".to_owned(),
        details: Some(Box::default()),
        ..NewLabel::default()
    };
    let taxonomy = Taxonomy::new(vec![described(), silent]).unwrap();
    let json = serde_json::to_string(&taxonomy).unwrap();
    assert_eq!(
        json,
        r#"{"labels":[{"id":"A","name":"Dog","parents":[],"details":{"language":"en","names":[{"name":"Hund","language":"de","kind":"preferred"},{"name":"hound","kind":"alternative"}],"definitions":[{"text":"A pet.","language":"en"}],"notes":[{"text":"Not wolves."}],"examples":[{"text":"Laika"}],"notation":"599.77","related":["B"],"deprecated":true,"replaced_by":"B"}},{"id":"B","name":"B","parents":[]}]}"#
    );
    assert_eq!(
        serde_json::from_str::<Taxonomy>(&json)
            .unwrap()
            .content_hash(),
        taxonomy.content_hash()
    );
    assert_eq!(parse(json.as_bytes(), None).unwrap().taxonomy, taxonomy);
    assert_eq!(
        (taxonomy.is_deprecated(0), taxonomy.is_deprecated(1)),
        (true, false)
    );
    assert_eq!(taxonomy.details(1), None);
    assert_eq!(
        taxonomy
            .detailed()
            .map(|(label, _)| label)
            .collect::<Vec<_>>(),
        [0]
    );
    assert_eq!(taxonomy.to_tree().details(0), taxonomy.details(0));
    assert_eq!(
        taxonomy
            .details(0)
            .unwrap()
            .differing(&LabelDetails::default())
            .len(),
        9
    );
}

#[test]
fn details_of_another_form_are_refused_with_their_place() {
    let text = "[{\"id\": \"A\",\n  \"details\": {\"names\": 3}}]";
    let error = parse(text.as_bytes(), None).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "line 2, column 14: found `{\"names\": 3}`, expected details of a label ("
        ),
        "{error}"
    );
}
