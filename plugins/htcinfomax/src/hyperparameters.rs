//! The method's hyperparameters (METHODS 3.7): as a struct, as a JSON Schema, and the presets.

mod schema;

use std::collections::BTreeMap;

use arborist_model_kit::settings::presets;
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
    /// Whether mutual information of text and labels is maximized.
    pub use_mi: bool,
    /// Whether labels' vectors are pulled towards a prior.
    pub use_label_prior: bool,
    pub aux_weight: AuxWeight,
    /// Weights with [`AuxWeight::Fixed`].
    pub mi_weight: f64,
    pub label_prior_weight: f64,
    pub ablation_gate: AblationGate,
    /// Whether the discriminators and the gate are trained.
    pub train_aux: bool,
    pub negatives: Negatives,
    pub text_features: TextFeatures,
    /// Width of a label's vector.
    pub la_label_dim: i64,
    pub label_init: LabelInit,
    /// Whether padding takes no part in the attention over tokens.
    pub mask_padding_in_attention: bool,
    pub label_dropout: f64,
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
    #[serde(flatten)]
    pub classifier: ClassifierSettings,
    #[serde(flatten)]
    pub recursive: RecursiveSettings,
}

/// What balances the two aims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuxWeight {
    /// A gate over text and labels: its value for one, the rest for the other.
    #[default]
    LearnedGate,
    Fixed,
}

/// The weight of an aim without the other, with [`AuxWeight::LearnedGate`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AblationGate {
    #[default]
    UnitWeight,
    KeepGate,
}

/// Which labels a text is told apart from: those of another document of the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negatives {
    /// Chance may pair a document with its own.
    #[default]
    Permutation,
    Derangement,
}

/// What labels attend over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFeatures {
    /// The GRU's states of all tokens.
    #[default]
    RnnTokens,
    /// The pooled features of convolutions, cut into vectors of `la_label_dim`.
    Cnn,
}

/// How labels' vectors start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelInit {
    #[default]
    Kaiming,
    /// The mean of the word vectors of the label's name, where it has words that are known.
    GloveName,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            use_mi: true,
            use_label_prior: true,
            aux_weight: AuxWeight::LearnedGate,
            mi_weight: 1.0,
            label_prior_weight: 1.0,
            ablation_gate: AblationGate::UnitWeight,
            train_aux: false,
            negatives: Negatives::Permutation,
            text_features: TextFeatures::RnnTokens,
            la_label_dim: 300,
            label_init: LabelInit::Kaiming,
            mask_padding_in_attention: false,
            label_dropout: 0.5,
            encoder: EncoderKind::Rcnn,
            training: TrainingSettings::default(),
            text: TextSettings::default(),
            pretrained: PretrainedSettings::default(),
            rcnn: EncoderSettings {
                rnn_hidden: 150,
                ..EncoderSettings::default()
            },
            structure: StructureSettings::default(),
            classifier: ClassifierSettings::default(),
            recursive: RecursiveSettings::default(),
        }
    }
}

impl Hyperparameters {
    /// Refuses what the schema cannot: combinations.
    pub(crate) fn check(&self) -> Result<(), ModelError> {
        self.combinations().map_err(ModelError::Input)
    }

    fn combinations(&self) -> Result<(), String> {
        const KEY: &str = "la_label_dim";
        let width = self.la_label_dim;
        self.rcnn.check()?;
        self.structure.check(KEY, width)?;
        // States of a pretrained encoder are mapped to whatever width labels have; its width only the training knows.
        if self.encoder == EncoderKind::Bert {
            return Ok(());
        }
        match self.text_features {
            TextFeatures::RnnTokens => self.rcnn.check_states(KEY, width)?,
            TextFeatures::Cnn => self.rcnn.check_vectors(KEY, width)?,
        }
        if self.label_init == LabelInit::GloveName && width != self.text.word_size {
            return Err(format!(
                "{KEY} is {width}; with label_init glove_name it must be the width of a word vector, {}",
                self.text.word_size
            ));
        }
        Ok(())
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
        self.la_label_dim as usize
    }
}

/// Values of each preset that differ from the defaults.
pub(crate) fn presets() -> BTreeMap<String, Map<String, Value>> {
    presets::presets(
        json!({"prior_from": "train_validation", "patience": 200, "tree_td_index": "as_released_zero"}),
        // Labels that attend, with fixed priors as in HiAGM's paper.
        json!({
            "train_aux": true, "text_features": "cnn", "rnn_hidden": 64, "la_label_dim": 100, "patience": 200,
            "prior_trainable": false
        }),
    )
}
