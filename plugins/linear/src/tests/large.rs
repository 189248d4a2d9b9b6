//! A taxonomy above the real limits, through the functions that a loaded library has.

use arborist_plugin_api::host::Plugin;
use arborist_plugin_api::{ScoreRow, Scores, Unattended};
use serde_json::{Map, Value};

use super::toy::{Toy, taxonomy};
use crate::Linear;
use crate::checkpoint;
use crate::classifier::Weights;
use crate::scale::Scale;

const TOPS: usize = 70;
const LEAVES: usize = 60;

/// Words of the top, of the leaf, and of the leaf alone: with pairs of words more than 20,000 features.
fn text(top: usize, leaf: usize) -> String {
    format!("topic{top} topic{top} word{top}x{leaf} word{top}x{leaf} rare{top}x{leaf}")
}

#[test]
fn thousands_of_labels_are_scored_sparsely_through_the_seam() {
    let tops: Vec<String> = (0..TOPS).map(|top| format!("t{top}")).collect();
    let pairs = || (0..TOPS).flat_map(|top| (0..LEAVES).map(move |leaf| (top, leaf)));
    let leaves: Vec<String> = pairs()
        .map(|(top, leaf)| format!("t{top}-{leaf}"))
        .collect();
    let parents: Vec<[&str; 1]> = tops.iter().map(|top| [top.as_str()]).collect();
    let mut labels: Vec<(&str, &[&str])> = tops.iter().map(|top| (top.as_str(), &[][..])).collect();
    labels.extend(
        pairs()
            .zip(&leaves)
            .map(|((top, _), leaf)| (leaf.as_str(), &parents[top][..])),
    );
    let documents: Vec<(String, Vec<&str>)> = (0..2)
        .flat_map(|number| {
            pairs().zip(&leaves).map(move |((top, leaf), id)| {
                let text = format!("{} filler{number}", text(top, leaf));
                (text, vec![id.as_str()])
            })
        })
        .collect();
    let toy = Toy::new(taxonomy(&labels), &documents, &[]);
    assert!(toy.taxonomy.len() > Scale::default().max_dense_labels);

    let plugin = Plugin::in_process::<Linear>("").unwrap();
    let mode: Map<String, Value> = [("mode".to_owned(), "tree".into())].into_iter().collect();
    let hyperparameters = plugin.manifest().resolve(None, &[mode]).unwrap();
    plugin
        .train(
            &Value::Object(hyperparameters),
            &toy.train_request(2, false),
            &Unattended,
        )
        .unwrap();
    let (classifier, _) = checkpoint::load(&toy.checkpoint()).unwrap();
    assert!(
        matches!(classifier.weights, Weights::Sparse(_)),
        "{} features",
        classifier.vocabulary.n_features()
    );

    let mut model = plugin.load(&toy.load_request()).unwrap();
    let texts: Vec<String> = pairs().map(|(top, leaf)| text(top, leaf)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let scores = model.predict(&texts).unwrap().scores;
    assert!(matches!(scores, Scores::Sparse { .. }));
    for (row, id) in leaves.iter().enumerate() {
        let Some(ScoreRow::Sparse(found, values)) = scores.row(row) else {
            panic!("row {row} is not sparse");
        };
        // The beam follows 32 of the tops at most.
        assert!(found.len() <= TOPS + 32 * LEAVES, "{} labels", found.len());
        let mut ranked: Vec<(f32, u32)> =
            values.iter().copied().zip(found.iter().copied()).collect();
        ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
        let mut best: Vec<u32> = ranked.iter().take(2).map(|&(_, label)| label).collect();
        best.sort_unstable();
        let label = toy.taxonomy.index_of(id).unwrap();
        assert_eq!(best, toy.taxonomy.close(&[label]), "{id}");
    }
}
