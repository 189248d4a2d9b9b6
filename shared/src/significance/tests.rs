use super::*;
use crate::fixtures::{judged, t5, taxonomy};
use random::Random;

/// Gold {A1} and predictions that are right with the given probabilities, else {B1}; the same seed, the same documents.
fn runs(n: usize, share_a: f64, share_b: f64) -> (Vec<Judged>, Vec<Judged>, Vec<Vec<LabelIndex>>) {
    let t5 = t5();
    let mut random = Random::new(3, 0);
    let mut predict = |share: f64| {
        let is_right = random.binomial(1, share) == 1;
        judged(&t5, if is_right { &[2] } else { &[4] })
    };
    let pairs: Vec<(Judged, Judged)> = (0..n)
        .map(|_| (predict(share_a), predict(share_b)))
        .collect();
    let (a, b) = pairs.into_iter().unzip();
    (a, b, vec![vec![0, 2]; n])
}

fn test(tests: &[PairedTest], metric: &str, method: TestMethod) -> PairedTest {
    tests
        .iter()
        .find(|test| test.metric == metric && test.method == method)
        .unwrap()
        .clone()
}

const OPTIONS: Options = Options {
    resamples: 2_000,
    seed: 1,
};

#[test]
fn holm_steps_down() {
    assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
    assert_eq!(holm(&[0.5, 0.9]), [1.0, 1.0]);
    assert_eq!(holm(&[]), Vec::<f64>::new());
}

#[test]
fn mcnemar_by_hand() {
    assert_eq!(mcnemar([0, 0]), 1.0);
    assert_eq!(mcnemar([3, 3]), 1.0);
    assert!((mcnemar([0, 5]) - 2.0 / 32.0).abs() < 1e-15);
    // SciPy: binomtest(7, 30).pvalue.
    assert!((mcnemar([23, 7]) - 0.005_222_879_350_185_395).abs() < 1e-14);
    // Masses at the end vanish, the sum does not: binomtest(4900, 10000).pvalue.
    assert!((mcnemar([4_900, 5_100]) - 0.046_585_527_704_946_45).abs() < 1e-9);
}

#[test]
fn figures_of_seeds_by_hand() {
    // Of the 20 ways to deal six figures, two keep the low ones together.
    assert_eq!(permutation(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), Some(0.1));
    assert_eq!(permutation(&[0.5, 0.5], &[0.5, 0.5, 0.5]), Some(1.0));
    // Of the ten pairs, three are as far from the rest: {1, 2}, {1, the other 2} and {3, 4}.
    assert_eq!(permutation(&[1.0, 2.0], &[3.0, 4.0, 2.0]), Some(0.3));
    let low: Vec<f64> = (0..8).map(f64::from).collect();
    let high: Vec<f64> = (8..16).map(f64::from).collect();
    assert_eq!(permutation(&low, &high), Some(2.0 / 12_870.0));
    assert_eq!(permutation(&[], &[1.0]), None);
    assert_eq!(permutation(&[1.0], &[2.0]), Some(1.0));
}

#[test]
fn many_figures_are_drawn() {
    let figures = |from: u32| (from..from + 12).map(f64::from).collect::<Vec<_>>();
    let apart = permutation(&figures(0), &figures(12)).unwrap();
    assert!(apart < 1e-4, "{apart}");
    let mixed = permutation(&figures(0), &figures(1)).unwrap();
    assert!((0.5..0.8).contains(&mixed), "{mixed}");
    assert_eq!(permutation(&figures(0), &figures(1)), Some(mixed));
}

#[test]
fn equal_runs_do_not_differ() {
    let (a, _, gold) = runs(50, 0.7, 0.7);
    for test in compare(&a, &a, &gold, &t5(), OPTIONS) {
        assert_eq!(
            (test.difference, test.interval, test.p),
            (0.0, [0.0, 0.0], 1.0),
            "{test:?}"
        );
    }
}

