//! Keys and values that later rows of the same documents see.

use tch::{Kind, Tensor};

use super::{CachedRow, Sight};
use crate::cpu::cached::CachedHeads;
use crate::cpu::{self, slices};

/// Free places by which a document's room grows.
const ROOM: usize = 16;

/// Keys and values of the rows that later rows of the same documents will see, in one layer.
#[derive(Debug, Default)]
pub struct LayerCache(Kept);

#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    /// For the kernels, document by document.
    Heads(Vec<CachedHeads>),
    /// For libtorch.
    Padded(PaddedCache),
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
        match &self.0 {
            Kept::Nothing => 0,
            Kept::Heads(documents) => documents.len(),
            Kept::Padded(cache) => cache.lengths.len(),
        }
    }

    /// Cached rows of a document.
    #[must_use]
    pub fn rows(&self, document: usize) -> usize {
        match &self.0 {
            Kept::Nothing => 0,
            Kept::Heads(documents) => documents[document].rows(),
            Kept::Padded(cache) => cache.lengths[document],
        }
    }

    /// Sets the documents: the segments of a sight, one after the other. `keys` and `values`: `[rows, width]`, see
    /// [`CompiledTransformerLayer::keys_values`](super::CompiledTransformerLayer::keys_values).
    ///
    /// # Panics
    /// If the shapes differ, or are of another number of rows.
    pub fn fill(&mut self, keys: &Tensor, values: &Tensor, sight: &Sight) {
        assert!(
            keys.size().len() == 2
                && keys.size() == values.size()
                && keys.size()[0] == sight.rows() as i64,
            "keys {:?} and values {:?} have one shape, of {} rows",
            keys.size(),
            values.size(),
            sight.rows()
        );
        let (keys, values) = (keys.detach().contiguous(), values.detach().contiguous());
        self.0 = if cpu::serves(&keys) {
            Kept::Heads(heads(&keys, &values, sight))
        } else {
            Kept::Padded(PaddedCache::new(&keys, &values, sight))
        };
    }

    /// All documents as the kernel takes them.
    pub(super) fn heads(&mut self) -> &mut [CachedHeads] {
        match &mut self.0 {
            Kept::Nothing => &mut [],
            Kept::Heads(documents) => documents,
            Kept::Padded(cache) => unreachable!("{:?}: another layer's cache", cache.keys.device()),
        }
    }

    /// All documents as libtorch takes them.
    pub(super) fn padded(&mut self) -> Option<&mut PaddedCache> {
        match &mut self.0 {
            Kept::Nothing => None,
            Kept::Padded(cache) => Some(cache),
            Kept::Heads(_) => unreachable!("the kernels' cache"),
        }
    }
}

fn heads(keys: &Tensor, values: &Tensor, sight: &Sight) -> Vec<CachedHeads> {
    let width = keys.size()[1] as usize;
    let (keys, values) = (slices::read(keys), slices::read(values));
    (0..sight.segments().len())
        .map(|segment| {
            let mut heads = CachedHeads::new(width);
            for row in sight.range(segment) {
                let own = row * width..(row + 1) * width;
                heads.push(&keys[own.clone()], &values[own]);
            }
            heads
        })
        .collect()
}

/// Documents side by side, with room behind each.
#[derive(Debug)]
pub(super) struct PaddedCache {
    /// `[documents, room, width]` each; behind a document's rows stands anything.
    keys: Tensor,
    values: Tensor,
    lengths: Vec<usize>,
}

impl PaddedCache {
    fn new(keys: &Tensor, values: &Tensor, sight: &Sight) -> Self {
        let padded = sight.padded(keys.device());
        let shape = [padded.documents, padded.longest, keys.size()[1]];
        let beside = |rows: &Tensor| rows.index_select(0, &padded.rows).view(shape);
        Self {
            keys: beside(keys),
            values: beside(values),
            lengths: sight.segments().to_vec(),
        }
    }

    /// What one row of each of some documents sees: the cached rows and itself. The documents are different ones.
    /// `projections`: `[rows, 3 · width]`; result: `[rows, width]`.
    pub(super) fn attend(
        &mut self,
        heads: i64,
        projections: &Tensor,
        rows: &[CachedRow],
    ) -> Tensor {
        let (device, width) = (projections.device(), projections.size()[1] / 3);
        let lengths: Vec<i64> = rows
            .iter()
            .map(|row| self.lengths[row.document] as i64)
            .collect();
        let longest = lengths.iter().max().map_or(0, |length| length + 1);
        self.make_room(longest);
        let index = |values: &[i64]| Tensor::from_slice(values).to_device(device);
        let documents: Vec<i64> = rows.iter().map(|row| row.document as i64).collect();
        let (documents, places) = (index(&documents), index(&lengths));
        let part = |number: i64| projections.narrow(1, number * width, width);
        let by_head = |x: &Tensor| {
            x.view([x.size()[0], -1, heads, width / heads])
                .transpose(1, 2)
        };
        let seen = |cache: &mut Tensor, own: &Tensor| {
            // Where the row is not kept, the next one is written over it.
            let _ = cache.index_put_(&[Some(&documents), Some(&places)], own, false);
            by_head(&cache.index_select(0, &documents).narrow(1, 0, longest))
        };
        let keys = seen(&mut self.keys, &part(1));
        let values = seen(&mut self.values, &part(2));
        let mask = Tensor::arange(longest, (Kind::Int64, device)).le_tensor(&places.unsqueeze(1));
        for row in rows {
            self.lengths[row.document] += usize::from(row.kept);
        }
        Tensor::scaled_dot_product_attention(
            &by_head(&part(0).contiguous()),
            &keys,
            &values,
            Some(mask.view([-1, 1, 1, longest])),
            0.0,
            false,
            None,
            false,
        )
        .reshape([-1, width])
    }

    fn make_room(&mut self, rows: i64) {
        let room = self.keys.size()[1];
        if rows > room {
            let more = rows - room + ROOM as i64;
            self.keys = self.keys.constant_pad_nd([0, 0, 0, more]);
            self.values = self.values.constant_pad_nd([0, 0, 0, more]);
        }
    }
}
