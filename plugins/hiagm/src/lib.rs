//! `HiAGM` (Zhou et al., ACL 2020): a text encoder and a label tree that share what they know.
//!
//! In the variant TP, text propagation, the text's features are projected onto one vector per label and these are
//! propagated along the tree by a structure encoder. In LA, label attention, the tree refines a table of label vectors,
//! each of which attends over the text. One linear layer reads all labels' vectors. A document's way:
//! words → `network` → scores. What leads there and back, the kit's `text_method` does.
//!
//! What this crate deliberately does not do: decide label sets, or report scores of its own.

mod head;
mod hyperparameters;
mod memory;
pub mod network;

use arborist_model_kit::TORCH_VERSION;
use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Chosen, HierarchyKind, Paper, PathKind};

use arborist_model_kit::text_method::{self, TextModel};

pub use crate::hyperparameters::{Hyperparameters, LaText, Variant};

/// A trained model: texts in, scores out.
pub type HiAgmModel = TextModel<network::Network>;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct HiAgm;

impl Method for HiAgm {
    type Hyperparameters = Hyperparameters;
    type Model = HiAgmModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "hiagm".to_owned(),
            title: "HiAGM".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Reads a text with a recurrent and convolutional encoder, spreads what it found along the label tree, and scores all labels together."
                .to_owned(),
            paper: Some(Paper {
                title: "Hierarchy-Aware Global Model for Hierarchical Text Classification".to_owned(),
                venue: "ACL 2020".to_owned(),
                url: Some("https://aclanthology.org/2020.acl-main.104".to_owned()),
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
        memory::check(hyperparameters, facts.labels)
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
        memory::check(&hyperparameters, request.taxonomy()?.len() as u64)?;
        text_method::train::<network::Network>(&hyperparameters, request, host)
    }

    fn load(request: &LoadRequest) -> Result<HiAgmModel, ModelError> {
        HiAgmModel::load(request)
    }
}

export_method!(HiAgm, torch = TORCH_VERSION);
