//! From a text to what the classifier reads: the variants of the method (METHODS 2.1 to 2.3).

use arborist_model_kit::batch::Batch;
use arborist_model_kit::blocks::{
    LabelAttention, LabelAttentionOptions, Reading, Text, TextPropagation, TextPropagationOptions,
};
use arborist_model_kit::error::KitError;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::pass::Pass;
use arborist_model_kit::settings::EncoderKind;
use arborist_model_kit::structure::Hierarchy;
use tch::Tensor;

use crate::hyperparameters::{Hyperparameters, LaText, Variant};

/// What makes features for the classifier of a text.
pub(crate) enum Head {
    TextPropagation(Box<TextPropagation>),
    LabelAttention(LabelAttention),
    /// The text's own features.
    Flat,
}

/// What the text encoder has to give.
pub(crate) fn reading(hyperparameters: &Hyperparameters) -> Reading {
    match (hyperparameters.variant, hyperparameters.la_text) {
        (Variant::La, LaText::RnnTokens) => Reading::Tokens {
            width: hyperparameters.la_label_dim,
        },
        (Variant::La, LaText::Cnn) if hyperparameters.encoder == EncoderKind::Bert => {
            Reading::Tokens {
                width: hyperparameters.la_label_dim,
            }
        }
        _ => Reading::Features,
    }
}

impl Head {
    /// The head, and the width of what it gives. `features`: width of what the text encoder gives of a text.
    pub(crate) fn new(
        parameters: &mut Parameters,
        hyperparameters: &Hyperparameters,
        hierarchy: &Hierarchy,
        features: i64,
    ) -> Result<(Self, i64), KitError> {
        let pretrained = hyperparameters.encoder == EncoderKind::Bert;
        let init = hyperparameters.rcnn.init;
        let structure = hyperparameters.structure_options();
        match hyperparameters.variant {
            Variant::Tp => {
                let node_size = hyperparameters.node_size;
                let options = TextPropagationOptions {
                    features,
                    node_size,
                    dropout: hyperparameters.projection_dropout,
                    structure,
                    initialization: init,
                };
                let head = TextPropagation::new(parameters, hierarchy, options)?;
                let width = hierarchy.n_labels() as i64 * node_size;
                Ok((Self::TextPropagation(Box::new(head)), width))
            }
            Variant::La => {
                let options = LabelAttentionOptions {
                    label_dim: hyperparameters.la_label_dim,
                    dropout: hyperparameters.label_dropout,
                    structure,
                    mask_padding: pretrained || hyperparameters.mask_padding_in_attention,
                    padded: hyperparameters.text.max_length,
                };
                let head = LabelAttention::new(parameters, hierarchy, options)?;
                let width = head.width();
                Ok((Self::LabelAttention(head), width))
            }
            Variant::Flat => Ok((Self::Flat, features)),
        }
    }

    /// `pass`, `batch` and `text` belong together; result: `[documents, width]`.
    pub(crate) fn forward(&self, pass: &Pass, batch: &Batch, text: &Text) -> Tensor {
        match (self, text) {
            (Self::TextPropagation(head), Text::Features(features)) => head.forward(pass, features),
            (Self::LabelAttention(head), text) => {
                head.forward(pass, batch, text, &head.labels(pass))
            }
            (Self::Flat, Text::Features(features)) => features.shallow_clone(),
            (_, Text::States(_)) => unreachable!("only label attention reads tokens"),
        }
    }

    /// The head for prediction.
    pub(crate) fn into_trained(self) -> Self {
        match self {
            Self::TextPropagation(head) => Self::TextPropagation(Box::new(head.into_trained())),
            Self::LabelAttention(head) => Self::LabelAttention(head.into_trained()),
            Self::Flat => Self::Flat,
        }
    }
}
