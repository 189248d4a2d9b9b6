mod course;

use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use arborist_plugin_api::HostCallbacks;
use arborist_shared::run::RunEvent;
use tch::Device;

use super::*;
use crate::batch::Dealing;
use crate::blocks::{
    BceReduction, DropoutSite, FlatClassifier, Initialization, TextRcnn, TextRcnnOptions,
    binary_cross_entropy,
};
use crate::initializer::Initializer;
use crate::optimizer::AdamOptions;
use crate::schedule::Schedule;
use crate::settings::ClassifierSettings;
use crate::testing::values;

const WORDS: u32 = 30;
const LABELS: usize = 3;

/// Encoder and classifier, tiny.
struct Tiny {
    parameters: Parameters,
    encoder: TextRcnn,
    classifier: FlatClassifier,
}

impl Tiny {
    fn new(seed: u64) -> Self {
        Self::with_dropouts(seed, [0.5, 0.1, 0.1])
    }

    /// Shares of dropout on words, states and features.
    fn with_dropouts(seed: u64, [words, states, features]: [f64; 3]) -> Self {
        let mut parameters = Parameters::fresh(Device::Cpu, seed);
        let table = parameters
            .add_table(
                "words",
                [i64::from(WORDS) + 2, 12],
                &Initializer::Uniform(0.25),
                Some(WORDS),
            )
            .unwrap();
        let options = TextRcnnOptions {
            rnn_hidden: 8,
            num_kernels: 10,
            embedding_dropout: words,
            rnn_dropout: states,
            ..TextRcnnOptions::default()
        };
        let encoder = TextRcnn::new(&mut parameters, Rc::clone(&table), options).unwrap();
        let classifier = FlatClassifier::new(
            &mut parameters,
            encoder.features(),
            LABELS as i64,
            &ClassifierSettings {
                classifier_dropout: features,
                classifier_dropout_site: DropoutSite::Input,
                ..ClassifierSettings::default()
            },
            Initialization::TorchDefault,
        )
        .unwrap();
        Self {
            parameters,
            encoder,
            classifier,
        }
    }

    fn logits(&self, batch: &Batch, pass: &Pass) -> Tensor {
        self.classifier
            .forward(pass, &self.encoder.forward(pass, batch))
    }

    fn all_values(&self) -> Vec<f32> {
        let mut all: Vec<f32> = self
            .parameters
            .entries()
            .iter()
            .flat_map(|entry| values(&entry.tensor))
            .collect();
        all.extend(values(self.parameters.tables()[0].values()));
        all
    }
}

impl Trainable for Tiny {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        LABELS
    }

    fn losses(&self, batch: &Batch, pass: &Pass) -> Losses {
        let loss = binary_cross_entropy(
            &self.logits(batch, pass),
            &batch.gold(LABELS, self.parameters.options()),
            BceReduction::Mean,
        );
        Losses {
            terms: vec![("classification", loss.shallow_clone())],
            total: loss,
        }
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        Predicted {
            scores: self.logits(batch, &Pass::evaluation()).sigmoid(),
            decided: None,
        }
    }
}

/// Documents whose label is the word, modulo three, that they hold most of.
fn documents(n: usize, first: usize) -> EncodedDocuments {
    let mut split = EncodedDocuments::default();
    for document in first..first + n {
        let label = (document * 7 % 5 % LABELS) as u32;
        let length = 1 + document * 13 % 17;
        let word = |place: usize| match (document * 31 + place * 17) % 4 {
            0 => (document * 5 + place * 11) as u32 % WORDS,
            _ => label + 3 * ((document + place * 3) as u32 % 4),
        };
        let tokens: Vec<u32> = (0..length).map(word).collect();
        let labels: &[u32] = if document % 11 == 10 { &[] } else { &[label] };
        split.push(&tokens, labels);
    }
    split
}

fn plan(checkpoint: &std::path::Path) -> Plan {
    Plan {
        stage: "training",
        stage_number: 0,
        seed: 5,
        epochs: 4,
        batch_size: 16,
        accumulate: 1,
        dealing: Dealing::Shuffled,
        optimizer: AdamOptions {
            learning_rate: 1e-2,
            ..AdamOptions::default()
        },
        schedule: Schedule::Linear {
            warmup: 3,
            total: 60,
        },
        patience: 0,
        bad_epoch: BadEpoch::NotBetter,
        select: Select::MacroF1,
        threshold: 0.5,
        evaluate_every: None,
        evaluate_from: 0,
        checkpoint: checkpoint.to_owned(),
        fingerprint: "tests".to_owned(),
        state_interval: Duration::from_secs(3_600),
    }
}

