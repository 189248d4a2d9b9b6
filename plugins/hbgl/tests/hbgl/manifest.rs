//! Hyperparameters and presets.

use arborist_hbgl::{Hbgl, Hyperparameters, LevelCandidates, Mode, SiblingTargets};
use arborist_model_kit::checks;
use arborist_plugin_api::{Facts, Method, ModelError};
use serde_json::Value;

fn resolved(preset: &str) -> Hyperparameters {
    let values = Hbgl::manifest().resolve(Some(preset), &[]).unwrap();
    serde_json::from_value(Value::Object(values)).unwrap()
}

#[test]
fn schema_and_struct_have_the_same_keys_and_defaults() {
    let manifest = Hbgl::manifest();
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
    assert_eq!((code.target_mask_prob, paper.target_mask_prob), (0.5, 0.0));
    assert_eq!(
        (code.level_candidates, paper.level_candidates),
        (LevelCandidates::AllPlusSep, LevelCandidates::OwnLevel)
    );
    assert!(paper.restrict_to_level && !code.restrict_to_level);
    assert_eq!(code.sibling_targets, SiblingTargets::Shifted);
    assert_eq!(
        (code.steps, code.training.warmup_steps, code.eval_every),
        (96_000, 500, 1_500)
    );
    for preset in ["fast", "balanced", "best"] {
        let own = resolved(preset);
        assert_eq!(own.sibling_targets, SiblingTargets::Correct);
        assert_eq!((own.steps, own.max_source_test), (0, 0));
    }
}

#[test]
fn options_without_effect_are_named() {
    let named = |change: &dyn Fn(&mut Hyperparameters)| {
        let mut hyperparameters = Hyperparameters::default();
        change(&mut hyperparameters);
        hyperparameters.without_effect()
    };
    let change = |own: &mut Hyperparameters| {
        own.mode = Mode::MultiLabel;
        own.target_mask_prob = 0.1;
        own.restrict_to_level = true;
    };
    assert_eq!(named(&change), ["target_mask_prob", "restrict_to_level"]);
    let change = |own: &mut Hyperparameters| {
        own.mode = Mode::Seq2seq;
        own.target_mask_prob = 0.1;
        own.restrict_to_level = true;
    };
    assert_eq!(named(&change), ["restrict_to_level"]);
    assert!(named(&|own| own.restrict_to_level = true).is_empty());
}

#[test]
fn a_list_needs_room_for_a_label() {
    let hyperparameters = Hyperparameters {
        max_target: 1,
        ..Hyperparameters::default()
    };
    let Err(ModelError::Input(message)) = Hbgl::check(&hyperparameters, &Facts::default()) else {
        panic!("there is only room for the end")
    };
    assert!(message.contains("max_target"), "{message}");
}

#[test]
fn the_rows_of_the_papers_are_accepted() {
    assert!(checks::rows_of_papers::<Hbgl>() > 5);
}
