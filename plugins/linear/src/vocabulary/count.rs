//! Reading a corpus once, numbering its words, and finding out which n-grams become features.
//!
//! The words of the corpus are held as numbers, not as text. N-grams of each length are counted in parts, by hash, so
//! that the table of all n-grams that occur never exists at once: most of them occur once and are dropped.

use rayon::prelude::*;

use super::Vocabulary;
use crate::tables::{Count, Counter, NONE, Pairs, Words, mix, pair};
use crate::tokens::for_each_word;

/// Documents as numbers of words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    words: Vec<u32>,
    /// Document `i` ends here.
    ends: Vec<usize>,
}

impl Text {
    pub(crate) fn n_documents(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn document(&self, document: usize) -> &[u32] {
        let start = if document == 0 {
            0
        } else {
            self.ends[document - 1]
        };
        &self.words[start..self.ends[document]]
    }
}

/// Which n-grams become features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Words of the longest n-grams.
    pub(crate) ngram_max: usize,
    /// Documents that an n-gram must occur in.
    pub(crate) min_df: u32,
    /// Features at most: those that occur most often.
    pub(crate) max_features: usize,
}

/// Documents per unit of parallel work; results do not depend on it.
const DOCUMENTS_PER_UNIT: usize = 64;
/// Bytes of text that are held at once.
const BYTES_AT_ONCE: usize = 8 << 20;
/// Pairs of words that are counted in one part.
const PAIRS_PER_PART: usize = 8 << 20;

/// Takes a corpus, document after document.
#[derive(Debug, Default)]
pub(crate) struct TextReader {
    pending: String,
    pending_ends: Vec<usize>,
    words: Words,
    /// Occurrences, documents and the last document of each word.
    counts: Vec<(u32, u32, u32)>,
    text: Text,
}

/// The corpus has more different words than can be numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the words of the corpus, each written once, take more than 4 GB")]
pub(crate) struct TooManyWords;

impl TextReader {
    pub(crate) fn push(&mut self, text: &str) -> Result<(), TooManyWords> {
        self.pending.push_str(text);
        self.pending_ends.push(self.pending.len());
        if self.pending.len() >= BYTES_AT_ONCE {
            self.work_off()
        } else {
            Ok(())
        }
    }

    /// Numbers the words of the pending documents: each unit on its own, then the units' words one after the other.
    fn work_off(&mut self) -> Result<(), TooManyWords> {
        struct Unit {
            words: Words,
            text: Text,
        }
        let (pending, ends) = (&self.pending, &self.pending_ends);
        let units = ends.len().div_ceil(DOCUMENTS_PER_UNIT);
        let units: Vec<Unit> = (0..units)
            .into_par_iter()
            .map_init(String::new, |buffer, unit| {
                let mut words = Words::default();
                let mut text = Text::default();
                let first = unit * DOCUMENTS_PER_UNIT;
                for document in first..ends.len().min(first + DOCUMENTS_PER_UNIT) {
                    let start = if document == 0 { 0 } else { ends[document - 1] };
                    for_each_word(&pending[start..ends[document]], buffer, |word| {
                        // A unit's words always fit: they come out of a few megabytes of text.
                        text.words.push(words.add(word).unwrap_or(NONE));
                    });
                    text.ends.push(text.words.len());
                }
                Unit { words, text }
            })
            .collect();
        for unit in units {
            let mut numbers = Vec::with_capacity(unit.words.len());
            for local in 0..unit.words.len() as u32 {
                numbers.push(self.words.add(unit.words.word(local)).ok_or(TooManyWords)?);
            }
            self.counts.resize(self.words.len(), (0, 0, NONE));
            for local in 0..unit.text.n_documents() {
                let document = self.text.ends.len() as u32;
                for &word in unit.text.document(local) {
                    let word = numbers[word as usize];
                    self.text.words.push(word);
                    let (occurrences, documents, last) = &mut self.counts[word as usize];
                    *occurrences = occurrences.saturating_add(1);
                    if *last != document {
                        *last = document;
                        *documents += 1;
                    }
                }
                self.text.ends.push(self.text.words.len());
            }
        }
        self.pending.clear();
        self.pending_ends.clear();
        Ok(())
    }

