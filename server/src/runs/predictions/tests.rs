use arborist_shared::decode::{DecodeOptions, Selection, decode, from_prediction, to_prediction};
use arborist_shared::scores::DocumentScores;
use arborist_shared::taxonomy::NewLabel;

use super::*;

fn taxonomy() -> Taxonomy {
    let label = |id: &str, parents: &[&str]| NewLabel {
        id: id.to_owned(),
        name: format!("Name \"of\" {id}\u{7}é"),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    };
    Taxonomy::new(vec![
        label("a", &[]),
        label("b\\", &[]),
        label("a/1", &["a"]),
        label("both", &["a/1", "b\\"]),
    ])
    .unwrap()
}

fn scores() -> Vec<DocumentScores> {
    let dense = [
        [0.1, 0.2, 0.3, 0.9],
        [0.7, 1.0, 0.0, 0.000_061_1],
        [0.5, 0.500_1, 1.0 / 3.0, 6e-8],
        [-3.25, 0.0, 12_345.6, 1e-5],
    ];
    let mut scores: Vec<DocumentScores> = dense
        .iter()
        .map(|row| DocumentScores::from_dense(row, 0.5))
        .collect();
    scores.push(DocumentScores {
        decided: Some(vec![3]),
        ..scores[0].clone()
    });
    scores.push(DocumentScores::default());
    scores
}

#[test]
fn lines_equal_those_of_serde() {
    let taxonomy = taxonomy();
    let mut writer = PredictionWriter::new(&taxonomy);
    for selection in [
        Selection::Method,
        Selection::Threshold(0.3),
        Selection::Top(2),
    ] {
        let options = DecodeOptions {
            selection,
            ..DecodeOptions::default()
        };
        for (position, scores) in scores().iter().enumerate() {
            let id = format!("d\"{position}\n");
            let decoded = decode(&taxonomy, scores, &options, 0.5);
            let threshold = options.threshold(scores, 0.5);
            // Twice: the second time, numbers come from the table.
            for _ in 0..2 {
                let mut line = Vec::new();
                writer.write(&id, &decoded, threshold, &mut line);
                let expected = to_prediction(&taxonomy, id.as_str(), &decoded, threshold);
                let expected = serde_json::to_string(&expected).unwrap() + "\n";
                assert_eq!(String::from_utf8(line).unwrap(), expected);
            }
        }
    }
}

#[test]
fn figures_are_the_same_through_lines_and_without() {
    let taxonomy = taxonomy();
    let mut writer = PredictionWriter::new(&taxonomy);
    let options = DecodeOptions::default();
    let mut direct = Tallied::new(&taxonomy, options.rule);
    let mut through_lines = Tallied::new(&taxonomy, options.rule);
    for (position, scores) in scores().iter().enumerate() {
        let gold = taxonomy.close(&[(position % taxonomy.len()) as u32]);
        let decoded = decode(&taxonomy, scores, &options, 0.5);
        let threshold = options.threshold(scores, 0.5);
        direct.add(&gold, &decoded.judged(), threshold);
        let mut line = Vec::new();
        writer.write("d", &decoded, threshold, &mut line);
        let read = serde_json::from_slice(&line).unwrap();
        through_lines.add(
            &gold,
            &from_prediction(&taxonomy, &read).unwrap(),
            read.threshold,
        );
    }
    let (direct, through_lines) = (direct.finish(), through_lines.finish());
    // Some documents were decided by the method, some by threshold.
    assert_eq!(direct.decoding.threshold, None);
    assert_eq!(
        serde_json::to_string(&direct).unwrap(),
        serde_json::to_string(&through_lines).unwrap()
    );
}

#[test]
fn the_common_threshold_is_recorded() {
    let taxonomy = taxonomy();
    let judged = Judged::default();
    let mut tallied = Tallied::new(&taxonomy, DecodingRule::CloseUp);
    tallied.add(&[], &judged, Some(0.25));
    tallied.add(&[], &judged, Some(0.25));
    assert_eq!(tallied.finish().decoding.threshold, Some(0.25));
}
