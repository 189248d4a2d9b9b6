//! Compiles a kernel for several instruction sets and picks one at run time.
//!
//! A kernel body is an `#[inline(always)]` function generic over `FMA` (whether a fused multiply-add
//! is one instruction) and `ROWS` (rows of a register tile). The macro wraps it once for AVX-512, once
//! for AVX2 and once for the baseline, so that the compiler vectorizes each copy for its own registers.

/// Rows of a register tile with AVX-512, which has 32 registers: a kernel with as many rows runs on such a processor.
pub(crate) const AVX512_ROWS: usize = 12;

/// Multiply-add: fused where the instruction set has it, so that it never becomes a library call.
#[inline(always)]
pub(crate) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

macro_rules! vectorized {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) => $body:ident) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn with_avx512($($arg: $ty),*) {
                    $body::<true, { $crate::cpu::dispatch::AVX512_ROWS }>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn with_avx2($($arg: $ty),*) {
                    $body::<true, 6>($($arg),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("fma")
                {
                    // SAFETY: the processor was just found to have every enabled feature.
                    #[allow(unsafe_code)]
                    return unsafe { with_avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor was just found to have every enabled feature.
                    #[allow(unsafe_code)]
                    return unsafe { with_avx2($($arg),*) };
                }
            }
            $body::<false, 4>($($arg),*)
        }
    };
}

pub(crate) use vectorized;
