//! The hierarchy-GCN (METHODS 1.7).

use arborist_plugin_api::LabelIndex;
use arborist_shared::priors::EdgePrior;
use tch::Tensor;

use super::adjacency::{EdgeStart, Propagation, Side, adjacency};
use crate::cpu::graph::{self, BackwardDocuments, ForwardDocuments, GraphGradients, GraphWeights};
use crate::cpu::noise::Dropout;
use crate::cpu::{self, parallel, slices};
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::structure::Hierarchy;

/// Options of the GCN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GcnOptions {
    pub layers: usize,
    pub prior_top_down: EdgeStart,
    pub prior_bottom_up: EdgeStart,
    pub prior_trainable: bool,
    pub propagation: Propagation,
    /// A matrix per directed edge in place of a weight.
    pub edge_wise: bool,
    /// On each gated message.
    pub dropout: f64,
}

impl Default for GcnOptions {
    fn default() -> Self {
        Self {
            layers: 1,
            prior_top_down: EdgeStart::Prior,
            prior_bottom_up: EdgeStart::One,
            prior_trainable: true,
            propagation: Propagation::Hierarchy,
            edge_wise: false,
            dropout: 0.05,
        }
    }
}

/// Messages from children, from the parent and from the node itself, each gated by the receiver.
pub struct Gcn {
    layers: Vec<Layer>,
    options: GcnOptions,
    hierarchy: Hierarchy,
    width: i64,
    /// `[L, L]`: 1 at (parent, child).
    mask: Tensor,
    /// `[edges]` each: labels at both ends.
    parents: Tensor,
    children: Tensor,
}

/// Bottom-up first in each pair.
struct Layer {
    /// `[L, L]` each, or `[edges, d, d]` each when edge-wise; row = receiver.
    edges: [Tensor; 2],
    /// `[L, d]` each.
    biases: [Tensor; 2],
    /// `[d, 1]` each; the node's own last.
    gates: [Tensor; 3],
    /// `[L, 1]` each.
    gate_biases: [Tensor; 2],
}

impl Layer {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        hierarchy: &Hierarchy,
        width: i64,
        options: GcnOptions,
    ) -> Result<Self, KitError> {
        let labels = hierarchy.n_labels() as i64;
        let gate = Initializer::xavier_uniform(width, 1);
        let zero = Initializer::Constant(0.0);
        let mut edges = |side: Side| {
            let name = format!("{name}.{}", side.name());
            if options.edge_wise {
                let shape = [hierarchy.edges().len() as i64, width, width];
                return parameters.add(
                    &format!("{name}.edge_weight"),
                    &shape,
                    &Initializer::xavier_uniform(width, width),
                );
            }
            let start = match side {
                Side::BottomUp => options.prior_bottom_up,
                Side::TopDown => options.prior_top_down,
            };
            let start = adjacency(hierarchy, side, start, options.propagation);
            let name = format!("{name}.adjacency");
            let shape = [labels, labels];
            if options.prior_trainable {
                parameters.add(&name, &shape, &start)
            } else {
                parameters.add_frozen(&name, &shape, &start)
            }
        };
        Ok(Self {
            edges: [edges(Side::BottomUp)?, edges(Side::TopDown)?],
            biases: [
                parameters.add(&format!("{name}.bottom_up.bias"), &[labels, width], &zero)?,
                parameters.add(&format!("{name}.top_down.bias"), &[labels, width], &zero)?,
            ],
            gates: [
                parameters.add(&format!("{name}.bottom_up.gate"), &[width, 1], &gate)?,
                parameters.add(&format!("{name}.top_down.gate"), &[width, 1], &gate)?,
                parameters.add(&format!("{name}.own.gate"), &[width, 1], &gate)?,
            ],
            // The authors' code leaves the second one uninitialized.
            gate_biases: [
                parameters.add(&format!("{name}.bottom_up.gate_bias"), &[labels, 1], &zero)?,
                parameters.add(&format!("{name}.top_down.gate_bias"), &[labels, 1], &zero)?,
            ],
        })
    }
}

