//! SKOS in three notations, of the same statements in the same order.

use std::io::{self, Write};

use oxjsonld::JsonLdSerializer;
use oxrdf::vocab::{rdf, xsd};
use oxrdf::{GraphNameRef, LiteralRef, NamedNodeRef, TermRef, TripleRef};
use oxrdfxml::RdfXmlSerializer;
use oxttl::TurtleSerializer;

use super::super::skos as words;
use super::super::{LabelText, NameKind, Taxonomy, iri};
use super::Origin;
use super::losses::{is_tag, is_xml_character, is_xml_text};
use crate::LabelIndex;

/// The scheme that all labels are in.
const SCHEME: NamedNodeRef<'static> = NamedNodeRef::new_unchecked("urn:arborist:taxonomy");

pub(super) fn turtle(
    taxonomy: &Taxonomy,
    origin: Origin<'_>,
    sink: &mut impl Write,
) -> io::Result<()> {
    // Labels are written with their whole IRIs; the base says what relative ones mean that people add by hand.
    writeln!(sink, "@base <{}> .", iri::BASE)?;
    let mut serializer = TurtleSerializer::new();
    for (prefix, iri) in words::PREFIXES {
        serializer = serializer
            .with_prefix(prefix, iri)
            .map_err(io::Error::other)?;
    }
    let mut serializer = serializer.low_level();
    let mut is_first = true;
    statements(taxonomy, origin, |triple| {
        if !std::mem::take(&mut is_first) {
            return serializer.serialize_triple(triple, &mut *sink);
        }
        // Prefixes come with the first statement and in no order.
        let mut beginning = Vec::new();
        serializer.serialize_triple(triple, &mut beginning)?;
        let mut lines: Vec<&[u8]> = beginning.split_inclusive(|&byte| byte == b'\n').collect();
        lines.sort_by_key(|line| (!line.starts_with(b"@"), *line));
        lines.iter().try_for_each(|line| sink.write_all(line))
    })?;
    serializer.finish(sink)
}

pub(super) fn rdf_xml(
    taxonomy: &Taxonomy,
    origin: Origin<'_>,
    sink: &mut impl Write,
) -> io::Result<()> {
    let mut serializer = RdfXmlSerializer::new();
    for (prefix, iri) in words::PREFIXES {
        serializer = serializer
            .with_prefix(prefix, iri)
            .map_err(io::Error::other)?;
    }
    let mut serializer = serializer.for_writer(&mut *sink);
    statements(taxonomy, origin, |triple| match triple.object {
        TermRef::Literal(literal) if !is_xml_text(literal.value()) => {
            let value: String = literal
                .value()
                .chars()
                .filter(|&c| is_xml_character(c))
                .collect();
            let literal = literal_of(&value, literal.language().unwrap_or_default());
            serializer.serialize_triple(TripleRef::new(triple.subject, triple.predicate, literal))
        }
        _ => serializer.serialize_triple(triple),
    })?;
    serializer.finish()?;
    sink.write_all(b"\n")
}

pub(super) fn json_ld(
    taxonomy: &Taxonomy,
    origin: Origin<'_>,
    sink: &mut impl Write,
) -> io::Result<()> {
    let mut serializer = JsonLdSerializer::new();
    for (prefix, iri) in words::PREFIXES {
        serializer = serializer
            .with_prefix(prefix, iri)
            .map_err(io::Error::other)?;
    }
    let mut serializer = serializer.for_writer(&mut *sink);
    statements(taxonomy, origin, |triple| {
        serializer.serialize_quad(triple.in_graph(GraphNameRef::DefaultGraph))
    })?;
    serializer.finish()?;
    sink.write_all(b"\n")
}

/// Everything that is said: first the scheme, then the labels in taxonomy order.
fn statements(
    taxonomy: &Taxonomy,
    origin: Origin<'_>,
    mut say: impl FnMut(TripleRef<'_>) -> io::Result<()>,
) -> io::Result<()> {
    say(TripleRef::new(SCHEME, rdf::TYPE, words::CONCEPT_SCHEME))?;
    for (word, text) in [
        (words::TITLE, origin.title),
        (words::VERSION_INFO, origin.version),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            say(TripleRef::new(
                SCHEME,
                word,
                LiteralRef::new_simple_literal(text),
            ))?;
        }
    }
    for &top in taxonomy.top_level() {
        let iri = iri::of_id(taxonomy.id(top));
        say(TripleRef::new(
            SCHEME,
            words::HAS_TOP_CONCEPT,
            NamedNodeRef::new_unchecked(&iri),
        ))?;
    }
    taxonomy
        .indexes()
        .try_for_each(|label| of_label(taxonomy, label, &mut say))
}

fn of_label(
    taxonomy: &Taxonomy,
    label: LabelIndex,
    say: &mut impl FnMut(TripleRef<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let subject = iri::of_id(taxonomy.id(label));
    let subject = NamedNodeRef::new_unchecked(&subject);
    say(TripleRef::new(subject, rdf::TYPE, words::CONCEPT))?;
    say(TripleRef::new(subject, words::IN_SCHEME, SCHEME))?;
    let parents = taxonomy.parents(label);
    if parents.is_empty() {
        say(TripleRef::new(subject, words::TOP_CONCEPT_OF, SCHEME))?;
    }
    let mut relate = |word, id: &str| {
        let object = iri::of_id(id);
        say(TripleRef::new(
            subject,
            word,
            NamedNodeRef::new_unchecked(&object),
        ))
    };
    for &parent in parents {
        relate(words::BROADER, taxonomy.id(parent))?;
    }
    let details = taxonomy.details(label).cloned().unwrap_or_default();
    for id in &details.related {
        relate(words::RELATED, id)?;
    }
    if let Some(id) = &details.replaced_by {
        relate(words::IS_REPLACED_BY, id)?;
    }
    if details.deprecated {
        let is_true = LiteralRef::new_typed_literal("true", xsd::BOOLEAN);
        say(TripleRef::new(subject, words::DEPRECATED, is_true))?;
    }
    let mut tell = |word, text: &str, language: &str| {
        say(TripleRef::new(subject, word, literal_of(text, language)))
    };
    let of_kind = |kind| details.names.iter().filter(move |name| name.kind == kind);
    let name = taxonomy.name(label);
    if of_kind(NameKind::Preferred).next().is_some() {
        // Which of several names is the label's own: what SKOS says of every preferred name anyway.
        tell(words::RDFS_LABEL, name, &details.language)?;
    }
    tell(words::PREF_LABEL, name, &details.language)?;
    for (kind, word) in [
        (NameKind::Preferred, words::PREF_LABEL),
        (NameKind::Alternative, words::ALT_LABEL),
        (NameKind::Hidden, words::HIDDEN_LABEL),
    ] {
        for name in of_kind(kind) {
            tell(word, &name.name, &name.language)?;
        }
    }
    if !details.notation.is_empty() {
        tell(words::NOTATION, &details.notation, "")?;
    }
    let texts: [(NamedNodeRef<'_>, &[LabelText]); 3] = [
        (words::DEFINITION, &details.definitions),
        (words::SCOPE_NOTE, &details.notes),
        (words::EXAMPLE, &details.examples),
    ];
    for (word, texts) in texts {
        for text in texts {
            tell(word, &text.text, &text.language)?;
        }
    }
    Ok(())
}

fn literal_of<'a>(text: &'a str, language: &'a str) -> LiteralRef<'a> {
    if is_tag(language) {
        LiteralRef::new_language_tagged_literal_unchecked(text, language)
    } else {
        LiteralRef::new_simple_literal(text)
    }
}
