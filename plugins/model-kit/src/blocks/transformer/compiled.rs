//! The layer for prediction: weights that do not change any more, and rows that look at cached ones.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::kernels::{Dropouts, Kernels, NormValues, Product};
use super::{LayerCache, Sight, TransformerLayer, TransformerSizes};
use crate::blocks::linear::LinearWeights;
use crate::cpu::cached::{CachedQuery, CachedTask};
use crate::cpu::int8::{self, QuantizedMatrix};
use crate::cpu::matrix::{self, ArrangedMatrix, Operand, Start};
use crate::cpu::noise::Dropout;
use crate::cpu::{self, cached, parallel, slices};
use crate::pass::Pass;

/// In what numbers the linear layers are multiplied in prediction. All else is in single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    #[default]
    Single,
    /// Eight bits, with a scale for each output of the weights and for each row that comes in. Where the processor has
    /// nothing fast for it, single precision.
    Int8,
}

/// A row that [`CompiledTransformerLayer::forward_cached`] computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedRow {
    /// Whose cached rows it sees.
    pub document: usize,
    /// Whether later rows see it: then its key and value are appended.
    pub kept: bool,
}

/// A [`TransformerLayer`] whose weights do not change any more. Run it under [`tch::no_grad`].
#[derive(Debug)]
pub struct CompiledTransformerLayer(Compiled);

#[derive(Debug)]
enum Compiled {
    Kernels(Box<Kernels<ArrangedProduct>>),
    Plain(Box<TransformerLayer>),
}

/// Arranged weights of a linear layer.
#[derive(Debug)]
enum ArrangedProduct {
    Single {
        weights: ArrangedMatrix,
        /// `[out]`
        biases: Vec<f32>,
    },
    Int8(QuantizedMatrix),
}

impl ArrangedProduct {
    fn new(weights: &LinearWeights, precision: Precision) -> Self {
        let (weight, inputs) = (weights.weight(), weights.inputs());
        if precision == Precision::Int8 && int8::is_fast() {
            return Self::Int8(QuantizedMatrix::new(weight, weights.biases(), inputs));
        }
        Self::Single {
            weights: ArrangedMatrix::new(Operand::rows(weight, inputs)),
            biases: weights.biases().to_vec(),
        }
    }
}

impl Product for ArrangedProduct {
    fn multiply(&self, x: &Tensor) -> Tensor {
        let outputs = match self {
            Self::Single { weights, .. } => weights.count(),
            Self::Int8(weights) => weights.outputs(),
        };
        let mut result = slices::unset(&[x.size()[0], outputs as i64]);
        let values = slices::write(&mut result);
        match self {
            Self::Single { weights, biases } => {
                let x = Operand::rows(slices::read(x), x.size()[1] as usize);
                matrix::multiply(x, weights.operand(), values, Start::Biases(biases));
            }
            Self::Int8(weights) => weights.multiply(slices::read(x), values),
        }
        result
    }
}

impl CompiledTransformerLayer {
    pub(super) fn new(layer: TransformerLayer, precision: Precision) -> Self {
        if !cpu::serves(&layer.attention_output.weight) {
            return Self(Compiled::Plain(Box::new(layer)));
        }
        let kernels = Kernels::of(&layer);
        let packed = |weights: &LinearWeights| ArrangedProduct::new(weights, precision);
        Self(Compiled::Kernels(Box::new(Kernels {
            sizes: layer.sizes,
            projections: packed(&kernels.projections),
            attention_output: packed(&kernels.attention_output),
            attention_norm: NormValues::of(&layer.attention_norm),
            intermediate: packed(&kernels.intermediate),
            output: packed(&kernels.output),
            output_norm: NormValues::of(&layer.output_norm),
        })))
    }

    #[must_use]
    pub fn sizes(&self) -> &TransformerSizes {
        match &self.0 {
            Compiled::Kernels(kernels) => &kernels.sizes,
            Compiled::Plain(layer) => &layer.sizes,
        }
    }

    /// `hidden`: `[rows, width]`, document after document as `sight` says; result: `[rows, width]`.
    pub fn forward(&self, hidden: &Tensor, sight: &Sight) -> Tensor {
        self.check(hidden, sight.rows());
        let hidden = hidden.contiguous();
        self.forward_with(&hidden, &self.projections(&hidden), sight)
    }

    /// [`forward`](Self::forward), which also sets the cache's documents: the segments.
    pub fn forward_caching(
        &self,
        hidden: &Tensor,
        sight: &Sight,
        cache: &mut LayerCache,
    ) -> Tensor {
        self.check(hidden, sight.rows());
        let hidden = hidden.contiguous();
        let projections = self.projections(&hidden);
        let (keys, values) = self.parts(&projections);
        cache.fill(&keys, &values, sight);
        self.forward_with(&hidden, &projections, sight)
    }

    /// The first row of each segment, where nobody asks for the others: `[segments, width]`. All rows see all of their
    /// segment.
    pub fn forward_firsts(&self, hidden: &Tensor, sight: &Sight) -> Tensor {
        self.check(hidden, sight.rows());
        let count = sight.segments().len();
        let starts: Vec<i64> = (0..count)
            .map(|segment| sight.range(segment).start as i64)
            .collect();
        let starts = Tensor::from_slice(&starts).to_device(hidden.device());
        let Compiled::Kernels(_) = &self.0 else {
            return self.forward(hidden, sight).index_select(0, &starts);
        };
        let (keys, values) = self.parts(&self.projections(&hidden.contiguous()));
        // The first row itself is computed, not kept.
        let others: Vec<i64> = (0..count)
            .flat_map(|segment| sight.range(segment).skip(1))
            .map(|row| row as i64)
            .collect();
        let others = Tensor::from_slice(&others);
        let lengths = sight.segments().iter().map(|length| length - 1).collect();
        let mut cache = LayerCache::new();
        cache.fill(
            &keys.index_select(0, &others),
            &values.index_select(0, &others),
            &Sight::whole(lengths),
        );
        let rows: Vec<CachedRow> = (0..count)
            .map(|document| CachedRow {
                document,
                kept: false,
            })
            .collect();
        self.forward_cached(&hidden.index_select(0, &starts), &rows, &mut cache)
    }

