//! What runs cost before they start, in words: memory by the method's own formula, time by what similar runs took here.

use arborist_shared::api::runs::RunEstimate;

use crate::format;

/// `about 1.2 GB, about 3 min`.
pub fn words(cost: &RunEstimate) -> String {
    let memory = format!("about {}", format::bytes(cost.memory_bytes));
    let time = cost.seconds.map(about);
    let words = match time {
        Some(time) => format!("{memory}, {time}"),
        None => memory,
    };
    match cost.memory_available_bytes {
        Some(there) if !cost.fits => {
            format!("{words}: too much, the server has {}", format::bytes(there))
        }
        _ => words,
    }
}

/// A time that is a guess: no seconds where minutes are what counts.
pub fn about(seconds: f64) -> String {
    let rounded = match seconds {
        s if s < 10.0 => s.max(1.0).round(),
        s if s < 120.0 => (s / 10.0).round() * 10.0,
        s if s < 7_200.0 => (s / 60.0).round() * 60.0,
        s => (s / 600.0).round() * 600.0,
    };
    // Whole numbers, also below ten seconds.
    if rounded < 10.0 {
        format!("about {rounded:.0} s")
    } else {
        format!("about {}", format::duration(rounded))
    }
}

/// Where the figures come from.
pub fn whence(cost: &RunEstimate) -> String {
    let memory = "Memory by the method's own formula.";
    match &cost.seconds_from {
        None => format!(
            "{memory} No run like this has finished on this server, so the time is not known."
        ),
        Some(from) => format!(
            "{memory} Time by the speed of {}, {}.",
            format::counted(from.n_runs, "finished run", "finished runs"),
            if from.same_hyperparameters {
                "with the same hyperparameters"
            } else {
                "with other hyperparameters"
            }
        ),
    }
}

/// What all runs cost together: they train one after the other, so times add up and the largest memory counts.
pub struct Total {
    pub memory_bytes: u64,
    pub memory_available_bytes: Option<u64>,
    pub fits: bool,
    /// None as soon as one of them is not known.
    pub seconds: Option<f64>,
}

/// None where the cost of some run is not known.
pub fn total<'a>(costs: impl IntoIterator<Item = Option<&'a RunEstimate>>) -> Option<Total> {
    let costs: Vec<&RunEstimate> = costs.into_iter().collect::<Option<_>>()?;
    let largest = costs.iter().max_by_key(|cost| cost.memory_bytes)?;
    Some(Total {
        memory_bytes: largest.memory_bytes,
        memory_available_bytes: largest.memory_available_bytes,
        fits: costs.iter().all(|cost| cost.fits),
        seconds: costs.iter().map(|cost| cost.seconds).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(memory_bytes: u64, seconds: Option<f64>) -> RunEstimate {
        RunEstimate {
            memory_bytes,
            memory_available_bytes: Some(8_000_000_000),
            fits: memory_bytes <= 8_000_000_000,
            seconds,
            seconds_from: None,
        }
    }

    #[test]
    fn costs_are_told_as_guesses() {
        assert_eq!(
            words(&cost(713_000_000, Some(67.0))),
            "about 713 MB, about 1 min 10 s"
        );
        assert_eq!(words(&cost(713_000_000, None)), "about 713 MB");
        assert_eq!(
            words(&cost(9_000_000_000, None)),
            "about 9.0 GB: too much, the server has 8.0 GB"
        );
        assert_eq!(about(0.3), "about 1 s");
        assert_eq!(about(3_725.0), "about 1 h 2 min");
        assert_eq!(about(100_000.0), "about 27 h 50 min");
    }

    #[test]
    fn times_add_up_and_the_largest_memory_counts() {
        let (small, large) = (cost(1, Some(10.0)), cost(5, Some(20.0)));
        let both = total([Some(&small), Some(&large)]).expect("both are known");
        assert_eq!(
            (both.memory_bytes, both.seconds, both.fits),
            (5, Some(30.0), true)
        );
        assert!(total([Some(&small), None]).is_none());
        let untimed = cost(9_000_000_000, None);
        let all = total([Some(&small), Some(&untimed)]).expect("both are known");
        assert_eq!((all.seconds, all.fits), (None, false));
        assert!(total([]).is_none());
    }
}
