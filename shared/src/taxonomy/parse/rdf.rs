//! SKOS in any notation: concepts become labels, `skos:broader` and `skos:narrower` their parents.
//!
//! RDF has no order; labels, parents and names keep the one in which the file has them. What a label cannot hold is left
//! out and told in a note, by the name of its property.

use oxjsonld::JsonLdParser;
use oxrdf::vocab::rdf;
use oxrdf::{NamedNode, NamedOrBlankNode, Term, Triple};
use oxrdfxml::{RdfXmlParseError, RdfXmlParser};
use oxttl::TurtleParser;
use rustc_hash::FxHashMap;

use super::super::formats::canonical_tag;
use super::super::skos::{self as words, shortened};
use super::super::{LabelDetails, LabelName, LabelText, NameKind, TaxonomyError, iri};
use super::{Draft, Place, nesting};

/// Properties that are named in a note; the rest is counted.
const NAMED: usize = 10;
/// Objects and lists of JSON-LD within each other: its reader calls itself for each.
const MAX_NESTING: usize = 100;

pub(super) fn turtle(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    let mut graph = Graph::default();
    let parser = TurtleParser::new().with_base_iri(iri::BASE).map_err(base)?;
    for triple in parser.for_slice(text) {
        let triple = triple.map_err(|error| {
            let start = error.location().start;
            let place = Place {
                line: start.line + 1,
                column: start.column + 1,
            };
            place.syntax(error.message(), "Turtle")
        })?;
        graph.add(triple);
    }
    graph.finish(text, draft)
}

pub(super) fn rdf_xml(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    let mut graph = Graph::default();
    let parser = RdfXmlParser::new().with_base_iri(iri::BASE).map_err(base)?;
    let mut parser = parser.for_slice(text);
    while let Some(triple) = parser.next() {
        let triple = triple.map_err(|error| {
            let found = RdfXmlParseError::from(error).to_string();
            let at = usize::try_from(parser.buffer_position()).unwrap_or(usize::MAX);
            let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
            Place::after(before).syntax(found, "RDF/XML")
        })?;
        graph.add(triple);
    }
    graph.finish(text, draft)
}

pub(super) fn json_ld(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    nesting::check(text, MAX_NESTING)?;
    let mut graph = Graph::default();
    let parser = JsonLdParser::new().with_base_iri(iri::BASE).map_err(base)?;
    for quad in parser.for_slice(text) {
        let quad = quad.map_err(|error| {
            let start = error.location().map(|location| location.start);
            let place = start.map_or(Place { line: 1, column: 1 }, |start| Place {
                line: start.line + 1,
                column: start.column + 1,
            });
            place.syntax(error.to_string(), "JSON-LD")
        })?;
        graph.add(quad.into());
    }
    graph.finish(text, draft)
}

fn base(error: impl std::fmt::Display) -> TaxonomyError {
    // Our own base is an IRI.
    Place::default().syntax(error.to_string(), "an IRI")
}

/// What is known of a subject.
#[derive(Default)]
struct Subject {
    is_concept: bool,
    is_other: bool,
    is_top: bool,
    /// Text and language.
    preferred: Vec<(String, String)>,
    /// `rdfs:label`: the name where there is none preferred, else which of them is shown.
    labels: Vec<(String, String)>,
    broader: Vec<String>,
    notations: Vec<String>,
    replaced_by: Vec<String>,
    /// Numbers of properties that no label holds.
    left_out: Vec<usize>,
    /// Names other than preferred ones, and the rest.
    details: LabelDetails,
}

/// All subjects of a file, in its order.
#[derive(Default)]
struct Graph {
    subjects: Vec<(String, Subject)>,
    by_iri: FxHashMap<String, usize>,
    /// Objects of `skos:narrower`, with the subject.
    narrower: Vec<(String, String)>,
    tops: Vec<String>,
    n_blank: u64,
    /// Properties that no label holds, by the number that subjects remember.
    others: FxHashMap<NamedNode, usize>,
}

impl Graph {
    fn subject(&mut self, iri: &str) -> &mut Subject {
        let at = match self.by_iri.get(iri) {
            Some(&at) => at,
            None => {
                self.by_iri.insert(iri.to_owned(), self.subjects.len());
                self.subjects.push((iri.to_owned(), Subject::default()));
                self.subjects.len() - 1
            }
        };
        #[allow(clippy::indexing_slicing, reason = "a position that was given above")]
        &mut self.subjects[at].1
    }

