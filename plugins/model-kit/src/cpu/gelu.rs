//! The exact GELU, `x Φ(x)`, and its gradient.

use super::dispatch::{multiply_add, vectorized};
use super::lanes::exp;
use super::{parallel, sums};

/// `Φ(x)` and `e^(-x²/2)`; absolute error below `1e-7` (Abramowitz and Stegun, 7.1.26).
#[inline(always)]
fn normal<const FMA: bool>(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / multiply_add::<FMA>(0.327_591_1, z, 1.0);
    let mut p = 1.061_405_4;
    p = multiply_add::<FMA>(p, t, -1.453_152_1);
    p = multiply_add::<FMA>(p, t, 1.421_413_8);
    p = multiply_add::<FMA>(p, t, -0.284_496_72);
    p = multiply_add::<FMA>(p, t, 0.254_829_6);
    let density = exp::<FMA>(-z * z);
    let tail = 0.5 * p * t * density;
    (if x < 0.0 { tail } else { 1.0 - tail }, density)
}

/// Values that are worth a task.
const UNIT: usize = 8_192;

/// `output = gelu(x)`
pub(crate) fn forward(x: &[f32], output: &mut [f32]) {
    let ranges = parallel::ranges(x.len(), UNIT);
    let tasks = ranges
        .iter()
        .map(|range| &x[range.clone()])
        .zip(parallel::split_rows(output, &ranges, 1))
        .collect();
    parallel::run(tasks, |(x, output): (&[f32], &mut [f32])| {
        forward_values(x, output);
    });
}

vectorized! {
    fn forward_values(x: &[f32], output: &mut [f32]) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(x: &[f32], output: &mut [f32]) {
    for (x, output) in x.iter().zip(output) {
        *output = x * normal::<FMA>(*x).0;
    }
}

/// `x` becomes `gelu(x)`, `gradient` the gradient of `x`; `[rows, width]` each. Returns the sum of the gradient's rows.
pub(crate) fn backward(x: &mut [f32], gradient: &mut [f32], width: usize) -> Vec<f32> {
    let ranges = sums::row_ranges(x.len() / width.max(1), width);
    let mut totals = sums::rooms(&ranges, width);
    let tasks = parallel::split_rows(x, &ranges, width)
        .into_iter()
        .zip(parallel::split_rows(gradient, &ranges, width))
        .zip(&mut totals)
        .collect();
    parallel::run(
        tasks,
        |((x, gradient), total): ((&mut [f32], &mut [f32]), &mut Vec<f32>)| {
            backward_rows(x, gradient, total);
        },
    );
    sums::added(totals)
}

vectorized! {
    fn backward_rows(x: &mut [f32], gradient: &mut [f32], total: &mut [f32]) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    x: &mut [f32],
    gradient: &mut [f32],
    total: &mut [f32],
) {
    /// `1 / √(2π)`
    const DENSITY: f32 = 0.398_942_3;
    let width = total.len();
    for (x, gradient) in x
        .chunks_exact_mut(width)
        .zip(gradient.chunks_exact_mut(width))
    {
        for ((x, gradient), total) in x.iter_mut().zip(gradient).zip(&mut *total) {
            let (below, density) = normal::<FMA>(*x);
            let slope = multiply_add::<FMA>(*x * DENSITY, density, below);
            *gradient *= slope;
            *total += *gradient;
            *x *= below;
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    #[test]
    fn values_and_slopes_are_those_of_the_definition() {
        let values: Vec<f32> = (-1_200..1_200).map(|i| i as f32 / 100.0).collect();
        let exact = Tensor::from_slice(&values)
            .to_kind(Kind::Double)
            .set_requires_grad(true);
        let expected = exact.gelu("none");
        let slopes = Tensor::run_backward(&[expected.sum(Kind::Double)], &[&exact], false, false);
        let of = |tensor: &Tensor| -> Vec<f64> { Vec::try_from(tensor.detach()).unwrap() };
        let mut found = vec![f32::NAN; values.len()];
        forward(&values, &mut found);
        let (mut x, mut gradient) = (values.clone(), vec![1.0; values.len()]);
        let totals = backward(&mut x, &mut gradient, 600);
        for (place, (value, slope)) in of(&expected).into_iter().zip(of(&slopes[0])).enumerate() {
            assert!((f64::from(found[place]) - value).abs() < 1e-6, "{place}");
            assert!((f64::from(x[place]) - value).abs() < 1e-6, "{place}");
            assert!((f64::from(gradient[place]) - slope).abs() < 1e-6, "{place}");
        }
        let sum: f32 = totals.iter().sum();
        assert!((sum - gradient.iter().sum::<f32>()).abs() < 1e-2);
    }
}
