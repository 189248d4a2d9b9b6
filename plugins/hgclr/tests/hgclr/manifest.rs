//! Hyperparameters and presets.

use arborist_hgclr::{GumbelInput, Hgclr, Hyperparameters};
use arborist_model_kit::checks;
use arborist_model_kit::settings::TrainSchedule;
use arborist_model_kit::text_method::TextHyperparameters;
use arborist_model_kit::training::BadEpoch;
use arborist_plugin_api::{Facts, Method, ModelError};
use serde_json::Value;

fn resolved(preset: &str) -> Hyperparameters {
    let values = Hgclr::manifest().resolve(Some(preset), &[]).unwrap();
    serde_json::from_value(Value::Object(values)).unwrap()
}

#[test]
fn schema_and_struct_have_the_same_keys_and_defaults() {
    let manifest = Hgclr::manifest();
    let properties = manifest.hyperparameters["properties"].as_object().unwrap();
    let defaults = serde_json::to_value(Hyperparameters::default()).unwrap();
    let mut described: Vec<&String> = properties.keys().collect();
    described.sort();
    let mut expected: Vec<&String> = defaults.as_object().unwrap().keys().collect();
    expected.sort();
    assert_eq!(described, expected);
}

#[test]
fn the_paper_differs_from_the_code() {
    let (code, paper) = (resolved("code"), resolved("paper"));
    assert_eq!(
        (code.gumbel_input, paper.gumbel_input),
        (GumbelInput::Probs, GumbelInput::Logits)
    );
    assert_eq!(code.training.stop_rule, BadEpoch::EitherNotBetter);
    assert_eq!(
        (code.training.warmup_steps, paper.training.warmup_steps),
        (2_000, 0)
    );
    assert_eq!(
        (code.training.learning_rate, code.training.batch_size),
        (3e-5, 12)
    );
}

#[test]
fn labels_need_something_to_start_from() {
    let facts = Facts::default();
    let mut values = serde_json::to_value(Hyperparameters::default()).unwrap();
    values["name_emb"] = "none".into();
    values["id_emb"] = false.into();
    let wrong: Hyperparameters = serde_json::from_value(values).unwrap();
    let Err(ModelError::Input(message)) = Hgclr::check(&wrong, &facts) else {
        panic!("nothing to start from")
    };
    assert!(message.contains("id_emb"), "{message}");
}

/// METHODS 5.5: after the warm-up the rate stays. Falling to 0 leaves half of a short budget unused.
#[test]
fn the_rate_stays_after_the_warm_up() {
    let chosen = Hyperparameters::default();
    assert_eq!(chosen.schedule(), TrainSchedule::Constant);
    assert_eq!(
        (chosen.pretrained.weight_decay, chosen.pretrained.clip_norm),
        (0.0, 0.0)
    );
}

#[test]
fn the_rows_of_the_papers_are_accepted() {
    assert!(checks::rows_of_papers::<Hgclr>() > 5);
}
