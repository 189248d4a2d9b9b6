//! One line: which bytes are the word, and what its numbers are.

/// Length of an excerpt in a message, in characters.
const EXCERPT: usize = 40;

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing but white space.
    Blank,
    /// Numbers without a word, behind a blank: no text has the empty word.
    Nameless,
    /// A word, which may hold blanks itself, and where its numbers begin.
    Word {
        /// The word, whose bytes need not be UTF-8.
        word: &'a [u8],
        /// Offset in the line.
        numbers: usize,
    },
    /// Fewer fields than a word and its numbers.
    Short {
        /// Fields there are.
        fields: usize,
    },
}

/// White space of ASCII parts fields; that of other scripts may belong to a word.
fn is_blank(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

/// Takes a line apart, given how many numbers a vector has.
#[must_use]
pub fn take_apart(line: &[u8], width: usize) -> Line<'_> {
    let fields = count_fields(line);
    let starts_blank = line.first().copied().is_none_or(is_blank);
    if fields == 0 {
        return Line::Blank;
    }
    if fields <= width {
        return if fields == width && starts_blank {
            Line::Nameless
        } else {
            Line::Short { fields }
        };
    }
    let numbers = if fields == width + 1 && !starts_blank {
        line.iter().position(|byte| is_blank(*byte))
    } else {
        // The numbers are the last fields, whatever comes before them.
        fields_from_the_end(line).nth(width - 1)
    };
    let numbers = numbers.unwrap_or(line.len());
    Line::Word {
        word: line[..numbers].trim_ascii(),
        numbers,
    }
}

/// Number of fields. Written so that the compiler makes vector instructions of it: every byte of a file passes here.
pub(super) fn count_fields(line: &[u8]) -> usize {
    let Some((first, rest)) = line.split_first() else {
        return 0;
    };
    // No sum in a byte can overflow: a field takes two bytes.
    const CHUNK: usize = 256;
    let starts: usize = line
        .chunks(CHUNK)
        .zip(rest.chunks(CHUNK))
        .map(|(before, here)| {
            let starts = before
                .iter()
                .zip(here)
                .map(|(before, here)| u8::from(is_blank(*before) & !is_blank(*here)));
            usize::from(starts.sum::<u8>())
        })
        .sum();
    starts + usize::from(!is_blank(*first))
}

/// Where the fields of a line begin, the last one first.
pub(super) fn fields_from_the_end(line: &[u8]) -> impl Iterator<Item = usize> {
    let mut end = line.len();
    std::iter::from_fn(move || {
        let last = line[..end].iter().rposition(|byte| !is_blank(*byte))?;
        let start = line[..last]
            .iter()
            .rposition(|byte| is_blank(*byte))
            .map_or(0, |blank| blank + 1);
        end = start;
        Some(start)
    })
}

/// The field at the beginning of `bytes`.
pub(super) fn field(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| is_blank(*byte));
    &bytes[..end.unwrap_or(bytes.len())]
}

/// A number, finite or not.
pub(super) fn number(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Reads as many numbers as `values` has places, from the rest of a line.
///
/// # Errors
/// Names what is no finite number.
pub fn read_numbers(line: &[u8], values: &mut [f32]) -> Result<(), String> {
    // Once for the line: looking at each field would take as long as reading its number.
    let text = std::str::from_utf8(line).unwrap_or_default();
    let mut end = 0;
    for value in values {
        let start = end + blanks(&line[end..]);
        end = start + field(&line[start..]).len();
        let number = text.get(start..end).and_then(|field| field.parse().ok());
        *value = match number {
            Some(number) if f32::is_finite(number) => number,
            Some(_) => {
                return Err(format!(
                    "found `{}`, expected a finite number of single precision",
                    excerpt(&line[start..end])
                ));
            }
            None => {
                return Err(format!(
                    "found `{}`, expected a number",
                    excerpt(&line[start..end])
                ));
            }
        };
    }
    Ok(())
}

/// Length of the blanks at the beginning of `bytes`.
fn blanks(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| !is_blank(*byte))
        .unwrap_or(bytes.len())
}

/// The beginning of a field, for a message.
fn excerpt(field: &[u8]) -> String {
    String::from_utf8_lossy(field)
        .chars()
        .take(EXCERPT)
        .collect()
}