    /// Keys and values of rows. `hidden` and both results: `[rows, width]`.
    pub fn keys_values(&self, hidden: &Tensor) -> (Tensor, Tensor) {
        let (keys, values) = self.parts(&self.projections(&hidden.contiguous()));
        (keys.contiguous(), values.contiguous())
    }

    /// Rows that see the cached rows of their documents, and themselves. A row that is kept is seen by the rows behind
    /// it, in this call and in later ones. `hidden`: `[rows, width]`; result: `[rows, width]`.
    ///
    /// # Panics
    /// If there is not one of `rows` for each row, or a document is not in the cache.
    pub fn forward_cached(
        &self,
        hidden: &Tensor,
        rows: &[CachedRow],
        cache: &mut LayerCache,
    ) -> Tensor {
        self.check(hidden, rows.len());
        let hidden = hidden.contiguous();
        let projections = self.projections(&hidden);
        match &self.0 {
            Compiled::Kernels(kernels) => {
                let context = attend_cached(&kernels.sizes, &projections, rows, cache);
                kernels
                    .behind(&hidden, &context, Dropouts::off())
                    .output
                    .output
            }
            Compiled::Plain(layer) => {
                let context = attend_cached_portable(&layer.sizes, &projections, rows, cache);
                layer.behind_attention(&Pass::evaluation(), &hidden, &context)
            }
        }
    }

    fn check(&self, hidden: &Tensor, rows: usize) {
        assert!(
            hidden.size() == [rows as i64, self.sizes().width],
            "{:?} is not the shape of {rows} rows",
            hidden.size()
        );
    }

    /// Queries, keys and values of rows, side by side: `[rows, 3 · width]`.
    fn projections(&self, hidden: &Tensor) -> Tensor {
        match &self.0 {
            Compiled::Kernels(kernels) => kernels.projections.multiply(hidden),
            Compiled::Plain(layer) => layer.projections(&Pass::evaluation(), hidden),
        }
    }

    /// The keys and the values among projections.
    fn parts(&self, projections: &Tensor) -> (Tensor, Tensor) {
        let width = self.sizes().width;
        (
            projections.narrow(1, width, width),
            projections.narrow(1, 2 * width, width),
        )
    }

    fn forward_with(&self, hidden: &Tensor, projections: &Tensor, sight: &Sight) -> Tensor {
        match &self.0 {
            Compiled::Kernels(kernels) => {
                let context = kernels.attend(projections, sight, Dropout::off());
                kernels
                    .behind(hidden, &context, Dropouts::off())
                    .output
                    .output
            }
            Compiled::Plain(layer) => {
                layer.forward_with_projections(&Pass::evaluation(), hidden, projections, sight)
            }
        }
    }
}

/// What rows see of their documents' caches: `[rows, width]`. A task for each document.
fn attend_cached(
    sizes: &TransformerSizes,
    projections: &Tensor,
    rows: &[CachedRow],
    cache: &mut LayerCache,
) -> Tensor {
    let width = sizes.width as usize;
    let mut context = slices::unset(&[rows.len() as i64, sizes.width]);
    let mut tasks: Vec<CachedTask<'_>> = cache
        .heads()
        .iter_mut()
        .map(|cache| CachedTask {
            cache,
            rows: Vec::new(),
        })
        .collect();
    let results = slices::write(&mut context).chunks_exact_mut(width);
    let projections = slices::read(projections).chunks_exact(3 * width);
    for ((row, projections), result) in rows.iter().zip(projections).zip(results) {
        tasks[row.document].rows.push(CachedQuery {
            projections,
            kept: row.kept,
            result,
        });
    }
    tasks.retain(|task| !task.rows.is_empty());
    let size = width / sizes.heads as usize;
    parallel::run(tasks, |task| cached::attend(task, size));
    context
}

/// The same with libtorch's operations, one row of every document at a time.
fn attend_cached_portable(
    sizes: &TransformerSizes,
    projections: &Tensor,
    rows: &[CachedRow],
    cache: &mut LayerCache,
) -> Tensor {
    let mut context = projections.narrow(1, 0, sizes.width).copy();
    let Some(cache) = cache.padded() else {
        assert!(rows.is_empty(), "a row's document is in the cache");
        return context;
    };
    for places in one_of_each(rows) {
        let chosen: Vec<CachedRow> = places.iter().map(|&place| rows[place as usize]).collect();
        let places = Tensor::from_slice(&places).to_device(projections.device());
        let projections = projections.index_select(0, &places);
        let seen = cache.attend(sizes.heads, &projections, &chosen);
        let _ = context.index_copy_(0, &places, &seen);
    }
    context
}

/// Places of rows: first those that are the first of their document, then those that are the second, and so on.
fn one_of_each(rows: &[CachedRow]) -> Vec<Vec<i64>> {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    let mut rounds: Vec<Vec<i64>> = Vec::new();
    for (place, row) in (0..).zip(rows) {
        let count = counts.entry(row.document).or_default();
        if rounds.len() == *count {
            rounds.push(Vec::new());
        }
        rounds[*count].push(place);
        *count += 1;
    }
    rounds
}
