//! Sixteen rows times sixteen lanes: a register tile whose two operands are arranged alike.
//!
//! Both hold sixteen values side by side for each step of the inner dimension, so that what one product wrote, lane by
//! lane, is an operand of the next one without being arranged again.

use super::dispatch::{AVX512_ROWS, multiply_add};
use super::lanes::{LANES, Lanes};

pub(crate) type Square = [Lanes; LANES];

/// Sixteen values for each step, `stride` apart from those of the step before.
#[derive(Clone, Copy)]
struct Strip<'a> {
    values: &'a [f32],
    stride: usize,
}

impl<'a> Strip<'a> {
    /// # Panics
    /// When `steps` steps are not within `values`.
    #[inline(always)]
    fn new(values: &'a [f32], stride: usize, steps: usize) -> Self {
        assert!(
            steps == 0 || (steps - 1) * stride + LANES <= values.len(),
            "a strip is within its values"
        );
        Self { values, stride }
    }
}

/// `result[row][lane] = Σ_step a[step][row] · b[step][lane]`; the strips must have as many steps.
#[inline(always)]
pub(crate) fn square<const FMA: bool, const ROWS: usize>(
    a: &[f32],
    a_stride: usize,
    b: &[f32],
    b_stride: usize,
    steps: usize,
) -> Square {
    let (a, b) = (
        Strip::new(a, a_stride, steps),
        Strip::new(b, b_stride, steps),
    );
    #[cfg(target_arch = "x86_64")]
    if ROWS == AVX512_ROWS {
        // SAFETY: only kernels on a processor that was found to have AVX-512 have so many rows; the strips were found
        // to have as many steps.
        #[allow(unsafe_code)]
        return unsafe { square_avx512(a, b, steps) };
    }
    /// As many rows at a time as other processors have registers for.
    const FEW: usize = 4;
    let mut square = [[0.0; LANES]; LANES];
    for first in (0..LANES).step_by(FEW) {
        let mut sums = [[0.0_f32; LANES]; FEW];
        for step in 0..steps {
            let a = &a.values[step * a.stride + first..][..FEW];
            let b = &b.values[step * b.stride..][..LANES];
            for row in 0..FEW {
                for lane in 0..LANES {
                    sums[row][lane] = multiply_add::<FMA>(a[row], b[lane], sums[row][lane]);
                }
            }
        }
        square[first..first + FEW].copy_from_slice(&sums);
    }
    square
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
#[allow(unsafe_code)]
unsafe fn square_avx512(a: Strip<'_>, b: Strip<'_>, steps: usize) -> Square {
    use std::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    let mut sums = [_mm512_setzero_ps(); LANES];
    let (mut a_step, mut b_step) = (a.values.as_ptr(), b.values.as_ptr());
    for _ in 0..steps {
        // SAFETY: the strip has sixteen values for this step.
        let lanes = unsafe { _mm512_loadu_ps(b_step) };
        for (row, sum) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let value = unsafe { *a_step.add(row) };
            *sum = _mm512_fmadd_ps(_mm512_set1_ps(value), lanes, *sum);
        }
        a_step = a_step.wrapping_add(a.stride);
        b_step = b_step.wrapping_add(b.stride);
    }
    let mut square = [[0.0; LANES]; LANES];
    for (row, sum) in square.iter_mut().zip(sums) {
        // SAFETY: there is room for sixteen values.
        unsafe { _mm512_storeu_ps(row.as_mut_ptr(), sum) };
    }
    square
}

/// Rows become columns.
#[inline(always)]
pub(crate) fn transposed<const ROWS: usize>(square: &Square) -> Square {
    #[cfg(target_arch = "x86_64")]
    if ROWS == AVX512_ROWS {
        // SAFETY: only kernels on a processor that was found to have AVX-512 have so many rows.
        #[allow(unsafe_code)]
        return unsafe { transposed_avx512(square) };
    }
    let mut result = [[0.0; LANES]; LANES];
    for (row, values) in square.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            result[column][row] = *value;
        }
    }
    result
}

