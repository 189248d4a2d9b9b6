use crate::workbench::Workbench;

const LABELS: &str = r#"[{"id":"a","name":"Animals","details":{"language":"en"},"children":[{"id":"d","name":"Dogs"},{"id":"e","name":"Dogs"}]}]"#;

#[test]
fn a_taxonomy_goes_from_format_to_format() {
    let bench = Workbench::empty();
    bench.write("tree.json", &LABELS);
    let convert = |from: &str, format: &str, out: &str, more: &[&str]| {
        let arguments = [
            "taxonomy",
            "convert",
            "--taxonomy",
            from,
            "--format",
            format,
            "--out",
            out,
            "--json",
        ];
        bench.run(&[&arguments, more].concat())
    };
    let report = convert("tree.json", "skos", "tree.ttl", &["--strict"]).json();
    assert_eq!(report["labels"], 3);
    assert_eq!(report["losses"], serde_json::json!([]));
    assert!(
        bench
            .read("tree.ttl")
            .contains("skos:prefLabel \"Animals\"@en")
    );
    for (from, format, to) in [
        ("tree.ttl", "skos_rdf_xml", "tree.rdf"),
        ("tree.rdf", "skos_json_ld", "tree.jsonld"),
        ("tree.jsonld", "nested_json", "back.json"),
    ] {
        convert(from, format, to, &["--strict"]).json();
    }
    let direct = convert("tree.json", "nested_json", "direct.json", &[]);
    assert_eq!(direct.code, Some(0));
    assert_eq!(bench.read("back.json"), bench.read("direct.json"));

    let lossy = convert("tree.json", "tsv", "tree.tsv", &[]);
    assert!(
        lossy
            .stderr
            .contains("names are left out, ids stand for them: 3 labels")
    );
    assert_eq!(bench.read("tree.tsv"), "a\tRoot\nd\ta\ne\ta\n");
    let strict = convert("tree.json", "tsv", "strict.tsv", &["--strict"]);
    assert_eq!(strict.code, Some(2));
    assert!(!bench.path("strict.tsv").exists());
    let refused = convert("tree.json", "path_csv", "paths.csv", &[]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("the name `Dogs` twice below one parent")
    );
    let unknown = convert("tree.json", "owl", "x", &[]);
    assert_eq!(unknown.code, Some(2));
}

#[test]
fn what_is_wrong_with_a_taxonomy_is_listed() {
    let bench = Workbench::empty();
    bench.write("tree.json", &LABELS);
    let report = bench
        .run(&["taxonomy", "check", "--taxonomy", "tree.json", "--json"])
        .json();
    assert_eq!(
        (&report["labels"], &report["depth"]),
        (&3.into(), &2.into())
    );
    assert_eq!(report["problems"][0]["kind"], "duplicate_sibling");
}
