//! Hand-written kernels for processors: the parts where libtorch would spend its time on small
//! operations, padding or zeros. Everything else stays a libtorch call.
//!
//! Each kernel has a plain tensor twin in [`blocks`](crate::blocks), which other devices use and tests compare with.

pub(crate) mod adam;
pub(crate) mod attention;
pub(crate) mod cached;
pub(crate) mod convolution;
pub(crate) mod dispatch;
pub(crate) mod gelu;
pub(crate) mod graph;
pub(crate) mod gru;
pub(crate) mod int8;
pub(crate) mod label_attention;
pub(crate) mod lanes;
pub(crate) mod lookup;
pub(crate) mod matrix;
pub mod noise;
pub(crate) mod norm;
pub(crate) mod pairs;
pub mod parallel;
pub(crate) mod product;
pub(crate) mod slices;
pub(crate) mod square;
pub(crate) mod sums;
pub(crate) mod window_means;

use tch::{Device, Kind, Tensor};

/// Whether the kernels can work on a tensor: single precision on a processor.
pub(crate) fn serves(tensor: &Tensor) -> bool {
    tensor.device() == Device::Cpu && tensor.kind() == Kind::Float
}
