//! Answers of every kind, right and wrong: a method that says what the test tells it to.

use std::cell::RefCell;
use std::sync::Mutex;
use std::thread;

use arborist_plugin_api::host::{CallError, LoadedModel, Plugin};
use arborist_plugin_api::shared::run::RunEvent;
use arborist_plugin_api::{
    Embeddings, Evidence, Host, HostCallbacks, LabelIndex, LoadRequest, Method, MethodManifest,
    Model, ModelError, Predictions, Scores, TrainRequest,
};

use crate::toy::Toy;
use crate::workbench::{Bench, hyperparameters};

thread_local! {
    static SCRIPT: RefCell<Option<Predictions>> = const { RefCell::new(None) };
}

struct Scripted;

impl Method for Scripted {
    type Hyperparameters = serde_json::Value;
    type Model = Self;

    fn manifest() -> MethodManifest {
        Toy::manifest()
    }

    /// Speaks from many threads at once, and asks from each whether to stop.
    fn train(
        _: Self::Hyperparameters,
        _: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        let speak = |speaker: u64| {
            for word in 0..100 {
                host.step(format!("speaker {speaker}"), word, 100);
                assert!(!host.is_cancelled());
            }
        };
        thread::scope(|scope| {
            for speaker in 0..8 {
                scope.spawn(move || speak(speaker));
            }
        });
        Ok(())
    }

    fn load(_: &LoadRequest) -> Result<Self, ModelError> {
        Ok(Self)
    }
}

impl Model for Scripted {
    fn predict(&mut self, _: &[&str]) -> Result<Predictions, ModelError> {
        Ok(SCRIPT.take().unwrap())
    }

    fn threshold(&self) -> f32 {
        0.25
    }

    fn text_embeddings(&mut self, texts: &[&str]) -> Result<Embeddings, ModelError> {
        let n_values = 2 * texts.len() - texts.iter().filter(|text| text.is_empty()).count();
        Ok(Embeddings {
            width: 2,
            values: vec![0.5; n_values],
        })
    }

    fn evidence(&mut self, _: &str, _: LabelIndex) -> Result<Vec<Evidence>, ModelError> {
        Ok(vec![Evidence {
            start: 0,
            end: 1,
            weight: 1.0,
        }])
    }
}

fn model() -> LoadedModel {
    let bench = Bench::new();
    let plugin = Plugin::in_process::<Scripted>("").unwrap();
    plugin.load(&bench.load_request()).unwrap()
}

/// Two texts, four labels.
fn ask(scores: Scores, decided: Option<Vec<Vec<LabelIndex>>>) -> Result<Predictions, CallError> {
    SCRIPT.set(Some(Predictions { scores, decided }));
    model().predict(&["one", "two"])
}

fn sparse(offsets: &[u64], labels: &[LabelIndex], values: &[f32]) -> Scores {
    Scores::Sparse {
        offsets: offsets.to_vec(),
        labels: labels.to_vec(),
        values: values.to_vec(),
    }
}

fn dense() -> Scores {
    Scores::Dense {
        n_labels: 4,
        values: vec![0.5; 8],
    }
}

fn check_refused(scores: Scores, decided: Option<Vec<Vec<LabelIndex>>>, expected: &str) {
    let error = ask(scores, decided).unwrap_err();
    assert_eq!(error, CallError::Protocol(expected.to_owned()));
}

#[test]
fn sparse_scores_cross() {
    let scores = sparse(&[0, 0, 3], &[3, 0, 1], &[0.25, 0.5, 1.0]);
    let answer = ask(scores.clone(), None).unwrap();
    assert_eq!(answer.scores, scores);
}

#[test]
fn decided_sets_cross_and_come_out_sorted() {
    let decided = vec![vec![3, 2, 3], vec![]];
    let answer = ask(dense(), Some(decided)).unwrap();
    assert_eq!(answer.scores, dense());
    assert_eq!(answer.decided, Some(vec![vec![2, 3], vec![]]));
}

#[test]
fn the_threshold_of_the_method_crosses() {
    assert!((model().threshold() - 0.25).abs() < f32::EPSILON);
}

#[test]
fn wrong_shapes_are_refused() {
    let three = Scores::Dense {
        n_labels: 3,
        values: vec![0.5; 6],
    };
    check_refused(three, None, "a row has 3 scores, the taxonomy has 4 labels");
    let one_text = Scores::Dense {
        n_labels: 4,
        values: vec![0.5; 4],
    };
    check_refused(one_text, None, "4 scores for 2 texts and 4 labels");
    let message = "the offsets do not cut 1 entries into 2 rows";
    for offsets in [&[0, 1][..], &[0, 1, 2], &[1, 1, 1], &[0, 2, 1], &[]] {
        check_refused(sparse(offsets, &[0], &[0.5]), None, message);
    }
    check_refused(sparse(&[0, 1, 1], &[0], &[]), None, "1 labels and 0 scores");
    check_refused(dense(), Some(vec![vec![]]), "1 decided sets for 2 texts");
}

#[test]
fn labels_outside_of_the_taxonomy_are_refused() {
    let message = "label 4 for text 1, the taxonomy has 4 labels";
    check_refused(sparse(&[0, 1, 2], &[0, 4], &[0.5, 0.5]), None, message);
    check_refused(dense(), Some(vec![vec![], vec![4, 0]]), message);
}

#[test]
fn a_label_twice_in_a_row_is_refused() {
    ask(sparse(&[0, 1, 2], &[3, 3], &[0.5, 0.5]), None).unwrap();
    check_refused(
        sparse(&[0, 0, 2], &[3, 3], &[0.5, 0.5]),
        None,
        "label 3 twice for text 1",
    );
}

#[test]
fn sparse_scores_that_are_no_numbers_are_refused() {
    check_refused(
        sparse(&[0, 0, 1], &[2], &[f32::INFINITY]),
        None,
        "the score of label 2 for text 1 is not a finite number",
    );
}

#[test]
fn embeddings_are_counted() {
    let embeddings = model().text_embeddings(&["one", "two"]).unwrap();
    assert_eq!((embeddings.width, embeddings.values.len()), (2, 4));
    assert_eq!(
        model().text_embeddings(&["one", ""]),
        Err(CallError::Protocol(
            "3 numbers for 2 vectors of width 2".to_owned()
        ))
    );
}

#[test]
fn evidence_lies_on_characters_of_the_text() {
    assert_eq!(model().evidence("abc", 0).unwrap().len(), 1);
    assert_eq!(
        model().evidence("ü", 0),
        Err(CallError::Protocol(
            "its evidence 0..1 is not a part of the text".to_owned()
        ))
    );
}

#[test]
fn events_may_come_from_many_threads() {
    struct Counter(Mutex<usize>);
    impl HostCallbacks for Counter {
        fn emit(&self, event: RunEvent) {
            assert!(matches!(event, RunEvent::Progress { .. }), "{event:?}");
            *self.0.lock().unwrap() += 1;
        }

        fn is_cancelled(&self) -> bool {
            false
        }
    }
    let counter = Counter(Mutex::new(0));
    let plugin = Plugin::in_process::<Scripted>("").unwrap();
    let hyperparameters = hyperparameters(serde_json::json!({}));
    plugin
        .train(&hyperparameters, &Bench::new().request, &counter)
        .unwrap();
    assert_eq!(counter.0.into_inner().unwrap(), 800);
}
