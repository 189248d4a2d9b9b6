//! One run of a model over a batch: its randomness, and the way back through hand-written blocks.
//!
//! libtorch records what its own operations do. A block that computes by itself (see [`cpu`](crate::cpu)) is
//! [recorded](Pass::record) here: its output is a fresh leaf for libtorch, and [`Pass::backward`] walks from
//! the loss to that leaf, calls the block's own backward function, and goes on behind it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use tch::Tensor;

use crate::cpu::noise::{Dropout, Noise};
use crate::cpu::{self, parallel, slices};

/// Names the randomness of a step: the same place gives the same numbers, whatever happened before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub seed: u64,
    pub stage: u64,
    /// Counts forward passes of the stage.
    pub step: u64,
}

type BackwardFn = Box<dyn FnOnce(&Tensor) -> Vec<Option<Tensor>>>;

struct Recorded {
    output: Tensor,
    inputs: Vec<Tensor>,
    backward: BackwardFn,
}

/// A forward pass of a model.
pub struct Pass {
    moment: Option<Moment>,
    sites: Cell<u64>,
    recorded: RefCell<Vec<Recorded>>,
}

impl Pass {
    /// A pass of a training step: dropout is on and blocks are recorded. Seeds libtorch's own generator as well.
    #[must_use]
    pub fn training(moment: Moment) -> Self {
        Self::stretch(moment, 0)
    }

    /// A pass without dropout and without a way back. Run it under [`tch::no_grad`].
    #[must_use]
    pub fn evaluation() -> Self {
        Self {
            moment: None,
            sites: Cell::new(0),
            recorded: RefCell::new(Vec::new()),
        }
    }

    #[must_use]
    pub fn is_training(&self) -> bool {
        self.moment.is_some()
    }

    /// The moment of a training pass.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Randomness for the next place that asks, none outside training.
    pub fn noise(&self) -> Option<Noise> {
        let moment = self.moment?;
        let site = self.sites.get();
        self.sites.set(site + 1);
        Some(Noise::new(moment.seed, moment.stage, moment.step, site))
    }

    /// Randomness for a place with a number of its own, none outside training: the same on every device, whatever asked
    /// before.
    pub fn noise_of(&self, place: u32) -> Option<Noise> {
        let moment = self.moment?;
        let site = (1 << 32) + u64::from(place);
        Some(Noise::new(moment.seed, moment.stage, moment.step, site))
    }

    /// Dropout at the next place that asks; off outside training.
    pub(crate) fn dropout_factors(&self, p: f64) -> Dropout {
        match self.noise() {
            Some(noise) if p > 0.0 => Dropout::new(noise, p),
            _ => Dropout::off(),
        }
    }

    /// Inverted dropout of a tensor of any shape, for blocks that libtorch computes.
    pub fn dropout(&self, x: &Tensor, p: f64) -> Tensor {
        let dropout = self.dropout_factors(p);
        if dropout.is_off() {
            return x.shallow_clone();
        }
        if !cpu::serves(x) {
            return x.dropout(p, true);
        }
        x * factors(&x.size(), dropout)
    }

    /// Records a block that computed `output` from `inputs` outside libtorch's sight, and returns the output as a leaf.
    ///
    /// `backward` takes the gradient of the output and gives one for each input (none where there is none).
    /// Outside training, and when nothing needs a gradient, nothing is recorded.
    pub fn record(
        &self,
        output: Tensor,
        inputs: &[&Tensor],
        backward: impl FnOnce(&Tensor) -> Vec<Option<Tensor>> + 'static,
    ) -> Tensor {
        if !self.is_training() {
            return output;
        }
        let leaf = output.detach().set_requires_grad(true);
        self.recorded.borrow_mut().push(Recorded {
            output: leaf.shallow_clone(),
            inputs: inputs.iter().map(|input| input.shallow_clone()).collect(),
            backward: Box::new(backward),
        });
        leaf
    }

    /// The same values as a leaf, unless they are one: for what libtorch computed and several blocks use.
    pub fn leaf(&self, x: &Tensor) -> Tensor {
        if x.is_leaf() {
            return x.shallow_clone();
        }
        // Leaves are known by their memory, so it needs its own.
        self.record(x.detach().copy(), &[x], |gradient| {
            vec![Some(gradient.shallow_clone())]
        })
    }

