//! Checks of hyperparameters against a manifest, and of a manifest against the rules for manifests.
//!
//! Nothing is loaded here: the server checks requests with the manifest that lies beside a library.

use std::collections::{BTreeMap, HashSet};

use arborist_shared::api::problem::FieldError;
use arborist_shared::manifest::MethodManifest;
use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::{Map, Value};

/// The presets that every method has.
const PRESETS: [&str; 5] = ["fast", "balanced", "best", "code", "paper"];

/// Checks complete hyperparameters against the manifest's JSON Schema.
///
/// # Errors
/// For each hyperparameter at fault one error, in the order of their names: `field` is a JSON pointer into
/// `hyperparameters` (`/learning_rate`), the message says what was found and what is allowed. Unknown keys are refused,
/// with the nearest known one as a suggestion.
pub fn validate_hyperparameters(
    manifest: &MethodManifest,
    hyperparameters: &Map<String, Value>,
) -> Result<(), Vec<FieldError>> {
    let validator = compile(&manifest.hyperparameters).map_err(|message| {
        vec![FieldError {
            field: String::new(),
            message,
        }]
    })?;
    let errors = check(&validator, manifest, hyperparameters);
    if errors.is_empty() {
        return Ok(());
    }
    let errors = errors.into_iter();
    Err(errors
        .map(|(field, message)| FieldError { field, message })
        .collect())
}

/// What is wrong with a manifest; empty when it keeps the rules.
///
/// The schema compiles; every hyperparameter has title, description and default; the five presets are there;
/// defaults and presets pass the schema.
#[must_use]
pub fn manifest_problems(manifest: &MethodManifest) -> Vec<String> {
    let mut problems = Vec::new();
    let is_name_character = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "-_".contains(character)
    };
    if manifest.name.is_empty() || !manifest.name.chars().all(is_name_character) {
        problems.push(format!(
            "`name` is {:?}, expected lower case letters, digits, `-` and `_`",
            manifest.name
        ));
    }
    for (key, text) in [
        ("title", &manifest.title),
        ("version", &manifest.version),
        ("summary", &manifest.summary),
    ] {
        if text.trim().is_empty() {
            problems.push(format!("`{key}` is empty"));
        }
    }
    let schema = &manifest.hyperparameters;
    let validator = match compile(schema) {
        Ok(validator) => validator,
        Err(message) => {
            problems.push(message);
            return problems;
        }
    };
    if schema.get("type") != Some(&Value::from("object")) {
        problems.push("`hyperparameters` must be a schema of type `object`".to_owned());
    }
    for (key, property) in properties(manifest) {
        for part in ["title", "description"] {
            if property
                .get(part)
                .and_then(Value::as_str)
                .is_none_or(|text| text.trim().is_empty())
            {
                problems.push(format!("hyperparameter `{key}` has no `{part}`"));
            }
        }
        let kind = property.get("type").and_then(Value::as_str);
        if matches!(kind, Some("integer" | "number")) {
            for (bound, open) in [
                ("minimum", "exclusiveMinimum"),
                ("maximum", "exclusiveMaximum"),
            ] {
                if property.get(bound).is_none() && property.get(open).is_none() {
                    problems.push(format!("hyperparameter `{key}` has no `{bound}`"));
                }
            }
        }
        if property.get("default").is_none() {
            problems.push(format!("hyperparameter `{key}` has no `default`"));
        }
    }
    for preset in PRESETS {
        match manifest.resolve(Some(preset), &[]) {
            Err(error) => problems.push(error.to_string()),
            Ok(resolved) => {
                for (field, message) in check(&validator, manifest, &resolved) {
                    problems.push(format!("preset `{preset}`, {field}: {message}"));
                }
            }
        }
    }
    let mut bare = manifest.clone();
    bare.presets.insert("balanced".to_owned(), Map::new());
    if let Ok(defaults) = bare.resolve(None, &[]) {
        for (field, message) in check(&validator, manifest, &defaults) {
            problems.push(format!("defaults, {field}: {message}"));
        }
    }
    problems
}

fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::draft202012::new(schema)
        .map_err(|error| format!("`hyperparameters` is not a valid JSON Schema: {error}"))
}

/// Errors by JSON pointer, one for each.
fn check(
    validator: &Validator,
    manifest: &MethodManifest,
    hyperparameters: &Map<String, Value>,
) -> BTreeMap<String, String> {
    let mut errors = BTreeMap::new();
    let known: HashSet<&str> = properties(manifest).map(|(key, _)| key).collect();
    for key in hyperparameters.keys() {
        if !known.contains(key.as_str()) {
            errors.insert(pointer(key), unknown_key(manifest, key));
        }
    }
    for (key, property) in properties(manifest) {
        // JSON Schema takes 3.0 for a whole number, most programs that read JSON do not.
        if let Some(value) = hyperparameters.get(key)
            && value.is_f64()
            && property.get("type").and_then(Value::as_str) == Some("integer")
        {
            errors.insert(pointer(key), found(value, &allowed(property)));
        }
    }
    let instance = Value::Object(hyperparameters.clone());
    for error in validator.iter_errors(&instance) {
        if let Some((field, message)) = explain(manifest, &error) {
            errors.entry(field).or_insert(message);
        }
    }
    errors
}

