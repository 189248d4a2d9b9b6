//! How a file of word vectors begins: whether it is text at all, whether it has a header, how long its vectors are.

use super::line::{count_fields, field, fields_from_the_end, number};

/// Lines that are looked at to find the length of a vector, besides a header.
pub const SAMPLE: usize = 100;

/// What the first lines say about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Where the first vector's line begins.
    pub start: usize,
    /// Number of that line, from 1.
    pub first_line: usize,
    /// Length of a vector.
    pub width: usize,
    /// Number of words by the header.
    pub n_words: Option<usize>,
}

impl Outline {
    /// Looks at the beginning of a file: its first [`SAMPLE`] lines have to be there.
    ///
    /// # Errors
    /// When there are no vectors, the header says something else than the lines, or the file is packed.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        if let Some(format) = packed(bytes) {
            return Err(format!(
                "the file is packed ({format}); unpack it first: expected text, a word and its numbers a line"
            ));
        }
        let mark = b"\xef\xbb\xbf";
        let start = if bytes.starts_with(mark) {
            mark.len()
        } else {
            0
        };
        let first = first_line(&bytes[start..]);
        let (start, first_line, header) = match header(first) {
            Some(header) => (bytes.len().min(start + first.len() + 1), 2, Some(header)),
            None => (start, 1, None),
        };
        let found = common_width(&bytes[start..]);
        let width = match (header, found) {
            (_, None) => {
                return Err(
                    "the first lines hold no vector; expected a word and numbers, parted by blanks"
                        .to_owned(),
                );
            }
            (Some((_, promised)), Some(found)) if promised != found => {
                return Err(format!(
                    "line 1: found {promised} as the length of a vector, and vectors of {found} numbers after it"
                ));
            }
            (_, Some(found)) => found,
        };
        Ok(Self {
            start,
            first_line,
            width,
            n_words: header.map(|(n_words, _)| n_words),
        })
    }
}

/// The formats in which such files are handed around, by their first bytes.
fn packed(bytes: &[u8]) -> Option<&'static str> {
    let formats: [(&str, &[u8]); 4] = [
        ("gzip", b"\x1f\x8b"),
        ("zip", b"PK\x03\x04"),
        ("xz", b"\xfd7zXZ\0"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
    ];
    let found = formats.iter().find(|(_, magic)| bytes.starts_with(magic));
    found.map(|(format, _)| *format)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    &bytes[..end.unwrap_or(bytes.len())]
}

/// "400000 300": number of words and length of a vector.
fn header(line: &[u8]) -> Option<(usize, usize)> {
    if count_fields(line) != 2 {
        return None;
    }
    let mut fields = fields_from_the_end(line).map(|start| {
        std::str::from_utf8(field(&line[start..]))
            .ok()?
            .parse()
            .ok()
    });
    let width = fields.next()??;
    Some((fields.next()??, width))
}

/// The length that most of the first lines have. One line may be broken, and one whose word is numbers and blanks looks
/// longer than it is.
fn common_width(bytes: &[u8]) -> Option<usize> {
    let mut counts: Vec<(usize, usize)> = Vec::new();
    let lines = bytes.split(|byte| *byte == b'\n').take(SAMPLE);
    for width in lines.map(width).filter(|width| *width > 0) {
        match counts.iter_mut().find(|(known, _)| *known == width) {
            Some((_, count)) => *count += 1,
            None => counts.push((width, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    let first = counts.iter().find(|(_, count)| *count == most);
    first.map(|(width, _)| *width)
}

/// Numbers at the end of a line, of which the first field is none.
fn width(line: &[u8]) -> usize {
    let numbers = fields_from_the_end(line)
        .take_while(|start| number(field(&line[*start..])).is_some())
        .count();
    numbers.min(count_fields(line).saturating_sub(1))
}
