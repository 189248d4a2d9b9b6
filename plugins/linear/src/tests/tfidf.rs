//! TF-IDF against scikit-learn's numbers.
//!
//! The constants are what scikit-learn 1.9.1 gives, rounded to 7 digits:
//! `TfidfVectorizer(ngram_range=(1, n), sublinear_tf=True, min_df=…, max_features=…).fit_transform(TEXTS)`.

use crate::tables::NONE;
use crate::vocabulary::{Limits, Scratch, TextReader, Vocabulary};

const TEXTS: [&str; 6] = [
    "The cat sat on the mat, the CAT!",
    "A dog sat; the dog barked at the cat_1.",
    "Ein Straßenköter in ΣΊΣΥΦΟΣ und İstanbul sat",
    "dogs and cats: 2 dogs, 12 cats and the mat",
    "",
    "the cat sat on the dog",
];

const NEW: &str = "the dog sat on a cat mat cat";

type Weights = &'static [(&'static str, f32)];

/// Fits on [`TEXTS`] and compares some training vectors, by number, and the vector of [`NEW`].
fn check(limits: Limits, n_features: usize, training: &[(usize, Weights)], new: Weights) {
    let mut reader = TextReader::default();
    for text in TEXTS {
        reader.push(text).unwrap();
    }
    let (vocabulary, text) = reader.finish(limits).unwrap();
    let names = names(&vocabulary);
    assert_eq!(vocabulary.n_features(), n_features);
    let matrix = vocabulary.matrix(&text);
    let compare = |what: &str, features: &[u32], values: &[f32], expected: Weights| {
        assert!(
            features.is_sorted_by(|left, right| left < right),
            "{what}: features are not in order"
        );
        let mut found: Vec<(&str, f32)> = features
            .iter()
            .map(|&feature| names[feature as usize].as_str())
            .zip(values.iter().copied())
            .collect();
        found.sort_by_key(|&(name, _)| name);
        let same_names = found
            .iter()
            .map(|(name, _)| name)
            .eq(expected.iter().map(|(name, _)| name));
        // 7 digits were written down, and single precision keeps about as many.
        let close = found
            .iter()
            .zip(expected)
            .all(|(found, expected)| (found.1 - expected.1).abs() < 2e-7);
        assert!(
            same_names && close,
            "{what}: found {found:?}, expected {expected:?}"
        );
    };
    let mut scratch = Scratch::default();
    for &(document, expected) in training {
        let row = matrix.row(document);
        compare(
            &format!("training text {document}"),
            row.features,
            row.values,
            expected,
        );
        vocabulary.vector(TEXTS[document], &mut scratch);
        compare(
            &format!("text {document} again"),
            &scratch.features,
            &scratch.values,
            expected,
        );
    }
    vocabulary.vector(NEW, &mut scratch);
    compare("the new text", &scratch.features, &scratch.values, new);
}

/// The n-gram of each feature.
fn names(vocabulary: &Vocabulary) -> Vec<String> {
    let mut nodes: Vec<String> = vocabulary.words().map(str::to_owned).collect();
    for &(start, word) in vocabulary.grams() {
        nodes.push(format!(
            "{} {}",
            nodes[start as usize], nodes[word as usize]
        ));
    }
    let mut names = vec![String::new(); vocabulary.n_features()];
    for (node, &feature) in nodes.iter().zip(vocabulary.node_features()) {
        if feature != NONE {
            names[feature as usize].clone_from(node);
        }
    }
    names
}

fn limits(ngram_max: usize, min_df: u32, max_features: usize) -> Limits {
    Limits {
        ngram_max,
        min_df,
        max_features,
    }
}

