//! What is different in a newer taxonomy, for people to read.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lineage::{Lineage, Rule};
use crate::LabelIndex;
use crate::taxonomy::{LabelDetails, Taxonomy};

/// Everything that is different in a newer taxonomy: what is gone in the order of the old one, then the rest in the
/// order of the new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxonomyDiff {
    /// The changes; [`Display`](fmt::Display) says each as a sentence.
    pub changes: Vec<LabelChange>,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum LabelChange {
    /// A label is gone.
    Removed {
        /// Its id.
        label: String,
        /// Names from below the root to it.
        path: Vec<String>,
    },
    /// A label went into another.
    Merged {
        /// Its id.
        label: String,
        /// Names from below the root to it.
        path: Vec<String>,
        /// Id of the other.
        into: String,
    },
    /// A label was split.
    Split {
        /// Its id.
        label: String,
        /// Names from below the root to it, in the old taxonomy.
        path: Vec<String>,
        /// Ids of the parts that are there.
        into: Vec<String>,
        /// Whether it stays above them.
        keep: bool,
    },
    /// A label is new.
    Added {
        /// Its id.
        label: String,
        /// Names from below the root to it.
        path: Vec<String>,
    },
    /// A label has another name.
    Renamed {
        /// Its id.
        label: String,
        /// The old name.
        from: String,
        /// The new one.
        to: String,
    },
    /// A label has other parents, or another primary one. What moved with a label above it is not listed.
    Moved {
        /// Its id.
        label: String,
        /// Its name.
        name: String,
        /// Ids of the old parents.
        from: Vec<String>,
        /// Ids of the new ones.
        to: Vec<String>,
    },
    /// A label should not be used any more, or got another replacement.
    Deprecated {
        /// Its id.
        label: String,
        /// Its name.
        name: String,
        /// Id of the label to use instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced_by: Option<String>,
    },
    /// A label may be used again.
    Reinstated {
        /// Its id.
        label: String,
        /// Its name.
        name: String,
    },
    /// More, less or other things are known of a label.
    Described {
        /// Its id.
        label: String,
        /// Its name.
        name: String,
        /// The fields that differ.
        fields: Vec<String>,
    },
}

impl TaxonomyDiff {
    /// What edits made different in the end; what a later edit took back is not listed.
    #[must_use]
    pub fn new(old: &Taxonomy, new: &Taxonomy, lineage: &Lineage) -> Self {
        let mut changes = Vec::new();
        for label in old.indexes() {
            gone(old, new, lineage, label, &mut changes);
        }
        let mut before: Vec<Option<LabelIndex>> = vec![None; new.len()];
        for label in old.indexes() {
            if let Some(now) = lineage.new_of(label)
                && let Some(before) = before.get_mut(now as usize)
            {
                *before = Some(label);
            }
        }
        for (label, before) in new.indexes().zip(before) {
            match before {
                Some(before) => changed(old, new, before, label, &mut changes),
                None => changes.push(LabelChange::Added {
                    label: new.id(label).to_owned(),
                    path: new.path_names(label),
                }),
            }
        }
        Self { changes }
    }

    /// The same by ids alone, of two taxonomies of which nobody knows the edits: a merge shows as a removal.
    #[must_use]
    pub fn between(old: &Taxonomy, new: &Taxonomy) -> Self {
        Self::new(old, new, &Lineage::between(old, new))
    }
}

/// What became of a label that is gone or was split.
fn gone(
    old: &Taxonomy,
    new: &Taxonomy,
    lineage: &Lineage,
    before: LabelIndex,
    changes: &mut Vec<LabelChange>,
) {
    let Some(fate) = lineage.fate(before) else {
        return;
    };
    let label = old.id(before).to_owned();
    let path = old.path_names(before);
    let keep = lineage.new_of(before).is_some();
    changes.push(match (fate.rule, &fate.targets[..]) {
        (Rule::Union, &[into]) => LabelChange::Merged {
            label,
            path,
            into: new.id(into).to_owned(),
        },
        (Rule::Split, _) if !fate.candidates.is_empty() => LabelChange::Split {
            label,
            path,
            into: ids(new, &fate.candidates),
            keep,
        },
        _ if keep => return,
        _ => LabelChange::Removed { label, path },
    });
}

