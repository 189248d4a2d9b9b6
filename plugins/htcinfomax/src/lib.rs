//! `HTCInfoMax` (Deng et al., NAACL 2021): label attention, trained with two more aims.
//!
//! Labels refined along the tree attend over the text, as in `HiAGM`'s label attention. Besides the classification, the
//! training maximizes an estimate of the mutual information between a document and the mean of its labels' vectors,
//! and pulls the labels' vectors towards a prior; a learned gate balances both. A document's way: words → `network` →
//! scores. The aims are in `auxiliary`, and prediction knows nothing of them.
//!
//! What this crate deliberately does not do: decide label sets, or report scores of its own.

pub mod auxiliary;
mod hyperparameters;
mod memory;
pub mod network;

use arborist_model_kit::TORCH_VERSION;
use arborist_model_kit::text_method::{self, TextModel};
use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Chosen, HierarchyKind, Paper, PathKind};

pub use crate::hyperparameters::{
    AblationGate, AuxWeight, Hyperparameters, LabelInit, Negatives, TextFeatures,
};

/// A trained model: texts in, scores out.
pub type HtcInfoMaxModel = TextModel<network::Network>;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct HtcInfoMax;

impl Method for HtcInfoMax {
    type Hyperparameters = Hyperparameters;
    type Model = HtcInfoMaxModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "htcinfomax".to_owned(),
            title: "HTCInfoMax".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Lets every label look for its words in the text, and teaches texts and labels to say as much as they can about each other."
                .to_owned(),
            paper: Some(Paper {
                title: "HTCInfoMax: A Global Model for Hierarchical Text Classification via Information Maximization".to_owned(),
                venue: "NAACL 2021".to_owned(),
                url: Some("https://aclanthology.org/2021.naacl-main.260".to_owned()),
            }),
            hierarchy: HierarchyKind::Tree,
            paths: PathKind::Multi,
            encoder: AssetNeed::Optional,
            encoder_when: Some(Chosen {
                hyperparameter: "encoder".to_owned(),
                value: "bert".into(),
            }),
            word_vectors: AssetNeed::Optional,
            capabilities: Vec::new(),
            memory: memory::formula(&Hyperparameters::default()),
            max_labels: Some(memory::MAX_LABELS),
            presets: hyperparameters::presets(),
            hyperparameters: hyperparameters::schema(),
        }
    }

    fn check(hyperparameters: &Hyperparameters, facts: &Facts) -> Result<(), ModelError> {
        hyperparameters.check()?;
        memory::check(facts.labels)
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
        memory::check(request.taxonomy()?.len() as u64)?;
        text_method::train::<network::Network>(&hyperparameters, request, host)
    }

    fn load(request: &LoadRequest) -> Result<HtcInfoMaxModel, ModelError> {
        HtcInfoMaxModel::load(request)
    }
}

export_method!(HtcInfoMax, torch = TORCH_VERSION);
