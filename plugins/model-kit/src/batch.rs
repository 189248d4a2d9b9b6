//! Documents as token ids, and batches of them.

mod joined;

use std::ops::Range;

use arborist_plugin_api::LabelIndex;
use tch::{Device, Kind, Tensor};

use crate::cpu::noise::Noise;
use crate::packing::Packing;

pub use self::joined::JoinedScores;

/// How scores of a document's parts become those of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Joining {
    #[default]
    Mean,
    Highest,
}

/// The documents of a split as token ids and label sets. A document that is read in several parts stands here as
/// several, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedDocuments {
    tokens: Vec<u32>,
    token_ends: Vec<usize>,
    labels: Vec<LabelIndex>,
    label_ends: Vec<usize>,
    /// Where the parts of each text end, if any text has several.
    text_ends: Option<Vec<usize>>,
    joining: Joining,
}

impl EncodedDocuments {
    /// Appends a document. `tokens` must not be empty; an empty document is one padding token.
    pub fn push(&mut self, tokens: &[u32], labels: &[LabelIndex]) {
        self.append(tokens, labels);
        self.end_text();
    }

    fn end_text(&mut self) {
        let end = self.len();
        if let Some(ends) = &mut self.text_ends {
            ends.push(end);
        }
    }

    fn append(&mut self, tokens: &[u32], labels: &[LabelIndex]) {
        assert!(!tokens.is_empty(), "an empty document is one padding token");
        self.tokens.extend_from_slice(tokens);
        self.token_ends.push(self.tokens.len());
        self.labels.extend_from_slice(labels);
        self.label_ends.push(self.labels.len());
    }

    /// Appends a text in its parts, each with the text's labels.
    pub fn push_parts(&mut self, parts: &[Vec<u32>], labels: &[LabelIndex]) {
        if parts.len() != 1 && self.text_ends.is_none() {
            self.text_ends = Some((1..=self.len()).collect());
        }
        for part in parts {
            self.append(part, labels);
        }
        self.end_text();
    }

    /// Documents that were appended in parts whose scores are joined like this.
    #[must_use]
    pub fn joined_by(joining: Joining) -> Self {
        Self {
            joining,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn joining(&self) -> Joining {
        self.joining
    }

    /// The documents that each text was appended as.
    pub fn texts(&self) -> impl Iterator<Item = Range<usize>> {
        let count = self.text_ends.as_ref().map_or(self.len(), Vec::len);
        let mut start = 0;
        (0..count).map(move |text| {
            let end = self.text_ends.as_ref().map_or(text + 1, |ends| ends[text]);
            std::mem::replace(&mut start, end)..end
        })
    }

    /// Whether some text was appended as several documents.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.text_ends.is_some()
    }

    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.token_ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.token_ends.is_empty()
    }

    /// Number of tokens of all documents.
    #[must_use]
    pub fn n_tokens(&self) -> usize {
        self.tokens.len()
    }

    #[must_use]
    pub fn tokens(&self, document: usize) -> &[u32] {
        let start = document
            .checked_sub(1)
            .map_or(0, |before| self.token_ends[before]);
        &self.tokens[start..self.token_ends[document]]
    }

    /// Labels of a document, closed upwards and sorted.
    #[must_use]
    pub fn labels(&self, document: usize) -> &[LabelIndex] {
        let start = document
            .checked_sub(1)
            .map_or(0, |before| self.label_ends[before]);
        &self.labels[start..self.label_ends[document]]
    }

    /// Label sets of all documents.
    pub fn label_sets(&self) -> impl Iterator<Item = &[LabelIndex]> {
        (0..self.len()).map(|document| self.labels(document))
    }
}

/// Some documents of a split, arranged for the model.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which documents, in the batch's own order; rows of all results follow it.
    pub documents: Vec<usize>,
    pub packing: Packing,
    /// Token ids, document after document.
    pub tokens: Vec<u32>,
    /// Label sets in the batch's order.
    pub labels: Vec<Vec<LabelIndex>>,
}

