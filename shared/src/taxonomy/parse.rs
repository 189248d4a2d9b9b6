//! Reading taxonomies from the files that people have.
//!
//! Every format ends in one [`Draft`] of labels and edges that remember where they stood, so that faults of the
//! hierarchy (a cycle, a parent that does not exist) are reported with line and column as well. The order of lines
//! never matters, except that labels keep the order in which they are introduced.

mod annif;
mod cells;
mod detect;
mod json;
mod nesting;
mod path_csv;
#[cfg(feature = "rdf")]
mod rdf;
mod tabbed;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use super::{LabelDetails, NewLabel, Taxonomy, TaxonomyError, TaxonomyFormat, iri};
use detect::detect;

/// Levels of a file in which labels go by their paths, or stand within each other: each level is read once more.
const MAX_DEPTH: usize = 200;
/// Characters of what was found that an error repeats.
const MAX_FOUND: usize = 300;
/// Bytes of an id or a name.
const MAX_NAME: usize = 10_000;

/// A taxonomy with what reading it showed.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedTaxonomy {
    /// The hierarchy.
    pub taxonomy: Taxonomy,
    /// The format it was read as.
    pub format: TaxonomyFormat,
    /// What was tolerated or decided, in plain sentences.
    pub notes: Vec<String>,
}

/// Reads a taxonomy; without a format it is detected from the content.
///
/// # Errors
/// Names line, column, what was found and what was expected.
pub fn parse(
    bytes: &[u8],
    format: Option<TaxonomyFormat>,
) -> Result<ParsedTaxonomy, TaxonomyError> {
    let text = decode_utf8(bytes)?;
    if text.trim().is_empty() {
        return Err(TaxonomyError::Located {
            line: 1,
            column: 1,
            error: Box::new(TaxonomyError::Empty),
        });
    }
    // Any notation of SKOS goes by the one word.
    let format = match format {
        None => detect(text),
        Some(TaxonomyFormat::Skos) => detect::notation(text),
        Some(format) => format,
    };
    let mut draft = Draft::default();
    match format {
        TaxonomyFormat::Tsv => tabbed::child_parent(text, &mut draft)?,
        TaxonomyFormat::Taxonomy => tabbed::parent_children(text, &mut draft)?,
        TaxonomyFormat::PathCsv => path_csv::read(text, &mut draft)?,
        TaxonomyFormat::Json | TaxonomyFormat::NestedJson => json::read(text, &mut draft)?,
        TaxonomyFormat::AnnifTsv => annif::tsv(text, &mut draft)?,
        TaxonomyFormat::AnnifCsv => annif::csv(text, &mut draft)?,
        #[cfg(feature = "rdf")]
        TaxonomyFormat::Skos => rdf::turtle(text, &mut draft)?,
        #[cfg(feature = "rdf")]
        TaxonomyFormat::SkosRdfXml => rdf::rdf_xml(text, &mut draft)?,
        #[cfg(feature = "rdf")]
        TaxonomyFormat::SkosJsonLd => rdf::json_ld(text, &mut draft)?,
        #[cfg(not(feature = "rdf"))]
        TaxonomyFormat::Skos | TaxonomyFormat::SkosRdfXml | TaxonomyFormat::SkosJsonLd => {
            return Err(Place { line: 1, column: 1 }.syntax("SKOS", "a format that is read here"));
        }
    }
    let (taxonomy, notes) = draft.finish().map_err(|error| locate_by_id(text, error))?;
    Ok(ParsedTaxonomy {
        taxonomy,
        format,
        notes,
    })
}

/// What a fuzzer calls: reads anything, and holds readers and writers to what they promise.
///
/// # Panics
/// When a reader or writer breaks its promise.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8], format: Option<TaxonomyFormat>) {
    match parse(bytes, format) {
        // A line of what was found, however long that is.
        Err(error) => assert!(error.to_string().len() < 20_000, "{error}"),
        Ok(parsed) => {
            let mut file = Vec::new();
            let written = super::write(
                &parsed.taxonomy,
                TaxonomyFormat::Json,
                super::Origin::default(),
                &mut file,
            );
            assert!(written.is_ok(), "what was read is written");
            let again = parse(&file, Some(TaxonomyFormat::Json));
            let is_same = again.is_ok_and(|again| again.taxonomy == parsed.taxonomy);
            assert!(is_same, "what is written is read again");
        }
    }
}

