//! A linear layer.

use tch::{Device, Tensor};

use super::Initialization;
use crate::cpu::product::PackedWeights;
use crate::cpu::{self, slices};
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pass::Pass;

/// `y = x Wᵀ + b` in prediction, with weights that do not change any more.
#[derive(Debug)]
pub struct CompiledLinear(Compiled);

#[derive(Debug)]
enum Compiled {
    Packed(PackedWeights),
    Plain(Linear),
}

impl CompiledLinear {
    /// `x`: `[n, in]`; result: `[n, out]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        match &self.0 {
            Compiled::Packed(weights) => {
                let x = x.contiguous();
                let rows = x.numel() / weights.inputs().max(1);
                let mut result = slices::unset(&[rows as i64, weights.outputs() as i64]);
                weights.multiply(slices::read(&x), slices::write(&mut result));
                result
            }
            Compiled::Plain(layer) => layer.forward(x),
        }
    }
}

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

    /// The layer for prediction. On a processor its weights are arranged for the kernel.
    #[must_use]
    pub fn into_trained(self) -> CompiledLinear {
        if !cpu::serves(&self.weight) || self.weight.numel() == 0 {
            return CompiledLinear(Compiled::Plain(self));
        }
        let inputs = self.weight.size()[1] as usize;
        let weight = self.weight.detach().contiguous();
        CompiledLinear(Compiled::Packed(PackedWeights::new(
            slices::read(&weight),
            slices::read(&self.bias.detach().contiguous()),
            inputs,
        )))
    }

    /// `x`: `[…, in]`; result: `[…, out]`, seen by libtorch.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    /// `x`: `[n, in]`; result: `[n, out]`, recorded as a block: for layers whose output feeds another block.
    pub fn forward_recorded(&self, pass: &Pass, x: &Tensor) -> Tensor {
        let (weight, bias, input) = (self.weight.detach(), self.bias.detach(), x.detach());
        let output = tch::no_grad(|| bias.addmm(&input, &weight.tr()));
        let input_needs_gradient = x.requires_grad();
        pass.record(output, &[x, &self.weight, &self.bias], move |gradient| {
            let of_input = input_needs_gradient.then(|| gradient.matmul(&weight));
            let of_weight = product_of_columns(gradient, &input);
            let of_bias = gradient.sum_dim_intlist(0_i64, false, gradient.kind());
            vec![of_input, Some(of_weight), Some(of_bias)]
        })
    }
}

/// Rows of the result that are computed at a time.
const ROWS: i64 = 600;

/// `aᵀ b` for `[n, rows]` and `[n, columns]`. With few terms and many rows, stretches of rows are much faster than the
/// whole at once (20 against 34 ms for 29,400 rows of 64 terms).
fn product_of_columns(a: &Tensor, b: &Tensor) -> Tensor {
    let rows = a.size()[1];
    if rows <= 4 * ROWS || a.device() != Device::Cpu {
        return a.tr().matmul(b);
    }
    let product = Tensor::empty([rows, b.size()[1]], (a.kind(), a.device()));
    for first in (0..rows).step_by(ROWS as usize) {
        let count = ROWS.min(rows - first);
        let _ = a
            .narrow(1, first, count)
            .tr()
            .mm_out(&product.narrow(0, first, count), b);
    }
    product
}
