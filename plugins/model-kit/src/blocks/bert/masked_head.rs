//! The transformation behind BERT that predicts masked pieces, without the products with the vocabulary.

use tch::Tensor;

use super::super::transformer::LayerNorm;
use super::super::{CompiledLinear, Linear};
use super::pretrained_linear;
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pretrained::BertConfig;

/// A linear layer, GELU, layer norm. Encoders that come without it start as if the linear layer were not there (METHODS
/// 0.4).
#[derive(Debug)]
pub struct MaskedHead {
    dense: Linear,
    norm: LayerNorm,
}

impl MaskedHead {
    /// # Errors
    /// When what the parameters start from does not have them in this shape.
    pub fn new(parameters: &mut Parameters, config: &BertConfig) -> Result<Self, KitError> {
        let width = config.hidden_size;
        let dense = "cls.predictions.transform.dense";
        let norm = "cls.predictions.transform.LayerNorm";
        let dense = if parameters.is_given(&format!("{dense}.weight")) {
            pretrained_linear(parameters, dense, width, width)?
        } else {
            let side = width as usize;
            let mut identity = vec![0.0; side * side];
            identity
                .iter_mut()
                .step_by(side + 1)
                .for_each(|value| *value = 1.0);
            Linear {
                weight: parameters.add(
                    &format!("{dense}.weight"),
                    &[width, width],
                    &Initializer::Values(identity),
                )?,
                bias: parameters.add(
                    &format!("{dense}.bias"),
                    &[width],
                    &Initializer::Constant(0.0),
                )?,
            }
        };
        Ok(Self {
            dense,
            norm: LayerNorm::new(parameters, norm, width, config.layer_norm_eps)?,
        })
    }

    /// `[rows, d]`, from as many.
    pub fn forward(&self, hidden: &Tensor) -> Tensor {
        self.norm.forward(&self.dense.forward(hidden).gelu("none"))
    }

    /// The same head: its tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            dense: self.dense.shallow_clone(),
            norm: self.norm.shallow_clone(),
        }
    }

    /// The head for prediction.
    #[must_use]
    pub fn into_trained(self) -> CompiledMaskedHead {
        CompiledMaskedHead {
            dense: self.dense.into_trained(),
            norm: self.norm,
        }
    }
}

/// [`MaskedHead`] in prediction.
#[derive(Debug)]
pub struct CompiledMaskedHead {
    dense: CompiledLinear,
    norm: LayerNorm,
}

impl CompiledMaskedHead {
    /// `[rows, d]`, from as many.
    pub fn forward(&self, hidden: &Tensor) -> Tensor {
        self.norm.forward(&self.dense.forward(hidden).gelu("none"))
    }
}
