//! Which labels a row means.
//!
//! A label is, in this order: an exact id; an array of names that is a path; a name that only one label has; a name
//! that the row's other labels make unique. Otherwise the row is refused and the candidates are named.

use super::row::RowLabel;
use crate::LabelIndex;
use crate::sets;
use crate::taxonomy::Taxonomy;

/// The labels of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSet {
    /// The labels as given, sorted, each once.
    pub explicit: Vec<LabelIndex>,
    /// With all their ancestors, sorted.
    pub closed: Vec<LabelIndex>,
}

/// A label that could not be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No label has this id, name or path.
    #[error(
        "found the label `{label}`, which is not in the taxonomy, expected an id, a name or a path of names"
    )]
    Unknown {
        /// The label as written.
        label: String,
        /// Which of the row's labels it is, from 0.
        position: usize,
        /// For a path, the first name with which it leads nowhere, from 0.
        step: Option<usize>,
    },
    /// Several labels have this name, and the row does not tell which is meant.
    #[error("found the label `{label}`, which may mean {}, expected an id or a path of names", .candidates.join(" or "))]
    Ambiguous {
        /// The label as written.
        label: String,
        /// Which of the row's labels it is, from 0.
        position: usize,
        /// Id and path of each label it may mean.
        candidates: Vec<String>,
    },
}

/// Finds the labels of a row and closes them upwards.
///
/// # Errors
/// Names the first label that is unknown or ambiguous, with its candidates.
pub fn resolve_labels(taxonomy: &Taxonomy, labels: &[RowLabel]) -> Result<LabelSet, ResolveError> {
    let mut explicit = Vec::with_capacity(labels.len());
    let mut ambiguous: Vec<(usize, &RowLabel, Vec<LabelIndex>)> = Vec::new();
    for (position, label) in labels.iter().enumerate() {
        match candidates(taxonomy, label)[..] {
            [] => {
                return Err(ResolveError::Unknown {
                    label: label.to_string(),
                    position,
                    step: wrong_step(taxonomy, label),
                });
            }
            [only] => explicit.push(only),
            ref several => ambiguous.push((position, label, several.to_vec())),
        }
    }
    // Every round judges by the labels known before it, so the order within the row does not matter.
    while !ambiguous.is_empty() {
        let known = sets::sorted(&explicit).into_owned();
        let before = ambiguous.len();
        ambiguous.retain(
            |(_, _, candidates)| match pick(taxonomy, candidates, &known) {
                Some(label) => {
                    explicit.push(label);
                    false
                }
                None => true,
            },
        );
        if ambiguous.len() == before {
            break;
        }
    }
    if let Some((position, label, candidates)) = ambiguous.first() {
        let candidates = candidates
            .iter()
            .map(|&candidate| describe(taxonomy, candidate))
            .collect();
        return Err(ResolveError::Ambiguous {
            label: label.to_string(),
            position: *position,
            candidates,
        });
    }
    let explicit = sets::sorted(&explicit).into_owned();
    let closed = taxonomy.close(&explicit);
    Ok(LabelSet { explicit, closed })
}

fn candidates(taxonomy: &Taxonomy, label: &RowLabel) -> Vec<LabelIndex> {
    match label {
        RowLabel::Name(name) => match taxonomy.index_of(name) {
            Some(label) => vec![label],
            None => taxonomy.named(name).to_vec(),
        },
        RowLabel::Path(names) => {
            let Some(last) = names.last() else {
                return Vec::new();
            };
            let name = |label: LabelIndex| taxonomy.name(label);
            let named = taxonomy.named(last).iter().copied();
            let by_names: Vec<LabelIndex> = named
                .filter(|&label| ends_path(taxonomy, label, names, &name))
                .collect();
            if !by_names.is_empty() {
                return by_names;
            }
            let id = |label: LabelIndex| taxonomy.id(label);
            if let Some(label) = taxonomy
                .index_of(last)
                .filter(|&label| ends_path(taxonomy, label, names, &id))
            {
                return vec![label];
            }
            // In TSV taxonomies of NeuralClassifier's users the whole path is the label's string.
            taxonomy.index_of(&names.join("--")).into_iter().collect()
        }
    }
}

/// The first name of an unknown path with which it leads nowhere.
fn wrong_step(taxonomy: &Taxonomy, label: &RowLabel) -> Option<usize> {
    let RowLabel::Path(names) = label else {
        return None;
    };
    let mut beginning = Vec::with_capacity(names.len());
    names.iter().position(|name| {
        beginning.push(name.clone());
        candidates(taxonomy, &RowLabel::Path(beginning.clone())).is_empty()
    })
}

/// Whether these steps lead from below the root to the label, over any of its parents.
fn ends_path<'t>(
    taxonomy: &'t Taxonomy,
    label: LabelIndex,
    steps: &[String],
    text: &impl Fn(LabelIndex) -> &'t str,
) -> bool {
    let Some((last, above)) = steps.split_last() else {
        return false;
    };
    if text(label) != last {
        return false;
    }
    let parents = taxonomy.parents(label);
    if above.is_empty() {
        parents.is_empty()
    } else {
        parents
            .iter()
            .any(|&parent| ends_path(taxonomy, parent, above, text))
    }
}

/// The one candidate that the known labels of the row support.
///
/// A candidate is supported in full when a descendant of it or all of its ancestors are in the row, and in part when
/// some ancestor is. Full support goes before partial; two candidates with the same support stay ambiguous.
fn pick(
    taxonomy: &Taxonomy,
    candidates: &[LabelIndex],
    known: &[LabelIndex],
) -> Option<LabelIndex> {
    let is_known = |label: &LabelIndex| known.binary_search(label).is_ok();
    let has_descendant = |candidate: LabelIndex| {
        known.iter().any(|&label| {
            label == candidate || taxonomy.ancestors(label).binary_search(&candidate).is_ok()
        })
    };
    let in_full = |&candidate: &LabelIndex| {
        let ancestors = taxonomy.ancestors(candidate);
        has_descendant(candidate) || (!ancestors.is_empty() && ancestors.iter().all(is_known))
    };
    let in_part = |&candidate: &LabelIndex| taxonomy.ancestors(candidate).iter().any(is_known);
    for supported in [&in_full as &dyn Fn(&LabelIndex) -> bool, &in_part] {
        let mut found = candidates.iter().copied().filter(supported);
        if let Some(first) = found.next() {
            return if found.next().is_none() {
                Some(first)
            } else {
                None
            };
        }
    }
    None
}

fn describe(taxonomy: &Taxonomy, label: LabelIndex) -> String {
    format!(
        "`{}` ({})",
        taxonomy.id(label),
        taxonomy.path_names(label).join(" › ")
    )
}
