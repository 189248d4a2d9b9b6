//! Hyperparameters against a manifest, and manifests against the rules.

use arborist_plugin_api::host::{manifest_problems, validate_hyperparameters};
use arborist_plugin_api::{Method as _, MethodManifest};
use serde_json::{Value, json};

use crate::toy::Toy;

/// The toy's manifest with properties of every kind.
fn manifest() -> MethodManifest {
    let mut manifest = Toy::manifest();
    manifest.hyperparameters = json!({
        "type": "object",
        "properties": {
            "learning_rate": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.1},
            "epochs": {"type": "integer", "minimum": 1, "default": 3},
            "select": {"type": "string", "enum": ["macro_f1", "micro_f1"], "default": "macro_f1"},
            "max_features": {"type": ["integer", "null"], "minimum": 10, "default": null},
            "lowercase": {"type": "boolean", "default": true},
            "filters": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "default": [2, 3]},
            "rate": {"anyOf": [{"type": "number", "minimum": 0}, {"const": "auto"}], "default": "auto"},
            "a/b": {"type": "string", "default": ""},
        },
        "required": ["epochs"],
        "additionalProperties": false,
    });
    manifest
}

fn check(hyperparameters: Value, expected: &[(&str, &str)]) {
    let map = hyperparameters.as_object().unwrap();
    let errors = validate_hyperparameters(&manifest(), map)
        .err()
        .unwrap_or_default();
    let found: Vec<(&str, &str)> = errors
        .iter()
        .map(|error| (error.field.as_str(), error.message.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn complete_and_partial_hyperparameters_pass() {
    check(json!({"epochs": 1}), &[]);
    check(
        json!({"epochs": 3, "learning_rate": 1, "select": "micro_f1", "max_features": null, "lowercase": false,
               "filters": [1], "rate": 0.5, "a/b": "x"}),
        &[],
    );
}

#[test]
fn numbers_out_of_range_are_named_with_the_range() {
    check(
        json!({"epochs": 0, "learning_rate": 0, "max_features": 9}),
        &[
            ("/epochs", "found 0, expected a whole number of at least 1"),
            (
                "/learning_rate",
                "found 0, expected a number above 0 and at most 1",
            ),
            (
                "/max_features",
                "found 9, expected a whole number of at least 10 or null",
            ),
        ],
    );
}

#[test]
fn values_of_another_type_are_named() {
    check(
        json!({"epochs": "three", "lowercase": 1, "select": "f1", "rate": "fast", "a/b": 1}),
        &[
            ("/a~1b", "found 1, expected text"),
            (
                "/epochs",
                "found \"three\", expected a whole number of at least 1",
            ),
            ("/lowercase", "found 1, expected true or false"),
            (
                "/rate",
                "found \"fast\", expected a number of at least 0 or \"auto\"",
            ),
            (
                "/select",
                "found \"f1\", expected one of \"macro_f1\", \"micro_f1\"",
            ),
        ],
    );
}

#[test]
fn a_whole_number_has_no_fraction() {
    check(
        json!({"epochs": 3.0}),
        &[(
            "/epochs",
            "found 3.0, expected a whole number of at least 1",
        )],
    );
}

#[test]
fn errors_inside_of_lists_have_their_pointer() {
    check(
        json!({"epochs": 1, "filters": [2, 0]}),
        &[("/filters/1", "0 is less than the minimum of 1")],
    );
    check(
        json!({"epochs": 1, "filters": []}),
        &[("/filters", "found [], expected a list of at least 1 items")],
    );
}

#[test]
fn a_missing_hyperparameter_is_named() {
    check(
        json!({}),
        &[(
            "/epochs",
            "is missing, expected a whole number of at least 1",
        )],
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    check(
        json!({"epochs": 1, "learning_rat": 0.1, "Epoch": 2}),
        &[
            (
                "/Epoch",
                "is not a hyperparameter of Toy; did you mean `epochs`?",
            ),
            (
                "/learning_rat",
                "is not a hyperparameter of Toy; did you mean `learning_rate`?",
            ),
        ],
    );
    check(
        json!({"epochs": 1, "zzz": 0}),
        &[(
            "/zzz",
            "is not a hyperparameter of Toy, it has a/b, epochs, filters, learning_rate, lowercase, max_features, rate, select",
        )],
    );
}

#[test]
fn a_broken_schema_is_an_error_and_no_panic() {
    let mut manifest = manifest();
    manifest.hyperparameters = json!({"type": "objekt"});
    let errors = validate_hyperparameters(&manifest, &serde_json::Map::new()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].message.contains("not a valid JSON Schema"),
        "{errors:?}"
    );
    assert!(!manifest_problems(&manifest).is_empty());
}

#[test]
fn a_sound_manifest_has_no_problems() {
    assert_eq!(manifest_problems(&Toy::manifest()), [""; 0]);
}

#[test]
fn a_manifest_is_held_to_the_rules() {
    let mut manifest = Toy::manifest();
    manifest.name = "My Toy".to_owned();
    manifest.presets.remove("paper");
    manifest
        .presets
        .get_mut("best")
        .unwrap()
        .insert("epochs".to_owned(), json!(0));
    let property = &mut manifest.hyperparameters["properties"]["smoothing"];
    property.as_object_mut().unwrap().remove("title");
    property["default"] = json!(-1);
    let problems = manifest_problems(&manifest);
    let expected = [
        "`name` is \"My Toy\", expected lower case letters, digits, `-` and `_`",
        "hyperparameter `smoothing` has no `title`",
        "preset `fast`, /smoothing: found -1, expected a number above 0 and at most 100",
        "preset `best`, /epochs: found 0, expected a whole number from 1 to 1000000",
        "preset `paper` does not exist; this method has balanced, best, code, fast",
        "defaults, /smoothing: found -1, expected a number above 0 and at most 100",
    ];
    for problem in expected {
        assert!(
            problems.iter().any(|found| found == problem),
            "{problem:?} is not in {problems:#?}"
        );
    }
}
