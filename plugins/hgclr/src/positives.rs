//! Which tokens a document's labels keep for its positive view (METHODS 5.3).

use arborist_model_kit::blocks::{Linear, pretrained_linear};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
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
        products(
            &self.query.forward(words),
            &self.key.forward(labels),
            self.heads,
        )
    }

    /// Shares of a token's attention: over labels, averaged over heads, `[tokens, L]`; each row sums to 1.
    pub fn shares(&self, words: &Tensor, labels: &Tensor) -> Tensor {
        over_heads(&self.scores(words, labels), GumbelInput::Probs)
    }

    /// What the Gumbel softmax reads, `[tokens, L]`.
    pub fn gumbel_input(&self, words: &Tensor, labels: &Tensor, input: GumbelInput) -> Tensor {
        over_heads(&self.scores(words, labels), input)
    }
}

/// Values of all heads that are computed at a time.
const VALUES: i64 = 1 << 23;

impl TokenLabels {
    /// What each token gives to the gold labels of its document, `[tokens]`: shares of a noisy choice among all labels.
    /// With many labels this is computed in parts, so that it grows with the heads no more.
    pub fn given(&self, pass: &Pass, words: &Tensor, labels: &Tensor, choice: &Choice) -> Tensor {
        let tokens = words.size()[0];
        let values = self.heads * tokens * labels.size()[0];
        self.given_in_parts(
            pass,
            words,
            labels,
            choice,
            (values / VALUES + 1).min(tokens),
        )
    }

    /// The same in so many parts.
    pub fn given_in_parts(
        &self,
        pass: &Pass,
        words: &Tensor,
        labels: &Tensor,
        choice: &Choice,
        parts: i64,
    ) -> Tensor {
        let choice = choice.shallow_clone();
        if parts <= 1 {
            let scores = self.gumbel_input(words, labels, choice.input);
            return choice.given(&scores, 0);
        }
        let tokens = words.size()[0];
        let rows = (tokens + parts - 1) / parts;
        let heads = self.heads;
        let inputs = [self.query.forward(words), self.key.forward(labels)];
        let parts = (tokens + rows - 1) / rows;
        pass.in_parts(
            &[&inputs[0], &inputs[1]],
            parts as usize,
            move |part, inputs| {
                let start = part as i64 * rows;
                let queries = inputs[0].narrow(0, start, rows.min(tokens - start));
                let scores = products(&queries, &inputs[1], heads);
                choice.given(&over_heads(&scores, choice.input), start)
            },
        )
    }
}

/// How tokens choose labels.
#[derive(Debug)]
pub struct Choice {
    pub input: GumbelInput,
    pub temperature: f64,
    /// `[tokens, L]`
    pub noise: Tensor,
    /// `[documents, L]`, 1 or 0.
    pub gold: Tensor,
    /// The document of each token, `[tokens]`.
    pub owners: Tensor,
}

impl Choice {
    fn shallow_clone(&self) -> Self {
        Self {
            input: self.input,
            temperature: self.temperature,
            noise: self.noise.shallow_clone(),
            gold: self.gold.shallow_clone(),
            owners: self.owners.shallow_clone(),
        }
    }

    /// `scores`: of some tokens from `start` on, `[n, L]`; result: `[n]`.
    fn given(&self, scores: &Tensor, start: i64) -> Tensor {
        let count = scores.size()[0];
        let noise = self.noise.narrow(0, start, count);
        let choice = gumbel_softmax(scores, &noise, self.temperature);
        let owners = self.owners.narrow(0, start, count);
        given_to_gold(&choice, &self.gold.index_select(0, &owners))
    }
}

/// Scores head by head, `[heads, tokens, L]`. `queries`: `[tokens, d]`, `keys`: `[L, d]`.
fn products(queries: &Tensor, keys: &Tensor, heads: i64) -> Tensor {
    let head = queries.size()[1] / heads;
    let by_head = |rows: &Tensor| rows.view([-1, heads, head]).transpose(0, 1);
    (by_head(queries) / (head as f64).sqrt()).matmul(&by_head(keys).transpose(1, 2))
}

/// What the Gumbel softmax reads, `[tokens, L]`, from `[heads, tokens, L]`.
fn over_heads(scores: &Tensor, input: GumbelInput) -> Tensor {
    let mean = |scores: &Tensor| scores.mean_dim(0_i64, false, None::<Kind>);
    match input {
        GumbelInput::Probs => mean(&scores.softmax(-1, None::<Kind>)),
        GumbelInput::Logits => mean(scores),
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
