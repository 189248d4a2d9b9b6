//! A layer of BERT over packed documents, without padding (METHODS 1.11).
//!
//! Each sublayer's output goes through dropout, is added to its input and normalized: "post-norm". On a processor in
//! single precision the layer is one recorded block with its own way back.

mod cache;
mod compiled;
mod kernels;
mod linked;
mod portable;
mod sight;

pub use self::cache::LayerCache;
pub use self::compiled::{CachedRow, CompiledTransformerLayer, Precision};
pub use self::linked::Links;
pub use self::sight::Sight;

use tch::{Kind, Tensor};

use super::Linear;
use crate::cpu;
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pass::Pass;

/// Standard deviation with which weights start.
const DEVIATION: f64 = 0.02;

/// Sizes and rates of a [`TransformerLayer`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformerSizes {
    /// Width of a row.
    pub width: i64,
    /// Heads of the attention; they share the width.
    pub heads: i64,
    /// Width between the two linear layers behind the attention.
    pub intermediate: i64,
    pub layer_norm_eps: f64,
    /// On the output of the attention and of the layers behind it, each before it is added to its input.
    pub dropout: f64,
    /// On the attention's probabilities.
    pub attention_dropout: f64,
    /// In what numbers training multiplies rows that are in single precision.
    pub training_kind: Kind,
}

/// Attention over a document's rows, then two linear layers for each row.
#[derive(Debug)]
pub struct TransformerLayer {
    sizes: TransformerSizes,
    /// Query, key, value: `[width, width]` each.
    projections: [Linear; 3],
    /// `[width, width]`
    attention_output: Linear,
    attention_norm: LayerNorm,
    /// `[intermediate, width]`
    intermediate: Linear,
    /// `[width, intermediate]`
    output: Linear,
    output_norm: LayerNorm,
}

impl TransformerLayer {
    /// Adds the layer's parameters under `{prefix}.`, called as in Hugging Face's BERT.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    ///
    /// # Panics
    /// If the heads cannot share the width.
    pub fn new(
        parameters: &mut Parameters,
        prefix: &str,
        sizes: TransformerSizes,
    ) -> Result<Self, KitError> {
        let (width, inner) = (sizes.width, sizes.intermediate);
        assert!(
            sizes.heads > 0 && width % sizes.heads == 0,
            "{} heads cannot share a width of {width}",
            sizes.heads
        );
        let mut linear = |name: &str, inputs, outputs| {
            let name = format!("{prefix}.{name}");
            add_linear(parameters, &name, inputs, outputs)
        };
        let projections = [
            linear("attention.self.query", width, width)?,
            linear("attention.self.key", width, width)?,
            linear("attention.self.value", width, width)?,
        ];
        let attention_output = linear("attention.output.dense", width, width)?;
        let intermediate = linear("intermediate.dense", width, inner)?;
        let output = linear("output.dense", inner, width)?;
        let mut norm = |name: &str| {
            let name = format!("{prefix}.{name}");
            LayerNorm::new(parameters, &name, width, sizes.layer_norm_eps)
        };
        Ok(Self {
            sizes,
            projections,
            attention_output,
            attention_norm: norm("attention.output.LayerNorm")?,
            intermediate,
            output,
            output_norm: norm("output.LayerNorm")?,
        })
    }

    #[must_use]
    pub fn sizes(&self) -> &TransformerSizes {
        &self.sizes
    }

    /// The same layer: its tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            sizes: self.sizes,
            projections: self.projections.each_ref().map(Linear::shallow_clone),
            attention_output: self.attention_output.shallow_clone(),
            attention_norm: self.attention_norm.shallow_clone(),
            intermediate: self.intermediate.shallow_clone(),
            output: self.output.shallow_clone(),
            output_norm: self.output_norm.shallow_clone(),
        }
    }

    /// `hidden`: `[rows, width]`, document after document as `sight` says; result: `[rows, width]`.
    ///
    /// # Panics
    /// If `sight` is of another number of rows.
    pub fn forward(&self, pass: &Pass, hidden: &Tensor, sight: &Sight) -> Tensor {
        assert!(
            hidden.size() == [sight.rows() as i64, self.sizes.width],
            "{:?} is not the shape of {} rows",
            hidden.size(),
            sight.rows()
        );
        if cpu::serves(hidden) && self.kind(pass, hidden) == hidden.kind() {
            self.forward_here(pass, hidden, sight)
        } else {
            self.forward_portable(pass, hidden, sight)
        }
    }

    /// In what numbers rows are multiplied.
    fn kind(&self, pass: &Pass, hidden: &Tensor) -> Kind {
        match hidden.kind() {
            Kind::Float if pass.is_training() => self.sizes.training_kind,
            kind => kind,
        }
    }

    /// All its tensors, each a leaf.
    pub(super) fn tensors(&self) -> Vec<&Tensor> {
        let [query, key, value] = &self.projections;
        let linears = [
            query,
            key,
            value,
            &self.attention_output,
            &self.intermediate,
            &self.output,
        ];
        let norms = [&self.attention_norm, &self.output_norm];
        linears
            .into_iter()
            .flat_map(|linear| [&linear.weight, &linear.bias])
            .chain(
                norms
                    .into_iter()
                    .flat_map(|norm| [&norm.weight, &norm.bias]),
            )
            .collect()
    }

    /// The layer for prediction. On a processor its weights are arranged for the kernels.
    #[must_use]
    pub fn into_trained(self, precision: Precision) -> CompiledTransformerLayer {
        CompiledTransformerLayer::new(self, precision)
    }
}

/// Weights start as BERT's do, biases at zero.
fn add_linear(
    parameters: &mut Parameters,
    name: &str,
    inputs: i64,
    outputs: i64,
) -> Result<Linear, KitError> {
    Ok(Linear {
        weight: parameters.add(
            &format!("{name}.weight"),
            &[outputs, inputs],
            &Initializer::Normal(DEVIATION),
        )?,
        bias: parameters.add(
            &format!("{name}.bias"),
            &[outputs],
            &Initializer::Constant(0.0),
        )?,
    })
}

/// Rows with mean 0 and variance 1, then scaled and shifted.
#[derive(Debug)]
pub struct LayerNorm {
    eps: f64,
    /// `[width]`
    weight: Tensor,
    /// `[width]`
    bias: Tensor,
}

impl LayerNorm {
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        width: i64,
        eps: f64,
    ) -> Result<Self, KitError> {
        Ok(Self {
            eps,
            weight: parameters.add(
                &format!("{name}.weight"),
                &[width],
                &Initializer::Constant(1.0),
            )?,
            bias: parameters.add(
                &format!("{name}.bias"),
                &[width],
                &Initializer::Constant(0.0),
            )?,
        })
    }

    /// The same layer: its tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            eps: self.eps,
            weight: self.weight.shallow_clone(),
            bias: self.bias.shallow_clone(),
        }
    }

    /// `x`: `[rows, width]`, seen by libtorch.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm(
            self.weight.size(),
            Some(&self.weight),
            Some(&self.bias),
            self.eps,
            true,
        )
    }
}

#[cfg(test)]
mod tests;
