//! How the learning rate changes over the updates of a training (METHODS 1.14).

use serde::{Deserialize, Serialize};

/// Factor of the learning rate by update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    #[default]
    Constant,
    /// Rises over `warmup` updates, then falls to 0 at `total`.
    Linear { warmup: u64, total: u64 },
    /// Rises over `warmup` updates, then stays.
    WarmupConstant { warmup: u64 },
}

impl Schedule {
    /// The factor after `done` updates, for the next one.
    #[must_use]
    pub fn factor(self, done: u64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Linear { warmup, .. } if done < warmup => done as f64 / warmup as f64,
            Self::Linear { warmup, total } => {
                total.saturating_sub(done) as f64 / total.saturating_sub(warmup).max(1) as f64
            }
            Self::WarmupConstant { warmup } => ((done + 1) as f64 / warmup.max(1) as f64).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_rises_and_falls() {
        let schedule = Schedule::Linear {
            warmup: 10,
            total: 100,
        };
        let factors = [0, 5, 10, 55, 100, 200].map(|step| schedule.factor(step));
        assert_eq!(factors, [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]);
        assert_eq!(
            Schedule::Linear {
                warmup: 0,
                total: 10
            }
            .factor(0),
            1.0
        );
    }

    #[test]
    fn warm_up_counts_the_update_that_it_is_for() {
        let schedule = Schedule::WarmupConstant { warmup: 2_000 };
        assert_eq!(3e-5 * schedule.factor(0), 3e-5 / 2_000.0);
        assert_eq!(schedule.factor(1_999), 1.0);
        assert_eq!(schedule.factor(50_000), 1.0);
        assert_eq!(Schedule::Constant.factor(7), 1.0);
    }
}
