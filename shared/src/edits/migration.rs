//! Label sets under an edited taxonomy.
//!
//! A migration is worked out once for a draft; then each document costs its labels. Documents that no edit touches are
//! told apart first, so that a server can leave their rows alone.

use serde::{Deserialize, Serialize};

use super::lineage::{Lineage, Rule};
use crate::LabelIndex;
use crate::sets;
use crate::taxonomy::Taxonomy;

/// What an ancestor among the labels as given means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GivenAncestors {
    /// It was written because of the label below it, as corpora do that list whole paths: when that moves, it goes.
    #[default]
    Implied,
    /// It was chosen for itself and stays, whatever happens to labels below it.
    Chosen,
}

/// A label set under the new taxonomy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigratedSet {
    /// Labels as given, sorted.
    pub explicit: Vec<LabelIndex>,
    /// With all their ancestors, sorted.
    pub closed: Vec<LabelIndex>,
    /// Why a person looks at the document; empty when nobody has to. No label together with a review means that
    /// nothing is known of the document any more, not that somebody judged it and no label applies.
    pub review: Vec<Review>,
}

/// Why a person looks at a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The old label.
    pub label: LabelIndex,
    /// What became of it.
    pub reason: ReviewReason,
    /// New labels from which to choose first, sorted.
    pub candidates: Vec<LabelIndex>,
}

/// What became of a label that a person has to decide about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// It was split.
    Split,
    /// It was deleted, and its documents were to be looked at.
    Deleted,
    /// It was rolled up to the root, and the document has no other label.
    NothingLeft,
}

/// Carries label sets from an old taxonomy to a new one.
#[derive(Clone, Debug)]
pub struct Migration<'a> {
    old: &'a Taxonomy,
    new: &'a Taxonomy,
    lineage: &'a Lineage,
    ancestors: GivenAncestors,
    /// By old label: whether label sets with it may be others afterwards.
    touched: Vec<bool>,
}

impl<'a> Migration<'a> {
    /// Works out which labels are touched; linear in the pairs of a label and an ancestor.
    #[must_use]
    pub fn new(
        old: &'a Taxonomy,
        new: &'a Taxonomy,
        lineage: &'a Lineage,
        ancestors: GivenAncestors,
    ) -> Self {
        let is_touched = |label: LabelIndex| {
            let Some(now) = lineage.new_of(label) else {
                return true;
            };
            if lineage.fate(label).is_some() {
                return true;
            }
            let (before, after) = (old.ancestors(label), new.ancestors(now));
            let is_still_above = |&above: &LabelIndex| {
                let above = lineage.new_of(above);
                above.is_some_and(|above| after.binary_search(&above).is_ok())
            };
            before.len() != after.len() || !before.iter().all(is_still_above)
        };
        Self {
            old,
            new,
            lineage,
            ancestors,
            touched: old.indexes().map(is_touched).collect(),
        }
    }

    /// Whether label sets with this old label may be others afterwards, beside the positions of labels.
    #[must_use]
    pub fn touches(&self, label: LabelIndex) -> bool {
        self.touched.get(label as usize).copied().unwrap_or(true)
    }

    /// Old labels that are touched, sorted: only documents with one of them have to be migrated.
    #[must_use]
    pub fn touched(&self) -> Vec<LabelIndex> {
        let labels = self.old.indexes();
        labels.filter(|&label| self.touches(label)).collect()
    }

    /// The new set for the labels as given of a document, which are old labels in any order.
    #[must_use]
    pub fn migrate(&self, explicit: &[LabelIndex]) -> MigratedSet {
        let given = sets::sorted(explicit);
        if !given.iter().any(|&label| self.touches(label)) {
            let kept = given
                .iter()
                .filter_map(|&label| self.lineage.new_of(label))
                .collect();
            return self.closed(kept, Vec::new());
        }
        let is_implied = |label: LabelIndex| {
            self.ancestors == GivenAncestors::Implied
                && given.iter().any(|&below| {
                    below != label && self.old.ancestors(below).binary_search(&label).is_ok()
                })
        };
        let (implied, chosen): (Vec<LabelIndex>, Vec<LabelIndex>) =
            given.iter().partition(|&&label| is_implied(label));
        let mut kept = Vec::with_capacity(given.len());
        let mut rolled_up = Vec::new();
        let mut review = Vec::new();
        for &label in &chosen {
            let Some(fate) = self.lineage.fate(label) else {
                kept.extend(self.lineage.new_of(label));
                continue;
            };
            // Where a label stays that was split, and where it was merged, somebody said what is there now.
            let is_said = fate.rule == Rule::Union || self.lineage.new_of(label).is_some();
            let side = if is_said { &mut kept } else { &mut rolled_up };
            side.extend_from_slice(&fate.targets);
            if fate.review {
                let is_split = fate.rule == Rule::Split || !fate.candidates.is_empty();
                let reason = match is_split {
                    true => ReviewReason::Split,
                    false => ReviewReason::Deleted,
                };
                review.push(Review {
                    label,
                    reason,
                    candidates: fate.candidates.clone(),
                });
            }
        }
        // Parents that other labels imply anyway say nothing more.
        let mut all = [kept.as_slice(), rolled_up.as_slice()].concat();
        all.sort_unstable();
        all.dedup();
        let is_above_another = |label: LabelIndex| {
            let mut others = all.iter().filter(|&&other| other != label);
            others.any(|&other| self.new.ancestors(other).binary_search(&label).is_ok())
        };
        rolled_up.retain(|&label| !is_above_another(label));
        kept.append(&mut rolled_up);
        let mut migrated = self.closed(kept, review);
        // Ancestors that were written out stay written out where they are ancestors still.
        let now = implied
            .iter()
            .flat_map(|&label| match self.lineage.fate(label) {
                Some(fate) if fate.rule == Rule::Union => fate.targets.clone(),
                _ => self.lineage.new_of(label).into_iter().collect(),
            });
        let still = now.filter(|label| migrated.closed.binary_search(label).is_ok());
        let still: Vec<LabelIndex> = still.collect();
        migrated.explicit.extend(still);
        migrated.explicit.sort_unstable();
        migrated.explicit.dedup();
        if migrated.explicit.is_empty()
            && migrated.review.is_empty()
            && let Some(&label) = chosen.first()
        {
            migrated.review.push(Review {
                label,
                reason: ReviewReason::NothingLeft,
                candidates: Vec::new(),
            });
        }
        migrated
    }

    fn closed(&self, mut explicit: Vec<LabelIndex>, mut review: Vec<Review>) -> MigratedSet {
        explicit.sort_unstable();
        explicit.dedup();
        let closed = self.new.close(&explicit);
        // Another label of the document may say already which part is meant.
        review.retain(|review| {
            let mut candidates = review.candidates.iter();
            !candidates.any(|part| closed.binary_search(part).is_ok())
        });
        MigratedSet {
            explicit,
            closed,
            review,
        }
    }
}
