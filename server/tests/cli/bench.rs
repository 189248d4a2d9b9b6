//! The papers' tables, with a catalogue of the toy: what is trained, what is skipped, what is shown.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::workbench::{Ran, Workbench, corpus, wait_until, worker_of};

const CATALOGUE: &str = r#"
[[table]]
name = "toy-1"
title = "Toy, table 1: smoothing"
corpora = ["WOS", "NYT"]
seeds = 2
against = "sharp"
note = "Naive Bayes."

[[table.row]]
name = "sharp"
method = "toy"
set = { smoothing = 0.5 }
published = { WOS = [81.57, 59.25] }

[[table.row]]
name = "smooth"
method = "toy"
set = { smoothing = 90.0 }

[[table.row]]
name = "elsewhere"
method = "nowhere"

[[table]]
name = "toy-2"
title = "Toy, table 2: groups"
view = "groups"
corpora = ["frequent", "few", "zero", "overall"]

[[table.row]]
name = "sharp"
method = "toy"
set = { smoothing = 0.5 }
published = { zero = [39.9, 37.2] }

[[figure]]
name = "toy-1"
title = "Toy, figure 1: smoothing"
view = "rows"
axis = "smoothing"

[[figure.row]]
name = "0.5"
method = "toy"
set = { smoothing = 0.5 }

[[figure.row]]
name = "90"
method = "toy"
set = { smoothing = 90.0 }

[[figure]]
name = "toy-2"
title = "Toy, figure 2: levels"
view = "levels"
deepest_level = 2

[[figure.row]]
name = "sharp, as it is"
method = "toy"
set = { smoothing = 0.5 }
"#;

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("papers.toml", CATALOGUE);
    bench
}

fn papers(bench: &Workbench, more: &[&str]) -> Ran {
    bench.run(&[&arguments(), more].concat())
}

fn arguments() -> Vec<&'static str> {
    vec![
        "bench",
        "papers",
        "--catalogue",
        "papers.toml",
        "--train",
        "train.jsonl",
        "--validation",
        "validation.jsonl",
        "--test",
        "test.jsonl",
        "--taxonomy",
        "taxonomy.tsv",
        "--results",
        "results",
        "--json",
    ]
}