    /// Computes something large in parts, joined along the first dimension, and keeps of the parts nothing but their
    /// results: on the way back each part is computed again (gradient checkpointing).
    ///
    /// `compute` is given the number of the part and the inputs, and has to give the same each time: its randomness has to
    /// come from outside. It computes with libtorch's operations. The inputs are as in [`record`](Self::record); each part
    /// has to use all of them.
    pub fn in_parts(
        &self,
        inputs: &[&Tensor],
        parts: usize,
        compute: impl Fn(usize, &[Tensor]) -> Tensor + 'static,
    ) -> Tensor {
        let kept: Vec<Tensor> = inputs.iter().map(|input| input.detach()).collect();
        let output = tch::no_grad(|| {
            let parts: Vec<Tensor> = (0..parts).map(|part| compute(part, &kept)).collect();
            Tensor::cat(&parts, 0)
        });
        self.record(output, inputs, move |gradient| {
            let leaves: Vec<Tensor> = kept
                .iter()
                .map(|input| input.detach().set_requires_grad(true))
                .collect();
            let mut sums: Vec<Option<Tensor>> = leaves.iter().map(|_| None).collect();
            let mut start = 0;
            for part in 0..parts {
                tch::with_grad(|| {
                    let output = compute(part, &leaves);
                    let rows = output.size()[0];
                    let own = output * gradient.narrow(0, start, rows);
                    start += rows;
                    walk(&[&own.sum(own.kind())], &leaves, &mut sums);
                });
            }
            sums
        })
    }

    /// Computes a stretch of the network and keeps nothing of it but its result: on the way back it is computed again
    /// (gradient checkpointing).
    ///
    /// `compute` is given a pass of its own with the same randomness each time, and the inputs as leaves. It may use
    /// `parameters`, which are leaves, but no other tensor that needs a gradient.
    pub fn again(
        &self,
        inputs: &[&Tensor],
        parameters: &[&Tensor],
        compute: impl Fn(&Pass, &[Tensor]) -> Tensor + 'static,
    ) -> Tensor {
        let Some(moment) = self.moment else {
            let inputs: Vec<Tensor> = inputs.iter().map(|input| input.shallow_clone()).collect();
            return compute(self, &inputs);
        };
        let site = self.sites.get();
        let kept: Vec<Tensor> = inputs.iter().map(|input| input.detach()).collect();
        let output = {
            let _guard = tch::no_grad_guard();
            let stretch = Self::stretch(moment, site);
            let output = compute(&stretch, &kept);
            self.sites.set(stretch.sites.get());
            output
        };
        let needed: Vec<Tensor> = parameters.iter().map(|p| p.shallow_clone()).collect();
        let all: Vec<&Tensor> = inputs.iter().chain(parameters).copied().collect();
        self.record(output, &all, move |gradient| {
            tch::with_grad(|| {
                let leaves: Vec<Tensor> = kept
                    .iter()
                    .map(|input| input.detach().set_requires_grad(true))
                    .collect();
                let stretch = Self::stretch(moment, site);
                let output = compute(&stretch, &leaves) * gradient;
                let wanted: Vec<&Tensor> = leaves.iter().chain(&needed).collect();
                stretch.backward(&output.sum(output.kind()), &wanted)
            })
        })
    }

    /// A training pass that begins at a place within another one.
    fn stretch(moment: Moment, site: u64) -> Self {
        let seed = Noise::new(moment.seed, moment.stage, moment.step, u64::MAX ^ site);
        seed_libtorch(&seed);
        Self {
            moment: Some(moment),
            sites: Cell::new(site),
            recorded: RefCell::new(Vec::new()),
        }
    }

    /// Gradients of `loss` for each of `wanted`, which are leaves; none for those that the loss does not depend on.
    ///
    /// An input of a recorded block may be a leaf, another block's output, or a tensor that libtorch computed; the
    /// last kind must not be used anywhere else in the same pass.
    #[must_use]
    pub fn backward(self, loss: &Tensor, wanted: &[&Tensor]) -> Vec<Option<Tensor>> {
        let mut recorded = self.recorded.into_inner();
        let mut leaves: Vec<Tensor> = wanted.iter().map(|tensor| tensor.shallow_clone()).collect();
        leaves.extend(recorded.iter().map(|block| block.output.shallow_clone()));
        let places: HashMap<usize, usize> = leaves
            .iter()
            .enumerate()
            .map(|(place, leaf)| (address(leaf), place))
            .collect();
        let mut gradients: Vec<Option<Tensor>> = leaves.iter().map(|_| None).collect();
        if loss.requires_grad() {
            walk(&[loss], &leaves, &mut gradients);
        }
        while let Some(block) = recorded.pop() {
            let place = wanted.len() + recorded.len();
            let Some(gradient) = gradients[place].take() else {
                continue;
            };
            let input_gradients = tch::no_grad(|| (block.backward)(&gradient.contiguous()));
            drop(gradient);
            // What libtorch computed goes on through its own graph: the gradient of Σ x·g with respect to x is g.
            let mut roots = Vec::new();
            for (input, gradient) in block.inputs.iter().zip(input_gradients) {
                let Some(gradient) = gradient else { continue };
                if !input.requires_grad() {
                    continue;
                }
                match places.get(&address(input)).filter(|_| input.is_leaf()) {
                    Some(&place) => accumulate(&mut gradients[place], gradient.view_as(input)),
                    None if input.is_leaf() => {}
                    None => roots.push(input * gradient.view_as(input)),
                }
            }
            if !roots.is_empty() {
                let roots: Vec<&Tensor> = roots.iter().collect();
                let before = wanted.len() + recorded.len();
                walk(&roots, &leaves[..before], &mut gradients[..before]);
            }
        }
        gradients.truncate(wanted.len());
        gradients
    }
}

