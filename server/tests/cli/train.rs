use std::fs;

use serde_json::Value;

use crate::workbench::{Workbench, corpus, events, keys, library, train_arguments};

#[test]
fn the_report_has_these_keys_and_the_same_figures_as_everything_else() {
    let bench = Workbench::new();
    let ran = bench.train("run", &["--seed", "7"]).ended_with(0);
    let report = ran.json();
    // Not on a terminal: plain lines, one for each epoch.
    let shown = ran.says(&["started on cpu\n", "epoch 1  ", "epoch 2  ", " documents/s"]);
    assert!(!shown.stderr.contains(['\r', '\u{1b}']), "{}", shown.stderr);
    assert_eq!(
        keys(&report),
        [
            "device",
            "epochs",
            "groups",
            "method",
            "peak_memory_bytes",
            "run",
            "test",
            "train_docs_per_s",
            "train_seconds",
            "validation"
        ]
    );
    assert_eq!(
        (&report["run"], &report["epochs"]),
        (&"run".into(), &2.into())
    );
    assert_eq!(
        (&report["method"], &report["device"]),
        (&"toy".into(), &"cpu".into())
    );
    assert_eq!(
        (
            &report["validation"]["documents"],
            &report["test"]["documents"]
        ),
        (&30.into(), &40.into())
    );
    // The toy learns this: otherwise equal figures would say little.
    assert!(
        report["test"]["micro_f1"].as_f64().unwrap() > 0.9,
        "{}",
        report["test"]["micro_f1"]
    );

    let files: Vec<String> = {
        let mut names: Vec<String> = fs::read_dir(bench.path("run"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        files,
        [
            "checkpoint",
            "corpus",
            "events.jsonl",
            "log.txt",
            "manifest.json",
            "metrics.json",
            "predictions.jsonl",
            "request.json",
            "scores",
            "taxonomy.json",
            "trained.json"
        ]
    );

    bench
        .run(&[
            "predict",
            "--run",
            "run",
            "--input",
            "test.jsonl",
            "--output",
            "predictions.jsonl",
        ])
        .ended_with(0);
    assert_eq!(
        bench.read("predictions.jsonl"),
        bench.read("run/predictions.jsonl")
    );
    let evaluated = bench
        .run(&[
            "evaluate",
            "--gold",
            "test.jsonl",
            "--pred",
            "predictions.jsonl",
            "--taxonomy",
            "taxonomy.tsv",
            "--json",
        ])
        .ended_with(0);
    // As text: to the last digit.
    assert_eq!(
        evaluated.stdout.trim(),
        serde_json::to_string(&Figures::of(&bench)).unwrap()
    );
}

/// `metrics.json`, in the order of its keys.
struct Figures;

impl Figures {
    fn of(bench: &Workbench) -> arborist_shared::metrics::Metrics {
        let metrics: arborist_server::runs::directory::RunMetrics =
            serde_json::from_str(&bench.read("run/metrics.json")).unwrap();
        metrics.test.unwrap()
    }
}

#[test]
fn without_validation_a_tenth_is_held_out() {
    let bench = Workbench::new();
    let train = |out: &str, seed: &str| {
        bench
            .run(&[
                "train",
                "--method",
                "toy",
                "--train",
                "train.jsonl",
                "--taxonomy",
                "taxonomy.tsv",
                "--out",
                out,
                "--seed",
                seed,
                "--json",
            ])
            .ended_with(0)
            .says(&["held out", "with seed"])
            .json()
    };
    let report = train("run", "1");
    assert_eq!(report["test"], Value::Null);
    let held_out = bench.read("run/corpus/validation.jsonl");
    let rest = bench.read("run/corpus/train.jsonl");
    assert_eq!(report["validation"]["documents"], held_out.lines().count());
    assert!(
        (4..=24).contains(&held_out.lines().count()),
        "{}",
        held_out.lines().count()
    );
    assert_eq!(held_out.lines().count() + rest.lines().count(), 120);
    assert!(held_out.lines().all(|line| !rest.contains(line)));
    train("again", "1");
    assert_eq!(bench.read("again/corpus/validation.jsonl"), held_out);
    train("other", "2");
    assert_ne!(bench.read("other/corpus/validation.jsonl"), held_out);
}

#[test]
fn rows_go_where_their_split_says() {
    let bench = Workbench::new();
    let with_split = |rows: String, split: &str| {
        rows.replace("\"labels\"", &format!("\"split\":\"{split}\",\"labels\""))
    };
    let all =
        corpus(0, 60) + &with_split(corpus(60, 10), "dev") + &with_split(corpus(70, 20), "test");
    bench.write("all.jsonl", &all);
    let count = |out: &str, split: &str| {
        bench
            .read(&format!("{out}/corpus/{split}.jsonl"))
            .lines()
            .count()
    };
    let train = |out: &str, more: &[&str]| {
        let arguments = [
            "train",
            "--method",
            "toy",
            "--train",
            "all.jsonl",
            "--taxonomy",
            "taxonomy.tsv",
            "--out",
            out,
        ];
        bench.run(&[&arguments, more].concat()).ended_with(0)
    };
    train("one", &[]);
    assert_eq!(
        (
            count("one", "train"),
            count("one", "validation"),
            count("one", "test")
        ),
        (60, 10, 20)
    );
    // The same file again for its test rows: they count once, and nothing of them is trained on.
    train("two", &["--test", "all.jsonl"]).says(&["20 rows were left out"]);
    // Rows without a split belong to the file they are in, for test as well.
    assert_eq!(
        (
            count("two", "train"),
            count("two", "validation"),
            count("two", "test")
        ),
        (60, 10, 80)
    );
}

#[test]
fn bad_rows_are_listed_and_the_others_kept() {
    let bench = Workbench::new();
    let mut rows = corpus(0, 20);
    rows += "{\"text\":\"a\",\"labels\":[\"owls\",\"bats\"]}\n";
    rows += "{\"text\":\"a\"}\n";
    rows += "{\"text\":\"a\",\"labels\":[\"owls\"]\n";
    rows += "{\"labels\":[\"owls\"]}\n";
    rows += "{\"id\":\"d3\",\"text\":\"a\",\"labels\":[]}\n";
    bench.write("train.jsonl", &rows);
    bench.train("run", &[]).ended_with(0).says(&[
        "train.jsonl:21:30: found the label `bats`, which is not in the taxonomy",
        "train.jsonl:23:",
        "train.jsonl:24:",
        "train.jsonl:25:7: found the id `d3`, which line 4 has already",
        "rejected rows: 4",
        "1 rows without `labels` were left out",
    ]);
    let rejects = bench.read("run/rejects.jsonl");
    let rejects: Vec<Value> = rejects
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rejects.len(), 4);
    assert_eq!(
        keys(&rejects[0]),
        ["column", "file", "line", "reason", "row"]
    );
    assert_eq!(
        rejects[0]["row"],
        "{\"text\":\"a\",\"labels\":[\"owls\",\"bats\"]}"
    );
    assert_eq!(bench.read("run/corpus/train.jsonl").lines().count(), 20);
    // In one file an id is one document, whatever part its rows are for.
    let twice = "{\"id\":\"d3\",\"split\":\"test\",\"text\":\"again\",\"labels\":[\"owls\"]}\n";
    bench.write("twice.jsonl", &(corpus(0, 20) + twice));
    let arguments = ["train", "--method", "toy", "--train", "twice.jsonl"];
    let rest = ["--taxonomy", "taxonomy.tsv", "--out", "twice"];
    bench
        .run(&[&arguments[..], &rest].concat())
        .ended_with(0)
        .says(&["twice.jsonl:21:7: found the id `d3`, which line 4 has already"]);

    bench.write(
        "train.jsonl",
        "{\"text\":\"a\",\"labels\":[\"bats\"]}\n{\"text\":\"b\"}\n",
    );
    bench
        .train("none", &[])
        .ended_with(2)
        .says(&["--train: no usable row"]);
    // Nothing stands in the way of another attempt there.
    bench.write("train.jsonl", &corpus(0, 20));
    bench.train("none", &[]).ended_with(0);
}

#[test]
fn other_corpus_formats_are_detected_or_named() {
    let bench = Workbench::new();
    let row = |id: usize| {
        format!(
            "{{\"token\":[\"night\",\"hoot\",\"{id}\"],\"label\":[\"owls\",\"birds\",\"animals\"]}}\n"
        )
    };
    bench.write("train.jsonl", &(0..30).map(row).collect::<String>());
    bench.train("detected", &[]).ended_with(0);
    assert!(
        bench
            .read("detected/corpus/train.jsonl")
            .starts_with("{\"id\":\"0\",\"text\":\"night hoot 0\"")
    );
    bench
        .train("named", &["--corpus-format", "jsonl"])
        .ended_with(2)
        .says(&["train.jsonl:1:", "rejected rows: 30"]);
    bench
        .train("unknown", &["--corpus-format", "skos"])
        .ended_with(2)
        .says(&["skos", "jsonl, hiagm, neuralclassifier"]);
    bench
        .train("unknown", &["--taxonomy-format", "owl"])
        .ended_with(2)
        .says(&["tsv, taxonomy, path_csv, json"]);
}

#[test]
fn wrong_usage_names_what_is_wrong() {
    let bench = Workbench::new();
    bench.write("config.toml", "epochs = \n");
    bench.write("config.json", "{\"epochs\": 3,\n \"smooth\": 1}");
    bench.write("cycle.tsv", "a\tb\nb\ta\n");
    for (more, parts) in [
        (
            &["--set", "epochs=0"][..],
            &["`epochs`", "found 0, expected a whole number from 1"][..],
        ),
        (
            &["--set", "epochs=many", "--set", "smoothing=-1"],
            &["`epochs`", "\"many\"", "`smoothing`"],
        ),
        (
            &["--set", "epoch=3"],
            &["`epoch`", "did you mean `epochs`?"],
        ),
        (&["--set", "epochs"], &["expected key=value"]),
        (&["--preset", "better"], &["--preset", "better", "balanced"]),
        (&["--config", "config.toml"], &["config.toml", "line 1"]),
        (
            &["--config", "config.json"],
            &["`smooth`", "did you mean `smoothing`?"],
        ),
        (&["--config", "nowhere.json"], &["nowhere.json"]),
        (&["--device", "gpu"], &["`gpu`", "auto, cpu or cuda:N"]),
        (
            &["--word-vectors", "nowhere.txt"],
            &["--word-vectors", "nowhere.txt"],
        ),
        (&["--plugins", "nowhere"], &["--plugins", "nowhere"]),
    ] {
        bench.train("run", more).ended_with(2).says(parts);
        assert!(!bench.path("run").exists(), "{more:?}");
    }
    let mut arguments = train_arguments("run");
    arguments[2] = "best";
    bench
        .run(&arguments)
        .ended_with(2)
        .says(&["--method", "no method `best`", "toy"]);
    let mut arguments = train_arguments("run");
    arguments[10] = "cycle.tsv";
    bench
        .run(&arguments)
        .ended_with(2)
        .says(&["cycle.tsv", "line"]);
    arguments[10] = "nowhere.tsv";
    bench.run(&arguments).ended_with(2).says(&["nowhere.tsv"]);
}

/// What a method can't work with, it says when it sees the documents; the mended command may have the same directory.
#[test]
fn what_the_method_refuses_is_wrong_input_and_leaves_nothing() {
    let bench = Workbench::new();
    bench.write("train.jsonl", &corpus(0, 6));
    bench
        .train("run", &["--set", "smoothing=99"])
        .ended_with(2)
        .says(&["toy: ", "`smoothing` is 99, more than the"]);
    assert!(!bench.path("run").exists());
    bench.train("run", &[]).ended_with(0);
}

#[test]
fn what_a_method_for_trees_does_not_see_is_in_the_log() {
    const NOTE: &str = "1 of 7 labels have several parents; Tree toy understands trees, so it sees primary parents only";
    let bench = Workbench::new();
    bench
        .run(&["plugins", "add", library("plugin_tree").to_str().unwrap()])
        .ended_with(0);
    let train = |method, out| {
        let mut arguments = train_arguments(out);
        arguments[2] = method;
        bench.run(&arguments).ended_with(0)
    };
    let ran = train("tree_toy", "tree");
    assert!(!ran.stderr.contains("several parents"), "{}", ran.stderr);

    let dag = bench.read("taxonomy.tsv") + "owls\tplants\n";
    bench.write("taxonomy.tsv", &dag);
    train("tree_toy", "reduced").says(&[NOTE]);
    let notes: Vec<Value> = events(&bench.path("reduced"))
        .into_iter()
        .filter(|event| event["message"] == NOTE)
        .collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(
        (&notes[0]["event"], &notes[0]["level"]),
        (&"log".into(), &"info".into())
    );
    // The taxonomy of the run keeps all parents: sets are closed over them.
    let taxonomy: Value = serde_json::from_str(&bench.read("reduced/taxonomy.json")).unwrap();
    let owls = taxonomy["labels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|label| label["id"] == "owls")
        .unwrap();
    assert_eq!(owls["parents"], serde_json::json!(["birds", "plants"]));
    // Who understands DAGs misses nothing.
    let ran = train("toy", "dag");
    assert!(!ran.stderr.contains("several parents"), "{}", ran.stderr);
}

#[test]
fn documents_that_are_learnt_from_and_asked_for_are_counted() {
    let bench = Workbench::new();
    // Other ids, the same texts.
    let copies = corpus(0, 8).replace("\"id\":\"d", "\"id\":\"copy");
    bench.write("validation.jsonl", &copies);
    bench.write("test.jsonl", &(corpus(2000, 30) + &copies));
    bench.train("run", &[]).ended_with(0).says(&[
        "note: 8 validation documents have the text of a training document",
        "note: 8 test documents have the text of a training document",
    ]);
}

#[test]
fn hyperparameters_come_from_preset_then_config_then_set() {
    let bench = Workbench::new();
    bench.write("config.toml", "epochs = 3\nsmoothing = 2.5\n");
    bench.write("glove.txt", "owl 1 2\n");
    let more = [
        "--preset",
        "fast",
        "--config",
        "config.toml",
        "--set",
        "epochs=4",
        "--word-vectors",
        "glove.txt",
    ];
    let report = bench
        .train("run", &more)
        .ended_with(0)
        .says(&["uses no word vectors"])
        .json();
    assert_eq!(report["epochs"], 4);
    let request: Value = serde_json::from_str(&bench.read("run/request.json")).unwrap();
    assert_eq!(request["hyperparameters"]["smoothing"], 2.5);
    assert_eq!(request["hyperparameters"]["epochs"], 4);
    assert_eq!(request["preset"], "fast");
}

#[test]
fn a_finished_run_never_changes() {
    let bench = Workbench::with_run();
    let metrics = bench.read("run/metrics.json");
    bench
        .train("run", &[])
        .ended_with(2)
        .says(&["holds a finished run"]);
    bench
        .train("data", &[])
        .ended_with(2)
        .says(&["is not empty and holds no run"]);
    bench
        .train("train.jsonl", &[])
        .ended_with(2)
        .says(&["--out"]);
    assert_eq!(bench.read("run/metrics.json"), metrics);
}

#[test]
fn an_interrupted_run_goes_on_behind_its_training() {
    let bench = Workbench::with_run();
    let metrics = bench.read("run/metrics.json");
    fs::remove_file(bench.path("run/metrics.json")).unwrap();
    bench
        .train("run", &["--set", "smoothing=9"])
        .ended_with(2)
        .says(&["other settings"]);
    let report = bench
        .train("run", &[])
        .ended_with(0)
        .says(&["it goes on"])
        .json();
    assert_eq!(report["epochs"], 2);
    assert_eq!(bench.read("run/metrics.json"), metrics);
    let events = events(&bench.path("run"));
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(
        (count("started"), count("epoch"), count("finished")),
        (2, 2, 2)
    );
    let times: Vec<u64> = events
        .iter()
        .map(|event| event["at_ms"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}
