//! JSON Schemas of hyperparameters: what the server validates with and the dashboard makes a form of.

mod network;
mod training;

use serde::Serialize;
use serde_json::{Value, json};

pub use self::network::{bce_reduction, classifier, encoder, graph, recursive, structure};
pub use self::training::{encoder_kind, pretrained, text, training};

/// Key, whether it is for those who know the method, and its schema without the default.
pub type Property = (&'static str, bool, Value);

pub const BASIC: bool = false;
pub const ADVANCED: bool = true;

/// The schema of an object of these properties, in their order, with the defaults of `defaults`.
pub fn object(properties: Vec<Property>, defaults: &impl Serialize) -> Value {
    let mut described = json!({});
    let defaults = serde_json::to_value(defaults).unwrap_or_default();
    for (order, (key, advanced, mut property)) in properties.into_iter().enumerate() {
        property["default"] = rounded(&defaults[key]);
        property["x-order"] = json!(order + 1);
        if advanced {
            property["x-advanced"] = json!(true);
        }
        described[key] = property;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "properties": described
    })
}

/// A single-precision default reads 0.5 and not its nearest double.
fn rounded(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() => format!("{number:.9}")
            .parse::<f64>()
            .map_or_else(|_| value.clone(), |number| json!(number)),
        _ => value.clone(),
    }
}

/// One of a few words.
#[must_use]
pub fn choice(title: &str, values: &[&str], description: &str) -> Value {
    json!({"type": "string", "enum": values, "title": title, "description": description})
}

/// A whole number.
#[must_use]
pub fn integer(title: &str, minimum: i64, maximum: i64, description: &str) -> Value {
    json!({"type": "integer", "minimum": minimum, "maximum": maximum, "title": title, "description": description})
}

/// A number.
#[must_use]
pub fn number(title: &str, minimum: f64, maximum: f64, description: &str) -> Value {
    json!({"type": "number", "minimum": minimum, "maximum": maximum, "title": title, "description": description})
}

/// Yes or no.
#[must_use]
pub fn switch(title: &str, description: &str) -> Value {
    json!({"type": "boolean", "title": title, "description": description})
}

/// A share that is dropped.
#[must_use]
pub fn dropout(title: &str, description: &str) -> Value {
    number(title, 0.0, 0.95, description)
}
