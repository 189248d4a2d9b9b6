//! Cutting a stream of texts into batches for a model.
//!
//! A window of documents is sorted by length and cut, so that a batch needs little padding; answers are put back in order.
//! How documents are batched depends on nothing but the documents and their order: whoever scores the same documents
//! gets the same batches, and so the same scores to the last digit.

/// Documents in a window at most.
const WINDOW_DOCUMENTS: usize = 4096;
/// Text in a window at most, unless one document is longer.
const WINDOW_BYTES: usize = 4 << 20;
/// Documents in a batch at most.
const BATCH_DOCUMENTS: usize = 256;
/// Text in a batch at most, unless one document is longer.
const BATCH_BYTES: usize = 1 << 20;

/// Whether a window of this size takes no more documents.
#[must_use]
pub fn window_is_full(documents: usize, bytes: usize) -> bool {
    documents >= WINDOW_DOCUMENTS || bytes >= WINDOW_BYTES
}

/// Positions of the documents of each batch, for a window of documents with the given lengths.
#[must_use]
pub fn batches(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    // Stable: documents of the same length keep their order.
    order.sort_by_key(|&position| lengths[position]);
    let mut batches = Vec::new();
    let mut batch: Vec<usize> = Vec::new();
    let mut bytes = 0;
    for position in order {
        let length = lengths[position];
        if !batch.is_empty() && (batch.len() == BATCH_DOCUMENTS || bytes + length > BATCH_BYTES) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        batch.push(position);
        bytes += length;
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_in_one_batch_and_batches_are_bounded() {
        let lengths: Vec<usize> = (0..5000).map(|i| (i * 7919) % 3000).collect();
        let batches = batches(&lengths);
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
        for batch in &batches {
            assert!(batch.len() <= BATCH_DOCUMENTS);
            assert!(
                batch
                    .iter()
                    .map(|&position| lengths[position])
                    .sum::<usize>()
                    <= BATCH_BYTES
            );
            assert!(batch.is_sorted_by_key(|&position| lengths[position]));
        }
    }

    #[test]
    fn a_document_longer_than_a_batch_stands_alone() {
        assert_eq!(
            batches(&[1, 10 * BATCH_BYTES, 2]),
            vec![vec![0, 2], vec![1]]
        );
        assert_eq!(batches(&[]), Vec::<Vec<usize>>::new());
    }
}
