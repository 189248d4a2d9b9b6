//! Changing a taxonomy after work has begun, and what that does to documents and models.
//!
//! Edits are data: a draft is a list of them over a published taxonomy. [`apply`] turns both into the edited taxonomy and
//! its [`Lineage`], which says what became of every old label; [`Migration`] carries label sets over, [`ModelMap`] a
//! model's scores, [`impact`] counts beforehand what is touched, and [`TaxonomyDiff`] tells people. Nothing here knows
//! drafts, versions or databases: whoever stores edits replays them.

mod apply;
mod diff;
mod error;
mod impact;
mod lineage;
mod migration;
mod models;
mod operations;
#[cfg(test)]
mod tests;
mod tree;

use serde::{Deserialize, Serialize};

use crate::taxonomy::{LabelDetails, LabelName, LabelText};

pub use apply::{Edited, Undo, apply};
pub use diff::{LabelChange, TaxonomyDiff};
pub use error::{EditError, EditFault, UndoError};
pub use impact::{Counted, EditImpact, EditScope, RunLabels, Scope, Tally, impact};
pub use lineage::{Fate, Lineage, Rule};
pub use migration::{GivenAncestors, MigratedSet, Migration, Review, ReviewReason};
pub use models::{ModelChange, ModelMap, Retrain, RetrainReason, Unit};
pub use tree::WorkingTree;

/// One change of a taxonomy. Labels are named by their ids, which never change and are never used again.
///
/// What documents and models do follows from the operation: see [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    /// Gives a label another name. Documents keep it; models that read names see another text.
    Rename {
        /// Id of the label.
        label: String,
        /// The new name.
        name: String,
    },
    /// Puts a label with everything below it elsewhere.
    Move {
        /// Id of the label.
        label: String,
        /// Id of the new parent; none puts the label below the root, away from all its parents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
        /// Id of the parent whose place the new one takes; none means the primary parent. The others stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Id of the label before which it stands from now on; none leaves the order as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// Makes one label of several: children and documents of `labels` become those of `into`, and `labels` are gone.
    ///
    /// A label can be merged into one above it, not into one below it, which would say more of its documents than
    /// anybody did.
    Merge {
        /// Ids of the labels that go.
        labels: Vec<String>,
        /// Id of the label that stays, with its own name, details and parents.
        into: String,
    },
    /// Makes several labels of one. Documents do not say which part they mean, so they wait for a person.
    Split {
        /// Id of the label.
        label: String,
        /// The parts, at least two.
        into: Vec<Part>,
        /// Whether the label stays, above its parts; else the parts take its place and it is gone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep: bool,
    },
    /// Makes a new label.
    Add {
        /// Id that no label has or had.
        id: String,
        /// Name to show; an empty one becomes the id.
        #[serde(default)]
        name: String,
        /// Ids of the parents, the primary one first; none means below the root.
        #[serde(default)]
        parents: Vec<String>,
        /// Id of the label before which it stands; none means at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
        /// What else is known of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Box<LabelDetails>>,
    },
    /// Takes a label away. Its documents go to its parents, and its children as well unless they go with it.
    Delete {
        /// Id of the label.
        label: String,
        /// Whether everything goes that has no other way to the root.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        with_descendants: bool,
        /// Whether a person looks at its documents afterwards.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        review: bool,
    },
    /// Says that a label should not be used any more, or takes that back. Documents keep it.
    Deprecate {
        /// Id of the label.
        label: String,
        /// Id of the label to use instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced_by: Option<String>,
        /// Whether it is deprecated from now on.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        deprecated: bool,
    },
    /// Puts a label below another one as well.
    AddParent {
        /// Id of the label.
        label: String,
        /// Id of the parent, which becomes the last one.
        parent: String,
    },
    /// Takes one of several parents away.
    RemoveParent {
        /// Id of the label.
        label: String,
        /// Id of the parent.
        parent: String,
    },
    /// Chooses the parent that the path goes through.
    SetPrimaryParent {
        /// Id of the label.
        label: String,
        /// Id of the parent.
        parent: String,
    },
    /// Changes what is known of a label beside its name and place.
    Describe {
        /// Id of the label.
        label: String,
        /// The fields that change.
        details: DetailsChange,
    },
}

fn yes() -> bool {
    true
}

impl Edit {
    /// The word in `op`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Rename { .. } => "rename",
            Self::Move { .. } => "move",
            Self::Merge { .. } => "merge",
            Self::Split { .. } => "split",
            Self::Add { .. } => "add",
            Self::Delete { .. } => "delete",
            Self::Deprecate { .. } => "deprecate",
            Self::AddParent { .. } => "add_parent",
            Self::RemoveParent { .. } => "remove_parent",
            Self::SetPrimaryParent { .. } => "set_primary_parent",
            Self::Describe { .. } => "describe",
        }
    }

    /// Id of the label that the edit is about; of a merge the one that stays.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Rename { label, .. }
            | Self::Move { label, .. }
            | Self::Merge { into: label, .. }
            | Self::Split { label, .. }
            | Self::Add { id: label, .. }
            | Self::Delete { label, .. }
            | Self::Deprecate { label, .. }
            | Self::AddParent { label, .. }
            | Self::RemoveParent { label, .. }
            | Self::SetPrimaryParent { label, .. }
            | Self::Describe { label, .. } => label,
        }
    }
}

/// What a label is split into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Id that no label has or had.
    pub id: String,
    /// Name to show; an empty one becomes the id.
    #[serde(default)]
    pub name: String,
    /// Ids of the label's children that go below this part. One that no part names stays with the label, or goes to
    /// the label's parents where it is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<String>,
    /// What else is known of the part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<LabelDetails>>,
}

/// Fields of a label's details that change; the others stay, so that two people can change different ones at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DetailsChange {
    /// Language of the label's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// All names beside the label's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<LabelName>>,
    /// All definitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definitions: Option<Vec<LabelText>>,
    /// All notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<LabelText>>,
    /// All examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<Vec<LabelText>>,
    /// The notation; an empty one takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notation: Option<String>,
    /// Ids of all related labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Vec<String>>,
}

impl DetailsChange {
    /// Puts the fields that change into what was known.
    fn merge_into(&self, details: &mut LabelDetails) {
        fn put<T: Clone>(field: &mut T, change: Option<&T>) {
            if let Some(change) = change {
                field.clone_from(change);
            }
        }
        put(&mut details.language, self.language.as_ref());
        put(&mut details.names, self.names.as_ref());
        put(&mut details.definitions, self.definitions.as_ref());
        put(&mut details.notes, self.notes.as_ref());
        put(&mut details.examples, self.examples.as_ref());
        put(&mut details.notation, self.notation.as_ref());
        put(&mut details.related, self.related.as_ref());
    }
}