#[test]
fn a_clear_difference_is_found_by_every_test() {
    let (a, b, gold) = runs(300, 0.9, 0.6);
    let tests = compare(&a, &b, &gold, &t5(), OPTIONS);
    let names: Vec<(&str, &str)> = tests
        .iter()
        .map(|test| (test.metric.as_str(), test.method.as_str()))
        .collect();
    let both = |metric| {
        [
            (metric, "paired_bootstrap"),
            (metric, "approximate_randomization"),
        ]
    };
    let expected = [both("micro_f1"), both("macro_f1"), both("hierarchical_f1")].concat();
    assert_eq!(names[..6], expected);
    assert_eq!(names[6..], [("exact_match", "mcnemar_exact")]);
    for test in tests {
        assert!(test.p < 0.01, "{test:?}");
        assert!(
            0.0 < test.interval[0]
                && test.interval[0] < test.difference
                && test.difference < test.interval[1]
        );
    }
}

#[test]
fn the_other_way_round_is_the_negative() {
    let (a, b, gold) = runs(100, 0.8, 0.7);
    let (forth, back) = (
        compare(&a, &b, &gold, &t5(), OPTIONS),
        compare(&b, &a, &gold, &t5(), OPTIONS),
    );
    for (forth, back) in forth.iter().zip(&back) {
        assert!((forth.difference + back.difference).abs() < 1e-15);
        assert!((forth.p - back.p).abs() < 0.05, "{forth:?} {back:?}");
    }
}

#[test]
fn differences_are_those_of_the_metrics() {
    let t5 = t5();
    let (a, b, gold) = runs(77, 0.8, 0.6);
    let metrics = [&a, &b].map(|run| {
        let mut builder =
            crate::metrics::MetricsBuilder::new(&t5, crate::metrics::DecodingRecord::default());
        run.iter()
            .zip(&gold)
            .for_each(|(judged, gold)| builder.add(gold, judged));
        builder.finish()
    });
    let tests = compare(&a, &b, &gold, &t5, OPTIONS);
    let difference = |metric: &str| {
        tests
            .iter()
            .find(|test| test.metric == metric)
            .unwrap()
            .difference
    };
    let [a, b] = metrics;
    assert_eq!(difference("micro_f1"), a.micro_f1 - b.micro_f1);
    assert_eq!(difference("macro_f1"), a.macro_f1 - b.macro_f1);
    assert_eq!(
        difference("hierarchical_f1"),
        a.raw.hierarchical_f1 - b.raw.hierarchical_f1
    );
    assert_eq!(difference("exact_match"), a.exact_match - b.exact_match);
}

#[test]
fn seed_and_documents_decide_not_their_order_and_not_the_batches() {
    let (a, b, gold) = runs(120, 0.8, 0.7);
    let t5 = t5();
    let tests = compare(&a, &b, &gold, &t5, OPTIONS);
    assert_eq!(compare(&a, &b, &gold, &t5, OPTIONS), tests);
    assert_ne!(
        compare(&a, &b, &gold, &t5, Options { seed: 2, ..OPTIONS }),
        tests
    );
    let turn = |run: &[Judged]| run.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(compare(&turn(&a), &turn(&b), &gold, &t5, OPTIONS), tests);
    let comparison = Comparison::new(&a, &b, &gold, &t5, OPTIONS);
    let mut batches: Vec<Batch> = (0..comparison.n_batches())
        .rev()
        .map(|batch| comparison.batch(batch))
        .collect();
    batches.reverse();
    assert_eq!(comparison.finish(&batches), tests);
}

#[test]
fn intervals_have_the_width_that_theory_gives() {
    // The share of exact matches differs by independent coins: variance of the difference of two shares.
    let n = 1_000;
    let (a, b, gold) = runs(n, 0.8, 0.7);
    let test = test(
        &compare(&a, &b, &gold, &t5(), OPTIONS),
        "exact_match",
        TestMethod::McnemarExact,
    );
    let [more, fewer] = only_one(&a, &b, &gold).map(|count| count as f64 / n as f64);
    let error = ((more + fewer - (more - fewer).powi(2)) / n as f64).sqrt();
    let width = test.interval[1] - test.interval[0];
    assert!(
        (width / (2.0 * 1.96 * error) - 1.0).abs() < 0.08,
        "{width} {error}"
    );
}

