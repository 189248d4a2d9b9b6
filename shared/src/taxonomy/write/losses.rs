//! What a format cannot hold of a taxonomy, counted.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::formats::Holds;
use super::super::{LabelDetails, NameKind, Taxonomy, TaxonomyFormat};
use super::annif::{languages, name_in, one_line, own_language};
use super::preferred;
use crate::LabelIndex;

/// Something that a file will not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = TaxonomyLoss))]
pub struct Loss {
    /// What it is.
    pub kind: LossKind,
    /// Labels that lose it.
    pub n_labels: u64,
}

/// A part of a label that a format may have no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Ids become others when the file is read.
    Ids,
    /// Names become the ids.
    Names,
    /// Everything stands below the root.
    Hierarchy,
    /// Only the first parent stays.
    SecondParents,
    /// Names in further languages, and which language a name is in.
    Languages,
    /// Alternative and hidden names.
    OtherNames,
    /// Definitions, notes and examples.
    Texts,
    /// Relations to labels that are neither above nor below.
    Related,
    /// The notation.
    Notation,
    /// That the label should not be used any more.
    Deprecated,
    /// What to use instead.
    Replacement,
    /// Names of deprecated labels, which only the missing of any name marks.
    NamesOfDeprecated,
    /// Line breaks, TABs, control characters, and blanks at the ends.
    Characters,
    /// Tags of languages that are none.
    LanguageTags,
    /// Several preferred names in one language.
    SeveralPreferred,
    /// The order among preferred, alternative and hidden names.
    OrderOfNames,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            LossKind::Ids => "ids become paths of names",
            LossKind::Names => "names are left out, ids stand for them",
            LossKind::Hierarchy => "parents are left out, the format has no hierarchy",
            LossKind::SecondParents => "only the first parent stays",
            LossKind::Languages => "languages and names in further ones are left out",
            LossKind::OtherNames => "alternative and hidden names are left out",
            LossKind::Texts => "definitions, notes and examples are left out",
            LossKind::Related => "related labels are left out",
            LossKind::Notation => "notations are left out",
            LossKind::Deprecated => "nothing says that labels are deprecated",
            LossKind::Replacement => "replacements are left out",
            LossKind::NamesOfDeprecated => {
                "names of deprecated labels are left out, which marks them as such"
            }
            LossKind::Characters => {
                "line breaks, control characters and blanks around texts are not kept"
            }
            LossKind::LanguageTags => {
                "languages that are no BCP 47 tags, or not written as usual, are not kept"
            }
            LossKind::SeveralPreferred => {
                "of several preferred names in one language only one stays"
            }
            LossKind::OrderOfNames => "preferred names come before alternative and hidden ones",
        };
        let labels = if self.n_labels == 1 {
            "label"
        } else {
            "labels"
        };
        write!(f, "{what}: {} {labels}", self.n_labels)
    }
}

/// What a format cannot hold of a taxonomy; nothing when reading the file gives the same labels again. Formats that have
/// an order of their own may give them in another one.
#[must_use]
pub fn losses(taxonomy: &Taxonomy, format: TaxonomyFormat) -> Vec<Loss> {
    let counter = Counter {
        taxonomy,
        format,
        holds: format.holds(),
        languages: languages(taxonomy),
    };
    let none = LabelDetails::default();
    let mut counts: Vec<(LossKind, u64)> = Vec::new();
    for label in taxonomy.indexes() {
        let details = taxonomy.details(label).unwrap_or(&none);
        counter.of_label(label, details, &mut |kind| match counts
            .iter_mut()
            .find(|(known, _)| *known == kind)
        {
            Some((_, n)) => *n += 1,
            None => counts.push((kind, 1)),
        });
    }
    counts.sort_unstable();
    let losses = counts.into_iter();
    losses
        .map(|(kind, n_labels)| Loss { kind, n_labels })
        .collect()
}

struct Counter<'a> {
    taxonomy: &'a Taxonomy,
    format: TaxonomyFormat,
    holds: Holds,
    languages: Vec<&'a str>,
}

