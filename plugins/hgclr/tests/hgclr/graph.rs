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

/// Peak of the resident memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

#[test]
fn thousands_of_labels_fit() {
    // More heads than the tiny encoder has itself: 24 of one value each.
    let hyperparameters = Hyperparameters {
        self_heads: 24,
        cross_heads: 24,
        keep_threshold: 0.0,
        ..tiny()
    };
    let before = peak();
    for count in [1_308, 4_271] {
        let network: arborist_hgclr::network::Network = checks::network(
            &hyperparameters,
            &checks::tree_of(count),
            20,
            tch::Kind::Float,
        );
        let gradients = checks::gradients_by_name(&network);
        for name in ["graph.0.query.weight", "tokens.key.weight", "graph.edges"] {
            let (_, gradient) = gradients.iter().find(|(own, _)| own == name).unwrap();
            let largest = gradient.as_ref().unwrap().abs().max().double_value(&[]);
            assert!(largest.is_finite() && largest > 0.0, "{name}: {largest}");
        }
    }
    // Scores of all heads alone would be 1.7 GB, and several of them are needed for the way back.
    let grown = (peak() - before) / (1 << 20);
    assert!(grown < 1_600, "{grown} MiB");
}