/// The text without byte order mark.
fn decode_utf8(bytes: &[u8]) -> Result<&str, TaxonomyError> {
    let start = Place { line: 1, column: 1 };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(start.syntax("a byte order mark of UTF-16", "UTF-8 text"));
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        let before = bytes.get(..at).unwrap_or_default();
        return Err(Place::after(before).syntax("the byte 0x00", "UTF-8 text"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (before, from) = bytes.split_at(error.valid_up_to());
        let byte = from.first().copied().unwrap_or_default();
        Place::after(before).syntax(format!("the byte 0x{byte:02X}"), "UTF-8 text")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A position in the file, both counted from 1; columns in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u64,
    column: u64,
}

impl Place {
    /// What follows these bytes.
    fn after(before: &[u8]) -> Self {
        let newline = before.iter().rposition(|&byte| byte == b'\n');
        let line_start = newline.map_or(0, |newline| newline + 1);
        Self {
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64,
            column: (before.len() - line_start) as u64 + 1,
        }
    }

    fn syntax(self, found: impl Into<String>, expected: impl Into<String>) -> TaxonomyError {
        TaxonomyError::Syntax {
            line: self.line,
            column: self.column,
            found: excerpt(found.into()),
            expected: excerpt(expected.into()),
        }
    }

    fn duplicate(self, id: String) -> TaxonomyError {
        self.locate(TaxonomyError::DuplicateId { id: excerpt(id) })
    }

    /// Where an id stands first in a text, or the end of the IRI that it is.
    fn of_id(text: &str, id: &str) -> Option<Self> {
        let iri = iri::of_id(id);
        let end = iri::last_part(&iri);
        let ends = [':', '/', '#'].map(|before| text.find(&format!("{before}{end}")));
        let at = text
            .find(&*iri)
            .or_else(|| ends.into_iter().flatten().min())?;
        Some(Self::after(text.as_bytes().get(..at)?))
    }

    /// Where nothing is known of the place, the error says what it can.
    fn locate(self, error: TaxonomyError) -> TaxonomyError {
        if self.line == 0 {
            return error;
        }
        TaxonomyError::Located {
            line: self.line,
            column: self.column,
            error: Box::new(error),
        }
    }
}

/// Readers of RDF know no places: there a fault stands where its label stands first.
fn locate_by_id(text: &str, error: TaxonomyError) -> TaxonomyError {
    let id = match &error {
        TaxonomyError::UnknownParent { label, .. } | TaxonomyError::SelfParent { label } => label,
        TaxonomyError::Cycle { ids } => match ids.first() {
            Some(id) => id,
            None => return error,
        },
        _ => return error,
    };
    match Place::of_id(text, id) {
        Some(place) => place.locate(error),
        None => error,
    }
}

/// Texts of a file may be as long as the file.
fn excerpt(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(MAX_FOUND) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// Labels and edges while a file is read.
#[derive(Default)]
struct Draft {
    labels: Vec<DraftLabel>,
    by_id: FxHashMap<String, usize>,
    notes: Vec<String>,
    repeated: Option<(u64, String)>,
}

struct DraftLabel {
    id: String,
    name: String,
    place: Place,
    below_root: bool,
    parents: Vec<(String, Place)>,
    details: Option<Box<LabelDetails>>,
}

impl Draft {
    fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    fn label(&self, id: &str) -> Option<&DraftLabel> {
        self.labels.get(self.find(id)?)
    }

    /// The label with this id, introduced now if it is new.
    fn introduce(&mut self, id: &str, name: &str, place: Place) -> usize {
        if let Some(position) = self.find(id) {
            return position;
        }
        let position = self.labels.len();
        self.by_id.insert(id.to_owned(), position);
        let (id, name) = (id.to_owned(), name.to_owned());
        self.labels.push(DraftLabel {
            id,
            name,
            place,
            below_root: false,
            parents: Vec::new(),
            details: None,
        });
        position
    }

    /// Puts a label below the root (`None`) or another label, which may be introduced later.
    #[allow(
        clippy::indexing_slicing,
        reason = "children are positions that `introduce` gave"
    )]
    fn connect(&mut self, child: usize, parent: Option<&str>, place: Place) {
        let label = &mut self.labels[child];
        let known = match parent {
            None => std::mem::replace(&mut label.below_root, true),
            Some(parent) => {
                let known = label.parents.iter().any(|(id, _)| id == parent);
                if !known {
                    label.parents.push((parent.to_owned(), place));
                }
                known
            }
        };
        if known {
            let parent = parent.map_or("the root".to_owned(), |parent| format!("`{parent}`"));
            let first = || format!("`{}` below {parent} on line {}", label.id, place.line);
            self.repeated.get_or_insert_with(|| (0, first())).0 += 1;
        }
    }

    /// Says more about a label; what was said first stays.
    fn describe(&mut self, label: usize, details: LabelDetails) {
        if let Some(label) = self.labels.get_mut(label) {
            label.details.get_or_insert_with(|| Box::new(details));
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn finish(mut self) -> Result<(Taxonomy, Vec<String>), TaxonomyError> {
        if self.labels.is_empty() {
            return Err(Place { line: 1, column: 1 }.locate(TaxonomyError::Empty));
        }
        self.check_lengths()?;
        let both = self
            .labels
            .iter()
            .filter(|label| label.below_root && !label.parents.is_empty())
            .count();
        if both > 0 {
            self.notes.push(format!(
                "edges to the root were left out of labels that also stand below another label: {both}"
            ));
        }
        if let Some((times, first)) = &self.repeated {
            self.notes.push(format!(
                "repeated edges were taken once: {times}, the first {first}"
            ));
        }
        let labels = self.labels.iter().map(|label| NewLabel {
            id: label.id.clone(),
            name: label.name.clone(),
            parents: label
                .parents
                .iter()
                .map(|(parent, _)| parent.clone())
                .collect(),
            details: label.details.clone(),
        });
        match Taxonomy::new(labels.collect()) {
            Ok(taxonomy) => Ok((taxonomy, self.notes)),
            Err(error) => Err(self.locate(error)),
        }
    }

    fn check_lengths(&self) -> Result<(), TaxonomyError> {
        for label in &self.labels {
            let parents = label
                .parents
                .iter()
                .map(|(parent, place)| (parent, "an id", *place));
            let own = [
                (&label.id, "an id", label.place),
                (&label.name, "a name", label.place),
            ];
            for (text, what, place) in own.into_iter().chain(parents) {
                if text.len() > MAX_NAME {
                    return Err(place.locate(TaxonomyError::TooLarge {
                        found: format!("{what} of {} bytes", text.len()),
                        expected: format!("at most {MAX_NAME}"),
                    }));
                }
            }
        }
        Ok(())
    }

    /// Adds the place of the edge or label that is at fault.
    fn locate(&self, error: TaxonomyError) -> TaxonomyError {
        let edge = |child: &str, parent: &str| -> Option<Place> {
            self.label(child)?
                .parents
                .iter()
                .find(|(id, _)| id == parent)
                .map(|&(_, place)| place)
        };
        let place = match &error {
            TaxonomyError::UnknownParent { label, parent } => edge(label, parent),
            TaxonomyError::SelfParent { label } => edge(label, label),
            TaxonomyError::DuplicateId { id } => self.label(id).map(|label| label.place),
            // The line that closed the cycle is the last of its lines.
            TaxonomyError::Cycle { ids } => {
                let parents = ids.iter().cycle().skip(1);
                ids.iter()
                    .zip(parents)
                    .filter_map(|(child, parent)| edge(child, parent))
                    .max()
            }
            _ => None,
        };
        place.map_or(error.clone(), |place| place.locate(error))
    }
}

/// Id of a label that is only known by its path: names joined with `/`, with `/` and `\` inside names escaped by `\`.
pub(super) fn path_id(parent: &str, name: &str) -> String {
    let mut id = String::with_capacity(parent.len() + name.len() + 1);
    id.push_str(parent);
    if !parent.is_empty() {
        id.push('/');
    }
    for character in name.chars() {
        if matches!(character, '/' | '\\') {
            id.push('\\');
        }
        id.push(character);
    }
    id
}