impl Gcn {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        hierarchy: &Hierarchy,
        width: i64,
        options: GcnOptions,
    ) -> Result<Self, KitError> {
        let layers = (0..options.layers).map(|layer| {
            Layer::new(
                parameters,
                &format!("{name}.{layer}"),
                hierarchy,
                width,
                options,
            )
        });
        let layers = layers.collect::<Result<_, _>>()?;
        let labels = hierarchy.n_labels();
        let mut mask = vec![0.0_f32; labels * labels];
        for edge in hierarchy.edges() {
            mask[edge.parent as usize * labels + edge.child as usize] = 1.0;
        }
        let mask = Tensor::from_slice(&mask)
            .view([labels as i64, labels as i64])
            .to_device(parameters.device())
            .to_kind(parameters.kind());
        let ends = |end: fn(&EdgePrior) -> LabelIndex| {
            let ends: Vec<i64> = hierarchy
                .edges()
                .iter()
                .map(|edge| i64::from(end(edge)))
                .collect();
            Tensor::from_slice(&ends).to_device(parameters.device())
        };
        Ok(Self {
            layers,
            options,
            hierarchy: hierarchy.clone(),
            width,
            mask,
            parents: ends(|edge| edge.parent),
            children: ends(|edge| edge.child),
        })
    }

    /// `x`: node inputs of `[documents, L, d]` in any shape; result: `[documents, L, d]`. Dropout `p` acts on the inputs.
    pub fn forward(&self, pass: &Pass, x: &Tensor, p: f64) -> Tensor {
        let fits = self.options.propagation == Propagation::Hierarchy && !self.options.edge_wise;
        if !fits || !cpu::serves(x) {
            return self.forward_portable(pass, x, p);
        }
        let mut states = x.shallow_clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let input_dropout = if index == 0 {
                pass.dropout_factors(p)
            } else {
                Dropout::off()
            };
            states = self.layer_here(pass, layer, &states, input_dropout);
        }
        states
    }

    /// The same with libtorch's operations.
    pub fn forward_portable(&self, pass: &Pass, x: &Tensor, p: f64) -> Tensor {
        let mut states = pass.dropout(
            &x.view([-1, self.hierarchy.n_labels() as i64, self.width]),
            p,
        );
        for layer in &self.layers {
            let message = |side: usize| self.message(layer, side, &states) + &layer.biases[side];
            let gate = |side: usize| {
                (states.matmul(&layer.gates[side]) + &layer.gate_biases[side]).sigmoid()
            };
            let up = pass.dropout(&(gate(0) * message(0)), self.options.dropout);
            let down = pass.dropout(&(gate(1) * message(1)), self.options.dropout);
            let own = pass.dropout(
                &(states.matmul(&layer.gates[2]).sigmoid() * &states),
                self.options.dropout,
            );
            states = (up + down + own).relu();
        }
        states
    }

    /// Sum of the neighbors' states on one side, without bias: `[documents, L, d]`.
    fn message(&self, layer: &Layer, side: usize, states: &Tensor) -> Tensor {
        if !self.options.edge_wise {
            let mask = if side == 0 {
                self.mask.shallow_clone()
            } else {
                self.mask.tr()
            };
            let adjacency = match self.options.propagation {
                Propagation::Hierarchy => mask * &layer.edges[side],
                Propagation::AllPairs => layer.edges[side].shallow_clone(),
            };
            return adjacency.matmul(states);
        }
        let (sources, receivers) = if side == 0 {
            (&self.children, &self.parents)
        } else {
            (&self.parents, &self.children)
        };
        let sent = states
            .index_select(1, sources)
            .transpose(0, 1)
            .bmm(&layer.edges[side])
            .transpose(0, 1);
        states.zeros_like().index_add(1, receivers, &sent)
    }

    fn layer_here(&self, pass: &Pass, layer: &Layer, x: &Tensor, input_dropout: Dropout) -> Tensor {
        let _guard = tch::no_grad_guard();
        let message_dropout = pass.dropout_factors(self.options.dropout);
        let labels = self.hierarchy.n_labels() as i64;
        let documents = x.numel() as i64 / (labels * self.width);
        let input = x.detach().contiguous();
        let saved = Saved {
            hierarchy: self.hierarchy.clone(),
            layer: layer.detached(),
            width: self.width as usize,
            input_dropout,
            message_dropout,
        };
        let weights = [
            edge_values(&saved.layer.edges[0], self.hierarchy.edges_up()),
            edge_values(&saved.layer.edges[1], self.hierarchy.edges_down()),
        ];
        let mut output = slices::unset(&[documents, labels, self.width]);
        let mut gates = slices::unset(&[documents, labels, 3]);
        let states = {
            let graph = saved.weights(&weights);
            let ranges = parallel::ranges(documents as usize, 1);
            let size = graph.nodes * graph.width;
            let mut dropped =
                (!input_dropout.is_off()).then(|| slices::unset(&[documents, labels, self.width]));
            let mut dropped_parts: Vec<Option<&mut [f32]>> = match &mut dropped {
                None => ranges.iter().map(|_| None).collect(),
                Some(dropped) => parallel::split_rows(slices::write(dropped), &ranges, size)
                    .into_iter()
                    .map(Some)
                    .collect(),
            };
            let inputs = slices::read(&input);
            let outputs = parallel::split_rows(slices::write(&mut output), &ranges, size);
            let gate_parts =
                parallel::split_rows(slices::write(&mut gates), &ranges, 3 * graph.nodes);
            let tasks = ranges
                .iter()
                .zip(dropped_parts.drain(..))
                .zip(outputs)
                .zip(gate_parts)
                .map(
                    |(((range, dropped), outputs), gate_values)| ForwardDocuments {
                        first: range.start,
                        inputs: &inputs[range.start * size..range.end * size],
                        dropped,
                        gate_values,
                        outputs,
                    },
                )
                .collect();
            parallel::run(tasks, |task| graph::forward(task, &graph));
            dropped.unwrap_or(input)
        };
        let result = output.shallow_clone();
        let inputs: Vec<&Tensor> = [x]
            .into_iter()
            .chain(&layer.edges)
            .chain(&layer.biases)
            .chain(&layer.gates)
            .chain(&layer.gate_biases)
            .collect();
        pass.record(output, &inputs, move |gradient| {
            saved.backward(&weights, &states, &gates, &result, gradient)
        })
    }
}

