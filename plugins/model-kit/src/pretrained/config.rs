//! `config.json` of a BERT.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::error::KitError;
use crate::files;

/// Name of the configuration in encoder directories and checkpoints.
pub const CONFIG_FILE: &str = "config.json";

/// Sizes and rates of a BERT (METHODS 1.11), under the names of Hugging Face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    #[serde(default = "bert")]
    pub model_type: String,
    pub vocab_size: i64,
    pub hidden_size: i64,
    pub num_hidden_layers: usize,
    pub num_attention_heads: i64,
    pub intermediate_size: i64,
    pub max_position_embeddings: i64,
    #[serde(default = "two")]
    pub type_vocab_size: i64,
    #[serde(default = "eps")]
    pub layer_norm_eps: f64,
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f64,
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f64,
    #[serde(default = "gelu")]
    pub hidden_act: String,
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
    /// Whether training keeps nothing of a layer but its result and computes the rest again on the way back: less memory,
    /// a third more time.
    #[serde(default)]
    pub gradient_checkpointing: bool,
    /// Numbers in which training multiplies; not part of a Hugging Face configuration.
    #[serde(skip)]
    pub training_precision: TrainingPrecision,
}

/// In what numbers the products of an encoder's layers are computed in training. Weights, their moments, sums of rows and
/// normalizations are in single precision either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingPrecision {
    /// bfloat16 on a GPU, single precision on a processor.
    #[default]
    Auto,
    Single,
    /// Eight bits of mantissa, the exponents of single precision: no scaling of losses is needed.
    Bf16,
}

impl TrainingPrecision {
    /// The kind of tensor that is multiplied on a device. On a processor bfloat16 is slower than single precision and is
    /// used only where it is asked for.
    #[must_use]
    pub fn kind(self, device: Device) -> Kind {
        match self {
            Self::Auto if device.is_cuda() => Kind::BFloat16,
            Self::Bf16 => Kind::BFloat16,
            Self::Auto | Self::Single => Kind::Float,
        }
    }
}

fn bert() -> String {
    "bert".to_owned()
}

fn two() -> i64 {
    2
}

fn eps() -> f64 {
    1e-12
}

fn tenth() -> f64 {
    0.1
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl BertConfig {
    /// Reads the configuration of an encoder or a checkpoint.
    ///
    /// # Errors
    /// When the file is missing or describes anything but a BERT with absolute positions and exact GELU.
    pub fn read(directory: &Path) -> Result<Self, KitError> {
        let path = directory.join(CONFIG_FILE);
        let config: Self = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| KitError::broken(&path, error))?;
        config
            .check()
            .map_err(|reason| KitError::broken(&path, reason))?;
        Ok(config)
    }

    /// Writes it into a directory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), KitError> {
        let path = directory.join(CONFIG_FILE);
        let json =
            serde_json::to_vec_pretty(self).map_err(|error| KitError::broken(&path, error))?;
        files::write(&path, &json)
    }

    fn check(&self) -> Result<(), String> {
        let words = [
            ("model_type", &self.model_type, "bert"),
            ("hidden_act", &self.hidden_act, "gelu"),
            (
                "position_embedding_type",
                &self.position_embedding_type,
                "absolute",
            ),
        ];
        for (key, found, expected) in words {
            if found != expected {
                return Err(format!(
                    "{key} is `{found}`; encoders of {key} `{expected}` can be used"
                ));
            }
        }
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (key, size) in sizes {
            if size < 1 {
                return Err(format!("{key} is {size}; it must be at least 1"));
            }
        }
        if self.max_position_embeddings < 8 {
            return Err(format!(
                "max_position_embeddings is {}; at least 8 are needed",
                self.max_position_embeddings
            ));
        }
        if self.hidden_size % self.num_attention_heads != 0 {
            return Err(format!(
                "hidden_size {} is no multiple of num_attention_heads {}",
                self.hidden_size, self.num_attention_heads
            ));
        }
        Ok(())
    }

    /// Parameters without the pooler.
    #[must_use]
    pub fn parameters(&self) -> i64 {
        let (d, f) = (self.hidden_size, self.intermediate_size);
        let embeddings =
            (self.vocab_size + self.max_position_embeddings + self.type_vocab_size + 2) * d;
        let layer = 4 * (d * d + d) + (f * d + f) + (d * f + d) + 4 * d;
        embeddings + self.num_hidden_layers as i64 * layer
    }
}

/// As small as a BERT can be and still have everything: for tests.
#[cfg(any(test, feature = "checks"))]
#[must_use]
pub fn small() -> BertConfig {
    BertConfig {
        model_type: bert(),
        vocab_size: 40,
        hidden_size: 8,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 12,
        max_position_embeddings: 16,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        hidden_dropout_prob: 0.1,
        attention_probs_dropout_prob: 0.1,
        hidden_act: gelu(),
        position_embedding_type: absolute(),
        gradient_checkpointing: false,
        training_precision: TrainingPrecision::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_the_base_models_are_exact() {
        let base = BertConfig {
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3_072,
            max_position_embeddings: 512,
            ..small()
        };
        assert_eq!(base.parameters(), 108_891_648);
    }

    #[test]
    fn other_models_are_refused_with_what_was_found() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |config: BertConfig| {
            config.save(directory.path()).unwrap();
            BertConfig::read(directory.path()).unwrap_err().to_string()
        };
        let roberta = BertConfig {
            model_type: "roberta".to_owned(),
            ..small()
        };
        assert!(refused(roberta).contains("`roberta`"));
        let uneven = BertConfig {
            num_attention_heads: 3,
            ..small()
        };
        assert!(refused(uneven).contains("num_attention_heads 3"));
        small().save(directory.path()).unwrap();
        assert_eq!(BertConfig::read(directory.path()).unwrap(), small());
    }

    #[test]
    fn what_is_not_said_is_as_in_bert() {
        let directory = tempfile::tempdir().unwrap();
        let json = r#"{"vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 8, "max_position_embeddings": 10, "architectures": ["BertModel"]}"#;
        std::fs::write(directory.path().join(CONFIG_FILE), json).unwrap();
        let config = BertConfig::read(directory.path()).unwrap();
        assert_eq!((config.type_vocab_size, config.layer_norm_eps), (2, 1e-12));
    }
}
