//! Labels' vectors from their names, their own, and their place in the tree (METHODS 5.1 steps 2 to 4, 5.2).

use arborist_model_kit::blocks::{Bert, LayerNorm, Linear, Places, pretrained_linear};
use arborist_model_kit::cpu::noise::Noise;
use arborist_model_kit::error::KitError;
use arborist_model_kit::initializer::Initializer;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::{Pass, dropped};
use tch::{Device, Kind, Tensor};

use crate::distances::{Distances, FURTHEST};
use crate::hyperparameters::{Graph, Hyperparameters, NameEmbedding};
use crate::positives::largest_divisor;

/// Standard deviation with which tables start.
const DEVIATION: f64 = 0.02;

/// Pieces of all labels' names, one name after the other.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub pieces: Vec<u32>,
    pub lengths: Vec<usize>,
}

/// From names to labels' vectors.
#[derive(Debug)]
pub struct LabelEncoder {
    names: Names,
    name_emb: NameEmbedding,
    /// `[L, d]`
    ids: Option<Tensor>,
    graph: GraphEncoder,
    labels: i64,
    width: i64,
}

#[derive(Debug)]
enum GraphEncoder {
    Attention(Vec<AttentionLayer>, Option<Relations>),
    Convolution { layer: Linear, adjacency: Tensor },
    GraphAttention(GraphAttention),
    Identity,
}

impl LabelEncoder {
    /// # Errors
    /// When what the parameters start from does not have them in this shape.
    pub fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        distances: &Distances,
        width: i64,
    ) -> Result<Self, KitError> {
        let labels = distances.labels() as i64;
        // The graph convolution, graph attention and plain attention read names only.
        let reads_ids = matches!(hyperparameters.graph, Graph::Graphormer | Graph::Identity);
        let ids = (hyperparameters.id_emb && reads_ids)
            .then(|| {
                parameters.add(
                    "labels.ids",
                    &[labels, width],
                    &Initializer::Normal(DEVIATION),
                )
            })
            .transpose()?;
        Ok(Self {
            names: Names::default(),
            name_emb: hyperparameters.name_emb,
            ids,
            graph: GraphEncoder::new(parameters, hyperparameters, distances, width)?,
            labels,
            width,
        })
    }

    /// Sets the names, before training.
    pub fn name(&mut self, names: Names) {
        self.names = names;
    }

    /// `[L, d]`
    pub fn forward(&self, pass: &Pass, bert: &Bert) -> Tensor {
        let named = self.named(pass, bert);
        let features = match (named, &self.ids) {
            (Some(named), Some(ids)) => named + ids,
            (Some(named), None) => named,
            (None, Some(ids)) => ids.shallow_clone(),
            (None, None) => {
                let like = bert.table().values();
                Tensor::zeros([self.labels, self.width], (like.kind(), like.device()))
            }
        };
        self.graph.forward(pass, features)
    }

    /// Means over each name, `[L, d]`.
    fn named(&self, pass: &Pass, bert: &Bert) -> Option<Tensor> {
        if self.name_emb == NameEmbedding::None {
            return None;
        }
        let words = bert.words(pass, &self.names.pieces);
        let rows = match self.name_emb {
            NameEmbedding::WordOnly => words,
            _ => bert.embed(pass, &words, &Places::of(&self.names.lengths)),
        };
        Some(means(&rows, &self.names.lengths))
    }
}

/// Means of stretches of rows. `rows`: `[Σ lengths, d]`; result: `[lengths, d]`.
pub fn means(rows: &Tensor, lengths: &[usize]) -> Tensor {
    let owners: Vec<i64> = (0..)
        .zip(lengths)
        .flat_map(|(owner, &length)| std::iter::repeat_n(owner, length))
        .collect();
    let counts: Vec<f32> = lengths.iter().map(|&length| length.max(1) as f32).collect();
    let counts = Tensor::from_slice(&counts)
        .to_kind(rows.kind())
        .to_device(rows.device())
        .unsqueeze(1);
    let sums = Tensor::zeros(
        [lengths.len() as i64, rows.size()[1]],
        (rows.kind(), rows.device()),
    );
    let owners = Tensor::from_slice(&owners).to_device(rows.device());
    sums.index_add(0, &owners, rows) / counts
}

