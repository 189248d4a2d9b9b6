//! Which weights are kept and when training ends, for validation scores that are written down beforehand; and that
//! batches added up are one large batch.

use super::*;

/// Documents of the two labels in the validation split: right answers of label 0 weigh more in micro-F1 than in macro-F1.
const OF_LABEL: [usize; 2] = [8, 2];

/// A model of one number that grows with every update, and answers right as often as it is told.
struct Scripted {
    parameters: Parameters,
    weight: Tensor,
    /// For each evaluation how many documents of each label it finds; nothing is found wrongly.
    script: Vec<[usize; 2]>,
    /// The weight at each evaluation.
    seen: Vec<f32>,
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
            seen: Vec::new(),
        }
    }
}

impl Trainable for Scripted {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn n_labels(&self) -> usize {
        OF_LABEL.len()
    }

    fn losses(&self, _batch: &Batch, _pass: &Pass) -> Losses {
        Losses {
            total: -self.weight.sum(self.parameters.kind()),
            terms: Vec::new(),
        }
    }

    fn before_evaluation(&mut self) {
        self.seen.push(values(&self.weight)[0]);
    }

    fn predict(&self, batch: &Batch) -> Predicted {
        let mut left = self.script[self.seen.len() - 1];
        let decided = batch.labels.iter().map(|gold| {
            let label = gold[0] as usize;
            let found = left[label] > 0;
            left[label] = left[label].saturating_sub(1);
            if found { gold.clone() } else { Vec::new() }
        });
        Predicted {
            decided: Some(decided.collect()),
            scores: Tensor::zeros(
                [batch.len() as i64, OF_LABEL.len() as i64],
                self.parameters.options(),
            ),
        }
    }
}

/// Micro- and macro-F1 when so many documents of each label are found, and none wrongly.
fn scores([first, second]: [usize; 2]) -> Validation {
    let f1 = |found: usize, of: usize| 2.0 * found as f64 / (found + of) as f64;
    let [of_first, of_second] = OF_LABEL;
    Validation {
        micro_f1: f1(first + second, of_first + of_second),
        macro_f1: f64::midpoint(f1(first, of_first), f1(second, of_second)),
    }
}

/// Trains through the script, one update an epoch; checks that the kept weights are those of epoch `best` and that
/// `epochs` were trained.
fn check(script: &[[usize; 2]], change: impl Fn(Plan) -> Plan, best: u32, epochs: u32) {
    let directory = tempfile::tempdir().unwrap();
    let plan = change(Plan {
        epochs: script.len() as u32,
        schedule: Schedule::Constant,
        ..plan(directory.path())
    });
    let mut validation = EncodedDocuments::default();
    for (label, of_label) in OF_LABEL.into_iter().enumerate() {
        for _ in 0..of_label {
            validation.push(&[0], &[label as u32]);
        }
    }
    let mut model = Scripted::new(script);
    let listener = Listener::default();
    let summary = train(
        &mut model,
        &documents(16, 0),
        Some(&validation),
        &plan,
        &Host::new(&listener),
    )
    .unwrap();
    assert_eq!((summary.best_epoch, summary.epochs), (best, epochs));
    let kept = best as usize - 1;
    let found = summary.best.unwrap();
    let expected = scores(script[kept]);
    assert!(
        (found.micro_f1 - expected.micro_f1).abs() < 1e-12,
        "{found:?}"
    );
    assert!(
        (found.macro_f1 - expected.macro_f1).abs() < 1e-12,
        "{found:?}"
    );
    assert!(
        model
            .seen
            .windows(2)
            .take(epochs as usize - 1)
            .all(|pair| pair[0] < pair[1]),
        "every epoch has weights of its own: {:?}",
        model.seen
    );
    assert_eq!(values(&model.weight)[0], model.seen[kept], "in the model");
    let path = directory.path().join(MODEL_FILE);
    let stored = Parameters::from_file(Device::Cpu, &path)
        .unwrap()
        .add("weight", &[1], &Initializer::Constant(0.0))
        .unwrap();
    assert_eq!(values(&stored)[0], model.seen[kept], "in the checkpoint");
    let last_kept = listener
        .heard
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            RunEvent::Checkpoint { epoch, .. } => Some(*epoch),
            _ => None,
        })
        .next_back();
    assert_eq!(last_kept, Some(best), "as the host heard");
}

