//! Which tokens a document's labels keep for its positive view (METHODS 5.3).

use arborist_model_kit::blocks::{Linear, pretrained_linear};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use tch::{Kind, Tensor};

use crate::hyperparameters::GumbelInput;

/// Attention of tokens over labels.
#[derive(Debug)]
pub struct TokenLabels {
    query: Linear,
    key: Linear,
    heads: i64,
}

impl TokenLabels {
    /// `heads`: as many as divide the width, at most so many.
    ///
    /// # Errors
    /// When what the parameters start from does not have them in this shape.
    pub fn new(parameters: &mut Parameters, width: i64, heads: i64) -> Result<Self, KitError> {
        Ok(Self {
            query: pretrained_linear(parameters, "tokens.query", width, width)?,
            key: pretrained_linear(parameters, "tokens.key", width, width)?,
            heads: largest_divisor(width, heads),
        })
    }

    /// Scores of tokens and labels, head by head: `[heads, tokens, L]`. `words`: `[tokens, d]`, `labels`: `[L, d]`.
    pub fn scores(&self, words: &Tensor, labels: &Tensor) -> Tensor {
        let width = words.size()[1];
        let head = width / self.heads;
        let by_head = |rows: Tensor| rows.view([-1, self.heads, head]).transpose(0, 1);
        let queries = by_head(self.query.forward(words)) / (head as f64).sqrt();
        queries.matmul(&by_head(self.key.forward(labels)).transpose(1, 2))
    }

    /// Shares of a token's attention: over labels, averaged over heads, `[tokens, L]`; each row sums to 1.
    pub fn shares(&self, words: &Tensor, labels: &Tensor) -> Tensor {
        self.scores(words, labels)
            .softmax(-1, None::<Kind>)
            .mean_dim(0_i64, false, None::<Kind>)
    }

    /// What the Gumbel softmax reads, `[tokens, L]`.
    pub fn gumbel_input(&self, words: &Tensor, labels: &Tensor, input: GumbelInput) -> Tensor {
        match input {
            GumbelInput::Probs => self.shares(words, labels),
            GumbelInput::Logits => self
                .scores(words, labels)
                .mean_dim(0_i64, false, None::<Kind>),
        }
    }
}

/// The largest number up to `most` that divides `width`.
#[must_use]
pub fn largest_divisor(width: i64, most: i64) -> i64 {
    (1..=most.max(1))
        .rev()
        .find(|heads| width % heads == 0)
        .unwrap_or(1)
}

/// Gumbel noise, `[tokens, L]`.
pub fn gumbel_noise(like: &Tensor) -> Tensor {
    // The exponential distribution of libtorch's generator, which the pass has seeded.
    -like
        .empty_like()
        .exponential(1.0)
        .clamp_min(f64::from(f32::MIN_POSITIVE))
        .log()
}

/// Soft choice of a label for each token: `softmax((scores + noise) / temperature)`, all `[tokens, L]`.
pub fn gumbel_softmax(scores: &Tensor, noise: &Tensor, temperature: f64) -> Tensor {
    ((scores + noise) / temperature).softmax(-1, None::<Kind>)
}

/// Sum of what each token gives to the gold labels of its document, `[tokens]`. `choice`: `[tokens, L]`;
/// `gold`: `[tokens, L]`, 1 or 0.
pub fn given_to_gold(choice: &Tensor, gold: &Tensor) -> Tensor {
    (choice * gold).sum_dim_intlist(1_i64, false, choice.kind())
}

/// 1 for tokens that are kept, 0 for the others, `[tokens]`; where kept, the slope is that of `given`.
pub fn keep(given: &Tensor, threshold: f64) -> Tensor {
    let kept = given.detach().gt(threshold).to_kind(given.kind());
    (given + (given.detach().neg() + 1.0)) * kept
}
