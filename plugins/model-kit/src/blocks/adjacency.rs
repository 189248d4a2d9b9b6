//! What the weights of the edges of the label tree start from (METHODS 1.6, 2.7).

use serde::{Deserialize, Serialize};

use crate::initializer::Initializer;
use crate::structure::Hierarchy;

/// What the weight of an edge starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeStart {
    /// The child's share of its parent's documents.
    Prior,
    One,
    Random,
}

/// Between which labels messages go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Propagation {
    /// Along the edges of the tree.
    #[default]
    Hierarchy,
    /// Between all pairs.
    AllPairs,
}

/// The way of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    BottomUp,
    TopDown,
}

impl Side {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BottomUp => "bottom_up",
            Self::TopDown => "top_down",
        }
    }
}

/// First values of an adjacency matrix `[L, L]`, row = receiver.
pub(super) fn adjacency(
    hierarchy: &Hierarchy,
    side: Side,
    start: EdgeStart,
    propagation: Propagation,
) -> Initializer {
    let labels = hierarchy.n_labels();
    if start == EdgeStart::Random {
        return Initializer::xavier_uniform(labels as i64, labels as i64);
    }
    let everywhere = if start == EdgeStart::One && propagation == Propagation::AllPairs {
        1.0
    } else {
        0.0
    };
    let mut values = vec![everywhere; labels * labels];
    for edge in hierarchy.edges() {
        let (receiver, source) = match side {
            Side::BottomUp => (edge.parent, edge.child),
            Side::TopDown => (edge.child, edge.parent),
        };
        values[receiver as usize * labels + source as usize] = match start {
            EdgeStart::Prior => edge.probability as f32,
            EdgeStart::One | EdgeStart::Random => 1.0,
        };
    }
    Initializer::Values(values)
}
