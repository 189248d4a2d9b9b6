//! Sixteen floats at a time: the arithmetic that the kernels share.
//!
//! Written as loops over fixed arrays, which the compiler turns into one or two vector registers.
//! Functions agree with the exact ones to about two units in the last place.

use super::dispatch::{AVX512_ROWS, multiply_add};

/// Width of a register tile: one AVX-512 register, two AVX registers.
pub(crate) const LANES: usize = 16;

pub(crate) type Lanes = [f32; LANES];

/// The first sixteen values of `from`, zeros where it is shorter.
#[inline(always)]
pub(crate) fn load(from: &[f32]) -> Lanes {
    if let Some(lanes) = from.first_chunk::<LANES>() {
        *lanes
    } else {
        let mut lanes = [0.0; LANES];
        lanes[..from.len()].copy_from_slice(from);
        lanes
    }
}

/// Writes as many of `lanes` as `to` has room for.
#[inline(always)]
pub(crate) fn store(to: &mut [f32], lanes: &Lanes) {
    if let Some(target) = to.first_chunk_mut::<LANES>() {
        *target = *lanes;
    } else {
        let length = to.len();
        to.copy_from_slice(&lanes[..length]);
    }
}

/// `e^x`, without branches. Arguments are clamped to the range of normal results.
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    /// Adding this leaves the nearest integer in the low bits of the mantissa.
    const SHIFT: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = multiply_add::<FMA>(x, std::f32::consts::LOG2_E, SHIFT);
    let n = shifted - SHIFT;
    let r = multiply_add::<FMA>(n, -LN_2_LOW, multiply_add::<FMA>(n, -LN_2_HIGH, x));
    let mut p = 1.987_569_1e-4;
    p = multiply_add::<FMA>(p, r, 1.398_199_9e-3);
    p = multiply_add::<FMA>(p, r, 8.333_452e-3);
    p = multiply_add::<FMA>(p, r, 4.166_579_6e-2);
    p = multiply_add::<FMA>(p, r, 1.666_666_5e-1);
    p = multiply_add::<FMA>(p, r, 0.5);
    p = multiply_add::<FMA>(p * r, r, r) + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    p * scale
}

/// Logistic sigmoid.
#[inline(always)]
pub(crate) fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FMA>(-x))
}

/// Hyperbolic tangent; absolute error below `2e-7`.
#[inline(always)]
pub(crate) fn tanh<const FMA: bool>(x: f32) -> f32 {
    multiply_add::<FMA>(2.0, sigmoid::<FMA>(2.0 * x), -1.0)
}

/// `a · b` as a register tile: `a` holds one column of `ROWS` values for each of the inner
/// dimension's steps, `b` one row of sixteen.
#[inline(always)]
pub(crate) fn tile<const FMA: bool, const ROWS: usize>(
    a: &[[f32; ROWS]],
    b: &[Lanes],
) -> [Lanes; ROWS] {
    #[cfg(target_arch = "x86_64")]
    if ROWS == AVX512_ROWS {
        // SAFETY: only kernels on a processor that was found to have AVX-512 have so many rows.
        #[allow(unsafe_code)]
        return unsafe { tile_avx512(a, b) };
    }
    let mut sum = [[0.0; LANES]; ROWS];
    for (a, b) in a.iter().zip(b) {
        for row in 0..ROWS {
            for lane in 0..LANES {
                sum[row][lane] = multiply_add::<FMA>(a[row], b[lane], sum[row][lane]);
            }
        }
    }
    sum
}

/// [`tile`] in so many words: the compiler takes rows for lanes here, and gathers and scatters.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn tile_avx512<const ROWS: usize>(a: &[[f32; ROWS]], b: &[Lanes]) -> [Lanes; ROWS] {
    use std::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    let mut sums = [_mm512_setzero_ps(); ROWS];
    for (a, b) in a.iter().zip(b) {
        // SAFETY: there are sixteen values to read.
        #[allow(unsafe_code)]
        let b = unsafe { _mm512_loadu_ps(b.as_ptr()) };
        for (sum, a) in sums.iter_mut().zip(a) {
            *sum = _mm512_fmadd_ps(_mm512_set1_ps(*a), b, *sum);
        }
    }
    let mut tile = [[0.0; LANES]; ROWS];
    for (row, sum) in tile.iter_mut().zip(sums) {
        // SAFETY: there is room for sixteen values.
        #[allow(unsafe_code)]
        unsafe {
            _mm512_storeu_ps(row.as_mut_ptr(), sum);
        }
    }
    tile
}

