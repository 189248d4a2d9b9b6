//! How far labels lie apart in the tree, and what lies between them (METHODS 5.2).
//!
//! The virtual root counts as a vertex above the top level. Nothing here depends on the order of ids.

use arborist_model_kit::structure::Hierarchy;

/// Distances further than this share the last entry of the table.
pub const FURTHEST: usize = 19;

/// Ancestors, depths and meeting points of all pairs of labels.
#[derive(Clone, Debug)]
pub struct Distances {
    labels: usize,
    /// Levels of each label, 1 at the top.
    depths: Vec<u32>,
    /// For each label itself and its ancestors, from itself upwards.
    paths: Vec<Vec<u32>>,
    /// `[L, L]`: the lowest label above or equal to both; `L` where they meet in the root.
    meeting: Vec<u32>,
}

impl Distances {
    /// Takes the tree from its edges.
    #[must_use]
    pub fn new(hierarchy: &Hierarchy) -> Self {
        let labels = hierarchy.n_labels();
        let mut parents = vec![None; labels];
        for edge in hierarchy.edges() {
            parents[edge.child as usize] = Some(edge.parent);
        }
        Self::of(&parents)
    }

    /// The same from each label's parent.
    #[must_use]
    pub fn of(parents: &[Option<u32>]) -> Self {
        let labels = parents.len();
        let paths: Vec<Vec<u32>> = (0..labels as u32)
            .map(|label| {
                let above = |label: &u32| parents[*label as usize];
                std::iter::successors(Some(label), above).collect()
            })
            .collect();
        let mut meeting = vec![labels as u32; labels * labels];
        let mut on_path = vec![false; labels];
        for (row, path) in meeting.chunks_exact_mut(labels.max(1)).zip(&paths) {
            path.iter()
                .for_each(|label| on_path[*label as usize] = true);
            for (place, other) in row.iter_mut().zip(&paths) {
                let lowest = other.iter().find(|label| on_path[**label as usize]);
                *place = lowest.copied().unwrap_or(labels as u32);
            }
            path.iter()
                .for_each(|label| on_path[*label as usize] = false);
        }
        Self {
            labels,
            depths: paths.iter().map(|path| path.len() as u32).collect(),
            paths,
            meeting,
        }
    }

    /// Number of labels.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// Label itself and its ancestors, for each label.
    #[must_use]
    pub fn paths(&self) -> &[Vec<u32>] {
        &self.paths
    }

    /// The lowest label above or equal to `a` and `b`; the number of labels where that is the root.
    #[must_use]
    pub fn meeting(&self, a: usize, b: usize) -> usize {
        self.meeting[a * self.labels + b] as usize
    }

    /// Edges between two labels.
    #[must_use]
    pub fn distance(&self, a: usize, b: usize) -> usize {
        let depth = |label: usize| self.depths.get(label).map_or(0, |depth| *depth as usize);
        depth(a) + depth(b) - 2 * depth(self.meeting(a, b))
    }
}
