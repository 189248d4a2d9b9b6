//! Judgements as the interface shows them.

use arborist_shared::LabelIndex;
use arborist_shared::api::analysis::{
    Analysis, ConfusionCell, ConfusionPage, DecodingEffect, FrequencyFigures, JudgedDocument,
    JudgedPage, KindCount, LevelCalibration, LevelFigures, PlacedLabel, PredictedEnd, Subtree,
    Subtrees,
};
use arborist_shared::confusion::{ErrorKind, Outcome, ends, outcomes};
use arborist_shared::metrics::breakdown::{FrequencyBounds, by_frequency, part, subtrees};
use arborist_shared::split::Split;
use arborist_shared::taxonomy::Taxonomy;

use super::judgements::{Judgement, Judgements, JudgementsError};

/// All figures that fit on a page.
pub(super) fn analysis(
    run: i64,
    split: Split,
    judgements: &Judgements,
) -> Result<Analysis, JudgementsError> {
    let Judgements {
        taxonomy,
        documents,
        counts,
        confusion,
        lengths,
        ..
    } = judgements;
    let bounds = FrequencyBounds::default();
    let levels = (1..=taxonomy.depth()).map(|level| {
        let labels = taxonomy
            .indexes()
            .filter(|&label| taxonomy.level(label) == level);
        LevelFigures {
            level,
            figures: part(counts, labels),
        }
    });
    let frequency = by_frequency(counts, judgements.training()?, bounds);
    let right = documents
        .iter()
        .filter(|document| document.gold == document.labels);
    Ok(Analysis {
        run,
        split,
        documents: documents.len() as u64,
        right_documents: right.count() as u64,
        kinds: confusion
            .kinds()
            .into_iter()
            .map(|(kind, count)| KindCount { kind, count })
            .collect(),
        mean_distance: confusion.mean_distance(),
        levels: levels.collect(),
        frequency: frequency
            .into_iter()
            .map(|(frequency, figures)| FrequencyFigures { frequency, figures })
            .collect(),
        bounds,
        lengths: lengths.finish(),
        decoding: decoding(taxonomy, documents),
        calibration: calibration(judgements)?,
    })
}

fn decoding(taxonomy: &Taxonomy, documents: &[Judgement]) -> DecodingEffect {
    let mut effect = DecodingEffect::default();
    let is_in = |set: &[LabelIndex], label: &LabelIndex| set.binary_search(label).is_ok();
    for Judgement {
        gold, raw, labels, ..
    } in documents
    {
        let contradicts = raw.iter().any(|&label| {
            taxonomy
                .parents(label)
                .iter()
                .any(|parent| !is_in(raw, parent))
        });
        effect.contradictions += u64::from(contradicts);
        effect.changed += u64::from(raw != labels);
        for label in labels.iter().filter(|label| !is_in(raw, label)) {
            effect.added += 1;
            effect.added_right += u64::from(is_in(gold, label));
        }
        for label in raw.iter().filter(|label| !is_in(labels, label)) {
            effect.removed += 1;
            effect.removed_right += u64::from(is_in(gold, label));
        }
    }
    effect
}

fn calibration(judgements: &Judgements) -> Result<Vec<LevelCalibration>, JudgementsError> {
    let fitted = judgements.calibration()?;
    let all = [None]
        .into_iter()
        .chain((1..=judgements.taxonomy.depth()).map(Some));
    let of = |level: Option<u32>| LevelCalibration {
        level,
        scores: judgements.scores.reliability(level),
        calibrated: fitted.map(|map| judgements.scores.calibrated(level, map)),
        map: level
            .zip(fitted)
            .and_then(|(level, map)| map.levels.get(level as usize - 1).cloned()),
    };
    Ok(all.map(of).collect())
}

/// The children of a label with all that is below them.
pub(super) fn below(
    judgements: &Judgements,
    label: Option<LabelIndex>,
) -> Result<Subtrees, JudgementsError> {
    let Judgements {
        taxonomy, counts, ..
    } = judgements;
    let training = judgements.training()?;
    let rows = subtrees(taxonomy, counts, label);
    Ok(Subtrees {
        below: label.map(|label| placed(taxonomy, label)),
        itself: label.map(|label| part(counts, [label])),
        subtrees: rows
            .into_iter()
            .map(|(label, figures)| Subtree {
                label: placed(taxonomy, label),
                has_children: !taxonomy.children(label).is_empty(),
                training: training.get(label as usize).copied().unwrap_or(0),
                figures,
            })
            .collect(),
    })
}

/// Which outcomes are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum KindFilter {
    #[default]
    All,
    /// All but those that are right.
    Wrong,
    One(ErrorKind),
}

impl KindFilter {
    fn fits(self, kind: ErrorKind) -> bool {
        match self {
            Self::All => true,
            Self::Wrong => kind != ErrorKind::Right,
            Self::One(wanted) => kind == wanted,
        }
    }
}

/// Which cells of the confusion are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CellFilter {
    /// Labels below this level are shown as their ancestors on it.
    pub(super) level: Option<u32>,
    /// Only outcomes with an end at or below this label.
    pub(super) under: Option<LabelIndex>,
    pub(super) kind: KindFilter,
}

