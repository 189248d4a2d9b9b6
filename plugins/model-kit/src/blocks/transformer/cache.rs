//! Keys and values that later rows of the same documents see.

use tch::{Device, Tensor};

use super::CachedRow;
use crate::cpu::cached::CachedHeads;
use crate::cpu::{self, slices};

/// Keys and values of the rows that later rows of the same documents will see, in one layer.
#[derive(Debug, Default)]
pub struct LayerCache {
    documents: Vec<CachedDocument>,
}

#[derive(Debug)]
enum CachedDocument {
    Heads(CachedHeads),
    /// `[rows, width]` each.
    Tensors {
        keys: Tensor,
        values: Tensor,
    },
}

impl LayerCache {
    /// A cache without documents.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of documents.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// Cached rows of a document.
    #[must_use]
    pub fn rows(&self, document: usize) -> usize {
        match &self.documents[document] {
            CachedDocument::Heads(heads) => heads.rows(),
            CachedDocument::Tensors { keys, .. } => keys.size()[0] as usize,
        }
    }

    /// Adds a document. `keys` and `values`: `[rows, width]`, see
    /// [`CompiledTransformerLayer::keys_values`](super::CompiledTransformerLayer::keys_values).
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn push(&mut self, keys: &Tensor, values: &Tensor) {
        assert!(
            keys.size().len() == 2 && keys.size() == values.size(),
            "keys {:?} and values {:?} have one shape",
            keys.size(),
            values.size()
        );
        let (keys, values) = (keys.detach().contiguous(), values.detach().contiguous());
        if !cpu::serves(&keys) {
            let (keys, values) = (keys.copy(), values.copy());
            self.documents
                .push(CachedDocument::Tensors { keys, values });
            return;
        }
        let width = keys.size()[1] as usize;
        let mut heads = CachedHeads::new(width);
        let rows = slices::read(&keys).chunks_exact(width);
        for (key, value) in rows.zip(slices::read(&values).chunks_exact(width)) {
            heads.push(key, value);
        }
        self.documents.push(CachedDocument::Heads(heads));
    }

    /// All documents as the kernel takes them.
    pub(super) fn heads(&mut self) -> Vec<&mut CachedHeads> {
        self.documents
            .iter_mut()
            .map(|document| match document {
                CachedDocument::Heads(heads) => heads,
                CachedDocument::Tensors { keys, .. } => {
                    unreachable!("{:?}: the cache of another layer", keys.device())
                }
            })
            .collect()
    }

    /// Keys and values of the row's document with those of the row; they stay if it is kept.
    pub(super) fn with_row(
        &mut self,
        row: &CachedRow,
        key: &Tensor,
        value: &Tensor,
    ) -> (Tensor, Tensor) {
        match &mut self.documents[row.document] {
            CachedDocument::Tensors { keys, values } => {
                let with_key = Tensor::cat(&[&*keys, key], 0);
                let with_value = Tensor::cat(&[&*values, value], 0);
                if row.kept {
                    *keys = with_key.shallow_clone();
                    *values = with_value.shallow_clone();
                }
                (with_key, with_value)
            }
            CachedDocument::Heads(_) => {
                unreachable!("{:?}: the cache of another layer", Device::Cpu)
            }
        }
    }
}