#[test]
fn the_epoch_with_the_best_score_is_kept() {
    check(&[[2, 0], [4, 1], [8, 2], [3, 1], [7, 1]], |plan| plan, 3, 5);
    check(&[[8, 2], [7, 2], [0, 0]], |plan| plan, 1, 3);
    check(&[[0, 0], [1, 0], [1, 1]], |plan| plan, 3, 3);
}

#[test]
fn of_equal_scores_the_first_is_kept() {
    check(&[[2, 0], [4, 1], [4, 1], [4, 1]], |plan| plan, 2, 4);
}

#[test]
fn the_selected_score_names_the_epoch() {
    // The second epoch has the better macro-F1, the third the better micro-F1.
    let script = [[1, 0], [2, 2], [7, 0], [1, 1]];
    let [_, second, third, _] = script.map(scores);
    assert!(second.macro_f1 > third.macro_f1 && second.micro_f1 < third.micro_f1);
    check(&script, |plan| plan, 2, 4);
    let by_micro = |plan| Plan {
        select: Select::MicroF1,
        ..plan
    };
    check(&script, by_micro, 3, 4);
}

#[test]
fn patience_counts_epochs_in_a_row_by_its_own_rule() {
    // Macro-F1 rises in epochs 2 and 5, micro-F1 in 2, 3 and 4.
    let script = [
        [1, 0],
        [2, 2],
        [7, 0],
        [8, 0],
        [4, 2],
        [0, 0],
        [0, 0],
        [0, 0],
    ];
    let rises = |score: fn(Validation) -> f64| -> Vec<usize> {
        let mut best = 0.0;
        let mut epochs = Vec::new();
        for (epoch, scores) in (1..).zip(script.map(scores)) {
            if score(scores) > best {
                best = score(scores);
                epochs.push(epoch);
            }
        }
        epochs
    };
    assert_eq!(rises(|scores| scores.macro_f1), [1, 2, 5]);
    assert_eq!(rises(|scores| scores.micro_f1), [1, 2, 3, 4]);
    let with = |bad_epoch, select| {
        move |plan| Plan {
            patience: 3,
            bad_epoch,
            select,
            ..plan
        }
    };
    // Bad: 3, 4 - not 5 - then 6, 7, 8.
    check(&script, with(BadEpoch::NotBetter, Select::MacroF1), 5, 8);
    // Bad: 5, 6, 7.
    check(&script, with(BadEpoch::NotBetter, Select::MicroF1), 4, 7);
    // Bad: 3, 4, 5, because one of the two did not rise.
    check(
        &script,
        with(BadEpoch::EitherNotBetter, Select::MacroF1),
        5,
        5,
    );
    check(
        &script,
        with(BadEpoch::EitherNotBetter, Select::MicroF1),
        4,
        5,
    );
    // Bad: 6, 7, 8; in 5 only micro-F1 is below its best.
    check(&script, with(BadEpoch::BothWorse, Select::MicroF1), 4, 8);
}

#[test]
fn four_batches_of_eight_move_as_one_of_thirty_two() {
    // A large epsilon: Adam would otherwise turn the last digit of a vanishing gradient into a whole step.
    let optimizer = AdamOptions {
        learning_rate: 1.0,
        epsilon: 1.0,
        ..AdamOptions::default()
    };
    let after = |batch_size: usize, accumulate: usize| {
        let directory = tempfile::tempdir().unwrap();
        let plan = Plan {
            epochs: 3,
            batch_size,
            accumulate,
            optimizer,
            schedule: Schedule::Constant,
            ..plan(directory.path())
        };
        let mut model = Tiny::with_dropouts(1, [0.0; 3]);
        train(
            &mut model,
            &documents(64, 0),
            None,
            &plan,
            &Host::new(&Listener::default()),
        )
        .unwrap();
        model.all_values()
    };
    let distance = |left: &[f32], right: &[f32]| {
        let pairs = left.iter().zip(right);
        pairs
            .map(|(left, right)| (left - right).abs())
            .fold(0.0, f32::max)
    };
    let at_once = after(32, 1);
    let added_up = distance(&at_once, &after(8, 4));
    // Sums of 32 numbers in another order, over six updates.
    assert!(added_up < 1e-5, "the largest difference is {added_up}");
    // Were batches not added up, the difference would be of this size.
    let one_by_one = distance(&at_once, &after(8, 1));
    assert!(one_by_one > 1e-3, "the largest difference is {one_by_one}");
}