fn files(bench: &Workbench, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(bench.path("results"))
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

#[test]
fn rows_are_trained_once_and_shown_beside_what_was_published() {
    let bench = bench();
    let ran = papers(&bench, &["--table", "toy-1"])
        .ended_with(0)
        .says(&["refused: toy-1, row `elsewhere`: the method `nowhere` is not installed"]);
    let report = ran.json();
    assert_eq!(
        (&report["trained"], &report["skipped"]),
        (&4.into(), &0.into())
    );
    let table = &report["tables"][0];
    let sharp = &table["rows"][0];
    assert_eq!(sharp["seeds"], serde_json::json!([1, 2]));
    assert_eq!(sharp["published"]["WOS"][0], 0.8157);

    // The same figures as `train` has, from the sets before decoding.
    let train = |seed: &str, out: &str| {
        let more = ["--seed", seed, "--set", "smoothing=0.5", "--preset", "code"];
        let report = bench.train(out, &more).ended_with(0).json();
        report["test"]["raw"]["macro_f1"].as_f64().unwrap()
    };
    let macros = [train("1", "one"), train("2", "two")];
    let mean = sharp["macro_f1"]["mean"].as_f64().unwrap();
    assert!((mean - (macros[0] + macros[1]) / 2.0).abs() < 1e-12);
    let sd = sharp["macro_f1"]["sd"].as_f64().unwrap();
    assert!((sd - (macros[0] - macros[1]).abs() / 2.0_f64.sqrt()).abs() < 1e-12);

    // Each of two figures of the one other row that there is.
    let tests = table["tests"].as_array().unwrap();
    assert_eq!(tests.len(), 2);
    for test in tests {
        assert_eq!(
            (&test["row"], &test["against"]),
            (&"smooth".into(), &"sharp".into())
        );
        assert_eq!(test["significant"], false, "two seeds cannot be");
        let p = test["p_documents"].as_f64().unwrap();
        assert!(p > 0.0 && p < 0.5, "{test}");
        assert!(test["difference"].as_f64().unwrap() > 0.0, "{test}");
        assert!(test["p_seeds"].as_f64().unwrap() > 0.3, "{test}");
    }

    let markdown = bench.read("results/toy-1.md");
    for part in [
        "# Toy, table 1: smoothing\n",
        "| row | WOS, published | NYT, published | micro-F1 | macro-F1 | seeds | s per training |",
        "| sharp | 81.57 / 59.25 | – | ",
        " ± ",
        "| elsewhere | – | – | – | – | 0 | – |",
        "- elsewhere: the method `nowhere` is not installed",
        "Preset `code`, checkpoint by `macro_f1`",
        "\nNaive Bayes.\n",
    ] {
        assert!(markdown.contains(part), "no {part:?} in {markdown}");
    }
    // What is left: results, no runs.
    assert_eq!(files(&bench, ".json").len(), 4);
    assert_eq!(files(&bench, ".sets").len(), 4);
    assert_eq!(fs::read_dir(bench.path("results/runs")).unwrap().count(), 0);

    let again = papers(&bench, &["--table", "toy-1"]).ended_with(0).json();
    assert_eq!(
        (&again["trained"], &again["skipped"]),
        (&0.into(), &4.into())
    );
    assert_eq!(again["tables"], report["tables"]);
    assert_eq!(bench.read("results/toy-1.md"), markdown);
}

#[test]
fn another_seed_setting_or_document_is_another_training() {
    let bench = bench();
    let trained = |more: &[&str]| {
        let report = papers(&bench, &[&["--figure", "toy-1"], more].concat())
            .ended_with(0)
            .json();
        [&report["trained"], &report["skipped"]].map(|n| n.as_u64().unwrap())
    };
    assert_eq!(trained(&[]), [2, 0]);
    assert_eq!(trained(&["--seeds", "2"]), [2, 2]);
    assert_eq!(trained(&["--seed-list", "2,7"]), [2, 2]);
    // A row's own value goes before `--set`: nothing is different.
    assert_eq!(trained(&["--set", "smoothing=3"]), [0, 2]);
    assert_eq!(trained(&["--set", "epochs=1"]), [2, 0]);
    // Toy has no `select`: both checkpoints of the authors are one.
    assert_eq!(trained(&["--select", "author"]), [0, 2]);
    bench.write("validation.jsonl", &corpus(1000, 29));
    assert_eq!(trained(&[]), [2, 0]);
    // A result that was lost, or half of it, is made again.
    let results = files(&bench, ".json");
    fs::write(&results[0], "{").unwrap();
    let found: u64 = [
        &["--seeds", "2"][..],
        &["--seed-list", "2,7"],
        &["--set", "epochs=1"],
    ]
    .iter()
    .map(|more| trained(more)[0])
    .sum();
    assert!(found >= 1, "{found}");
}

#[test]
fn figures_are_drawn_and_tabled() {
    let bench = bench();
    let report = papers(
        &bench,
        &["--figure", "all", "--table", "toy-2", "--keep-runs"],
    )
    .ended_with(0)
    .json();
    // Table and figures share what they have in common.
    assert_eq!(report["trained"], 2);
    assert_eq!(fs::read_dir(bench.path("results/runs")).unwrap().count(), 2);

    let csv = bench.read("results/figure-toy-2.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "row,level,figure,mean,sd,seeds");
    // Three levels, of which the third counts with the second.
    assert_eq!(lines.len(), 1 + 4);
    assert!(
        lines[1].starts_with("\"sharp, as it is\",1,micro_f1,"),
        "{}",
        lines[1]
    );
    assert_eq!(report["figures"][1]["rows"][0]["levels"][1]["level"], 2);
    assert_eq!(
        bench.read("results/figure-toy-1.csv").lines().count(),
        1 + 4
    );
    let svg = bench.read("results/figure-toy-1.svg");
    assert!(
        svg.starts_with("<svg ") && svg.contains(">90</text>"),
        "{svg}"
    );

    let groups = &report["tables"][0]["rows"][0]["groups"];
    // Of seven, those that documents were given.
    assert_eq!(groups["overall"]["labels"], 3);
    assert_eq!(groups["overall"]["documents"], 40);
    // As the run itself tells.
    let run = fs::read_dir(bench.path("results/runs"))
        .unwrap()
        .find_map(|entry| {
            let text = fs::read_to_string(entry.unwrap().path().join("metrics.json")).unwrap();
            let metrics: Value = serde_json::from_str(&text).unwrap();
            let overall = metrics["groups"][3].clone();
            (overall["ndcg_at_5"] == groups["overall"]["ndcg_at_5"]["mean"]).then_some(overall)
        });
    assert_eq!(run.unwrap()["name"], "overall");
    let markdown = bench.read("results/toy-2.md");
    assert!(
        markdown.contains("| sharp | zero | 0 | 0 | 39.90 / 37.20 | 0.00 |"),
        "{markdown}"
    );
}

#[test]
fn a_row_that_fails_does_not_stop_the_others() {
    let bench = bench();
    let row = |name: &str, fault: &str| {
        format!(
            "[[table.row]]\nname = \"{name}\"\nmethod = \"toy\"\nset = {{ fault = \"{fault}\" }}\n"
        )
    };
    let table = "[[table]]\nname = \"faults\"\ntitle = \"Faults\"\n";
    bench.write(
        "papers.toml",
        &(table.to_owned()
            + &row("bad", "fail")
            + &row("worse", "exit")
            + &row("good", "none")
            + &row("odd", "unheard")),
    );
    let ran = papers(&bench, &["--table", "all"]).ended_with(1).says(&[
        "error: faults, row `bad`, seed 1: toy failed: asked to fail",
        "refused: faults, row `odd`",
        "2 trainings failed",
    ]);
    let report = ran.json();
    assert_eq!(
        (&report["trained"], &report["failed"]),
        (&1.into(), &2.into())
    );
    let rows = &report["tables"][0]["rows"];
    assert!(
        rows[0]["problem"]
            .as_str()
            .unwrap()
            .contains("asked to fail")
    );
    assert!(rows[2]["macro_f1"]["mean"].as_f64().unwrap() > 0.0);
    assert!(rows[3]["problem"].as_str().unwrap().contains("fault"));
    assert_eq!(files(&bench, ".json").len(), 1);
}

#[test]
fn an_interrupt_leaves_what_is_finished() {
    let bench = bench();
    let row = |name: &str, epochs: u32, step_ms: u32| {
        format!(
            "[[table.row]]\nname = \"{name}\"\nmethod = \"toy\"\nset = {{ epochs = {epochs}, step_ms = {step_ms} }}\n"
        )
    };
    let table = "[[table]]\nname = \"times\"\ntitle = \"Times\"\n";
    bench.write(
        "papers.toml",
        &(table.to_owned() + &row("short", 1, 0) + &row("long", 1_000_000, 5)),
    );
    let mut command = bench.command(&[&arguments()[..], &["--table", "times"]].concat());
    let running = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let runs = bench.path("results/runs");
    wait_until("the long row is being trained", || {
        files(&bench, ".json").len() == 1
            && fs::read_dir(&runs).is_ok_and(|mut entries| {
                entries.any(|entry| {
                    let run = entry.unwrap().path();
                    run.join("events.jsonl").is_file() && worker_of(&run).is_some()
                })
            })
    });
    let signalled = std::process::Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let ran: Ran = running.wait_with_output().unwrap().into();
    let ran = ran.ended_with(1).says(&["the same command goes on"]);
    let report = ran.json();
    assert_eq!(report["trained"], 1);
    assert!(report["tables"][0]["rows"][0]["macro_f1"]["mean"].is_number());
    assert!(report["tables"][0]["rows"][1]["macro_f1"].is_null());
    assert!(
        bench
            .read("results/times.md")
            .contains("| long | – | – | 0 | – |")
    );
    assert_eq!(files(&bench, ".json").len(), 1);
}

#[test]
fn the_list_says_what_can_be_trained_here() {
    let bench = bench();
    let list = bench
        .run(&[
            "bench",
            "papers",
            "--list",
            "--catalogue",
            "papers.toml",
            "--json",
        ])
        .ended_with(0)
        .json();
    let rows = &list["tables"][0]["rows"];
    assert!(rows[0]["problem"].is_null());
    assert!(
        rows[2]["problem"]
            .as_str()
            .unwrap()
            .contains("`nowhere` is not installed")
    );
    // The papers themselves; none of their methods is installed here.
    let papers = bench
        .run(&["bench", "papers", "--list", "--table", "hiagm-4"])
        .ended_with(0);
    for part in [
        "--table hiagm-4",
        "fixed (1, P)",
        "prior_top_down=one",
        "`hiagm` is not installed",
    ] {
        assert!(
            papers.stdout.contains(part),
            "no {part:?} in {}",
            papers.stdout
        );
    }
    assert!(!papers.stdout.contains("hiagm-5"));
}

#[test]
fn wrong_usage_names_what_is_wrong() {
    let bench = bench();
    for (more, parts) in [
        (
            &["--table", "toy-9"][..],
            &["--table: found `toy-9`", "toy-1, toy-2"][..],
        ),
        (&[], &["neither --table nor --figure"]),
        (
            &["--table", "toy-1", "--set", "epoch=3"],
            &["--set: found `epoch`"],
        ),
        (
            &["--table", "toy-1", "--set", "select=x"],
            &["--select macro_f1, micro_f1 or author"],
        ),
        (
            &["--table", "toy-1", "--set", "epochs=0"],
            &["row `sharp`: hyperparameter `epochs`"],
        ),
        (
            &["--table", "toy-1", "--preset", "better"],
            &["better", "balanced"],
        ),
        (&["--table", "toy-1", "--seeds", "0"], &["--seeds"]),
        (
            &["--table", "toy-1", "--catalogue", "train.jsonl"],
            &["--catalogue"],
        ),
        (
            &["--table", "toy-1", "--word-vectors", "nowhere.txt"],
            &["--word-vectors", "nowhere.txt"],
        ),
    ] {
        papers(&bench, more).ended_with(2).says(parts);
        assert_eq!(files(&bench, ".json").len(), 0, "{more:?}");
    }
}
