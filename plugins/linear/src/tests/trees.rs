//! The method as a whole on small corpora: modes, labels without documents, DAGs, groups, threads, damaged files.

use std::fs;

use arborist_plugin_api::{Facts, Method, Model, ModelError};

use super::toy::{Toy, taxonomy, two_levels};
use crate::{Classifier, Hyperparameters, Linear, Mode};

fn with_mode(mode: Mode) -> Hyperparameters {
    Hyperparameters {
        mode,
        ..Hyperparameters::default()
    }
}

/// Ids of the labels above .5.
fn predicted(toy: &Toy, scores: &[f32]) -> Vec<String> {
    (0..)
        .zip(scores)
        .filter(|&(_, &score)| score > 0.5)
        .map(|(label, _)| toy.taxonomy.id(label).to_owned())
        .collect()
}

const TEXTS: [&str; 4] = [
    "common words topa noise3 leafa2 leafa2 more",
    "topb leafb3 leafb3 common",
    "common words nothing here",
    "",
];
const EXPECTED: [&[&str]; 4] = [&["a", "a2"], &["b", "b3"], &[], &[]];

#[test]
fn every_mode_and_classifier_finds_the_labels() {
    let toy = two_levels(20);
    for mode in [Mode::Auto, Mode::Flat, Mode::Tree] {
        for classifier in [Classifier::Svm, Classifier::Logistic] {
            // Logistic regression needs a higher cost to be this sure after few documents.
            let hyperparameters = Hyperparameters {
                classifier,
                c: 10.0,
                ..with_mode(mode)
            };
            let scores = toy.scores(hyperparameters, 2, &TEXTS);
            for (scores, expected) in scores.iter().zip(EXPECTED) {
                assert_eq!(
                    predicted(&toy, scores),
                    expected,
                    "{mode:?}, {classifier:?}: {scores:?}"
                );
            }
        }
    }
}

#[test]
fn a_label_without_documents_scores_nothing() {
    let toy = two_levels(10);
    let unused = toy.taxonomy.index_of("unused").unwrap() as usize;
    for mode in [Mode::Flat, Mode::Tree] {
        assert!(
            toy.scores(with_mode(mode), 1, &TEXTS)
                .iter()
                .all(|scores| scores[unused] == 0.0)
        );
    }
}