/// A page of cells, from the one at `from`.
pub(super) fn confusion(
    judgements: &Judgements,
    filter: CellFilter,
    from: usize,
    limit: usize,
) -> ConfusionPage {
    let taxonomy = &judgements.taxonomy;
    let shown_as = |label: LabelIndex| match filter.level {
        Some(level) => on_level(taxonomy, label, level),
        None => label,
    };
    let mut sums = std::collections::BTreeMap::new();
    for (outcome, count) in judgements.confusion.cells() {
        let Outcome {
            gold,
            predicted,
            kind,
            ..
        } = outcome;
        let is_wanted = filter.under.is_none_or(|under| {
            is_within(taxonomy, gold, under) || is_within(taxonomy, predicted, under)
        }) && filter.kind.fits(kind);
        if is_wanted {
            *sums
                .entry((gold.map(shown_as), predicted.map(shown_as), kind))
                .or_insert(0) += count;
        }
    }
    let total = sums.values().sum();
    let mut cells: Vec<_> = sums.into_iter().collect();
    cells.sort_by_key(|&(cell, count)| (std::cmp::Reverse(count), cell));
    let more = cells.len() > from + limit;
    let place = |label: Option<LabelIndex>| label.map(|label| placed(taxonomy, label));
    ConfusionPage {
        cells: cells
            .into_iter()
            .skip(from)
            .take(limit)
            .map(|((gold, predicted, kind), count)| ConfusionCell {
                gold: place(gold),
                predicted: place(predicted),
                kind,
                count,
            })
            .collect(),
        total,
        next: more.then(|| (from + limit).to_string()),
    }
}

/// The label on a level of the primary path; the label itself where it lies above.
fn on_level(taxonomy: &Taxonomy, label: LabelIndex, level: u32) -> LabelIndex {
    let path = taxonomy.path(label);
    let at = (level.max(1) as usize - 1).min(path.len().saturating_sub(1));
    path.get(at).copied().unwrap_or(label)
}

/// Which documents are looked at: those with an outcome that fits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DocumentFilter {
    /// As in the cells: labels below this level are taken for their ancestors on it.
    pub(super) level: Option<u32>,
    /// The gold end.
    pub(super) gold: Option<LabelIndex>,
    /// The predicted end.
    pub(super) predicted: Option<LabelIndex>,
    /// An end lies at or below this label.
    pub(super) under: Option<LabelIndex>,
    pub(super) kind: KindFilter,
}

/// Whether a label is another one or lies below it.
fn is_within(taxonomy: &Taxonomy, label: Option<LabelIndex>, under: LabelIndex) -> bool {
    label.is_some_and(|label| label == under || taxonomy.ancestors(label).contains(&under))
}

impl DocumentFilter {
    fn fits(&self, taxonomy: &Taxonomy, outcome: &Outcome) -> bool {
        let is_at = |label: Option<LabelIndex>, wanted: Option<LabelIndex>| match (label, wanted) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(label), Some(wanted)) => {
                let shown = self
                    .level
                    .map_or(label, |level| on_level(taxonomy, label, level));
                shown == wanted
            }
        };
        is_at(outcome.gold, self.gold)
            && is_at(outcome.predicted, self.predicted)
            && self.under.is_none_or(|under| {
                is_within(taxonomy, outcome.gold, under)
                    || is_within(taxonomy, outcome.predicted, under)
            })
            && self.kind.fits(outcome.kind)
    }

    fn is_open(&self) -> bool {
        self.gold.is_none()
            && self.predicted.is_none()
            && self.under.is_none()
            && self.kind == KindFilter::All
    }
}

/// Documents with an outcome that fits, from the position on.
pub(super) fn documents(
    judgements: &Judgements,
    filter: DocumentFilter,
    from: usize,
    limit: usize,
) -> Result<JudgedPage, JudgementsError> {
    let taxonomy = &judgements.taxonomy;
    let fits = |&(_, document): &(usize, &Judgement)| {
        filter.is_open()
            || outcomes(taxonomy, &document.gold, &document.labels)
                .iter()
                .any(|outcome| filter.fits(taxonomy, outcome))
    };
    let mut found: Vec<(usize, &Judgement)> = judgements
        .documents
        .iter()
        .enumerate()
        .skip(from)
        .filter(fits)
        .take(limit + 1)
        .collect();
    let next = (found.len() > limit)
        .then(|| found.pop().map(|(position, _)| position.to_string()))
        .flatten();
    let stored = judgements.stored(found.iter().map(|(position, _)| *position))?;
    let documents = found
        .iter()
        .zip(stored)
        .map(|(&(_, document), stored)| {
            let row = judgements.row(document)?;
            let place = |label: Option<LabelIndex>| label.map(|label| placed(taxonomy, label));
            let score = |label: LabelIndex| {
                let known = stored.scores.iter().find(|(known, _)| *known == label);
                known.map(|(_, score)| *score)
            };
            Ok(JudgedDocument {
                id: row.id,
                text: row.text,
                gold: ends(taxonomy, &document.gold)
                    .into_iter()
                    .map(|label| placed(taxonomy, label))
                    .collect(),
                predicted: ends(taxonomy, &document.labels)
                    .into_iter()
                    .map(|label| PredictedEnd {
                        label: placed(taxonomy, label),
                        score: score(label),
                    })
                    .collect(),
                outcomes: outcomes(taxonomy, &document.gold, &document.labels)
                    .into_iter()
                    .map(|outcome| ConfusionCell {
                        gold: place(outcome.gold),
                        predicted: place(outcome.predicted),
                        kind: outcome.kind,
                        count: 1,
                    })
                    .collect(),
            })
        })
        .collect::<Result<_, JudgementsError>>()?;
    Ok(JudgedPage { documents, next })
}

fn placed(taxonomy: &Taxonomy, label: LabelIndex) -> PlacedLabel {
    PlacedLabel {
        label: taxonomy.id(label).to_owned(),
        path: taxonomy.path_names(label),
    }
}
