//! Files with a row for each judgement of a document: its judgements are gathered first, and the document comes out where
//! it stands for the first time.
//!
//! Of a document 16 bytes are held, and 4 for each of its labels.

use std::collections::hash_map::Entry;

use arborist_shared::corpus::{CorpusRow, RowLabel};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

#[derive(Debug, Default)]
pub(super) struct Verdicts {
    names: Vec<RowLabel>,
    numbers: FxHashMap<RowLabel, u32>,
    /// Labels by document; none once it has come out.
    documents: FxHashMap<u128, Option<Vec<u32>>>,
    /// Documents that nobody has judged have rows without a verdict.
    judged: rustc_hash::FxHashSet<u128>,
}

impl Verdicts {
    pub(super) fn add(&mut self, row: &CorpusRow) {
        let document = key(row);
        let labels = self
            .documents
            .entry(document)
            .or_insert_with(|| Some(Vec::new()));
        let Some(given) = &row.labels else {
            return;
        };
        self.judged.insert(document);
        for label in given {
            let number = match self.numbers.entry(label.clone()) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    self.names.push(label.clone());
                    *place.insert(self.names.len() as u32 - 1)
                }
            };
            if let Some(labels) = labels
                && !labels.contains(&number)
            {
                labels.push(number);
            }
        }
    }

    /// The document with all its labels; none when it came out already.
    pub(super) fn gather(&mut self, mut row: CorpusRow) -> Option<CorpusRow> {
        let document = key(&row);
        let labels = self.documents.get_mut(&document)?.take()?;
        row.labels = self.judged.contains(&document).then(|| {
            let names = labels
                .iter()
                .filter_map(|&number| self.names.get(number as usize));
            names.cloned().collect()
        });
        Some(row)
    }
}

fn key(row: &CorpusRow) -> u128 {
    let digest = Sha256::digest(row.id.as_deref().unwrap_or(&row.text).as_bytes());
    let bytes: [u8; 16] = std::array::from_fn(|at| digest[at]);
    u128::from_le_bytes(bytes)
}
