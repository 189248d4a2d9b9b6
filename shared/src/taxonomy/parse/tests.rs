mod annif;
#[cfg(feature = "rdf")]
mod hostile;
#[cfg(feature = "rdf")]
mod rdf;

use proptest::prelude::*;

use super::*;
use crate::LabelIndex;
use crate::fixtures::any_taxonomy;
use crate::taxonomy::ROOT;

fn read(text: &str) -> ParsedTaxonomy {
    parse(text.as_bytes(), None).unwrap()
}

/// Labels as `id<parent<parent`, in taxonomy order.
fn edges(taxonomy: &Taxonomy) -> Vec<String> {
    let edge = |label: LabelIndex| {
        let ids = [label]
            .into_iter()
            .chain(taxonomy.parents(label).iter().copied())
            .map(|label| taxonomy.id(label));
        ids.collect::<Vec<_>>().join("<")
    };
    taxonomy.indexes().map(edge).collect()
}

#[track_caller]
fn check(text: &str, format: TaxonomyFormat, expected: &[&str]) -> Vec<String> {
    let parsed = read(text);
    assert_eq!(parsed.format, format);
    assert_eq!(edges(&parsed.taxonomy), expected);
    parsed.notes
}

#[track_caller]
fn fail(text: &str, format: Option<TaxonomyFormat>, message: &str) {
    assert_eq!(
        parse(text.as_bytes(), format).unwrap_err().to_string(),
        message
    );
}