impl GraphEncoder {
    fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        distances: &Distances,
        width: i64,
    ) -> Result<Self, KitError> {
        match hyperparameters.graph {
            Graph::Graphormer | Graph::None => {
                let heads = largest_divisor(width, hyperparameters.self_heads);
                let count = hyperparameters.graph_layers.max(1);
                let layers = (0..count)
                    .map(|number| {
                        let name = format!("graph.{number}");
                        AttentionLayer::new(parameters, &name, width, heads, number + 1 < count)
                    })
                    .collect::<Result<_, _>>()?;
                let places = (hyperparameters.graph == Graph::Graphormer)
                    .then(|| Relations::new(parameters, hyperparameters, distances))
                    .transpose()?;
                Ok(Self::Attention(layers, places))
            }
            Graph::Gcn => Ok(Self::Convolution {
                layer: pretrained_linear(parameters, "graph.convolution", width, width)?,
                adjacency: adjacency(distances, parameters.options()),
            }),
            Graph::Gat => Ok(Self::GraphAttention(GraphAttention::new(
                parameters, distances, width,
            )?)),
            Graph::Identity => Ok(Self::Identity),
        }
    }

    /// `[L, d]`, from as many.
    fn forward(&self, pass: &Pass, features: Tensor) -> Tensor {
        match self {
            Self::Attention(layers, places) => {
                // One for each layer: a layer that is computed in parts needs it for itself.
                layers.iter().fold(features, |features, layer| {
                    let bias = places.as_ref().and_then(Relations::bias);
                    layer.forward(pass, &features, bias.as_ref())
                })
            }
            Self::Convolution { layer, adjacency } => {
                adjacency.matmul(&features.matmul(&layer.weight.tr())) + &layer.bias
            }
            Self::GraphAttention(layer) => layer.forward(&features),
            Self::Identity => features,
        }
    }
}

/// Edges in both directions and loops, symmetrically normalized, `[L, L]`.
fn adjacency(distances: &Distances, options: (Kind, Device)) -> Tensor {
    let labels = distances.labels();
    let mut neighbors = vec![vec![]; labels];
    for (label, path) in distances.paths().iter().enumerate() {
        neighbors[label].push(label);
        if let Some(&parent) = path.get(1) {
            neighbors[label].push(parent as usize);
            neighbors[parent as usize].push(label);
        }
    }
    let mut values = vec![0.0_f32; labels * labels];
    for (label, others) in neighbors.iter().enumerate() {
        for &other in others {
            let degrees = others.len() * neighbors[other].len();
            values[label * labels + other] = 1.0 / (degrees as f32).sqrt();
        }
    }
    Tensor::from_slice(&values)
        .view([labels as i64, labels as i64])
        .to_kind(options.0)
        .to_device(options.1)
}

/// What distance and edges add to the labels' attention.
#[derive(Debug)]
struct Relations {
    spatial: Option<Spatial>,
    edges: Option<Edges>,
}

/// A number for each distance.
#[derive(Debug)]
struct Spatial {
    /// `[20]`
    table: Tensor,
    /// `[L · L]`
    distances: Tensor,
    labels: i64,
}

/// A number for each edge, named by its lower end; pairs get the mean over the path between them.
#[derive(Debug)]
struct Edges {
    /// `[L]`
    table: Tensor,
    /// 1 where the second label is on the first one's path upwards, itself included; `[L + 1, L]`, the root last.
    above: Tensor,
    /// Where the paths of two labels meet, `[L · L]`.
    meeting: Tensor,
    /// 1 / distance; 0 from a label to itself. `[L, L]`
    shares: Tensor,
}

