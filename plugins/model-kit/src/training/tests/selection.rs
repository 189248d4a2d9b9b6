//! Which weights are kept, when they are looked at, and how batches are cut.

use std::cell::RefCell;

use super::*;

/// Knows the labels of some documents, by turns as a script has it, and measures a test split at every turn.
struct Scripted {
    parameters: Parameters,
    weight: Tensor,
    /// Of each evaluation: documents of validation and of test that it gets right.
    script: Vec<[usize; 2]>,
    turn: usize,
    /// Micro-F1 on test, turn by turn.
    on_test: RefCell<Vec<f64>>,
}

const DOCUMENTS: usize = 10;

fn split(label: u32) -> EncodedDocuments {
    let mut split = EncodedDocuments::default();
    for _ in 0..DOCUMENTS {
        split.push(&[1, 2], &[label]);
    }
    split
}

impl Scripted {
    fn new(script: &[[usize; 2]]) -> Self {
        let mut parameters = Parameters::fresh(Device::Cpu, 1);
        let weight = parameters
            .add("weight", &[1], &Initializer::Constant(0.0))
            .unwrap();
        Self {
            parameters,
            weight,
            script: script.to_vec(),
            turn: 0,
            on_test: RefCell::default(),
        }
    }
}

impl Trainable for Scripted {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        2
    }

    fn losses(&self, _: &Batch, _: &Pass) -> Losses {
        // Each update moves the weight by the learning rate.
        Losses {
            total: -self.weight.sum(tch::Kind::Float),
            terms: Vec::new(),
        }
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        let scores: Vec<f32> = batch
            .documents
            .iter()
            .zip(&batch.labels)
            .flat_map(|(document, labels)| {
                let label = labels[0] as usize;
                let right = *document < self.script[self.turn - 1][label];
                let mut row = [0.0, 0.0];
                row[label] = if right { 1.0 } else { 0.0 };
                row
            })
            .collect();
        Predicted {
            scores: Tensor::from_slice(&scores).view([-1, 2]),
            decided: None,
        }
    }

    fn before_evaluation(&mut self) {
        if self.turn == self.script.len() {
            return;
        }
        self.turn += 1;
        let test = evaluate(self, &split(1), 0.5, &Host::new(&Listener::default())).unwrap();
        self.on_test.borrow_mut().push(test.micro_f1);
    }
}

fn scripted(script: &[[usize; 2]], plan: &Plan) -> (Scripted, Summary) {
    let mut model = Scripted::new(script);
    let listener = Listener::default();
    let host = Host::new(&listener);
    let summary = train(&mut model, &split(0), Some(&split(0)), plan, &host).unwrap();
    (model, summary)
}

#[test]
fn test_scores_do_not_raise_the_bar_for_validation() {
    let directory = tempfile::tempdir().unwrap();
    // Test is far above validation, and best where validation is not.
    let script = [[3, 9], [4, 10], [6, 7], [5, 10]];
    let plan = Plan {
        batch_size: DOCUMENTS,
        ..plan(directory.path())
    };
    let (model, summary) = scripted(&script, &plan);
    let micro = |right: f64| 2.0 * right / (right + DOCUMENTS as f64);
    assert_eq!(summary.best_epoch, 3);
    assert!((summary.best.unwrap().micro_f1 - micro(6.0)).abs() < 1e-9);
    let on_test = model.on_test.borrow();
    assert!(on_test.len() == 4 && on_test.iter().all(|test| *test > micro(6.0)));
    // The kept weight is that of the third epoch.
    let loaded = Parameters::from_file(Device::Cpu, &directory.path().join(MODEL_FILE))
        .unwrap()
        .add("weight", &[1], &Initializer::Constant(0.0))
        .unwrap();
    assert_eq!(values(&loaded), values(&model.weight));
}

#[test]
fn evaluations_within_an_epoch_begin_when_they_are_told_to() {
    let evaluations = |evaluate_every, evaluate_from| {
        let directory = tempfile::tempdir().unwrap();
        let plan = Plan {
            batch_size: 2,
            evaluate_every,
            evaluate_from,
            ..plan(directory.path())
        };
        scripted(&[[1, 1]; 40], &plan).0.turn
    };
    // Four epochs of five updates; one more evaluation finds the kept weights in place.
    let at_ends = evaluations(None, 0);
    assert_eq!(at_ends, 4 + 1);
    // Every second update but the last of an epoch, 2 4 | 6 8 | 12 14 | 16 18, from the first epoch or from the third on.
    assert_eq!(evaluations(Some(2), 0) - at_ends, 8);
    assert_eq!(evaluations(Some(2), 2) - at_ends, 4);
}

#[test]
fn batches_are_cut_for_the_processors_kernels_only() {
    let fresh = || Parameters::fresh(Device::Cpu, 1);
    assert_eq!(fresh().groups(), crate::cpu::parallel::threads());
    assert_eq!(fresh().in_double().groups(), 1);
}
