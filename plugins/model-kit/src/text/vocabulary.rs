//! The words that a model knows (METHODS 1.3).

use std::path::Path;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::error::KitError;
use crate::files;

/// Name of the padding token, behind all words.
const PADDING: &str = "<PADDING>";
/// Name of the token for unknown words, the last one.
const OUT_OF_VOCABULARY: &str = "<OOV>";

/// Words with their ids: words first, then padding, then the token for unknown words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<Box<str>>,
    ids: FxHashMap<Box<str>, u32>,
}

/// Which counted words stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VocabularyLimits {
    pub min_frequency: u64,
    pub max_size: usize,
}

/// Counts words. The order in which words are first seen decides between words of one count.
#[derive(Clone, Debug, Default)]
pub struct VocabularyBuilder {
    places: FxHashMap<Box<str>, u32>,
    counts: Vec<(Box<str>, u64)>,
}

impl VocabularyBuilder {
    /// Counts an occurrence in the corpus.
    pub fn count(&mut self, word: &str) {
        self.add(word, 1);
    }

    /// Counts a word of a word-vector file as frequent. Call it before any word of the corpus is counted.
    pub fn known(&mut self, word: &str, limits: VocabularyLimits) {
        self.add(word, limits.min_frequency + 1);
    }

    fn add(&mut self, word: &str, count: u64) {
        if let Some(&place) = self.places.get(word) {
            self.counts[place as usize].1 += count;
        } else {
            self.places.insert(word.into(), self.counts.len() as u32);
            self.counts.push((word.into(), count));
        }
    }

    /// The most frequent words within the limits.
    #[must_use]
    pub fn finish(self, limits: VocabularyLimits) -> Vocabulary {
        let mut counts = self.counts;
        counts.retain(|(_, count)| *count >= limits.min_frequency);
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(limits.max_size);
        Vocabulary::new(counts.into_iter().map(|(word, _)| word).collect())
    }
}

impl Vocabulary {
    fn new(words: Vec<Box<str>>) -> Self {
        let ids = words.iter().cloned().zip(0..).collect();
        Self { words, ids }
    }

    /// Number of ids: words, padding and unknown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() + 2
    }

    /// Whether no word is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Known words by id.
    #[must_use]
    pub fn words(&self) -> &[Box<str>] {
        &self.words
    }

    /// Id of a word, which is that of unknown words when it is not known.
    #[must_use]
    pub fn id(&self, word: &str) -> u32 {
        self.ids
            .get(word)
            .copied()
            .unwrap_or_else(|| self.unknown())
    }

    /// Id of a known word.
    #[must_use]
    pub fn known_id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    #[must_use]
    pub fn padding(&self) -> u32 {
        self.words.len() as u32
    }

    #[must_use]
    pub fn unknown(&self) -> u32 {
        self.words.len() as u32 + 1
    }

    /// Writes one word a line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), KitError> {
        let mut text = String::new();
        for word in self
            .words
            .iter()
            .map(AsRef::as_ref)
            .chain([PADDING, OUT_OF_VOCABULARY])
        {
            text.push_str(word);
            text.push('\n');
        }
        files::write(path, text.as_bytes())
    }

    /// Reads what [`Vocabulary::save`] wrote.
    ///
    /// # Errors
    /// When the file is missing, cut off or not UTF-8.
    pub fn load(path: &Path) -> Result<Self, KitError> {
        let text =
            String::from_utf8(files::read(path)?).map_err(|error| KitError::broken(path, error))?;
        let end = format!("{PADDING}\n{OUT_OF_VOCABULARY}\n");
        let words = text
            .strip_suffix(&end)
            .ok_or_else(|| KitError::broken(path, "the vocabulary is cut off"))?;
        Ok(Self::new(words.lines().map(Into::into).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_words_stay() {
        let limits = VocabularyLimits {
            min_frequency: 5,
            max_size: 3,
        };
        let mut builder = VocabularyBuilder::default();
        for word in ["x", "y"] {
            builder.known(word, limits);
        }
        for (word, times) in [("y", 1), ("z", 9), ("w", 4)] {
            for _ in 0..times {
                builder.count(word);
            }
        }
        // The fourth is too rare even where there is room for it.
        let room = VocabularyLimits {
            max_size: 9,
            ..limits
        };
        assert_eq!(builder.clone().finish(room).words().len(), 3);
        let vocabulary = builder.finish(limits);
        let words: Vec<&str> = vocabulary.words().iter().map(AsRef::as_ref).collect();
        assert_eq!(words, ["z", "y", "x"]);
        assert_eq!(
            (vocabulary.padding(), vocabulary.unknown(), vocabulary.len()),
            (3, 4, 5)
        );
        assert_eq!(vocabulary.id("y"), 1);
        assert_eq!(vocabulary.id("w"), 4);
    }

    #[test]
    fn a_word_of_the_vectors_counts_as_just_frequent_enough_and_one() {
        let limits = VocabularyLimits {
            min_frequency: 5,
            max_size: 9,
        };
        let mut builder = VocabularyBuilder::default();
        builder.known("x", limits);
        for (word, times) in [("five", 5), ("six", 6), ("seven", 7)] {
            for _ in 0..times {
                builder.count(word);
            }
        }
        let vocabulary = builder.finish(limits);
        let words: Vec<&str> = vocabulary.words().iter().map(AsRef::as_ref).collect();
        assert_eq!(words, ["seven", "x", "six", "five"]);
    }

    #[test]
    fn words_of_one_count_keep_their_first_order() {
        let limits = VocabularyLimits {
            min_frequency: 1,
            max_size: 3,
        };
        let mut builder = VocabularyBuilder::default();
        builder.known("glove", limits);
        for word in ["b", "a", "c", "c", "a", "b", "d"] {
            builder.count(word);
        }
        let vocabulary = builder.finish(limits);
        let words: Vec<&str> = vocabulary.words().iter().map(AsRef::as_ref).collect();
        assert_eq!(words, ["glove", "b", "a"]);
    }

    #[test]
    fn a_vocabulary_outlives_its_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vocabulary.txt");
        let mut builder = VocabularyBuilder::default();
        ["über", "目标", "'s"]
            .into_iter()
            .for_each(|word| builder.count(word));
        let vocabulary = builder.finish(VocabularyLimits {
            min_frequency: 1,
            max_size: 10,
        });
        vocabulary.save(&path).unwrap();
        assert_eq!(Vocabulary::load(&path).unwrap(), vocabulary);
        std::fs::write(&path, "über\n目").unwrap();
        assert!(matches!(
            Vocabulary::load(&path),
            Err(KitError::Broken { .. })
        ));
    }
}
