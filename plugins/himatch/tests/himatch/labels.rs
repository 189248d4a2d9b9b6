//! What labels are made of (METHODS 4.2, 8.4).

use arborist_himatch::network::Network;
use arborist_himatch::{Hyperparameters, is_keyword, label_texts};
use arborist_model_kit::batch::EncodedDocuments;
use arborist_model_kit::checks::{self, batch, gradients_by_name, parameter, t5};
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text::{
    Cleaning, Reader, StopWords, TextOptions, TextPipeline, VocabularyBuilder, VocabularyLimits,
};
use arborist_model_kit::text_method::Prepared;
use arborist_model_kit::training::Trainable;
use arborist_plugin_api::{Host, HostCallbacks};
use arborist_shared::run::RunEvent;
use tch::{Kind, Tensor};

use crate::tiny::{of_the_paper, still, tiny};

fn network(hyperparameters: &Hyperparameters) -> Network {
    checks::network(hyperparameters, &t5(), 20, Kind::Float)
}

fn moment(step: u64) -> Moment {
    Moment {
        seed: 1,
        stage: 0,
        step,
    }
}

#[test]
fn keywords_are_in_a_tenth_to_four_fifths_of_the_documents() {
    assert!(!is_keyword(9, 10));
    assert!(is_keyword(8, 10));
    assert!(is_keyword(1, 10));
    assert!(!is_keyword(1, 11));
}

struct Silent;

impl HostCallbacks for Silent {
    fn emit(&self, _: RunEvent) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Texts of the labels of [`t5`] as words; ids of training documents are those of `words` in the order of the count.
fn texts_of(max_length: usize, documents: &[(&[&str], &[u32])]) -> Vec<Vec<String>> {
    let mut builder = VocabularyBuilder::default();
    for (times, word) in ["pear", "apple", "zebra", "mango", "b1"]
        .iter()
        .rev()
        .enumerate()
    {
        for _ in 0..=times {
            builder.count(word);
        }
    }
    let options = TextOptions {
        cleaning: Cleaning::Words,
        stop_words: StopWords::Keep,
        max_length,
    };
    let limits = VocabularyLimits {
        min_frequency: 1,
        max_size: 100,
    };
    let reader = Reader::Words(TextPipeline::new(options, builder.finish(limits)));
    let mut train = EncodedDocuments::default();
    for (words, labels) in documents {
        let vocabulary = reader.words().unwrap().vocabulary();
        let ids: Vec<u32> = words.iter().map(|word| vocabulary.id(word)).collect();
        train.push(&ids, labels);
    }
    let taxonomy = t5();
    let hierarchy = Hierarchy::new(&taxonomy, []);
    let texts = label_texts(&Prepared {
        taxonomy: &taxonomy,
        hierarchy: &hierarchy,
        reader: &reader,
        train: &train,
        batches_per_epoch: 1,
        seed: 1,
        checkpoint: &std::env::temp_dir(),
        host: &Host::new(&Silent),
    });
    let words = reader.vocabulary();
    (0..texts.len())
        .map(|label| {
            let ids = texts.tokens(label).iter();
            ids.map(|id| words.get(*id as usize).cloned().unwrap_or_default())
                .collect()
        })
        .collect()
}

/// Ten documents of A and A1: `zebra` is in five of them, `apple` in three, `pear` in one, `mango` in nine, and a word
/// that is not in the vocabulary in five.
fn ten() -> Vec<(&'static [&'static str], &'static [u32])> {
    let of_both: &[u32] = &[0, 2];
    let words: [&[&str]; 10] = [
        &["zebra", "mango", "pear", "zebra"],
        &["zebra", "mango", "apple"],
        &["zebra", "mango", "apple"],
        &["zebra", "mango", "nowhere"],
        &["zebra", "mango", "nowhere"],
        &["mango", "nowhere"],
        &["mango", "nowhere"],
        &["mango", "nowhere"],
        &["mango", "apple"],
        &["pear"],
    ];
    words.into_iter().map(|words| (words, of_both)).collect()
}

