//! The network in training and in prediction.

use arborist_hgclr::network::Network;
use arborist_hgclr::{GumbelInput, Hgclr, Hyperparameters, Positive};
use arborist_model_kit::checks::{self, Corpus};
use arborist_model_kit::pass::{Moment, Pass};
use arborist_model_kit::training::Trainable;
use arborist_plugin_api::Model;
use tch::Kind;

use super::{still, tiny};

const MOMENT: Moment = Moment {
    seed: 1,
    stage: 0,
    step: 0,
};

fn terms(hyperparameters: &Hyperparameters) -> Vec<(&'static str, f64)> {
    let network: Network = checks::network(hyperparameters, &checks::t5(), 20, Kind::Float);
    let losses = network.losses(&checks::batch(1), &Pass::training(MOMENT));
    let mut terms: Vec<(&'static str, f64)> = losses
        .terms
        .iter()
        .map(|(name, value)| (*name, value.double_value(&[])))
        .collect();
    terms.push(("total", losses.total.double_value(&[])));
    terms
}

fn term(terms: &[(&'static str, f64)], name: &str) -> Option<f64> {
    terms
        .iter()
        .find(|(own, _)| *own == name)
        .map(|(_, value)| *value)
}

#[test]
fn the_network_for_prediction_scores_the_same() {
    checks::trained_scores::<Network>(&tiny());
}

#[test]
fn gradients_are_slopes() {
    // The choice of tokens is chance that a difference of losses cannot follow; what is kept is all.
    for gumbel_input in [GumbelInput::Probs, GumbelInput::Logits] {
        let hyperparameters = Hyperparameters {
            positive: Positive::Dropout,
            gumbel_input,
            ..still()
        };
        let unused = unused(&hyperparameters);
        let unused: Vec<&str> = unused.iter().map(String::as_str).collect();
        checks::gradients::<Network>(&hyperparameters, &unused);
    }
}

/// Tensors of the labels' side, which a view by dropout does not use.
fn unused(hyperparameters: &Hyperparameters) -> Vec<String> {
    let network: Network = checks::network(hyperparameters, &checks::t5(), 20, Kind::Float);
    checks::gradients_by_name(&network)
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| {
            ["graph.", "tokens.", "labels."]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .collect()
}

#[test]
fn a_view_by_dropout_without_dropout_is_the_document() {
    let hyperparameters = Hyperparameters {
        positive: Positive::Dropout,
        ..still()
    };
    let terms = terms(&hyperparameters);
    let positive = term(&terms, "positive").unwrap();
    // One document of five has no label and no view.
    let classification = term(&terms, "classification").unwrap();
    assert!(positive > 0.0 && classification > 0.0);
    assert!(term(&terms, "kept").is_none());
}

#[test]
fn without_contrast_both_classifications_are_left() {
    let hyperparameters = Hyperparameters {
        contrast: false,
        ..still()
    };
    let terms = terms(&hyperparameters);
    let sum = term(&terms, "classification").unwrap() + term(&terms, "positive").unwrap();
    assert!((term(&terms, "total").unwrap() - sum).abs() < 1e-5);
    assert!(term(&terms, "contrast").is_none());
    let with = self::terms(&still());
    let expected = term(&with, "classification").unwrap()
        + term(&with, "positive").unwrap()
        + 0.1 * term(&with, "contrast").unwrap();
    assert!((term(&with, "total").unwrap() - expected).abs() < 1e-5);
}

#[test]
fn the_share_of_kept_tokens_is_reported() {
    let all = Hyperparameters {
        keep_threshold: 0.0,
        ..still()
    };
    assert_eq!(term(&terms(&all), "kept"), Some(1.0));
    let none = Hyperparameters {
        keep_threshold: 1.0,
        ..still()
    };
    assert_eq!(term(&terms(&none), "kept"), Some(0.0));
    for positive in [Positive::RandomMask, Positive::Fgsm] {
        let hyperparameters = Hyperparameters {
            positive,
            ..still()
        };
        assert!(
            term(&terms(&hyperparameters), "positive")
                .unwrap()
                .is_finite()
        );
    }
}

#[test]
fn a_network_without_dropout_learns_200_documents_by_heart() {
    let mut hyperparameters = still();
    hyperparameters.training.epochs = 40;
    checks::learns_by_heart::<Hgclr>(hyperparameters);
}

#[test]
fn a_trained_model_keeps_nothing_of_the_labels_but_the_classifier() {
    let corpus = Corpus::new(&checks::tree_of(8));
    let mut hyperparameters = tiny();
    hyperparameters.training.epochs = 2;
    corpus.train::<Hgclr>(hyperparameters).0.unwrap();
    let path = corpus.request.checkpoint.join("model.safetensors");
    let tensors = tch::Tensor::read_safetensors(path).unwrap();
    assert!(
        tensors
            .iter()
            .all(|(name, _)| name.starts_with("bert.") || name.starts_with("classifier.")),
        "{:?}",
        tensors.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    let mut model = corpus.load::<Hgclr>().unwrap();
    let text = "word3x1 filler5 word3x2 and what nobody knows";
    let evidence = model.evidence(text, 3).unwrap();
    assert!(!evidence.is_empty());
    for part in &evidence {
        assert!(text.get(part.start as usize..part.end as usize).is_some());
        assert!(part.weight > 0.0);
    }
}
