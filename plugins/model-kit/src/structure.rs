//! The label tree, or graph, as the structure encoders see it: edges, levels, priors (METHODS 1.1, 1.6).

use arborist_plugin_api::LabelIndex;
use arborist_shared::priors::{EdgePrior, edge_priors};
use arborist_shared::taxonomy::Taxonomy;

use crate::cpu::graph::Edges;

/// A tree or graph of labels with the priors of its edges. The virtual root and its edges are not part of it.
#[derive(Clone, Debug)]
pub struct Hierarchy {
    n_labels: usize,
    /// Ordered by parent, then child.
    edges: Vec<EdgePrior>,
    /// Labels of each level, topmost first.
    levels: Vec<Vec<LabelIndex>>,
    from_children: Edges,
    from_parents: Edges,
    neighbors: Edges,
}

impl Hierarchy {
    /// Reduces a taxonomy to its primary parents, and takes priors from the label sets of documents. Each set is sorted.
    pub fn new<'a>(
        taxonomy: &Taxonomy,
        label_sets: impl IntoIterator<Item = &'a [LabelIndex]>,
    ) -> Self {
        let tree;
        let taxonomy = if taxonomy.is_tree() {
            taxonomy
        } else {
            tree = taxonomy.to_tree();
            &tree
        };
        Self::graph(taxonomy, label_sets)
    }

    /// The same with all parents, for what works on graphs: a graph convolution does, a `TreeLSTM` does not.
    pub fn graph<'a>(
        taxonomy: &Taxonomy,
        label_sets: impl IntoIterator<Item = &'a [LabelIndex]>,
    ) -> Self {
        let edges = edge_priors(taxonomy, label_sets);
        let n_labels = taxonomy.len();
        let mut levels = vec![Vec::new(); taxonomy.depth() as usize];
        for label in taxonomy.indexes() {
            levels[taxonomy.level(label) as usize - 1].push(label);
        }
        let down = |edge: &EdgePrior| (edge.parent, edge.child);
        let up = |edge: &EdgePrior| (edge.child, edge.parent);
        Self {
            n_labels,
            levels,
            from_children: compress(n_labels, edges.iter().map(down)),
            from_parents: compress(n_labels, edges.iter().map(up)),
            neighbors: compress(n_labels, edges.iter().map(down).chain(edges.iter().map(up))),
            edges,
        }
    }

    /// Gives labels that no document has an even share of each of their parents: without it they would hear nothing from
    /// above, and what they have is their names and their place.
    #[must_use]
    pub fn with_shares_for_unseen(mut self) -> Self {
        let mut children = vec![0_u32; self.n_labels];
        for edge in &self.edges {
            children[edge.parent as usize] += 1;
        }
        for edge in self.edges.iter_mut().filter(|edge| edge.documents == 0) {
            edge.probability = 1.0 / f64::from(children[edge.parent as usize]);
        }
        self
    }

    #[must_use]
    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    /// All edges, ordered by parent, then child.
    #[must_use]
    pub fn edges(&self) -> &[EdgePrior] {
        &self.edges
    }

    /// Labels of each level, topmost first.
    #[must_use]
    pub fn levels(&self) -> &[Vec<LabelIndex>] {
        &self.levels
    }

    /// Messages that go up: from children to their parent.
    pub(crate) fn edges_up(&self) -> &Edges {
        &self.from_children
    }

    /// Messages that go down: from a parent to its children.
    pub(crate) fn edges_down(&self) -> &Edges {
        &self.from_parents
    }

    pub(crate) fn neighbors(&self) -> &Edges {
        &self.neighbors
    }
}

/// Edges `(receiver, source)` as compressed rows.
fn compress(n_labels: usize, edges: impl Iterator<Item = (LabelIndex, LabelIndex)>) -> Edges {
    let mut by_receiver: Vec<(LabelIndex, LabelIndex)> = edges.collect();
    by_receiver.sort_unstable();
    let mut offsets = vec![0_u32; n_labels + 1];
    for (receiver, _) in &by_receiver {
        offsets[*receiver as usize + 1] += 1;
    }
    for label in 0..n_labels {
        offsets[label + 1] += offsets[label];
    }
    Edges {
        offsets,
        sources: by_receiver.into_iter().map(|(_, source)| source).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    /// Root → A, B; A → A1, A2; B → B1.
    pub(crate) fn t5() -> Taxonomy {
        let label = |id: &str, parents: &[&str]| NewLabel {
            id: id.to_owned(),
            name: id.to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            details: None,
        };
        Taxonomy::new(vec![
            label("A", &[]),
            label("B", &[]),
            label("A1", &["A"]),
            label("A2", &["A"]),
            label("B1", &["B"]),
        ])
        .unwrap()
    }

    /// Label sets with N(A) = 10, n(A,A1) = 6, n(A,A2) = 2, N(B) = 4, n(B,B1) = 3.
    pub(crate) fn t5_documents() -> Vec<Vec<LabelIndex>> {
        let times = |n: usize, labels: &[LabelIndex]| vec![labels.to_vec(); n];
        [
            times(6, &[0, 2]),
            times(2, &[0, 3]),
            times(2, &[0]),
            times(3, &[1, 4]),
            times(1, &[1]),
        ]
        .concat()
    }

    pub(crate) fn t5_hierarchy() -> Hierarchy {
        Hierarchy::new(&t5(), t5_documents().iter().map(Vec::as_slice))
    }

    #[test]
    fn edges_go_both_ways() {
        let hierarchy = t5_hierarchy();
        let edges: Vec<(u32, u32, f64)> = hierarchy
            .edges()
            .iter()
            .map(|edge| (edge.parent, edge.child, edge.probability))
            .collect();
        assert_eq!(edges, [(0, 2, 0.75), (0, 3, 0.25), (1, 4, 1.0)]);
        assert_eq!(hierarchy.levels(), [vec![0, 1], vec![2, 3, 4]]);
        assert_eq!(hierarchy.edges_up().sources, [2, 3, 4]);
        assert_eq!(hierarchy.edges_up().offsets, [0, 2, 3, 3, 3, 3]);
        assert_eq!(hierarchy.edges_down().sources, [0, 0, 1]);
        assert_eq!(hierarchy.neighbors().sources, [2, 3, 4, 0, 0, 1]);
    }

    #[test]
    fn labels_without_documents_get_an_even_share() {
        let documents: [&[LabelIndex]; 2] = [&[0, 2], &[1]];
        let hierarchy = Hierarchy::new(&t5(), documents).with_shares_for_unseen();
        let shares: Vec<f64> = hierarchy
            .edges()
            .iter()
            .map(|edge| edge.probability)
            .collect();
        // A1 has all documents of A; A2 and B1 have none.
        assert_eq!(shares, [1.0, 0.5, 1.0]);
    }
}