#[test]
fn all_words_and_pairs() {
    check(
        limits(2, 1, usize::MAX),
        45,
        &[
            (
                0,
                &[
                    ("cat", 0.4226365),
                    ("cat sat", 0.2496159),
                    ("mat", 0.2496159),
                    ("mat the", 0.3044043),
                    ("on", 0.2496159),
                    ("on the", 0.2496159),
                    ("sat", 0.1805907),
                    ("sat on", 0.2496159),
                    ("the", 0.3789898),
                    ("the cat", 0.4226365),
                    ("the mat", 0.2496159),
                ],
            ),
            (
                2,
                &[
                    ("ein", 0.2845327),
                    ("ein straßenköter", 0.2845327),
                    ("in", 0.2845327),
                    ("in σίσυφος", 0.2845327),
                    ("sat", 0.1688016),
                    ("stanbul", 0.2845327),
                    ("stanbul sat", 0.2845327),
                    ("straßenköter", 0.2845327),
                    ("straßenköter in", 0.2845327),
                    ("und", 0.2845327),
                    ("und stanbul", 0.2845327),
                    ("σίσυφος", 0.2845327),
                    ("σίσυφος und", 0.2845327),
                ],
            ),
            (4, &[]),
        ],
        &[
            ("cat", 0.5250041),
            ("dog", 0.3100759),
            ("dog sat", 0.3781347),
            ("mat", 0.3100759),
            ("on", 0.3100759),
            ("sat", 0.2243319),
            ("sat on", 0.3100759),
            ("the", 0.2243319),
            ("the dog", 0.3100759),
        ],
    );
}

const NEW_IN_TWO_DOCUMENTS: Weights = &[
    ("cat", 0.5671118),
    ("dog", 0.3349454),
    ("mat", 0.3349454),
    ("on", 0.3349454),
    ("sat", 0.2423243),
    ("sat on", 0.3349454),
    ("the", 0.2423243),
    ("the dog", 0.3349454),
];

#[test]
fn words_and_pairs_in_two_documents() {
    check(
        limits(2, 2, usize::MAX),
        12,
        &[
            (
                1,
                &[
                    ("dog", 0.69761),
                    ("sat", 0.2980856),
                    ("the", 0.5047028),
                    ("the dog", 0.4120197),
                ],
            ),
            (2, &[("sat", 1.0)]),
            (
                3,
                &[
                    ("mat", 0.6295144),
                    ("the", 0.4554374),
                    ("the mat", 0.6295144),
                ],
            ),
        ],
        NEW_IN_TWO_DOCUMENTS,
    );
}

#[test]
fn triples_in_two_documents() {
    check(
        limits(3, 2, usize::MAX),
        15,
        &[(
            5,
            &[
                ("cat", 0.2770954),
                ("cat sat", 0.2770954),
                ("cat sat on", 0.2770954),
                ("dog", 0.2770954),
                ("on", 0.2770954),
                ("on the", 0.2770954),
                ("sat", 0.2004713),
                ("sat on", 0.2770954),
                ("sat on the", 0.2770954),
                ("the", 0.3394275),
                ("the cat", 0.2770954),
                ("the cat sat", 0.2770954),
                ("the dog", 0.2770954),
            ],
        )],
        NEW_IN_TWO_DOCUMENTS,
    );
}

#[test]
fn the_five_most_frequent() {
    check(
        limits(2, 1, 5),
        5,
        &[(
            5,
            &[
                ("cat", 0.446148),
                ("dog", 0.446148),
                ("sat", 0.3227765),
                ("the", 0.5465082),
                ("the cat", 0.446148),
            ],
        )],
        &[
            ("cat", 0.7638284),
            ("dog", 0.4511294),
            ("sat", 0.3263804),
            ("the", 0.3263804),
        ],
    );
}

#[test]
fn the_corpus_may_come_in_any_portions_and_threads() {
    let texts: Vec<String> = (0..5000)
        .map(|number| format!("word{} and{} more text {number}", number % 37, number % 11))
        .collect();
    let learn = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut reader = TextReader::default();
            for text in &texts {
                reader.push(text).unwrap();
            }
            let (vocabulary, text) = reader.finish(limits(3, 2, 200)).unwrap();
            let matrix = vocabulary.matrix(&text);
            let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..matrix.n_rows())
                .map(|row| {
                    (
                        matrix.row(row).features.to_vec(),
                        matrix.row(row).values.to_vec(),
                    )
                })
                .collect();
            (names(&vocabulary), vocabulary.idf().to_vec(), rows)
        })
    };
    assert_eq!(learn(1), learn(3));
}
