//! Hyperparameters, presets, memory.

use arborist_hiagm::{HiAgm, Hyperparameters};
use arborist_model_kit::blocks::{EdgeStart, Propagation, StructureKind, TopDownIndex};
use arborist_model_kit::checks;
use arborist_model_kit::settings::StructureSettings;
use arborist_plugin_api::{Facts, Method, ModelError};
use serde_json::{Value, json};

fn resolved(preset: &str) -> Hyperparameters {
    let values = HiAgm::manifest().resolve(Some(preset), &[]).unwrap();
    serde_json::from_value(Value::Object(values)).unwrap()
}

#[test]
fn schema_and_struct_have_the_same_keys_and_defaults() {
    let manifest = HiAgm::manifest();
    let properties = manifest.hyperparameters["properties"].as_object().unwrap();
    let defaults = serde_json::to_value(Hyperparameters::default()).unwrap();
    let keys: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    let mut described: Vec<&String> = properties.keys().collect();
    described.sort();
    let mut expected = keys.clone();
    expected.sort();
    assert_eq!(described, expected);
    assert_eq!(resolved("balanced"), Hyperparameters::default());
}

#[test]
fn the_authors_presets_follow_their_code_and_paper() {
    let code = resolved("code");
    assert_eq!(
        (
            code.training.learning_rate,
            code.training.batch_size,
            code.training.epochs,
            code.training.patience
        ),
        (1e-4, 64, 250, 50)
    );
    assert_eq!(
        (
            code.text.max_length,
            code.text.min_freq,
            code.text.max_vocab,
            code.training.adam_eps
        ),
        (256, 5, 50_000, 1e-8)
    );
    // What only these presets have, as the file says it: another value is another method.
    let manifest = HiAgm::manifest();
    assert_eq!(
        Value::Object(manifest.presets["code"].clone()),
        json!({
            "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 250, "patience": 50,
            "stop_rule": "both_worse", "cleaning": "english", "conv_tail": "batch_max",
            "vocabulary_from": "train_validation", "prior_from": "train_validation",
            "tree_td_index": "as_released_zero", "la_label_dim": 300
        })
    );
    assert_eq!(
        Value::Object(manifest.presets["paper"].clone()),
        json!({
            "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 250, "patience": 50,
            "stop_rule": "both_worse", "cleaning": "english", "conv_tail": "batch_max", "vocabulary_from": "train",
            "min_freq": 2, "max_vocab": 60_000, "bce_reduction": "sum", "adam_eps": 1e-6, "init": "xavier",
            "la_prior_trainable": false
        })
    );
    // Corrections of the code, and so in the everyday presets.
    let balanced = resolved("balanced");
    assert_eq!(
        (balanced.structure.tree_td_index, balanced.la_label_dim),
        (TopDownIndex::Correct, 100)
    );
    let paper = resolved("paper");
    assert_eq!(
        (
            paper.text.min_freq,
            paper.text.max_vocab,
            paper.training.adam_eps
        ),
        (2, 60_000, 1e-6)
    );
}

#[test]
fn large_taxonomies_are_refused_with_the_number() {
    let facts = |labels| Facts {
        documents: 45_000,
        tokens: 20_000_000,
        labels,
        depth: 6,
    };
    let hyperparameters = Hyperparameters::default();
    assert!(HiAgm::check(&hyperparameters, &facts(166)).is_ok());
    let Err(ModelError::Input(message)) = HiAgm::check(&hyperparameters, &facts(4_271)) else {
        panic!("4,271 labels are too many")
    };
    assert!(
        message.contains("4271") && message.contains("GB"),
        "{message}"
    );
    let gigabytes = |labels| HiAgm::memory(&hyperparameters, &facts(labels)) as f64 / 1e9;
    assert!(gigabytes(103) < 2.0, "{}", gigabytes(103));
    assert!(gigabytes(1_000) > 4.8, "{}", gigabytes(1_000));
    let quadratic = (gigabytes(2_000) - gigabytes(0)) / (gigabytes(1_000) - gigabytes(0));
    assert!(quadratic > 3.0, "{quadratic}");
}

#[test]
fn an_odd_width_does_not_go_with_a_tree_lstm() {
    let facts = Facts {
        documents: 10,
        tokens: 100,
        labels: 5,
        depth: 2,
    };
    let odd = Hyperparameters {
        structure: StructureSettings {
            structure: StructureKind::TreeLstm,
            ..StructureSettings::default()
        },
        node_size: 301,
        ..Hyperparameters::default()
    };
    assert!(matches!(
        HiAgm::check(&odd, &facts),
        Err(ModelError::Input(_))
    ));
}

#[test]
fn choices_that_would_change_nothing_are_refused() {
    let facts = Facts {
        documents: 10,
        tokens: 100,
        labels: 5,
        depth: 2,
    };
    let refused = |change: fn(&mut StructureSettings)| -> Option<String> {
        let mut hyperparameters = Hyperparameters::default();
        change(&mut hyperparameters.structure);
        match HiAgm::check(&hyperparameters, &facts) {
            Ok(()) => None,
            Err(ModelError::Input(message)) => Some(message),
            Err(other) => panic!("{other}"),
        }
    };
    // Defaults go with everything, and so do the priors with a tree LSTM.
    assert_eq!(refused(|s| s.structure = StructureKind::TreeLstm), None);
    assert_eq!(refused(|s| s.structure = StructureKind::None), None);
    assert_eq!(refused(|s| s.graph.edge_wise = true), None);
    assert_eq!(
        refused(|s| {
            s.structure = StructureKind::TreeLstm;
            s.graph.prior_top_down = EdgeStart::One;
            s.graph.prior_trainable = false;
        }),
        None
    );
    let named = |change: fn(&mut StructureSettings), names: [&str; 2]| {
        let message = refused(change).unwrap();
        for name in names {
            assert!(message.contains(name), "{message}");
        }
    };
    named(
        |s| {
            s.structure = StructureKind::TreeLstm;
            s.graph.gcn_layers = 2;
            s.graph.propagation = Propagation::AllPairs;
        },
        ["tree_lstm", "gcn_layers, propagation"],
    );
    named(
        |s| {
            s.graph.edge_wise = true;
            s.graph.prior_bottom_up = EdgeStart::Prior;
        },
        ["edge_wise", "prior_bottom_up"],
    );
    named(
        |s| {
            s.structure = StructureKind::None;
            s.graph.prior_top_down = EdgeStart::One;
        },
        ["none", "prior_top_down"],
    );
}

#[test]
fn the_rows_of_the_papers_are_accepted() {
    assert!(checks::rows_of_papers::<HiAgm>() > 30);
}
