//! Hyperparameters from the command line: the preset, then `--config`, then each `--set`; checked against the schema.

use std::fs;
use std::path::Path;

use arborist_plugin_api::host::validate_hyperparameters;
use arborist_shared::manifest::MethodManifest;
use serde_json::{Map, Value};

use super::CliError;

/// Complete hyperparameters.
pub(super) fn resolve(
    manifest: &MethodManifest,
    preset: Option<&str>,
    config: Option<&Path>,
    settings: &[(String, Value)],
) -> Result<Map<String, Value>, CliError> {
    let mut layers = Vec::new();
    if let Some(config) = config {
        layers.push(read_config(config)?);
    }
    layers.push(settings.iter().cloned().collect());
    let resolved = manifest
        .resolve(preset, &layers)
        .map_err(|error| CliError::input(format!("--preset: {error}")))?;
    validate_hyperparameters(manifest, &resolved).map_err(|errors| {
        let lines: Vec<String> = errors
            .iter()
            .map(|error| {
                format!(
                    "hyperparameter `{}`: {}",
                    error.field.trim_start_matches('/'),
                    error.message
                )
            })
            .collect();
        CliError::Input(lines.join("\n"))
    })?;
    Ok(resolved)
}

/// `key=value`, where the value is JSON, or else taken as text.
pub(super) fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("found `{text}`, expected key=value"))?;
    let key = key.trim();
    if key.is_empty() {
        return Err(format!("found no key in `{text}`, expected key=value"));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}

/// A file with one object: TOML by its ending, else JSON.
fn read_config(path: &Path) -> Result<Map<String, Value>, CliError> {
    let at = |message: String| CliError::input(format!("--config {}: {message}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| at(error.to_string()))?;
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    {
        return toml::from_str(&text).map_err(|error| at(error.to_string().trim_end().to_owned()));
    }
    serde_json::from_str(&text).map_err(|error| {
        at(format!(
            "{error}; expected one JSON object of hyperparameters"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_json_or_else_text() {
        assert_eq!(
            setting("epochs=3"),
            Ok(("epochs".to_owned(), Value::from(3)))
        );
        assert_eq!(
            setting("classifier=svm"),
            Ok(("classifier".to_owned(), Value::from("svm")))
        );
        assert_eq!(
            setting("classifier=\"svm\""),
            Ok(("classifier".to_owned(), Value::from("svm")))
        );
        assert_eq!(
            setting("path=a=b"),
            Ok(("path".to_owned(), Value::from("a=b")))
        );
        assert_eq!(
            setting("flag=true"),
            Ok(("flag".to_owned(), Value::from(true)))
        );
        assert!(setting("epochs").is_err());
        assert!(setting("=3").is_err());
    }
}