/// What is different at a label that is still there.
fn changed(
    old: &Taxonomy,
    new: &Taxonomy,
    before: LabelIndex,
    now: LabelIndex,
    changes: &mut Vec<LabelChange>,
) {
    let label = || new.id(now).to_owned();
    let name = || new.name(now).to_owned();
    if old.name(before) != new.name(now) {
        changes.push(LabelChange::Renamed {
            label: label(),
            from: old.name(before).to_owned(),
            to: name(),
        });
    }
    let id_of_old = |&parent: &LabelIndex| old.id(parent);
    let id_of_new = |&parent: &LabelIndex| new.id(parent);
    let parents = old.parents(before).iter().map(id_of_old);
    if !parents.eq(new.parents(now).iter().map(id_of_new)) {
        changes.push(LabelChange::Moved {
            label: label(),
            name: name(),
            from: ids(old, old.parents(before)),
            to: ids(new, new.parents(now)),
        });
    }
    let (from, to) = (old.details(before), new.details(now));
    if from == to {
        return;
    }
    let nothing = LabelDetails::default();
    let (from, to) = (from.unwrap_or(&nothing), to.unwrap_or(&nothing));
    let is_other = |field: &str| matches!(field, "deprecated" | "replaced_by");
    let (used, described): (Vec<&str>, Vec<&str>) = from
        .differing(to)
        .into_iter()
        .partition(|field| is_other(field));
    if to.deprecated && !used.is_empty() {
        changes.push(LabelChange::Deprecated {
            label: label(),
            name: name(),
            replaced_by: to.replaced_by.clone(),
        });
    } else if from.deprecated && !used.is_empty() {
        changes.push(LabelChange::Reinstated {
            label: label(),
            name: name(),
        });
    }
    if !described.is_empty() {
        changes.push(LabelChange::Described {
            label: label(),
            name: name(),
            fields: described.into_iter().map(str::to_owned).collect(),
        });
    }
}

fn ids(taxonomy: &Taxonomy, labels: &[LabelIndex]) -> Vec<String> {
    let ids = labels.iter().map(|&label| taxonomy.id(label).to_owned());
    ids.collect()
}

impl fmt::Display for LabelChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |ids: &[String]| match ids {
            [] => "the root".to_owned(),
            ids => listed(ids),
        };
        match self {
            Self::Removed { label, path } => write!(f, "removed `{label}` ({})", joined(path)),
            Self::Merged { label, path, into } => {
                write!(f, "merged `{label}` ({}) into `{into}`", joined(path))
            }
            Self::Split {
                label,
                path,
                into,
                keep,
            } => {
                let kept = if *keep {
                    ", which stays above them"
                } else {
                    ""
                };
                let (path, into) = (joined(path), listed(into));
                write!(f, "split `{label}` ({path}) into {into}{kept}")
            }
            Self::Added { label, path } => write!(f, "added `{label}` ({})", joined(path)),
            Self::Renamed { label, from, to } => {
                write!(f, "renamed `{label}` from “{from}” to “{to}”")
            }
            Self::Moved {
                label,
                name,
                from,
                to,
            } => {
                let (from, to) = (place(from), place(to));
                write!(f, "moved `{label}` ({name}) from {from} to {to}")
            }
            Self::Deprecated {
                label,
                name,
                replaced_by,
            } => match replaced_by {
                Some(other) => write!(f, "deprecated `{label}` ({name}) in favor of `{other}`"),
                None => write!(f, "deprecated `{label}` ({name})"),
            },
            Self::Reinstated { label, name } => write!(f, "reinstated `{label}` ({name})"),
            Self::Described {
                label,
                name,
                fields,
            } => write!(f, "changed {} of `{label}` ({name})", fields.join(", ")),
        }
    }
}

impl fmt::Display for TaxonomyDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, change) in self.changes.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{change}")?;
        }
        Ok(())
    }
}

fn joined(path: &[String]) -> String {
    path.join(" > ")
}

fn listed(ids: &[String]) -> String {
    let words: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    words.join(", ")
}
