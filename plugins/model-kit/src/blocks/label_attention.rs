//! Labels that look at a text: a table of label vectors, and attention over the text's vectors (METHODS 2.2).

use tch::Tensor;

use super::{StructureEncoder, StructureOptions, Text};
use crate::batch::Batch;
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::parameters::Parameters;
use crate::pass::Pass;
use crate::structure::Hierarchy;

/// A trained vector for each label, refined along the tree.
pub struct LabelTable {
    /// `[L, d]`
    table: Tensor,
    structure: StructureEncoder,
    dropout: f64,
}

impl LabelTable {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape, or the structure encoder cannot have this width.
    pub fn new(
        parameters: &mut Parameters,
        hierarchy: &Hierarchy,
        width: i64,
        structure: &StructureOptions,
        dropout: f64,
    ) -> Result<Self, KitError> {
        let table = parameters.add(
            "labels",
            &[hierarchy.n_labels() as i64, width],
            &Initializer::kaiming_uniform(width),
        )?;
        Ok(Self {
            table,
            structure: StructureEncoder::new(parameters, "", hierarchy, width, structure)?,
            dropout,
        })
    }

    /// Vectors of the labels, `[L, d]`.
    pub fn forward(&self, pass: &Pass) -> Tensor {
        self.structure
            .forward(pass, &self.table, self.dropout)
            .squeeze_dim(0)
    }
}

/// Sizes and rates of [`LabelAttention`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelAttentionOptions {
    /// Width of a label's vector, and of the text's.
    pub label_dim: i64,
    /// On the table.
    pub dropout: f64,
    pub structure: StructureOptions,
    /// Whether padding takes no part in the attention over tokens.
    pub mask_padding: bool,
    /// Length to which every text counts as padded outside training, so that scores do not depend on the batch.
    pub padded: usize,
}

/// A vector per label, refined along the tree, that attends over a text's vectors.
pub struct LabelAttention {
    options: LabelAttentionOptions,
    labels: i64,
    vectors: Vectors,
}

enum Vectors {
    Trained(Box<LabelTable>),
    /// `[L, d]`: the table's vectors once training is over.
    Kept(Tensor),
}

impl LabelAttention {
    /// # Errors
    /// When the checkpoint does not have the parameters in this shape, or the structure encoder cannot have this width.
    pub fn new(
        parameters: &mut Parameters,
        hierarchy: &Hierarchy,
        options: LabelAttentionOptions,
    ) -> Result<Self, KitError> {
        let table = LabelTable::new(
            parameters,
            hierarchy,
            options.label_dim,
            &options.structure,
            options.dropout,
        )?;
        Ok(Self {
            options,
            labels: hierarchy.n_labels() as i64,
            vectors: Vectors::Trained(Box::new(table)),
        })
    }

    /// Width of what [`LabelAttention::forward`] gives.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.labels * self.options.label_dim
    }

    /// The table `[L, d]` in front of the structure encoder; none once training is over.
    #[must_use]
    pub fn table(&self) -> Option<&Tensor> {
        match &self.vectors {
            Vectors::Trained(table) => Some(&table.table),
            Vectors::Kept(_) => None,
        }
    }

    /// Vectors of the labels, `[L, d]`.
    pub fn labels(&self, pass: &Pass) -> Tensor {
        match &self.vectors {
            Vectors::Trained(table) => table.forward(pass),
            Vectors::Kept(vectors) => vectors.shallow_clone(),
        }
    }

    /// Keeps the labels' vectors and drops the table and its structure encoder: all that prediction needs.
    #[must_use]
    pub fn into_trained(self) -> Self {
        let vectors = tch::no_grad(|| self.labels(&Pass::evaluation()));
        Self {
            vectors: Vectors::Kept(vectors),
            ..self
        }
    }

    /// What each label sees of the text, side by side: `[documents, L · d]`. `labels`: `[L, d]`.
    pub fn forward(&self, pass: &Pass, batch: &Batch, text: &Text, labels: &Tensor) -> Tensor {
        let attended = match text {
            Text::Features(features) => attend(
                &features.view([features.size()[0], -1, self.options.label_dim]),
                labels,
            ),
            Text::States(states) => {
                let (tokens, mask) = batch.pad_rows(states);
                attend_tokens(&tokens, &mask, &self.padding(pass, batch, &tokens), labels)
            }
        };
        attended.flatten(1, 2)
    }

    /// `[documents]`: positions of padding that take part.
    fn padding(&self, pass: &Pass, batch: &Batch, like: &Tensor) -> Tensor {
        let longest = if pass.is_training() {
            batch.packing.longest
        } else {
            self.options.padded.max(batch.packing.longest)
        };
        let counts: Vec<f32> = batch
            .packing
            .lengths
            .iter()
            .map(|length| {
                if self.options.mask_padding {
                    0.0
                } else {
                    (longest - length) as f32
                }
            })
            .collect();
        Tensor::from_slice(&counts)
            .to_device(like.device())
            .to_kind(like.kind())
    }
}

