//! `HBGL` (Jiang et al., EMNLP 2022, "Exploiting Global and Local Hierarchies"): labels are generated level by level.
//!
//! First a stage of its own gives each label a vector that the encoder understands (`label_tree`, `label_stage`). Then the
//! encoder reads a text and behind it the labels of one level after the other (`rows`, `network`), and is asked at each
//! level for the labels of the next. In prediction its own answers stand in the labels' place (`decoding`).
//!
//! What this crate deliberately does not do: close label sets under the taxonomy, or report scores of its own.

pub mod decoding;
mod hyperparameters;
pub mod label_stage;
pub mod label_tree;
mod memory;
pub mod network;
pub mod rows;
mod trained;

use arborist_model_kit::TORCH_VERSION;
use arborist_model_kit::text_method::{self, TextModel};
use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Capability, HierarchyKind, Paper, PathKind};

pub use crate::hyperparameters::{
    EmptyRow, GlobalLoss, Hyperparameters, LabelInit, LevelCandidates, Mode, NamePool,
    SiblingTargets,
};

/// A trained model: texts in, scores out.
pub type HbglModel = TextModel<network::Network>;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct Hbgl;

impl Method for Hbgl {
    type Hyperparameters = Hyperparameters;
    type Model = HbglModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "hbgl".to_owned(),
            title: "HBGL".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Generates a document's labels level by level, with a pretrained encoder that has learnt the label tree."
                .to_owned(),
            paper: Some(Paper {
                title: "Exploiting Global and Local Hierarchies for Hierarchical Text Classification".to_owned(),
                venue: "EMNLP 2022".to_owned(),
                url: Some("https://arxiv.org/abs/2205.02613".to_owned()),
            }),
            hierarchy: HierarchyKind::Tree,
            paths: PathKind::Multi,
            encoder: AssetNeed::Required,
            encoder_when: None,
            word_vectors: AssetNeed::None,
            capabilities: vec![Capability::DecidedSets],
            memory: memory::formula(&Hyperparameters::default()),
            max_labels: None,
            presets: hyperparameters::presets(),
            hyperparameters: hyperparameters::schema(),
        }
    }

    fn check(hyperparameters: &Hyperparameters, _facts: &Facts) -> Result<(), ModelError> {
        hyperparameters.check()
    }

    fn memory(hyperparameters: &Hyperparameters, facts: &Facts) -> u64 {
        memory::formula(hyperparameters).estimate(facts.documents, facts.tokens, facts.labels)
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        hyperparameters.check()?;
        text_method::train::<network::Network>(&hyperparameters, request, host)
    }

    fn load(request: &LoadRequest) -> Result<HbglModel, ModelError> {
        HbglModel::load(request)
    }
}

export_method!(Hbgl, torch = TORCH_VERSION);
