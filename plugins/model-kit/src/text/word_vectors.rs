//! Word vectors in the text format of `GloVe`, fastText and word2vec (METHODS 1.4).
//!
//! The file is mapped into memory and gone through once, in parts on all threads, for its words and where their numbers
//! begin; only the numbers of words that a vocabulary asks for are read as numbers. How a line is taken apart and how a
//! file begins is `shared::word_vectors`, by which the server checks uploads too.

mod coverage;
mod scan;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use arborist_plugin_api::Host;
use arborist_shared::word_vectors::{Outline, read_numbers};
use memchr::memchr;

pub use self::coverage::Coverage;
use self::scan::Place;
use super::Vocabulary;
use crate::cpu::parallel;
use crate::error::KitError;
use crate::mapped::MappedFile;
use crate::word_table::WordTable;

/// Bytes of the file that one thread goes through at a time.
const PART: usize = 4 << 20;
/// Vectors between two looks at the host.
const ROWS: usize = 4_096;

/// A file of word vectors: a word and its numbers a line.
///
/// Words are lower-cased as texts are. Of several lines with one word, the first counts that has it in lower case, or
/// else the first.
#[derive(Debug)]
pub struct WordVectors {
    file: MappedFile,
    width: usize,
    words: Vec<(Box<str>, Place)>,
}

impl WordVectors {
    /// Finds the words of a file.
    ///
    /// # Errors
    /// When the file cannot be read, holds no vectors, or has a line with too few numbers; when the host asks to stop.
    pub fn open(path: &Path, host: &Host<'_>) -> Result<Self, KitError> {
        Self::open_in_parts(path, host, PART)
    }

    fn open_in_parts(path: &Path, host: &Host<'_>, part: usize) -> Result<Self, KitError> {
        let file = MappedFile::open(path)?;
        let outline = Outline::of(file.bytes()).map_err(|reason| KitError::broken(path, reason))?;
        let progress = Progress::new(host, "finding words in the vectors", file.bytes().len());
        let found = scan::words(&file, &outline, part, &progress)?;
        if let Some(expected) = outline.n_words.filter(|expected| found.n_lines < *expected) {
            host.warning(format!(
                "{}: the first line promises {expected} words and {} are there; the file may be cut off",
                path.display(),
                found.n_lines
            ));
        }
        if let Some(line) = found.first_not_utf8 {
            host.warning(format!(
                "{}: {} words are not UTF-8, the first on line {line}; what cannot be read in them is replaced",
                path.display(),
                found.n_not_utf8
            ));
        }
        Ok(Self {
            width: outline.width,
            words: found.words,
            file,
        })
    }

    /// Length of a vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Each word once, in the order of the file.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(word, _)| word.as_ref())
    }

    /// Puts the vectors of the vocabulary's words into their rows, and returns those words' ids in the order of the file.
    ///
    /// # Errors
    /// When something on a line of these words is not a finite number; when the host asks to stop.
    pub fn fill(
        &self,
        table: &WordTable,
        vocabulary: &Vocabulary,
        host: &Host<'_>,
    ) -> Result<Vec<u32>, KitError> {
        let wanted: Vec<(u32, Place)> = self
            .words
            .iter()
            .filter_map(|(word, place)| Some((vocabulary.known_id(word)?, *place)))
            .collect();
        let progress = Progress::new(host, "reading vectors", wanted.len());
        let mut values = vec![0.0; self.width * ROWS.min(wanted.len())];
        for wanted in wanted.chunks(ROWS) {
            if host.is_cancelled() {
                return Err(KitError::Cancelled);
            }
            let values = &mut values[..wanted.len() * self.width];
            self.read(wanted, values)?;
            let ids: Vec<u32> = wanted.iter().map(|(id, _)| *id).collect();
            table.set_rows(&ids, values);
            progress.advance(wanted.len());
        }
        Ok(wanted.into_iter().map(|(id, _)| id).collect())
    }

    /// Reads vectors on all threads.
    fn read(&self, wanted: &[(u32, Place)], values: &mut [f32]) -> Result<(), KitError> {
        let ranges = parallel::ranges(wanted.len(), 16);
        let mut results: Vec<Result<(), String>> = vec![Ok(()); ranges.len()];
        let tasks = ranges
            .iter()
            .map(|range| &wanted[range.clone()])
            .zip(parallel::split_rows(values, &ranges, self.width))
            .zip(&mut results)
            .collect();
        type Task<'a> = (
            (&'a [(u32, Place)], &'a mut [f32]),
            &'a mut Result<(), String>,
        );
        parallel::run(tasks, |((wanted, values), result): Task<'_>| {
            let rows = wanted.iter().zip(values.chunks_exact_mut(self.width));
            for ((_, place), row) in rows {
                let numbers = &self.file.bytes()[place.numbers..];
                let end = memchr(b'\n', numbers).unwrap_or(numbers.len());
                if let Err(reason) = read_numbers(&numbers[..end], row) {
                    *result = Err(format!("line {}: {reason}", place.line));
                    return;
                }
            }
        });
        results
            .into_iter()
            .collect::<Result<(), String>>()
            .map_err(|reason| KitError::broken(self.file.path(), reason))
    }
}

/// Tells the host how far the work is, from any thread, now and then.
struct Progress<'a> {
    host: &'a Host<'a>,
    step: &'static str,
    total: u64,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    now: u64,
    told: u64,
}

impl<'a> Progress<'a> {
    fn new(host: &'a Host<'a>, step: &'static str, total: usize) -> Self {
        Self {
            host,
            step,
            total: total as u64,
            done: Mutex::default(),
        }
    }

    fn advance(&self, by: usize) {
        // The host hears under the lock, so that the numbers only rise.
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.now += by as u64;
        if done.now == self.total || (done.now - done.told) * 50 >= self.total {
            done.told = done.now;
            self.host.step(self.step, done.now, self.total);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.host.is_cancelled()
    }
}
