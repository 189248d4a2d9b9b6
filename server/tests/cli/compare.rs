use std::fs;

use crate::workbench::{Ran, Workbench, corpus, keys};

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.train("a", &[]).ended_with(0);
    bench.train("b", &["--set", "smoothing=50"]).ended_with(0);
    bench
}

fn compare(bench: &Workbench, gold: &str) -> Ran {
    bench.run(&[
        "compare",
        "--gold",
        gold,
        "--taxonomy",
        "taxonomy.tsv",
        "--run",
        "a",
        "--run",
        "b",
        "--json",
    ])
}

#[test]
fn runs_are_measured_and_tested_in_pairs() {
    let bench = bench();
    let first = compare(&bench, "test.jsonl").ended_with(0);
    let report = first.json();
    for (position, run) in ["a", "b"].iter().enumerate() {
        assert_eq!(report["runs"][position]["run"], *run);
        let metrics: serde_json::Value =
            serde_json::from_str(&bench.read(&format!("{run}/metrics.json"))).unwrap();
        assert_eq!(report["runs"][position]["metrics"], metrics["test"]);
    }
    let tests = report["tests"].as_array().unwrap();
    assert!(tests.iter().any(|test| test["metric"] == "micro_f1"));
    for test in tests {
        assert_eq!(
            keys(test),
            [
                "a",
                "b",
                "difference",
                "interval",
                "method",
                "metric",
                "p",
                "p_holm"
            ]
        );
        assert_eq!((&test["a"], &test["b"]), (&"a".into(), &"b".into()));
        assert!(test["p_holm"].as_f64() >= test["p"].as_f64());
    }
    // The second time nothing is predicted: the models are not even needed.
    let cached = fs::read_dir(bench.path("data/cache/scores"))
        .unwrap()
        .count();
    assert_eq!(cached, 4);
    assert_eq!(
        compare(&bench, "test.jsonl").ended_with(0).stdout,
        first.stdout
    );
    assert_eq!(
        fs::read_dir(bench.path("data/cache/scores"))
            .unwrap()
            .count(),
        4
    );
    // What is kept is what counts: with a threshold that no score passes, nothing is predicted any more.
    for entry in fs::read_dir(bench.path("data/cache/scores")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "json") {
            fs::write(path, "{\"threshold\":1.0}").unwrap();
        }
    }
    let altered = compare(&bench, "test.jsonl").ended_with(0).json();
    assert_eq!(altered["runs"][0]["metrics"]["micro_f1"], 0.0);
}

#[test]
fn documents_that_a_run_has_seen_do_not_count() {
    let bench = bench();
    // Thirty that were used for validation, ten that nobody saw; one of those again without id and with other white space.
    let unseen = corpus(3000, 10);
    bench.write("mixed.jsonl", &(corpus(1000, 30) + &unseen));
    let ran = compare(&bench, "mixed.jsonl")
        .ended_with(0)
        .says(&["30 of 40 documents were left out"]);
    assert_eq!(ran.json()["runs"][0]["metrics"]["documents"], 10);
    compare(&bench, "train.jsonl")
        .ended_with(2)
        .says(&["none of the 120 documents is left", "a: 120, b: 120"]);
    let copies = bench
        .read("train.jsonl")
        .replace("\"id\":\"d", "\"id\":\"copy")
        .replace(' ', "  ");
    bench.write("copies.jsonl", &copies);
    compare(&bench, "copies.jsonl")
        .ended_with(2)
        .says(&["none of the 120 documents is left"]);
}

#[test]
fn line_numbers_are_no_ids() {
    let bench = Workbench::new();
    for name in ["train.jsonl", "validation.jsonl", "test.jsonl"] {
        let rows: String = bench
            .read(name)
            .lines()
            .map(|row| format!("{{{}\n", row.split_once(',').unwrap().1))
            .collect();
        bench.write(name, &rows);
    }
    bench.train("a", &[]).ended_with(0);
    bench.train("b", &["--seed", "1"]).ended_with(0);
    // Line 5 of the training file and line 5 of the test file have nothing in common.
    let report = compare(&bench, "test.jsonl").ended_with(0).json();
    assert_eq!(report["runs"][0]["metrics"]["documents"], 40);
}

#[test]
fn the_taxonomy_must_be_the_same_in_any_order() {
    let bench = bench();
    let taxonomy = bench.read("taxonomy.tsv");
    let mut lines: Vec<&str> = taxonomy.lines().collect();
    lines.reverse();
    bench.write("taxonomy.tsv", &(lines.join("\n") + "\n"));
    let report = compare(&bench, "test.jsonl").ended_with(0).json();
    let metrics: serde_json::Value = serde_json::from_str(&bench.read("a/metrics.json")).unwrap();
    assert_eq!(
        report["runs"][0]["metrics"]["micro_f1"],
        metrics["test"]["micro_f1"]
    );
    assert_eq!(
        report["runs"][0]["metrics"]["raw"]["macro_f1"],
        metrics["test"]["raw"]["macro_f1"]
    );

    bench.write(
        "taxonomy.tsv",
        &taxonomy.replace("fish\tanimals", "fish\tplants"),
    );
    compare(&bench, "test.jsonl")
        .ended_with(2)
        .says(&["a was trained on another taxonomy"]);
    bench
        .run(&[
            "compare",
            "--gold",
            "test.jsonl",
            "--taxonomy",
            "taxonomy.tsv",
            "--run",
            "a",
        ])
        .ended_with(2)
        .says(&["expected two or more"]);
}
