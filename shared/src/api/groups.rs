//! Groups: several runs on one frozen corpus version that are asked for together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::runs::Run;

/// `POST /api/v1/projects/{id}/groups`: every entry with every seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// What it is about; the methods' names unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// Id of the corpus version that all train on.
    pub corpus: i64,
    /// Id of the taxonomy version.
    pub taxonomy: i64,
    /// Seeds; 0 alone unless given.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// `auto`, `cpu` or `cuda:N`, for all.
    #[serde(default)]
    pub device: Option<String>,
    /// As for a run, for all.
    #[serde(default)]
    pub priority: Option<i64>,
    /// What to train.
    pub entries: Vec<GroupEntry>,
    /// When to give up trials that others leave behind; never unless given.
    #[serde(default)]
    pub abandon: Option<MedianRule>,
}

/// A method with what varies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Name of the method.
    pub method: String,
    /// Preset to start from; the default preset unless named.
    #[serde(default)]
    pub preset: Option<String>,
    /// Values that differ from the preset, the same in all trials.
    #[serde(default)]
    pub hyperparameters: Map<String, Value>,
    /// Asset id or `"minilm"`.
    #[serde(default)]
    pub encoder: Option<Value>,
    /// Asset id.
    #[serde(default)]
    pub word_vectors: Option<i64>,
    /// Every combination of these values is a trial.
    #[serde(default)]
    pub grid: BTreeMap<String, Vec<Value>>,
    /// Trials that are drawn; with a grid, so many of each of its combinations.
    #[serde(default)]
    pub random: Option<RandomSearch>,
}

/// Hyperparameters drawn at random, by a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RandomSearch {
    /// How many trials.
    pub trials: u32,
    /// The same seed draws the same trials.
    #[serde(default)]
    pub seed: u64,
    /// Where each value is drawn from.
    pub space: BTreeMap<String, Range>,
}

/// Where a value is drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum Range {
    /// One of these.
    Values {
        /// The choices.
        values: Vec<Value>,
    },
    /// A number between two.
    Between {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// Whether its logarithm is drawn evenly.
        #[serde(default)]
        log: bool,
        /// Whether it is a whole number.
        #[serde(default)]
        integer: bool,
    },
}

/// A trial is given up after an epoch when its best validation score so far is below the median of what the group's other
/// trials had reached by that epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MedianRule {
    /// The validation score that decides, as the method's curves name it.
    #[serde(default = "macro_f1")]
    pub metric: String,
    /// Not before so many epochs.
    #[serde(default = "two")]
    pub after_epochs: u32,
    /// Not before so many other trials have come as far.
    #[serde(default = "three")]
    pub least_trials: u32,
}

fn macro_f1() -> String {
    "macro_f1".to_owned()
}

fn two() -> u32 {
    2
}

fn three() -> u32 {
    3
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// Id of the group.
    pub id: i64,
    /// Project it belongs to.
    pub project: i64,
    /// What it is about.
    pub name: String,
    /// When it was asked for.
    pub created_at: String,
    /// When trials are given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandon: Option<MedianRule>,
    /// How many runs it has.
    pub n_runs: u64,
}

/// `GET /api/v1/projects/{id}/groups`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupList {
    /// Newest first.
    pub groups: Vec<Group>,
    /// Cursor of the next page; none on the last.
    pub next: Option<String>,
}

/// `GET /api/v1/groups/{id}`, and the answer to a new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupAnswer {
    /// The group.
    pub group: Group,
    /// Its trials, in the order they were asked for.
    pub trials: Vec<Trial>,
    /// Its runs, oldest first.
    pub runs: Vec<Run>,
}

/// Runs that differ in nothing but their seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trial {
    /// Its number in the group, from 1.
    pub trial: u32,
    /// Name of the method.
    pub method: String,
    /// Preset the hyperparameters started from.
    pub preset: Option<String>,
    /// Hyperparameters in which the trials of this method differ.
    pub varied: Map<String, Value>,
    /// Ids of its runs.
    pub runs: Vec<i64>,
    /// How many of them have succeeded; the figures are of those.
    pub n_succeeded: u64,
    /// Figures on the test documents, else on the validation documents, by metric.
    pub figures: BTreeMap<String, Spread>,
}

/// Mean and sample standard deviation over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// None of a single run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
}

impl Spread {
    /// Of these values; none of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Some(Self { mean, sd })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_samples() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(
            Spread::of(&[0.5]),
            Some(Spread {
                mean: 0.5,
                sd: None
            })
        );
        let spread = Spread::of(&[2.0, 4.0, 6.0]);
        assert_eq!(
            spread,
            Some(Spread {
                mean: 4.0,
                sd: Some(2.0)
            })
        );
    }
}
