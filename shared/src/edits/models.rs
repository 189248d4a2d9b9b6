//! A model under an edited taxonomy: which of its outputs still mean a label, and where they are shown.
//!
//! A model knows the labels that it was trained on. Until it is trained again, the score of a merged label counts for
//! the label it went into, a split label is answered with its parents, and a deleted one with nothing; decoding then
//! happens over the new taxonomy, so that decisions never contradict it.

use serde::{Deserialize, Serialize};

use super::lineage::{Lineage, Rule};
use crate::LabelIndex;
use crate::scores::{DocumentScores, best_first};
use crate::taxonomy::Taxonomy;

/// What an edit changes in models until they are trained again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelChange {
    /// Nothing.
    None,
    /// Outputs are kept; methods that read the names of labels have read others.
    NamesChanged,
    /// Outputs are kept; the hierarchy that the model has learnt is another.
    StructureChanged,
    /// Outputs are combined into one: the highest counts.
    Combined,
    /// Predictions stop at the parents of the label, or at the label where it stays.
    StopsAtParent,
    /// The output is masked.
    Masked,
    /// There is no output for the label yet.
    NewLabel,
}

/// What an output of a model means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The same label.
    Kept(LabelIndex),
    /// A label that its own was merged into.
    Combined(LabelIndex),
    /// At least these labels, the nearest above its own that are left; sorted.
    StoppedAt(Vec<LabelIndex>),
    /// Nothing.
    Masked,
}

impl Unit {
    /// New labels that it speaks for; none where it is masked.
    #[must_use]
    pub fn targets(&self) -> &[LabelIndex] {
        match self {
            Self::Kept(label) | Self::Combined(label) => std::slice::from_ref(label),
            Self::StoppedAt(labels) => labels,
            Self::Masked => &[],
        }
    }
}

/// A label for which a model has to be trained again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retrain {
    /// Id of the label in the new taxonomy.
    pub label: String,
    /// Why.
    pub reason: RetrainReason,
    /// Ids of the labels that were merged or split, where the reason names any, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
}

/// Why a model has to be trained again for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RetrainReason {
    /// It is new.
    Added,
    /// It is a part of a label that was split.
    Split,
    /// Others were merged into it.
    Merged,
}

/// From the outputs of a model, in the order of its own taxonomy, to the labels of a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMap {
    units: Vec<Unit>,
    /// Whether labels or the parents of a label are others than those the model was trained with.
    pub structure_changed: bool,
    /// Ids of labels that have another name now, in taxonomy order: methods that read names have read the old ones.
    pub renamed: Vec<String>,
    /// Labels that the model cannot tell, or not as well as it could, in taxonomy order.
    pub retrain: Vec<Retrain>,
}

impl ModelMap {
    /// What becomes of a model that was trained on the old taxonomy.
    #[must_use]
    pub fn new(old: &Taxonomy, new: &Taxonomy, lineage: &Lineage) -> Self {
        let units: Vec<Unit> = old.indexes().map(|label| unit(lineage, label)).collect();
        let mut own: Vec<Option<LabelIndex>> = vec![None; new.len()];
        let mut merged: Vec<Vec<String>> = vec![Vec::new(); new.len()];
        let mut parts: Vec<Vec<String>> = vec![Vec::new(); new.len()];
        let mut renamed = Vec::new();
        let mut structure_changed = old.len() != new.len();
        for (label, unit) in old.indexes().zip(&units) {
            let id = || old.id(label).to_owned();
            match *unit {
                Unit::Kept(now) => {
                    if let Some(own) = own.get_mut(now as usize) {
                        *own = Some(label);
                    }
                    let parents = old.parents(label).iter();
                    let parents = parents.map(|&parent| lineage.new_of(parent));
                    structure_changed |= !parents.eq(new.parents(now).iter().copied().map(Some));
                }
                Unit::Combined(now) => {
                    structure_changed = true;
                    merged
                        .get_mut(now as usize)
                        .into_iter()
                        .for_each(|m| m.push(id()));
                }
                Unit::StoppedAt(_) | Unit::Masked => structure_changed = true,
            }
            for &part in lineage.fate(label).iter().flat_map(|fate| &fate.candidates) {
                parts
                    .get_mut(part as usize)
                    .into_iter()
                    .for_each(|p| p.push(id()));
            }
        }
        let mut retrain = Vec::new();
        let of_label = own.into_iter().zip(merged).zip(parts);
        for (label, ((own, mut merged), mut parts)) in new.indexes().zip(of_label) {
            let (reason, from) = match own {
                Some(own) => {
                    if old.name(own) != new.name(label) {
                        renamed.push(new.id(label).to_owned());
                    }
                    if merged.is_empty() {
                        continue;
                    }
                    (RetrainReason::Merged, &mut merged)
                }
                None if !merged.is_empty() => (RetrainReason::Merged, &mut merged),
                None if !parts.is_empty() => (RetrainReason::Split, &mut parts),
                None => (RetrainReason::Added, &mut merged),
            };
            from.sort_unstable();
            retrain.push(Retrain {
                label: new.id(label).to_owned(),
                reason,
                from: std::mem::take(from),
            });
        }
        Self {
            units,
            structure_changed,
            renamed,
            retrain,
        }
    }

