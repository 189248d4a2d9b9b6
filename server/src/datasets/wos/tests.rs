use super::*;

fn record(code: &str, domain: &str, area: &str) -> Option<Record> {
    Some(Record {
        code: code.to_owned(),
        domain: domain.to_owned(),
        area: area.to_owned(),
        text: String::new(),
    })
}

/// Records of one domain, given as code and area; expected are the areas afterwards.
#[track_caller]
fn check(records: &[(&str, &str)], expected: &[&str]) {
    let mut records: Vec<_> = records
        .iter()
        .map(|(code, area)| record(code, "ECE", area))
        .collect();
    let before = records.clone();
    let repaired = repair::repair(&mut records);
    let areas: Vec<&str> = records
        .iter()
        .flatten()
        .map(|record| &*record.area)
        .collect();
    assert_eq!(areas, expected);
    let changed = before
        .iter()
        .zip(&records)
        .filter(|(before, after)| before != after);
    assert_eq!(repaired, changed.count() as u64);
}

#[test]
fn a_rare_name_is_replaced_only_once_the_frequent_one_was_seen() {
    check(
        &[
            ("1-9", "generator"),
            ("1-9", "analog"),
            ("1-9", "generator"),
            ("1-9", "analog"),
            ("1-9", "analog"),
            ("1-10", "motor"),
        ],
        &["generator", "analog", "analog", "analog", "analog", "motor"],
    );
}

/// Not the most frequent name, but the first that is more frequent, in order of appearance.
#[test]
fn the_first_more_frequent_name_wins() {
    check(
        &[
            ("1-1", "some"),
            ("1-1", "some"),
            ("1-1", "many"),
            ("1-1", "many"),
            ("1-1", "many"),
            ("1-1", "one"),
        ],
        &["some", "some", "many", "many", "many", "some"],
    );
    // Equally frequent is not more frequent.
    check(&[("1-1", "a"), ("1-1", "b")], &["a", "b"]);
}

/// A name that is frequent elsewhere says nothing here.
#[test]
fn frequencies_are_those_of_the_domain() {
    let mut records = vec![
        record("2-1", "Psychology", "Depression"),
        record("2-1", "Psychology", "Depression"),
        record("5-7", "Medical", "Fibrillation"),
        record("5-7", "Medical", "Fibrillation"),
        None,
        record("5-7", "Medical", "Depression"),
    ];
    assert_eq!(repair::repair(&mut records), 1);
    assert_eq!(records[5], record("5-7", "Medical", "Fibrillation"));
    assert_eq!(records[0], record("2-1", "Psychology", "Depression"));
}

#[test]
fn labels_are_called_by_path_where_a_name_stands_twice() {
    let records = [
        record("1-1", "A", "x"),
        record("2-1", "B", "y"),
        record("1-2", "A", "z"),
    ];
    let hierarchy = Hierarchy::new("", &records).unwrap();
    let ids: Vec<&str> = hierarchy
        .taxonomy
        .indexes()
        .map(|label| hierarchy.taxonomy.id(label))
        .collect();
    assert_eq!(ids, ["A", "B", "x", "z", "y"]);
    let records = [
        record("1-1", "A", "x"),
        record("2-1", "B", "x"),
        record("2-2", "B", "y"),
    ];
    let hierarchy = Hierarchy::new("", &records).unwrap();
    let [domain, area] = hierarchy.labels[&("B", "x")];
    assert_eq!(hierarchy.taxonomy.id(area), "B/x");
    assert_eq!(hierarchy.taxonomy.name(area), "x");
    assert_eq!(hierarchy.taxonomy.parents(area), [domain]);
    let [_, area] = hierarchy.labels[&("B", "y")];
    assert_eq!(hierarchy.taxonomy.id(area), "y");
}