impl Batch {
    /// Arranges `documents` in as many groups as there are threads to work on them.
    #[must_use]
    pub fn new(split: &EncodedDocuments, documents: &[usize], groups: usize) -> Self {
        let lengths: Vec<usize> = documents
            .iter()
            .map(|&document| split.tokens(document).len())
            .collect();
        let (packing, order) = Packing::arrange(&lengths, groups);
        let documents: Vec<usize> = order.into_iter().map(|place| documents[place]).collect();
        let mut tokens = Vec::with_capacity(packing.tokens);
        for &document in &documents {
            tokens.extend_from_slice(split.tokens(document));
        }
        let labels = documents
            .iter()
            .map(|&document| split.labels(document).to_vec())
            .collect();
        Self {
            documents,
            packing,
            tokens,
            labels,
        }
    }

    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Token ids in the order packed by time.
    #[must_use]
    pub fn packed_tokens(&self) -> Vec<u32> {
        let starts = self.packing.starts();
        let mut packed = Vec::with_capacity(self.tokens.len());
        self.packing
            .for_each_packed(|document, time| packed.push(self.tokens[starts[document] + time]));
        packed
    }

    /// Gold labels as `[documents, n_labels]`, 1 or 0.
    pub fn gold(&self, n_labels: usize, options: (Kind, Device)) -> Tensor {
        let mut gold = vec![0.0_f32; self.len() * n_labels];
        for (row, labels) in gold.chunks_exact_mut(n_labels.max(1)).zip(&self.labels) {
            for &label in labels {
                row[label as usize] = 1.0;
            }
        }
        Tensor::from_slice(&gold)
            .view([self.len() as i64, n_labels as i64])
            .to_kind(options.0)
            .to_device(options.1)
    }

    /// Rows of tokens, document after document, as `[documents, tokens, d]` with zeros behind the end of each
    /// document, and 1 where there is a token, 0 elsewhere, as `[documents, tokens]`. `rows`: `[tokens, d]`.
    pub fn pad_rows(&self, rows: &Tensor) -> (Tensor, Tensor) {
        let width = self.packing.longest.max(1);
        let mut places = vec![0_i64; self.len() * width];
        let mut mask = vec![0.0_f32; self.len() * width];
        let mut start = 0;
        for (document, &length) in self.packing.lengths.iter().enumerate() {
            for time in 0..length {
                places[document * width + time] = (start + time) as i64;
                mask[document * width + time] = 1.0;
            }
            start += length;
        }
        let shape = [self.len() as i64, width as i64];
        let places = Tensor::from_slice(&places).to_device(rows.device());
        let mask = Tensor::from_slice(&mask)
            .view(shape)
            .to_kind(rows.kind())
            .to_device(rows.device());
        let padded = rows
            .index_select(0, &places)
            .view([shape[0], shape[1], rows.size()[1]]);
        (padded * mask.unsqueeze(2), mask)
    }

    /// Token ids padded to the longest document, rounded up to a multiple of `multiple`: `[documents, tokens]`,
    /// and 1 where there is a token, 0 elsewhere.
    pub fn padded(&self, padding: u32, multiple: usize, device: Device) -> (Tensor, Tensor) {
        let width = self
            .packing
            .longest
            .next_multiple_of(multiple.max(1))
            .max(1);
        let mut ids = vec![i64::from(padding); self.len() * width];
        let mut mask = vec![0.0_f32; self.len() * width];
        let mut start = 0;
        for (document, &length) in self.packing.lengths.iter().enumerate() {
            let row = document * width..document * width + length;
            for (id, token) in ids[row.clone()]
                .iter_mut()
                .zip(&self.tokens[start..start + length])
            {
                *id = i64::from(*token);
            }
            mask[row].fill(1.0);
            start += length;
        }
        let shape = [self.len() as i64, width as i64];
        (
            Tensor::from_slice(&ids).view(shape).to_device(device),
            Tensor::from_slice(&mask)
                .view(shape)
                .to_kind(Kind::Float)
                .to_device(device),
        )
    }
}

/// How documents are dealt to batches of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dealing {
    /// In random order: for models that never pad.
    Shuffled,
    /// Documents of like length together: stretches of this many batches are sorted by length, then cut, then all
    /// batches are shuffled. For models that pad.
    Bucketed { batches: usize },
}

