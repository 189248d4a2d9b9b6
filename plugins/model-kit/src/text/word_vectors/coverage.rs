//! How much of a corpus a file of word vectors knows.

use std::fmt;

use crate::batch::EncodedDocuments;
use crate::text::Vocabulary;

/// Words with a vector, among those of a vocabulary and among those that documents are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub words: usize,
    pub known_words: usize,
    /// Words of the documents, repetitions and unknown ones counted.
    pub running_words: usize,
    pub known_running_words: usize,
}

impl Coverage {
    /// Counts, given the ids of words with a vector.
    #[must_use]
    pub fn new(known: &[u32], vocabulary: &Vocabulary, documents: &EncodedDocuments) -> Self {
        let mut has_vector = vec![false; vocabulary.len()];
        for id in known {
            has_vector[*id as usize] = true;
        }
        let running = || {
            (0..documents.len())
                .flat_map(|document| documents.tokens(document))
                .filter(|token| **token != vocabulary.padding())
        };
        Self {
            words: vocabulary.words().len(),
            known_words: known.len(),
            running_words: running().count(),
            known_running_words: running()
                .filter(|token| has_vector[**token as usize])
                .count(),
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent =
            100.0 * self.known_running_words as f64 / (self.running_words as f64).max(1.0);
        write!(
            formatter,
            "{} of {} words have a vector in the file ({percent:.1} % of the running words of the training documents)",
            self.known_words, self.words
        )
    }
}
