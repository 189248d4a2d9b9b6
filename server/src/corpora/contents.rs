//! What a corpus version holds, in numbers and as a hash: the same for the same documents, however they came in.

use arborist_shared::LabelIndex;
use arborist_shared::split::Split;
use sha2::{Digest, Sha256};

use super::label_set;

/// Counts over all documents so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) n_documents: u64,
    pub(super) n_annotated: u64,
    pub(super) n_train: u64,
    pub(super) n_validation: u64,
    pub(super) n_test: u64,
    pub(super) n_labels: u64,
    pub(super) n_train_annotated: u64,
    pub(super) n_train_words: u64,
    pub(super) n_split_kept: u64,
}

/// Counts and hashes documents, in their order.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    hasher: Sha256,
    pub(super) totals: Totals,
}

/// A document as it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted<'a> {
    pub(super) key: &'a str,
    pub(super) text: &'a str,
    pub(super) split: Split,
    /// Labels as given; none when nobody judged it.
    pub(super) explicit: Option<&'a [LabelIndex]>,
    /// Number of labels, closed upwards.
    pub(super) n_closed: usize,
}

impl Contents {
    /// Of a corpus with this taxonomy.
    pub(super) fn new(taxonomy_hash: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(taxonomy_hash.as_bytes());
        Self {
            hasher,
            totals: Totals::default(),
        }
    }

    pub(super) fn add(&mut self, document: Counted<'_>) {
        let totals = &mut self.totals;
        totals.n_documents += 1;
        match document.split {
            Split::Train => totals.n_train += 1,
            Split::Validation => totals.n_validation += 1,
            Split::Test => totals.n_test += 1,
        }
        if document.explicit.is_some() {
            totals.n_annotated += 1;
            totals.n_labels += document.n_closed as u64;
            if document.split == Split::Train {
                totals.n_train_annotated += 1;
                totals.n_train_words += document.text.split_whitespace().count() as u64;
            }
        }
        for part in [
            document.key.as_bytes(),
            document.text.as_bytes(),
            document.split.as_str().as_bytes(),
        ] {
            self.hasher.update((part.len() as u64).to_le_bytes());
            self.hasher.update(part);
        }
        match document.explicit {
            None => self.hasher.update(u64::MAX.to_le_bytes()),
            Some(labels) => {
                self.hasher.update((labels.len() as u64).to_le_bytes());
                self.hasher.update(label_set::encode(labels));
            }
        }
    }

    /// The counts, and the hash over taxonomy and documents.
    pub(super) fn finish(self) -> (Totals, String) {
        (self.totals, crate::hash::hex(&self.hasher.finalize()))
    }
}
