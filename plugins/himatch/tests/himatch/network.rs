//! The network: its size, its gradients, its kernels, what it can learn.

use arborist_himatch::network::Network;
use arborist_himatch::{HiMatch, Hyperparameters, LabelRepr};
use arborist_model_kit::checks::{self, Corpus, scores, t5, taxonomy, tree_of};
use arborist_model_kit::training::Trainable;
use arborist_plugin_api::Model;
use tch::Kind;

use crate::tiny::{by_dot_product, of_the_paper, still, tiny};

fn variants() -> Vec<Hyperparameters> {
    let changed = |base: Hyperparameters, change: fn(&mut Hyperparameters)| {
        let mut hyperparameters = base;
        change(&mut hyperparameters);
        hyperparameters
    };
    vec![
        tiny(),
        of_the_paper(),
        changed(tiny(), |h| h.propagation_gcn = false),
        changed(tiny(), |h| h.matching.hierarchy_sampling = false),
        changed(tiny(), |h| {
            h.matching.l2_norm = true;
            h.matching.positive_num = 2;
        }),
        changed(tiny(), |h| h.matching.use_joint = false),
        changed(tiny(), |h| {
            h.matching.use_joint = false;
            h.matching.use_match = false;
        }),
        by_dot_product(),
        changed(by_dot_product(), |h| {
            h.matching = of_the_paper().matching;
        }),
    ]
}

#[test]
fn parameters_are_as_many_as_in_the_authors_model() {
    let mut hyperparameters = Hyperparameters::default();
    hyperparameters.text.max_vocab = 60_000;
    let network: Network = checks::network(&hyperparameters, &tree_of(103), 60_002, Kind::Float);
    let constants: usize = network
        .parameters()
        .entries()
        .iter()
        .filter(|entry| entry.name == "matching.labels")
        .map(|entry| entry.tensor.numel())
        .sum();
    assert_eq!(network.parameters().count() - constants as i64, 37_394_851);
    // The table that the paper trains is 300 values a label more.
    hyperparameters.matching.label_repr = LabelRepr::NameGloveMean;
    let network: Network = checks::network(&hyperparameters, &tree_of(103), 60_002, Kind::Float);
    assert_eq!(network.parameters().count(), 37_394_851 + 103 * 300);
}

#[test]
fn gradients_are_slopes() {
    for hyperparameters in variants() {
        checks::gradients::<Network>(&hyperparameters, &[]);
    }
}

#[test]
fn kernels_compute_what_libtorch_does() {
    for hyperparameters in variants() {
        checks::kernels::<Network>(&still(hyperparameters));
    }
}

#[test]
fn the_network_for_prediction_scores_the_same() {
    for hyperparameters in variants() {
        checks::trained_scores::<Network>(&hyperparameters);
    }
}

#[test]
fn a_network_without_dropout_learns_200_documents_by_heart() {
    for mut hyperparameters in [tiny(), of_the_paper()].map(still) {
        hyperparameters.training.epochs = 40;
        checks::learns_by_heart::<HiMatch>(hyperparameters);
    }
}

#[test]
fn labels_without_documents_are_scored_by_their_names() {
    // Texts say leaves by `word2` to `word4`.
    let named = taxonomy(&[
        ("top", &[]),
        ("side", &[]),
        ("word2", &["top"]),
        ("word3", &["top"]),
        ("word4", &["side"]),
    ]);
    let corpus = Corpus::new(&named);
    let mut hyperparameters = still(by_dot_product());
    hyperparameters.training.epochs = 20;
    corpus.train::<HiMatch>(hyperparameters).0.unwrap();
    let mut model = corpus.load::<HiMatch>().unwrap();
    let rows = scores(
        &model
            .predict(&["word2 filler1 word2 filler2", "word4 filler1 word4"])
            .unwrap(),
    );
    assert!(
        rows[0][2] > rows[0][4] && rows[1][4] > rows[1][2],
        "{rows:?}"
    );
    // Tops are nobody's explicit label, and have scores all the same.
    assert!(rows.iter().flatten().all(|score| score.is_finite()));
}

#[test]
fn the_matching_is_not_in_the_checkpoint() {
    let corpus = Corpus::new(&t5());
    corpus.train::<HiMatch>(tiny()).0.unwrap();
    let weights = std::fs::read(corpus.request.checkpoint.join("model.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&weights[..weights.len().min(4_096)]).into_owned();
    assert!(header.contains("classifier.weight"), "{header}");
    assert!(!header.contains("matching."), "{header}");
}
