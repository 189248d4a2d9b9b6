//! A pretrained encoder as it lies in a directory: sizes, word pieces, weights (METHODS 1.11).
//!
//! Directories of Hugging Face are read as they are: tensors with or without `bert.` in front, layer norms called
//! `gamma` and `beta` or `weight` and `bias`, with or without the head that predicts masked pieces. Within the kit all
//! names begin with `bert.` or `cls.`.
//!
//! What this module deliberately does not do: compute. That is [`blocks`](crate::blocks)' business.

mod config;

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor};

#[cfg(any(test, feature = "checks"))]
pub use self::config::small;
pub use self::config::{BertConfig, CONFIG_FILE, TrainingPrecision};
use crate::error::KitError;
use crate::parameters::read_tensors;
use crate::text::WordPieces;

/// Name of the weights in an encoder directory.
const WEIGHTS_FILE: &str = "model.safetensors";

/// An encoder to start from.
#[derive(Debug)]
pub struct Pretrained {
    pub config: BertConfig,
    pub pieces: WordPieces,
    weights: BTreeMap<String, Tensor>,
}

impl Pretrained {
    /// Reads a directory: `config.json`, `tokenizer.json` or `vocab.txt`, `model.safetensors`.
    ///
    /// # Errors
    /// When a file is missing or broken, a tensor is missing or has another shape than the configuration says.
    pub fn open(directory: &Path) -> Result<Self, KitError> {
        let config = BertConfig::read(directory)?;
        let pieces = WordPieces::open(directory)?;
        if pieces.len() as i64 > config.vocab_size {
            return Err(KitError::broken(
                directory,
                format!(
                    "the tokenizer has {} pieces, the weights {}",
                    pieces.len(),
                    config.vocab_size
                ),
            ));
        }
        let path = directory.join(WEIGHTS_FILE);
        if !path.is_file() {
            return Err(KitError::broken(
                directory,
                format!("there is no {WEIGHTS_FILE}; weights in other formats are not read"),
            ));
        }
        let weights = read_tensors(&path)?
            .into_iter()
            .filter_map(|(name, tensor)| Some((own_name(&name)?, tensor.to_kind(Kind::Float))))
            .collect();
        let pretrained = Self {
            config,
            pieces,
            weights,
        };
        pretrained
            .check()
            .map_err(|reason| KitError::broken(&path, reason))?;
        Ok(pretrained)
    }

    /// Whether there is a head that predicts masked pieces.
    #[must_use]
    pub fn has_masked_head(&self) -> bool {
        self.weights
            .contains_key("cls.predictions.transform.dense.weight")
    }

    /// The tensors by their names within the kit, for [`Parameters::starting_from`](crate::parameters::Parameters::starting_from).
    #[must_use]
    pub fn into_weights(self) -> BTreeMap<String, Tensor> {
        self.weights
    }

    fn check(&self) -> Result<(), String> {
        for (name, shape) in expected(&self.config) {
            let Some(tensor) = self.weights.get(&name) else {
                return Err(format!("the tensor `{name}` is missing"));
            };
            if tensor.size() != shape {
                return Err(format!(
                    "`{name}` has the shape {:?}, {CONFIG_FILE} says {shape:?}",
                    tensor.size()
                ));
            }
        }
        Ok(())
    }
}

/// A tensor's name within the kit; none for what nobody needs.
fn own_name(name: &str) -> Option<String> {
    let name = name
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias");
    let bare = name.strip_prefix("bert.").unwrap_or(&name);
    if bare == "embeddings.position_ids" || bare.starts_with("cls.seq_relationship") {
        return None;
    }
    if bare.starts_with("cls.") {
        return Some(bare.to_owned());
    }
    Some(format!("bert.{bare}"))
}

/// Names and shapes of the encoder's tensors.
fn expected(config: &BertConfig) -> Vec<(String, Vec<i64>)> {
    let (d, f) = (config.hidden_size, config.intermediate_size);
    let mut tensors = vec![
        (
            "bert.embeddings.word_embeddings.weight".to_owned(),
            vec![config.vocab_size, d],
        ),
        (
            "bert.embeddings.position_embeddings.weight".to_owned(),
            vec![config.max_position_embeddings, d],
        ),
        (
            "bert.embeddings.token_type_embeddings.weight".to_owned(),
            vec![config.type_vocab_size, d],
        ),
    ];
    let norm = |tensors: &mut Vec<(String, Vec<i64>)>, name: String| {
        tensors.push((format!("{name}.weight"), vec![d]));
        tensors.push((format!("{name}.bias"), vec![d]));
    };
    norm(&mut tensors, "bert.embeddings.LayerNorm".to_owned());
    for layer in 0..config.num_hidden_layers {
        let layer = format!("bert.encoder.layer.{layer}");
        let linears = [
            ("attention.self.query", d, d),
            ("attention.self.key", d, d),
            ("attention.self.value", d, d),
            ("attention.output.dense", d, d),
            ("intermediate.dense", f, d),
            ("output.dense", d, f),
        ];
        for (name, outputs, inputs) in linears {
            tensors.push((format!("{layer}.{name}.weight"), vec![outputs, inputs]));
            tensors.push((format!("{layer}.{name}.bias"), vec![outputs]));
        }
        norm(&mut tensors, format!("{layer}.attention.output.LayerNorm"));
        norm(&mut tensors, format!("{layer}.output.LayerNorm"));
    }
    tensors
}