#[test]
fn tsv_in_any_order() {
    let notes = check(
        "A1\tA\nA\tRoot\n\nB\tRoot\r\nA2\tA\n",
        TaxonomyFormat::Tsv,
        &["A1<A", "A", "B", "A2<A"],
    );
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn tsv_with_a_second_parent_and_repetition() {
    let text =
        "\u{feff}child\tparent\nA\tRoot\nB\tRoot\nC\tA\nC\tB\nC\tA\nB\tRoot\nD\tRoot\nD\tC\n";
    let notes = check(text, TaxonomyFormat::Tsv, &["A", "B", "C<A<B", "D<C"]);
    assert_eq!(
        notes,
        [
            "the first line was taken as a header",
            "edges to the root were left out of labels that also stand below another label: 1",
            "repeated edges were taken once: 2, the first `C` below `A` on line 6",
        ]
    );
}

#[test]
fn tsv_faults() {
    let tsv = Some(TaxonomyFormat::Tsv);
    fail(
        "A\tRoot\nB\n",
        tsv,
        "line 2, column 1: found 1 field, expected 2 fields: the label, a TAB and its parent",
    );
    fail(
        "A\tRoot\nB\tA\tRoot\n",
        tsv,
        "line 2, column 5: found 3 fields, expected 2 fields: the label, a TAB and its parent",
    );
    fail(
        "A\tRoot\n\tA\n",
        tsv,
        "line 2, column 1: found an empty field, expected a label",
    );
    fail(
        "Root\tA\n",
        tsv,
        "line 1, column 1: found `Root` as a child, expected a label: the root has no parent",
    );
    fail(
        "A\tRoot\nB\tC\n",
        tsv,
        "line 2, column 3: found the parent `C` of `B`, which is introduced nowhere, expected a label of the taxonomy",
    );
    fail(
        "A\tRoot\nB\tB\n",
        tsv,
        "line 2, column 3: found `B` as its own parent, expected another label or the root",
    );
    fail(
        "A\tRoot\nB\tC\nC\tD\nD\tB\n",
        tsv,
        "line 4, column 3: found the cycle `B` → `C` → `D` → `B`, expected a hierarchy without cycles",
    );
    fail(
        "  \n",
        None,
        "line 1, column 1: found no label, expected at least one",
    );
    let bytes = b"A\tRoot\nB\xff\tRoot\n";
    let message = parse(bytes, None).unwrap_err().to_string();
    assert_eq!(
        message,
        "line 2, column 2: found the byte 0xFF, expected UTF-8 text"
    );
}

#[test]
fn taxonomy_files_as_the_authors_write_them() {
    let text = "Root\tCCAT\tECAT\nCCAT\tC11\tC15\nC15\tC151\tC152\n";
    let expected = [
        "CCAT", "ECAT", "C11<CCAT", "C15<CCAT", "C151<C15", "C152<C15",
    ];
    assert!(check(text, TaxonomyFormat::Taxonomy, &expected).is_empty());
}

#[test]
fn taxonomy_files_in_any_order() {
    let text = "C15\tC151\nRoot\tCCAT\t\nCCAT\tC15\nRoot\tTop/News Sports\nC151\n";
    let notes = check(
        text,
        TaxonomyFormat::Taxonomy,
        &["C151<C15", "CCAT", "C15<CCAT", "Top/News Sports"],
    );
    assert_eq!(
        notes,
        [
            "TABs at the end of lines were ignored: 1, the first on line 2",
            "lines with a parent and no children were ignored: 1, the first is line 5",
            "parents with several lines were joined: 1, the first `Root` on lines 2 and 4",
        ]
    );
}

#[test]
fn taxonomy_files_with_two_children_are_not_mistaken_for_tsv() {
    check("Root\tA\nA\tB\n", TaxonomyFormat::Taxonomy, &["A", "B<A"]);
    check(
        "Root\tA\tB\nA\tC\nB\tC\n",
        TaxonomyFormat::Taxonomy,
        &["A", "B", "C<A<B"],
    );
}

#[test]
fn taxonomy_file_faults() {
    let format = Some(TaxonomyFormat::Taxonomy);
    fail(
        "A\tB\n",
        format,
        "line 1, column 1: found `A` and no line that starts with `Root`, expected a line `Root<TAB>label<TAB>…`",
    );
    fail(
        "Root\tA\nX\tY\n",
        format,
        "line 2, column 1: found the parent `X`, which is a child on no line, expected a label that is a child of `Root` or of another label",
    );
    fail(
        "Root\tA\t\tB\n",
        format,
        "line 1, column 8: found an empty field, expected a child of the first label of the line",
    );
    fail(
        "Root\tA\nA\tRoot\n",
        format,
        "line 2, column 3: found `Root` as a child, expected a label: the root has no parent",
    );
    fail(
        "Root\tA\nA\tB\nB\tC\nC\tB\n",
        format,
        "line 4, column 3: found the cycle `B` → `C` → `B`, expected a hierarchy without cycles",
    );
}

#[test]
fn path_csv_identifies_labels_by_path() {
    let text = "level 1,level 2,level 3\nMedical,Depression,\nPsychology,Depression,\nMedical,\"Heart, lungs\",Asthma\nMedical,,\n";
    let parsed = read(text);
    assert_eq!(
        edges(&parsed.taxonomy),
        [
            "Medical",
            "Medical/Depression<Medical",
            "Psychology",
            "Psychology/Depression<Psychology",
            "Medical/Heart, lungs<Medical",
            "Medical/Heart, lungs/Asthma<Medical/Heart, lungs",
        ]
    );
    assert_eq!(parsed.taxonomy.named("Depression"), [1, 3]);
    assert_eq!(
        parsed.notes,
        ["the first row was taken as a header", REPEATED_PATHS]
    );
}

const REPEATED_PATHS: &str =
    "some rows repeat a path that other rows already gave; they were taken once";

#[test]
fn path_csv_variants() {
    check(
        "A;B\nA;C",
        TaxonomyFormat::PathCsv,
        &["A", "A/B<A", "A/C<A"],
    );
    check("A\nB\n", TaxonomyFormat::PathCsv, &["A", "B"]);
    check(
        "Root,A,x/y\r\nRoot,B\r\n",
        TaxonomyFormat::PathCsv,
        &["A", "A/x\\/y<A", "B"],
    );
    check(
        "\"say \"\"hi\"\"\",\"two\nlines\"\n",
        TaxonomyFormat::PathCsv,
        &["say \"hi\"", "say \"hi\"/two\nlines<say \"hi\""],
    );
}

#[test]
fn path_csv_faults() {
    let format = Some(TaxonomyFormat::PathCsv);
    fail(
        "A,B\nA,,C\n",
        format,
        "line 2, column 3: found an empty cell before the end of the path, expected the name of this level",
    );
    fail(
        "A,\"B\nC",
        format,
        "line 1, column 3: found a quote that is never closed, expected a closing quote",
    );
    fail(
        "A,\"B\"x\n",
        format,
        "line 1, column 6: found `x` after a closing quote, expected `,` or the end of the row",
    );
}

#[test]
fn json_canonical() {
    let text = r#"{"labels":[{"id":"b","name":"B","parents":["a"]},{"id":"a","name":"A","parents":[]},{"id":"c","name":"B","parents":["a","b"],"x":[1]}]}"#;
    let notes = check(text, TaxonomyFormat::Json, &["b<a", "a", "c<a<b"]);
    assert!(notes.is_empty());
    assert_eq!(read(text).taxonomy.named("B"), [0, 2]);
}

#[test]
fn json_nested() {
    let text = r#"{"name":"Root","children":[{"name":"A","children":[{"name":"X"},"Y"]},{"name":"B","children":[{"name":"X","children":null}]}]}"#;
    let expected = ["A", "A/X<A", "A/Y<A", "B", "B/X<B"];
    check(text, TaxonomyFormat::Json, &expected);
    check(
        r#"[{"name":"A","children":["X",{"name":"Y"}]},{"name":"B","children":{"X":{}}}]"#,
        TaxonomyFormat::Json,
        &expected,
    );
    check(
        r#"{"A":{"X":{},"Y":null},"B":["X"]}"#,
        TaxonomyFormat::Json,
        &expected,
    );
    check(
        r#"{"Root":{"A":{"children":["X","Y"]},"B":{"X":[]}}}"#,
        TaxonomyFormat::Json,
        &expected,
    );
    // One top-level label of its own, and numbers as ids.
    check(
        r#"{"id":1,"name":"one","children":[{"id":2}]}"#,
        TaxonomyFormat::Json,
        &["1", "2<1"],
    );
}

#[test]
fn json_nested_with_an_id_in_two_places_has_two_parents() {
    let text = r#"[{"id":"A","children":[{"id":"C","children":[{"id":"D"}]}]},{"id":"B","children":[{"id":"C"}]}]"#;
    check(text, TaxonomyFormat::Json, &["A", "C<A<B", "D<C", "B"]);
}

#[test]
fn json_faults() {
    fail(
        "{\"labels\": [\n  {\"id\": \"A\" \"name\": \"A\"}]}",
        None,
        "line 2, column 14: found `\"name\": \"A\"}]}`, expected valid JSON (expected `,` or `}`)",
    );
    fail(
        "[{\"id\":\"A\"},\n {\"id\":\"A\"}]",
        None,
        "line 2, column 2: found the id `A` twice, expected every id once",
    );
    fail(
        "[\n 3.5, true]",
        None,
        "line 2, column 7: found `true`, expected a label: an object or a name",
    );
    fail(
        "[{\"children\":[]}]",
        None,
        "line 1, column 2: found a label without `id` and `name`, expected at least one of them",
    );
    fail(
        "{\"labels\":[\n{\"id\":\"A\",\"parents\":[\"B\"]}]}",
        None,
        "line 2, column 22: found the parent `B` of `A`, which is introduced nowhere, expected a label of the taxonomy",
    );
    fail(
        "[{\"id\":\"A\",\"parents\":[\"B\"]},\n{\"id\":\"B\",\"parents\":[\"A\"]}]",
        None,
        "line 2, column 22: found the cycle `A` → `B` → `A`, expected a hierarchy without cycles",
    );
    fail(
        "[{\"id\":\"A\",\"name\":\"x\",\"children\":[{\"id\":\"B\",\"children\":[{\"id\":\"A\",\"name\":\"y\"}]}]}]",
        None,
        "line 1, column 57: found `A` with the name `y`, expected the name `x`, which it had before",
    );
    fail(
        "{\"A\":\"text\"}",
        None,
        "line 1, column 6: found `\"text\"`, expected a list or an object of labels",
    );
    let deep = format!(
        "{}{}",
        "{\"A\":".repeat(300),
        "{}".to_owned() + &"}".repeat(300)
    );
    fail(
        &deep,
        None,
        "line 1, column 1006: found deeper nesting, expected at most 200 levels",
    );
    fail(
        "{}",
        None,
        "line 1, column 1: found no label, expected at least one",
    );
}

#[test]
fn formats_have_words() {
    for format in TaxonomyFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "tree".parse::<TaxonomyFormat>().unwrap_err().to_string();
    assert_eq!(
        error,
        "found the taxonomy format `tree`, expected one of tsv, taxonomy, path_csv, json, nested_json, skos, skos_rdf_xml, skos_json_ld, annif_tsv, annif_csv"
    );
}

#[test]
fn real_taxonomies() {
    // The corpora are given by the environment and are no part of the repository.
    let Some(folder) = std::env::var_os("ARBORIST_CORPORA") else {
        return;
    };
    for (corpus, n_labels) in [
        ("chemical-exposure", None),
        ("clinc150", Some(161)),
        ("dbpedia-classes-5000", None),
    ] {
        let path = std::path::Path::new(&folder)
            .join(corpus)
            .join("taxonomy.tsv");
        let parsed = parse(&std::fs::read(path).unwrap(), None).unwrap();
        assert_eq!(
            (parsed.format, parsed.notes.len()),
            (TaxonomyFormat::Tsv, 0)
        );
        assert!(n_labels.is_none_or(|n| parsed.taxonomy.len() == n));
    }
}

proptest! {
    #[test]
    fn tsv_comes_back_in_any_order(taxonomy in any_taxonomy(15), seed in any::<u64>()) {
        let mut lines = Vec::new();
        for label in taxonomy.indexes() {
            let parents = taxonomy.parents(label);
            let names = if parents.is_empty() { vec![ROOT] } else { parents.iter().map(|&parent| taxonomy.id(parent)).collect() };
            lines.extend(names.into_iter().map(|parent| format!("{}\t{parent}\n", taxonomy.id(label))));
        }
        let ids = |taxonomy: &Taxonomy| {
            let mut labels = taxonomy.to_labels();
            labels.iter_mut().for_each(|label| label.parents.sort());
            labels.sort_by(|a, b| a.id.cmp(&b.id));
            labels.into_iter().map(|label| (label.id, label.parents)).collect::<Vec<_>>()
        };
        let mut lines: Vec<(u64, String)> = (1..).zip(lines).collect();
        lines.sort_by_key(|(position, _)| position.wrapping_mul(seed | 1));
        let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
        let parsed = parse(lines.concat().as_bytes(), None).unwrap();
        prop_assert_eq!(ids(&parsed.taxonomy), ids(&taxonomy));
    }

    #[test]
    fn canonical_json_comes_back(taxonomy in any_taxonomy(15)) {
        let parsed = parse(&serde_json::to_vec_pretty(&taxonomy).unwrap(), None).unwrap();
        prop_assert_eq!(parsed.taxonomy, taxonomy);
    }

    #[test]
    fn nothing_panics(text in proptest::collection::vec(prop::sample::select(&b"{}[]\",:abc\t\n;Root "[..]), 0..=60)) {
        let _ = parse(&text, None);
        for format in TaxonomyFormat::ALL {
            let _ = parse(&text, Some(format));
        }
    }
}
