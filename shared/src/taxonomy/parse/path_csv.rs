//! Path-CSV: one path a row, one level a column, short paths padded with empty cells.
//!
//! A label is identified by its path, so names may repeat under different parents.

use super::super::{ROOT, TaxonomyError};
use super::cells::{Cell, records, separator};
use super::{Draft, MAX_DEPTH, path_id};

fn starts_with_root(row: &[Cell]) -> bool {
    row.first().is_some_and(|cell| cell.text == ROOT)
}

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), TaxonomyError> {
    let mut rows = records(text, separator(text))?;
    rows.retain(|row| row.iter().any(|cell| !cell.text.is_empty()));
    let is_header = |row: &Vec<Cell>| {
        row.iter()
            .all(|cell| cell.text.is_empty() || is_heading(&cell.text))
    };
    if rows.len() > 1 && rows.first().is_some_and(is_header) {
        draft.note("the first row was taken as a header");
        rows.remove(0);
    }
    if !rows.is_empty() && rows.iter().all(|row| starts_with_root(row)) {
        draft.note("the first column says `Root` everywhere and was ignored");
        for row in &mut rows {
            row.remove(0);
        }
    }
    for row in &rows {
        let used = row
            .iter()
            .rposition(|cell| !cell.text.is_empty())
            .map_or(0, |last| last + 1);
        // Ids are paths: long ones would cost their square.
        if let Some(cell) = row.get(MAX_DEPTH).filter(|_| used > MAX_DEPTH) {
            let expected = format!("at most {MAX_DEPTH} levels");
            return Err(cell
                .place
                .syntax(format!("a path of {used} levels"), expected));
        }
        let mut above: Option<String> = None;
        let mut is_new = used == 0;
        for cell in row.iter().take(used) {
            if cell.text.is_empty() {
                return Err(cell.place.syntax(
                    "an empty cell before the end of the path",
                    "the name of this level",
                ));
            }
            let id = path_id(above.as_deref().unwrap_or_default(), &cell.text);
            if draft.find(&id).is_none() {
                let label = draft.introduce(&id, &cell.text, cell.place);
                draft.connect(label, above.as_deref(), cell.place);
                is_new = true;
            }
            above = Some(id);
        }
        // A row may repeat a path, or name an inner label of its own: both say nothing new.
        if !is_new && draft.notes.iter().all(|note| note != REPEATED) {
            draft.note(REPEATED);
        }
    }
    Ok(())
}

const REPEATED: &str = "some rows repeat a path that other rows already gave; they were taken once";

/// `level 1`, `l2`, `category_3`, or a bare word such as `label`.
fn is_heading(cell: &str) -> bool {
    const NUMBERED: [&str; 9] = [
        "level", "lvl", "l", "depth", "tier", "category", "cat", "label", "topic",
    ];
    const BARE: [&str; 7] = [
        "label",
        "labels",
        "path",
        "category",
        "subcategory",
        "topic",
        "subtopic",
    ];
    let cell = cell.trim().to_lowercase();
    let word = cell.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered =
        word.len() < cell.len() && NUMBERED.contains(&word.trim_end_matches([' ', '_', '-', '.']));
    numbered || BARE.contains(&cell.as_str())
}
