//! From a text to token ids: cleaning, vocabulary, word vectors (METHODS 1.2 to 1.4), word pieces (METHODS 1.12).

mod cleaning;
mod pieces;
mod reader;
mod vocabulary;
mod word_vectors;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::cleaning::{Cleaning, StopWords};
pub use self::pieces::{LongText, SpecialPieces, TOKENIZER_FILE, WordPieces};
pub use self::reader::{PieceOptions, PieceReader, Reader};
pub use self::vocabulary::{Vocabulary, VocabularyBuilder, VocabularyLimits};
pub use self::word_vectors::{Coverage, WordVectors};
use crate::cpu::parallel;
use crate::error::KitError;
use crate::files;

/// Texts that are worth a thread of their own.
const TEXTS: usize = 8;

/// How texts become words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextOptions {
    pub cleaning: Cleaning,
    pub stop_words: StopWords,
    /// Words after these many are not read.
    pub max_length: usize,
}

impl TextOptions {
    /// Calls `visit` with each word of `text` that is kept.
    pub fn for_each_word(&self, text: &str, mut visit: impl FnMut(&str)) {
        let mut left = self.max_length;
        self.cleaning.for_each_word(text, |word| {
            if left > 0 && !self.stop_words.drop(word) {
                left -= 1;
                visit(word);
            }
            left > 0
        });
    }
}

/// Texts to token ids.
#[derive(Clone, Debug)]
pub struct TextPipeline {
    options: TextOptions,
    vocabulary: Vocabulary,
}

impl TextPipeline {
    #[must_use]
    pub fn new(options: TextOptions, vocabulary: Vocabulary) -> Self {
        Self {
            options,
            vocabulary,
        }
    }

    #[must_use]
    pub fn options(&self) -> TextOptions {
        self.options
    }

    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Writes the ids of a text's words over `ids`: one padding token when there is no word.
    pub fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        ids.clear();
        self.options
            .for_each_word(text, |word| ids.push(self.vocabulary.id(word)));
        if ids.is_empty() {
            ids.push(self.vocabulary.padding());
        }
    }

    /// The ids of every text's words, as [`encode`](Self::encode) makes them, on all threads.
    #[must_use]
    pub fn encode_all(&self, texts: &[&str]) -> Vec<Vec<u32>> {
        let mut ids = vec![Vec::new(); texts.len()];
        let ranges = parallel::ranges(texts.len(), TEXTS);
        let tasks = ranges
            .iter()
            .map(|range| &texts[range.clone()])
            .zip(parallel::split_rows(&mut ids, &ranges, 1))
            .collect();
        parallel::run(tasks, |(texts, ids): (&[&str], &mut [Vec<u32>])| {
            for (text, ids) in texts.iter().zip(ids) {
                self.encode(text, ids);
            }
        });
        ids
    }

    /// Writes `vocabulary.txt` and `text.json` into a checkpoint.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), KitError> {
        self.vocabulary.save(&directory.join(VOCABULARY_FILE))?;
        let path = directory.join(OPTIONS_FILE);
        let json = serde_json::to_vec_pretty(&self.options)
            .map_err(|error| KitError::broken(&path, error))?;
        files::write(&path, &json)
    }

    /// Reads what [`TextPipeline::save`] wrote.
    ///
    /// # Errors
    /// When a file is missing or broken.
    pub fn load(directory: &Path) -> Result<Self, KitError> {
        let path = directory.join(OPTIONS_FILE);
        let options = serde_json::from_slice(&files::read(&path)?)
            .map_err(|error| KitError::broken(&path, error))?;
        Ok(Self {
            options,
            vocabulary: Vocabulary::load(&directory.join(VOCABULARY_FILE))?,
        })
    }
}

const VOCABULARY_FILE: &str = "vocabulary.txt";
const OPTIONS_FILE: &str = "text.json";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(options: TextOptions, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        options.for_each_word(text, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_counted_after_stop_words_are_dropped() {
        let options = TextOptions {
            cleaning: Cleaning::Words,
            stop_words: StopWords::English,
            max_length: 3,
        };
        assert_eq!(
            words(options, "The taxonomy of a library, and the trees in it"),
            ["taxonomy", "library", "trees"]
        );
        let options = TextOptions {
            stop_words: StopWords::Keep,
            ..options
        };
        assert_eq!(
            words(options, "The taxonomy of a library"),
            ["the", "taxonomy", "of"]
        );
    }

    #[test]
    fn a_text_without_words_is_one_padding_token() {
        let mut builder = VocabularyBuilder::default();
        builder.count("goal");
        let vocabulary = builder.finish(VocabularyLimits {
            min_frequency: 1,
            max_size: 10,
        });
        let pipeline = TextPipeline::new(
            TextOptions {
                cleaning: Cleaning::Words,
                stop_words: StopWords::English,
                max_length: 8,
            },
            vocabulary,
        );
        let mut ids = vec![7];
        pipeline.encode("… the !", &mut ids);
        assert_eq!(ids, [1]);
        pipeline.encode("Goal! Penalty", &mut ids);
        assert_eq!(ids, [0, 2]);
        let directory = tempfile::tempdir().unwrap();
        pipeline.save(directory.path()).unwrap();
        let loaded = TextPipeline::load(directory.path()).unwrap();
        let mut again = Vec::new();
        loaded.encode("Goal! Penalty", &mut again);
        assert_eq!(again, ids);
    }
}
