//! How parameters start, explicitly.
//!
//! tch draws linear and convolution weights 2.45 times wider than `PyTorch` and gives recurrent layers
//! other bounds and zero biases (METHODS 1.5), so nothing here relies on its defaults. Numbers depend on the run's seed and
//! the parameter's name only, not on the order in which parameters are made.

use tch::{Device, Kind, Tensor};

use crate::cpu::noise::{Noise, scramble};

/// Distribution of a parameter's first values.
#[derive(Clone, Debug, PartialEq)]
pub enum Initializer {
    Constant(f64),
    /// Uniform in `±bound`.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Exactly these values, row by row.
    Values(Vec<f32>),
}

impl Initializer {
    /// The framework's default for linear layers and convolutions, weights and biases: `±1/√fan_in`.
    #[must_use]
    pub fn fan_in(fan_in: i64) -> Self {
        Self::Uniform(1.0 / (fan_in as f64).sqrt())
    }

    /// Xavier (Glorot) uniform: `±√(6 / (fan_in + fan_out))`.
    #[must_use]
    pub fn xavier_uniform(fan_in: i64, fan_out: i64) -> Self {
        Self::Uniform((6.0 / (fan_in + fan_out) as f64).sqrt())
    }

    /// Kaiming uniform with gain 1: `±√(3 / fan_in)`.
    #[must_use]
    pub fn kaiming_uniform(fan_in: i64) -> Self {
        Self::Uniform((3.0 / fan_in as f64).sqrt())
    }

    /// Values of a parameter called `name`.
    ///
    /// # Panics
    /// If [`Initializer::Values`] does not fill the shape.
    #[must_use]
    pub fn values(&self, seed: u64, name: &str, length: usize) -> Vec<f32> {
        match self {
            Self::Constant(value) => vec![*value as f32; length],
            Self::Values(values) => {
                assert_eq!(
                    values.len(),
                    length,
                    "values of `{name}` must fill its shape"
                );
                values.clone()
            }
            Self::Uniform(bound) => {
                let noise = noise_of(seed, name);
                let bound = *bound as f32;
                (0..length)
                    .map(|position| (2.0 * noise.unit(position as u32) - 1.0) * bound)
                    .collect()
            }
            Self::Normal(deviation) => {
                let noise = noise_of(seed, name);
                (0..length)
                    .map(|position| (f64::from(normal(noise, position as u32)) * deviation) as f32)
                    .collect()
            }
        }
    }

    /// The same as a tensor.
    pub fn tensor(&self, seed: u64, name: &str, shape: &[i64], options: (Kind, Device)) -> Tensor {
        let length = shape.iter().product::<i64>();
        let tensor = match self {
            Self::Constant(value) => return Tensor::full(shape, *value, options),
            other => {
                Tensor::from_slice(&other.values(seed, name, usize::try_from(length).unwrap_or(0)))
            }
        };
        tensor.view(shape).to_kind(options.0).to_device(options.1)
    }
}

fn noise_of(seed: u64, name: &str) -> Noise {
    let hash = name
        .bytes()
        .fold(0, |hash, byte| scramble(hash ^ u64::from(byte)));
    Noise::new(seed, hash, 0, 0)
}

/// Box–Muller, from two words of the stream.
fn normal(noise: Noise, position: u32) -> f32 {
    let first = (f64::from(noise.word(position.wrapping_mul(2))) + 1.0) / 4_294_967_297.0;
    let second = f64::from(noise.word(position.wrapping_mul(2).wrapping_add(1))) / 4_294_967_296.0;
    ((-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(values: &[f32], bound: f32) {
        let largest = values
            .iter()
            .fold(0.0_f32, |largest, value| largest.max(value.abs()));
        assert!(largest <= bound, "{largest} is beyond {bound}");
        assert!(largest > 0.9 * bound, "{largest} is far from {bound}");
    }

    #[test]
    fn bounds_are_those_of_the_framework() {
        within(
            &Initializer::fan_in(300).values(1, "linear", 3_000),
            0.057_735_1,
        );
        within(&Initializer::fan_in(64).values(1, "gru", 192 * 64), 0.125);
        within(
            &Initializer::kaiming_uniform(300).values(1, "labels", 10 * 300),
            0.1,
        );
        within(&Initializer::Uniform(0.25).values(1, "words", 3_000), 0.25);
        within(
            &Initializer::xavier_uniform(300, 1).values(1, "gate", 3_000),
            (6.0_f32 / 301.0).sqrt(),
        );
    }

    #[test]
    fn names_and_seeds_make_the_difference() {
        let uniform = Initializer::Uniform(1.0);
        assert_eq!(uniform.values(1, "a", 10), uniform.values(1, "a", 10));
        assert_ne!(uniform.values(1, "a", 10), uniform.values(1, "b", 10));
        assert_ne!(uniform.values(1, "a", 10), uniform.values(2, "a", 10));
    }

    #[test]
    fn normal_values_have_the_right_moments() {
        let values = Initializer::Normal(0.02).values(3, "n", 200_000);
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / 200_000.0;
        let variance = values
            .iter()
            .map(|value| f64::from(*value).powi(2))
            .sum::<f64>()
            / 200_000.0;
        assert!(mean.abs() < 2e-4, "{mean}");
        assert!((variance.sqrt() - 0.02).abs() < 2e-4, "{variance}");
    }
}
