use serde_json::json;

use super::{document, dropped, ids, nothing_is_left};
use crate::workbench::{Ran, Workbench};

/// `3` has two parents, `5` one that is nowhere, `6` no document, not even below it.
const CONCEPTS: &str = r#"{
    "1": {"label": "trade", "alt_labels": [], "parents": []},
    "2": {"label": "law", "alt_labels": ["rules"], "parents": []},
    "3": {"label": "trade law", "alt_labels": [], "parents": ["1", "2"]},
    "4": {"label": "tariff law", "alt_labels": [], "parents": ["3"]},
    "5": {"label": "fruit", "alt_labels": [], "parents": ["99", "1"]},
    "6": {"label": "vegetables", "alt_labels": [], "parents": ["1"]}
}"#;

fn bench() -> Workbench {
    let bench = Workbench::empty();
    bench.write("concepts.json", &CONCEPTS);
    bench.write(
        "data/train/32001R0001.json",
        &json!({
            "celex_id": "32001R0001", "uri": "http://example.org/1", "type": "Regulation", "concepts": ["4"],
            "title": "Title", "header": "Header", "recitals": ", Having regard", "main_body": ["Article 1", "Article 2"],
            "attachments": "Annex"
        })
        .to_string(),
    );
    // Sections may be missing, ids may be numbers and repeat.
    bench.write(
        "data/train/32000R0002.json",
        &json!({"concepts": [4, "5", "5", "77"], "header": "Header", "recitals": null, "main_body": [], "attachments": ""})
            .to_string(),
    );
    bench.write("data/train/readme.txt", &"no document");
    bench.write(
        "data/train/broken.json",
        &"{\"celex_id\": \"x\", \"concepts\"",
    );
    bench.write("data/train/untagged.json", &"{\"header\": \"x\"}");
    bench.write(
        "data/dev/a.json",
        &json!({"celex_id": "a", "concepts": ["5"], "header": "x"}).to_string(),
    );
    bench.write(
        "data/test/b.json",
        &json!({"celex_id": "b", "concepts": ["3"], "header": "x"}).to_string(),
    );
    bench.write(
        "data/test/c.json",
        &json!({"celex_id": "a", "concepts": ["3"], "header": "x"}).to_string(),
    );
    bench.write(
        "data/test/d.json",
        &json!({"celex_id": "d", "concepts": ["3"]}).to_string(),
    );
    bench
}

fn import(bench: &Workbench, out: &str, more: &[&str]) -> Ran {
    let arguments = [
        "import",
        "eurlex",
        "--train",
        "data/train",
        "--validation",
        "data/dev",
        "--test",
        "data/test",
        "--concepts",
        "concepts.json",
        "--out",
        out,
        "--json",
    ];
    bench.run(&[&arguments, more].concat())
}

#[test]
fn documents_keep_their_concepts_and_the_hierarchy_its_edges() {
    let bench = bench();
    let summary = import(&bench, "eurlex", &[]).ended_with(0).json();
    assert_eq!(
        ids(&bench, "eurlex"),
        [vec!["32000R0002", "32001R0001"], vec!["a"], vec!["b"]]
    );
    // Ancestors are not gold: rows have what the documents have.
    assert_eq!(
        document(&bench, "eurlex", "32001R0001"),
        json!({
            "id": "32001R0001", "text": "Header\n, Having regard\nArticle 1\nArticle 2\nAnnex", "labels": ["4"], "split": "train"
        })
    );
    assert_eq!(
        document(&bench, "eurlex", "32000R0002")["labels"],
        json!(["4", "5"])
    );
    assert_eq!(
        bench.read("eurlex/taxonomy.tsv"),
        "1\tRoot\n2\tRoot\n3\t1\n3\t2\n4\t3\n5\t1\n"
    );
    assert!(
        bench
            .read("eurlex/taxonomy.json")
            .contains("\"name\":\"tariff law\"")
    );
    assert_eq!(summary["labels"], 5);
    assert_eq!(summary["multi_parent_labels"], 1);
    assert_eq!(summary["changes"][0]["count"], 1);
    // 4 and 5 stand in training documents, 3 only elsewhere.
    assert_eq!(
        summary["training_frequency"],
        json!({"frequent": 0, "few": 2, "zero": 1})
    );
    assert_eq!(
        dropped(&summary),
        [
            ("malformed", 2),
            ("duplicate_id", 1),
            ("empty_text", 1),
            ("unknown_label", 1)
        ]
    );
    let rejects = bench.read("eurlex/rejects.jsonl");
    for part in [
        "broken.json",
        "untagged.json",
        "missing field `concepts`",
        "`77`",
        "d.json",
    ] {
        assert!(rejects.contains(part), "no {part:?} in {rejects}");
    }

    let summary = import(&bench, "all", &["--all-concepts"])
        .ended_with(0)
        .json();
    assert_eq!(summary["labels"], 6);
    assert_eq!(summary["unused_labels"], 1);
}

#[test]
fn files_of_another_form_are_refused() {
    let bench = bench();
    bench.write("concepts.json", &"[1, 2]");
    import(&bench, "out", &[])
        .ended_with(2)
        .says(&["concepts.json: found", "expected an object of concepts"]);
    bench.write(
        "concepts.json",
        &r#"{"1": {"label": "a", "parents": ["2"]}, "2": {"label": "b", "parents": ["1"]}}"#,
    );
    import(&bench, "out", &[])
        .ended_with(2)
        .says(&["concepts.json: found the cycle"]);
    bench.write("concepts.json", &CONCEPTS);
    bench.write("hollow/readme.txt", &"");
    for (folder, part) in [
        (
            "nowhere",
            "--test: nowhere: found nothing, expected a directory",
        ),
        (
            "concepts.json",
            "--test: concepts.json: found a file, expected a directory",
        ),
        ("hollow", "hollow: found no JSON file"),
    ] {
        bench
            .run(&[
                "import",
                "eurlex",
                "--train",
                "data/train",
                "--validation",
                "data/dev",
                "--test",
                folder,
                "--concepts",
                "concepts.json",
                "--out",
                "out",
            ])
            .ended_with(2)
            .says(&[part]);
        nothing_is_left(&bench, "out");
    }
}
