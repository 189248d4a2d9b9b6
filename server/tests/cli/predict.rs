use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::workbench::{Ran, Workbench, keys};

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn predicted(line: &Value) -> Vec<&str> {
    let labels = line["labels"].as_array().unwrap().iter();
    labels
        .filter(|label| label["predicted"] == true)
        .map(|label| label["label"].as_str().unwrap())
        .collect()
}

/// What a run needs lies in its directory: where its corpora, its taxonomy and the run itself were, nothing is left.
#[test]
fn a_copied_run_is_loaded_evaluated_and_compared() {
    let bench = Workbench::with_run();
    let report = bench.train("other", &["--seed", "2"]).ended_with(0).json();
    for name in ["a", "b"] {
        let from = bench.path(if name == "a" { "run" } else { "other" });
        let to = bench.path("elsewhere").join(name);
        std::fs::create_dir_all(bench.path("elsewhere")).unwrap();
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .arg(&from)
            .arg(&to)
            .status();
        assert!(copied.unwrap().success());
        std::fs::remove_dir_all(from).unwrap();
    }
    std::fs::rename(bench.path("test.jsonl"), bench.path("gold.jsonl")).unwrap();
    std::fs::rename(bench.path("taxonomy.tsv"), bench.path("tree.tsv")).unwrap();
    for gone in ["train.jsonl", "validation.jsonl"] {
        std::fs::remove_file(bench.path(gone)).unwrap();
    }
    let predict = "predict --run elsewhere/b --input gold.jsonl --output out.jsonl";
    let evaluate = "evaluate --gold gold.jsonl --pred out.jsonl --taxonomy tree.tsv --json";
    let compare =
        "compare --gold gold.jsonl --taxonomy tree.tsv --run elsewhere/a --run elsewhere/b --json";
    let run = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        bench.run(&words).ended_with(0)
    };
    run(predict);
    assert_eq!(run(evaluate).json(), report["test"]);
    assert_eq!(run(compare).json()["runs"][1]["metrics"], report["test"]);
}

#[test]
fn rows_come_out_in_the_order_in_which_they_went_in() {
    let bench = Workbench::with_run();
    // More than one window, of lengths in no order; with and without ids, with labels that nobody knows.
    let mut input = String::new();
    for position in 0..9000_usize {
        let text = "feather ".repeat(position * 7919 % 13);
        let id = if position % 2 == 0 {
            format!("\"id\":\"x{position}\",")
        } else {
            String::new()
        };
        input += &format!("{{{id}\"text\":\"{text}\",\"labels\":[\"unheard of\"]}}\n");
    }
    bench.write("input.jsonl", &input);
    let ran = bench.run(&[
        "predict",
        "--run",
        "run",
        "--input",
        "input.jsonl",
        "--output",
        "out.jsonl",
        "--json",
    ]);
    let report = ran.ended_with(0).json();
    assert_eq!(keys(&report), ["docs_per_s", "documents", "seconds"]);
    assert_eq!(report["documents"], 9000);
    for (position, line) in lines(&bench.read("out.jsonl")).iter().enumerate() {
        let id = if position % 2 == 0 {
            format!("x{position}")
        } else {
            position.to_string()
        };
        assert_eq!(line["id"], id);
    }
}

#[test]
fn standard_input_and_output_carry_data() {
    let bench = Workbench::with_run();
    // What the run predicted for the same documents, to the last byte; for people, the report is beside it.
    let ran = piped(&bench, &[]);
    assert_eq!(ran.stdout, bench.read("run/predictions.jsonl"));
    assert!(ran.stderr.contains("40 documents in"), "{}", ran.stderr);
    // With --json it is the last line behind the predictions.
    let ran = piped(&bench, &["--json"]);
    let report = ran.json();
    assert_eq!(keys(&report), ["docs_per_s", "documents", "seconds"]);
    assert_eq!(report["documents"], 40);
    let (predictions, _) = ran.stdout.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(
        format!("{predictions}\n"),
        bench.read("run/predictions.jsonl")
    );
}

