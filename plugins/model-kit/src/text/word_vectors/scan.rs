//! The way through a file: its words in order, each with the place of its numbers.
//!
//! Where a part begins depends on the file alone and parts are put together in their order, so that the number of
//! threads changes nothing.

use std::ops::Range;

use arborist_shared::word_vectors::{Line, Outline, take_apart};
use memchr::memchr;
use rustc_hash::FxHashMap;

use super::Progress;
use crate::cpu::parallel;
use crate::error::KitError;
use crate::mapped::MappedFile;
use crate::text::cleaning::lower_case;

/// Where a word's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Offset in the file.
    pub(super) numbers: usize,
    /// Line of the file, from 1.
    pub(super) line: usize,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Each word once, in the order of the file.
    pub(super) words: Vec<(Box<str>, Place)>,
    /// Lines with vectors.
    pub(super) n_lines: usize,
    pub(super) n_not_utf8: usize,
    pub(super) first_not_utf8: Option<usize>,
}

/// What a part of a file holds. Lines are counted from its beginning.
#[derive(Debug, Default)]
struct Part {
    /// Words, lower-cased, one behind the other.
    text: String,
    entries: Vec<Entry>,
    n_lines: usize,
    n_vectors: usize,
    n_not_utf8: usize,
    first_not_utf8: Option<usize>,
    /// The first line that is none, and how many fields it has.
    short: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// End of the word in the part's text.
    end: usize,
    place: Place,
    /// Whether the file has the word in lower case.
    verbatim: bool,
}

/// Goes through the file in parts of about `part` bytes.
pub(super) fn words(
    file: &MappedFile,
    outline: &Outline,
    part: usize,
    progress: &Progress<'_>,
) -> Result<Found, KitError> {
    let bytes = file.bytes();
    let ranges = ranges(bytes, outline.start, part);
    let mut parts: Vec<Option<Part>> = ranges.iter().map(|_| None).collect();
    progress.advance(outline.start);
    let tasks = ranges.into_iter().zip(&mut parts).collect();
    parallel::run(tasks, |(range, part): (Range<usize>, &mut Option<Part>)| {
        if !progress.is_cancelled() {
            let length = range.len();
            *part = Some(Part::read(bytes, range, outline.width));
            progress.advance(length);
        }
    });
    let parts: Option<Vec<Part>> = parts.into_iter().collect();
    join(&parts.ok_or(KitError::Cancelled)?, outline)
        .map_err(|reason| KitError::broken(file.path(), reason))
}

/// Cuts the file behind ends of lines.
fn ranges(bytes: &[u8], mut start: usize, part: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    while start < bytes.len() {
        let least = (start + part).min(bytes.len());
        let end = memchr(b'\n', &bytes[least..]).map_or(bytes.len(), |newline| least + newline + 1);
        ranges.push(start..end);
        start = end;
    }
    ranges
}

impl Part {
    fn read(bytes: &[u8], range: Range<usize>, width: usize) -> Self {
        let mut part = Self::default();
        let mut word_text = String::new();
        let mut start = range.start;
        while start < range.end {
            let rest = &bytes[start..range.end];
            let length = memchr(b'\n', rest).unwrap_or(rest.len());
            match take_apart(&rest[..length], width) {
                Line::Blank => {}
                Line::Nameless => part.n_vectors += 1,
                Line::Word { word, numbers } => {
                    part.n_vectors += 1;
                    let text = String::from_utf8_lossy(word);
                    if std::str::from_utf8(word).is_err() {
                        part.n_not_utf8 += 1;
                        part.first_not_utf8.get_or_insert(part.n_lines);
                    }
                    lower_case(&text, &mut word_text);
                    part.text.push_str(&word_text);
                    part.entries.push(Entry {
                        end: part.text.len(),
                        place: Place {
                            numbers: start + numbers,
                            line: part.n_lines,
                        },
                        verbatim: text == word_text,
                    });
                }
                Line::Short { fields } => {
                    part.short = Some((part.n_lines, fields));
                    return part;
                }
            }
            part.n_lines += 1;
            start += length + 1;
        }
        part
    }

    /// Words with their entries.
    fn words(&self) -> impl Iterator<Item = (&str, Entry)> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let word = &self.text[start..entry.end];
            start = entry.end;
            (word, *entry)
        })
    }
}

fn join(parts: &[Part], outline: &Outline) -> Result<Found, String> {
    let mut found = Found::default();
    let mut line = outline.first_line;
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let mut verbatim = Vec::new();
    for part in parts {
        for (word, entry) in part.words() {
            let place = Place {
                line: line + entry.place.line,
                ..entry.place
            };
            let known = *places.entry(word).or_insert(found.words.len());
            if known == found.words.len() {
                found.words.push((word.into(), place));
                verbatim.push(entry.verbatim);
            } else if entry.verbatim && !verbatim[known] {
                found.words[known].1 = place;
                verbatim[known] = true;
            }
        }
        if let Some((broken, fields)) = part.short {
            return Err(format!(
                "line {}: found {fields} fields, expected a word and {} numbers",
                line + broken,
                outline.width
            ));
        }
        found.n_lines += part.n_vectors;
        found.n_not_utf8 += part.n_not_utf8;
        let first = part.first_not_utf8.map(|first| line + first);
        found.first_not_utf8 = found.first_not_utf8.or(first);
        line += part.n_lines;
    }
    Ok(found)
}
