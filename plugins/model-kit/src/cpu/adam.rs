//! One pass of Adam over parameters, moments and gradients.

use super::dispatch::{multiply_add, vectorized};

/// What one update step multiplies by; the same for all parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepFactors {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) epsilon: f32,
    /// Learning rate over the first bias correction.
    pub(crate) step_size: f32,
    /// One over the root of the second bias correction.
    pub(crate) root_correction: f32,
    /// What weight decay leaves of a parameter: 1 − learning rate · decay.
    pub(crate) keep: f32,
}

/// Moments below this are set to 0: they move no parameter, and arithmetic on numbers that small is slow.
const NEGLIGIBLE: f32 = 1e-32;

/// A stretch of parameters with its moments.
pub(crate) struct Stretch<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) first: &'a mut [f32],
    pub(crate) second: &'a mut [f32],
}

/// A stretch with its gradient.
pub(crate) struct Update<'a> {
    pub(crate) stretch: Stretch<'a>,
    pub(crate) gradient: &'a [f32],
    /// What gradients are multiplied by: clipping, and averaging of accumulated batches.
    pub(crate) gradient_scale: f32,
    pub(crate) factors: StepFactors,
}

vectorized! {
    /// Updates a stretch in place.
    pub(crate) fn update(task: Update<'_>) => update_body
}

#[inline(always)]
fn update_body<const FMA: bool, const ROWS: usize>(task: Update<'_>) {
    let Update {
        stretch,
        gradient,
        gradient_scale,
        factors,
    } = task;
    for (((value, first), second), gradient) in stretch
        .values
        .iter_mut()
        .zip(stretch.first)
        .zip(stretch.second)
        .zip(gradient)
    {
        element::<FMA>(value, first, second, gradient * gradient_scale, factors);
    }
}

/// A row that had no gradient for some steps.
pub(crate) struct Idle<'a> {
    pub(crate) stretch: Stretch<'a>,
    /// The steps that it missed, oldest first.
    pub(crate) factors: &'a [StepFactors],
}

vectorized! {
    /// Does for a row what the missed steps would have done with a gradient of 0.
    pub(crate) fn catch_up(task: Idle<'_>) => catch_up_body
}

#[inline(always)]
fn catch_up_body<const FMA: bool, const ROWS: usize>(task: Idle<'_>) {
    let Idle { stretch, factors } = task;
    for factors in factors {
        for ((value, first), second) in stretch
            .values
            .iter_mut()
            .zip(stretch.first.iter_mut())
            .zip(stretch.second.iter_mut())
        {
            element::<FMA>(value, first, second, 0.0, *factors);
        }
    }
}

#[inline(always)]
fn element<const FMA: bool>(
    value: &mut f32,
    first: &mut f32,
    second: &mut f32,
    gradient: f32,
    factors: StepFactors,
) {
    let m = multiply_add::<FMA>(factors.beta1, *first - gradient, gradient);
    let v = multiply_add::<FMA>(
        factors.beta2,
        *second,
        (1.0 - factors.beta2) * gradient * gradient,
    );
    let m = if m.abs() < NEGLIGIBLE { 0.0 } else { m };
    let v = if v < NEGLIGIBLE { 0.0 } else { v };
    *first = m;
    *second = v;
    let denominator = multiply_add::<FMA>(v.sqrt(), factors.root_correction, factors.epsilon);
    *value = multiply_add::<FMA>(-factors.step_size, m / denominator, *value * factors.keep);
}
