//! The sizes from which on a model is built, kept or scored in another way.
//!
//! They stand together so that tests can lower them: what happens at 30,000 labels is then tried on eight.

/// Where small ends. [`Scale::default`] is what training and prediction use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    /// Values of all documents times labels, above which `auto` does not train flat.
    pub(crate) max_flat_work: usize,
    /// Features times nodes, above which weights are stored sparsely and pruned.
    pub(crate) max_dense_weights: usize,
    /// Labels, above which a document's scores are a sparse row.
    pub(crate) max_dense_labels: usize,
    /// Children that a node keeps in any case.
    pub(crate) min_children: usize,
    /// Documents of a node times its children, above which the children are grouped.
    pub(crate) max_visits: usize,
}

impl Default for Scale {
    fn default() -> Self {
        Self {
            // About a minute on two cores.
            max_flat_work: 5_000_000_000,
            // 256 MB.
            max_dense_weights: 1 << 26,
            max_dense_labels: 4096,
            min_children: 64,
            max_visits: 1 << 24,
        }
    }
}
