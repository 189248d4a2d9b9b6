//! A form out of a method's JSON Schema: which fields, in which order, and what may stand in them.

use arborist_shared::manifest::MethodManifest;
use serde_json::{Map, Value};

/// What a field takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Integer(Limits),
    Number(Limits),
    Switch,
    Choice(Vec<Value>),
    Text,
    /// Anything else, written as JSON.
    Json,
}

/// Bounds of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub above: Option<f64>,
    pub below: Option<f64>,
}

impl Limits {
    fn read(property: &Value) -> Self {
        let number = |key: &str| property.get(key).and_then(Value::as_f64);
        Self {
            minimum: number("minimum"),
            maximum: number("maximum"),
            above: number("exclusiveMinimum"),
            below: number("exclusiveMaximum"),
        }
    }

    fn check(&self, value: f64) -> Result<(), String> {
        let say = crate::format::number;
        if self.minimum.is_some_and(|minimum| value < minimum)
            || self.maximum.is_some_and(|maximum| value > maximum)
        {
            return Err(match (self.minimum, self.maximum) {
                (Some(minimum), Some(maximum)) => {
                    format!("From {} to {}.", say(minimum), say(maximum))
                }
                (Some(minimum), None) => format!("At least {}.", say(minimum)),
                (_, maximum) => format!("At most {}.", say(maximum.unwrap_or_default())),
            });
        }
        match (self.above, self.below) {
            (Some(above), _) if value <= above => Err(format!("More than {}.", say(above))),
            (_, Some(below)) if value >= below => Err(format!("Less than {}.", say(below))),
            _ => Ok(()),
        }
    }

    /// `0 to 1`, `at least 1`; empty without bounds.
    pub fn words(&self) -> String {
        let say = crate::format::number;
        match (self.minimum.or(self.above), self.maximum.or(self.below)) {
            (Some(low), Some(high)) => format!("{} to {}", say(low), say(high)),
            (Some(low), None) if self.above.is_some() => format!("more than {}", say(low)),
            (Some(low), None) => format!("at least {}", say(low)),
            (None, Some(high)) => format!("at most {}", say(high)),
            (None, None) => String::new(),
        }
    }
}

/// A hyperparameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub key: String,
    pub title: String,
    pub description: String,
    pub kind: Kind,
    /// May be left empty, which means `null`.
    pub nullable: bool,
    pub advanced: bool,
    order: f64,
}

impl Field {
    /// What a 0 stands for, where the description has a sentence `0 = …`.
    pub fn meaning_of_zero(&self) -> Option<&str> {
        let (_, rest) = self.description.split_once("0 = ")?;
        // A point within a number ends no sentence.
        let meaning = rest.split_once(". ").map_or(rest, |(sentence, _)| sentence);
        Some(meaning.trim_end_matches('.'))
    }
}

/// The fields of a method, basic ones and advanced ones in the order that the schema asks for.
pub fn fields(schema: &Value) -> Vec<Field> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut fields: Vec<Field> = properties
        .iter()
        .enumerate()
        .map(|(index, (key, property))| field(key, property, index))
        .collect();
    fields.sort_by(|a, b| a.order.total_cmp(&b.order));
    fields
}

