//! Annif's vocabularies: a row for each subject, without a hierarchy.

use super::super::{LabelDetails, LabelName, NameKind, TaxonomyError, iri};
use super::cells::{Cell, records, separator};
use super::{Draft, Place};

/// Stands for "nobody said" where a language has to stand.
const UNDETERMINED: &str = "und";
const FLAT: &str = "the file has no hierarchy: all labels are below the root";

/// An IRI, with or without angle brackets.
fn uri(text: &str) -> Option<&str> {
    let bare = match text.strip_prefix('<') {
        Some(rest) => rest.strip_suffix('>')?,
        None => text,
    };
    let is_iri = bare.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.len() > 1
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
    });
    (is_iri && !bare.contains(char::is_whitespace)).then_some(bare)
}

/// Whether a line is `<URI><TAB>label` or has a notation as well.
pub(super) fn is_row(line: &str) -> bool {
    let mut fields = line.trim_end_matches('\r').split('\t');
    let first = fields.next().unwrap_or_default();
    let others = fields.count();
    let is_sure = first.starts_with('<') || first.starts_with("http") || first.starts_with("urn:");
    is_sure && uri(first).is_some() && (1..=2).contains(&others)
}

/// Whether the first row is a header with `uri` and a language.
pub(super) fn is_csv(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|first| {
        let lower = first.to_ascii_lowercase();
        let mut cells = lower
            .split([',', ';', '\t'])
            .map(|cell| cell.trim().trim_matches('"'));
        cells.next() == Some("uri")
            && cells.all(|cell| cell == "notation" || cell.starts_with("label_"))
    })
}

/// `<URI><TAB>label[<TAB>notation]`.
pub(super) fn tsv(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    for (line, content) in (1..).zip(text.split('\n')) {
        let content = content.strip_suffix('\r').unwrap_or(content);
        if content.trim().is_empty() {
            continue;
        }
        let place = Place { line, column: 1 };
        let mut fields = content.split('\t');
        let id = fields.next().unwrap_or_default();
        let id = uri(id).ok_or_else(|| place.syntax(format!("`{id}`"), "the URI of a label"))?;
        let Some(name) = fields.next().filter(|name| !name.trim().is_empty()) else {
            return Err(place.syntax("a URI alone", "a TAB and the name of the label after it"));
        };
        let details = LabelDetails {
            notation: fields.next().unwrap_or_default().to_owned(),
            ..LabelDetails::default()
        };
        if fields.next().is_some() {
            return Err(place.syntax("more than 3 fields", "URI, name and notation"));
        }
        subject(draft, id, name, place, details)?;
    }
    draft.note(FLAT);
    Ok(())
}

/// A header with `uri`, `notation` and a column for each language; a row without any name is a deprecated subject.
pub(super) fn csv(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    let mut rows = records(text, separator(text))?;
    rows.retain(|row| row.iter().any(|cell| !cell.text.is_empty()));
    let Some((header, rows)) = rows.split_first() else {
        return Ok(());
    };
    let header = columns(header)?;
    for row in rows {
        let place = row.first().map(|cell| cell.place).unwrap_or_default();
        if row.len() > header.len() {
            let found = format!("{} cells", row.len());
            return Err(place.syntax(found, format!("{}, as in the header", header.len())));
        }
        let mut id = "";
        let mut details = LabelDetails::default();
        let mut name: Option<&str> = None;
        for (column, cell) in header
            .iter()
            .zip(row)
            .filter(|(_, cell)| !cell.text.is_empty())
        {
            match column {
                Column::Uri => {
                    id = uri(&cell.text).ok_or_else(|| {
                        cell.place
                            .syntax(format!("`{}`", cell.text), "the URI of a label")
                    })?;
                }
                Column::Notation => details.notation.clone_from(&cell.text),
                Column::Name(language) if name.is_none() => {
                    name = Some(&cell.text);
                    details.language.clone_from(language);
                }
                Column::Name(language) => details.names.push(LabelName {
                    name: cell.text.clone(),
                    language: language.clone(),
                    kind: NameKind::Preferred,
                }),
            }
        }
        if id.is_empty() {
            return Err(place.syntax("an empty cell", "the URI of a label"));
        }
        details.deprecated = name.is_none();
        let name = name.unwrap_or(match details.notation.as_str() {
            "" => iri::last_part(id),
            notation => notation,
        });
        let name = name.to_owned();
        subject(draft, id, &name, place, details)?;
    }
    draft.note(FLAT);
    Ok(())
}

enum Column {
    Uri,
    Notation,
    /// Names in a language; empty where it is undetermined.
    Name(String),
}

fn columns(header: &[Cell]) -> Result<Vec<Column>, TaxonomyError> {
    let mut columns = Vec::with_capacity(header.len());
    for cell in header {
        let word = cell.text.to_ascii_lowercase();
        columns.push(match (word.as_str(), word.strip_prefix("label_")) {
            ("uri", _) => Column::Uri,
            ("notation", _) => Column::Notation,
            (_, Some(UNDETERMINED)) => Column::Name(String::new()),
            // As it is written: `pt-BR`.
            (_, Some(language)) if !language.is_empty() => Column::Name(
                cell.text
                    .get("label_".len()..)
                    .unwrap_or(language)
                    .to_owned(),
            ),
            _ => {
                let found = format!("the column `{}`", cell.text);
                return Err(cell
                    .place
                    .syntax(found, "`uri`, `notation` or `label_` and a language"));
            }
        });
    }
    if !columns.iter().any(|column| matches!(column, Column::Uri)) {
        let place = header.first().map(|cell| cell.place).unwrap_or_default();
        return Err(place.syntax("no column `uri`", "one in the header"));
    }
    Ok(columns)
}

fn subject(
    draft: &mut Draft,
    uri: &str,
    name: &str,
    place: Place,
    details: LabelDetails,
) -> Result<(), TaxonomyError> {
    let id = iri::to_id(uri);
    if draft.find(&id).is_some() {
        return Err(place.duplicate(id));
    }
    let label = draft.introduce(&id, name, place);
    draft.connect(label, None, place);
    if !details.is_empty() {
        draft.describe(label, details);
    }
    Ok(())
}
