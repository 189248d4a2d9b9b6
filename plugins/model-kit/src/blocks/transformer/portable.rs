//! The layer with libtorch's operations: for other devices, for double precision, and to compare the kernels with.

use tch::Tensor;

use super::{Sight, TransformerLayer};
use crate::pass::Pass;

impl TransformerLayer {
    /// [`forward`](TransformerLayer::forward) as libtorch sees it, on padded documents within the attention only.
    pub fn forward_portable(&self, pass: &Pass, hidden: &Tensor, sight: &Sight) -> Tensor {
        let projections = self.projections(pass, hidden);
        self.forward_with_projections(pass, hidden, &projections, sight)
    }

    /// Queries, keys and values of rows, side by side: `[rows, 3 · width]`, in the numbers that are multiplied.
    pub(super) fn projections(&self, pass: &Pass, hidden: &Tensor) -> Tensor {
        let kind = self.kind(pass, hidden);
        let [query, key, value] = &self.projections;
        let weights = Tensor::cat(&[&query.weight, &key.weight, &value.weight], 0);
        let biases = Tensor::cat(&[&query.bias, &key.bias, &value.bias], 0);
        hidden
            .to_kind(kind)
            .linear(&weights.to_kind(kind), Some(&biases.to_kind(kind)))
    }

    pub(super) fn forward_with_projections(
        &self,
        pass: &Pass,
        hidden: &Tensor,
        projections: &Tensor,
        sight: &Sight,
    ) -> Tensor {
        let context = self.attention_portable(pass, projections, sight);
        self.behind_attention(pass, hidden, &context)
    }

    /// `projections`: `[rows, 3 · width]`; result: `[rows, width]`.
    fn attention_portable(&self, pass: &Pass, projections: &Tensor, sight: &Sight) -> Tensor {
        let (heads, width) = (self.sizes.heads, self.sizes.width);
        let padded = sight.padded(projections.device());
        let parts = projections
            .index_select(0, &padded.rows)
            .view([padded.documents, padded.longest, 3, heads, width / heads])
            .permute([2, 0, 3, 1, 4]);
        let dropout = if pass.is_training() {
            self.sizes.attention_dropout
        } else {
            0.0
        };
        Tensor::scaled_dot_product_attention(
            &parts.get(0),
            &parts.get(1),
            &parts.get(2),
            padded.mask.as_ref(),
            dropout,
            false,
            None,
            false,
        )
        .transpose(1, 2)
        .reshape([-1, width])
        .index_select(0, &padded.places)
    }

    /// What follows the attention. `hidden`: the layer's input, `context`: what its rows saw; all `[rows, width]`.
    pub(super) fn behind_attention(
        &self,
        pass: &Pass,
        hidden: &Tensor,
        context: &Tensor,
    ) -> Tensor {
        let kind = self.kind(pass, hidden);
        let attended = self.attention_output.forward_in(kind, context);
        let attended = pass.dropout(&attended, self.sizes.dropout);
        let attended = self.attention_norm.forward(&(attended + hidden));
        let inner = self.intermediate.forward_in(kind, &attended).gelu("none");
        let output = pass.dropout(&self.output.forward_in(kind, &inner), self.sizes.dropout);
        self.output_norm.forward(&(output + attended))
    }
}