impl Dealing {
    /// What a device wants: on a processor nothing is padded and chance is free; elsewhere blocks pad to the longest
    /// document of a batch.
    #[must_use]
    pub fn on(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Shuffled,
            _ => Self::Bucketed { batches: 64 },
        }
    }
}

/// The batches of one epoch, the same for the same `noise`.
#[must_use]
pub fn deal(
    split: &EncodedDocuments,
    batch_size: usize,
    dealing: Dealing,
    noise: Noise,
) -> Vec<Vec<usize>> {
    let batch_size = batch_size.max(1);
    let mut order: Vec<usize> = (0..split.len()).collect();
    shuffle(&mut order, noise, 0);
    if let Dealing::Bucketed { batches } = dealing {
        for stretch in order.chunks_mut(batch_size * batches.max(1)) {
            stretch.sort_by_key(|&document| std::cmp::Reverse(split.tokens(document).len()));
        }
    }
    let mut batches: Vec<Vec<usize>> = order.chunks(batch_size).map(<[usize]>::to_vec).collect();
    if matches!(dealing, Dealing::Bucketed { .. }) {
        shuffle(&mut batches, noise, 1 << 31);
    }
    batches
}

/// Batches for a model that only predicts: from the longest document to the shortest, at most `tokens` tokens
/// (padded to the longest) and `documents` documents each, no batch much smaller than the others.
#[must_use]
pub fn deal_sorted(split: &EncodedDocuments, documents: usize, tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..split.len()).collect();
    order.sort_by_key(|&document| std::cmp::Reverse(split.tokens(document).len()));
    let mut batches = Vec::new();
    let mut rest = order.as_slice();
    while let Some(&first) = rest.first() {
        let longest = split.tokens(first).len().max(1);
        let count = (tokens / longest)
            .clamp(1, documents.max(1))
            .min(rest.len());
        let count = rest.len().div_ceil(rest.len().div_ceil(count));
        let (batch, after) = rest.split_at(count);
        batches.push(batch.to_vec());
        rest = after;
    }
    batches
}