/// Dot product of two slices of one length, summed in sixteen lanes.
#[inline(always)]
pub(crate) fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = [0.0; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sum[lane] = multiply_add::<FMA>(a[lane], b[lane], sum[lane]);
        }
    }
    let mut total: f32 = sum.iter().sum();
    for (a, b) in a_rest.iter().zip(b_rest) {
        total = multiply_add::<FMA>(*a, *b, total);
    }
    total
}

/// `y += a · x`.
#[inline(always)]
pub(crate) fn add_scaled<const FMA: bool>(y: &mut [f32], a: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = multiply_add::<FMA>(a, *x, *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Products a second of a register tile, and of libtorch on one thread.
    #[cfg(not(debug_assertions))]
    fn rates() -> (f64, f64) {
        use std::hint::black_box;
        use std::time::Instant;

        use tch::{Device, Kind, Tensor};

        use crate::cpu::dispatch::vectorized;

        const DEPTH: usize = 256;

        vectorized! {
            fn products(times: usize, done: &mut usize) => products_body
        }

        #[inline(always)]
        fn products_body<const FMA: bool, const ROWS: usize>(times: usize, done: &mut usize) {
            let a = vec![[0.5_f32; ROWS]; DEPTH];
            let b = vec![[0.5_f32; LANES]; DEPTH];
            for _ in 0..times {
                black_box(tile::<FMA, ROWS>(black_box(&a), black_box(&b)));
            }
            *done = times * DEPTH * ROWS * LANES;
        }

        let fastest = |work: &mut dyn FnMut() -> usize| {
            let rate = |_| {
                let started = Instant::now();
                work() as f64 / started.elapsed().as_secs_f64()
            };
            (0..5).map(rate).fold(0.0, f64::max)
        };
        tch::set_num_threads(1);
        let ours = fastest(&mut || {
            let mut done = 0;
            products(2_000, &mut done);
            done
        });
        let matrix = Tensor::ones([512, 512], (Kind::Float, Device::Cpu));
        let theirs = fastest(&mut || {
            let _ = black_box(matrix.matmul(&matrix));
            512 * 512 * 512
        });
        (ours, theirs)
    }

    /// Tells a kernel that the compiler did not vectorize, which is twenty times slower, from one that it did.
    #[cfg(not(debug_assertions))]
    #[test]
    fn a_register_tile_is_about_as_fast_as_a_product_of_libtorch() {
        let (ours, theirs) = rates();
        assert!(
            ours > 0.25 * theirs,
            "{:.1} G products/s, libtorch {:.1}",
            ours / 1e9,
            theirs / 1e9
        );
    }

    #[test]
    fn exponentials_agree_with_the_exact_ones() {
        let mut worst: f64 = 0.0;
        for i in -80_000..80_000 {
            let x = i as f32 / 1_000.0;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp::<false>(x)) - exact).abs() / exact);
        }
        assert!(worst < 3e-7, "relative error {worst}");
        assert_eq!(exp::<false>(0.0), 1.0);
        assert_eq!(exp::<false>(-1e30), exp::<false>(-87.0));
    }

    #[test]
    fn squashing_functions_agree_with_the_exact_ones() {
        for i in -30_000..30_000 {
            let x = i as f32 / 1_000.0;
            let exact = f64::from(x).tanh();
            assert!(
                (f64::from(tanh::<false>(x)) - exact).abs() < 2.5e-7,
                "tanh({x})"
            );
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!(
                (f64::from(sigmoid::<false>(x)) - exact).abs() < 1e-7,
                "sigmoid({x})"
            );
        }
    }
}