impl Counter<'_> {
    fn of_label(&self, label: LabelIndex, details: &LabelDetails, lose: &mut impl FnMut(LossKind)) {
        let (taxonomy, holds) = (self.taxonomy, self.holds);
        let mut check = |kind, is_lost: bool| {
            if is_lost {
                lose(kind);
            }
        };
        let n_parents = taxonomy.parents(label).len();
        check(
            LossKind::Ids,
            !holds.ids && *self.path_id(label) != *taxonomy.id(label),
        );
        check(
            LossKind::Names,
            !holds.names && taxonomy.name(label) != taxonomy.id(label),
        );
        check(LossKind::Hierarchy, !holds.hierarchy && n_parents > 0);
        check(
            LossKind::SecondParents,
            holds.hierarchy && !holds.several_parents && n_parents > 1,
        );
        let is_tagged = !details.language.is_empty() || preferred(taxonomy, label).next().is_some();
        check(LossKind::Languages, !holds.languages && is_tagged);
        let others = details
            .names
            .iter()
            .any(|name| name.kind != NameKind::Preferred);
        check(LossKind::OtherNames, !holds.other_names && others);
        let texts = [&details.definitions, &details.notes, &details.examples];
        check(
            LossKind::Texts,
            !holds.texts && texts.iter().any(|texts| !texts.is_empty()),
        );
        check(
            LossKind::Related,
            !holds.texts && !details.related.is_empty(),
        );
        check(
            LossKind::Notation,
            !holds.notation && !details.notation.is_empty(),
        );
        check(
            LossKind::Deprecated,
            !holds.deprecated && details.deprecated,
        );
        check(
            LossKind::Replacement,
            !holds.replaced_by && details.replaced_by.is_some(),
        );
        match self.format {
            TaxonomyFormat::PathCsv => {
                let name = taxonomy.name(label);
                check(LossKind::Characters, name.trim() != name);
            }
            TaxonomyFormat::AnnifTsv => {
                let texts = [taxonomy.name(label), &details.notation];
                check(
                    LossKind::Characters,
                    texts.iter().any(|text| one_line(text) != **text),
                );
            }
            TaxonomyFormat::AnnifCsv => self.of_annif_csv(label, details, lose),
            TaxonomyFormat::Skos | TaxonomyFormat::SkosRdfXml | TaxonomyFormat::SkosJsonLd => {
                self.of_skos(label, details, lose);
            }
            _ => {}
        }
    }

    /// The id that a label has when a file of paths is read.
    fn path_id(&self, label: LabelIndex) -> String {
        let path = self.taxonomy.path(label).into_iter();
        path.fold(String::new(), |above, label| {
            super::super::parse::path_id(&above, self.taxonomy.name(label).trim())
        })
    }

    fn of_annif_csv(
        &self,
        label: LabelIndex,
        details: &LabelDetails,
        lose: &mut impl FnMut(LossKind),
    ) {
        let taxonomy = self.taxonomy;
        if details.deprecated {
            lose(LossKind::NamesOfDeprecated);
            return;
        }
        let texts = [taxonomy.name(label), &details.notation];
        let texts = texts
            .into_iter()
            .chain(preferred(taxonomy, label).map(|name| name.name.as_str()));
        let mut texts = texts.map(|text| text.trim() != text);
        if texts.any(|is_cut| is_cut) {
            lose(LossKind::Characters);
        }
        if preferred(taxonomy, label)
            .any(|name| Some(name.name.as_str()) != name_in(taxonomy, label, &name.language))
        {
            lose(LossKind::SeveralPreferred);
        }
        // The first column that says anything is the one that is shown.
        let mut columns = self.languages.iter();
        let first = columns.find(|language| name_in(taxonomy, label, language).is_some());
        if first.is_some_and(|first| *first != own_language(taxonomy, label)) {
            lose(LossKind::Languages);
        }
    }

    fn of_skos(&self, label: LabelIndex, details: &LabelDetails, lose: &mut impl FnMut(LossKind)) {
        let texts = [&details.definitions, &details.notes, &details.examples];
        let texts = texts
            .into_iter()
            .flatten()
            .map(|text| (&text.text, &text.language));
        let names = details
            .names
            .iter()
            .map(|name| (&name.name, &name.language));
        let own = [(&details.notation, &details.language)];
        let all: Vec<(&String, &String)> = texts.chain(names).chain(own).collect();
        if all.iter().any(|(_, language)| !is_kept_tag(language)) {
            lose(LossKind::LanguageTags);
        }
        if !details.names.is_sorted_by_key(|name| name.kind) {
            lose(LossKind::OrderOfNames);
        }
        let is_xml = self.format == TaxonomyFormat::SkosRdfXml;
        let name = self.taxonomy.name(label);
        if is_xml && (all.iter().any(|(text, _)| !is_xml_text(text)) || !is_xml_text(name)) {
            lose(LossKind::Characters);
        }
    }
}

/// Whether a language comes back from RDF as it is written.
pub(super) fn is_kept_tag(tag: &str) -> bool {
    tag.is_empty() || (is_tag(tag) && super::super::formats::canonical_tag(tag) == tag)
}

/// Whether a tag has the form that RDF asks for.
pub(super) fn is_tag(tag: &str) -> bool {
    super::super::integrity::is_language(tag)
}

/// Whether XML can hold a text as it is.
pub(super) fn is_xml_text(text: &str) -> bool {
    text.chars().all(is_xml_character)
}

pub(super) fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..)
}