impl Layer {
    fn detached(&self) -> Self {
        Self {
            edges: self.edges.each_ref().map(Tensor::detach),
            biases: self.biases.each_ref().map(Tensor::detach),
            gates: self.gates.each_ref().map(Tensor::detach),
            gate_biases: self.gate_biases.each_ref().map(Tensor::detach),
        }
    }
}

/// Values of an adjacency matrix at the edges.
fn edge_values(adjacency: &Tensor, edges: &crate::cpu::graph::Edges) -> Vec<f32> {
    let labels = edges.offsets.len() - 1;
    let values = slices::read(adjacency);
    let row = |node: usize| {
        edges.sources[edges.offsets[node] as usize..edges.offsets[node + 1] as usize].iter()
    };
    (0..labels)
        .flat_map(|node| row(node).map(move |source| values[node * labels + *source as usize]))
        .collect()
}

/// What the way back of a layer needs besides its states.
struct Saved {
    hierarchy: Hierarchy,
    layer: Layer,
    width: usize,
    input_dropout: Dropout,
    message_dropout: Dropout,
}

impl Saved {
    fn weights<'a>(&'a self, edge_weights: &'a [Vec<f32>; 2]) -> GraphWeights<'a> {
        GraphWeights {
            nodes: self.hierarchy.n_labels(),
            width: self.width,
            edges: [self.hierarchy.edges_up(), self.hierarchy.edges_down()],
            edge_weights: edge_weights.each_ref().map(Vec::as_slice),
            biases: self.layer.biases.each_ref().map(slices::read),
            gates: self.layer.gates.each_ref().map(slices::read),
            gate_biases: self.layer.gate_biases.each_ref().map(slices::read),
            input_dropout: self.input_dropout,
            message_dropout: self.message_dropout,
        }
    }

    fn backward(
        &self,
        edge_weights: &[Vec<f32>; 2],
        states: &Tensor,
        gates: &Tensor,
        output: &Tensor,
        gradient: &Tensor,
    ) -> Vec<Option<Tensor>> {
        let graph = self.weights(edge_weights);
        let size = graph.nodes * graph.width;
        let documents = output.size()[0] as usize;
        let mut of_states = slices::unset(&output.size());
        let ranges = parallel::ranges(documents, 1);
        let mut sums: Vec<GraphGradients> = ranges
            .iter()
            .map(|_| GraphGradients::zeros(&graph))
            .collect();
        {
            let (states, gates, outputs, gradient) = (
                slices::read(states),
                slices::read(gates),
                slices::read(output),
                slices::read(gradient),
            );
            let parts = parallel::split_rows(slices::write(&mut of_states), &ranges, size);
            let tasks = ranges
                .iter()
                .zip(parts)
                .zip(&mut sums)
                .map(|((range, state_gradient), sums)| {
                    let rows = range.start * size..range.end * size;
                    BackwardDocuments {
                        first: range.start,
                        states: &states[rows.clone()],
                        gate_values: &gates
                            [range.start * graph.nodes * 3..range.end * graph.nodes * 3],
                        outputs: &outputs[rows.clone()],
                        gradient: &gradient[rows],
                        state_gradient,
                        sums,
                    }
                })
                .collect();
            parallel::run(tasks, |task| graph::backward(task, &graph));
        }
        let Some((total, others)) = sums.split_first_mut() else {
            return Vec::new();
        };
        for other in others {
            total.add(other);
        }
        let labels = graph.nodes;
        let sides = [self.hierarchy.edges_up(), self.hierarchy.edges_down()];
        let dense = |side: usize| {
            let mut values = vec![0.0_f32; labels * labels];
            for node in 0..labels {
                for edge in
                    sides[side].offsets[node] as usize..sides[side].offsets[node + 1] as usize
                {
                    values[node * labels + sides[side].sources[edge] as usize] =
                        total.edge_weights[side][edge];
                }
            }
            Tensor::from_slice(&values).view([labels as i64, labels as i64])
        };
        let tensor = |values: &[f32], rows: usize| {
            Some(Tensor::from_slice(values).view([rows as i64, (values.len() / rows) as i64]))
        };
        let mut gradients = vec![Some(of_states), Some(dense(0)), Some(dense(1))];
        gradients.extend(total.biases.iter().map(|bias| tensor(bias, labels)));
        gradients.extend(total.gates.iter().map(|gate| tensor(gate, self.width)));
        gradients.extend(total.gate_biases.iter().map(|bias| tensor(bias, labels)));
        gradients
    }
}

#[cfg(test)]
mod tests;