/// Each label's weighted sum of a text's vectors. `text`: `[documents, n, d]`, `labels`: `[L, d]`; result:
/// `[documents, L, d]`. The weights of a label are a softmax over the text's vectors; nothing is scaled.
pub fn attend(text: &Tensor, labels: &Tensor) -> Tensor {
    let weights = text.matmul(&labels.tr()).softmax(1, text.kind());
    weights.transpose(1, 2).matmul(text)
}

/// [`attend`] over tokens, of which some are padding.
///
/// `mask`: `[documents, n]`, 1 where there is a token. `padding`: `[documents]`, how many vectors of zeros take part in
/// the softmax besides: their score is 0 and they add nothing to the sum (METHODS 3.1).
pub fn attend_tokens(text: &Tensor, mask: &Tensor, padding: &Tensor, labels: &Tensor) -> Tensor {
    let (n, n_labels) = (text.size()[1], labels.size()[0]);
    let scores = text
        .matmul(&labels.tr())
        .masked_fill(&mask.unsqueeze(2).eq(0.0), f64::NEG_INFINITY);
    // e^(ln count) is the weight of so many scores of 0; the logarithm of none is −∞.
    let zeros = padding
        .log()
        .view([-1, 1, 1])
        .expand([-1, 1, n_labels], false);
    let weights = Tensor::cat(&[scores, zeros], 1)
        .softmax(1, text.kind())
        .narrow(1, 0, n);
    weights.transpose(1, 2).matmul(text)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn close(found: &Tensor, expected: &[f32]) {
        let found: Vec<f32> = Vec::try_from(found.flatten(0, -1)).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    fn text() -> Tensor {
        Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 1.0, 0.0, 0.0]).view([1, 3, 2])
    }

    fn label() -> Tensor {
        Tensor::from_slice(&[4.0_f32.ln(), 0.0]).view([1, 2])
    }

    #[test]
    fn the_numbers_by_hand() {
        // Weights 2/3, 1/6, 1/6.
        close(&attend(&text(), &label()), &[2.0 / 3.0, 1.0 / 6.0]);
    }

    #[test]
    fn a_single_vector_has_all_the_weight() {
        let text = text().narrow(1, 0, 1);
        let labels = Tensor::from_slice(&[9.0_f32, 1.0, -3.0, 0.5]).view([2, 2]);
        close(&attend(&text, &labels), &[1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn padding_takes_part_as_zeros_or_not_at_all() {
        let tokens = text().narrow(1, 0, 2);
        let ones = Tensor::ones([1, 2], (Kind::Float, Device::Cpu));
        let padding = |count: f32| Tensor::from_slice(&[count]);
        // The third vector of the example is zeros: one padding position says the same.
        close(
            &attend_tokens(&tokens, &ones, &padding(1.0), &label()),
            &[2.0 / 3.0, 1.0 / 6.0],
        );
        close(
            &attend_tokens(&tokens, &ones, &padding(0.0), &label()),
            &[0.8, 0.2],
        );
        let masked = Tensor::from_slice(&[1.0_f32, 0.0, 0.0]).view([1, 3]);
        close(
            &attend_tokens(&text(), &masked, &padding(0.0), &label()),
            &[1.0, 0.0],
        );
    }
}