    fn add(&mut self, triple: Triple) {
        let Triple {
            subject,
            predicate,
            object,
        } = triple;
        let NamedOrBlankNode::NamedNode(subject) = subject else {
            let is_concept = matches!(&object, Term::NamedNode(kind) if *kind == words::CONCEPT);
            self.n_blank += u64::from(predicate == rdf::TYPE && is_concept);
            return;
        };
        match &object {
            Term::NamedNode(other) => self.relation(subject.as_str(), &predicate, other.as_str()),
            Term::Literal(literal) => {
                let language = literal.language().map(canonical_tag).unwrap_or_default();
                self.text(subject.as_str(), &predicate, literal.value(), language);
            }
            _ => self.leave_out(subject.as_str(), predicate),
        }
    }

    fn leave_out(&mut self, iri: &str, predicate: NamedNode) {
        let number = self.others.len();
        let number = *self.others.entry(predicate).or_insert(number);
        self.subject(iri).left_out.push(number);
    }

    fn relation(&mut self, iri: &str, predicate: &NamedNode, object: &str) {
        let predicate = predicate.as_ref();
        if predicate == rdf::TYPE {
            let others = [
                words::CONCEPT_SCHEME,
                words::COLLECTION,
                words::ORDERED_COLLECTION,
            ];
            let subject = self.subject(iri);
            subject.is_concept |= object == words::CONCEPT.as_str();
            subject.is_other |= others.iter().any(|other| object == other.as_str());
        } else if predicate == words::BROADER {
            let subject = self.subject(iri);
            subject.is_concept = true;
            subject.broader.push(object.to_owned());
        } else if predicate == words::NARROWER {
            self.subject(iri).is_concept = true;
            self.narrower.push((iri.to_owned(), object.to_owned()));
        } else if predicate == words::TOP_CONCEPT_OF {
            let subject = self.subject(iri);
            subject.is_concept = true;
            subject.is_top = true;
        } else if predicate == words::HAS_TOP_CONCEPT {
            self.tops.push(object.to_owned());
        } else if predicate == words::RELATED {
            self.subject(iri).details.related.push(iri::to_id(object));
        } else if predicate == words::IS_REPLACED_BY {
            self.subject(iri).replaced_by.push(iri::to_id(object));
        } else if ![
            words::IN_SCHEME,
            words::BROADER_TRANSITIVE,
            words::NARROWER_TRANSITIVE,
        ]
        .contains(&predicate)
        {
            self.leave_out(iri, predicate.into_owned());
        }
    }

    fn text(&mut self, iri: &str, predicate: &NamedNode, text: &str, language: String) {
        let predicate = predicate.as_ref();
        let named = |kind| LabelName {
            name: text.to_owned(),
            language: language.clone(),
            kind,
        };
        let about = || LabelText {
            text: text.to_owned(),
            language: language.clone(),
        };
        let notes = [
            words::SCOPE_NOTE,
            words::NOTE,
            words::HISTORY_NOTE,
            words::EDITORIAL_NOTE,
            words::CHANGE_NOTE,
        ];
        if predicate == words::PREF_LABEL {
            self.subject(iri)
                .preferred
                .push((text.to_owned(), language));
        } else if predicate == words::RDFS_LABEL {
            self.subject(iri).labels.push((text.to_owned(), language));
        } else if predicate == words::ALT_LABEL {
            self.subject(iri)
                .details
                .names
                .push(named(NameKind::Alternative));
        } else if predicate == words::HIDDEN_LABEL {
            self.subject(iri)
                .details
                .names
                .push(named(NameKind::Hidden));
        } else if predicate == words::DEFINITION {
            self.subject(iri).details.definitions.push(about());
        } else if notes.contains(&predicate) {
            self.subject(iri).details.notes.push(about());
        } else if predicate == words::EXAMPLE {
            self.subject(iri).details.examples.push(about());
        } else if predicate == words::NOTATION {
            self.subject(iri).notations.push(text.to_owned());
        } else if predicate == words::DEPRECATED {
            self.subject(iri).details.deprecated = matches!(text, "true" | "1");
        } else {
            self.leave_out(iri, predicate.into_owned());
        }
    }

    /// Edges that stand at the other end.
    fn turn_round(&mut self) {
        for (above, below) in std::mem::take(&mut self.narrower) {
            let below = self.subject(&below);
            below.is_concept = true;
            if !below.broader.contains(&above) {
                below.broader.push(above);
            }
        }
        for top in std::mem::take(&mut self.tops) {
            let top = self.subject(&top);
            top.is_concept = true;
            top.is_top = true;
        }
    }

