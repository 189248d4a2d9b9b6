//! Words and n-grams as features, and texts as TF-IDF vectors.
//!
//! The numbers are scikit-learn's `TfidfVectorizer(sublinear_tf=True)`: a feature that occurs `tf` times in a text and
//! in `df` of `n` training documents weighs `(1 + ln tf) · (1 + ln((1 + n) / (1 + df)))`, and every vector has length 1.

mod count;

use crate::matrix::{Matrix, Piece, ROWS_PER_PIECE};
use crate::tables::{NONE, Pairs, Words, pair};
use crate::tokens::{for_each_place, for_each_word};

pub(crate) use count::{Limits, Text, TextReader, TooManyWords};

/// The features and their weights. Words come first, then 2-grams, then longer ones, each a pair of a shorter one and
/// its last word; together they are the nodes of a tree of n-grams, some of which are features.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    words: Words,
    /// (n-gram, word) of each n-gram of two words and more; the first has the number `words.len()`.
    grams: Vec<(u32, u32)>,
    extensions: Pairs,
    /// Feature of each n-gram, or [`NONE`].
    features: Vec<u32>,
    idf: Vec<f32>,
    ngram_max: usize,
}

/// Room for the work on one text, kept between texts.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    buffer: String,
    words: Vec<u32>,
    found: Vec<u32>,
    /// The vector that was computed last: features in increasing order, and their values.
    pub(crate) features: Vec<u32>,
    pub(crate) values: Vec<f32>,
}

/// A vocabulary's parts do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("words, n-grams and weights of the vocabulary do not fit together")]
pub(crate) struct Mismatch;

impl Vocabulary {
    /// Puts a vocabulary together again from what [`words`](Self::words), [`grams`](Self::grams),
    /// [`node_features`](Self::node_features) and [`idf`](Self::idf) gave.
    pub(crate) fn from_parts(
        words: Words,
        grams: Vec<(u32, u32)>,
        features: Vec<u32>,
        idf: Vec<f32>,
        ngram_max: usize,
    ) -> Result<Self, Mismatch> {
        let n_words = words.len();
        let n_nodes = n_words + grams.len();
        let in_order = grams.iter().enumerate().all(|(number, &(start, word))| {
            (start as usize) < n_words + number && (word as usize) < n_words
        });
        let known = features
            .iter()
            .all(|&feature| feature == NONE || (feature as usize) < idf.len());
        if features.len() != n_nodes || !in_order || !known {
            return Err(Mismatch);
        }
        let extensions = Pairs::new(
            grams
                .iter()
                .enumerate()
                .map(|(number, &(start, word))| (pair(start, word), (n_words + number) as u32)),
        );
        Ok(Self {
            words,
            grams,
            extensions,
            features,
            idf,
            ngram_max,
        })
    }

    pub(crate) fn n_features(&self) -> usize {
        self.idf.len()
    }

    /// The words in order, one per number.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        (0..self.words.len() as u32).map(|number| self.words.word(number))
    }

    /// N-grams of two words and more as pairs of a shorter one and its last word.
    pub(crate) fn grams(&self) -> &[(u32, u32)] {
        &self.grams
    }

    /// Feature of each n-gram, [`NONE`] where it is none.
    pub(crate) fn node_features(&self) -> &[u32] {
        &self.features
    }

    pub(crate) fn idf(&self) -> &[f32] {
        &self.idf
    }

    pub(crate) fn ngram_max(&self) -> usize {
        self.ngram_max
    }

    /// Computes the vector of a text; it lies in `scratch` afterwards.
    pub(crate) fn vector(&self, text: &str, scratch: &mut Scratch) {
        let words = &mut scratch.words;
        words.clear();
        for_each_word(text, &mut scratch.buffer, |word| {
            words.push(self.words.find(word).unwrap_or(NONE))
        });
        self.weigh(scratch);
    }

    /// The matrix of a text whose words were numbered by [`Vocabulary::learn`](count).
    pub(crate) fn matrix(&self, text: &Text) -> Matrix {
        use rayon::prelude::*;

        let mut matrix = Matrix::new(self.n_features());
        let n_documents = text.n_documents();
        let pieces = n_documents.div_ceil(ROWS_PER_PIECE);
        // A few pieces at a time, so that they are shrunk before the next ones grow.
        let together = rayon::current_num_threads() * 4;
        for first in (0..pieces).step_by(together) {
            let computed: Vec<Piece> = (first..pieces.min(first + together))
                .into_par_iter()
                .map_init(Scratch::default, |scratch, piece| {
                    let mut rows = Piece::default();
                    let start = piece * ROWS_PER_PIECE;
                    for document in start..n_documents.min(start + ROWS_PER_PIECE) {
                        scratch.words.clear();
                        scratch.words.extend_from_slice(text.document(document));
                        self.weigh(scratch);
                        rows.push(&scratch.features, &scratch.values);
                    }
                    rows
                })
                .collect();
            for piece in computed {
                matrix.push(piece);
            }
        }
        matrix
    }

    /// The words of a text with their places, and for each n-gram that is a feature: the feature, its first word, its length.
    pub(crate) fn occurrences(
        &self,
        text: &str,
    ) -> (Vec<(usize, usize)>, Vec<(u32, usize, usize)>) {
        let mut places = Vec::new();
        let mut words = Vec::new();
        for_each_place(text, |word, start, end| {
            places.push((start, end));
            words.push(self.words.find(word).unwrap_or(NONE));
        });
        let mut occurrences = Vec::new();
        self.for_each_gram(&words, |feature, first, length| {
            if feature != NONE {
                occurrences.push((feature, first, length));
            }
        });
        (places, occurrences)
    }

    /// Calls `found` with the feature, or [`NONE`], the first word and the length of every known n-gram.
    #[inline(always)]
    fn for_each_gram(&self, words: &[u32], mut found: impl FnMut(u32, usize, usize)) {
        for first in 0..words.len() {
            let mut node = words[first];
            if node == NONE {
                continue;
            }
            found(self.features[node as usize], first, 1);
            for (more, &word) in words[first + 1..]
                .iter()
                .take(self.ngram_max - 1)
                .enumerate()
            {
                if word == NONE {
                    break;
                }
                node = self.extensions.find(pair(node, word));
                if node == NONE {
                    break;
                }
                found(self.features[node as usize], first, more + 2);
            }
        }
    }

    /// From the numbers of the words to the vector.
    fn weigh(&self, scratch: &mut Scratch) {
        let Scratch {
            words,
            found,
            features,
            values,
            ..
        } = scratch;
        found.clear();
        self.for_each_gram(words, |feature, _, _| found.push(feature));
        found.sort_unstable();
        features.clear();
        values.clear();
        let mut at = 0;
        let mut norm = 0.0_f64;
        while at < found.len() && found[at] != NONE {
            let feature = found[at];
            let mut count = 1;
            while found.get(at + count) == Some(&feature) {
                count += 1;
            }
            at += count;
            let frequency = if count == 1 {
                1.0
            } else {
                1.0 + (count as f64).ln()
            };
            let value = frequency * f64::from(self.idf[feature as usize]);
            norm += value * value;
            features.push(feature);
            values.push(value as f32);
        }
        if norm > 0.0 {
            let scale = (1.0 / norm.sqrt()) as f32;
            for value in values {
                *value *= scale;
            }
        }
    }
}
