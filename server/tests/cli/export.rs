use serde_json::{Value, json};

use crate::workbench::{Ran, Workbench, keys};

const TAXONOMY: &str = "birds\tanimals\nowls\tbirds\nanimals\tRoot\nfish\tanimals\nplants\tRoot\noaks\tplants\nmoss\tplants\n";

fn bench() -> Workbench {
    let bench = Workbench::empty();
    bench.write("taxonomy.tsv", &TAXONOMY);
    let rows = [
        json!({"id": "a", "text": "It's the owl, by Night; 2 of 37.", "labels": ["owls"], "split": "train"}),
        json!({"id": "b", "text": "an owl\tand a  fish", "labels": ["owls", "fish"], "split": "train"}),
        json!({"id": "c", "text": "birds", "labels": ["birds"]}),
        json!({"id": "d", "text": "an oak", "labels": [["plants", "oaks"]], "split": "dev"}),
        json!({"id": "e", "text": "nothing", "labels": [], "split": "train"}),
        json!({"id": "f", "text": "not annotated", "split": "train"}),
        json!({"id": "g", "text": "a bat", "labels": ["bats"], "split": "train"}),
    ];
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    bench.write("corpus.jsonl", &rows);
    bench.write(
        "test.jsonl",
        &"{\"text\":\"a fish\",\"labels\":[\"fish\"],\"split\":\"test\"}\n",
    );
    bench
}

fn export(bench: &Workbench, out: &str, more: &[&str]) -> Ran {
    let arguments = [
        "export",
        "--corpus",
        "corpus.jsonl",
        "test.jsonl",
        "--taxonomy",
        "taxonomy.tsv",
        "--format",
        "hiagm",
        "--out",
        out,
        "--json",
    ];
    bench.run(&[&arguments, more].concat())
}