/// `arborist predict` between two pipes.
fn piped(bench: &Workbench, more: &[&str]) -> Ran {
    let arguments = ["predict", "--run", "run", "--input", "-", "--output", "-"];
    let mut command = bench.command(&[&arguments, more].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(bench.read("test.jsonl").as_bytes())
        .unwrap();
    Ran::from(child.wait_with_output().unwrap()).ended_with(0)
}

#[test]
fn threshold_and_top_act_on_raw_scores_before_closure() {
    let bench = Workbench::with_run();
    let predict = |more: &[&str]| {
        let arguments = [
            "predict",
            "--run",
            "run",
            "--input",
            "test.jsonl",
            "--output",
            "-",
        ];
        lines(&bench.run(&[&arguments, more].concat()).ended_with(0).stdout)
    };
    for line in predict(&["--top", "1"]) {
        let raw = line["labels"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|label| label.get("raw_predicted").unwrap_or(&label["predicted"]) == true);
        assert_eq!(raw.count(), 1);
        assert!(predicted(&line).len() <= 3);
        assert_eq!(line.get("threshold"), None);
    }
    for line in predict(&["--threshold", "1"]) {
        assert_eq!(predicted(&line), Vec::<&str>::new());
        assert_eq!(line["threshold"], 1.0);
    }
    let raw_score = |label: &Value| {
        let raw = label.get("raw_score").unwrap_or(&label["score"]);
        raw.as_f64().unwrap()
    };
    let is_raw =
        |label: &&Value| *label.get("raw_predicted").unwrap_or(&label["predicted"]) == true;
    let mut n_raw = Vec::new();
    let both = predict(&["--top", "2", "--threshold", "0.5"]);
    for (line, above) in both.iter().zip(predict(&["--threshold", "0.5"])) {
        let labels = line["labels"].as_array().unwrap();
        let raw: Vec<f64> = labels.iter().filter(is_raw).map(raw_score).collect();
        let above = above["labels"].as_array().unwrap().iter().filter(is_raw);
        // Whichever takes more away: two labels at most, and none of .5 or less.
        assert_eq!(raw.len(), above.count().min(2), "{line}");
        assert!(raw.iter().all(|score| *score > 0.5), "{line}");
        assert_eq!(line.get("threshold"), None);
        n_raw.push(raw.len());
    }
    assert!(n_raw.contains(&2), "{n_raw:?}");
    for wrong in [
        &["--top", "0"][..],
        &["--threshold", "2"],
        &["--threshold", "-1"],
        &["--threshold", "NaN"],
    ] {
        let arguments = [
            "predict",
            "--run",
            "run",
            "--input",
            "test.jsonl",
            "--output",
            "-",
        ];
        bench
            .run(&[&arguments, wrong].concat())
            .ended_with(2)
            .says(&[wrong[0]]);
    }
}

#[test]
fn rows_that_cannot_be_used_are_named_and_the_others_predicted() {
    let bench = Workbench::with_run();
    bench.write(
        "input.jsonl",
        "{\"text\":\"hoot\"}\n{\"text\":3}\nnonsense\n\n{\"text\":\"fin\"}\n",
    );
    let predict = |input| {
        bench.run(&[
            "predict",
            "--run",
            "run",
            "--input",
            input,
            "--output",
            "out.jsonl",
        ])
    };
    predict("input.jsonl").ended_with(0).says(&[
        "input.jsonl:2:9: ",
        "input.jsonl:3:",
        "rejected rows: 2",
    ]);
    let ids: Vec<Value> = lines(&bench.read("out.jsonl"))
        .into_iter()
        .map(|line| line["id"].clone())
        .collect();
    assert_eq!(ids, ["0", "4"]);

    bench.write("input.jsonl", "nonsense\n");
    predict("input.jsonl")
        .ended_with(2)
        .says(&["no usable row, 1 rejected"]);
    bench.write("input.jsonl", "");
    predict("input.jsonl").ended_with(0);
    assert_eq!(bench.read("out.jsonl"), "");
}

#[test]
fn wrong_usage_is_refused_before_anything_is_written() {
    let bench = Workbench::with_run();
    let predict = |run, input, output| {
        bench.run(&[
            "predict", "--run", run, "--input", input, "--output", output,
        ])
    };
    predict("run", "test.jsonl", "test.jsonl")
        .ended_with(2)
        .says(&["is the input"]);
    assert_eq!(bench.read("test.jsonl").lines().count(), 40);
    predict("data", "test.jsonl", "out.jsonl")
        .ended_with(2)
        .says(&["is not a run"]);
    predict("nowhere", "test.jsonl", "out.jsonl")
        .ended_with(2)
        .says(&["nowhere"]);
    predict("run", "nowhere.jsonl", "out.jsonl")
        .ended_with(2)
        .says(&["--input", "nowhere.jsonl"]);
    predict("run", "test.jsonl", "nowhere/out.jsonl")
        .ended_with(2)
        .says(&["--output"]);
    std::fs::remove_file(bench.path("run/metrics.json")).unwrap();
    predict("run", "test.jsonl", "out.jsonl")
        .ended_with(2)
        .says(&["is not finished"]);
    assert!(!bench.path("out.jsonl").exists());
}

#[test]
fn all_scores_rank_among_rare_labels() {
    use std::fmt::Write as _;

    // 90 labels, of which the last 10 stand in no training document and three of those in a test document.
    let bench = Workbench::new();
    let mut taxonomy = String::new();
    let row = |id: usize, label: usize| {
        format!("{{\"id\":\"r{id}\",\"text\":\"word{label} all\",\"labels\":[\"t{label}\"]}}\n")
    };
    for label in 0..90 {
        writeln!(taxonomy, "t{label}\tRoot").unwrap();
    }
    bench.write("taxonomy.tsv", &taxonomy);
    bench.write(
        "train.jsonl",
        &(0..160).map(|id| row(id, id % 80)).collect::<String>(),
    );
    bench.write(
        "test.jsonl",
        &(0..30).map(|id| row(1000 + id, id * 3)).collect::<String>(),
    );
    bench.write("validation.jsonl", &row(2000, 0));
    let trained = bench
        .train("run", &["--set", "smoothing=0.001"])
        .ended_with(0)
        .json();
    let groups = |more: &[&str]| {
        let predict = [
            "predict",
            "--run",
            "run",
            "--input",
            "test.jsonl",
            "--output",
            "out.jsonl",
        ];
        bench.run(&[&predict, more].concat()).ended_with(0);
        let evaluate = [
            "evaluate",
            "--gold",
            "test.jsonl",
            "--pred",
            "out.jsonl",
            "--taxonomy",
            "taxonomy.tsv",
            "--groups-from",
            "train.jsonl",
            "--json",
        ];
        bench.run(&evaluate).ended_with(0).json()["groups"].clone()
    };
    let labels = || {
        let line = bench.read("out.jsonl").lines().next().unwrap().to_owned();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line["labels"].as_array().unwrap().len()
    };
    let all = groups(&["--all-scores"]);
    assert_eq!(labels(), 90);
    // The run ranked all scores of its model, too: the same to the last digit.
    assert_eq!(trained["groups"], all);
    assert_eq!(
        (&all[1]["labels"], &all[2]["labels"]),
        (&80.into(), &3.into())
    );
    assert_eq!(all[2]["documents"], 3);
    assert!(
        trained["groups"][1]["recall_at_5"].as_f64().unwrap() > 0.9,
        "{all}"
    );
    groups(&[]);
    assert_eq!(labels(), 64);
}

/// Beyond the 64 best labels and those above .01 no scores are kept, unless they are asked for.
#[test]
fn top_and_threshold_reach_every_label() {
    let bench = Workbench::new();
    let labels: Vec<String> = (0..100).map(|label| format!("l{label}")).collect();
    let taxonomy: String = labels.iter().map(|l| format!("{l}\tRoot\n")).collect();
    let row = |l: &String| format!("{{\"text\":\"word{l} common\",\"labels\":[\"{l}\"]}}\n");
    let rows: String = labels.iter().map(row).collect();
    bench.write("taxonomy.tsv", &taxonomy);
    for file in ["train.jsonl", "validation.jsonl", "test.jsonl"] {
        bench.write(file, &rows);
    }
    bench.train("run", &[]).ended_with(0);
    let n_raw = |more: &[&str]| {
        let arguments = ["predict", "--run", "run", "--input", "test.jsonl"];
        let ran = bench.run(&[&arguments[..], &["--output", "-"], more].concat());
        let first = lines(&ran.ended_with(0).stdout).remove(0);
        let labels = first["labels"].as_array().unwrap().clone();
        let is_raw =
            |label: &&Value| *label.get("raw_predicted").unwrap_or(&label["predicted"]) == true;
        labels.iter().filter(is_raw).count()
    };
    assert_eq!(n_raw(&["--top", "80"]), 80);
    assert_eq!(n_raw(&["--threshold", "0"]), 100);
}

#[test]
fn sets_are_made_as_asked() {
    let bench = Workbench::with_run();
    let arguments = [
        "predict",
        "--run",
        "run",
        "--input",
        "test.jsonl",
        "--output",
        "-",
    ];
    let predict = |more: &[&str]| bench.run(&[&arguments, more].concat());
    let asked = [
        "--threshold",
        "1",
        "--decoding",
        "best_path",
        "--ends",
        "leaves",
        "--at-least-one",
    ];
    for line in lines(&predict(&asked).ended_with(0).stdout) {
        let mut labels = predicted(&line);
        labels.sort_unstable();
        let all = line["labels"].as_array().unwrap().iter();
        let mut paths = all.map(|label| label["path"].as_array().unwrap());
        let is_whole = |path: &&Vec<Value>| {
            let mut names: Vec<&str> = path.iter().map(|name| name.as_str().unwrap()).collect();
            names.sort_unstable();
            names == labels
        };
        assert!(paths.any(|path| is_whole(&path)), "one path: {line}");
        let leaves = ["oaks", "owls", "fish"];
        assert!(
            labels.iter().any(|label| leaves.contains(label)),
            "down to a leaf: {line}"
        );
    }
    for line in lines(&predict(&["--thresholds", "0,1"]).ended_with(0).stdout) {
        let all = line["labels"].as_array().unwrap().iter();
        let top = all.filter(|label| label["path"].as_array().unwrap().len() == 1);
        assert_eq!(
            predicted(&line).len(),
            top.count(),
            "all of the top level: {line}"
        );
    }
    for (wrong, says) in [
        (&["--decoding", "upside_down"][..], "--decoding"),
        (&["--ends", "twigs"], "--ends"),
        (&["--thresholds", "0.5,2"], "--thresholds"),
        (
            &["--thresholds", "0.5", "--threshold", "0.5"],
            "--threshold",
        ),
    ] {
        predict(wrong).ended_with(2).says(&[says]);
    }
}
