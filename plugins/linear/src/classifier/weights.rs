//! The weights of all classifiers, dense or sparse, laid out for one document at a time.

use crate::matrix::Row;

/// Weights of the classifiers of a structure.
#[derive(Clone, Debug)]
pub(crate) enum Weights {
    /// All weights, for models of moderate size.
    Dense(Dense),
    /// The weights that matter.
    Sparse(Sparse),
}

/// `[features, nodes]`; the root's column is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dense {
    pub(crate) n_nodes: usize,
    pub(crate) values: Vec<f32>,
}

/// For each node the features that tell its children apart, in increasing order; for each feature the children.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse {
    /// First and one after the last of each node's entries in `features`: `[nodes, 2]`.
    pub(crate) nodes: Vec<[u32; 2]>,
    pub(crate) features: Vec<u32>,
    /// Where each entry of `features` ends in `children` and `values`.
    pub(crate) ends: Vec<u64>,
    /// Child, counted from the node's first.
    pub(crate) children: Vec<u32>,
    pub(crate) values: Vec<f32>,
}

/// Weights of one node's children.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeWeights {
    /// Feature, child and weight.
    entries: Vec<(u32, u32, f32)>,
}

impl NodeWeights {
    pub(crate) fn push(&mut self, feature: u32, child: u32, weight: f32) {
        self.entries.push((feature, child, weight));
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
    }
}

impl Dense {
    pub(crate) fn new(n_features: usize, n_nodes: usize) -> Self {
        Self {
            n_nodes,
            values: vec![0.0; n_features * n_nodes],
        }
    }

    /// Sets weights of a node's children, which are numbered from `first_child` on.
    pub(crate) fn set(&mut self, first_child: u32, weights: &NodeWeights) {
        for &(feature, child, weight) in &weights.entries {
            self.values[feature as usize * self.n_nodes + (first_child + child) as usize] = weight;
        }
    }

    /// Adds the products of a document with the weights of every node.
    #[inline]
    pub(crate) fn add_products(&self, document: Row<'_>, margins: &mut [f32]) {
        for (feature, value) in document.iter() {
            let start = feature as usize * self.n_nodes;
            for (margin, weight) in margins
                .iter_mut()
                .zip(&self.values[start..start + self.n_nodes])
            {
                *margin += value * weight;
            }
        }
    }
}

impl Sparse {
    pub(crate) fn new(n_nodes: usize) -> Self {
        Self {
            nodes: vec![[0, 0]; n_nodes],
            ..Self::default()
        }
    }

    /// Sets the weights of a node, once.
    pub(crate) fn set(&mut self, node: u32, weights: NodeWeights) {
        let mut entries = weights.entries;
        entries.sort_unstable_by_key(|&(feature, child, _)| (feature, child));
        let first = self.features.len() as u32;
        self.children
            .extend(entries.iter().map(|&(_, child, _)| child));
        self.values
            .extend(entries.iter().map(|&(.., weight)| weight));
        for entry in entries.chunk_by(|left, right| left.0 == right.0) {
            let before = self.ends.last().copied().unwrap_or(0);
            self.features.push(entry[0].0);
            self.ends.push(before + entry.len() as u64);
        }
        self.nodes[node as usize] = [first, self.features.len() as u32];
    }

    /// Gives back what was allocated for growing.
    pub(crate) fn shrink(&mut self) {
        self.features.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.children.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    /// Adds the products of a document with the weights of each of a node's children.
    pub(crate) fn add_products(&self, node: u32, document: Row<'_>, margins: &mut [f32]) {
        let [first, last] = self.nodes[node as usize];
        let mut at = first as usize;
        let last = last as usize;
        for (feature, value) in document.iter() {
            at += lower_bound(&self.features[at..last], feature);
            if at == last {
                break;
            }
            if self.features[at] == feature {
                let start = if at == 0 {
                    0
                } else {
                    self.ends[at - 1] as usize
                };
                let end = self.ends[at] as usize;
                for (&child, &weight) in self.children[start..end]
                    .iter()
                    .zip(&self.values[start..end])
                {
                    margins[child as usize] += value * weight;
                }
            }
        }
    }

    /// The weight of a feature for a node's child.
    pub(crate) fn weight(&self, node: u32, child: u32, feature: u32) -> f32 {
        let [first, last] = self.nodes[node as usize].map(|place| place as usize);
        let Ok(place) = self.features[first..last].binary_search(&feature) else {
            return 0.0;
        };
        let at = first + place;
        let start = if at == 0 {
            0
        } else {
            self.ends[at - 1] as usize
        };
        let end = self.ends[at] as usize;
        match self.children[start..end].binary_search(&child) {
            Ok(place) => self.values[start + place],
            Err(_) => 0.0,
        }
    }

    /// Whether all positions lie where they may, for a structure with these numbers of children.
    pub(crate) fn is_valid(&self, n_children: &[u32], n_features: usize) -> bool {
        let rising = self.ends.is_sorted()
            && self.ends.last().copied().unwrap_or(0) == self.children.len() as u64;
        rising
            && self.nodes.len() == n_children.len()
            && self.ends.len() == self.features.len()
            && self.values.len() == self.children.len()
            && self
                .nodes
                .iter()
                .zip(n_children)
                .all(|(&[first, last], &n_children)| {
                    let (first, last) = (first as usize, last as usize);
                    first <= last
                        && last <= self.features.len()
                        && self.features[first..last].is_sorted_by(|left, right| left < right)
                        && self.features[first..last]
                            .last()
                            .is_none_or(|&feature| (feature as usize) < n_features)
                        && {
                            let start = if first == 0 {
                                0
                            } else {
                                self.ends[first - 1] as usize
                            };
                            let end = if last == 0 {
                                0
                            } else {
                                self.ends[last - 1] as usize
                            };
                            first == last
                                || self.children[start..end]
                                    .iter()
                                    .all(|&child| child < n_children)
                        }
                })
    }
}

/// First place whose feature is not below `feature`: a few steps on, then by doubling.
fn lower_bound(features: &[u32], feature: u32) -> usize {
    let mut step = 1;
    while step < features.len() && features[step] < feature {
        step *= 2;
    }
    let start = step / 2;
    let end = (step + 1).min(features.len());
    start + features[start..end].partition_point(|&other| other < feature)
}