#[test]
fn randomization_finds_the_exact_probability_of_few_documents() {
    // Four documents, A has all of them right and B none: only the 2 of 16 swaps that leave or turn all are as extreme.
    let (a, b, gold) = runs(4, 1.0, 0.0);
    let options = Options {
        resamples: 20_000,
        seed: 5,
    };
    let tests = compare(&a, &b, &gold, &t5(), options);
    let p = test(&tests, "micro_f1", TestMethod::ApproximateRandomization).p;
    assert!((p - 2.0 / 16.0).abs() < 0.01, "{p}");
    assert_eq!(
        test(&tests, "exact_match", TestMethod::McnemarExact).p,
        0.125
    );
}

#[test]
fn bootstrap_draws_are_multinomial() {
    // Three kinds of documents: 100 (a cell of its own), 30 and 5 (packed). The counts of gold labels in the bootstrap
    // have the mean and the variance of 135 draws with replacement.
    let three = taxonomy(&[("a", &[]), ("b", &[]), ("c", &[])]);
    let gold: Vec<Vec<LabelIndex>> = [(0, 100), (1, 30), (2, 5)]
        .into_iter()
        .flat_map(|(label, n)| vec![vec![label]; n])
        .collect();
    // The second run misses label 1 only: the difference of exact matches is the share of documents with it.
    let right: Vec<Judged> = gold.iter().map(|gold| judged(&three, gold)).collect();
    let wrong: Vec<Judged> = gold
        .iter()
        .map(|gold| judged(&three, if gold == &[1] { &[] } else { gold }))
        .collect();
    let comparison = Comparison::new(
        &right,
        &wrong,
        &gold,
        &three,
        Options {
            resamples: 32_000,
            seed: 9,
        },
    );
    let batches = (0..comparison.n_batches()).map(|batch| comparison.batch(batch));
    let shares: Vec<f64> = batches
        .flat_map(|batch| batch.bootstrap)
        .map(|sample| sample.exact)
        .collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let variance = shares
        .iter()
        .map(|share| (share - mean).powi(2))
        .sum::<f64>()
        / shares.len() as f64;
    let share = 30.0 / 135.0;
    let expected = share * (1.0 - share) / 135.0;
    assert!(
        (mean - share).abs() < 5.0 * (expected / shares.len() as f64).sqrt(),
        "{mean}"
    );
    assert!(
        (variance / expected - 1.0).abs() < 0.05,
        "{variance} {expected}"
    );
}

#[test]
fn decisions_that_are_not_closed_up_have_hierarchical_figures_of_their_own() {
    let t5 = t5();
    // Labels before and after decoding differ in more than the closure.
    let odd = |raw: LabelIndex, labels: &[LabelIndex]| Judged {
        raw: vec![raw],
        labels: labels.to_vec(),
        ..Judged::default()
    };
    let a: Vec<Judged> = (0..40).map(|_| odd(2, &[0])).collect();
    let b: Vec<Judged> = (0..40)
        .map(|n| {
            if n % 2 == 0 {
                odd(2, &[0])
            } else {
                odd(4, &[0])
            }
        })
        .collect();
    let gold = vec![vec![0, 2]; 40];
    let tests = compare(&a, &b, &gold, &t5, OPTIONS);
    assert_eq!(
        test(&tests, "micro_f1", TestMethod::PairedBootstrap).difference,
        0.0
    );
    let hierarchical = test(&tests, "hierarchical_f1", TestMethod::PairedBootstrap);
    assert_eq!(hierarchical.difference, 0.5);
    assert!(
        hierarchical.interval[0] > 0.3 && hierarchical.interval[1] < 0.7 && hierarchical.p < 0.01,
        "{hierarchical:?}"
    );
}

#[test]
fn without_documents_there_is_no_test() {
    assert_eq!(compare(&[], &[], &[], &t5(), OPTIONS), Vec::new());
}

