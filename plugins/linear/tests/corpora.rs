//! Raw test figures on the real corpora and on a generated one, against scikit-learn's.
//!
//! The reference is `TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)` with
//! `OneVsRestClassifier(LinearSVC())`, trained on the training split. The real corpora are found through
//! `ARBORIST_CORPORA`; the generated one runs without them, too.
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::path::PathBuf;

/// Name, and the reference's raw micro- and macro-F1 on test.
const REFERENCE: [(&str, f64, f64); 4] = [
    ("chemical-exposure", 0.7920, 0.3846),
    ("hallmarks-of-cancer", 0.4852, 0.3903),
    ("clinc150", 0.8551, 0.8662),
    ("dbpedia-classes-5000", 0.7824, 0.4212),
];

/// The same of the generated corpus.
const REFERENCE_GENERATED: (&str, f64, f64) = ("generated", 0.6778, 0.3944);

/// Trains a preset on every corpus and hands its figures and the reference's to `judge`.
fn check(preset: &str, judge: impl Fn(&str, [f64; 2], [f64; 2])) {
    let generated = tempfile::tempdir().unwrap();
    support::generated::write(generated.path()).unwrap();
    let mut corpora = vec![(generated.path().to_owned(), REFERENCE_GENERATED)];
    match std::env::var_os("ARBORIST_CORPORA").map(PathBuf::from) {
        Some(root) => corpora.extend(REFERENCE.map(|it| (root.join(it.0), it))),
        None => eprintln!("skipped: real corpora"),
    }
    for (folder, (name, micro, macro_f1)) in corpora {
        let directory = tempfile::tempdir().unwrap();
        let corpus = support::Corpus::convert(&folder, directory.path()).unwrap();
        corpus
            .train(support::hyperparameters(preset).unwrap(), 2)
            .unwrap();
        let metrics = corpus.judge(&mut corpus.load(2).unwrap(), "test").unwrap();
        judge(
            name,
            [metrics.raw.micro_f1, metrics.raw.macro_f1],
            [micro, macro_f1],
        );
    }
}

#[test]
fn preset_code_equals_scikit_learn() {
    check("code", |name, found, reference| {
        // Both solvers stop at a tolerance: a document or two may fall on the other side.
        let same = found
            .iter()
            .zip(reference)
            .all(|(found, reference)| (found - reference).abs() < 0.001);
        assert!(
            same,
            "{name}: found micro- and macro-F1 {found:?}, expected {reference:?}"
        );
    });
}

#[test]
fn preset_balanced_is_better_than_scikit_learn() {
    check("balanced", |name, found, reference| {
        let better = found
            .iter()
            .zip(reference)
            .all(|(found, reference)| *found > reference);
        assert!(
            better,
            "{name}: found micro- and macro-F1 {found:?}, expected more than {reference:?}"
        );
        assert!(
            name != "chemical-exposure" || found[0] >= 0.78,
            "{name}: found micro-F1 {}",
            found[0]
        );
    });
}
