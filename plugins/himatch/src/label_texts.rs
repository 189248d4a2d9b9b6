//! A text for each label, of words typical of its documents (METHODS 4.2).

use std::collections::BTreeMap;

use arborist_model_kit::batch::EncodedDocuments;
use arborist_model_kit::text_method::Prepared;

/// Whether a word that so many of a label's documents have is typical: in a tenth to four fifths of them.
#[must_use]
pub fn is_keyword(with: usize, documents: usize) -> bool {
    10 * with >= documents && 10 * with <= 8 * documents
}

/// Texts of all labels, in alphabetical order of the words. Labels without typical words get those of their name.
#[must_use]
pub fn label_texts(corpus: &Prepared<'_>) -> EncodedDocuments {
    let reader = corpus.reader;
    let words = reader.vocabulary();
    let mut ranks: Vec<u32> = (0..words.len() as u32).collect();
    ranks.sort_unstable_by_key(|id| &words[*id as usize]);
    let mut rank = vec![0_u32; words.len()];
    for (place, id) in (0..).zip(&ranks) {
        rank[*id as usize] = place;
    }

    let mut documents: Vec<Vec<usize>> = vec![Vec::new(); corpus.taxonomy.len()];
    for document in 0..corpus.train.len() {
        for label in corpus.train.labels(document) {
            documents[*label as usize].push(document);
        }
    }
    let limit = reader.max_length();
    let mut texts = EncodedDocuments::default();
    for (label, documents) in corpus.taxonomy.indexes().zip(&documents) {
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for &document in documents {
            let mut ids = corpus.train.tokens(document).to_vec();
            ids.sort_unstable();
            ids.dedup();
            for id in ids.into_iter().filter(|id| reader.is_word(*id)) {
                *counts.entry(rank[id as usize]).or_default() += 1;
            }
        }
        let keywords: Vec<u32> = counts
            .into_iter()
            .filter(|(_, with)| is_keyword(*with, documents.len()))
            .map(|(place, _)| ranks[place as usize])
            .take(limit)
            .collect();
        if keywords.is_empty() {
            texts.push(&reader.parts(corpus.taxonomy.name(label))[0], &[]);
        } else {
            texts.push(&reader.framed(&keywords), &[]);
        }
    }
    texts
}
