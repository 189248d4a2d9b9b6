//! The bidirectional `TreeLSTM` over the label tree, level by level (METHODS 1.8).

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::adjacency::{EdgeStart, Propagation, Side, adjacency};
use super::{Initialization, Linear};
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::structure::Hierarchy;

/// Where the top-down weights are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopDownIndex {
    /// Where the priors are.
    #[default]
    Correct,
    /// At (parent, child), as the released code has it: every weight starts at 0.
    AsReleasedZero,
}

/// Options of the `TreeLSTM`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TreeLstmOptions {
    pub top_down_index: TopDownIndex,
    pub prior_top_down: EdgeStart,
    pub prior_bottom_up: EdgeStart,
    pub prior_trainable: bool,
    /// On the states that are given out.
    pub dropout: f64,
    pub initialization: Initialization,
}

impl Default for TreeLstmOptions {
    fn default() -> Self {
        Self {
            top_down_index: TopDownIndex::Correct,
            prior_top_down: EdgeStart::Prior,
            prior_bottom_up: EdgeStart::One,
            prior_trainable: true,
            dropout: 0.05,
            initialization: Initialization::TorchDefault,
        }
    }
}

/// Two cells, one for each direction.
pub struct TreeLstm {
    bottom_up: Cell,
    top_down: Cell,
    options: TreeLstmOptions,
    memory: i64,
    levels: Vec<Level>,
    /// Place of each label among the labels of all levels.
    order: Tensor,
}

/// The labels of a level and the edges to the level above.
struct Level {
    /// `[n]`
    labels: Tensor,
    n_labels: i64,
    /// Places within the level, one for each edge, and the places of their parents in the level above.
    children: Tensor,
    parents: Tensor,
    /// Labels at both ends.
    child_labels: Tensor,
    parent_labels: Tensor,
}

/// Hidden state and memory of the labels of a level: `[documents, n, m]`.
struct State {
    hidden: Tensor,
    memory: Tensor,
}

struct Cell {
    /// Input gate, output gate, candidate from the node's input: `[3m, d]`.
    x_iou: Linear,
    /// Forget gate: `[m, d]`.
    x_forget: Linear,
    /// The same from the states that come in: `[3m, m]`, `[m, m]`.
    h_iou: Linear,
    h_forget: Linear,
    /// `[L, L]`: weight of what comes in.
    edges: Tensor,
}

impl Cell {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        width: i64,
        memory: i64,
        labels: i64,
        start: &Initializer,
        options: TreeLstmOptions,
    ) -> Result<Self, KitError> {
        let initialization = options.initialization;
        let edges = format!("{name}.edges");
        let shape = [labels, labels];
        Ok(Self {
            x_iou: Linear::new(
                parameters,
                &format!("{name}.x_iou"),
                width,
                3 * memory,
                initialization,
            )?,
            x_forget: Linear::new(
                parameters,
                &format!("{name}.x_forget"),
                width,
                memory,
                initialization,
            )?,
            h_iou: Linear::new(
                parameters,
                &format!("{name}.h_iou"),
                memory,
                3 * memory,
                initialization,
            )?,
            h_forget: Linear::new(
                parameters,
                &format!("{name}.h_forget"),
                memory,
                memory,
                initialization,
            )?,
            edges: if options.prior_trainable {
                parameters.add(&edges, &shape, start)?
            } else {
                parameters.add_frozen(&edges, &shape, start)?
            },
        })
    }

    /// Weights at (`rows`, `columns`): `[edges, 1]`.
    fn weights(&self, rows: &Tensor, columns: &Tensor) -> Tensor {
        let labels = self.edges.size()[1];
        self.edges
            .flatten(0, -1)
            .index_select(0, &(rows * labels + columns))
            .unsqueeze(1)
    }

    /// `x`: `[documents, n, d]`. `incoming`: scaled states `[documents, edges, m]` and, for each, the place of its receiver.
    fn step(&self, x: &Tensor, incoming: Option<(&State, &Tensor)>, memory: i64) -> State {
        let size = x.size();
        let zeros = || Tensor::zeros([size[0], size[1], memory], (x.kind(), x.device()));
        let (hidden_sum, kept) = match incoming {
            None => (zeros(), zeros()),
            Some((states, receivers)) => {
                let forget = (self.x_forget.forward(x).index_select(1, receivers)
                    + self.h_forget.forward(&states.hidden))
                .sigmoid();
                (
                    zeros().index_add(1, receivers, &states.hidden),
                    zeros().index_add(1, receivers, &(forget * &states.memory)),
                )
            }
        };
        let gates = (self.x_iou.forward(x) + self.h_iou.forward(&hidden_sum)).chunk(3, 2);
        let (input, output, candidate) = (gates[0].sigmoid(), gates[1].sigmoid(), gates[2].tanh());
        let memory = input * candidate + kept;
        State {
            hidden: output * memory.tanh(),
            memory,
        }
    }
}

