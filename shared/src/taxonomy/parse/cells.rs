//! Rows of cells: CSV as RFC 4180 has it, with the place of every cell.
//!
//! The separator is the comma or the semicolon (or TAB), whichever the first row has more of.

use super::super::TaxonomyError;
use super::Place;

/// A cell without quotes and blanks around it.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) place: Place,
}

/// What stands between cells.
pub(super) fn separator(text: &str) -> char {
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
pub(super) fn records(text: &str, separator: char) -> Result<Vec<Vec<Cell>>, TaxonomyError> {
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
