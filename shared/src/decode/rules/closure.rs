//! The heaviest set of nodes that has every parent of each of its nodes.
//!
//! On a tree this is a sum from the leaves upwards. Where nodes have several parents it is a minimum cut (Picard 1976):
//! what speaks for a node flows through it to what speaks against its ancestors, and what cannot flow off is gained.

use std::collections::VecDeque;

/// Whether each node belongs to the set. `weights`: of the nodes; `parents`: of each node, as places among the nodes,
/// without cycles. Of several heaviest sets, the smallest.
pub(super) fn heaviest(weights: &[i64], parents: &[Vec<usize>]) -> Vec<bool> {
    let mut flow = Flow::new(weights, parents);
    while let Some(path) = flow.shortest_path() {
        flow.push(&path);
    }
    flow.reached()
}

/// Edges of the network, each beside its way back: edge `e` goes back by `e ^ 1`.
struct Flow {
    nodes: usize,
    to: Vec<usize>,
    room: Vec<i64>,
    /// Edges that leave each node; the source and the sink come last.
    leaving: Vec<Vec<usize>>,
}

impl Flow {
    fn new(weights: &[i64], parents: &[Vec<usize>]) -> Self {
        let nodes = weights.len();
        let mut flow = Self {
            nodes,
            to: Vec::new(),
            room: Vec::new(),
            leaving: vec![Vec::new(); nodes + 2],
        };
        for (node, (&weight, parents)) in weights.iter().zip(parents).enumerate() {
            if weight > 0 {
                flow.connect(flow.source(), node, weight);
            } else if weight < 0 {
                flow.connect(node, flow.sink(), -weight);
            }
            for &parent in parents {
                flow.connect(node, parent, i64::MAX);
            }
        }
        flow
    }

    fn source(&self) -> usize {
        self.nodes
    }

    fn sink(&self) -> usize {
        self.nodes + 1
    }

    #[allow(clippy::indexing_slicing, reason = "nodes of this network")]
    fn connect(&mut self, from: usize, to: usize, room: i64) {
        for (from, to, room) in [(from, to, room), (to, from, 0)] {
            self.leaving[from].push(self.to.len());
            self.to.push(to);
            self.room.push(room);
        }
    }

    /// For each node the edge over which a search from the source first comes to it.
    #[allow(clippy::indexing_slicing, reason = "nodes and edges of this network")]
    fn search(&self) -> Vec<Option<usize>> {
        let mut over = vec![None; self.nodes + 2];
        let mut open = VecDeque::from([self.source()]);
        while let Some(node) = open.pop_front() {
            for &edge in &self.leaving[node] {
                let to = self.to[edge];
                if self.room[edge] > 0 && to != self.source() && over[to].is_none() {
                    over[to] = Some(edge);
                    open.push_back(to);
                }
            }
        }
        over
    }

    /// Edges from the sink back to the source.
    #[allow(clippy::indexing_slicing, reason = "nodes and edges of this network")]
    fn shortest_path(&self) -> Option<Vec<usize>> {
        let over = self.search();
        let mut path = Vec::new();
        let mut node = self.sink();
        while node != self.source() {
            let edge = over[node]?;
            path.push(edge);
            node = self.to[edge ^ 1];
        }
        Some(path)
    }

    #[allow(clippy::indexing_slicing, reason = "edges of this network")]
    fn push(&mut self, path: &[usize]) {
        let amount = path.iter().map(|&edge| self.room[edge]).min().unwrap_or(0);
        for &edge in path {
            self.room[edge] -= amount;
            self.room[edge ^ 1] = self.room[edge ^ 1].saturating_add(amount);
        }
    }

    /// Nodes that the source still reaches: what speaks for them is not used up.
    fn reached(&self) -> Vec<bool> {
        let over = self.search();
        over.iter().take(self.nodes).map(Option::is_some).collect()
    }
}
