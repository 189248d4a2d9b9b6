//! Dropout without stored masks: the factor of an element is a hash of its position.
//!
//! The same hash gives the same mask in the backward pass, on any number of threads and after a
//! resume, so nothing has to be kept and no generator has a state.

/// A stream of random words, one for each position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    first: u32,
    second: u32,
}

impl Noise {
    /// The stream of one `site` (a dropout layer, a table) at one step of one stage of a run.
    #[must_use]
    pub fn new(seed: u64, stage: u64, step: u64, site: u64) -> Self {
        let mut state = seed;
        for part in [stage, step, site] {
            state = scramble(
                state
                    ^ part
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                        .wrapping_add(0x2545_f491_4f6c_dd1d),
            );
        }
        Self {
            first: state as u32,
            second: (state >> 32) as u32,
        }
    }

    /// The random word at a position.
    #[inline(always)]
    #[must_use]
    pub fn word(self, position: u32) -> u32 {
        let mut x = position.wrapping_add(self.first);
        x ^= x >> 16;
        x = x.wrapping_mul(0x7feb_352d);
        x ^= (x >> 15) ^ self.second;
        x = x.wrapping_mul(0x846c_a68b);
        x ^ (x >> 16)
    }

    /// A number in `[0, 1)` with 24 random bits.
    #[inline(always)]
    #[must_use]
    pub fn unit(self, position: u32) -> f32 {
        (self.word(position) >> 8) as f32 * (1.0 / 16_777_216.0)
    }
}

/// A 64-bit finalizer (SplitMix64): neighbouring inputs give unrelated outputs.
#[must_use]
pub fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Inverted dropout: an element is 0 with probability `p`, else divided by `1 - p`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    noise: Noise,
    /// Words below this are dropped.
    threshold: u32,
    scale: f32,
}

impl Dropout {
    /// # Panics
    /// If `p` is not in `[0, 1)`.
    #[must_use]
    pub fn new(noise: Noise, p: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&p),
            "a dropout rate is at least 0 and below 1, not {p}"
        );
        let threshold = (p * 4_294_967_296.0) as u32;
        let kept = 1.0 - f64::from(threshold) / 4_294_967_296.0;
        Self {
            noise,
            threshold,
            scale: (1.0 / kept) as f32,
        }
    }

    /// No dropout: every factor is 1.
    #[must_use]
    pub fn off() -> Self {
        Self {
            noise: Noise {
                first: 0,
                second: 0,
            },
            threshold: 0,
            scale: 1.0,
        }
    }

    #[must_use]
    pub fn is_off(self) -> bool {
        self.threshold == 0
    }

    /// Factor of what is not dropped.
    #[inline(always)]
    #[must_use]
    pub fn kept_factor(self) -> f32 {
        self.scale
    }

    /// Factor of the element at `position`: 0 or `1 / (1 - p)`.
    #[inline(always)]
    #[must_use]
    pub fn factor(self, position: u32) -> f32 {
        if self.noise.word(position) >= self.threshold {
            self.scale
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_means_are_right() {
        for p in [0.0, 0.05, 0.1, 0.5, 0.9] {
            let dropout = Dropout::new(Noise::new(7, 1, 2, 3), p);
            let n = 400_000;
            let (mut zeros, mut sum) = (0_u32, 0.0_f64);
            for position in 0..n {
                let factor = dropout.factor(position);
                zeros += u32::from(factor == 0.0);
                sum += f64::from(factor);
            }
            let deviation = (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!(
                (f64::from(zeros) / f64::from(n) - p).abs() <= 5.0 * deviation,
                "rate {p}"
            );
            assert!(
                (sum / f64::from(n) - 1.0).abs() <= 5.0 * deviation / (1.0 - p),
                "mean at {p}"
            );
        }
    }

    #[test]
    fn streams_and_neighbours_are_unrelated() {
        let half = |noise: Noise, i: u32| noise.word(i) >> 31;
        let (a, b) = (Noise::new(1, 0, 5, 0), Noise::new(1, 0, 6, 0));
        let n = 200_000_u32;
        let same = (0..n).filter(|&i| half(a, i) == half(b, i)).count();
        let neighbours = (0..n).filter(|&i| half(a, i) == half(a, i + 1)).count();
        let rows = (0..n).filter(|&i| half(a, i) == half(a, i + 300)).count();
        for count in [same, neighbours, rows] {
            assert!(
                (count as f64 / f64::from(n) - 0.5).abs() < 0.006,
                "agreement {count} of {n}"
            );
        }
    }
}
