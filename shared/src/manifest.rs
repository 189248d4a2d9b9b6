//! What a method says about itself: capabilities, needs, memory, presets and hyperparameters.
//!
//! The server validates requests with it, the dashboard builds its forms from it and the
//! documentation is generated from it. Checking a value against the JSON Schema is the host's work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A method's description, returned by its plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MethodManifest {
    /// Published name in lower case, also the name of the crate and of the side manifest: `hiagm`.
    pub name: String,
    /// Name as people write it: `HiAGM`.
    pub title: String,
    /// Version of the plugin.
    pub version: String,
    /// The idea in at most two lines of plain words.
    pub summary: String,
    /// Where the method was published; none for baselines.
    #[serde(default)]
    pub paper: Option<Paper>,
    /// What kind of taxonomy the method understands; a DAG is reduced to primary parents for tree methods.
    pub hierarchy: HierarchyKind,
    /// Whether a document may have labels on several paths.
    pub paths: PathKind,
    /// Whether pretrained encoder weights are needed.
    #[serde(default)]
    pub encoder: AssetNeed,
    /// The choice with which an optional encoder is needed; with any other it is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder_when: Option<Chosen>,
    /// Whether pretrained word vectors are needed.
    #[serde(default)]
    pub word_vectors: AssetNeed,
    /// Optional abilities of trained models.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Estimate of the memory that training needs with the default preset.
    pub memory: MemoryFormula,
    /// Largest taxonomy the method accepts; none means no fixed limit.
    #[serde(default)]
    pub max_labels: Option<u64>,
    /// `fast`, `balanced`, `best`, `code` and `paper`: values that differ from the schema's defaults.
    pub presets: BTreeMap<String, Map<String, Value>>,
    /// JSON Schema (2020-12) of type `object`; every property has `title`, `description`, `default` and,
    /// where it applies, `minimum`, `maximum`, `enum`. `x-advanced: true` hides a property behind "advanced",
    /// `x-order` sorts.
    pub hyperparameters: Value,
}

/// A hyperparameter with a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Chosen {
    /// Key of the hyperparameter.
    pub hyperparameter: String,
    /// What is chosen.
    pub value: Value,
}

impl MethodManifest {
    /// Whether a training with these complete hyperparameters needs an encoder: it does or it does not, unless the method
    /// leaves that to whoever gives one.
    #[must_use]
    pub fn encoder_need<'a>(&self, value: impl FnOnce(&str) -> Option<&'a Value>) -> AssetNeed {
        match &self.encoder_when {
            Some(chosen) if self.encoder == AssetNeed::Optional => {
                if value(&chosen.hyperparameter) == Some(&chosen.value) {
                    AssetNeed::Required
                } else {
                    AssetNeed::None
                }
            }
            _ => self.encoder,
        }
    }
}

/// A publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Paper {
    /// Title of the paper.
    pub title: String,
    /// Conference or journal and year.
    pub venue: String,
    /// Where to read it.
    #[serde(default)]
    pub url: Option<String>,
}

/// Shape of the taxonomy that a method understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HierarchyKind {
    /// One parent a label. Of several the method uses the primary one, as if there were no others, and the host says so in
    /// the log of the run; or it refuses such labels.
    Tree,
    /// Several parents a label: the method uses all of them, or no parents at all. Where its hyperparameters leave it the
    /// primary ones, it says so in the log itself.
    Dag,
}

/// Whether label sets may span several paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// One path a document.
    Single,
    /// Several paths a document.
    Multi,
}

/// Whether a method uses an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssetNeed {
    /// Not used.
    #[default]
    None,
    /// Used when given.
    Optional,
    /// Training is refused without it.
    Required,
}

/// What a trained model can do besides scoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// The method decides label sets in its own way.
    DecidedSets,
    /// Scores come as sparse rows.
    SparseScores,
    /// A vector for each label.
    LabelEmbeddings,
    /// A vector for each text.
    TextEmbeddings,
    /// Tokens that speak for a label.
    Evidence,
}

/// Bytes = `base + documents·per_document + tokens·per_token + labels·per_label + labels²·per_label_squared`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemoryFormula {
    /// Bytes whatever the corpus.
    pub base: f64,
    /// Bytes for each training document.
    pub per_document: f64,
    /// Tokens of the whole training split.
    pub per_token: f64,
    /// Bytes for each label.
    pub per_label: f64,
    /// Bytes for each pair of labels.
    pub per_label_squared: f64,
}

impl MemoryFormula {
    /// Estimated bytes for a corpus of `documents` documents with `tokens` tokens and `labels` labels.
    #[must_use]
    pub fn estimate(&self, documents: u64, tokens: u64, labels: u64) -> u64 {
        let (documents, tokens, labels) = (documents as f64, tokens as f64, labels as f64);
        let bytes = self.base
            + documents * self.per_document
            + tokens * self.per_token
            + labels * self.per_label
            + labels * labels * self.per_label_squared;
        bytes.max(0.0) as u64
    }
}

/// The preset used when none is named.
pub const DEFAULT_PRESET: &str = "balanced";

impl MethodManifest {
    /// Hyperparameters after schema defaults, then the preset, then each of `overrides` in order.
    ///
    /// # Errors
    /// Names the preset that does not exist and lists those that do. Values are not checked against the schema.
    pub fn resolve(
        &self,
        preset: Option<&str>,
        overrides: &[Map<String, Value>],
    ) -> Result<Map<String, Value>, UnknownPreset> {
        let mut resolved = Map::new();
        if let Some(properties) = self
            .hyperparameters
            .get("properties")
            .and_then(Value::as_object)
        {
            for (key, property) in properties {
                if let Some(default) = property.get("default") {
                    resolved.insert(key.clone(), default.clone());
                }
            }
        }
        let preset = preset.unwrap_or(DEFAULT_PRESET);
        let values = self.presets.get(preset).ok_or_else(|| UnknownPreset {
            preset: preset.to_owned(),
            known: self.presets.keys().cloned().collect::<Vec<_>>().join(", "),
        })?;
        for layer in std::iter::once(values).chain(overrides) {
            for (key, value) in layer {
                resolved.insert(key.clone(), value.clone());
            }
        }
        Ok(resolved)
    }
}

/// A preset that the method does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("preset `{preset}` does not exist; this method has {known}")]
pub struct UnknownPreset {
    /// The name given.
    pub preset: String,
    /// The names that exist, separated by commas.
    pub known: String,
}
