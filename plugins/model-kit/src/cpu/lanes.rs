//! Sixteen floats at a time: the arithmetic that the kernels share.
//!
//! Written as loops over fixed arrays, which the compiler turns into one or two vector registers.
//! Functions agree with the exact ones to about two units in the last place.

use super::dispatch::multiply_add;

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
