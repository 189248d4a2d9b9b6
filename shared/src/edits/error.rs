//! Why an edit cannot be done.

use crate::taxonomy::TaxonomyError;

/// An edit that cannot be done, with its place among the edits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("edit {} ({op} `{label}`): {fault}", .position + 1)]
pub struct EditError {
    /// Which of the edits it is, from 0.
    pub position: usize,
    /// The word in `op`.
    pub op: &'static str,
    /// Id of the label that the edit is about.
    pub label: String,
    /// What is wrong.
    #[source]
    pub fault: Box<EditFault>,
}

/// What is wrong with an edit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    /// No label has this id.
    #[error("found `{label}`, which is no label, expected the id of a label")]
    UnknownLabel {
        /// The id.
        label: String,
    },
    /// The label went with an earlier edit.
    #[error("found `{label}`, which an earlier edit took away, expected the id of a label")]
    GoneLabel {
        /// The id.
        label: String,
    },
    /// A new label without id.
    #[error("found an empty id, expected one that no label has")]
    EmptyId,
    /// A new label with the id of another.
    #[error("found the id `{id}`, which a label has, expected one that no label has")]
    IdTaken {
        /// The id.
        id: String,
    },
    /// A new label with an id that a label had.
    #[error(
        "found the id `{id}` of a label that an earlier edit took away, expected one that no label has or had"
    )]
    IdRetired {
        /// The id.
        id: String,
    },
    /// A name without letters.
    #[error("found an empty name, expected a name")]
    EmptyName,
    /// A sibling has this name.
    #[error("found the name `{name}` at `{sibling}` below {}, expected siblings with different names", place(.parent))]
    DuplicateSibling {
        /// The name.
        name: String,
        /// Id of the label that has it.
        sibling: String,
        /// Id of the parent of both; none is the root.
        parent: Option<String>,
    },
    /// A parent that is the label itself or lies below it.
    #[error("found the parent `{parent}`, which is {}, expected a label elsewhere in the hierarchy", below_or_same(.label, .parent))]
    BelowItself {
        /// Id of the label.
        label: String,
        /// Id of the wrong parent.
        parent: String,
    },
    /// A label that is no parent of the other.
    #[error("found `{parent}`, which is no parent of `{label}`, expected one of its parents")]
    NotAParent {
        /// Id of the label.
        label: String,
        /// Id of what is no parent.
        parent: String,
    },
    /// The only parent was to be removed.
    #[error(
        "found `{parent}` as the only parent of `{label}`, expected another one beside it; to put the label below the root, move it there"
    )]
    OnlyParent {
        /// Id of the label.
        label: String,
        /// Id of its parent.
        parent: String,
    },
    /// A second parent for a label that has no first.
    #[error(
        "found `{label}` below the root, expected a label with a parent; to put it below another label only, move it there"
    )]
    BelowRoot {
        /// Id of the label.
        label: String,
    },
    /// Nothing to merge.
    #[error("found no label to merge into `{into}`, expected at least one other label")]
    NothingToMerge {
        /// Id of the label that stays.
        into: String,
    },
    /// A merge downwards.
    #[error(
        "found `{label}` above `{into}`, expected labels that are not above it; merge `{into}` into `{label}` instead"
    )]
    MergeDownwards {
        /// Id of the label that was to go.
        label: String,
        /// Id of the label that was to stay.
        into: String,
    },
    /// Fewer than two parts.
    #[error("found {found} parts, expected at least 2")]
    TooFewParts {
        /// How many there are.
        found: usize,
    },
    /// A part takes what is no child.
    #[error("found `{child}` for the part `{part}`, expected a child of `{label}`")]
    NotAChild {
        /// Id of the label.
        label: String,
        /// Id of the part.
        part: String,
        /// Id of what is no child.
        child: String,
    },
    /// A label before itself.
    #[error("found `{label}` before itself, expected another label")]
    BeforeItself {
        /// Id of the label.
        label: String,
    },
    /// A label that replaces itself.
    #[error("found `{label}` as its own replacement, expected another label")]
    ReplacedByItself {
        /// Id of the label.
        label: String,
    },
    /// A replacement of a label that is not deprecated.
    #[error(
        "found the replacement `{replaced_by}` of a label that is not deprecated, expected none"
    )]
    ReplacementInUse {
        /// Id of the replacement.
        replaced_by: String,
    },
    /// Every edit can be done, but no taxonomy can be made of what comes out.
    #[error(transparent)]
    Taxonomy(#[from] TaxonomyError),
}

fn place(parent: &Option<String>) -> String {
    parent
        .as_ref()
        .map_or("the root".to_owned(), |parent| format!("`{parent}`"))
}

fn below_or_same(label: &str, parent: &str) -> String {
    if label == parent {
        "the label itself".to_owned()
    } else {
        format!("below `{label}`")
    }
}

/// An edit that cannot be undone any more: somebody changed the same again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found `{label}` changed by a later edit, expected it as this one left it; undo the later edit first"
)]
pub struct UndoError {
    /// Id of the label.
    pub label: String,
}
