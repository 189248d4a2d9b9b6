//! How far a job is, how fast it goes and how long it will take.

use std::collections::VecDeque;

use arborist_shared::run::ProgressStep;

use crate::format;

/// Share done over the whole stack, 0 to 1; none when nothing is known.
pub fn fraction(steps: &[ProgressStep]) -> Option<f64> {
    let mut share = None;
    // From the inside out: an outer step counts its finished parts and the share of the one at work.
    for step in steps.iter().rev() {
        if step.total > 0 {
            let inner = if step.current < step.total {
                share.unwrap_or(0.0)
            } else {
                0.0
            };
            share = Some(((step.current as f64 + inner) / step.total as f64).clamp(0.0, 1.0));
        }
    }
    share
}

/// `Epochs 3 of 25 › steps 120 of 400`.
pub fn describe(steps: &[ProgressStep]) -> String {
    let part = |step: &ProgressStep| {
        let name = step.name.replace('_', " ");
        match (step.current, step.total) {
            (0, 0) => name,
            (current, 0) => format!("{name} {}", format::count(current)),
            (current, total) => format!(
                "{name} {} of {}",
                format::count(current),
                format::count(total)
            ),
        }
    };
    let text = steps.iter().map(part).collect::<Vec<_>>().join(" › ");
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Speed and remaining time, estimated from what was seen during the last half minute.
#[derive(Debug, Default)]
pub struct Pace {
    name: String,
    seen: VecDeque<(f64, u64)>,
    shares: VecDeque<(f64, f64)>,
}

const WINDOW_MS: f64 = 30_000.0;
/// Too short a look gives a wild figure.
const SHORTEST_MS: f64 = 1_500.0;

impl Pace {
    /// Takes note of a state at a time in milliseconds.
    pub fn see(&mut self, now_ms: f64, steps: &[ProgressStep]) {
        let Some(inner) = steps
            .iter()
            .rev()
            .find(|step| step.total > 0 || step.current > 0)
        else {
            return;
        };
        if inner.name != self.name
            || self
                .seen
                .back()
                .is_some_and(|(_, current)| inner.current < *current)
        {
            self.name.clone_from(&inner.name);
            self.seen.clear();
        }
        self.seen.push_back((now_ms, inner.current));
        if let Some(share) = fraction(steps) {
            if self.shares.back().is_some_and(|(_, last)| share < *last) {
                self.shares.clear();
            }
            self.shares.push_back((now_ms, share));
        }
        while self.seen.len() > 2 && now_ms - self.seen[0].0 > WINDOW_MS {
            self.seen.pop_front();
        }
        while self.shares.len() > 2 && now_ms - self.shares[0].0 > WINDOW_MS {
            self.shares.pop_front();
        }
    }

    /// Units of the innermost step per second.
    pub fn per_second(&self) -> Option<f64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let elapsed = last.0 - first.0;
        (elapsed >= SHORTEST_MS && last.1 > first.1)
            .then(|| (last.1 - first.1) as f64 / elapsed * 1000.0)
    }

    /// Seconds until the whole stack is done.
    pub fn seconds_left(&self) -> Option<f64> {
        let (first, last) = (self.shares.front()?, self.shares.back()?);
        let elapsed = last.0 - first.0;
        (elapsed >= SHORTEST_MS && last.1 > first.1)
            .then(|| (1.0 - last.1) / (last.1 - first.1) * elapsed / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, current: u64, total: u64) -> ProgressStep {
        ProgressStep {
            name: name.into(),
            current,
            total,
        }
    }

    #[test]
    fn stacks_are_blended_from_the_inside() {
        assert_eq!(fraction(&[]), None);
        assert_eq!(fraction(&[step("import", 0, 0)]), None);
        assert_eq!(
            fraction(&[step("epochs", 2, 4), step("steps", 50, 100)]),
            Some(0.625)
        );
        assert_eq!(
            fraction(&[step("epochs", 4, 4), step("steps", 100, 100)]),
            Some(1.0)
        );
        assert_eq!(
            fraction(&[step("import", 0, 0), step("rows", 120, 480)]),
            Some(0.25)
        );
    }

    #[test]
    fn stacks_are_described_in_words() {
        assert_eq!(
            describe(&[step("epochs", 3, 25), step("steps", 1200, 4000)]),
            "Epochs 3 of 25 › steps 1,200 of 4,000"
        );
        assert_eq!(describe(&[step("reading_rows", 12, 0)]), "Reading rows 12");
        assert_eq!(describe(&[]), "");
    }

    #[test]
    fn pace_is_told_once_it_is_known() {
        let mut pace = Pace::default();
        pace.see(0.0, &[step("rows", 0, 1000)]);
        assert_eq!((pace.per_second(), pace.seconds_left()), (None, None));
        pace.see(500.0, &[step("rows", 50, 1000)]);
        assert_eq!(pace.per_second(), None, "half a second is too short a look");
        pace.see(2_000.0, &[step("rows", 200, 1000)]);
        assert_eq!(pace.per_second(), Some(100.0));
        assert_eq!(pace.seconds_left(), Some(8.0));
        pace.see(3_000.0, &[step("index", 1, 10)]);
        assert_eq!(pace.per_second(), None, "another step has another pace");
    }
}