fn seed_libtorch(seed: &Noise) {
    tch::manual_seed((i64::from(seed.word(0)) << 31) ^ i64::from(seed.word(1)));
}

/// A leaf is known by its memory, which nobody shares while the pass holds it.
fn address(tensor: &Tensor) -> usize {
    tensor.data_ptr() as usize
}

fn walk(roots: &[&Tensor], leaves: &[Tensor], gradients: &mut [Option<Tensor>]) {
    for (sum, gradient) in gradients
        .iter_mut()
        .zip(Tensor::run_backward(roots, leaves, false, false))
    {
        if gradient.defined() {
            accumulate(sum, gradient);
        }
    }
}

fn accumulate(sum: &mut Option<Tensor>, gradient: Tensor) {
    *sum = Some(match sum.take() {
        None => gradient,
        Some(sum) => sum + gradient,
    });
}

/// Inverted dropout of a tensor of any shape with randomness that is given: the same each time. None = no dropout.
pub fn dropped(x: &Tensor, noise: Option<Noise>, p: f64) -> Tensor {
    match noise {
        Some(noise) if p > 0.0 => {
            let factors = factors(&x.size(), Dropout::new(noise, p));
            x * factors.to_kind(x.kind()).to_device(x.device())
        }
        _ => x.shallow_clone(),
    }
}

/// A tensor of dropout factors.
fn factors(shape: &[i64], dropout: Dropout) -> Tensor {
    let mut mask = slices::unset(shape);
    let values = slices::write(&mut mask);
    let ranges = parallel::ranges(values.len(), 4_096);
    let tasks = ranges
        .iter()
        .map(|range| range.start)
        .zip(parallel::split_rows(values, &ranges, 1))
        .collect();
    parallel::run(tasks, |(start, values): (usize, &mut [f32])| {
        fill(start, values, dropout)
    });
    mask
}

crate::cpu::dispatch::vectorized! {
    fn fill(start: usize, values: &mut [f32], dropout: Dropout) => fill_body
}