fn shuffle<T>(items: &mut [T], noise: Noise, first_position: u32) {
    for last in (1..items.len()).rev() {
        let word = noise.word(first_position.wrapping_add(last as u32));
        let other = ((u64::from(word) * (last as u64 + 1)) >> 32) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(lengths: &[usize]) -> EncodedDocuments {
        let mut split = EncodedDocuments::default();
        for (document, &length) in lengths.iter().enumerate() {
            split.push(
                &vec![document as u32; length],
                &[document as LabelIndex % 3],
            );
        }
        split
    }

    #[test]
    fn every_document_is_dealt_once() {
        let lengths: Vec<usize> = (0..100).map(|document| 1 + document * 7 % 31).collect();
        let split = documents(&lengths);
        for dealing in [Dealing::Shuffled, Dealing::Bucketed { batches: 4 }] {
            let batches = deal(&split, 8, dealing, Noise::new(1, 0, 0, 0));
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            assert_eq!(all, (0..100).collect::<Vec<_>>());
            assert_eq!(batches.len(), 13);
            assert_eq!(
                batches,
                deal(&split, 8, dealing, Noise::new(1, 0, 0, 0)),
                "the same noise, the same batches"
            );
            assert_ne!(batches, deal(&split, 8, dealing, Noise::new(1, 0, 1, 0)));
        }
    }

    #[test]
    fn parts_of_a_text_stay_together() {
        let mut split = EncodedDocuments::joined_by(Joining::Highest);
        split.push_parts(&[vec![1]], &[0]);
        assert!(!split.has_parts());
        assert_eq!(split.texts().next(), Some(0..1));
        split.push_parts(&[vec![2], vec![3]], &[1]);
        split.push_parts(&[vec![4]], &[]);
        assert!(split.has_parts());
        assert_eq!(split.texts().collect::<Vec<_>>(), [0..1, 1..3, 3..4]);
        assert_eq!((split.labels(1), split.labels(2)), (&[1][..], &[1][..]));
    }

    #[test]
    fn buckets_hold_documents_of_like_length() {
        let lengths: Vec<usize> = (0..256).map(|document| 1 + document * 37 % 256).collect();
        let split = documents(&lengths);
        let spread = |batches: Vec<Vec<usize>>| -> usize {
            let spread = |batch: &Vec<usize>| {
                let lengths = batch.iter().map(|&document| split.tokens(document).len());
                lengths.clone().max().unwrap() - lengths.min().unwrap()
            };
            batches.iter().map(spread).sum()
        };
        let noise = Noise::new(1, 0, 0, 0);
        assert!(
            spread(deal(&split, 16, Dealing::Bucketed { batches: 8 }, noise)) * 4
                < spread(deal(&split, 16, Dealing::Shuffled, noise))
        );
    }

    #[test]
    fn batches_are_bucketed_where_blocks_pad() {
        assert_eq!(Dealing::on(Device::Cpu), Dealing::Shuffled);
        let lengths: Vec<usize> = (0..1_024).map(|document| 1 + document * 37 % 256).collect();
        let split = documents(&lengths);
        let padded = |dealing| -> usize {
            deal(&split, 16, dealing, Noise::new(1, 0, 0, 0))
                .iter()
                .map(|batch| {
                    let lengths = batch.iter().map(|&document| split.tokens(document).len());
                    batch.len() * lengths.max().unwrap()
                })
                .sum()
        };
        let tokens = split.n_tokens();
        let on_a_card = padded(Dealing::on(Device::Cuda(0)));
        assert!(on_a_card * 20 < tokens * 21, "{on_a_card} for {tokens}");
        assert!(padded(Dealing::Shuffled) * 2 > tokens * 3);
    }

    #[test]
    fn sorted_batches_respect_both_limits() {
        let split = documents(&[1, 5, 2, 9, 3]);
        assert_eq!(
            deal_sorted(&split, 2, 10),
            [vec![3], vec![1, 4], vec![2, 0]]
        );
        assert_eq!(deal_sorted(&split, 8, 1).len(), 5);
        assert!(deal_sorted(&EncodedDocuments::default(), 8, 8).is_empty());
    }

    #[test]
    fn states_behind_the_end_of_a_document_are_zeros() {
        let split = documents(&[3, 5]);
        let batch = Batch::new(&split, &[0, 1], 2);
        let states = Tensor::arange_start(1, 17, (Kind::Float, Device::Cpu)).view([8, 2]);
        let (padded, mask) = batch.pad_rows(&states);
        assert_eq!(padded.size(), [2, 5, 2]);
        let row = |document| Vec::<f32>::try_from(padded.get(document).flatten(0, -1)).unwrap();
        assert_eq!(batch.documents, [1, 0]);
        assert_eq!(row(0), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        assert_eq!(
            row(1),
            [11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 0.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(
            Vec::<f32>::try_from(mask.get(1)).unwrap(),
            [1.0, 1.0, 1.0, 0.0, 0.0]
        );
    }

    #[test]
    fn batches_hold_tokens_and_gold_labels_in_their_own_order() {
        let split = documents(&[2, 3, 1]);
        let batch = Batch::new(&split, &[0, 1, 2], 1);
        assert_eq!(batch.documents, [1, 0, 2]);
        assert_eq!(batch.tokens, [1, 1, 1, 0, 0, 2]);
        assert_eq!(batch.packed_tokens(), [1, 0, 2, 1, 0, 1]);
        let gold: Vec<f32> =
            Vec::try_from(batch.gold(3, (Kind::Float, Device::Cpu)).flatten(0, -1)).unwrap();
        assert_eq!(gold, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let (ids, mask) = batch.padded(9, 2, Device::Cpu);
        assert_eq!(ids.size(), [3, 4]);
        assert_eq!(Vec::<i64>::try_from(ids.get(1)).unwrap(), [0, 0, 9, 9]);
        assert_eq!(
            Vec::<f32>::try_from(mask.get(1)).unwrap(),
            [1.0, 1.0, 0.0, 0.0]
        );
    }
}
