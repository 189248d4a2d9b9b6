//! How far the figures of one run may be from what other documents of the same kind would have given.
//!
//! The bootstrap of a pair with one half of it empty: a run that predicts nothing has F1 0 in every resample, so the
//! differences from it are the figures themselves. Exact matches are counted documents; their resamples are binomial.
//!
//! Resamples of macro-F1 lie too low: a label with few documents is missing from many of them and counts 0 there. So the
//! resamples tell how far a figure varies, and are moved as a whole until their mean is the figure.

use serde::{Deserialize, Serialize};

use super::documents::Documents;
use super::random::Random;
use super::resample::{Differences, LANES, Plan};
use super::{Options, quantile};
use crate::LabelIndex;
use crate::decode::Judged;
use crate::sets;
use crate::taxonomy::Taxonomy;

/// 95 % intervals of a run's figures, by the names that the figures have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Intervals {
    /// Of the decoded sets.
    pub micro_f1: [f64; 2],
    /// Of the decoded sets.
    pub macro_f1: [f64; 2],
    /// Of the decoded sets.
    pub exact_match: [f64; 2],
    /// Of the sets before decoding.
    pub raw: RawIntervals,
}

/// 95 % intervals of the figures on the sets before decoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RawIntervals {
    /// As in the metrics.
    pub micro_f1: [f64; 2],
    /// As in the metrics.
    pub macro_f1: [f64; 2],
    /// As in the metrics.
    pub hierarchical_f1: [f64; 2],
    /// As in the metrics.
    pub exact_match: [f64; 2],
}

/// Intervals of a run that judged documents, in the order of `gold` (closed upwards); none without documents.
#[must_use]
pub fn intervals(
    run: &[Judged],
    gold: &[Vec<LabelIndex>],
    taxonomy: &Taxonomy,
    options: Options,
) -> Option<Intervals> {
    let n = gold.len().min(run.len());
    let (run, gold) = (&run[..n], &gold[..n]);
    if n == 0 {
        return None;
    }
    let decoded = Sets::of(run, gold, taxonomy, options);
    let as_decoded = |judged: &Judged| Judged {
        labels: judged.raw.clone(),
        ..judged.clone()
    };
    let raw = if run.iter().any(|judged| judged.raw != judged.labels) {
        let raw: Vec<Judged> = run.iter().map(as_decoded).collect();
        Sets::of(&raw, gold, taxonomy, options)
    } else {
        decoded
    };
    Some(Intervals {
        micro_f1: decoded.micro,
        macro_f1: decoded.macro_,
        exact_match: decoded.exact,
        raw: RawIntervals {
            micro_f1: raw.micro,
            macro_f1: raw.macro_,
            hierarchical_f1: raw.hierarchical,
            exact_match: raw.exact,
        },
    })
}

/// Intervals of one kind of sets.
#[derive(Clone, Copy)]
struct Sets {
    micro: [f64; 2],
    macro_: [f64; 2],
    hierarchical: [f64; 2],
    exact: [f64; 2],
}

impl Sets {
    fn of(run: &[Judged], gold: &[Vec<LabelIndex>], taxonomy: &Taxonomy, options: Options) -> Self {
        let nothing = vec![Judged::default(); run.len()];
        let plan = Plan::new(Documents::new(run, &nothing, gold, taxonomy));
        let n = options.resamples as usize;
        let mut counters = plan.counters();
        let samples: Vec<Differences> = (0..n.div_ceil(LANES) as u64)
            .flat_map(|batch| plan.bootstrap(&mut Random::new(options.seed, batch), &mut counters))
            .take(n)
            .collect();
        let right = run
            .iter()
            .zip(gold)
            .filter(|(judged, gold)| *sets::sorted(gold) == judged.labels[..])
            .count();
        let share = right as f64 / run.len() as f64;
        let mut random = Random::new(options.seed, u64::MAX);
        let mut exact = || f64::from(random.binomial(run.len() as u32, share)) / run.len() as f64;
        let of = |figure: fn(&Differences) -> f64| {
            around(figure(&plan.observed()), samples.iter().map(figure))
        };
        Self {
            micro: of(|sample| sample.micro),
            macro_: of(|sample| sample.macro_),
            hierarchical: of(|sample| sample.hierarchical),
            exact: around(share, (0..n).map(|_| exact())),
        }
    }
}

/// The bounds of the middle 95 % of samples, their mean moved to `figure`; within 0 and 1, and never without the figure.
fn around(figure: f64, samples: impl Iterator<Item = f64>) -> [f64; 2] {
    let mut sorted: Vec<f64> = samples.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mean = sorted.iter().sum::<f64>() / sorted.len().max(1) as f64;
    let bound = |share| (quantile(&sorted, share, mean) + figure - mean).clamp(0.0, 1.0);
    [bound(0.025).min(figure), bound(0.975).max(figure)]
}
