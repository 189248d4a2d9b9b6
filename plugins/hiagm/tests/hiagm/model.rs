//! Trainings and trained models.

use std::fs;

use arborist_hiagm::{HiAgm, Hyperparameters, LaText, Variant};
use arborist_model_kit::checks::{Corpus, logged, scores, t5, taxonomy};
use arborist_plugin_api::{Model, ModelError};

use crate::corpus::tiny;

#[test]
fn a_corpus_is_learned_and_scores_belong_to_labels() {
    let taxonomy = t5();
    let corpus = Corpus::new(&taxonomy);
    let (result, _) = corpus.train::<HiAgm>(tiny());
    result.unwrap();
    let mut model = corpus.load::<HiAgm>().unwrap();
    for leaf in [2_u32, 3, 4] {
        let text = format!("word{leaf} filler1 filler2 word{leaf} filler3 filler4 word{leaf}");
        let row = scores(&model.predict(&[&text]).unwrap()).remove(0);
        let predicted: Vec<u32> = (0..)
            .zip(&row)
            .filter(|(_, score)| **score > model.threshold())
            .map(|(label, _)| label)
            .collect();
        assert_eq!(predicted, taxonomy.close(&[leaf]), "scores {row:?}");
    }
}

#[test]
fn a_text_scores_the_same_alone_and_in_company() {
    in_company(tiny());
    in_company(Hyperparameters {
        variant: Variant::La,
        la_text: LaText::RnnTokens,
        la_label_dim: 16,
        ..tiny()
    });
}

fn in_company(hyperparameters: Hyperparameters) {
    let corpus = Corpus::new(&t5());
    corpus.train::<HiAgm>(hyperparameters).0.unwrap();
    let mut model = corpus.load::<HiAgm>().unwrap();
    let texts: Vec<String> = (0..70)
        .map(|text| format!("word{} filler{} ", text % 5, text % 11).repeat(1 + text * 5 % 23))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = scores(&model.predict(&texts).unwrap());
    for (text, expected) in texts.iter().zip(&together) {
        let alone = scores(&model.predict(&[text]).unwrap()).remove(0);
        for (found, expected) in alone.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-5,
                "{found} alone, {expected} in company"
            );
        }
    }
}

#[test]
fn word_vectors_replace_random_ones() {
    let mut corpus = Corpus::new(&t5());
    let file = corpus.directory.path().join("vectors.txt");
    fs::write(&file, "word2 1 0 0\nword3 0 1 0\nnever 0 0 1\n").unwrap();
    corpus.request.word_vectors = Some(file.clone());
    let (result, events) = corpus.train::<HiAgm>(tiny());
    result.unwrap();
    assert!(logged(&events, "3 of 15 words have a vector in the file ("));
    assert!(logged(
        &events,
        "of the running words of the training documents"
    ));
    // The file's own width goes first, and the checkpoint does not need the file.
    fs::remove_file(&file).unwrap();
    let mut model = corpus.load::<HiAgm>().unwrap();
    model.predict(&["word2 never"]).unwrap();
    let description = fs::read_to_string(corpus.request.checkpoint.join("hiagm.json")).unwrap();
    assert!(description.contains("\"word_size\": 3,"), "{description}");

    fs::write(&file, "word2 1 0 0\nword3 0 broken 0\n").unwrap();
    let Err(ModelError::Failed(message)) = corpus.train::<HiAgm>(tiny()).0 else {
        panic!("a broken file is refused")
    };
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn a_model_belongs_to_its_labels() {
    let corpus = Corpus::new(&t5());
    corpus.train::<HiAgm>(tiny()).0.unwrap();
    let other = corpus.directory.path().join("other.json");
    let changed = taxonomy(&[
        ("B", &[]),
        ("A", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
    ]);
    fs::write(&other, serde_json::to_vec(&changed).unwrap()).unwrap();
    let Err(error) = corpus.load_with::<HiAgm>(&other) else {
        panic!("labels in another order are refused")
    };
    assert!(error.to_string().contains("another order"), "{error}");
}

#[test]
fn a_finished_checkpoint_holds_only_what_prediction_needs() {
    let corpus = Corpus::new(&t5());
    corpus.train::<HiAgm>(tiny()).0.unwrap();
    let mut files: Vec<String> = fs::read_dir(&corpus.request.checkpoint)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "hiagm.json",
            "model.safetensors",
            "text.json",
            "vocabulary.txt"
        ]
    );
}

#[test]
fn an_unknown_device_is_refused_in_words() {
    let mut corpus = Corpus::new(&t5());
    corpus.request.device = "cuda:77".to_owned();
    let Err(ModelError::Input(message)) = corpus.train::<HiAgm>(tiny()).0 else {
        panic!("there is no such device")
    };
    assert!(message.contains("cuda:77"), "{message}");
}