fn field(key: &str, property: &Value, index: usize) -> Field {
    let text = |name: &str| {
        property
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let types: Vec<&str> = match property.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let choices = property.get("enum").and_then(Value::as_array);
    let nullable =
        types.contains(&"null") || choices.is_some_and(|choices| choices.contains(&Value::Null));
    let kind = match types.iter().find(|kind| **kind != "null") {
        _ if choices.is_some() => Kind::Choice(
            choices
                .into_iter()
                .flatten()
                .filter(|value| !value.is_null())
                .cloned()
                .collect(),
        ),
        Some(&"boolean") => Kind::Switch,
        Some(&"integer") => Kind::Integer(Limits::read(property)),
        Some(&"number") => Kind::Number(Limits::read(property)),
        Some(&"string") => Kind::Text,
        _ => Kind::Json,
    };
    let title = text("title");
    Field {
        key: key.to_owned(),
        title: if title.is_empty() {
            crate::format::words(key)
        } else {
            title
        },
        description: text("description"),
        kind,
        nullable,
        advanced: property
            .get("x-advanced")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        order: property
            .get("x-order")
            .and_then(Value::as_f64)
            .unwrap_or(1_000.0 + index as f64),
    }
}

/// A value as it stands in the form. A number that a method holds in single precision is written as short
/// as it was meant: 0.02, not 0.019999999552965164.
pub fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(exact) if number.is_f64() && f64::from(exact as f32) == exact => {
                let short = (exact as f32).to_string();
                // A whole number keeps its point, so that it still reads as a number with decimals.
                if short.contains(['.', 'e']) {
                    short
                } else {
                    format!("{short}.0")
                }
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

impl Field {
    /// The value that a text means.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        if text.is_empty() && self.nullable {
            return Ok(Value::Null);
        }
        match &self.kind {
            Kind::Integer(limits) => {
                let value: i64 = text.parse().map_err(|_| "A whole number.".to_owned())?;
                limits.check(value as f64)?;
                Ok(Value::from(value))
            }
            Kind::Number(limits) => {
                let value: f64 = text
                    .parse()
                    .ok()
                    .filter(|value: &f64| value.is_finite())
                    .ok_or("A number, such as 0.001 or 1e-3.")?;
                limits.check(value)?;
                // A whole number stays whole, so that 10 and 10.0 count as the same setting.
                Ok(text
                    .parse::<i64>()
                    .map_or_else(|_| Value::from(value), Value::from))
            }
            Kind::Switch => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err("On or off.".into()),
            },
            Kind::Choice(choices) => choices
                .iter()
                .find(|choice| written(choice) == text)
                .cloned()
                .ok_or_else(|| {
                    format!(
                        "One of {}.",
                        choices.iter().map(written).collect::<Vec<_>>().join(", ")
                    )
                }),
            Kind::Text => Ok(Value::from(text)),
            Kind::Json => {
                serde_json::from_str(text).map_err(|_| "A JSON value, such as [1, 2].".into())
            }
        }
    }
}

/// Whether two values are the same setting: 1 and 1.0 are, and so is a number in double and in single precision.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b || a.fract() != 0.0 && a as f32 == b as f32,
        _ => a == b,
    }
}

/// Values of a preset, schema defaults included; none when the method lacks it.
pub fn preset(manifest: &MethodManifest, name: &str) -> Option<Map<String, Value>> {
    manifest.resolve(Some(name), &[]).ok()
}

/// The presets of a method in the order people expect.
pub fn presets(manifest: &MethodManifest) -> Vec<String> {
    const KNOWN: [&str; 5] = ["fast", "balanced", "best", "code", "paper"];
    let known = KNOWN
        .iter()
        .filter(|name| manifest.presets.contains_key(**name))
        .map(|name| (*name).to_owned());
    let other = manifest
        .presets
        .keys()
        .filter(|name| !KNOWN.contains(&name.as_str()))
        .cloned();
    known.chain(other).collect()
}