/// Pairs of rows are interleaved by one value, by two, by four, by eight.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
fn transposed_avx512(square: &Square) -> Square {
    use std::arch::x86_64::{
        __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_loadu_ps, _mm512_setzero_ps,
        _mm512_shuffle_f32x4, _mm512_storeu_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
        _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };

    let mut rows = [_mm512_setzero_ps(); LANES];
    for (row, values) in rows.iter_mut().zip(square) {
        // SAFETY: there are sixteen values to read.
        #[allow(unsafe_code)]
        let values = unsafe { _mm512_loadu_ps(values.as_ptr()) };
        *row = values;
    }
    // Within each quarter of four lanes: `fours[4 g + i]` has column `4 q + i` of the rows `4 g..4 g + 4` in quarter q.
    let mut fours = [_mm512_setzero_ps(); LANES];
    for group in 0..4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|row| rows[4 * group + row]);
        let low = |x: __m512, y: __m512| {
            _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)))
        };
        let high = |x: __m512, y: __m512| {
            _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)))
        };
        let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        fours[4 * group] = low(ab_low, cd_low);
        fours[4 * group + 1] = high(ab_low, cd_low);
        fours[4 * group + 2] = low(ab_high, cd_high);
        fours[4 * group + 3] = high(ab_high, cd_high);
    }
    let mut result = [[0.0; LANES]; LANES];
    for column in 0..4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|group| fours[4 * group + column]);
        // Quarters 0 and 1, then 2 and 3, of two groups each.
        let (ab_low, ab_high) = (
            _mm512_shuffle_f32x4::<0x44>(a, b),
            _mm512_shuffle_f32x4::<0xee>(a, b),
        );
        let (cd_low, cd_high) = (
            _mm512_shuffle_f32x4::<0x44>(c, d),
            _mm512_shuffle_f32x4::<0xee>(c, d),
        );
        let columns = [
            _mm512_shuffle_f32x4::<0x88>(ab_low, cd_low),
            _mm512_shuffle_f32x4::<0xdd>(ab_low, cd_low),
            _mm512_shuffle_f32x4::<0x88>(ab_high, cd_high),
            _mm512_shuffle_f32x4::<0xdd>(ab_high, cd_high),
        ];
        for (quarter, values) in columns.into_iter().enumerate() {
            let target = &mut result[4 * quarter + column];
            // SAFETY: there is room for sixteen values.
            #[allow(unsafe_code)]
            unsafe {
                _mm512_storeu_ps(target.as_mut_ptr(), values);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::dispatch::vectorized;

    vectorized! {
        fn product(a: &[f32], b: &[f32], steps: usize, result: &mut Square) => product_body
    }

    #[inline(always)]
    fn product_body<const FMA: bool, const ROWS: usize>(
        a: &[f32],
        b: &[f32],
        steps: usize,
        result: &mut Square,
    ) {
        *result = square::<FMA, ROWS>(a, 17, b, 20, steps);
    }

    vectorized! {
        fn turn(square: &Square, result: &mut Square) => turn_body
    }

    #[inline(always)]
    fn turn_body<const FMA: bool, const ROWS: usize>(square: &Square, result: &mut Square) {
        *result = transposed::<ROWS>(square);
    }

    fn value(place: usize) -> f32 {
        ((place * 37 + 11) % 29) as f32 / 29.0 - 0.4
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for steps in [0, 1, 40] {
            let a: Vec<f32> = (0..17 * steps).map(value).collect();
            let b: Vec<f32> = (0..20 * steps).map(|place| value(place + 5)).collect();
            let mut found = [[f32::NAN; LANES]; LANES];
            product(&a, &b, steps, &mut found);
            let mut plain = [[f32::NAN; LANES]; LANES];
            product_body::<false, 4>(&a, &b, steps, &mut plain);
            for row in 0..LANES {
                for lane in 0..LANES {
                    let expected: f32 = (0..steps)
                        .map(|step| a[step * 17 + row] * b[step * 20 + lane])
                        .sum();
                    assert!((found[row][lane] - expected).abs() < 1e-5);
                    assert!((plain[row][lane] - expected).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        let square: Square =
            std::array::from_fn(|row| std::array::from_fn(|lane| (row * LANES + lane) as f32));
        let mut found = [[f32::NAN; LANES]; LANES];
        turn(&square, &mut found);
        for row in 0..LANES {
            for lane in 0..LANES {
                assert_eq!(found[row][lane], square[lane][row]);
            }
        }
        assert_eq!(transposed::<4>(&square), found);
    }
}
