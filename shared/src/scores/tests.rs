use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn file(documents: &[DocumentScores], n_labels: u32) -> Vec<u8> {
    let mut writer = ScoresWriter::new(Vec::new(), n_labels).unwrap();
    for document in documents {
        writer.push(document).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn rounding_never_crosses_the_threshold() {
    // The nearest 16-bit float of each is the threshold itself, or lies on its other side.
    for threshold in [0.5_f32, 0.25, 0.1, 0.3, 0.7, 0.999, 1e-6, 0.0, 1.0] {
        for steps in -3_i32..=3 {
            let score = f32::from_bits((threshold.to_bits() as i32 + steps).max(0) as u32);
            let stored = DocumentScores::from_dense(&[score], threshold);
            let is_above = stored.above(threshold) == [0];
            assert_eq!(is_above, score > threshold, "{score:e} at {threshold}");
            assert_eq!(
                f16::from_f32(stored.scores[0].1).to_f32(),
                stored.scores[0].1
            );
        }
    }
}

#[test]
fn steps_between_16_bit_floats() {
    for bits in (0..=0x7BFE_u16).chain(0x8001..=0xFBFF) {
        let value = f16::from_bits(bits);
        assert!(next_up(value).to_f32() > value.to_f32(), "{bits:#x}");
        assert_eq!(
            next_down(next_up(value)).to_f32(),
            value.to_f32(),
            "{bits:#x}"
        );
    }
}

#[test]
fn the_best_and_the_likely_are_kept() {
    // 100 labels above the floor, 100 below: all above it stay, none below.
    let dense: Vec<f32> = (0..200)
        .map(|label| if label % 2 == 0 { 0.02 } else { 0.005 })
        .collect();
    let stored = DocumentScores::from_dense(&dense, 0.5);
    assert_eq!(stored.scores.len(), 100);
    assert!(stored.scores.iter().all(|&(label, _)| label % 2 == 0));
    // With few above it, the 64 highest, ties to the lower label.
    let dense: Vec<f32> = (0..200)
        .map(|label| if label == 150 { 0.9 } else { 0.005 })
        .collect();
    let stored = DocumentScores::from_dense(&dense, 0.5);
    let labels: Vec<u32> = stored.scores.iter().map(|&(label, _)| label).collect();
    assert_eq!(labels, [150].into_iter().chain(0..63).collect::<Vec<_>>());
    // A threshold below the floor keeps what lies above it.
    let dense = vec![0.005; 200];
    assert_eq!(
        DocumentScores::from_dense(&dense, 0.001).above(0.001).len(),
        200
    );
}

#[test]
fn odd_scores() {
    let stored = DocumentScores::from_dense(
        &[f32::NAN, f32::INFINITY, -0.0, -1e-30, f32::NEG_INFINITY],
        0.5,
    );
    assert_eq!(
        stored.scores,
        [(1, 65_504.0), (2, 0.0), (3, 0.0), (4, -65_504.0)]
    );
    let stored = DocumentScores::from_sparse(
        &[(9, 0.25), (3, 0.5), (9, 0.75), (4, f32::NAN), (9, f32::NAN)],
        0.5,
    );
    assert_eq!(stored.scores, [(9, 0.75), (3, 0.5)]);
}

#[test]
fn json_keeps_every_16_bit_float() {
    let all = (0..=u16::MAX)
        .map(|bits| f16::from_bits(bits).to_f32())
        .filter(|value| value.is_finite());
    for value in all {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(
            serde_json::from_str::<f32>(&text).unwrap().to_bits(),
            value.to_bits(),
            "{text}"
        );
    }
}

#[test]
fn damaged_files_are_refused() {
    let document = DocumentScores {
        scores: vec![(2, 0.5), (0, 0.25)],
        decided: Some(vec![1]),
    };
    let good = file(&[document.clone(), document], 3);
    let open = |bytes: &[u8]| ScoresReader::open(Cursor::new(bytes.to_vec()));
    assert!(open(&good).is_ok());
    let message = |bytes: &[u8]| match open(bytes) {
        Ok(mut reader) => reader.document(0).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        message(b"short"),
        "the scores file is damaged: found 5 bytes, expected a scores file"
    );
    let cut = &good[..good.len() - 1];
    assert_eq!(
        message(cut),
        "the scores file is damaged: found a file that was not written to its end, expected a complete file"
    );
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(
        message(&with(0, b'X')),
        "the scores file is damaged: found other bytes, expected the mark of a scores file"
    );
    assert_eq!(
        message(&with(8, 9)),
        "the scores file is damaged: found version 9, expected version 1"
    );
    let wrong = "the scores file is damaged: found document 0 of 24 bytes, expected labels and scores as counted";
    assert_eq!(message(&with(16, 200)), wrong);
    assert_eq!(message(&with(24, 3)), wrong);
    let missing = open(&good).unwrap().document(2).unwrap_err().to_string();
    assert_eq!(
        missing,
        "found a request for document 2, expected a position below 2"
    );
}

#[test]
fn an_empty_file() {
    let reader = ScoresReader::open(Cursor::new(file(&[], 5))).unwrap();
    assert_eq!(
        (reader.len(), reader.is_empty(), reader.n_labels()),
        (0, true, 5)
    );
}

fn any_document() -> impl Strategy<Value = DocumentScores> {
    let dense = proptest::collection::vec(0.0_f32..=1.0, 0..100);
    let decided = proptest::option::of(proptest::collection::vec(0_u32..100, 0..5));
    (dense, decided).prop_map(|(dense, decided)| DocumentScores {
        decided,
        ..DocumentScores::from_dense(&dense, 0.5)
    })
}

proptest! {
    #[test]
    fn files_come_back(documents in proptest::collection::vec(any_document(), 0..6)) {
        let mut reader = ScoresReader::open(Cursor::new(file(&documents, 100))).unwrap();
        prop_assert_eq!(reader.len(), documents.len() as u64);
        for (position, document) in documents.iter().enumerate().rev() {
            prop_assert_eq!(&reader.document(position as u64).unwrap(), document);
        }
    }

    #[test]
    fn random_bytes_do_no_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), document in any_document()) {
        let mut good = file(&[document], 100);
        for (place, byte) in good.iter_mut().zip(&bytes).skip(16) {
            *place ^= byte & 3;
        }
        bytes.extend_from_slice(b"ARBSCEND");
        for bytes in [bytes, good] {
            if let Ok(mut reader) = ScoresReader::open(Cursor::new(bytes)) {
                for position in 0..reader.len().min(3) {
                    let _ = reader.document(position);
                }
            }
        }
    }

    #[test]
    fn stored_scores_decide_as_the_models_own(dense in proptest::collection::vec(0.0_f32..=1.0, 0..150), threshold in 0.0_f32..=1.0) {
        let expected: Vec<u32> = (0..).zip(&dense).filter(|&(_, &score)| score > threshold).map(|(label, _)| label).collect();
        let stored = DocumentScores::from_dense(&dense, threshold);
        prop_assert_eq!(stored.above(threshold), expected);
        let mut pairs: Vec<(u32, f32)> = (0..).zip(dense.iter().copied()).collect();
        pairs.reverse();
        prop_assert_eq!(DocumentScores::from_sparse(&pairs, threshold), stored);
    }
}

#[test]
fn all_scores_can_be_kept() {
    let dense: Vec<f32> = (0..200_u8).map(|label| f32::from(label) * 1e-5).collect();
    let all = DocumentScores::all_from_dense(&dense, 0.5);
    assert_eq!(all.scores.len(), 200);
    assert_eq!(all.scores[0].0, 199);
    assert_eq!(
        all.scores[..TOP],
        DocumentScores::from_dense(&dense, 0.5).scores
    );
    assert_eq!(all.scores[3].1, stored_score(dense[196], 0.5));
    let pairs = [(3, 0.25), (1, f32::NAN), (3, 0.5), (0, 0.001)];
    let sparse = DocumentScores::all_from_sparse(&pairs, 0.5);
    assert_eq!(sparse.scores.len(), 2);
    assert_eq!(sparse.scores[0], (3, 0.5));
}
