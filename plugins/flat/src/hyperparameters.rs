//! The baselines' hyperparameters: as a struct, as a JSON Schema, and the presets.

use std::collections::BTreeMap;

use arborist_model_kit::settings::presets;
use arborist_model_kit::settings::schema::{
    ADVANCED, BASIC, Property, choice, classifier, dropout, encoder, integer, object, pretrained,
    text, training,
};
use arborist_model_kit::settings::{
    ClassifierSettings, EncoderKind, EncoderSettings, PretrainedSettings, TextSettings,
    TrainSchedule, TrainingSettings,
};
use arborist_model_kit::text_method::{Source, TextHyperparameters};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    pub architecture: Architecture,
    #[serde(flatten)]
    pub training: TrainingSettings,
    #[serde(flatten)]
    pub text: TextSettings,
    #[serde(flatten)]
    pub rcnn: EncoderSettings,
    #[serde(flatten)]
    pub pretrained: PretrainedSettings,
    /// Width of a label's vector with label attention.
    pub la_label_dim: i64,
    pub label_dropout: f64,
    #[serde(flatten)]
    pub classifier: ClassifierSettings,
}

/// The text encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// A bidirectional GRU; its last states of both directions.
    TextRnn,
    /// Convolutions over the words; the highest values of each channel.
    TextCnn,
    /// Convolutions over the GRU's states.
    #[default]
    TextRcnn,
    /// `TextRcnn`, and a vector per label that attends over the features.
    LabelAttention,
    /// A pretrained encoder's state of `[CLS]` (METHODS 5.1, without the positive pass).
    Bert,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            architecture: Architecture::TextRcnn,
            training: TrainingSettings::default(),
            text: TextSettings::default(),
            rcnn: EncoderSettings::default(),
            pretrained: PretrainedSettings {
                weight_decay: 0.0,
                clip_norm: 0.0,
                ..PretrainedSettings::default()
            },
            la_label_dim: 100,
            label_dropout: 0.5,
            classifier: ClassifierSettings::default(),
        }
    }
}

impl Hyperparameters {
    /// Features of a text in front of the classifier, without label attention.
    pub(crate) fn features(&self) -> i64 {
        match self.architecture {
            Architecture::TextRnn => 2 * self.rcnn.rnn_hidden,
            _ => self.rcnn.features(),
        }
    }

    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        self.rcnn.check().map_err(ModelError::Input)?;
        if self.architecture == Architecture::LabelAttention {
            self.rcnn
                .check_vectors("la_label_dim", self.la_label_dim)
                .map_err(ModelError::Input)?;
        }
        Ok(())
    }
}

impl TextHyperparameters for Hyperparameters {
    fn source(&self) -> Source<'_> {
        let encoder = match self.architecture {
            Architecture::Bert => EncoderKind::Bert,
            _ => EncoderKind::Rcnn,
        };
        Source::of(encoder, &self.text, &self.pretrained)
    }

    fn training(&self) -> &TrainingSettings {
        &self.training
    }

    /// The encoder is tuned as under HGCLR, whose baseline it is: the rate stays after the warm-up (METHODS 5.5).
    fn schedule(&self) -> TrainSchedule {
        TrainSchedule::Constant
    }

    fn label_width(&self) -> usize {
        match self.architecture {
            Architecture::LabelAttention => self.la_label_dim as usize,
            _ => 1,
        }
    }
}

/// Schema of [`Hyperparameters`]; defaults are theirs.
pub(crate) fn schema() -> Value {
    let mut properties: Vec<Property> = vec![(
        "architecture",
        BASIC,
        choice(
            "Architecture",
            &[
                "text_rnn",
                "text_cnn",
                "text_rcnn",
                "label_attention",
                "bert",
            ],
            "text_rnn: a recurrent network. text_cnn: convolutions over words. text_rcnn: convolutions over the recurrent network's states. label_attention: the same, and labels attend over the text. bert: a pretrained encoder.",
        ),
    )];
    properties.extend([
        (
            "la_label_dim",
            ADVANCED,
            integer(
                "Width of a label's vector",
                1,
                2_048,
                "With label_attention. It must divide the features of the text.",
            ),
        ),
        (
            "label_dropout",
            ADVANCED,
            dropout(
                "Dropout of label table",
                "With label_attention: share of the labels' vectors that is dropped in training.",
            ),
        ),
    ]);
    properties.extend(training());
    properties.extend(text());
    properties.extend(encoder());
    properties.extend(pretrained());
    properties.extend(classifier());
    object(properties, &Hyperparameters::default())
}

/// Values of each preset that differ from the defaults; those of HiAGM where the papers compare with it.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    presets::presets(json!({}), json!({}))
}
