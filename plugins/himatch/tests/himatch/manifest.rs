//! Hyperparameters and presets.

use arborist_himatch::{
    CoarseParents, CoarseTerm, Distance, HiMatch, Hyperparameters, LabelRepr, MatchingSettings,
    Scoring,
};
use arborist_model_kit::checks;
use arborist_plugin_api::{Facts, Method, ModelError};
use serde_json::{Value, json};

fn resolved(preset: &str) -> Hyperparameters {
    let values = HiMatch::manifest().resolve(Some(preset), &[]).unwrap();
    serde_json::from_value(Value::Object(values)).unwrap()
}

fn facts(labels: u64) -> Facts {
    Facts {
        documents: 10,
        tokens: 100,
        labels,
        depth: 2,
    }
}

#[test]
fn schema_and_struct_have_the_same_keys_and_defaults() {
    let manifest = HiMatch::manifest();
    let properties = manifest.hyperparameters["properties"].as_object().unwrap();
    let defaults = serde_json::to_value(Hyperparameters::default()).unwrap();
    let mut described: Vec<&String> = properties.keys().collect();
    described.sort();
    let mut expected: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    expected.sort();
    assert_eq!(described, expected);
    assert_eq!(resolved("balanced"), Hyperparameters::default());
}

#[test]
fn the_paper_differs_from_the_code() {
    let (code, paper) = (resolved("code"), resolved("paper"));
    assert_eq!(
        (
            code.text.max_vocab,
            code.training.epochs,
            code.rcnn.rnn_hidden
        ),
        (60_000, 150, 100)
    );
    let of = |h: &Hyperparameters| {
        let matching = &h.matching;
        (
            matching.label_repr,
            matching.distance,
            matching.coarse_term,
            matching.positive_num,
            matching.coarse_parents,
        )
    };
    assert_eq!(
        of(&code),
        (
            LabelRepr::DescEncoder,
            Distance::MeanSq,
            CoarseTerm::PullSlack,
            1,
            CoarseParents::One
        )
    );
    assert_eq!(
        of(&paper),
        (
            LabelRepr::NameGloveMean,
            Distance::L2normEuclid,
            CoarseTerm::Rank,
            0,
            CoarseParents::All
        )
    );
    // What only these presets have, as the file says it: another value is another method.
    let presets = HiMatch::manifest().presets;
    assert_eq!(
        Value::Object(presets["code"].clone()),
        json!({
            "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 150, "patience": 0,
            "stop_rule": "both_worse", "cleaning": "english", "conv_tail": "batch_max",
            "vocabulary_from": "train_validation", "prior_from": "train_validation", "max_vocab": 60_000,
            "eval_every": 200, "eval_from_epoch": 20, "filter_gold_siblings": false
        })
    );
    assert_eq!(
        Value::Object(presets["paper"].clone()),
        json!({
            "learning_rate": 1e-4, "batch_size": 64, "schedule": "constant", "epochs": 150, "patience": 0,
            "stop_rule": "both_worse", "cleaning": "english", "conv_tail": "batch_max", "vocabulary_from": "train",
            "min_freq": 5, "max_vocab": 60_000, "bce_reduction": "sum", "adam_eps": 1e-8, "init": "torch_default",
            "label_repr": "name_glove_mean", "distance": "l2norm_euclid", "coarse_term": "rank",
            "joint_labels": "gold", "positive_num": 0, "coarse_parents": "all"
        })
    );
    // A correction of the code, and so in the everyday presets.
    assert!(resolved("balanced").matching.filter_gold_siblings);
}

#[test]
fn the_rows_of_the_papers_are_accepted() {
    assert!(checks::rows_of_papers::<HiMatch>() > 15);
}

#[test]
fn margins_grow_from_coarse_to_sibling_to_other() {
    let with = |alpha, beta, any_margins| Hyperparameters {
        matching: MatchingSettings {
            alpha,
            beta,
            any_margins,
            ..MatchingSettings::default()
        },
        ..Hyperparameters::default()
    };
    assert!(HiMatch::check(&Hyperparameters::default(), &facts(5)).is_ok());
    assert!(HiMatch::check(&with(0.01, 0.5, false), &facts(5)).is_ok());
    for (alpha, beta) in [(0.5, 0.01), (0.5, 0.5), (0.2, 1.0), (1.0, 1.0)] {
        let Err(ModelError::Input(message)) = HiMatch::check(&with(alpha, beta, false), &facts(5))
        else {
            panic!("{alpha} and {beta} do not grow")
        };
        assert!(message.contains("any_margins"), "{message}");
        assert!(HiMatch::check(&with(alpha, beta, true), &facts(5)).is_ok());
    }
}

#[test]
fn the_code_is_evaluated_within_epochs() {
    let of = |preset| {
        let found = resolved(preset);
        (found.eval_every, found.eval_from_epoch)
    };
    assert_eq!(of("code"), (200, 20));
    assert_eq!(of("balanced"), (0, 0));
}

#[test]
fn a_matrix_per_edge_has_no_weights() {
    let mut hyperparameters = Hyperparameters::default();
    hyperparameters.graph.edge_wise = true;
    assert!(HiMatch::check(&hyperparameters, &facts(5)).is_ok());
    hyperparameters.graph.prior_trainable = false;
    let Err(ModelError::Input(message)) = HiMatch::check(&hyperparameters, &facts(5)) else {
        panic!("there are no priors to keep")
    };
    assert!(
        message.contains("edge_wise") && message.contains("prior_trainable"),
        "{message}"
    );
}

#[test]
fn many_labels_need_dot_products() {
    let Err(ModelError::Input(message)) =
        HiMatch::check(&Hyperparameters::default(), &facts(4_271))
    else {
        panic!("4,271 labels are too many for a classifier")
    };
    assert!(
        message.contains("4271") && message.contains("dot_product"),
        "{message}"
    );
    let eurlex = Hyperparameters {
        scoring: Scoring::DotProduct,
        ..Hyperparameters::default()
    };
    assert!(HiMatch::check(&eurlex, &facts(4_271)).is_ok());
}