#[test]
fn in_a_tree_a_label_never_scores_above_its_parent() {
    let toy = two_levels(10);
    for scores in toy.scores(with_mode(Mode::Tree), 1, &TEXTS) {
        for label in toy.taxonomy.indexes() {
            if let Some(parent) = toy.taxonomy.primary_parent(label) {
                assert!(scores[label as usize] <= scores[parent as usize]);
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_digit() {
    let toy = two_levels(15);
    for mode in [Mode::Flat, Mode::Tree] {
        let one = toy.scores(with_mode(mode), 1, &TEXTS);
        let four = toy.scores(with_mode(mode), 4, &TEXTS);
        assert_eq!(one, four, "{mode:?}");
    }
}

#[test]
fn a_label_with_two_parents_is_found_below_the_first() {
    let taxonomy = taxonomy(&[("a", &[]), ("b", &[]), ("c", &["a", "b"]), ("d", &["b"])]);
    let documents: Vec<(String, Vec<&str>)> = (0..30)
        .map(|number| match number % 3 {
            0 => ("red stone".to_owned(), vec!["a"]),
            1 => ("green grass leaf".to_owned(), vec!["c"]),
            _ => ("blue water leaf".to_owned(), vec!["d"]),
        })
        .collect();
    let toy = Toy::new(taxonomy, &documents, &documents);
    let scores = toy.scores(
        with_mode(Mode::Tree),
        1,
        &["green grass leaf", "blue water leaf", "red stone"],
    );
    assert_eq!(predicted(&toy, &scores[0]), ["a", "b", "c"]);
    assert_eq!(predicted(&toy, &scores[1]), ["b", "d"]);
    assert_eq!(predicted(&toy, &scores[2]), ["a"]);
}

#[test]
fn a_label_that_every_document_has_is_predicted_always() {
    let taxonomy = taxonomy(&[("all", &[]), ("some", &["all"]), ("same", &["some"])]);
    let documents: Vec<(String, Vec<&str>)> = (0..20)
        .map(|number| {
            if number % 2 == 0 {
                ("round ball".to_owned(), vec!["same"])
            } else {
                ("flat disc".to_owned(), vec!["all"])
            }
        })
        .collect();
    let toy = Toy::new(taxonomy, &documents, &documents);
    for mode in [Mode::Flat, Mode::Tree] {
        let scores = toy.scores(with_mode(mode), 1, &["round ball", "flat disc", ""]);
        assert_eq!(
            predicted(&toy, &scores[0]),
            ["all", "some", "same"],
            "{mode:?}"
        );
        assert_eq!(predicted(&toy, &scores[1]), ["all"], "{mode:?}");
        assert_eq!(predicted(&toy, &scores[2])[0], "all", "{mode:?}");
    }
}

#[test]
fn a_corpus_without_any_label_trains_to_nothing() {
    let documents = vec![
        ("some text".to_owned(), vec![]),
        ("other text".to_owned(), vec![]),
    ];
    let toy = Toy::new(taxonomy(&[("a", &[]), ("b", &["a"])]), &documents, &[]);
    assert_eq!(
        toy.scores(with_mode(Mode::Tree), 1, &["some text"]),
        [[0.0, 0.0]]
    );
}

#[test]
fn an_empty_training_split_is_refused() {
    let toy = Toy::new(taxonomy(&[("a", &[])]), &[], &[]);
    let refused = toy.train(Hyperparameters::default(), 1, true);
    assert!(matches!(refused, Err(ModelError::Input(_))), "{refused:?}");
}

#[test]
fn tuning_keeps_what_is_best_on_validation() {
    let toy = two_levels(10);
    let hyperparameters = Hyperparameters {
        tune: true,
        ..Hyperparameters::default()
    };
    let scores = toy.scores(hyperparameters, 2, &TEXTS);
    for (scores, expected) in scores.iter().zip(EXPECTED) {
        assert_eq!(predicted(&toy, scores), expected);
    }
}

#[test]
fn the_threshold_comes_back() {
    let toy = two_levels(4);
    toy.train(
        Hyperparameters {
            threshold: 0.3,
            ..Hyperparameters::default()
        },
        1,
        false,
    )
    .unwrap();
    assert_eq!(toy.load().unwrap().threshold(), 0.3);
}

#[test]
fn every_kind_of_damage_is_noticed() {
    let toy = two_levels(4);
    for mode in [Mode::Flat, Mode::Tree] {
        toy.train(with_mode(mode), 1, false).unwrap();
        for name in ["model.json", "vocabulary.txt", "model.safetensors"] {
            let path = toy.checkpoint().join(name);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(toy.load().is_err(), "half of {name} was accepted");
            fs::remove_file(&path).unwrap();
            assert!(toy.load().is_err(), "a missing {name} was accepted");
            fs::write(&path, &whole).unwrap();
        }
        assert!(toy.load().is_ok());
    }
}

#[test]
fn defaults_read_as_people_write_them() {
    let defaults = Linear::manifest().resolve(None, &[]).unwrap();
    for (key, written) in [
        ("threshold", "0.5"),
        ("prune", "0.02"),
        ("tolerance", "0.01"),
    ] {
        assert_eq!(defaults[key].to_string(), written, "{key}");
    }
}

#[test]
fn unknown_hyperparameters_are_refused_and_defaults_agree() {
    let defaults = Linear::manifest().resolve(None, &[]).unwrap();
    let parsed: Hyperparameters =
        serde_json::from_value(serde_json::Value::Object(defaults)).unwrap();
    assert_eq!(parsed, Hyperparameters::default());
    assert!(serde_json::from_str::<Hyperparameters>(r#"{"balanc": 1}"#).is_err());
}

#[test]
fn memory_grows_with_the_corpus() {
    let facts = Facts {
        documents: 3_000,
        tokens: 800_000,
        labels: 70,
        depth: 5,
    };
    let small = Linear::memory(&Hyperparameters::default(), &facts);
    let large = Linear::memory(
        &Hyperparameters::default(),
        &Facts {
            documents: 200_000,
            tokens: 20_000_000,
            labels: 30_000,
            depth: 3,
        },
    );
    assert!(small < 1 << 30, "{small}");
    assert!(large > small && large < 4 << 30, "{large}");
}

#[test]
fn evidence_points_at_the_words_that_speak_for_a_label() {
    let toy = two_levels(20);
    let text = "Common WORDS, topa; Leafa2 — leafa2 noise3";
    for mode in [Mode::Flat, Mode::Tree] {
        toy.train(with_mode(mode), 1, true).unwrap();
        let mut model = toy.load().unwrap();
        let label = toy.taxonomy.index_of("a2").unwrap();
        let evidence = model.evidence(text, label).unwrap();
        let strongest = evidence
            .iter()
            .max_by(|left, right| left.weight.total_cmp(&right.weight))
            .unwrap();
        let words = |weight: f32| -> Vec<&str> {
            evidence
                .iter()
                .filter(|evidence| evidence.weight >= weight)
                .map(|evidence| &text[evidence.start as usize..evidence.end as usize])
                .collect()
        };
        assert!(
            words(strongest.weight)[0].to_lowercase() == "leafa2",
            "{mode:?}: {evidence:?}"
        );
        assert!(words(f32::MIN).contains(&"topa"), "{mode:?}");
        let unused = toy.taxonomy.index_of("unused").unwrap();
        assert!(model.evidence(text, unused).unwrap().is_empty());
        assert!(model.evidence("", label).unwrap().is_empty());
        assert!(model.evidence(text, 99).is_err());
    }
}