#[inline(always)]
fn fill_body<const FMA: bool, const ROWS: usize>(
    start: usize,
    values: &mut [f32],
    dropout: Dropout,
) {
    for (index, value) in values.iter_mut().enumerate() {
        *value = dropout.factor((start as u32).wrapping_add(index as u32));
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    const MOMENT: Moment = Moment {
        seed: 1,
        stage: 0,
        step: 0,
    };

    fn parameter(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).set_requires_grad(true)
    }

    /// `x²` as a block of its own.
    fn square(pass: &Pass, x: &Tensor) -> Tensor {
        let value = tch::no_grad(|| x.detach() * x.detach());
        let saved = x.detach();
        pass.record(value, &[x], move |gradient| {
            vec![Some(gradient * 2.0 * &saved)]
        })
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor).unwrap()
    }

    #[test]
    fn gradients_go_through_recorded_blocks() {
        let x = parameter(&[1.0, -2.0]);
        let pass = Pass::training(MOMENT);
        // x² in a block, tripled by libtorch, squared again in a block: 9x⁴.
        let y = square(&pass, &(square(&pass, &x) * 3.0));
        let gradients = pass.backward(&y.sum(Kind::Float), &[&x]);
        assert_eq!(values(gradients[0].as_ref().unwrap()), [36.0, -288.0]);
    }

    #[test]
    fn a_leaf_used_by_several_blocks_gets_the_sum() {
        let x = parameter(&[3.0]);
        let unused = parameter(&[1.0]);
        let pass = Pass::training(MOMENT);
        let square_of_x = square(&pass, &x);
        let loss = (square(&pass, &square_of_x) + &square_of_x + &x).sum(Kind::Float);
        let gradients = pass.backward(&loss, &[&x, &unused]);
        // 4x³ + 2x + 1
        assert_eq!(values(gradients[0].as_ref().unwrap()), [115.0]);
        assert!(gradients[1].is_none());
    }

    #[test]
    fn nothing_is_recorded_outside_training() {
        let x = parameter(&[3.0]);
        let pass = Pass::evaluation();
        let y = square(&pass, &x);
        assert!(!y.requires_grad());
        assert!(pass.recorded.borrow().is_empty());
        assert!(pass.noise().is_none());
        assert_eq!(values(&pass.dropout(&y, 0.5)), [9.0]);
    }

    #[test]
    fn dropout_is_the_same_for_the_same_moment() {
        let ones = Tensor::ones([1_000], (Kind::Float, Device::Cpu));
        let drop = |moment| {
            let pass = Pass::training(moment);
            (pass.dropout(&ones, 0.5), pass.dropout(&ones, 0.5))
        };
        let (first, second) = drop(MOMENT);
        assert_ne!(
            values(&first),
            values(&second),
            "each place has its own numbers"
        );
        assert_eq!(values(&first), values(&drop(MOMENT).0));
        assert_ne!(
            values(&first),
            values(&drop(Moment { step: 1, ..MOMENT }).0)
        );
        assert!(
            values(&first)
                .iter()
                .all(|value| *value == 0.0 || *value == 2.0)
        );
    }

    #[test]
    fn parts_are_the_whole_and_so_are_their_gradients() {
        let x = parameter(&[1.0, -2.0, 3.0, 0.5]);
        let scale = parameter(&[2.0]);
        let whole = |pass: Pass, parts: Option<usize>| {
            // A tensor that libtorch computed goes in, and what comes out is used further.
            let doubled = &x * 2.0;
            let y = match parts {
                Some(parts) => pass.in_parts(&[&doubled, &scale], parts, move |part, inputs| {
                    let rows = 4 / parts as i64;
                    let own = inputs[0].narrow(0, part as i64 * rows, rows);
                    (&own * &own * &inputs[1]).tanh()
                }),
                None => (&doubled * &doubled * &scale).tanh(),
            };
            let loss = (&y * &y).sum(Kind::Float) + y.sum(Kind::Float);
            let gradients = pass.backward(&loss, &[&x, &scale]);
            (loss.double_value(&[]), gradients)
        };
        let (expected, gradients) = whole(Pass::training(MOMENT), None);
        for parts in [1, 2, 4] {
            let (found, own) = whole(Pass::training(MOMENT), Some(parts));
            assert!((found - expected).abs() < 1e-6);
            for (own, gradient) in own.iter().zip(&gradients) {
                let (own, gradient) = (own.as_ref().unwrap(), gradient.as_ref().unwrap());
                for (a, b) in values(own).iter().zip(values(gradient)) {
                    assert!((a - b).abs() < 1e-5, "{a} and {b}");
                }
            }
        }
    }

    #[test]
    fn a_stretch_computed_again_is_the_stretch_and_keeps_only_its_result() {
        let x = parameter(&[1.0, -2.0, 3.0, 0.5]);
        let scale = parameter(&[2.0]);
        let run = |again: bool| {
            let pass = Pass::training(MOMENT);
            let stretch = |pass: &Pass, x: &Tensor, scale: &Tensor| {
                // A block of ours, dropout of ours, one of libtorch's operations.
                let squares = square(pass, &pass.dropout(x, 0.5));
                (squares * scale).tanh() + pass.dropout(x, 0.5)
            };
            let before = pass.dropout(&(&x * 2.0), 0.5);
            let y = if again {
                let scale = scale.shallow_clone();
                pass.again(
                    &[&before],
                    &[&scale.shallow_clone()],
                    move |pass, inputs| stretch(pass, &inputs[0], &scale),
                )
            } else {
                stretch(&pass, &pass.leaf(&before), &scale)
            };
            let blocks = pass.recorded.borrow().len();
            let loss = (pass.dropout(&y, 0.5) * &y).sum(Kind::Float);
            let gradients = pass.backward(&loss, &[&x, &scale]);
            let gradients: Vec<Vec<f32>> = gradients
                .iter()
                .map(|gradient| values(gradient.as_ref().unwrap()))
                .collect();
            (loss.double_value(&[]), gradients, blocks)
        };
        let (loss, gradients, _) = run(false);
        let (found, own, blocks) = run(true);
        assert_eq!(found, loss, "the same places have the same randomness");
        assert_eq!(own, gradients);
        assert_eq!(blocks, 1, "what is inside is not kept");
        assert!(gradients.iter().flatten().any(|value| *value != 0.0));
    }
}
