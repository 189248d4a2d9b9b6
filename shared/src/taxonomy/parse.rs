//! Reading taxonomies from the files that people have.
//!
//! Every format ends in one [`Draft`] of labels and edges that remember where they stood, so that faults of the
//! hierarchy (a cycle, a parent that does not exist) are reported with line and column as well. The order of lines
//! never matters, except that labels keep the order in which they are introduced.

mod json;
mod path_csv;
mod tabbed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{LabelDetails, NewLabel, ROOT, Taxonomy, TaxonomyError};

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
    /// The canonical form, nested objects with `children`, or objects of objects.
    Json,
}

impl TaxonomyFormat {
    /// All formats, in the order in which they are listed to people.
    pub const ALL: [Self; 4] = [Self::Tsv, Self::Taxonomy, Self::PathCsv, Self::Json];

    /// The word on the command line and in `?format=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tsv => "tsv",
            Self::Taxonomy => "taxonomy",
            Self::PathCsv => "path_csv",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for TaxonomyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no taxonomy format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found the taxonomy format `{0}`, expected one of tsv, taxonomy, path_csv, json")]
pub struct UnknownTaxonomyFormat(pub String);

impl FromStr for TaxonomyFormat {
    type Err = UnknownTaxonomyFormat;

    fn from_str(word: &str) -> Result<Self, UnknownTaxonomyFormat> {
        let known = Self::ALL.into_iter().find(|format| format.as_str() == word);
        known.ok_or_else(|| UnknownTaxonomyFormat(word.to_owned()))
    }
}

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
    let format = format.unwrap_or_else(|| detect(text));
    let mut draft = Draft::default();
    match format {
        TaxonomyFormat::Tsv => tabbed::child_parent(text, &mut draft)?,
        TaxonomyFormat::Taxonomy => tabbed::parent_children(text, &mut draft)?,
        TaxonomyFormat::PathCsv => path_csv::read(text, &mut draft)?,
        TaxonomyFormat::Json => json::read(text, &mut draft)?,
    }
    let (taxonomy, notes) = draft.finish()?;
    Ok(ParsedTaxonomy {
        taxonomy,
        format,
        notes,
    })
}

/// The text without byte order mark.
fn decode_utf8(bytes: &[u8]) -> Result<&str, TaxonomyError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (before, from) = bytes.split_at(error.valid_up_to());
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let place = Place {
            line,
            column: (before.len() - line_start) as u64 + 1,
        };
        let byte = from.first().copied().unwrap_or_default();
        place.syntax(format!("the byte 0x{byte:02X}"), "UTF-8 text")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// JSON by its first character, TAB formats by where `Root` stands, else path-CSV.
fn detect(text: &str) -> TaxonomyFormat {
    if text.trim_start().starts_with(['{', '[']) {
        return TaxonomyFormat::Json;
    }
    let rows = || text.lines().filter(|line| !line.trim().is_empty());
    if !rows().next().is_some_and(|line| line.contains('\t')) {
        return TaxonomyFormat::PathCsv;
    }
    let root_first = rows().any(|line| line.split('\t').next() == Some(ROOT));
    if root_first {
        TaxonomyFormat::Taxonomy
    } else {
        TaxonomyFormat::Tsv
    }
}

/// A position in the file, both counted from 1; columns in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u64,
    column: u64,
}

impl Place {
    fn syntax(self, found: impl Into<String>, expected: impl Into<String>) -> TaxonomyError {
        TaxonomyError::Syntax {
            line: self.line,
            column: self.column,
            found: found.into(),
            expected: expected.into(),
        }
    }

    fn locate(self, error: TaxonomyError) -> TaxonomyError {
        TaxonomyError::Located {
            line: self.line,
            column: self.column,
            error: Box::new(error),
        }
    }
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
fn path_id(parent: &str, name: &str) -> String {
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
