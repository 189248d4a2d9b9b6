//! The method's hyperparameters (METHODS 2.7): as a struct, as a JSON Schema, and the presets.

mod schema;

use std::collections::BTreeMap;

use arborist_model_kit::blocks::StructureOptions;
use arborist_model_kit::settings::{
    ClassifierSettings, CountedFrom, EncoderKind, EncoderSettings, PretrainedSettings,
    RecursiveSettings, StructureSettings, TextSettings, TrainingSettings,
};
use arborist_model_kit::text_method::{Source, TextHyperparameters};
use arborist_plugin_api::ModelError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use self::schema::schema;

/// Everything that can be chosen before a training. Defaults are the schema's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    pub variant: Variant,
    pub encoder: EncoderKind,
    #[serde(flatten)]
    pub training: TrainingSettings,
    #[serde(flatten)]
    pub text: TextSettings,
    #[serde(flatten)]
    pub rcnn: EncoderSettings,
    #[serde(flatten)]
    pub pretrained: PretrainedSettings,
    #[serde(flatten)]
    pub structure: StructureSettings,
    /// Width of a label's vector in the variant TP.
    pub node_size: i64,
    pub projection_dropout: f64,
    /// Width of a label's vector in the variant LA.
    pub la_label_dim: i64,
    pub la_text: LaText,
    /// Whether the weights of edges change in the variant LA, where `prior_trainable` lets them. A model from before this
    /// choice trained them.
    #[serde(default = "trained")]
    pub la_prior_trainable: bool,
    /// Whether padding takes no part in the attention over tokens.
    pub mask_padding_in_attention: bool,
    pub label_dropout: f64,
    #[serde(flatten)]
    pub classifier: ClassifierSettings,
    #[serde(flatten)]
    pub recursive: RecursiveSettings,
}

fn trained() -> bool {
    true
}

/// How text and labels meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Text propagation.
    #[default]
    Tp,
    /// Label attention.
    La,
    /// No tree at all: one linear layer on the text's features.
    Flat,
}

/// What the labels of the variant LA attend over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaText {
    /// The pooled features of the convolutions, cut into vectors of `la_label_dim`.
    #[default]
    Cnn,
    /// The GRU's states of all tokens.
    RnnTokens,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            variant: Variant::Tp,
            encoder: EncoderKind::Rcnn,
            training: TrainingSettings::default(),
            text: TextSettings::default(),
            rcnn: EncoderSettings::default(),
            pretrained: PretrainedSettings::default(),
            structure: StructureSettings::default(),
            node_size: 300,
            projection_dropout: 0.5,
            la_label_dim: 100,
            la_text: LaText::Cnn,
            la_prior_trainable: true,
            mask_padding_in_attention: false,
            label_dropout: 0.5,
            classifier: ClassifierSettings::default(),
            recursive: RecursiveSettings::default(),
        }
    }
}

impl Hyperparameters {
    /// The structure encoder of the chosen variant.
    pub(crate) fn structure_options(&self) -> StructureOptions {
        let mut structure = self.structure.clone();
        if self.variant == Variant::La {
            structure.graph.prior_trainable &= self.la_prior_trainable;
        }
        structure.options(self.rcnn.init)
    }

    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        self.rcnn.check().map_err(ModelError::Input)?;
        let (key, width) = match self.variant {
            Variant::Tp => ("node_size", self.node_size),
            Variant::La => ("la_label_dim", self.la_label_dim),
            Variant::Flat => return Ok(()),
        };
        self.structure
            .check(key, width)
            .map_err(ModelError::Input)?;
        if self.variant == Variant::La && self.encoder == EncoderKind::Rcnn {
            self.check_attention()?;
        }
        Ok(())
    }

    /// The text's vectors must be as wide as the labels'.
    fn check_attention(&self) -> Result<(), ModelError> {
        let width = self.la_label_dim;
        match self.la_text {
            LaText::Cnn => self.rcnn.check_vectors("la_label_dim", width),
            LaText::RnnTokens => self.rcnn.check_states("la_label_dim", width),
        }
        .map_err(ModelError::Input)
    }
}

impl TextHyperparameters for Hyperparameters {
    fn source(&self) -> Source<'_> {
        Source::of(self.encoder, &self.text, &self.pretrained)
    }

    fn training(&self) -> &TrainingSettings {
        &self.training
    }

    fn prior_from(&self) -> CountedFrom {
        self.structure.graph.prior_from
    }

    fn label_width(&self) -> usize {
        match self.variant {
            Variant::Tp => self.node_size as usize,
            Variant::La => self.la_label_dim as usize,
            Variant::Flat => 1,
        }
    }
}

/// Values of each preset that differ from the defaults.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    arborist_model_kit::settings::presets::presets(
        json!({
            "prior_from": "train_validation", "tree_td_index": "as_released_zero", "la_label_dim": 300
        }),
        json!({"la_prior_trainable": false}),
    )
}