#[test]
fn texts_of_labels_are_typical_words_in_alphabetical_order() {
    let texts = texts_of(256, &ten());
    // Neither the word of nine in ten nor the one that the vocabulary does not have, and each once.
    assert_eq!(texts[2], ["apple", "pear", "zebra"]);
    assert_eq!(texts[0], texts[2]);
    // B1 has no documents: its name. A2 neither, and its name is not in the vocabulary: a word that is unknown.
    assert_eq!(texts[4], ["b1"]);
    assert_eq!(texts[3], [""]);
}

#[test]
fn texts_of_labels_are_cut_like_any_text() {
    assert_eq!(texts_of(2, &ten())[2], ["apple", "pear"]);
}

#[test]
fn labels_whose_words_are_all_too_common_get_their_name() {
    let documents: Vec<(&[&str], &[u32])> = vec![(&["mango"], &[4]); 10];
    assert_eq!(texts_of(256, &documents)[4], ["b1"]);
}

#[test]
fn labels_are_read_at_the_start_of_an_epoch_and_every_few_steps() {
    // Ten batches an epoch, a reading every three.
    assert_eq!(readings(1, 3, 25), [0, 3, 6, 9, 10, 13, 16, 19, 20, 23]);
}

#[test]
fn batches_that_make_one_update_read_labels_once() {
    // Ten batches an epoch are updates of 4, 4 and 2.
    assert_eq!(readings(4, 1, 25), [0, 4, 8, 10, 14, 18, 20, 24]);
    assert_eq!(readings(4, 2, 25), [0, 8, 10, 18, 20]);
    assert_eq!(readings(4, 50, 25), [0, 10, 20]);
}

/// Batches before which labels are read, of the first `batches` at ten an epoch.
fn readings(accumulate: usize, label_refresh_steps: u64, batches: u64) -> Vec<u64> {
    let mut hyperparameters = still(tiny());
    hyperparameters.training.accumulate = accumulate;
    hyperparameters.matching.label_refresh_steps = label_refresh_steps;
    let mut network = network(&hyperparameters);
    let disturbed = |network: &Network| {
        let labels = parameter(network, "matching.labels").detach();
        labels.shallow_clone().fill_(7.0)
    };
    let is_read = |step: &u64| {
        let before = disturbed(&network).copy();
        network.before_step(moment(*step)).unwrap();
        *parameter(&network, "matching.labels") != before
    };
    (0..batches).filter(is_read).collect()
}

#[test]
fn labels_that_are_read_are_constants() {
    let mut network = network(&tiny());
    network.before_step(moment(0)).unwrap();
    let entry = |name: &str| {
        let entries = network.parameters().entries();
        entries.iter().find(|entry| entry.name == name).unwrap()
    };
    assert!(!entry("matching.labels").trained);
    let gradients = gradients_by_name(&network);
    for name in [
        "matching.gcn.0.bottom_up.bias",
        "matching.label.layer1.weight",
        "matching.text.layer1.weight",
    ] {
        let found = gradients.iter().find(|(found, _)| found == name);
        let largest = found
            .and_then(|(_, gradient)| gradient.as_ref())
            .map_or(0.0, |gradient| gradient.abs().max().double_value(&[]));
        assert!(largest > 0.0, "{name}");
    }
}

#[test]
fn names_start_the_labels_of_the_paper() {
    let network = network(&Hyperparameters { ..of_the_paper() });
    let labels = parameter(&network, "matching.labels").detach();
    let words = network.parameters().tables()[0].values().detach();
    assert_eq!(labels.get(3), words.get(3));
}

#[test]
fn logits_do_not_know_the_matching() {
    let network = network(&tiny());
    let logits = |network: &Network| -> Tensor {
        tch::no_grad(|| network.logits(&Pass::evaluation(), &batch(1)))
    };
    let before = logits(&network);
    for entry in network.parameters().entries() {
        if entry.name.starts_with("matching.") {
            let _ = entry.tensor.detach().fill_(3.0);
        }
    }
    assert_eq!(logits(&network), before);
}
