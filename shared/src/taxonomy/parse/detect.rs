//! What a file is, told from its content.

use super::super::{ROOT, TaxonomyFormat};
use super::annif;

/// Characters of a file that are looked at for the words of RDF.
const LOOKED_AT: usize = 1 << 16;

/// XML and JSON by their first character, Turtle by its directives or triples, TAB formats by where `Root` stands and
/// whether IRIs come first, CSV by its header.
pub(super) fn detect(text: &str) -> TaxonomyFormat {
    if is_rdf_xml(text) {
        return TaxonomyFormat::SkosRdfXml;
    }
    if text.trim_start().starts_with(['{', '[']) && !is_turtle(text) {
        return if is_json_ld(text) {
            TaxonomyFormat::SkosJsonLd
        } else {
            TaxonomyFormat::Json
        };
    }
    if is_turtle(text) {
        return TaxonomyFormat::Skos;
    }
    let rows = || text.lines().filter(|line| !line.trim().is_empty());
    if !rows().next().is_some_and(|line| line.contains('\t')) {
        return if annif::is_csv(text) {
            TaxonomyFormat::AnnifCsv
        } else {
            TaxonomyFormat::PathCsv
        };
    }
    if rows().all(annif::is_row) {
        return TaxonomyFormat::AnnifTsv;
    }
    let root_first = rows().any(|line| line.split('\t').next() == Some(ROOT));
    if root_first {
        TaxonomyFormat::Taxonomy
    } else {
        TaxonomyFormat::Tsv
    }
}

/// The notation of a file that is known to be RDF.
pub(super) fn notation(text: &str) -> TaxonomyFormat {
    let start = text.trim_start();
    if is_rdf_xml(text) {
        TaxonomyFormat::SkosRdfXml
    } else if start.starts_with('{') || (start.starts_with('[') && !is_turtle(text)) {
        TaxonomyFormat::SkosJsonLd
    } else {
        TaxonomyFormat::Skos
    }
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn is_rdf_xml(text: &str) -> bool {
    let start = beginning(text.trim_start());
    let is_element = |rest: &str| rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let declared = ["<?xml", "<!--", "<!DOCTYPE", "<rdf:RDF"];
    declared.iter().any(|word| start.starts_with(word))
        || (start.strip_prefix('<').is_some_and(is_element)
            && start.contains("22-rdf-syntax-ns#")
            && start.contains("xmlns"))
}

/// A directive, or a statement: a subject in angle brackets or with a prefix, followed by a predicate.
fn is_turtle(text: &str) -> bool {
    let mut lines = beginning(text)
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = lines.next() else {
        return false;
    };
    let lower = first.to_ascii_lowercase();
    if ["@prefix ", "@base ", "prefix ", "base "]
        .iter()
        .any(|word| lower.starts_with(word) && first.contains('<'))
    {
        return true;
    }
    // `<a> <b> <c> .`, `<a> a skos:Concept`: an Annif row has a TAB and a name after the first IRI.
    let Some((_, after)) = first
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
    else {
        return false;
    };
    let after = after.trim_start();
    after.is_empty()
        || after.starts_with(['<', ';'])
        || after.starts_with("a ") && !first.contains('\t')
        || after.split_whitespace().next().is_some_and(|word| {
            word.split_once(':').is_some_and(|(prefix, name)| {
                prefix.chars().all(char::is_alphanumeric) && !name.is_empty()
            })
        }) && !first.contains('\t')
}

fn is_json_ld(text: &str) -> bool {
    let start = beginning(text);
    ["\"@context\"", "\"@graph\"", "\"@id\""]
        .iter()
        .any(|word| start.contains(word))
}
