//! Calling a plugin in a real library: training, predicting, stopping, failing, panicking, crashing.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};

use arborist_plugin_api::host::{CallError, LoadedModel, Plugin};
use arborist_plugin_api::shared::run::{LogLevel, Outcome, RunEvent};
use arborist_plugin_api::{Facts, HostCallbacks, Scores, Unattended};
use serde_json::{Value, json};

use crate::workbench::{Bench, Listener, hyperparameters, library, toy};

const FACTS: Facts = Facts {
    documents: 40,
    tokens: 160,
    labels: 4,
    depth: 2,
};

fn train(bench: &Bench, changes: Value) -> Result<(), CallError> {
    toy().train(&hyperparameters(changes), &bench.request, &Unattended)
}

fn trained(changes: Value) -> (Bench, LoadedModel) {
    let bench = Bench::new();
    train(&bench, changes).unwrap();
    let model = toy().load(&bench.load_request()).unwrap();
    (bench, model)
}

#[test]
fn a_trained_model_scores_texts() {
    let (_bench, mut model) = trained(json!({}));
    assert_eq!(model.n_labels(), 4);
    assert!((model.threshold() - 0.5).abs() < f32::EPSILON);
    let predictions = model.predict(&["red apple", "", "long saw"]).unwrap();
    assert_eq!(predictions.scores.len(), 3);
    let apple = predictions.scores.row(0).unwrap().to_dense(4);
    assert!(
        apple[0] > 0.9 && apple[1] > 0.9 && apple[2] < 0.1 && apple[3] < 0.1,
        "{apple:?}"
    );
    let saw = predictions.scores.row(2).unwrap().to_dense(4);
    assert!(
        saw[2] > 0.9 && saw[3] > 0.9 && saw[0] < 0.1 && saw[1] < 0.1,
        "{saw:?}"
    );
    assert_eq!(predictions.decided, None);
}

#[test]
fn a_batch_without_texts_has_no_scores() {
    let (_bench, mut model) = trained(json!({}));
    let Scores::Dense { values, .. } = model.predict(&[]).unwrap().scores else {
        panic!("the toy gives dense scores");
    };
    assert!(values.is_empty());
}

#[test]
fn abilities_cross_the_seam() {
    let (_bench, mut model) = trained(json!({}));
    let embeddings = model.label_embeddings().unwrap();
    assert_eq!((embeddings.width, embeddings.values.len()), (1, 4));
    let text = "ein süßer apple";
    let evidence = model.evidence(text, 1).unwrap();
    let [part] = evidence[..] else {
        panic!("{evidence:?}")
    };
    assert_eq!(&text[part.start as usize..part.end as usize], "apple");
    assert!(part.weight > 0.0);
    assert_eq!(model.text_embeddings(&[text]), Err(CallError::Unsupported));
    assert!(matches!(model.evidence(text, 4), Err(CallError::Input(_))));
}

#[test]
fn a_table_without_optional_functions_still_works() {
    let plugin = Plugin::open(&library("plugin_minimal")).unwrap();
    let bench = Bench::new();
    plugin
        .train(&hyperparameters(json!({})), &bench.request, &Unattended)
        .unwrap();
    let mut model = plugin.load(&bench.load_request()).unwrap();
    assert_eq!(model.predict(&["apple"]).unwrap().scores.len(), 1);
    assert_eq!(model.label_embeddings(), Err(CallError::Unsupported));
    assert_eq!(
        model.text_embeddings(&["apple"]),
        Err(CallError::Unsupported)
    );
    assert_eq!(model.evidence("apple", 0), Err(CallError::Unsupported));
}

