//! Taxonomies and documents that tests of several modules use.

use proptest::prelude::*;

use crate::LabelIndex;
use crate::decode::Judged;
use crate::taxonomy::{NewLabel, Taxonomy};

/// A taxonomy from ids and their parents; names are the part of the id after the last `/`.
pub(crate) fn taxonomy(labels: &[(&str, &[&str])]) -> Taxonomy {
    let label = |&(id, parents): &(&str, &[&str])| NewLabel {
        id: id.to_owned(),
        name: id.rsplit('/').next().unwrap().to_owned(),
        parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
        details: None,
    };
    Taxonomy::new(labels.iter().map(label).collect()).unwrap()
}

/// Root → A, B; A → A1, A2; B → B1. Indexes 0 to 4 in this order: A, B, A1, A2, B1.
pub(crate) fn t5() -> Taxonomy {
    taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("A1", &["A"]),
        ("A2", &["A"]),
        ("B1", &["B"]),
    ])
}

/// A DAG in which `C` lies below `A` (first) and `B1`, and `D` below `C` and `A`.
pub(crate) fn dag() -> Taxonomy {
    taxonomy(&[
        ("A", &[]),
        ("B", &[]),
        ("B1", &["B"]),
        ("C", &["A", "B1"]),
        ("D", &["C", "A"]),
    ])
}

/// Random DAGs of up to `size` labels with up to three parents each; parents may come after their children.
pub(crate) fn any_taxonomy(size: usize) -> impl Strategy<Value = Taxonomy> {
    let edges = proptest::collection::vec(
        proptest::collection::vec(any::<prop::sample::Index>(), 0..=3),
        1..=size,
    );
    edges.prop_flat_map(|edges| {
        let labels: Vec<NewLabel> = edges
            .iter()
            .enumerate()
            .map(|(position, parents)| {
                let parents = parents
                    .iter()
                    .filter(|_| position > 0)
                    .map(|parent| parent.index(position));
                let mut parents: Vec<String> = parents.map(|parent| format!("L{parent}")).collect();
                parents.sort();
                parents.dedup();
                NewLabel {
                    id: format!("L{position}"),
                    name: format!("name {}", position % 7),
                    parents,
                    details: None,
                }
            })
            .collect();
        Just(labels)
            .prop_shuffle()
            .prop_map(|labels| Taxonomy::new(labels).unwrap())
    })
}

/// A set of labels, sorted.
pub(crate) fn any_labels(n_labels: usize) -> impl Strategy<Value = Vec<LabelIndex>> {
    proptest::collection::btree_set(0..n_labels as LabelIndex, 0..=n_labels.min(5))
        .prop_map(|set| set.into_iter().collect())
}

/// Scores of all labels: multiples of 1/1024, so that all are exact in 16 bits and ties occur.
pub(crate) fn any_scores(n_labels: usize) -> impl Strategy<Value = Vec<f32>> {
    proptest::collection::vec(
        (0_u16..=1024).prop_map(|score| f32::from(score) / 1024.0),
        n_labels,
    )
}

/// Gold labels and dense scores of a document.
pub(crate) type Scored = (Vec<LabelIndex>, Vec<f32>);

/// A taxonomy with documents: gold closed upwards, and dense scores.
pub(crate) fn any_documents(
    n_labels: usize,
    n_documents: usize,
) -> impl Strategy<Value = (Taxonomy, Vec<Scored>)> {
    any_taxonomy(n_labels).prop_flat_map(move |taxonomy| {
        let n = taxonomy.len();
        let document = (any_labels(n), any_scores(n));
        (
            Just(taxonomy),
            proptest::collection::vec(document, 0..=n_documents),
        )
            .prop_map(|(taxonomy, documents)| {
                let close =
                    |(gold, scores): (Vec<LabelIndex>, Vec<f32>)| (taxonomy.close(&gold), scores);
                let documents = documents.into_iter().map(close).collect();
                (taxonomy, documents)
            })
    })
}

/// A prediction of these labels, before and after decoding, with the score 1 each.
pub(crate) fn judged(taxonomy: &Taxonomy, raw: &[LabelIndex]) -> Judged {
    let mut raw = raw.to_vec();
    raw.sort_unstable();
    let labels = taxonomy.close(&raw);
    Judged {
        scores: raw.iter().map(|&label| (label, 1.0)).collect(),
        raw,
        labels,
    }
}