impl TreeLstm {
    /// `width`: size of node inputs and outputs, even; the memory of each direction is half of it.
    ///
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        hierarchy: &Hierarchy,
        width: i64,
        options: TreeLstmOptions,
    ) -> Result<Self, KitError> {
        if width % 2 != 0 {
            return Err(KitError::Input(format!(
                "a TreeLSTM needs an even width, not {width}"
            )));
        }
        let memory = width / 2;
        let labels = hierarchy.n_labels();
        let start = |side, start| adjacency(hierarchy, side, start, Propagation::Hierarchy);
        let up = start(Side::BottomUp, options.prior_bottom_up);
        let down = start(Side::TopDown, options.prior_top_down);
        let count = labels as i64;
        let device = parameters.device();
        let index = |places: Vec<i64>| Tensor::from_slice(&places).to_device(device);
        let mut place = vec![0_i64; labels];
        let mut order = vec![0_i64; labels];
        let mut before = 0;
        let mut levels = Vec::new();
        for members in hierarchy.levels() {
            for (position, label) in members.iter().enumerate() {
                place[*label as usize] = position as i64;
                order[*label as usize] = before + position as i64;
            }
            before += members.len() as i64;
        }
        for members in hierarchy.levels() {
            let above: Vec<_> = hierarchy
                .edges()
                .iter()
                .filter(|edge| members.binary_search(&edge.child).is_ok())
                .collect();
            levels.push(Level {
                labels: index(members.iter().map(|label| i64::from(*label)).collect()),
                n_labels: members.len() as i64,
                children: index(
                    above
                        .iter()
                        .map(|edge| place[edge.child as usize])
                        .collect(),
                ),
                parents: index(
                    above
                        .iter()
                        .map(|edge| place[edge.parent as usize])
                        .collect(),
                ),
                child_labels: index(above.iter().map(|edge| i64::from(edge.child)).collect()),
                parent_labels: index(above.iter().map(|edge| i64::from(edge.parent)).collect()),
            });
        }
        Ok(Self {
            bottom_up: Cell::new(
                parameters,
                &format!("{name}.bottom_up"),
                width,
                memory,
                count,
                &up,
                options,
            )?,
            top_down: Cell::new(
                parameters,
                &format!("{name}.top_down"),
                width,
                memory,
                count,
                &down,
                options,
            )?,
            options,
            memory,
            levels,
            order: index(order),
        })
    }

    /// `x`: `[documents, L, d]`; result: `[documents, L, d]`, bottom-up half first.
    pub fn forward(&self, pass: &Pass, x: &Tensor) -> Tensor {
        let inputs: Vec<Tensor> = self
            .levels
            .iter()
            .map(|level| x.index_select(1, &level.labels))
            .collect();
        let up = pass.dropout(&self.gather(&self.run_up(&inputs)), self.options.dropout);
        let down = pass.dropout(&self.gather(&self.run_down(&inputs)), self.options.dropout);
        Tensor::cat(&[up, down], 2)
    }

    /// States of all levels, topmost first.
    fn run_up(&self, inputs: &[Tensor]) -> Vec<State> {
        let mut states: Vec<State> = Vec::with_capacity(inputs.len());
        for depth in (0..self.levels.len()).rev() {
            let below = self
                .levels
                .get(depth + 1)
                .filter(|below| below.children.numel() > 0);
            let incoming = below.zip(states.last()).map(|(below, state)| {
                let weights = self
                    .bottom_up
                    .weights(&below.parent_labels, &below.child_labels);
                (scaled(state, &below.children, &weights), &below.parents)
            });
            states.push(
                self.bottom_up.step(
                    &inputs[depth],
                    incoming
                        .as_ref()
                        .map(|(state, receivers)| (state, *receivers)),
                    self.memory,
                ),
            );
        }
        states.reverse();
        states
    }

    fn run_down(&self, inputs: &[Tensor]) -> Vec<State> {
        let mut states: Vec<State> = Vec::with_capacity(inputs.len());
        for (depth, level) in self.levels.iter().enumerate() {
            let incoming = states.last().filter(|_| depth > 0).map(|state| {
                let (rows, columns) = match self.options.top_down_index {
                    TopDownIndex::Correct => (&level.child_labels, &level.parent_labels),
                    TopDownIndex::AsReleasedZero => (&level.parent_labels, &level.child_labels),
                };
                (
                    scaled(state, &level.parents, &self.top_down.weights(rows, columns)),
                    &level.children,
                )
            });
            states.push(
                self.top_down.step(
                    &inputs[depth],
                    incoming
                        .as_ref()
                        .map(|(state, receivers)| (state, *receivers)),
                    self.memory,
                ),
            );
        }
        states
    }

    /// Hidden states in the order of labels: `[documents, L, m]`.
    fn gather(&self, states: &[State]) -> Tensor {
        debug_assert!(
            states
                .iter()
                .zip(&self.levels)
                .all(|(state, level)| state.hidden.size()[1] == level.n_labels)
        );
        let hidden: Vec<&Tensor> = states.iter().map(|state| &state.hidden).collect();
        Tensor::cat(&hidden, 1).index_select(1, &self.order)
    }

    /// Memories in the order of labels, for tests: bottom-up and top-down.
    #[cfg(test)]
    fn memories(&self, x: &Tensor) -> [Tensor; 2] {
        let inputs: Vec<Tensor> = self
            .levels
            .iter()
            .map(|level| x.index_select(1, &level.labels))
            .collect();
        [self.run_up(&inputs), self.run_down(&inputs)].map(|states| {
            let memories: Vec<&Tensor> = states.iter().map(|state| &state.memory).collect();
            Tensor::cat(&memories, 1).index_select(1, &self.order)
        })
    }
}

/// Both parts of a state at `places`, multiplied by `weights [edges, 1]`.
fn scaled(state: &State, places: &Tensor, weights: &Tensor) -> State {
    State {
        hidden: state.hidden.index_select(1, places) * weights,
        memory: state.memory.index_select(1, places) * weights,
    }
}

#[cfg(test)]
mod tests;