impl Relations {
    fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        distances: &Distances,
    ) -> Result<Self, KitError> {
        let options = parameters.options();
        let labels = distances.labels();
        let pairs = || (0..labels).flat_map(|a| (0..labels).map(move |b| (a, b)));
        let start = Initializer::Normal(DEVIATION);
        let spatial = hyperparameters
            .spatial
            .then(|| {
                let found: Vec<i64> = pairs()
                    .map(|(a, b)| distances.distance(a, b).min(FURTHEST) as i64)
                    .collect();
                Ok::<_, KitError>(Spatial {
                    table: parameters.add("graph.distances", &[FURTHEST as i64 + 1], &start)?,
                    distances: Tensor::from_slice(&found).to_device(options.1),
                    labels: labels as i64,
                })
            })
            .transpose()?;
        let edges = hyperparameters
            .edge
            .then(|| {
                let mut above = vec![0.0_f32; (labels + 1) * labels];
                for (row, path) in above.chunks_exact_mut(labels).zip(distances.paths()) {
                    path.iter().for_each(|label| row[*label as usize] = 1.0);
                }
                let meeting: Vec<i64> = pairs()
                    .map(|(a, b)| distances.meeting(a, b) as i64)
                    .collect();
                let shares: Vec<f32> = pairs()
                    .map(|(a, b)| match distances.distance(a, b) {
                        0 => 0.0,
                        distance => 1.0 / distance as f32,
                    })
                    .collect();
                let side = labels as i64;
                let tensor = |values: &[f32], rows| {
                    Tensor::from_slice(values)
                        .view([rows, side])
                        .to_kind(options.0)
                        .to_device(options.1)
                };
                Ok::<_, KitError>(Edges {
                    table: parameters.add("graph.edges", &[side], &start)?,
                    above: tensor(&above, side + 1),
                    meeting: Tensor::from_slice(&meeting).to_device(options.1),
                    shares: tensor(&shares, side),
                })
            })
            .transpose()?;
        Ok(Self { spatial, edges })
    }

    /// `[L, L]`, unless neither counts.
    fn bias(&self) -> Option<Tensor> {
        match (&self.spatial, &self.edges) {
            (Some(spatial), Some(edges)) => Some(spatial.bias() + edges.bias()),
            (Some(spatial), None) => Some(spatial.bias()),
            (None, Some(edges)) => Some(edges.bias()),
            (None, None) => None,
        }
    }
}

impl Spatial {
    fn bias(&self) -> Tensor {
        self.table
            .index_select(0, &self.distances)
            .view([self.labels, self.labels])
    }
}

impl Edges {
    /// Sums from the root to two labels, without what both have, by the length of the path.
    fn bias(&self) -> Tensor {
        let side = self.table.size()[0];
        let from_root = self.above.mv(&self.table);
        let own = from_root.narrow(0, 0, side);
        let common = from_root.index_select(0, &self.meeting).view([side, side]);
        (own.unsqueeze(1) + own.unsqueeze(0) - common * 2.0) * &self.shares
    }
}

/// Attention of labels over labels, with an addition to its scores.
#[derive(Debug)]
struct AttentionLayer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm: LayerNorm,
    heads: i64,
    /// Two more linear layers, in all layers but the last.
    behind: Option<(Linear, Linear, LayerNorm)>,
}

/// Values of all heads beyond which they are computed one after the other.
const VALUES: i64 = 1 << 24;

/// `[heads, rows, d / heads]`, from `[rows, d]`.
fn by_head(rows: &Tensor, heads: i64) -> Tensor {
    let head = rows.size()[1] / heads;
    rows.view([-1, heads, head]).transpose(0, 1)
}

/// Dropout of the labels' attention and of what comes behind it.
const DROPOUT: f64 = 0.1;
const EPS: f64 = 1e-12;