/// Hears everything; wants to stop when asked for the given time.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<RunEvent>>,
    questions: Mutex<usize>,
    stop_at: Option<usize>,
}

impl Listener {
    fn stopping_at(question: usize) -> Self {
        Self {
            stop_at: Some(question),
            ..Self::default()
        }
    }
}

impl HostCallbacks for Listener {
    fn emit(&self, event: RunEvent) {
        self.heard.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        let mut questions = self.questions.lock().unwrap();
        *questions += 1;
        self.stop_at.is_some_and(|stop| *questions >= stop)
    }
}

fn run(seed: u64, plan: &Plan, listener: &Listener) -> (Tiny, Result<Summary, KitError>) {
    let mut model = Tiny::new(seed);
    let result = train(
        &mut model,
        &documents(90, 0),
        Some(&documents(40, 500)),
        plan,
        &Host::new(listener),
    );
    (model, result)
}

#[test]
fn a_model_learns_and_the_best_weights_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let listener = Listener::default();
    let (model, summary) = run(
        1,
        &Plan {
            epochs: 12,
            schedule: Schedule::Constant,
            ..plan(directory.path())
        },
        &listener,
    );
    let summary = summary.unwrap();
    let best = summary.best.unwrap();
    assert!(best.macro_f1 > 0.8, "{summary:?}");
    assert_eq!((summary.epochs, summary.updates), (12, 12 * 6));
    let now = evaluate(&model, &documents(40, 500), 0.5, &Host::new(&listener)).unwrap();
    assert_eq!(now, best, "the model holds the kept weights");
    let mut loaded =
        Parameters::from_file(Device::Cpu, &directory.path().join(MODEL_FILE)).unwrap();
    let table = loaded
        .add_table("words", [32, 12], &Initializer::Constant(0.0), Some(WORDS))
        .unwrap();
    assert_eq!(
        values(table.values()),
        values(model.parameters.tables()[0].values())
    );
    let left: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [MODEL_FILE], "nothing else stays in the checkpoint");
}

#[test]
fn the_host_hears_steps_epochs_and_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let listener = Listener::default();
    run(1, &plan(directory.path()), &listener).1.unwrap();
    let heard = listener.heard.lock().unwrap();
    let epochs: Vec<_> = heard
        .iter()
        .filter_map(|event| match event {
            RunEvent::Epoch {
                epoch,
                step,
                losses,
                validation,
                documents_per_second,
                peak_memory_bytes,
                learning_rate,
                ..
            } => {
                assert!(losses["loss"] > 0.0 && losses.contains_key("classification"));
                assert!(validation.contains_key("micro_f1") && validation.contains_key("macro_f1"));
                assert!(
                    *documents_per_second > 0.0 && *peak_memory_bytes > 0 && *learning_rate > 0.0
                );
                Some((*epoch, *step))
            }
            _ => None,
        })
        .collect();
    assert_eq!(epochs, [(1, 6), (2, 12), (3, 18), (4, 24)]);
    assert!(
        heard
            .iter()
            .any(|event| matches!(event, RunEvent::Step { .. }))
    );
    assert!(
        heard
            .iter()
            .any(|event| matches!(event, RunEvent::Progress { .. }))
    );
    assert!(
        heard
            .iter()
            .any(|event| matches!(event, RunEvent::Checkpoint { selected: true, .. }))
    );
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let directory = tempfile::tempdir().unwrap();
    let first = run(1, &plan(directory.path()), &Listener::default())
        .0
        .all_values();
    let second = run(1, &plan(directory.path()), &Listener::default())
        .0
        .all_values();
    assert!(first == second);
    let other = run(
        1,
        &Plan {
            seed: 6,
            ..plan(directory.path())
        },
        &Listener::default(),
    )
    .0
    .all_values();
    assert!(first != other);
}

