use super::*;
use crate::fixtures::{dag, taxonomy};
use crate::split::Split;
use crate::taxonomy::Taxonomy;

fn name(text: &str) -> RowLabel {
    RowLabel::Name(text.to_owned())
}

fn path(names: &[&str]) -> RowLabel {
    RowLabel::Path(names.iter().map(|&name| name.to_owned()).collect())
}

#[track_caller]
fn fail(format: CorpusFormat, line: &[u8], message: &str) {
    assert_eq!(
        parse_row_as(format, line, 7).unwrap_err().to_string(),
        message
    );
}

#[test]
fn rows_of_our_own() {
    let row = parse_row(br#"{"id":"d1","text":"a \u00e9 b","labels":["A",["B","B1"],12],"split":"dev","x":{"y":[]}}"#, 1).unwrap();
    let labels = Some(vec![name("A"), path(&["B", "B1"]), name("12")]);
    assert_eq!(
        row,
        CorpusRow {
            id: Some("d1".to_owned()),
            text: "a é b".to_owned(),
            labels,
            split: Some(Split::Validation),
            ..CorpusRow::default()
        }
    );
}

#[test]
fn what_a_row_may_leave_out() {
    let row = parse_row("\u{feff}{\"text\":\"\",\"id\":-3}\r\n".as_bytes(), 1).unwrap();
    assert_eq!(
        row,
        CorpusRow {
            id: Some("-3".to_owned()),
            ..CorpusRow::default()
        }
    );
    let labels = |line: &str| parse_row(line.as_bytes(), 1).unwrap().labels;
    // Judged with no label is not the same as not annotated.
    assert_eq!(labels(r#"{"text":"","labels":[]}"#), Some(vec![]));
    assert_eq!(labels(r#"{"text":"","labels":null}"#), None);
    assert_eq!(labels(r#"{"text":""}"#), None);
}

#[test]
fn rows_of_the_methods_authors() {
    let hiagm = parse_row_as(
        CorpusFormat::HiAgm,
        br#"{"label":["CCAT","C15"],"token":["Swedish","finance"]}"#,
        1,
    )
    .unwrap();
    assert_eq!(
        (hiagm.text.as_str(), hiagm.labels),
        ("Swedish finance", Some(vec![name("CCAT"), name("C15")]))
    );
    let scripts =
        br#"{"doc_label":["A--B"],"doc_token":"raw text","doc_topic":[],"doc_keyword":["x"]}"#;
    let row = parse_row_as(CorpusFormat::HiAgm, scripts, 1).unwrap();
    assert_eq!(
        (row.text.as_str(), row.labels),
        ("raw text", Some(vec![name("A--B")]))
    );
    let line = br#"{"doc_label":["A--B--C","D"],"doc_token":["I","love"],"doc_keyword":["x"]}"#;
    let row = parse_row_as(CorpusFormat::NeuralClassifier, line, 1).unwrap();
    assert_eq!(
        (row.text.as_str(), row.labels),
        ("I love", Some(vec![path(&["A", "B", "C"]), name("D")]))
    );
}

#[test]
fn formats_are_detected_and_have_words() {
    let detect = |line: &str| CorpusFormat::detect(line.as_bytes());
    assert_eq!(
        detect(r#"{"token":["a"],"label":["A--B"]}"#),
        CorpusFormat::HiAgm
    );
    assert_eq!(
        detect(r#"{"doc_token":["a"],"doc_label":["A"]}"#),
        CorpusFormat::HiAgm
    );
    assert_eq!(
        detect(r#"{"doc_token":["a"],"doc_label":["A","A--B"]}"#),
        CorpusFormat::NeuralClassifier
    );
    assert_eq!(
        detect(r#"{"text":"a","doc_label":["A--B"]}"#),
        CorpusFormat::Jsonl
    );
    assert_eq!(detect("no JSON"), CorpusFormat::Jsonl);
    for format in CorpusFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
        assert_eq!(
            serde_json::to_string(&format).unwrap(),
            format!("\"{format}\"")
        );
    }
}

#[test]
fn broken_rows_are_explained() {
    let jsonl = |line: &str, message: &str| fail(CorpusFormat::Jsonl, line.as_bytes(), message);
    jsonl(
        "",
        "line 7, column 1: found an empty line, expected a JSON object",
    );
    jsonl(
        "{\"text\":\"a\"",
        "line 7, column 11: found broken JSON (EOF while parsing an object), expected one JSON object",
    );
    jsonl(
        "{\"text\":\"a\"} x",
        "line 7, column 14: found broken JSON (trailing characters), expected one JSON object",
    );
    jsonl(
        "[1]",
        "line 7, column 1: invalid type: sequence, expected a JSON object with the text and labels of one document",
    );
    jsonl(
        "{\"labels\":[]}",
        "line 7, column 13: found no `text`, expected the document's text",
    );
    jsonl(
        "{\"text\":3}",
        "line 7, column 9: `text`: invalid type: integer `3`, expected a string",
    );
    jsonl(
        "{\"text\":\"a\",\"labels\":\"A\"}",
        "line 7, column 24: `labels`: invalid type: string \"A\", expected a sequence",
    );
    jsonl(
        "{\"text\":\"a\",\"labels\":[\"A\",null]}",
        "line 7, column 30: `labels`: invalid type: null, expected a label: its id or name, or an array of names",
    );
    jsonl(
        "{\"text\":\"a\",\"labels\":[[]]}",
        "line 7, column 24: `labels`: found an empty path, expected at least one name",
    );
    jsonl(
        "{\"text\":\"a\",\"split\":\"all\"}",
        "line 7, column 25: `split`: unknown variant `all`, expected one of `train`, `dev`, `val`, `valid`, `validation`, `test`",
    );
    jsonl(
        "{\"text\":\"a\",\"text\":\"b\"}",
        "line 7, column 18: found `text` a second time, expected it once",
    );
    jsonl(
        "{\"text\":\"a\",\"id\":1.5}",
        "line 7, column 20: `id`: invalid type: floating point `1.5`, expected a string or an integer",
    );
    fail(
        CorpusFormat::Jsonl,
        b"{\"text\":\"\xff\"}",
        "line 7, column 10: found the byte 0xFF, expected UTF-8 text",
    );
    fail(
        CorpusFormat::HiAgm,
        b"{\"label\":[]}",
        "line 7, column 12: found no `token`, expected the document's words",
    );
}

/// Depression below Medical and Psychology, as in WOS; `Other` below the root and below Medical; ids are paths.
fn wos() -> Taxonomy {
    taxonomy(&[
        ("Medical", &[]),
        ("Psychology", &[]),
        ("Medical/Depression", &["Medical"]),
        ("Psychology/Depression", &["Psychology"]),
        ("Psychology/Depression/Severe", &["Psychology/Depression"]),
        ("Other", &[]),
        ("Medical/Other", &["Medical"]),
    ])
}

#[track_caller]
fn resolve(taxonomy: &Taxonomy, labels: &[RowLabel]) -> (Vec<LabelIndex>, Vec<LabelIndex>) {
    let set = resolve_labels(taxonomy, labels).unwrap();
    // The order of labels in the row does not matter.
    let reversed: Vec<RowLabel> = labels.iter().rev().cloned().collect();
    assert_eq!(resolve_labels(taxonomy, &reversed).unwrap(), set);
    (set.explicit, set.closed)
}

#[track_caller]
fn refuse(taxonomy: &Taxonomy, labels: &[RowLabel], message: &str) {
    assert_eq!(
        resolve_labels(taxonomy, labels).unwrap_err().to_string(),
        message
    );
}

const TWO: &str = "found the label `Depression`, which may mean `Medical/Depression` (Medical › Depression) or \
     `Psychology/Depression` (Psychology › Depression), expected an id or a path of names";

#[test]
fn an_exact_id_goes_first() {
    let wos = wos();
    assert_eq!(
        resolve(&wos, &[name("Psychology/Depression")]),
        (vec![3], vec![1, 3])
    );
    // `Other` is an id, although another label has it as its name, and whatever else is in the row.
    assert_eq!(
        resolve(&wos, &[name("Other"), name("Medical")]),
        (vec![0, 5], vec![0, 5])
    );
}

#[test]
fn an_array_of_names_is_a_path() {
    let wos = wos();
    assert_eq!(
        resolve(&wos, &[path(&["Psychology", "Depression"])]),
        (vec![3], vec![1, 3])
    );
    assert_eq!(resolve(&wos, &[path(&["Other"])]), (vec![5], vec![5]));
    refuse(
        &wos,
        &[path(&["Depression", "Severe"])],
        "found the label `Depression › Severe`, which is not in the taxonomy, expected an id, a name or a path of names",
    );
}

#[test]
fn a_path_may_go_through_any_parent_and_through_ids() {
    let dag = dag();
    let [c, d] = ["C", "D"].map(|id| dag.index_of(id).unwrap());
    for steps in [&["A", "C", "D"][..], &["B", "B1", "C", "D"], &["A", "D"]] {
        assert_eq!(resolve(&dag, &[path(steps)]).0, [d]);
    }
    assert_eq!(resolve(&dag, &[path(&["A", "C"])]).0, [c]);
    let ids = taxonomy(&[
        ("x/Animals", &[]),
        ("x/Dogs", &["x/Animals"]),
        ("x--y", &[]),
    ]);
    assert_eq!(resolve(&ids, &[path(&["x/Animals", "x/Dogs"])]).0, [1]);
    // The string of a TSV label may look like a path.
    assert_eq!(resolve(&ids, &[path(&["x", "y"])]).0, [2]);
}

#[test]
fn a_refusal_says_which_label_of_the_row_and_which_name_of_its_path() {
    let wos = wos();
    for (label, wrong) in [
        (name("Depresion"), None),
        (path(&["Psychiatry"]), Some(0)),
        (path(&["Psychology", "Depresion", "Severe"]), Some(1)),
        (path(&["Psychology", "Depression", "severe"]), Some(2)),
        // Both are names, but not one below the other.
        (path(&["Medical", "Severe"]), Some(1)),
    ] {
        let labels = [name("Other"), path(&["Medical"]), label];
        let error = resolve_labels(&wos, &labels).unwrap_err();
        let ResolveError::Unknown { position, step, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((position, step), (2, wrong), "{}", labels[2]);
    }
    let labels = [name("Psychology"), name("Depression"), name("Medical")];
    let error = resolve_labels(&wos, &labels).unwrap_err();
    assert!(
        matches!(error, ResolveError::Ambiguous { position: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_unique_name_is_enough() {
    assert_eq!(resolve(&wos(), &[name("Severe")]), (vec![4], vec![1, 3, 4]));
    refuse(
        &wos(),
        &[name("Severe"), name("severe")],
        "found the label `severe`, which is not in the taxonomy, expected an id, a name or a path of names",
    );
}

#[test]
fn the_row_can_make_a_name_unique() {
    let wos = wos();
    assert_eq!(
        resolve(&wos, &[name("Depression"), name("Medical")]),
        (vec![0, 2], vec![0, 2])
    );
    // A label below one of the candidates tells as well.
    assert_eq!(
        resolve(&wos, &[name("Depression"), name("Severe")]),
        (vec![3, 4], vec![1, 3, 4])
    );
    refuse(&wos, &[name("Depression")], TWO);
    refuse(&wos, &[name("Depression"), name("Other")], TWO);
    refuse(
        &wos,
        &[name("Depression"), name("Medical"), name("Psychology")],
        TWO,
    );
    refuse(
        &wos,
        &[name("Depression"), name("Medical"), name("Severe")],
        TWO,
    );
}

#[test]
fn the_whole_way_up_says_more_than_a_part_of_it() {
    let twins = taxonomy(&[
        ("M", &[]),
        ("M/X", &["M"]),
        ("M/Y", &["M"]),
        ("M/X/D", &["M/X"]),
        ("M/Y/D", &["M/Y"]),
    ]);
    assert_eq!(
        resolve(&twins, &[name("D"), name("M"), name("X")]).0,
        [0, 1, 3]
    );
    assert!(resolve_labels(&twins, &[name("D"), name("M")]).is_err());
}

#[test]
fn names_can_be_resolved_one_after_another() {
    let nested = taxonomy(&[
        ("M", &[]),
        ("P", &[]),
        ("m/X", &["M"]),
        ("p/X", &["P"]),
        ("mx/D", &["m/X"]),
        ("px/D", &["p/X"]),
    ]);
    // M makes X unique, and only then X makes D unique in full.
    assert_eq!(
        resolve(&nested, &[name("D"), name("X"), name("M")]).0,
        [0, 2, 4]
    );
}

#[test]
fn label_sets_are_closed_and_keep_what_was_given() {
    let dag = dag();
    let d = dag.index_of("D").unwrap();
    assert_eq!(
        resolve(&dag, &[name("D"), name("D")]),
        (vec![d], vec![0, 1, 2, 3, 4])
    );
    assert_eq!(resolve(&dag, &[]), (vec![], vec![]));
}

#[test]
fn texts_that_differ_in_white_space_are_the_same_document() {
    let hash = text_hash("a b\u{a0}c");
    assert_eq!(hash, text_hash(" a\t\n b c \u{3000}"));
    assert_ne!(hash, text_hash("ab c"));
    assert_eq!(
        text_hash(""),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn real_rows_resolve() {
    // The corpora are given by the environment and are no part of the repository.
    let Some(folder) = std::env::var_os("ARBORIST_CORPORA") else {
        return;
    };
    for corpus in [
        "chemical-exposure",
        "clinc150",
        "dbpedia-classes-5000",
        "hallmarks-of-cancer",
    ] {
        let read = |file: &str| {
            std::fs::read(std::path::Path::new(&folder).join(corpus).join(file)).unwrap()
        };
        let taxonomy = crate::taxonomy::parse(&read("taxonomy.tsv"), None)
            .unwrap()
            .taxonomy;
        let rows = read("val.jsonl");
        for (number, line) in (1..).zip(
            rows.split(|&byte| byte == b'\n')
                .filter(|line| !line.is_empty()),
        ) {
            assert_eq!(CorpusFormat::detect(line), CorpusFormat::Jsonl);
            let row = parse_row(line, number).unwrap();
            let set = resolve_labels(&taxonomy, &row.labels.unwrap()).unwrap();
            // These corpora are published with closed label sets.
            assert_eq!(set.explicit, set.closed);
        }
    }
}