    /// The language in which most concepts have a preferred name; the one met first among equals.
    fn language(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for (_, subject) in &self.subjects {
            for (_, language) in &subject.preferred {
                match counts.iter_mut().find(|(known, _)| known == language) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((language, 1)),
                }
            }
        }
        let most = counts.iter().map(|&(_, count)| count).max();
        let first = counts.iter().find(|&&(_, count)| Some(count) == most);
        first
            .map(|&(language, _)| language.to_owned())
            .unwrap_or_default()
    }

    fn finish(mut self, text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
        self.turn_round();
        let language = self.language();
        let (mut nameless, mut several) = (0_u64, 0_u64);
        let mut n_other = 0_u64;
        let mut left_out = vec![0_u64; self.others.len()];
        for (iri, subject) in self.subjects {
            if !subject.is_concept || subject.is_other {
                n_other += u64::from(subject.is_other);
                if subject.is_concept {
                    let found = format!("<{iri}> as a concept and a scheme or collection");
                    let place = Place::of_id(text, &iri);
                    let place = place.unwrap_or(Place { line: 1, column: 1 });
                    return Err(place.syntax(found, "one of them"));
                }
                continue;
            }
            for &number in &subject.left_out {
                if let Some(n) = left_out.get_mut(number) {
                    *n += 1;
                }
            }
            several += u64::from(subject.notations.len() > 1 || subject.replaced_by.len() > 1);
            nameless += u64::from(subject.preferred.is_empty() && subject.labels.is_empty());
            subject.introduce(&iri, &language, draft);
        }
        for (n, what) in [
            (
                nameless,
                "concepts without a name are shown by their notation or the end of their IRI",
            ),
            (
                several,
                "concepts with several notations or replacements kept the first",
            ),
            (self.n_blank, "concepts without an IRI were left out"),
            // The scheme itself says nothing that is missed.
            (
                n_other.saturating_sub(1),
                "other schemes and collections were left out",
            ),
        ] {
            if n > 0 {
                draft.note(format!("{what}: {n}"));
            }
        }
        note_left_out(&self.others, &left_out, draft);
        Ok(())
    }
}

impl Subject {
    fn introduce(self, iri: &str, language: &str, draft: &mut Draft) {
        let (name, mut details) = self.name(iri, language);
        details.notation = self.notations.into_iter().next().unwrap_or_default();
        details.replaced_by = self.replaced_by.into_iter().next();
        let place = Place::default();
        let label = draft.introduce(&iri::to_id(iri), &name, place);
        if self.is_top || self.broader.is_empty() {
            draft.connect(label, None, place);
        }
        let mut known: Vec<&str> = Vec::with_capacity(self.broader.len());
        for above in &self.broader {
            if !known.contains(&above.as_str()) {
                known.push(above);
                draft.connect(label, Some(&iri::to_id(above)), place);
            }
        }
        if !details.is_empty() {
            draft.describe(label, details);
        }
    }

    /// The name to show, and the details with all others.
    fn name(&self, iri: &str, language: &str) -> (String, LabelDetails) {
        let mut details = self.details.clone();
        let names = if self.preferred.is_empty() {
            &self.labels
        } else {
            &self.preferred
        };
        let said = names.iter().position(|name| self.labels.contains(name));
        let shown = said.filter(|_| !self.preferred.is_empty());
        let shown = shown.or_else(|| names.iter().position(|(_, of)| of == language));
        let shown = shown.unwrap_or(0);
        let others = names.iter().enumerate().filter(|&(at, _)| at != shown);
        let others = others.map(|(_, (name, language))| LabelName {
            name: name.clone(),
            language: language.clone(),
            kind: NameKind::Preferred,
        });
        details.names.splice(0..0, others);
        let Some((name, language)) = names.get(shown) else {
            let notation = self.notations.first().map(String::as_str);
            return (notation.unwrap_or(iri::last_part(iri)).to_owned(), details);
        };
        details.language.clone_from(language);
        (name.clone(), details)
    }
}

fn note_left_out(others: &FxHashMap<NamedNode, usize>, counts: &[u64], draft: &mut Draft) {
    let of_number = |number: usize| counts.get(number).copied().unwrap_or(0);
    let mut counted: Vec<(u64, &NamedNode)> = others
        .iter()
        .map(|(property, &number)| (of_number(number), property))
        .filter(|&(n, _)| n > 0)
        .collect();
    if counted.is_empty() {
        return;
    }
    counted.sort_by_key(|&(n, property)| (std::cmp::Reverse(n), property.as_str()));
    let shown = counted.iter().take(NAMED);
    let mut words: Vec<String> = shown
        .map(|(n, property)| format!("{n} of {}", shortened(property.as_str())))
        .collect();
    if counted.len() > NAMED {
        words.push(format!("and {} more properties", counted.len() - NAMED));
    }
    draft.note(format!(
        "statements that a label cannot hold were left out: {}",
        words.join(", ")
    ));
}
