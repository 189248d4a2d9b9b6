//! Which part a document goes to whose row does not ask for one.

use arborist_shared::LabelIndex;
use arborist_shared::corpus::{CorpusRow, META_DATE, META_GROUP};
use arborist_shared::split::{Split, SplitRatios, Stratified, assign};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What decides about the part of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The hash of its id.
    #[default]
    Document,
    /// Its label: every label has its share of every part.
    Label,
    /// The hash of its group, so that a group stays together.
    Group,
    /// Its date: the newest are for testing.
    Time,
}

/// How the job is asked to deal documents out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dealing {
    /// Shares of train, validation and test: `0.8,0.1,0.1`.
    pub shares: Option<String>,
    pub seed: u64,
    pub by: SplitBy,
    /// By time: documents from these dates on are for validation and for testing.
    pub validation_from: Option<String>,
    pub test_from: Option<String>,
}

/// Deals documents out, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    ratios: Option<SplitRatios>,
    dealing: Dealing,
    stratified: Option<Stratified>,
}

impl Parts {
    pub(super) fn new(dealing: &Dealing) -> Result<Self, String> {
        let ratios: Option<SplitRatios> = dealing
            .shares
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: arborist_shared::split::BadRatios| error.to_string())?;
        let stratified = ratios
            .filter(|_| dealing.by == SplitBy::Label)
            .map(|ratios| Stratified::new(ratios, dealing.seed));
        Ok(Self {
            ratios,
            dealing: dealing.clone(),
            stratified,
        })
    }

    /// By the hash of the id; without shares, all are for training.
    #[cfg(test)]
    pub(super) fn by_document(ratios: Option<SplitRatios>, seed: u64) -> Self {
        Self {
            ratios,
            dealing: Dealing {
                seed,
                ..Dealing::default()
            },
            stratified: None,
        }
    }

    /// Everything for training.
    pub(super) fn none() -> Self {
        Self {
            ratios: None,
            dealing: Dealing::default(),
            stratified: None,
        }
    }

    /// The part of a document.
    pub(super) fn of(
        &mut self,
        key: &str,
        row: &CorpusRow,
        labels: Option<&[LabelIndex]>,
    ) -> Split {
        let date = row.meta.get(META_DATE);
        let is_from = |bound: &Option<String>| match (bound, date) {
            (Some(bound), Some(date)) => date >= bound,
            _ => false,
        };
        if self.dealing.by == SplitBy::Time {
            return if is_from(&self.dealing.test_from) {
                Split::Test
            } else if is_from(&self.dealing.validation_from) {
                Split::Validation
            } else {
                Split::Train
            };
        }
        if let Some(stratified) = &mut self.stratified {
            // The deepest label comes last in most taxonomies; any one label of a set tells sets apart well enough.
            let stratum = labels.and_then(<[LabelIndex]>::last);
            return stratified.next(stratum.map_or(u64::MAX, |&label| u64::from(label)));
        }
        let Some(ratios) = self.ratios else {
            return Split::Train;
        };
        let group = row.meta.get(META_GROUP);
        let id = match self.dealing.by {
            SplitBy::Group => group.map_or(key, String::as_str),
            _ => key,
        };
        assign(id, self.dealing.seed, ratios)
    }
}
