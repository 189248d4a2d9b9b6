//! Annif's vocabularies: a row for each label, without the hierarchy.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::super::{Taxonomy, iri};
use super::{csv_row, preferred};
use crate::LabelIndex;

/// `<URI><TAB>label[<TAB>notation]`.
pub(super) fn tsv(taxonomy: &Taxonomy, sink: &mut impl Write) -> io::Result<()> {
    for label in taxonomy.indexes() {
        write!(
            sink,
            "<{}>\t{}",
            iri::of_id(taxonomy.id(label)),
            one_line(taxonomy.name(label))
        )?;
        let notation = taxonomy
            .details(label)
            .map_or("", |details| details.notation.as_str());
        if !notation.is_empty() {
            write!(sink, "\t{}", one_line(notation))?;
        }
        sink.write_all(b"\n")?;
    }
    Ok(())
}

/// What a field between TABs can hold.
pub(super) fn one_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

/// `uri`, `notation` and a column for each language, that of most labels first.
pub(super) fn csv(taxonomy: &Taxonomy, sink: &mut impl Write) -> io::Result<()> {
    let languages = languages(taxonomy);
    let header: Vec<String> = languages
        .iter()
        .map(|language| match *language {
            "" => "label_und".to_owned(),
            language => format!("label_{language}"),
        })
        .collect();
    csv_row(
        ["uri", "notation"]
            .into_iter()
            .chain(header.iter().map(String::as_str)),
        sink,
    )?;
    for label in taxonomy.indexes() {
        let details = taxonomy.details(label);
        let notation = details.map_or("", |details| details.notation.as_str());
        let iri = iri::of_id(taxonomy.id(label));
        // Without any name a subject is deprecated.
        let is_named = !taxonomy.is_deprecated(label);
        let names = languages.iter().map(|language| {
            let name = name_in(taxonomy, label, language).filter(|_| is_named);
            name.map(str::trim).unwrap_or_default()
        });
        csv_row([&*iri, notation.trim()].into_iter().chain(names), sink)?;
    }
    Ok(())
}

/// The name of a label in a language; its own counts first.
pub(super) fn name_in<'a>(
    taxonomy: &'a Taxonomy,
    label: LabelIndex,
    language: &str,
) -> Option<&'a str> {
    if own_language(taxonomy, label) == language {
        return Some(taxonomy.name(label));
    }
    let mut names = preferred(taxonomy, label);
    let name = names.find(|name| name.language == language);
    name.map(|name| name.name.as_str())
}

pub(super) fn own_language(taxonomy: &Taxonomy, label: LabelIndex) -> &str {
    taxonomy
        .details(label)
        .map_or("", |details| details.language.as_str())
}

/// All languages of preferred names: those in which most labels have their own name first, then by their tags.
pub(super) fn languages(taxonomy: &Taxonomy) -> Vec<&str> {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    for label in taxonomy.indexes() {
        *counts.entry(own_language(taxonomy, label)).or_default() += 1;
        for name in preferred(taxonomy, label) {
            counts.entry(&name.language).or_default();
        }
    }
    let mut languages: Vec<(&str, usize)> = counts.into_iter().collect();
    languages.sort_unstable_by_key(|&(language, count)| (std::cmp::Reverse(count), language));
    languages
        .into_iter()
        .map(|(language, _)| language)
        .collect()
}
