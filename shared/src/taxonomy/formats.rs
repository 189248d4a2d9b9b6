//! The file formats of taxonomies: their words, and what each of them can hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A file format for taxonomies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaxonomyFormat {
    /// `child<TAB>parent`, the root called `Root`; a child on two lines has two parents.
    Tsv,
    /// `parent<TAB>child<TAB>child…`, as in `*.taxonomy` files.
    Taxonomy,
    /// One path a row, one level a column, with or without a header.
    PathCsv,
    /// The canonical form; read are also nested objects with `children`, and objects of objects.
    Json,
    /// Objects with `children`; read like [`Json`](Self::Json).
    NestedJson,
    /// SKOS in Turtle; read is any of the three notations.
    Skos,
    /// SKOS in RDF/XML.
    SkosRdfXml,
    /// SKOS in JSON-LD.
    SkosJsonLd,
    /// An Annif vocabulary: `<URI><TAB>label<TAB>notation`.
    AnnifTsv,
    /// An Annif vocabulary: columns `uri`, `notation`, and `label_<language>` for each language.
    AnnifCsv,
}

impl TaxonomyFormat {
    /// All formats, in the order in which they are listed to people.
    pub const ALL: [Self; 10] = [
        Self::Tsv,
        Self::Taxonomy,
        Self::PathCsv,
        Self::Json,
        Self::NestedJson,
        Self::Skos,
        Self::SkosRdfXml,
        Self::SkosJsonLd,
        Self::AnnifTsv,
        Self::AnnifCsv,
    ];

    /// The word on the command line and in `?format=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tsv => "tsv",
            Self::Taxonomy => "taxonomy",
            Self::PathCsv => "path_csv",
            Self::Json => "json",
            Self::NestedJson => "nested_json",
            Self::Skos => "skos",
            Self::SkosRdfXml => "skos_rdf_xml",
            Self::SkosJsonLd => "skos_json_ld",
            Self::AnnifTsv => "annif_tsv",
            Self::AnnifCsv => "annif_csv",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Tsv => "Table of child and parent",
            Self::Taxonomy => "HiAGM lines of parent and children",
            Self::PathCsv => "CSV with a path on each row",
            Self::Json => "JSON with everything",
            Self::NestedJson => "Nested JSON",
            Self::Skos => "SKOS as Turtle",
            Self::SkosRdfXml => "SKOS as RDF/XML",
            Self::SkosJsonLd => "SKOS as JSON-LD",
            Self::AnnifTsv => "Annif vocabulary, TSV",
            Self::AnnifCsv => "Annif vocabulary, CSV",
        }
    }

    /// All words, for a sentence.
    #[must_use]
    pub fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// The media type that a file is sent with.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Tsv | Self::Taxonomy | Self::AnnifTsv => {
                "text/tab-separated-values; charset=utf-8"
            }
            Self::PathCsv | Self::AnnifCsv => "text/csv; charset=utf-8",
            Self::Json | Self::NestedJson => "application/json",
            Self::Skos => "text/turtle; charset=utf-8",
            Self::SkosRdfXml => "application/rdf+xml",
            Self::SkosJsonLd => "application/ld+json",
        }
    }

    /// How the name of a file ends, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tsv | Self::AnnifTsv => "tsv",
            Self::Taxonomy => "taxonomy",
            Self::PathCsv | Self::AnnifCsv => "csv",
            Self::Json | Self::NestedJson => "json",
            Self::Skos => "ttl",
            Self::SkosRdfXml => "rdf",
            Self::SkosJsonLd => "jsonld",
        }
    }

    /// What it can hold of a label.
    pub(super) fn holds(self) -> Holds {
        match self {
            Self::Json | Self::NestedJson | Self::Skos | Self::SkosRdfXml | Self::SkosJsonLd => {
                Holds::EVERYTHING
            }
            Self::Tsv => Holds {
                ids: true,
                hierarchy: true,
                several_parents: true,
                ..Holds::NOTHING
            },
            Self::Taxonomy => Holds {
                ids: true,
                hierarchy: true,
                ..Holds::NOTHING
            },
            Self::PathCsv => Holds {
                names: true,
                hierarchy: true,
                ..Holds::NOTHING
            },
            Self::AnnifTsv => Holds {
                ids: true,
                names: true,
                notation: true,
                ..Holds::NOTHING
            },
            Self::AnnifCsv => Holds {
                ids: true,
                names: true,
                languages: true,
                notation: true,
                deprecated: true,
                ..Holds::NOTHING
            },
        }
    }
}

/// What a format can hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holds {
    pub(super) ids: bool,
    pub(super) names: bool,
    pub(super) hierarchy: bool,
    pub(super) several_parents: bool,
    /// Names in several languages, one preferred for each.
    pub(super) languages: bool,
    /// Alternative and hidden names.
    pub(super) other_names: bool,
    /// Definitions, notes, examples, related labels.
    pub(super) texts: bool,
    pub(super) notation: bool,
    pub(super) deprecated: bool,
    pub(super) replaced_by: bool,
}

impl Holds {
    const NOTHING: Self = Self {
        ids: false,
        names: false,
        hierarchy: false,
        several_parents: false,
        languages: false,
        other_names: false,
        texts: false,
        notation: false,
        deprecated: false,
        replaced_by: false,
    };
    const EVERYTHING: Self = Self {
        ids: true,
        names: true,
        hierarchy: true,
        several_parents: true,
        languages: true,
        other_names: true,
        texts: true,
        notation: true,
        deprecated: true,
        replaced_by: true,
    };
}

impl fmt::Display for TaxonomyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no taxonomy format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found the taxonomy format `{word}`, expected one of {}",
    TaxonomyFormat::words()
)]
pub struct UnknownTaxonomyFormat {
    /// What was given.
    pub word: String,
}

impl FromStr for TaxonomyFormat {
    type Err = UnknownTaxonomyFormat;

    fn from_str(word: &str) -> Result<Self, UnknownTaxonomyFormat> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == word);
        known.ok_or_else(|| UnknownTaxonomyFormat {
            word: word.to_owned(),
        })
    }
}

/// A language tag as people write it: `pt-BR`, `zh-Hant`. RDF knows it in lower case only.
pub(super) fn canonical_tag(tag: &str) -> String {
    let parts = tag
        .split('-')
        .enumerate()
        .map(|(at, part)| match (at, part.len()) {
            (0, _) => part.to_ascii_lowercase(),
            (_, 2) if part.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                part.to_ascii_uppercase()
            }
            (_, 4) if part.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                let (first, rest) = part.split_at(1);
                first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
            }
            _ => part.to_ascii_lowercase(),
        });
    parts.collect::<Vec<_>>().join("-")
}
