//! A linear layer.

use tch::{Kind, Tensor};

use super::Initialization;
use crate::cpu::matrix::{self, Operand, Start};
use crate::cpu::product::PackedWeights;
use crate::cpu::{self, slices, sums};
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

    /// The same layer: its tensors are shared.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            weight: self.weight.shallow_clone(),
            bias: self.bias.shallow_clone(),
        }
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

    /// The same, multiplied in numbers of a kind, which the result has as well.
    pub(super) fn forward_in(&self, kind: Kind, x: &Tensor) -> Tensor {
        let (weight, bias) = (self.weight.to_kind(kind), self.bias.to_kind(kind));
        x.to_kind(kind).linear(&weight, Some(&bias))
    }

    /// `x`: `[n, in]`; result: `[n, out]`, recorded as a block: for layers whose output feeds another block, and for large ones.
    pub fn forward_recorded(&self, pass: &Pass, x: &Tensor) -> Tensor {
        let input_needs_gradient = x.requires_grad();
        let inputs = [x, &self.weight, &self.bias];
        if cpu::serves(x) {
            let _guard = tch::no_grad_guard();
            let (weights, input) = (LinearWeights::of(&[self]), x.detach().contiguous());
            let output = weights.multiply(&input);
            return pass.record(output, &inputs, move |gradient| {
                let of_input = input_needs_gradient.then(|| weights.of_input(gradient));
                let of_weight = weights.of_weight(gradient, &input);
                vec![of_input, Some(of_weight), Some(weights.of_bias(gradient))]
            });
        }
        let (weight, bias, input) = (self.weight.detach(), self.bias.detach(), x.detach());
        let output = tch::no_grad(|| bias.addmm(&input, &weight.tr()));
        pass.record(output, &inputs, move |gradient| {
            let of_input = input_needs_gradient.then(|| gradient.matmul(&weight));
            let of_weight = gradient.tr().matmul(&input);
            let of_bias = gradient.sum_dim_intlist(0_i64, false, gradient.kind());
            vec![of_input, Some(of_weight), Some(of_bias)]
        })
    }
}

/// `x · weightᵀ`, recorded as a block. `x`: `[n, in]`, `weight`: `[out, in]`, which may be what libtorch computed of a
/// parameter; result: `[n, out]`.
pub fn recorded_product(pass: &Pass, x: &Tensor, weight: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    let (input, values) = (x.detach().contiguous(), weight.detach().contiguous());
    if !cpu::serves(x) {
        let output = input.matmul(&values.tr());
        return pass.record(output, &[x, weight], move |gradient| {
            let of_weight = gradient.tr().matmul(&input);
            vec![Some(gradient.matmul(&values)), Some(of_weight)]
        });
    }
    let zeros = Tensor::zeros([values.size()[0]], (values.kind(), values.device()));
    let weights = LinearWeights::from_values(&values, &zeros);
    let output = weights.multiply(&input);
    pass.record(output, &[x, weight], move |gradient| {
        let of_weight = weights.of_weight(gradient, &input);
        vec![Some(weights.of_input(gradient)), Some(of_weight)]
    })
}

/// The values of linear layers with the same input, their outputs side by side: what the kernels multiply in training.
#[derive(Debug)]
pub(super) struct LinearWeights {
    /// `[out, in]`
    weight: Tensor,
    /// `[out]`
    bias: Tensor,
}

impl LinearWeights {
    pub(super) fn of(layers: &[&Linear]) -> Self {
        let stacked = |parts: Vec<Tensor>| match parts.as_slice() {
            [single] => single.contiguous(),
            parts => Tensor::cat(parts, 0),
        };
        Self {
            weight: stacked(layers.iter().map(|layer| layer.weight.detach()).collect()),
            bias: stacked(layers.iter().map(|layer| layer.bias.detach()).collect()),
        }
    }

    /// `weight`: `[out, in]`, `bias`: `[out]`.
    pub(super) fn from_values(weight: &Tensor, bias: &Tensor) -> Self {
        Self {
            weight: weight.contiguous(),
            bias: bias.contiguous(),
        }
    }

    pub(super) fn weight(&self) -> &[f32] {
        slices::read(&self.weight)
    }

    pub(super) fn biases(&self) -> &[f32] {
        slices::read(&self.bias)
    }

    pub(super) fn inputs(&self) -> usize {
        self.weight.size()[1] as usize
    }

    fn outputs(&self) -> usize {
        self.weight.size()[0] as usize
    }

    /// `x`: `[n, in]`; result: `[n, out]`.
    pub(super) fn multiply(&self, x: &Tensor) -> Tensor {
        let mut result = slices::unset(&[x.size()[0], self.outputs() as i64]);
        matrix::multiply(
            Operand::rows(slices::read(x), self.inputs()),
            Operand::rows(self.weight(), self.inputs()),
            slices::write(&mut result),
            Start::Biases(self.biases()),
        );
        result
    }

    /// Gradient of the input, `[n, in]`. `gradient`: `[n, out]`.
    pub(super) fn of_input(&self, gradient: &Tensor) -> Tensor {
        let mut result = slices::unset(&[gradient.size()[0], self.inputs() as i64]);
        self.input_gradient(gradient, &mut result, Start::Zero);
        result
    }

    /// The same, added to what there is: `[n, in]`.
    pub(super) fn add_of_input(&self, gradient: &Tensor, result: &mut Tensor) {
        self.input_gradient(gradient, result, Start::Result);
    }

    fn input_gradient(&self, gradient: &Tensor, result: &mut Tensor, start: Start<'_>) {
        matrix::multiply(
            Operand::rows(slices::read(gradient), self.outputs()),
            Operand::columns(self.weight(), self.inputs()),
            slices::write(result),
            start,
        );
    }

    /// Gradient of the weights, `[out, in]`. `gradient`: `[n, out]`, `input`: `[n, in]`.
    pub(super) fn of_weight(&self, gradient: &Tensor, input: &Tensor) -> Tensor {
        let mut result = slices::unset(&self.weight.size());
        matrix::multiply(
            Operand::columns(slices::read(gradient), self.outputs()),
            Operand::columns(slices::read(input), self.inputs()),
            slices::write(&mut result),
            Start::Zero,
        );
        result
    }

    /// Gradient of the biases, `[out]`. `gradient`: `[n, out]`.
    pub(super) fn of_bias(&self, gradient: &Tensor) -> Tensor {
        Tensor::from_slice(&sums::of_rows(slices::read(gradient), self.outputs()))
    }
}
