//! The hierarchy-GCN over the edges of the tree (METHODS 1.7), forward and backward, one document at a time.
//!
//! A dense product with an adjacency matrix is almost only zeros; here each edge is one scaled addition,
//! and a document's node states stay in the cache through gates, messages, dropout and `ReLU`.

use super::dispatch::{multiply_add, vectorized};
use super::lanes::{add_scaled, dot, sigmoid};
use super::noise::Dropout;

/// Messages of a node: from its children, from its parents, its own.
const MESSAGES: usize = 3;

/// Edges into each node from one side, as compressed rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    /// `[nodes + 1]`
    pub(crate) offsets: Vec<u32>,
    /// Node at the other end.
    pub(crate) sources: Vec<u32>,
}

impl Edges {
    fn of(&self, node: usize) -> std::ops::Range<usize> {
        self.offsets[node] as usize..self.offsets[node + 1] as usize
    }
}

/// The graph and its weights at one step.
pub(crate) struct GraphWeights<'a> {
    pub(crate) nodes: usize,
    pub(crate) width: usize,
    /// Edges from children and from parents.
    pub(crate) edges: [&'a Edges; 2],
    /// Their weights, in the same order.
    pub(crate) edge_weights: [&'a [f32]; 2],
    /// `[nodes, width]` each.
    pub(crate) biases: [&'a [f32]; 2],
    /// `[width]` each; the node's own gate last.
    pub(crate) gates: [&'a [f32]; MESSAGES],
    /// `[nodes]` each.
    pub(crate) gate_biases: [&'a [f32]; 2],
    /// On the node inputs.
    pub(crate) input_dropout: Dropout,
    /// On each gated message.
    pub(crate) message_dropout: Dropout,
}

impl GraphWeights<'_> {
    fn input_position(&self, document: usize) -> u32 {
        (document * self.nodes * self.width) as u32
    }

    fn message_position(&self, document: usize, message: usize, node: usize) -> u32 {
        (((document * MESSAGES + message) * self.nodes + node) * self.width) as u32
    }
}

/// Documents of one range in the forward pass.
pub(crate) struct ForwardDocuments<'a> {
    /// Place of the first document in the batch.
    pub(crate) first: usize,
    /// `[documents, nodes, width]`: node inputs.
    pub(crate) inputs: &'a [f32],
    /// `[documents, nodes, width]`, written: node inputs with dropout applied. Without dropout it is not needed.
    pub(crate) dropped: Option<&'a mut [f32]>,
    /// `[documents, nodes, 3]`, written.
    pub(crate) gate_values: &'a mut [f32],
    /// `[documents, nodes, width]`, written.
    pub(crate) outputs: &'a mut [f32],
}

vectorized! {
    /// One layer over a range of documents.
    pub(crate) fn forward(documents: ForwardDocuments<'_>, weights: &GraphWeights<'_>) => forward_body
}

#[inline(always)]
fn forward_body<const FMA: bool, const ROWS: usize>(
    mut documents: ForwardDocuments<'_>,
    weights: &GraphWeights<'_>,
) {
    let (nodes, width) = (weights.nodes, weights.width);
    let size = nodes * width;
    let mut message = vec![0.0_f32; width];
    for (index, ((inputs, outputs), gate_values)) in documents
        .inputs
        .chunks_exact(size)
        .zip(documents.outputs.chunks_exact_mut(size))
        .zip(documents.gate_values.chunks_exact_mut(nodes * MESSAGES))
        .enumerate()
    {
        let document = documents.first + index;
        let states: &[f32] = match &mut documents.dropped {
            None => inputs,
            Some(dropped) => {
                let dropped = &mut dropped[index * size..(index + 1) * size];
                let position = weights.input_position(document);
                for (index, (dropped, input)) in dropped.iter_mut().zip(inputs).enumerate() {
                    *dropped = input * factor(weights.input_dropout, position, index);
                }
                dropped
            }
        };
        for (node, (state, values)) in states
            .chunks_exact(width)
            .zip(gate_values.chunks_exact_mut(MESSAGES))
            .enumerate()
        {
            for (message, value) in values.iter_mut().enumerate() {
                let bias = weights
                    .gate_biases
                    .get(message)
                    .map_or(0.0, |biases| biases[node]);
                *value = sigmoid::<FMA>(dot::<FMA>(state, weights.gates[message]) + bias);
            }
        }
        for (node, (output, values)) in outputs
            .chunks_exact_mut(width)
            .zip(gate_values.chunks_exact(MESSAGES))
            .enumerate()
        {
            let own = &states[node * width..(node + 1) * width];
            let position = weights.message_position(document, 2, node);
            for (index, (output, own)) in output.iter_mut().zip(own).enumerate() {
                *output = factor(weights.message_dropout, position, index) * values[2] * own;
            }
            for (side, value) in values.iter().enumerate().take(2) {
                gather_message::<FMA>(&mut message, states, weights, side, node);
                let position = weights.message_position(document, side, node);
                for (index, (output, message)) in output.iter_mut().zip(&message).enumerate() {
                    *output = multiply_add::<FMA>(
                        factor(weights.message_dropout, position, index) * value,
                        *message,
                        *output,
                    );
                }
            }
            for output in output.iter_mut() {
                *output = output.max(0.0);
            }
        }
    }
}

/// Bias plus the weighted states at the other ends of a node's edges on one side.
#[inline(always)]
fn gather_message<const FMA: bool>(
    message: &mut [f32],
    states: &[f32],
    weights: &GraphWeights<'_>,
    side: usize,
    node: usize,
) {
    let width = weights.width;
    message.copy_from_slice(&weights.biases[side][node * width..(node + 1) * width]);
    for edge in weights.edges[side].of(node) {
        let source = weights.edges[side].sources[edge] as usize;
        add_scaled::<FMA>(
            message,
            weights.edge_weights[side][edge],
            &states[source * width..(source + 1) * width],
        );
    }
}

#[inline(always)]
fn factor(dropout: Dropout, position: u32, index: usize) -> f32 {
    if dropout.is_off() {
        1.0
    } else {
        dropout.factor(position.wrapping_add(index as u32))
    }
}

#[inline(always)]
fn apply_dropout(values: &mut [f32], dropout: Dropout, position: u32) {
    if !dropout.is_off() {
        for (index, value) in values.iter_mut().enumerate() {
            *value *= dropout.factor(position.wrapping_add(index as u32));
        }
    }
}

/// Sums over documents that one range contributes to the weights' gradients.
#[derive(Clone, Debug)]
pub(crate) struct GraphGradients {
    pub(crate) edge_weights: [Vec<f32>; 2],
    pub(crate) biases: [Vec<f32>; 2],
    pub(crate) gates: [Vec<f32>; MESSAGES],
    pub(crate) gate_biases: [Vec<f32>; 2],
}

impl GraphGradients {
    pub(crate) fn zeros(weights: &GraphWeights<'_>) -> Self {
        Self {
            edge_weights: [0, 1].map(|side| vec![0.0; weights.edge_weights[side].len()]),
            biases: [0, 1].map(|_| vec![0.0; weights.nodes * weights.width]),
            gates: [0, 1, 2].map(|_| vec![0.0; weights.width]),
            gate_biases: [0, 1].map(|_| vec![0.0; weights.nodes]),
        }
    }

    /// Adds the sums of another range.
    pub(crate) fn add(&mut self, other: &Self) {
        let sums = self
            .edge_weights
            .iter_mut()
            .chain(&mut self.biases)
            .chain(&mut self.gates)
            .chain(&mut self.gate_biases);
        let others = other
            .edge_weights
            .iter()
            .chain(&other.biases)
            .chain(&other.gates)
            .chain(&other.gate_biases);
        for (sum, other) in sums.zip(others) {
            for (sum, other) in sum.iter_mut().zip(other) {
                *sum += other;
            }
        }
    }
}

/// Documents of one range in the backward pass.
pub(crate) struct BackwardDocuments<'a> {
    pub(crate) first: usize,
    /// `[documents, nodes, width]`: node inputs after dropout.
    pub(crate) states: &'a [f32],
    /// `[documents, nodes, 3]`
    pub(crate) gate_values: &'a [f32],
    /// `[documents, nodes, width]`
    pub(crate) outputs: &'a [f32],
    /// `[documents, nodes, width]`: gradient of the outputs.
    pub(crate) gradient: &'a [f32],
    /// `[documents, nodes, width]`: gradient of the node inputs, written.
    pub(crate) state_gradient: &'a mut [f32],
    pub(crate) sums: &'a mut GraphGradients,
}

vectorized! {
    /// Gradients of a range of documents.
    pub(crate) fn backward(documents: BackwardDocuments<'_>, weights: &GraphWeights<'_>) => backward_body
}

#[inline(always)]
fn backward_body<const FMA: bool, const ROWS: usize>(
    documents: BackwardDocuments<'_>,
    weights: &GraphWeights<'_>,
) {
    let (nodes, width) = (weights.nodes, weights.width);
    let size = nodes * width;
    let sums = documents.sums;
    let mut message = vec![0.0_f32; width];
    let mut before_relu = vec![0.0_f32; width];
    let mut flow = vec![0.0_f32; width];
    for (index, state_gradient) in documents.state_gradient.chunks_exact_mut(size).enumerate() {
        let document = documents.first + index;
        let range = index * size..(index + 1) * size;
        let states = &documents.states[range.clone()];
        let outputs = &documents.outputs[range.clone()];
        let gradient = &documents.gradient[range];
        let gate_values =
            &documents.gate_values[index * nodes * MESSAGES..(index + 1) * nodes * MESSAGES];
        state_gradient.fill(0.0);
        for node in 0..nodes {
            let row = node * width..(node + 1) * width;
            let own = &states[row.clone()];
            for ((before_relu, gradient), output) in before_relu
                .iter_mut()
                .zip(&gradient[row.clone()])
                .zip(&outputs[row.clone()])
            {
                *before_relu = if *output > 0.0 { *gradient } else { 0.0 };
            }
            for side in 0..2 {
                let gate = gate_values[node * MESSAGES + side];
                gather_message::<FMA>(&mut message, states, weights, side, node);
                let position = weights.message_position(document, side, node);
                for (index, (flow, before_relu)) in flow.iter_mut().zip(&before_relu).enumerate() {
                    *flow = factor(weights.message_dropout, position, index) * before_relu;
                }
                let gate_gradient = dot::<FMA>(&flow, &message) * gate * (1.0 - gate);
                for flow in &mut flow {
                    *flow *= gate;
                }
                add_scaled::<FMA>(&mut sums.biases[side][row.clone()], 1.0, &flow);
                for edge in weights.edges[side].of(node) {
                    let source = weights.edges[side].sources[edge] as usize;
                    let source = source * width..(source + 1) * width;
                    sums.edge_weights[side][edge] += dot::<FMA>(&flow, &states[source.clone()]);
                    add_scaled::<FMA>(
                        &mut state_gradient[source],
                        weights.edge_weights[side][edge],
                        &flow,
                    );
                }
                sums.gate_biases[side][node] += gate_gradient;
                add_scaled::<FMA>(&mut sums.gates[side], gate_gradient, own);
                add_scaled::<FMA>(
                    &mut state_gradient[row.clone()],
                    gate_gradient,
                    weights.gates[side],
                );
            }
            let gate = gate_values[node * MESSAGES + 2];
            let position = weights.message_position(document, 2, node);
            for (index, (flow, before_relu)) in flow.iter_mut().zip(&before_relu).enumerate() {
                *flow = factor(weights.message_dropout, position, index) * before_relu;
            }
            let gate_gradient = dot::<FMA>(&flow, own) * gate * (1.0 - gate);
            add_scaled::<FMA>(&mut state_gradient[row.clone()], gate, &flow);
            add_scaled::<FMA>(&mut sums.gates[2], gate_gradient, own);
            add_scaled::<FMA>(&mut state_gradient[row], gate_gradient, weights.gates[2]);
        }
        apply_dropout(
            state_gradient,
            weights.input_dropout,
            weights.input_position(document),
        );
    }
}

/// Rows of a matrix `[nodes, width]` that are pulled towards those of their parents.
pub(crate) struct Coupling<'a> {
    /// `[nodes, width]`
    pub(crate) rows: &'a [f32],
    pub(crate) width: usize,
    /// Columns of this task.
    pub(crate) columns: std::ops::Range<usize>,
    /// Neighbors of each node, parents and children alike.
    pub(crate) neighbors: &'a Edges,
    /// One chunk of columns of each row, written: for node k the sum of `w_k − w_j` over its neighbors j.
    pub(crate) differences: Vec<&'a mut [f32]>,
}

vectorized! {
    /// The product of the graph's Laplacian with a matrix.
    pub(crate) fn couple(task: Coupling<'_>) => couple_body
}

#[inline(always)]
fn couple_body<const FMA: bool, const ROWS: usize>(task: Coupling<'_>) {
    let part = |node: usize| &task.rows[node * task.width..][task.columns.clone()];
    for (node, differences) in task.differences.into_iter().enumerate() {
        let edges = task.neighbors.of(node);
        let degree = edges.len() as f32;
        for (difference, own) in differences.iter_mut().zip(part(node)) {
            *difference = degree * own;
        }
        for edge in edges {
            add_scaled::<FMA>(
                differences,
                -1.0,
                part(task.neighbors.sources[edge] as usize),
            );
        }
    }
}
