use super::*;
use crate::fixtures::{dag, t5};

/// Repeats a label set.
fn times(n: usize, labels: &[LabelIndex]) -> Vec<Vec<LabelIndex>> {
    vec![labels.to_vec(); n]
}

fn weights(
    taxonomy: &Taxonomy,
    documents: &[Vec<LabelIndex>],
) -> Vec<(LabelIndex, LabelIndex, f64)> {
    let edges = edge_priors(taxonomy, documents.iter().map(Vec::as_slice));
    edges
        .into_iter()
        .map(|edge| (edge.parent, edge.child, edge.probability))
        .collect()
}

#[test]
fn children_share_what_occurs_below_the_parent() {
    // N_A = 10, n(A,A1) = 6, n(A,A2) = 2, N_B = 4, n(B,B1) = 3: the raw shares .6, .2 and .75 must not come out.
    let documents = [
        times(6, &[0, 2]),
        times(2, &[0, 3]),
        times(2, &[0]),
        times(3, &[1, 4]),
        times(1, &[1]),
    ]
    .concat();
    assert_eq!(
        weights(&t5(), &documents),
        [(0, 2, 0.75), (0, 3, 0.25), (1, 4, 1.0)]
    );
}

#[test]
fn a_parent_whose_children_never_occur_has_zero_weights() {
    let documents = [times(3, &[0, 2]), times(5, &[1])].concat();
    assert_eq!(
        weights(&t5(), &documents),
        [(0, 2, 1.0), (0, 3, 0.0), (1, 4, 0.0)]
    );
    assert_eq!(weights(&t5(), &[]), [(0, 2, 0.0), (0, 3, 0.0), (1, 4, 0.0)]);
}

#[test]
fn a_child_without_its_parent_does_not_count() {
    assert_eq!(
        weights(&t5(), &[vec![2], vec![0, 3]]),
        [(0, 2, 0.0), (0, 3, 1.0), (1, 4, 0.0)]
    );
}

#[test]
fn every_edge_of_a_dag_has_a_weight() {
    // A, B, B1, C below A and B1, D below C and A.
    let documents = vec![vec![0, 1, 2, 3], vec![0, 1, 2, 3, 4]];
    let edges = weights(&dag(), &documents);
    assert_eq!(
        edges,
        [
            (0, 3, 2.0 / 3.0),
            (0, 4, 1.0 / 3.0),
            (1, 2, 1.0),
            (2, 3, 1.0),
            (3, 4, 1.0)
        ]
    );
}
