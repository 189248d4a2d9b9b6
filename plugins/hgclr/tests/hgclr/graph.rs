//! Labels' vectors.

use arborist_hgclr::graph::means;
use arborist_hgclr::{Graph, Hyperparameters};
use arborist_model_kit::checks::{self, parameter};
use tch::Tensor;

use super::{still, tiny};

#[test]
fn names_are_means_of_their_own_pieces_only() {
    let rows = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 9.0]).view([3, 2]);
    let found = Vec::<f32>::try_from(means(&rows, &[1, 2]).flatten(0, -1)).unwrap();
    assert_eq!(found, [1.0, 2.0, 4.0, 6.5]);
}

#[test]
fn every_encoder_of_labels_trains() {
    for graph in [
        Graph::Graphormer,
        Graph::Gcn,
        Graph::Gat,
        Graph::None,
        Graph::Identity,
    ] {
        let hyperparameters = Hyperparameters {
            graph,
            graph_layers: 2,
            ..tiny()
        };
        let network: arborist_hgclr::network::Network =
            checks::network(&hyperparameters, &checks::t5(), 20, tch::Kind::Float);
        let gradients = checks::gradients_by_name(&network);
        let reached = |prefix: &str| {
            gradients
                .iter()
                .filter(|(name, _)| name.starts_with(prefix))
                .all(|(_, gradient)| gradient.is_some())
        };
        assert!(reached("graph."), "{graph:?}");
        assert!(reached("tokens."), "{graph:?}");
    }
}

#[test]
fn distances_and_edges_can_be_left_out() {
    let hyperparameters = Hyperparameters {
        spatial: false,
        edge: false,
        ..still()
    };
    let network: arborist_hgclr::network::Network =
        checks::network(&hyperparameters, &checks::t5(), 20, tch::Kind::Float);
    let names: Vec<String> = checks::gradients_by_name(&network)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        !names
            .iter()
            .any(|name| name == "graph.distances" || name == "graph.edges")
    );
    let full: arborist_hgclr::network::Network =
        checks::network(&still(), &checks::t5(), 20, tch::Kind::Float);
    assert_eq!(parameter(&full, "graph.distances").size(), [20]);
    assert_eq!(parameter(&full, "graph.edges").size(), [5]);
}
