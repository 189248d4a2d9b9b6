//! The numbers of a tensor as a slice: where kernels meet libtorch.
//!
//! `libtorch` handles are reference counted and unchecked, so these functions cannot prove that nobody
//! else looks at the same memory. The crate keeps that promise by its shape: kernels run on the one
//! thread that owns all tensors, [`write`] is called on tensors that the caller has just made or that
//! the optimizer owns, and no slice outlives the function that took it.

use tch::{Device, Kind, Tensor};

fn check(tensor: &Tensor, kind: Kind) -> usize {
    assert!(
        tensor.device() == Device::Cpu,
        "kernels work on tensors in main memory"
    );
    assert!(
        tensor.kind() == kind,
        "expected {kind:?}, found {:?}",
        tensor.kind()
    );
    assert!(tensor.is_contiguous(), "kernels need contiguous tensors");
    tensor.numel()
}

/// The values of a contiguous float tensor in main memory.
#[allow(unsafe_code)]
pub(crate) fn read(tensor: &Tensor) -> &[f32] {
    let length = check(tensor, Kind::Float);
    if length == 0 {
        return &[];
    }
    // SAFETY: the tensor is contiguous, in main memory and holds `length` floats; it outlives the slice.
    // Nobody writes to it meanwhile, see the module's documentation.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), length) }
}

/// The values of a contiguous float tensor in main memory, to be changed in place.
#[allow(unsafe_code)]
pub(crate) fn write(tensor: &mut Tensor) -> &mut [f32] {
    let length = check(tensor, Kind::Float);
    if length == 0 {
        return &mut [];
    }
    // SAFETY: as in `read`; the caller owns the tensor, so no other slice of it exists.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), length) }
}

/// A new float tensor whose values are not set yet: the caller writes all of them.
pub(crate) fn unset(shape: &[i64]) -> Tensor {
    Tensor::empty(shape, (Kind::Float, Device::Cpu))
}