#[test]
fn an_interrupted_training_ends_like_an_unbroken_one() {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan {
        accumulate: 2,
        evaluate_every: Some(2),
        ..plan(directory.path())
    };
    let (whole, summary) = run(1, &plan, &Listener::default());
    let summary = summary.unwrap();
    for stop_at in [4, 9, 15, 20] {
        let broken = tempfile::tempdir().unwrap();
        let plan = Plan {
            checkpoint: broken.path().to_owned(),
            state_interval: Duration::ZERO,
            ..plan.clone()
        };
        let (_, result) = run(1, &plan, &Listener::stopping_at(stop_at));
        assert!(
            matches!(result, Err(KitError::Cancelled)),
            "stopped at question {stop_at}"
        );
        assert!(
            broken.path().join("resume-training/position.json").exists(),
            "a state was written before question {stop_at}"
        );
        // Another start: fresh weights of another seed, which the state must replace.
        let listener = Listener::default();
        let (resumed, again) = run(77, &plan, &listener);
        let again = again.unwrap();
        assert!(
            resumed.all_values() == whole.all_values(),
            "stopped at question {stop_at}"
        );
        assert_eq!(
            (again.best, again.best_epoch, again.updates),
            (summary.best, summary.best_epoch, summary.updates)
        );
        let goes_on = |event: &RunEvent| matches!(event, RunEvent::Log { message, .. } if message.contains("going on"));
        assert!(listener.heard.lock().unwrap().iter().any(goes_on));
        assert!(!broken.path().join("resume-training").exists());
    }
}

#[test]
fn the_state_of_another_request_is_not_taken_up() {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan {
        state_interval: Duration::ZERO,
        ..plan(directory.path())
    };
    run(1, &plan, &Listener::stopping_at(9)).1.unwrap_err();
    let other = Plan {
        fingerprint: "another request".to_owned(),
        ..plan.clone()
    };
    let found = run(1, &other, &Listener::default()).0.all_values();
    let elsewhere = tempfile::tempdir().unwrap();
    let expected = run(
        1,
        &Plan {
            checkpoint: elsewhere.path().to_owned(),
            ..other
        },
        &Listener::default(),
    )
    .0
    .all_values();
    assert!(found == expected);
}

#[test]
fn patience_ends_a_training_that_does_not_improve() {
    let directory = tempfile::tempdir().unwrap();
    let frozen = AdamOptions {
        learning_rate: 1e-12,
        ..AdamOptions::default()
    };
    let plan = Plan {
        epochs: 50,
        patience: 3,
        optimizer: frozen,
        schedule: Schedule::Constant,
        ..plan(directory.path())
    };
    assert_eq!(run(1, &plan, &Listener::default()).1.unwrap().epochs, 4);
    // Scores that stay equal are not strictly below their bests.
    let lenient = Plan {
        epochs: 6,
        bad_epoch: BadEpoch::BothWorse,
        ..plan
    };
    assert_eq!(run(1, &lenient, &Listener::default()).1.unwrap().epochs, 6);
}

mod selection;

#[test]
fn accumulated_batches_make_one_update() {
    let directory = tempfile::tempdir().unwrap();
    let plan = Plan {
        batch_size: 8,
        accumulate: 4,
        ..plan(directory.path())
    };
    let summary = run(1, &plan, &Listener::default()).1.unwrap();
    assert_eq!(
        summary.updates,
        4 * 3,
        "90 documents in 12 batches of 8 make 3 updates an epoch"
    );
}

#[test]
fn a_loss_that_explodes_is_reported_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let wild = AdamOptions {
        learning_rate: 1e30,
        ..AdamOptions::default()
    };
    let (_, result) = run(
        1,
        &Plan {
            optimizer: wild,
            schedule: Schedule::Constant,
            ..plan(directory.path())
        },
        &Listener::default(),
    );
    let message = result.unwrap_err().to_string();
    assert!(message.contains("lower learning rate"), "{message}");
}

#[test]
fn without_validation_the_last_weights_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut model = Tiny::new(1);
    let summary = train(
        &mut model,
        &documents(90, 0),
        None,
        &plan(directory.path()),
        &Host::new(&Listener::default()),
    )
    .unwrap();
    assert_eq!(
        (summary.epochs, summary.best, summary.best_epoch),
        (4, None, 4)
    );
    assert!(directory.path().join(MODEL_FILE).exists());
}

#[test]
fn nothing_to_train_on_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut model = Tiny::new(1);
    let result = train(
        &mut model,
        &EncodedDocuments::default(),
        None,
        &plan(directory.path()),
        &Host::new(&Listener::default()),
    );
    assert!(matches!(result, Err(KitError::Input(_))));
}

#[test]
fn cancelling_leaves_at_the_next_step() {
    let directory = tempfile::tempdir().unwrap();
    let listener = Listener::stopping_at(1);
    assert!(matches!(
        run(1, &plan(directory.path()), &listener).1,
        Err(KitError::Cancelled)
    ));
    assert!(listener.heard.lock().unwrap().is_empty());
}
