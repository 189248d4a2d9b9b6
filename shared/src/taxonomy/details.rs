//! What a label carries beside its id, name and parents: other names, notes, notation, and whether it is still used.
//!
//! Most labels of most taxonomies have none of it, so it stands apart from the flat arrays and only where there is
//! something to say. The words are those of SKOS without their prefixes.

use serde::{Deserialize, Serialize};

/// Everything that is known of a label beside its place. Fields that say nothing are not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LabelDetails {
    /// Language of the label's `name` as a BCP 47 tag; empty where nobody said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Names in other languages, and alternative names in any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<LabelName>,
    /// What the label means.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<LabelText>,
    /// How the label is to be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<LabelText>,
    /// What the label is used for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<LabelText>,
    /// Code of the label in its classification scheme, such as `616.8`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notation: String,
    /// Ids of labels that are related without being above or below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<String>,
    /// Whether the label should not be used any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Id of the label to use instead of a deprecated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

impl LabelDetails {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Names of the fields in which two labels differ, as they are written in JSON.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("language", self.language == other.language),
            ("names", self.names == other.names),
            ("definitions", self.definitions == other.definitions),
            ("notes", self.notes == other.notes),
            ("examples", self.examples == other.examples),
            ("notation", self.notation == other.notation),
            ("related", self.related == other.related),
            ("deprecated", self.deprecated == other.deprecated),
            ("replaced_by", self.replaced_by == other.replaced_by),
        ];
        let differing = fields.into_iter().filter(|&(_, same)| !same);
        differing.map(|(field, _)| field).collect()
    }
}

/// A name of a label beside the one that it is shown by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelName {
    /// The name.
    pub name: String,
    /// BCP 47 tag; empty where nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// What the name is for.
    #[serde(default)]
    pub kind: NameKind,
}

/// What a name is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// Shown to those who read its language; one for each language.
    Preferred,
    /// Another word for the same.
    #[default]
    Alternative,
    /// Found by a search, but never shown: misspellings, former names.
    Hidden,
}

/// A text about a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabelText {
    /// The text.
    pub text: String,
    /// BCP 47 tag; empty where nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
}
