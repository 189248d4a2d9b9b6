//! The contrast between documents and their positive views (METHODS 5.4).

use arborist_model_kit::blocks::{Linear, pretrained_linear};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use tch::{Kind, Tensor};

/// What the contrast reads of a text: two linear layers.
#[derive(Debug)]
pub struct ContrastHead {
    first: Linear,
    second: Linear,
    dropout: f64,
}

impl ContrastHead {
    /// `width`: of a text's vector.
    ///
    /// # Errors
    /// When what the parameters start from does not have them in this shape.
    pub fn new(parameters: &mut Parameters, width: i64, dropout: f64) -> Result<Self, KitError> {
        Ok(Self {
            first: pretrained_linear(parameters, "contrast.first", width, width)?,
            second: pretrained_linear(parameters, "contrast.second", width, width)?,
            dropout,
        })
    }

    /// `[texts, d]`, from as many.
    pub fn forward(&self, pass: &Pass, texts: &Tensor) -> Tensor {
        let hidden = self
            .first
            .forward(&pass.dropout(texts, self.dropout))
            .relu();
        self.second.forward(&pass.dropout(&hidden, self.dropout))
    }
}

/// NT-Xent of texts and their views, `[texts, d]` each, in one order: the mean over both of the cross-entropy of finding
/// the partner among all others by cosine similarity.
pub fn nt_xent(texts: &Tensor, views: &Tensor, temperature: f64) -> Tensor {
    let count = texts.size()[0];
    let rows = Tensor::cat(&[texts, views], 0);
    let norms = rows
        .square()
        .sum_dim_intlist(1_i64, true, rows.kind())
        .sqrt()
        .clamp_min(1e-8);
    let rows = rows / norms;
    let similarities = rows.matmul(&rows.tr()) / temperature;
    let own = Tensor::eye(2 * count, (Kind::Bool, rows.device()));
    let similarities = similarities.masked_fill(&own, f64::NEG_INFINITY);
    let numbers = Tensor::arange(2 * count, (Kind::Int64, rows.device()));
    let partners = numbers.roll([count], [0]);
    // tch's cross-entropy computes in single precision whatever it is given.
    let shares = similarities.log_softmax(-1, None::<Kind>);
    -shares
        .gather(1, &partners.unsqueeze(1), false)
        .mean(shares.kind())
}
