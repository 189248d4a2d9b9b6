//! A linear layer.

use tch::{Kind, Tensor};

use super::Initialization;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;

/// `y = x Wᵀ + b`
#[derive(Debug)]
pub struct Linear {
    /// `[out, in]`
    pub weight: Tensor,
    /// `[out]`
    pub bias: Tensor,
}

impl Linear {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: i64,
        outputs: i64,
        initialization: Initialization,
    ) -> Result<Self, KitError> {
        Ok(Self {
            weight: parameters.add(
                &format!("{name}.weight"),
                &[outputs, inputs],
                &initialization.weight(inputs, outputs),
            )?,
            bias: parameters.add(
                &format!("{name}.bias"),
                &[outputs],
                &initialization.bias(inputs),
            )?,
        })
    }

    /// `x`: `[…, in]`; result: `[…, out]`, seen by libtorch.
    #[must_use]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    /// `x`: `[n, in]`; result: `[n, out]`, recorded as a block: for layers whose output feeds another block.
    #[must_use]
    pub fn forward_recorded(&self, pass: &Pass, x: &Tensor) -> Tensor {
        let (weight, bias, input) = (self.weight.detach(), self.bias.detach(), x.detach());
        let output = tch::no_grad(|| bias.addmm(&input, &weight.tr()));
        let input_needs_gradient = x.requires_grad();
        pass.record(output, &[x, &self.weight, &self.bias], move |gradient| {
            let of_input = input_needs_gradient.then(|| gradient.matmul(&weight));
            let of_weight = gradient.tr().matmul(&input);
            let of_bias = gradient.sum_dim_intlist(0_i64, false, Kind::Float);
            vec![of_input, Some(of_weight), Some(of_bias)]
        })
    }
}