fn explain(manifest: &MethodManifest, error: &ValidationError<'_>) -> Option<(String, String)> {
    let at = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { .. } if at.is_empty() => None,
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let expected = properties(manifest)
                .find(|(known, _)| at.is_empty() && *known == key)
                .map(|(_, schema)| format!(", expected {}", allowed(schema)))
                .unwrap_or_default();
            Some((
                format!("{at}{}", pointer(key)),
                format!("is missing{expected}"),
            ))
        }
        _ => {
            let schema = properties(manifest)
                .find(|(key, _)| pointer(key) == at)
                .map(|(_, schema)| schema);
            let message = match schema {
                Some(schema) => found(error.instance(), &allowed(schema)),
                None => error.to_string(),
            };
            Some((at.to_owned(), message))
        }
    }
}

fn found(value: &Value, allowed: &str) -> String {
    let mut text = value.to_string();
    if text.chars().count() > 60 {
        text = text.chars().take(60).chain(['…']).collect();
    }
    format!("found {text}, expected {allowed}")
}

/// What a property's schema allows, in words: `a whole number from 1 to 1000`.
fn allowed(schema: &Value) -> String {
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let options: Vec<String> = options.iter().map(Value::to_string).collect();
        return format!("one of {}", options.join(", "));
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(options) = schema.get(choice).and_then(Value::as_array) {
            let options: Vec<String> = options.iter().map(allowed).collect();
            return options.join(" or ");
        }
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return "another value".to_owned(),
    };
    let words: Vec<String> = types
        .iter()
        .map(|name| type_in_words(name, schema))
        .collect();
    words.join(" or ")
}

fn type_in_words(name: &str, schema: &Value) -> String {
    let noun = match name {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => return "true or false".to_owned(),
        "null" => return "null".to_owned(),
        "string" => "text",
        "array" => "a list",
        "object" => "an object",
        other => other,
    };
    let bound = |keys: [&'static str; 2]| {
        keys.into_iter()
            .find_map(|key| schema.get(key).map(|limit| (key, limit)))
    };
    let (least, most) = match name {
        "integer" | "number" => (
            bound(["minimum", "exclusiveMinimum"]),
            bound(["maximum", "exclusiveMaximum"]),
        ),
        "string" => (bound(["minLength", ""]), bound(["maxLength", ""])),
        "array" => (bound(["minItems", ""]), bound(["maxItems", ""])),
        _ => (None, None),
    };
    let of_what = match name {
        "string" => " characters",
        "array" => " items",
        _ => "",
    };
    let range = match (least, most) {
        (Some(("exclusiveMinimum", least)), Some(("exclusiveMaximum", most))) => {
            format!(" above {least} and below {most}")
        }
        (Some(("exclusiveMinimum", least)), Some((_, most))) => {
            format!(" above {least} and at most {most}")
        }
        (Some((_, least)), Some(("exclusiveMaximum", most))) => {
            format!(" of at least {least} and below {most}")
        }
        (Some((_, least)), Some((_, most))) => format!(" from {least} to {most}{of_what}"),
        (Some(("exclusiveMinimum", least)), None) => format!(" above {least}"),
        (Some((_, least)), None) => format!(" of at least {least}{of_what}"),
        (None, Some(("exclusiveMaximum", most))) => format!(" below {most}"),
        (None, Some((_, most))) => format!(" of at most {most}{of_what}"),
        (None, None) => String::new(),
    };
    let pattern = match schema.get("pattern").and_then(Value::as_str) {
        Some(pattern) if name == "string" => format!(" like `{pattern}`"),
        _ => String::new(),
    };
    format!("{noun}{range}{pattern}")
}

fn unknown_key(manifest: &MethodManifest, key: &str) -> String {
    let nearest = properties(manifest)
        .map(|(known, _)| (strsim::jaro_winkler(known, &key.to_lowercase()), known))
        .max_by(|left, right| left.0.total_cmp(&right.0));
    let unknown = format!("is not a hyperparameter of {}", manifest.title);
    match nearest {
        Some((similarity, known)) if similarity >= 0.8 => {
            format!("{unknown}; did you mean `{known}`?")
        }
        Some(_) => {
            let known: Vec<&str> = properties(manifest).map(|(key, _)| key).collect();
            format!("{unknown}, it has {}", known.join(", "))
        }
        None => format!("{unknown}, it has none"),
    }
}

fn properties(manifest: &MethodManifest) -> impl Iterator<Item = (&str, &Value)> {
    let properties = manifest.hyperparameters.get("properties");
    properties
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, schema)| (key.as_str(), schema))
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}
