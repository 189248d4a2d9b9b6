//! Steps of prediction with scores made by hand: labels a, b of the top level, c, d below, and the end.

use arborist_hbgl::decoding::{Generated, Next, Rules};
use arborist_hbgl::{EmptyRow, Hyperparameters, LevelCandidates, Mode};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;
const END: usize = 4;

fn rules(change: impl FnOnce(&mut Hyperparameters)) -> Rules {
    let mut hyperparameters = Hyperparameters::default();
    change(&mut hyperparameters);
    Rules::new(&hyperparameters, vec![0, 0, 1, 1])
}

/// .9 for those that fire, .1 for the others.
fn fire(labels: &[usize]) -> Vec<f32> {
    (0..=END)
        .map(|label| if labels.contains(&label) { 0.9 } else { 0.1 })
        .collect()
}

fn generate(rules: &Rules, steps: &[&[usize]]) -> (Vec<u32>, Vec<f32>, Vec<Next>) {
    let mut generated = Generated::new(4);
    let mut nexts = Vec::new();
    for step in steps {
        let next = generated.take(rules, &fire(step));
        let ends = next == Next::End;
        nexts.push(next);
        if ends {
            break;
        }
    }
    let (labels, scores) = generated.finish();
    (labels, scores, nexts)
}

#[test]
fn labels_are_gathered_until_the_end_fires() {
    let steps: [&[usize]; 3] = [&[A, D], &[C], &[END, B]];
    let (labels, scores, nexts) = generate(&rules(|_| {}), &steps);
    assert_eq!(labels, [0, 2, 3]);
    assert_eq!(
        nexts[0],
        Next::Labels(vec![0, 3]),
        "what the next level sees"
    );
    assert_eq!(nexts[2], Next::End);
    // What fired beside the end is dropped with it, and its score says so.
    assert!(scores[B] < 0.5 && scores[A] > 0.5 && scores[C] > 0.5 && scores[D] > 0.5);
    let (labels, scores, nexts) = generate(&rules(|own| own.restrict_to_level = true), &steps);
    assert_eq!(labels, [0, 2]);
    assert_eq!(
        nexts[0],
        Next::Labels(vec![0, 3]),
        "the row still sums everything that fired"
    );
    assert!(scores[D] <= 0.5);
}

#[test]
fn a_list_without_an_end_loses_nothing() {
    let steps: [&[usize]; 3] = [&[A], &[C], &[]];
    assert_eq!(generate(&rules(|_| {}), &steps).0, [0, 2]);
    let nothing: [&[usize]; 3] = [&[], &[], &[]];
    let (labels, _, nexts) = generate(&rules(|_| {}), &nothing);
    assert!(labels.is_empty());
    assert_eq!(nexts, [Next::Zero, Next::Zero, Next::Zero]);
    let (_, _, nexts) = generate(&rules(|own| own.empty_row = EmptyRow::Sep), &nothing);
    assert_eq!(nexts[0], Next::Sep);
}

#[test]
fn a_level_that_knows_its_own_labels_only_does_not_see_the_end() {
    let own = rules(|own| own.level_candidates = LevelCandidates::OwnLevel);
    let steps: [&[usize]; 2] = [&[A, D, END], &[C, B]];
    let (labels, _, nexts) = generate(&own, &steps);
    assert_eq!(labels, [0, 2]);
    assert_eq!(nexts, [Next::Labels(vec![0]), Next::Labels(vec![2])]);
}

#[test]
fn single_labels_come_one_by_one() {
    let one = rules(|own| own.mode = Mode::Seq2seq);
    let steps: [&[usize]; 4] = [&[A], &[A], &[C], &[END]];
    let (labels, scores, nexts) = generate(&one, &steps);
    assert_eq!(labels, [0, 2], "what comes twice counts once");
    assert_eq!(nexts.last(), Some(&Next::End));
    assert!(scores[A] > 0.5 && scores[C] > 0.5 && scores[B] < 0.5 && scores[D] < 0.5);
}

#[test]
fn scores_and_sets_agree() {
    let plain = rules(|_| {});
    let steps: [&[usize]; 3] = [&[A, D], &[C], &[END, B]];
    let (labels, scores, _) = generate(&plain, &steps);
    for (label, score) in scores.iter().enumerate() {
        assert_eq!(labels.contains(&(label as u32)), *score > 0.5);
    }
}
