//! Labels that look at a text: a table of label vectors, and attention over the text's vectors (METHODS 2.2).

use tch::Tensor;

use super::{StructureEncoder, StructureOptions, Text};
use crate::batch::Batch;
use crate::cpu::label_attention::{self as kernel, Texts};
use crate::cpu::{self, parallel, slices, sums};
use crate::error::KitError;
use crate::initializer::Initializer;
use crate::packing::{Group, Packing};
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
                let padding = self.padding(pass, batch);
                if cpu::serves(states) {
                    attend_packed(pass, &batch.packing, states, labels, padding)
                } else {
                    let (tokens, mask) = batch.pad_rows(states);
                    let padding = Tensor::from_slice(&padding)
                        .to_device(states.device())
                        .to_kind(states.kind());
                    attend_tokens(&tokens, &mask, &padding, labels)
                }
            }
        };
        attended.flatten(1, 2)
    }

    /// For each document: positions of padding that take part.
    fn padding(&self, pass: &Pass, batch: &Batch) -> Vec<f32> {
        let longest = if pass.is_training() {
            batch.packing.longest
        } else {
            self.options.padded.max(batch.packing.longest)
        };
        let lengths = batch.packing.lengths.iter();
        lengths
            .map(|length| match self.options.mask_padding {
                true => 0.0,
                false => (longest - length) as f32,
            })
            .collect()
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

/// [`attend_tokens`] of packed documents, as a recorded block. `states`: `[tokens, d]`, `padding`: one for each document;
/// result: `[documents, L, d]`.
fn attend_packed(
    pass: &Pass,
    packing: &Packing,
    states: &Tensor,
    labels: &Tensor,
    padding: Vec<f32>,
) -> Tensor {
    let _guard = tch::no_grad_guard();
    let (documents, width) = (packing.lengths.len(), labels.size()[1]);
    let n_labels = labels.size()[0];
    let work = PackedAttention {
        states: states.detach().contiguous(),
        labels: labels.detach().contiguous(),
        packing: packing.clone(),
        padding,
    };
    let mut weights = slices::unset(&[packing.tokens as i64, n_labels]);
    let mut seen = slices::unset(&[documents as i64, n_labels, width]);
    work.forward(slices::write(&mut weights), slices::write(&mut seen));
    pass.record(seen, &[states, labels], move |gradient| {
        let (of_states, of_labels) = work.backward(slices::read(&weights), slices::read(gradient));
        vec![Some(of_states), Some(of_labels)]
    })
}

/// What attention over packed documents reads.
struct PackedAttention {
    /// `[tokens, d]`
    states: Tensor,
    /// `[L, d]`
    labels: Tensor,
    packing: Packing,
    padding: Vec<f32>,
}

impl PackedAttention {
    fn texts<'a>(&'a self, group: &'a Group) -> Texts<'a> {
        let width = self.labels.size()[1] as usize;
        let tokens = group.first_token..group.first_token + group.tokens;
        let documents = group.first_document..group.first_document + group.documents;
        Texts {
            states: &slices::read(&self.states)[tokens.start * width..tokens.end * width],
            labels: slices::read(&self.labels),
            width,
            starts: &group.starts,
            zeros: &self.padding[documents],
        }
    }

    fn forward(&self, weights: &mut [f32], seen: &mut [f32]) {
        let (tokens, documents) = (self.packing.token_ranges(), self.packing.document_ranges());
        let n_labels = self.labels.size()[0] as usize;
        let weights = parallel::split_rows(weights, &tokens, n_labels);
        let seen = parallel::split_rows(seen, &documents, self.labels.numel());
        let texts = self.packing.groups.iter().map(|group| self.texts(group));
        let tasks = texts.zip(weights).zip(seen).collect();
        parallel::run(
            tasks,
            |((texts, weights), seen): ((Texts<'_>, &mut [f32]), &mut [f32])| {
                kernel::forward(texts, weights, seen);
            },
        );
    }

    /// Gradients of states and labels.
    fn backward(&self, weights: &[f32], gradient: &[f32]) -> (Tensor, Tensor) {
        let (tokens, documents) = (self.packing.token_ranges(), self.packing.document_ranges());
        let [n_labels, width] = [0, 1].map(|at| self.labels.size()[at] as usize);
        let mut of_states = slices::unset(&self.states.size());
        let mut sums = vec![vec![0.0; self.labels.numel()]; self.packing.groups.len()];
        let tasks = self
            .packing
            .groups
            .iter()
            .zip(tokens.iter().zip(&documents))
            .zip(parallel::split_rows(
                slices::write(&mut of_states),
                &tokens,
                width,
            ))
            .zip(&mut sums)
            .map(|(((group, (tokens, documents)), of_states), of_labels)| {
                let weights = &weights[tokens.start * n_labels..tokens.end * n_labels];
                let size = n_labels * width;
                let gradient = &gradient[documents.start * size..documents.end * size];
                (self.texts(group), weights, gradient, of_states, of_labels)
            })
            .collect();
        parallel::run(tasks, |task: BackwardTask<'_>| {
            let (texts, weights, gradient, of_states, of_labels) = task;
            kernel::backward(texts, weights, gradient, of_states, of_labels);
        });
        let of_labels = Tensor::from_slice(&sums::added(sums)).view_as(&self.labels);
        (of_states, of_labels)
    }
}

/// Texts, weights, gradient of what labels see; gradients of states and labels.
type BackwardTask<'a> = (
    Texts<'a>,
    &'a [f32],
    &'a [f32],
    &'a mut [f32],
    &'a mut Vec<f32>,
);

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
    fn packed_documents_see_what_padded_ones_see() {
        for mask_padding in [true, false] {
            tch::manual_seed(3);
            let options = (Kind::Float, Device::Cpu);
            let (packing, _) = Packing::arrange(&[5, 1, 9, 3, 17], 2);
            let states =
                Tensor::randn([packing.tokens as i64, 24], options).set_requires_grad(true);
            let labels = Tensor::randn([7, 24], options).set_requires_grad(true);
            let outer = Tensor::randn([5, 7, 24], options);
            let padding: Vec<f32> = packing
                .lengths
                .iter()
                .map(|length| {
                    if mask_padding {
                        0.0
                    } else {
                        (20 - length) as f32
                    }
                })
                .collect();

            let starts = packing.starts();
            let rows: Vec<Tensor> = starts
                .windows(2)
                .zip(&padding)
                .map(|(ends, &padding)| {
                    let (start, n) = (ends[0] as i64, (ends[1] - ends[0]) as i64);
                    let text = states.narrow(0, start, n).unsqueeze(0);
                    let ones = Tensor::ones([1, n], options);
                    attend_tokens(&text, &ones, &Tensor::from_slice(&[padding]), &labels)
                })
                .collect();
            let expected = Tensor::cat(&rows, 0);
            let wanted = [&states, &labels];
            let loss = (&expected * &outer).sum(Kind::Float);
            let expected_gradients = Tensor::run_backward(&[loss], &wanted, false, false);

            let pass = Pass::training(crate::pass::Moment {
                seed: 1,
                stage: 0,
                step: 0,
            });
            let found = attend_packed(&pass, &packing, &states, &labels, padding);
            let numbers = |x: &Tensor| Vec::<f32>::try_from(x.flatten(0, -1)).unwrap();
            close(&found, &numbers(&expected));
            let gradients = pass.backward(&(found * outer).sum(Kind::Float), &wanted);
            for (found, expected) in gradients.iter().zip(expected_gradients) {
                let difference = found.as_ref().unwrap() - expected;
                assert!(difference.abs().max().double_value(&[]) < 1e-4);
            }
        }
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