fn lines(bench: &Workbench, file: &str) -> Vec<Value> {
    let text = bench.read(file);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the authors' loaders check: parents were children before, everybody has one parent, nobody stands twice.
fn check_taxonomy(text: &str) {
    let mut known = vec!["Root"];
    let mut parents = Vec::new();
    for line in text.lines() {
        let labels: Vec<&str> = line.split('\t').collect();
        assert!(
            known.contains(&labels[0]) && !parents.contains(&labels[0]),
            "{line}"
        );
        assert!(labels.len() > 1, "{line}");
        parents.push(labels[0]);
        for label in &labels[1..] {
            assert!(!known.contains(label), "{label} in {line}");
            known.push(label);
        }
    }
    assert!(text.starts_with("Root\t"));
}

#[test]
fn parts_hierarchy_and_probabilities_are_as_the_authors_read_them() {
    let bench = bench();
    let report = export(&bench, "out", &[])
        .ended_with(0)
        .says(&[
            "`bats`",
            "rejected rows: 1; all are in out/rejects.jsonl",
            "1 labels have no document",
        ])
        .json();
    let train = lines(&bench, "out/corpus_train.json");
    assert!(train.iter().all(|line| keys(line) == ["label", "token"]));
    assert_eq!(train[0]["token"], json!(["'s", "owl", "night", "37"]));
    assert_eq!(train[1]["token"], json!(["owl", "fish"]));
    let labels = |line: &Value| {
        let labels = line["label"].as_array().unwrap();
        let mut labels: Vec<String> = labels
            .iter()
            .map(|label| label.as_str().unwrap().to_owned())
            .collect();
        labels.sort_unstable();
        labels
    };
    assert_eq!(labels(&train[0]), ["animals", "birds", "owls"]);
    assert_eq!(labels(&train[1]), ["animals", "birds", "fish", "owls"]);
    assert_eq!(train.len(), 3);
    assert_eq!(
        labels(&lines(&bench, "out/corpus_val.json")[0]),
        ["oaks", "plants"]
    );
    assert_eq!(lines(&bench, "out/corpus_test.json").len(), 1);
    let taxonomy = bench.read("out/corpus.taxonomy");
    check_taxonomy(&taxonomy);
    assert_eq!(
        taxonomy,
        "Root\tanimals\tplants\nanimals\tbirds\tfish\nplants\toaks\tmoss\nbirds\towls\n"
    );
    // Of the training documents: birds in three, fish in one, nothing of the plants.
    assert_eq!(
        bench.read("out/corpus_prob.json"),
        r#"{"Root":{"animals":1.0,"plants":0.0},"animals":{"birds":0.75,"fish":0.25},"plants":{"oaks":0.0,"moss":0.0},"birds":{"owls":1.0}}"#
    );
    assert_eq!(
        (&report["train"], &report["validation"], &report["test"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(
        (
            &report["without_labels"],
            &report["not_annotated"],
            &report["rejected"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    assert!(bench.path("out/rejects.jsonl").is_file());
    let files: Vec<&str> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        files,
        [
            "corpus_train.json",
            "corpus_val.json",
            "corpus_test.json",
            "corpus.taxonomy",
            "corpus_prob.json"
        ]
    );
}

#[test]
fn options_choose_words_names_priors_and_labels() {
    let bench = bench();
    let more = [
        "--name",
        "zoo",
        "--cleaning",
        "nyt",
        "--prior-from",
        "train_validation",
        "--drop-unused-labels",
        "--split",
        "test",
    ];
    let report = export(&bench, "out", &more).ended_with(0).json();
    assert_eq!(report["labels"], 6);
    assert_eq!(report["unused_labels"], 1);
    // `moss` is left out, and the validation document counts.
    assert_eq!(
        bench.read("out/zoo.taxonomy"),
        "Root\tanimals\tplants\nanimals\tbirds\tfish\nplants\toaks\nbirds\towls\n"
    );
    let probabilities: Value = serde_json::from_str(&bench.read("out/zoo_prob.json")).unwrap();
    assert_eq!(probabilities["plants"], json!({"oaks": 1.0}));
    assert_eq!(probabilities["Root"]["plants"], 1.0 / 3.0);
    let train = lines(&bench, "out/zoo_train.json");
    assert_eq!(train[0]["token"], json!(["'s", "owl", "night"]));
    // The row without a part went to test.
    assert_eq!(
        (train.len(), lines(&bench, "out/zoo_test.json").len()),
        (2, 2)
    );
    export(&bench, "blanks", &["--cleaning", "blanks"]).ended_with(0);
    assert_eq!(
        lines(&bench, "blanks/corpus_train.json")[1]["token"],
        json!(["an", "owl", "and", "a", "fish"])
    );
}

/// What was exported says the same when it is read again: words, label sets, hierarchy and probabilities.
#[test]
fn what_was_exported_is_read_again_unchanged() {
    let bench = bench();
    export(&bench, "first", &[]).ended_with(0);
    let report = bench
        .run(&[
            "export",
            "--corpus",
            "first/corpus_train.json",
            "--taxonomy",
            "first/corpus.taxonomy",
            "--format",
            "hiagm",
            "--cleaning",
            "blanks",
            "--out",
            "second",
            "--json",
        ])
        .ended_with(0)
        .json();
    assert_eq!(report["train"], 3);
    assert_eq!(
        bench.read("second/corpus.taxonomy"),
        bench.read("first/corpus.taxonomy")
    );
    assert_eq!(
        bench.read("second/corpus_prob.json"),
        bench.read("first/corpus_prob.json")
    );
    let sorted = |file: &str| {
        let mut lines = lines(&bench, file);
        for line in &mut lines {
            let labels = line["label"].as_array_mut().unwrap();
            labels.sort_by_key(|label| label.as_str().unwrap().to_owned());
        }
        lines
    };
    assert_eq!(
        sorted("second/corpus_train.json"),
        sorted("first/corpus_train.json")
    );
}

#[test]
fn a_dag_is_written_with_first_parents() {
    let bench = bench();
    bench.write("taxonomy.tsv", &format!("{TAXONOMY}fish\tplants\n"));
    export(&bench, "out", &[])
        .ended_with(0)
        .says(&["1 labels have several parents"]);
    let taxonomy = bench.read("out/corpus.taxonomy");
    check_taxonomy(&taxonomy);
    assert!(taxonomy.contains("animals\tbirds\tfish\n"));
    // The second parent is still an ancestor.
    let test = lines(&bench, "out/corpus_test.json");
    let labels = test[0]["label"].as_array().unwrap();
    assert_eq!(labels.len(), 3);
    assert!(labels.contains(&json!("plants")) && labels.contains(&json!("animals")));
}

#[test]
fn what_the_authors_could_not_read_is_refused() {
    let bench = bench();
    for name in ["retrieval", "train", "a/b", ""] {
        export(&bench, "out", &["--name", name])
            .ended_with(2)
            .says(&["--name: found the name"]);
    }
    bench.write("full/file", &"");
    export(&bench, "full", &[])
        .ended_with(2)
        .says(&["--out: full", "not empty"]);
    let run = |corpus: &str, taxonomy: &str| {
        bench.run(&[
            "export",
            "--corpus",
            corpus,
            "--taxonomy",
            taxonomy,
            "--format",
            "hiagm",
            "--out",
            "out",
        ])
    };
    run("nowhere.jsonl", "taxonomy.tsv")
        .ended_with(2)
        .says(&["--corpus: nowhere.jsonl"]);
    bench.write("none.jsonl", &"{\"text\":\"x\",\"labels\":[]}\n");
    run("none.jsonl", "taxonomy.tsv")
        .ended_with(2)
        .says(&["--corpus: found no document with labels"]);
    bench.write(
        "tabs.json",
        &"{\"labels\":[{\"id\":\"a\\tb\",\"name\":\"a\",\"parents\":[]}]}",
    );
    run("corpus.jsonl", "tabs.json")
        .ended_with(2)
        .says(&["--taxonomy: found the label \"a\\tb\""]);
    assert!(!bench.path("out").exists());
}

/// Every format of a single file, written by one command and read by another: nothing that the format holds is lost.
#[test]
fn what_is_exported_is_imported_unchanged() {
    let bench = bench();
    let export = |format: &str, from: &str, out: &str| {
        let arguments = [
            "export",
            "--corpus",
            from,
            "--taxonomy",
            "taxonomy.tsv",
            "--format",
            format,
            "--out",
            out,
            "--json",
        ];
        bench.run(&arguments).ended_with(0).json()
    };
    let report = export("jsonl", "corpus.jsonl", "first");
    assert_eq!(
        (report["documents"].as_u64(), report["rejected"].as_u64()),
        (Some(6), Some(1))
    );
    let first = bench.read("first/corpus.jsonl");
    for (format, ending) in [
        ("csv", "csv"),
        ("tsv", "tsv"),
        ("annif_json", "jsonl"),
        ("label_studio", "json"),
        ("doccano", "jsonl"),
        ("prodigy", "jsonl"),
    ] {
        let there = format!("there-{format}");
        export(format, "first/corpus.jsonl", &there);
        let back = format!("back-{format}");
        let report = export("jsonl", &format!("{there}/corpus.{ending}"), &back);
        assert_eq!(report["rejected"].as_u64(), Some(0), "{format}");
        assert_eq!(
            bench.read(&format!("{back}/corpus.jsonl")),
            first,
            "{format}"
        );
    }
    // What the format cannot hold is told.
    let report = export("fasttext", "first/corpus.jsonl", "words");
    assert_eq!(report["documents"], 5);
    assert_eq!(
        report["left_out"],
        json!({"no label applies, and the format cannot say so": 1})
    );
}
