//! Path-CSV: one path a row, one level a column, short paths padded with empty cells.
//!
//! A label is identified by its path, so names may repeat under different parents. Quoting follows RFC 4180;
//! the separator is the comma or the semicolon (or TAB), whichever the first row has more of.

use super::super::{ROOT, TaxonomyError};
use super::{Draft, Place, path_id};

struct Cell {
    text: String,
    place: Place,
}

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

fn separator(text: &str) -> char {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let mut quoted = false;
    let mut counts = [(',', 0_usize), (';', 0), ('\t', 0)];
    for character in first.chars() {
        quoted ^= character == '"';
        if let Some(entry) = counts
            .iter_mut()
            .find(|entry| !quoted && entry.0 == character)
        {
            entry.1 += 1;
        }
    }
    // The first of the largest: the comma wins ties.
    counts
        .into_iter()
        .rev()
        .max_by_key(|&(_, count)| count)
        .map_or(',', |(separator, _)| separator)
}

/// Cuts the text into rows of unquoted cells, trimmed.
fn records(text: &str, separator: char) -> Result<Vec<Vec<Cell>>, TaxonomyError> {
    let mut reader = Reader {
        rows: vec![Vec::new()],
        place: Place { line: 1, column: 1 },
        start: Place { line: 1, column: 1 },
        cell: String::new(),
    };
    let mut characters = text.chars().peekable();
    let mut quote: Option<Place> = None;
    let mut after_quote = false;
    while let Some(character) = characters.next() {
        let here = reader.place;
        reader.advance(character);
        if quote.is_some() {
            if character != '"' {
                reader.cell.push(character);
            } else if characters.peek() == Some(&'"') {
                characters.next();
                reader.advance('"');
                reader.cell.push('"');
            } else {
                quote = None;
                after_quote = true;
            }
            continue;
        }
        match character {
            '"' if reader.cell.trim().is_empty() && !after_quote => {
                reader.cell.clear();
                quote = Some(here);
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                reader.end_cell();
                reader.rows.push(Vec::new());
                after_quote = false;
            }
            _ if character == separator => {
                reader.end_cell();
                after_quote = false;
            }
            _ if after_quote && !character.is_whitespace() => {
                return Err(here.syntax(
                    format!("`{character}` after a closing quote"),
                    format!("`{separator}` or the end of the row"),
                ));
            }
            _ => reader.cell.push(character),
        }
    }
    if let Some(place) = quote {
        return Err(place.syntax("a quote that is never closed", "a closing quote"));
    }
    reader.end_cell();
    Ok(reader.rows)
}

struct Reader {
    rows: Vec<Vec<Cell>>,
    /// Where the next character stands.
    place: Place,
    /// Where the current cell starts.
    start: Place,
    cell: String,
}

impl Reader {
    fn advance(&mut self, character: char) {
        if character == '\n' {
            self.place = Place {
                line: self.place.line + 1,
                column: 1,
            };
        } else {
            self.place.column += character.len_utf8() as u64;
        }
    }

    fn end_cell(&mut self) {
        let text = self.cell.trim().to_owned();
        self.cell.clear();
        if let Some(row) = self.rows.last_mut() {
            row.push(Cell {
                text,
                place: self.start,
            });
        }
        self.start = self.place;
    }
}