#[test]
fn events_arrive_in_order() {
    let bench = Bench::new();
    let listener = Listener::default();
    toy()
        .train(&hyperparameters(json!({})), &bench.request, &listener)
        .unwrap();
    let heard = listener.heard.into_inner().unwrap();
    let kinds: Vec<&str> = heard
        .iter()
        .map(|event| match event {
            RunEvent::Log {
                level: LogLevel::Info,
                ..
            } => "log",
            RunEvent::Progress { .. } => "progress",
            RunEvent::Epoch { .. } => "epoch",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["log", "progress", "epoch", "progress", "epoch"]);
}

#[test]
fn a_training_stops_when_asked() {
    let bench = Bench::new();
    let listener = Listener {
        stop_after: Some(3),
        ..Listener::default()
    };
    let forever = hyperparameters(json!({"epochs": 1_000_000}));
    let result = toy().train(&forever, &bench.request, &listener);
    assert_eq!(result, Err(CallError::Cancelled));
    assert_eq!(CallError::Cancelled.outcome(), Outcome::Cancelled);
}

#[test]
fn a_failure_comes_with_its_message() {
    let error = train(&Bench::new(), json!({"fault": "fail"})).unwrap_err();
    assert_eq!(error, CallError::Failed("asked to fail".to_owned()));
    assert_eq!(error.outcome(), Outcome::Failed);
}

#[test]
fn a_failure_comes_with_its_causes() {
    let bench = Bench::new();
    let error = toy().load(&bench.load_request()).unwrap_err();
    let CallError::Failed(message) = error else {
        panic!("{error:?}")
    };
    assert!(message.starts_with("cannot read "), "{message}");
    assert!(message.contains("toy.json: No such file"), "{message}");
}

#[test]
fn a_panic_in_training_comes_with_its_place() {
    let error = train(&Bench::new(), json!({"fault": "panic"})).unwrap_err();
    let CallError::Panicked(message) = &error else {
        panic!("{error:?}")
    };
    assert!(message.starts_with("asked to panic (at "), "{message}");
    assert!(message.contains("method.rs:"), "{message}");
    assert_eq!(error.outcome(), Outcome::Panicked);
}

#[test]
fn a_panic_in_load_is_an_error() {
    let bench = Bench::new();
    train(&bench, json!({"fault": "panic_in_load"})).unwrap();
    let error = toy().load(&bench.load_request()).unwrap_err();
    assert!(matches!(error, CallError::Panicked(_)), "{error:?}");
}

#[test]
fn a_model_that_panicked_is_not_used_again() {
    let (_bench, mut model) = trained(json!({"fault": "panic_in_predict"}));
    assert!(matches!(
        model.predict(&["apple"]),
        Err(CallError::Panicked(_))
    ));
    assert!(matches!(
        model.predict(&["apple"]),
        Err(CallError::Failed(_))
    ));
}

#[test]
fn scores_that_are_no_numbers_are_refused() {
    let (_bench, mut model) = trained(json!({"fault": "not_a_number"}));
    let error = model.predict(&["apple"]).unwrap_err();
    assert_eq!(
        error,
        CallError::Protocol("the score of label 0 for text 0 is not a finite number".to_owned())
    );
}

#[test]
fn a_broken_corpus_is_named_with_its_line() {
    let bench = Bench::new();
    let mut lines = fs::read_to_string(&bench.request.train).unwrap();
    lines.push_str("{\"id\":\"x\",\"text\":\"y\",\"labels\":[4],\"explicit\":[]}\n");
    fs::write(&bench.request.train, lines).unwrap();
    let error = train(&bench, json!({})).unwrap_err().to_string();
    assert!(
        error.contains("train.jsonl, line 41: `labels` names label 4"),
        "{error}"
    );
}

#[test]
fn a_configuration_is_checked_by_schema_and_by_the_method() {
    let plugin = toy();
    plugin.check(&hyperparameters(json!({})), &FACTS).unwrap();
    let error = plugin
        .check(&hyperparameters(json!({"epochs": 0})), &FACTS)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "/epochs: found 0, expected a whole number from 1 to 1000000"
    );
    let error = plugin
        .check(
            &hyperparameters(json!({"smoothing": 100})),
            &Facts {
                tokens: 99,
                ..FACTS
            },
        )
        .unwrap_err();
    assert_eq!(
        error,
        CallError::Input("`smoothing` is 100, more than the 99 tokens of the corpus".to_owned())
    );
    let error = train(&Bench::new(), json!({"epochs": 0})).unwrap_err();
    assert!(matches!(error, CallError::Input(_)), "{error:?}");
}

#[test]
fn memory_follows_the_formula() {
    let estimate = toy().memory(&hyperparameters(json!({})), &FACTS).unwrap();
    assert_eq!(estimate, 1_000_000 + 160 * 16 + 4 * 1_000);
}

#[test]
fn a_host_that_panics_does_not_unwind_into_the_plugin() {
    struct Clumsy;
    impl HostCallbacks for Clumsy {
        fn emit(&self, _event: RunEvent) {
            panic!("disk full");
        }

        fn is_cancelled(&self) -> bool {
            false
        }
    }
    let bench = Bench::new();
    let forever = hyperparameters(json!({"epochs": 1_000_000}));
    let error = toy().train(&forever, &bench.request, &Clumsy).unwrap_err();
    assert_eq!(
        error,
        CallError::Failed("the host panicked while it took an event: disk full".to_owned())
    );
}

#[test]
fn a_segfault_in_training_kills_the_child_alone() {
    let status = run_in_child("calls::child_trains", "segfault");
    assert_eq!(status.signal(), Some(11), "{status}");
}

#[test]
fn a_segfault_in_prediction_kills_the_child_alone() {
    let status = run_in_child("calls::child_predicts", "segfault_in_predict");
    assert_eq!(status.signal(), Some(11), "{status}");
}

#[test]
fn a_plugin_that_exits_kills_the_child_alone() {
    let status = run_in_child("calls::child_trains", "exit");
    assert_eq!(status.code(), Some(77), "{status}");
}

const FAULT: &str = "ARBORIST_TEST_FAULT";

/// Runs a test of this executable in a process of its own, with a fault for it.
fn run_in_child(test: &str, fault: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(FAULT, fault)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

/// Not a test by itself: crashes when `run_in_child` starts it.
#[test]
fn child_trains() {
    if let Ok(fault) = std::env::var(FAULT) {
        let _ = train(&Bench::new(), json!({"fault": fault}));
    }
}

/// Not a test by itself: crashes when `run_in_child` starts it.
#[test]
fn child_predicts() {
    if let Ok(fault) = std::env::var(FAULT) {
        let (_bench, mut model) = trained(json!({"fault": fault}));
        let _ = model.predict(&["apple"]);
    }
}

#[test]
fn what_is_not_said_has_the_schemas_default_and_other_keys_are_refused() {
    // Estimates of memory are asked for without a look at the schema.
    let all = toy().memory(&hyperparameters(json!({})), &FACTS).unwrap();
    assert_eq!(toy().memory(&json!({}), &FACTS), Ok(all));
    let Err(CallError::Input(message)) = toy().memory(&json!({"epochz": 3}), &FACTS) else {
        panic!("there is no such hyperparameter")
    };
    assert!(message.contains("epochz"), "{message}");
}