impl AttentionLayer {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        width: i64,
        heads: i64,
        behind: bool,
    ) -> Result<Self, KitError> {
        let mut linear = |part: &str, inputs, outputs| {
            pretrained_linear(parameters, &format!("{name}.{part}"), inputs, outputs)
        };
        let (query, key) = (linear("query", width, width)?, linear("key", width, width)?);
        let (value, output) = (
            linear("value", width, width)?,
            linear("output", width, width)?,
        );
        let norm = LayerNorm::new(parameters, &format!("{name}.LayerNorm"), width, EPS)?;
        let behind = behind
            .then(|| {
                let inner = 4 * width;
                let first = format!("{name}.behind.first");
                let second = format!("{name}.behind.second");
                let norm = format!("{name}.behind.LayerNorm");
                Ok::<_, KitError>((
                    pretrained_linear(parameters, &first, width, inner)?,
                    pretrained_linear(parameters, &second, inner, width)?,
                    LayerNorm::new(parameters, &norm, width, EPS)?,
                ))
            })
            .transpose()?;
        Ok(Self {
            query,
            key,
            value,
            output,
            norm,
            heads,
            behind,
        })
    }

    /// What labels see, head by head: `[heads, L, d / heads]`.
    fn attend(&self, pass: &Pass, features: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let by_head = |layer: &Linear| by_head(&layer.forward(features), self.heads);
        let head = features.size()[1] / self.heads;
        let queries = by_head(&self.query) / (head as f64).sqrt();
        let scores = queries.matmul(&by_head(&self.key).transpose(1, 2));
        let scores = match bias {
            Some(bias) => scores + bias,
            None => scores,
        };
        let shares = pass.dropout(&scores.softmax(-1, None::<Kind>), DROPOUT);
        shares.matmul(&by_head(&self.value))
    }

    /// The same one head after the other, of which nothing is kept.
    fn attend_in_parts(&self, pass: &Pass, features: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let heads = self.heads;
        let noises: Vec<Option<Noise>> = (0..heads).map(|_| pass.noise()).collect();
        let projected = [&self.query, &self.key, &self.value].map(|layer| layer.forward(features));
        let mut inputs: Vec<&Tensor> = projected.iter().collect();
        inputs.extend(bias);
        let head = features.size()[1] / heads;
        pass.in_parts(&inputs, heads as usize, move |part, inputs| {
            let own = |rows: &Tensor| rows.narrow(1, part as i64 * head, head);
            let queries = own(&inputs[0]) / (head as f64).sqrt();
            let scores = queries.matmul(&own(&inputs[1]).tr());
            let scores = match inputs.get(3) {
                Some(bias) => scores + bias,
                None => scores,
            };
            let shares = dropped(&scores.softmax(-1, None::<Kind>), noises[part], DROPOUT);
            shares.matmul(&own(&inputs[2])).unsqueeze(0)
        })
    }

    /// `features`: `[L, d]`, `bias`: `[L, L]`; result: `[L, d]`.
    fn forward(&self, pass: &Pass, features: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let (labels, width) = (features.size()[0], features.size()[1]);
        let cut;
        let (features, seen) = if self.heads * labels * labels > VALUES {
            // The projections and the sum behind them both go on from here.
            cut = pass.leaf(features);
            (&cut, self.attend_in_parts(pass, &cut, bias))
        } else {
            (features, self.attend(pass, features, bias))
        };
        let seen = seen.transpose(0, 1).reshape([labels, width]);
        let seen = pass.dropout(&self.output.forward(&seen), DROPOUT);
        let features = self.norm.forward(&(features + seen));
        let Some((first, second, norm)) = &self.behind else {
            return features;
        };
        let inner = second.forward(&first.forward(&features).gelu("none"));
        norm.forward(&(&features + pass.dropout(&inner, DROPOUT)))
    }
}

/// Graph attention with one head over neighbors and itself.
#[derive(Debug)]
struct GraphAttention {
    layer: Linear,
    /// `[d, 1]` each.
    own: Tensor,
    other: Tensor,
    /// True where there is no edge, `[L, L]`.
    apart: Tensor,
}

impl GraphAttention {
    fn new(
        parameters: &mut Parameters,
        distances: &Distances,
        width: i64,
    ) -> Result<Self, KitError> {
        let start = Initializer::xavier_uniform(width, 1);
        Ok(Self {
            layer: pretrained_linear(parameters, "graph.attention", width, width)?,
            own: parameters.add("graph.attention.own", &[width, 1], &start)?,
            other: parameters.add("graph.attention.other", &[width, 1], &start)?,
            apart: adjacency(distances, parameters.options()).eq(0.0),
        })
    }

    fn forward(&self, features: &Tensor) -> Tensor {
        let mapped = features.matmul(&self.layer.weight.tr());
        let scores = mapped.matmul(&self.own) + mapped.matmul(&self.other).tr();
        let scores = scores.clamp_min(0.0) + scores.clamp_max(0.0) * 0.2;
        let shares = scores
            .masked_fill(&self.apart, f64::NEG_INFINITY)
            .softmax(-1, None::<Kind>);
        shares.matmul(&mapped) + &self.layer.bias
    }
}
