//! The network: its gradients, its kernels, what it can learn.

use arborist_htcinfomax::network::Network;
use arborist_htcinfomax::{
    AblationGate, AuxWeight, HtcInfoMax, Hyperparameters, LabelInit, Negatives,
};
use arborist_model_kit::blocks::StructureKind;
use arborist_model_kit::checks::{self, Corpus, parameter, t5, tree_of};
use arborist_model_kit::settings::EncoderKind;
use arborist_model_kit::training::Trainable;
use tch::Kind;

use crate::tiny::{of_convolutions, still, tiny};

fn variants() -> Vec<Hyperparameters> {
    let trained = Hyperparameters {
        train_aux: true,
        ..tiny()
    };
    let changed = |change: fn(&mut Hyperparameters)| {
        let mut hyperparameters = trained.clone();
        change(&mut hyperparameters);
        hyperparameters
    };
    vec![
        tiny(),
        of_convolutions(),
        trained.clone(),
        changed(|h| h.structure.structure = StructureKind::TreeLstm),
        changed(|h| {
            h.use_mi = false;
            h.ablation_gate = AblationGate::KeepGate;
        }),
        changed(|h| h.use_label_prior = false),
        changed(|h| {
            h.aux_weight = AuxWeight::Fixed;
            h.negatives = Negatives::Derangement;
            h.mask_padding_in_attention = true;
        }),
        Hyperparameters {
            train_aux: true,
            ..of_convolutions()
        },
        changed(|h| h.encoder = EncoderKind::Bert),
    ]
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
fn every_dropout_acts() {
    let names = [
        "embedding_dropout",
        "rnn_dropout",
        "label_dropout",
        "node_dropout",
        "classifier_dropout",
    ];
    checks::dropouts_are_felt::<Network>(&tiny(), &names);
}

#[test]
fn a_network_without_dropout_learns_200_documents_by_heart() {
    let mut pretrained = tiny();
    pretrained.encoder = EncoderKind::Bert;
    pretrained.training.learning_rate = 0.003;
    for mut hyperparameters in [tiny(), of_convolutions(), pretrained].map(still) {
        hyperparameters.training.epochs = 40;
        checks::learns_by_heart::<HtcInfoMax>(hyperparameters);
    }
}

#[test]
fn discriminators_have_as_many_parameters_as_the_authors() {
    let hyperparameters = Hyperparameters {
        train_aux: true,
        ..Hyperparameters::default()
    };
    let network: Network = checks::network(&hyperparameters, &tree_of(103), 102, Kind::Float);
    let count = |prefix: &str| -> usize {
        network
            .parameters()
            .entries()
            .iter()
            .filter(|entry| entry.name.starts_with(prefix))
            .map(|entry| entry.tensor.numel())
            .sum()
    };
    assert_eq!(count("information."), 1_411_037);
    assert_eq!(count("prior."), 501_401);
    assert_eq!(count("label_map"), 300 * 300);
    assert_eq!(count("gate."), 300 + 1 + 300 * 103 + 1);
}

#[test]
fn labels_can_start_from_their_names() {
    let hyperparameters = Hyperparameters {
        label_init: LabelInit::GloveName,
        text: arborist_model_kit::settings::TextSettings {
            word_size: 16,
            ..tiny().text
        },
        ..tiny()
    };
    let network: Network = checks::network(&hyperparameters, &t5(), 20, Kind::Float);
    let labels = parameter(&network, "labels").detach();
    let words = network.parameters().tables()[0].values().detach();
    // The vocabulary begins with the labels' names; those of one letter are no words.
    for (label, row) in [(2, 2), (3, 3), (4, 4)] {
        assert_eq!(labels.get(label), words.get(row), "label {label}");
    }
    assert_ne!(labels.get(0), words.get(0));
}

#[test]
fn what_only_training_needs_is_not_in_the_checkpoint() {
    let corpus = Corpus::new(&t5());
    corpus.train::<HtcInfoMax>(tiny()).0.unwrap();
    let weights = std::fs::read(corpus.request.checkpoint.join("model.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&weights[..weights.len().min(4_096)]).into_owned();
    assert!(header.contains("classifier.weight"), "{header}");
    for name in ["information.", "prior.", "gate.", "label_map"] {
        assert!(!header.contains(name), "{name}");
    }
}