/// What a preset is for.
pub fn preset_meaning(name: &str) -> &'static str {
    match name {
        "fast" => "A first answer soon",
        "balanced" => "Good results at a moderate cost",
        "best" => "The best result, whatever it takes",
        "code" => "As the authors' published code does it",
        "paper" => "As the paper describes it",
        _ => "",
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    pub fn manifest() -> MethodManifest {
        serde_json::from_value(json!({
            "name": "hiagm", "title": "HiAGM", "version": "0.0.0", "summary": "Reads the text once and looks at it along the tree.",
            "hierarchy": "tree", "paths": "multi",
            "memory": {"base": 0.0, "per_document": 0.0, "per_token": 0.0, "per_label": 0.0, "per_label_squared": 0.0},
            "presets": {"balanced": {}, "paper": {"learning_rate": 0.0001}, "fast": {"epochs": 3}},
            "hyperparameters": {"type": "object", "properties": {
                "dropout": {"type": "number", "title": "Dropout", "default": 0.5, "minimum": 0, "exclusiveMaximum": 1, "x-advanced": true, "x-order": 9},
                "epochs": {"type": "integer", "title": "Epochs", "description": "Passes over the training documents.", "default": 25, "minimum": 1, "maximum": 1000, "x-order": 1},
                "learning_rate": {"type": "number", "default": 0.001, "exclusiveMinimum": 0, "x-order": 2},
                "variant": {"enum": ["tp", "la"], "default": "tp", "x-order": 3},
                "tie": {"type": "boolean", "default": false, "x-order": 4},
                "max_length": {"type": ["integer", "null"], "default": null, "x-order": 5},
                "sizes": {"type": "array", "default": [2, 3], "x-advanced": true, "x-order": 10}
            }}
        }))
        .expect("a manifest")
    }

    #[test]
    fn a_sentence_of_the_description_says_what_0_means() {
        let mut field = field("learning_rate", &json!({"type": "number"}), 0);
        for (description, meaning) in [
            (
                "How far. 0 = 0.001 for words, 0.0001 for BERT. See there.",
                Some("0.001 for words, 0.0001 for BERT"),
            ),
            ("Norm. 0 = never.", Some("never")),
            ("How far weights move.", None),
        ] {
            field.description = description.to_owned();
            assert_eq!(field.meaning_of_zero(), meaning);
        }
    }

    #[test]
    fn fields_stand_in_the_schemas_order() {
        let fields = fields(&manifest().hyperparameters);
        let keys: Vec<_> = fields.iter().map(|field| field.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "epochs",
                "learning_rate",
                "variant",
                "tie",
                "max_length",
                "dropout",
                "sizes"
            ]
        );
        assert_eq!(
            fields[1].title, "Learning rate",
            "a missing title is made from the key"
        );
        assert_eq!(fields.iter().filter(|field| field.advanced).count(), 2);
        assert!(fields[4].nullable);
        let Kind::Integer(limits) = &fields[0].kind else {
            panic!("epochs are whole")
        };
        assert_eq!(limits.words(), "1 to 1,000");
    }

    #[test]
    fn values_are_checked_as_the_schema_says() {
        let fields = fields(&manifest().hyperparameters);
        let read = |key: &str, text: &str| {
            fields
                .iter()
                .find(|field| field.key == key)
                .expect("a field")
                .read(text)
        };
        assert_eq!(read("epochs", "12"), Ok(json!(12)));
        assert_eq!(read("epochs", "1.5"), Err("A whole number.".into()));
        assert_eq!(read("epochs", "0"), Err("From 1 to 1,000.".into()));
        assert_eq!(read("learning_rate", "1e-3"), Ok(json!(0.001)));
        assert_eq!(read("learning_rate", "0"), Err("More than 0.".into()));
        assert_eq!(
            read("learning_rate", "fast"),
            Err("A number, such as 0.001 or 1e-3.".into())
        );
        assert_eq!(read("dropout", "1"), Err("Less than 1.".into()));
        assert_eq!(read("variant", "la"), Ok(json!("la")));
        assert_eq!(read("variant", "x"), Err("One of tp, la.".into()));
        assert_eq!(read("tie", "true"), Ok(json!(true)));
        assert_eq!(read("max_length", ""), Ok(Value::Null));
        assert_eq!(read("sizes", "[1]"), Ok(json!([1])));
        assert!(read("sizes", "[1").is_err());
    }

    #[test]
    fn presets_are_known_and_ordered() {
        let manifest = manifest();
        assert_eq!(presets(&manifest), ["fast", "balanced", "paper"]);
        assert_eq!(
            preset(&manifest, "paper").expect("a preset")["learning_rate"],
            json!(0.0001)
        );
        assert!(preset(&manifest, "best").is_none());
        assert!(same(&json!(1), &json!(1.0)) && !same(&json!("1"), &json!(1)));
        assert_eq!(written(&json!(0.019999999552965164)), "0.02");
        assert_eq!(written(&json!(1.0)), "1.0");
        assert_eq!(written(&json!(0.001)), "0.001");
        assert!(same(&json!(0.02), &json!(0.019999999552965164)));
    }
}