    /// Chooses the features. The text's words are numbered by the vocabulary afterwards, [`NONE`] = too rare.
    pub(crate) fn finish(mut self, limits: Limits) -> Result<(Vocabulary, Text), TooManyWords> {
        self.work_off()?;
        self.pending = String::new();
        let Self {
            words: all_words,
            counts,
            mut text,
            ..
        } = self;

        let mut words = Words::default();
        let mut found = Vec::new();
        let mut numbers = vec![NONE; all_words.len()];
        for (number, &(occurrences, documents, _)) in counts.iter().enumerate() {
            if documents >= limits.min_df {
                numbers[number] = words
                    .add(all_words.word(number as u32))
                    .ok_or(TooManyWords)?;
                found.push(Found {
                    occurrences,
                    documents,
                });
            }
        }
        drop((all_words, counts));
        text.words
            .par_iter_mut()
            .for_each(|word| *word = numbers[*word as usize]);
        drop(numbers);

        let mut grams = Vec::new();
        // N-gram of the current length that starts at each place.
        let mut at: Vec<u32> = if limits.ngram_max > 1 {
            text.words.clone()
        } else {
            Vec::new()
        };
        for length in 2..=limits.ngram_max {
            let counts = count_longer(&text, &at, length, limits.min_df);
            let first = (words.len() + grams.len()) as u32;
            grams.extend(
                counts
                    .iter()
                    .map(|count| ((count.key >> 32) as u32, count.key as u32)),
            );
            found.extend(counts.iter().map(|count| Found {
                occurrences: count.occurrences,
                documents: count.documents,
            }));
            if length < limits.ngram_max {
                let longer = Pairs::new(
                    counts
                        .iter()
                        .enumerate()
                        .map(|(number, count)| (count.key, first + number as u32)),
                );
                at = extend(&text, &at, length, &longer);
            }
        }
        drop(at);

        let (features, idf) = choose(&found, text.n_documents(), limits.max_features);
        let vocabulary = Vocabulary::from_parts(words, grams, features, idf, limits.ngram_max)
            .expect("features and n-grams were numbered above");
        Ok((vocabulary, text))
    }
}

struct Found {
    occurrences: u32,
    documents: u32,
}

/// Counts the n-grams of `length` words whose first words are the n-grams `at` and whose last word is frequent;
/// those in enough documents, in order of their keys.
fn count_longer(text: &Text, at: &[u32], length: usize, min_df: u32) -> Vec<Count> {
    let parts = (at.len() / PAIRS_PER_PART + 1).max(rayon::current_num_threads());
    let mut counts: Vec<Count> = (0..parts)
        .into_par_iter()
        .flat_map_iter(|part| {
            let mut counter = Counter::new(at.len() / parts / 8);
            for_each_longer(text, at, length, |document, _, key| {
                let hash = mix(key);
                if ((hash >> 40) * parts as u64) >> 24 == part as u64 {
                    counter.count(key, hash, document);
                }
            });
            counter.into_frequent(min_df)
        })
        .collect();
    counts.par_sort_unstable_by_key(|count| count.key);
    counts
}

/// The n-grams of `length` words at each place.
fn extend(text: &Text, at: &[u32], length: usize, longer: &Pairs) -> Vec<u32> {
    let mut extended = vec![NONE; at.len()];
    for_each_longer(text, at, length, |_, place, key| {
        extended[place] = longer.find(key)
    });
    extended
}

/// Calls `found` with document, place and key of every candidate of `length` words.
fn for_each_longer(text: &Text, at: &[u32], length: usize, mut found: impl FnMut(u32, usize, u64)) {
    let mut start = 0;
    for (document, &end) in text.ends.iter().enumerate() {
        for place in start..end.saturating_sub(length - 1) {
            let (first, last) = (at[place], text.words[place + length - 1]);
            if first != NONE && last != NONE {
                found(document as u32, place, pair(first, last));
            }
        }
        start = end;
    }
}

/// Feature of each n-gram, and the features' inverse document frequencies.
///
/// The most frequent feature gets the lowest number: what is needed most lies together in memory.
fn choose(found: &[Found], n_documents: usize, max_features: usize) -> (Vec<u32>, Vec<f32>) {
    let mut chosen: Vec<u32> = (0..found.len() as u32).collect();
    if chosen.len() > max_features {
        chosen.sort_by_key(|&node| std::cmp::Reverse(found[node as usize].occurrences));
        chosen.truncate(max_features);
    }
    chosen.sort_unstable_by_key(|&node| (std::cmp::Reverse(found[node as usize].documents), node));
    let mut features = vec![NONE; found.len()];
    let mut idf = Vec::with_capacity(chosen.len());
    for (feature, &node) in chosen.iter().enumerate() {
        features[node as usize] = feature as u32;
        let documents = f64::from(found[node as usize].documents);
        idf.push((((1.0 + n_documents as f64) / (1.0 + documents)).ln() + 1.0) as f32);
    }
    (features, idf)
}
