use crate::workbench::{Workbench, events};

/// Whatever a plugin does, the command ends with an exit code and a sentence, and so do the events.
#[test]
fn a_training_that_goes_wrong_is_explained() {
    for (fault, parts, outcome) in [
        ("fail", &["asked to fail"][..], Some("failed")),
        (
            "panic",
            &["the plugin panicked: asked to panic"],
            Some("panicked"),
        ),
        (
            "segfault",
            &["signal 11 (SIGSEGV", "touched memory", "log"],
            None,
        ),
        ("exit", &["exit code 77"], None),
        (
            "panic_in_load",
            &["the plugin panicked: asked to panic in load"],
            Some("panicked"),
        ),
        (
            "panic_in_predict",
            &["the plugin panicked: asked to panic in predict"],
            Some("panicked"),
        ),
        ("segfault_in_predict", &["signal 11 (SIGSEGV"], None),
        ("not_a_number", &["number"], Some("failed")),
    ] {
        let bench = Workbench::new();
        let ran = bench
            .train("run", &["--set", &format!("fault={fault}")])
            .ended_with(1)
            .says(parts);
        assert_eq!(ran.stdout, "", "{fault}");
        let last = events(&bench.path("run")).pop().unwrap();
        match outcome {
            Some(outcome) => assert_eq!(last["outcome"], outcome, "{fault}"),
            None => assert_ne!(last["event"], "finished", "{fault}"),
        }
        assert!(!bench.path("run/metrics.json").exists(), "{fault}");
        assert!(!bench.path("run/predictions.jsonl").exists(), "{fault}");
    }
}

/// The estimate is the method's own, for the hyperparameters that were chosen.
#[test]
fn a_training_that_does_not_fit_is_refused_before_it_starts() {
    let bench = Workbench::new();
    let ran = bench
        .train("run", &["--set", "fault=huge", "--device", "cpu"])
        .ended_with(1)
        .says(&[
            "Toy needs about 1152921504.6 GB for 120 documents with ",
            "7 labels",
            " GB are available",
        ]);
    assert_eq!(ran.stdout, "");
    let happened = events(&bench.path("run"));
    assert!(
        happened.iter().all(|event| event["event"] != "epoch"),
        "{happened:?}"
    );
    let checkpoint = bench.path("run/checkpoint");
    assert_eq!(std::fs::read_dir(checkpoint).unwrap().count(), 0);
}

#[test]
fn a_model_that_goes_wrong_is_explained() {
    let bench = Workbench::with_run();
    let model = bench.read("run/checkpoint/toy.json");
    for (fault, parts) in [
        ("panic_in_load", &["asked to panic in load"][..]),
        ("panic_in_predict", &["asked to panic in predict"]),
        ("segfault_in_predict", &["signal 11 (SIGSEGV"]),
        ("not_a_number", &["number"]),
    ] {
        bench.write(
            "run/checkpoint/toy.json",
            &model.replace("\"none\"", &format!("\"{fault}\"")),
        );
        let ran = bench.run(&[
            "predict",
            "--run",
            "run",
            "--input",
            "test.jsonl",
            "--output",
            "out.jsonl",
            "--json",
        ]);
        assert_eq!(ran.ended_with(1).says(parts).stdout, "");
    }
    bench.write("run/checkpoint/toy.json", "{}");
    bench
        .run(&[
            "predict",
            "--run",
            "run",
            "--input",
            "test.jsonl",
            "--output",
            "out.jsonl",
        ])
        .ended_with(1)
        .says(&["toy.json is not a toy model"]);
}
