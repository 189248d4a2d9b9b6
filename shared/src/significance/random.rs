//! A small seeded generator and exact binomial numbers, so that resampling needs nothing from outside.

/// xoshiro256++ by Blackman and Vigna, seeded through `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u64; 4],
}

impl Random {
    /// An independent stream for each pair of seed and stream number.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut mixer = seed;
        let start = split_mix(&mut mixer) ^ stream.wrapping_mul(0xD134_2543_DE82_EF95);
        let mut mixer = start;
        Self {
            state: std::array::from_fn(|_| split_mix(&mut mixer)),
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in the open interval from 0 to 1.
    #[inline]
    fn unit(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// How many of `n` trials succeed, each with probability `p`.
    pub(super) fn binomial(&mut self, n: u32, p: f64) -> u32 {
        if n == 0 || p <= 0.0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        if p > 0.5 {
            return n - self.at_most_half(n, 1.0 - p);
        }
        self.at_most_half(n, p)
    }

    fn at_most_half(&mut self, n: u32, p: f64) -> u32 {
        if f64::from(n) * p < 10.0 {
            self.by_inversion(n, p)
        } else {
            self.by_rejection(n, p)
        }
    }

    /// Walks along the distribution from 0; few steps because the mean is small.
    fn by_inversion(&mut self, n: u32, p: f64) -> u32 {
        let odds = p / (1.0 - p);
        let mut mass = (f64::from(n) * (-p).ln_1p()).exp();
        let mut rest = self.unit();
        let mut k = 0;
        while rest > mass && k < n {
            rest -= mass;
            mass *= odds * f64::from(n - k) / f64::from(k + 1);
            k += 1;
        }
        k
    }

    /// Hörmann's transformed rejection (BTRS, 1993), for means of at least 10.
    fn by_rejection(&mut self, n: u32, p: f64) -> u32 {
        let trials = f64::from(n);
        let q = 1.0 - p;
        let deviation = (trials * p * q).sqrt();
        let b = 1.15 + 2.53 * deviation;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let c = trials * p + 0.5;
        let accept_below = 0.92 - 4.2 / b;
        loop {
            let u = self.unit() - 0.5;
            let v = self.unit();
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + c).floor();
            if us >= 0.07 && v <= accept_below {
                return k as u32;
            }
            if k < 0.0 || k > trials {
                continue;
            }
            let alpha = (2.83 + 5.1 / b) * deviation;
            let odds = p / q;
            let mode = ((trials + 1.0) * p).floor();
            let bound = (mode + 0.5) * ((mode + 1.0) / (odds * (trials - mode + 1.0))).ln()
                + (trials + 1.0) * ((trials - mode + 1.0) / (trials - k + 1.0)).ln()
                + (k + 0.5) * (odds * (trials - k + 1.0) / (k + 1.0)).ln()
                + stirling_rest(mode)
                + stirling_rest(trials - mode)
                - stirling_rest(k)
                - stirling_rest(trials - k);
            if (v * alpha / (a / (us * us) + b)).ln() <= bound {
                return k as u32;
            }
        }
    }
}

/// What Stirling's formula for ln k! leaves over.
fn stirling_rest(k: f64) -> f64 {
    const SMALL: [f64; 10] = [
        0.081_061_466_795_327_26,
        0.041_340_695_955_409_29,
        0.027_677_925_684_998_34,
        0.020_790_672_103_765_09,
        0.016_644_691_189_821_19,
        0.013_876_128_823_070_75,
        0.011_896_709_945_891_77,
        0.010_411_265_261_972_09,
        0.009_255_462_182_712_733,
        0.008_330_563_433_362_87,
    ];
    if let Some(&rest) = SMALL.get(k as usize) {
        return rest;
    }
    let next = k + 1.0;
    let square = next * next;
    (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / next
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of many draws against their own standard errors (5 of them: deterministic by seed anyway).
    fn check(n: u32, p: f64) {
        let mut random = Random::new(7, u64::from(n));
        let draws = 40_000;
        let mut sum = 0.0;
        let mut squares = 0.0;
        for _ in 0..draws {
            let k = f64::from(random.binomial(n, p));
            assert!(k <= f64::from(n));
            sum += k;
            squares += k * k;
        }
        let mean = sum / f64::from(draws);
        let variance = squares / f64::from(draws) - mean * mean;
        let expected = f64::from(n) * p * (1.0 - p);
        assert!(
            (mean - f64::from(n) * p).abs() < 5.0 * (expected / f64::from(draws)).sqrt(),
            "mean {mean} of {n}, {p}"
        );
        assert!(
            (variance / expected - 1.0).abs() < 0.05,
            "variance {variance} of {n}, {p}"
        );
    }

    #[test]
    fn binomial_draws_have_the_right_mean_and_variance() {
        for (n, p) in [
            (1, 0.5),
            (20, 0.1),
            (30, 0.45),
            (100, 0.5),
            (256, 0.003),
            (100_000, 0.002_56),
            (5_000, 0.9),
        ] {
            check(n, p);
        }
    }

    #[test]
    fn a_small_binomial_has_the_right_distribution() {
        let mut random = Random::new(1, 0);
        let mut counts = [0_u32; 26];
        let draws = 200_000;
        for _ in 0..draws {
            counts[random.binomial(25, 0.48) as usize] += 1;
        }
        let mut mass = 0.52_f64.powi(25);
        for (k, &count) in counts.iter().enumerate() {
            let error = (mass * (1.0 - mass) / f64::from(draws)).sqrt();
            assert!(
                (f64::from(count) / f64::from(draws) - mass).abs() < 5.0 * error + 1e-9,
                "mass at {k}"
            );
            mass *= 0.48 / 0.52 * (25 - k) as f64 / (k + 1) as f64;
        }
    }

    #[test]
    fn certain_and_impossible_trials() {
        let mut random = Random::new(0, 0);
        assert_eq!(
            [
                random.binomial(9, 0.0),
                random.binomial(9, 1.0),
                random.binomial(0, 0.5)
            ],
            [0, 9, 0]
        );
    }
}