#[test]
fn intervals_of_one_run_hold_its_figures() {
    let t5 = t5();
    let (run, _, gold) = runs(1_000, 0.8, 0.5);
    let found = intervals(&run, &gold, &t5, OPTIONS).unwrap();
    // A share of .8 of 1,000 documents: 1.96 standard errors are .0248.
    let close = |found: [f64; 2], share: f64, half: f64| {
        let (low, high) = (share - half, share + half);
        assert!(
            (found[0] - low).abs() < 0.006 && (found[1] - high).abs() < 0.006,
            "{found:?}, expected {low} to {high}"
        );
    };
    let right = run
        .iter()
        .filter(|judged| judged.labels.contains(&2))
        .count() as f64
        / 1_000.0;
    close(found.exact_match, right, 0.0248);
    // Each document predicts two labels and has two: micro-F1 is the share of the right ones.
    close(found.micro_f1, right, 0.0248);
    assert_eq!(found.raw.hierarchical_f1, found.micro_f1);
    let observed = figures(&run, &gold, &t5);
    for (interval, figure) in [
        (found.micro_f1, 0),
        (found.macro_f1, 1),
        (found.exact_match, 3),
    ] {
        assert!(interval[0] < observed[figure] && observed[figure] < interval[1]);
    }
    // The order of the documents does not matter, and the same seed gives the same bounds.
    let (mut turned, mut turned_gold) = (run.clone(), gold.clone());
    turned.reverse();
    turned_gold.reverse();
    assert_eq!(
        intervals(&turned, &turned_gold, &t5, OPTIONS).unwrap(),
        found
    );
    assert_eq!(intervals(&[], &[], &t5, OPTIONS), None);
}

#[test]
fn raw_sets_have_intervals_of_their_own() {
    let t5 = t5();
    // Only the leaf is predicted: closing adds the parent, the raw set lacks it.
    let run: Vec<Judged> = runs(200, 1.0, 1.0)
        .0
        .into_iter()
        .map(|judged| Judged {
            raw: vec![2],
            ..judged
        })
        .collect();
    let gold = vec![vec![0, 2]; 200];
    let found = intervals(&run, &gold, &t5, OPTIONS).unwrap();
    assert_eq!((found.micro_f1, found.exact_match), ([1.0; 2], [1.0; 2]));
    assert_eq!(found.raw.exact_match, [0.0; 2]);
    assert!((found.raw.micro_f1[0] - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(found.raw.hierarchical_f1, [1.0; 2]);
}

#[test]
fn documents_without_labels_do_not_count_as_right_twice() {
    let t5 = t5();
    let run = vec![Judged::default(); 50];
    let found = intervals(&run, &vec![Vec::new(); 50], &t5, OPTIONS).unwrap();
    assert_eq!((found.exact_match, found.micro_f1), ([1.0; 2], [0.0; 2]));
}

#[test]
fn rare_labels_do_not_push_an_interval_below_its_figure() {
    // Forty labels of one document each: a resample lacks a third of them, and they count 0 in it.
    let ids: Vec<String> = (0..40).map(|label| format!("L{label}")).collect();
    let labels: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), &[][..])).collect();
    let rare = taxonomy(&labels);
    let gold: Vec<Vec<LabelIndex>> = (0..40).map(|label| vec![label]).collect();
    let right: Vec<Judged> = (0..40).map(|label| judged(&rare, &[label])).collect();
    let found = intervals(&right, &gold, &rare, OPTIONS).unwrap();
    assert_eq!((found.micro_f1, found.macro_f1[1]), ([1.0; 2], 1.0));
    assert!(found.macro_f1[0] > 0.8, "{found:?}");
    // Every second document is right: the middle of the interval is the figure.
    let mut half = right;
    half.iter_mut()
        .step_by(2)
        .for_each(|document| *document = Judged::default());
    let found = intervals(&half, &gold, &rare, OPTIONS).unwrap();
    let [low, high] = found.macro_f1;
    assert!(
        low > 0.2 && high < 0.8 && ((low + high) / 2.0 - 0.5).abs() < 0.02,
        "{found:?}"
    );
}
