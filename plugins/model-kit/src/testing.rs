//! What several test modules need.
#![allow(clippy::unwrap_used)]

use tch::{Device, Kind, Tensor};

use crate::cpu::noise::Noise;
use crate::parameters::Parameters;
use crate::pass::Moment;

pub(crate) const MOMENT: Moment = Moment {
    seed: 7,
    stage: 0,
    step: 0,
};

/// Numbers in ±1, always the same.
pub(crate) fn random(shape: &[i64], number: u64) -> Tensor {
    let length: i64 = shape.iter().product();
    let noise = Noise::new(number, 0, 0, 0);
    let values: Vec<f32> = (0..length)
        .map(|position| 2.0 * noise.unit(position as u32) - 1.0)
        .collect();
    Tensor::from_slice(&values).view(shape)
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(
        tensor
            .detach()
            .to_kind(Kind::Float)
            .contiguous()
            .flatten(0, -1),
    )
    .unwrap()
}

#[track_caller]
pub(crate) fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64, what: &str) {
    assert_eq!(found.size(), expected.size(), "shapes of {what}");
    if found.numel() == 0 {
        return;
    }
    let difference = (found.to_kind(Kind::Double) - expected.to_kind(Kind::Double))
        .abs()
        .max()
        .double_value(&[]);
    assert!(
        difference <= tolerance,
        "{what}: largest difference {difference}, allowed {tolerance}"
    );
}

#[track_caller]
pub(crate) fn assert_values(found: &Tensor, expected: &[f64], tolerance: f64, what: &str) {
    assert_close(
        &found.flatten(0, -1),
        &Tensor::from_slice(expected),
        tolerance,
        what,
    );
}

pub(crate) fn parameters() -> Parameters {
    Parameters::fresh(Device::Cpu, 11)
}

/// Handles of all trained parameters.
pub(crate) fn wanted(parameters: &Parameters) -> Vec<&Tensor> {
    parameters
        .entries()
        .iter()
        .filter(|entry| entry.trained)
        .map(|entry| &entry.tensor)
        .collect()
}

/// Sets a parameter to one value everywhere.
pub(crate) fn fill(parameters: &Parameters, name: &str, value: f64) {
    let entry = parameters.entries().iter().find(|entry| entry.name == name);
    let _ = entry
        .unwrap_or_else(|| panic!("no parameter `{name}`"))
        .tensor
        .detach()
        .fill_(value);
}