    /// The same without answers that should not be given any more: a deprecated label is answered with what replaces it,
    /// else with the nearest labels in use above it, else with nothing.
    #[must_use]
    pub fn in_use(&self, new: &Taxonomy) -> Self {
        let unit = |unit: &Unit| {
            if !unit.targets().iter().any(|&label| new.is_deprecated(label)) {
                return unit.clone();
            }
            let mut targets = Vec::new();
            let mut is_replaced = true;
            for &label in unit.targets() {
                match replacement(new, label) {
                    Some(label) => targets.push(label),
                    None => {
                        is_replaced = false;
                        in_use_above(new, label, &mut targets);
                    }
                }
            }
            targets.sort_unstable();
            targets.dedup();
            match &targets[..] {
                [] => Unit::Masked,
                &[label] if is_replaced => Unit::Combined(label),
                _ => Unit::StoppedAt(targets),
            }
        };
        Self {
            units: self.units.iter().map(unit).collect(),
            ..self.clone()
        }
    }

    /// What each output means now, in the order of the model's own labels.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The same over two steps: this one, then `next` from the taxonomy where this one ended. What has to be trained
    /// again for `next` alone and still is there for this one is listed once, with the reason of `next`.
    #[must_use]
    pub fn then(&self, next: &Self, newest: &Taxonomy) -> Self {
        let after = |label: LabelIndex| next.units.get(label as usize).unwrap_or(&Unit::Masked);
        let units = self.units.iter().map(|unit| match unit {
            Unit::Masked => Unit::Masked,
            Unit::Kept(label) => after(*label).clone(),
            Unit::Combined(label) => match after(*label) {
                Unit::Kept(label) => Unit::Combined(*label),
                other => other.clone(),
            },
            Unit::StoppedAt(labels) => {
                let targets = labels.iter().flat_map(|&label| after(label).targets());
                let mut targets: Vec<LabelIndex> = targets.copied().collect();
                targets.sort_unstable();
                targets.dedup();
                match targets.is_empty() {
                    true => Unit::Masked,
                    false => Unit::StoppedAt(targets),
                }
            }
        });
        let place = |id: &str| newest.index_of(id);
        let mut retrain: Vec<Retrain> = next.retrain.clone();
        let is_there = |label: &str| next.retrain.iter().any(|other| other.label == label);
        let earlier = self.retrain.iter().filter(|one| !is_there(&one.label));
        retrain.extend(earlier.filter(|one| place(&one.label).is_some()).cloned());
        retrain.sort_by_key(|one| place(&one.label));
        let mut renamed: Vec<String> = [self.renamed.as_slice(), next.renamed.as_slice()].concat();
        renamed.retain(|id| place(id).is_some());
        renamed.sort_by_key(|id| place(id));
        renamed.dedup();
        Self {
            units: units.collect(),
            structure_changed: self.structure_changed || next.structure_changed,
            renamed,
            retrain,
        }
    }

    /// Scores of a model for the labels of the new taxonomy, by label. A label that several outputs stand for gets
    /// the highest of their scores; one without output gets none. Scores that are not numbers are left out.
    #[must_use]
    pub fn scores(&self, scores: &[(LabelIndex, f32)]) -> Vec<(LabelIndex, f32)> {
        let mut mapped: Vec<(LabelIndex, f32)> = Vec::with_capacity(scores.len());
        for &(label, score) in scores.iter().filter(|(_, score)| !score.is_nan()) {
            let unit = self.units.get(label as usize).unwrap_or(&Unit::Masked);
            mapped.extend(unit.targets().iter().map(|&label| (label, score)));
        }
        mapped.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        mapped.dedup_by_key(|&mut (label, _)| label);
        mapped
    }

    /// The same for one score per label of the model's own taxonomy.
    #[must_use]
    pub fn dense(&self, scores: &[f32]) -> Vec<(LabelIndex, f32)> {
        let scores: Vec<(LabelIndex, f32)> = (0..).zip(scores.iter().copied()).collect();
        self.scores(&scores)
    }

    /// The same for stored scores, with the set that the method decided on. Scores stay what was stored.
    #[must_use]
    pub fn document(&self, document: &DocumentScores) -> DocumentScores {
        let mut scores = self.scores(&document.scores);
        scores.sort_unstable_by(best_first);
        let decided = document.decided.as_ref().map(|decided| {
            let units = decided
                .iter()
                .filter_map(|&label| self.units.get(label as usize));
            let mut labels: Vec<LabelIndex> = units.flat_map(Unit::targets).copied().collect();
            labels.sort_unstable();
            labels.dedup();
            labels
        });
        DocumentScores { scores, decided }
    }
}

/// The label to use: itself where it is in use, else what replaces it, however often it was replaced.
fn replacement(taxonomy: &Taxonomy, label: LabelIndex) -> Option<LabelIndex> {
    let mut seen = vec![label];
    let mut at = label;
    while taxonomy.is_deprecated(at) {
        let by = taxonomy.details(at)?.replaced_by.as_deref()?;
        at = taxonomy.index_of(by).filter(|next| !seen.contains(next))?;
        seen.push(at);
    }
    Some(at)
}

/// The nearest labels in use above a deprecated one, over all parents.
fn in_use_above(taxonomy: &Taxonomy, label: LabelIndex, found: &mut Vec<LabelIndex>) {
    let mut open = vec![label];
    let mut seen = vec![label];
    while let Some(label) = open.pop() {
        for &parent in taxonomy.parents(label) {
            if seen.contains(&parent) {
                continue;
            }
            seen.push(parent);
            if taxonomy.is_deprecated(parent) {
                open.push(parent);
            } else {
                found.push(parent);
            }
        }
    }
}

fn unit(lineage: &Lineage, label: LabelIndex) -> Unit {
    if let Some(now) = lineage.new_of(label) {
        return Unit::Kept(now);
    }
    match lineage.fate(label) {
        Some(fate) => match (fate.rule, &fate.targets[..]) {
            (Rule::Union, &[into]) => Unit::Combined(into),
            (Rule::Split, targets) if !targets.is_empty() => Unit::StoppedAt(targets.to_vec()),
            _ => Unit::Masked,
        },
        None => Unit::Masked,
    }
}
