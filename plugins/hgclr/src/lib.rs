//! `HGCLR` (Wang et al., ACL 2022): an encoder that is tuned on documents and on what their labels see in them.
//!
//! A pretrained encoder with one linear layer classifies. In training each document has a second view, in which only
//! those tokens keep their vectors that an encoder of the label tree ties to the document's labels; it is classified as
//! well, and has to be found among the views of other documents. A document's way: word pieces → `network` → scores. The
//! labels' side (`graph`, `positives`, `contrast`) is for training alone.
//!
//! What this crate deliberately does not do: decide label sets, or report scores of its own.

pub mod contrast;
pub mod distances;
mod evidence;
pub mod graph;
mod hyperparameters;
mod memory;
pub mod network;
pub mod positives;

use arborist_model_kit::TORCH_VERSION;
use arborist_model_kit::text_method::{self, TextModel};
use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Capability, HierarchyKind, Paper, PathKind};

pub use crate::hyperparameters::{Graph, GumbelInput, Hyperparameters, NameEmbedding, Positive};

/// A trained model: texts in, scores out.
pub type HgclrModel = TextModel<network::Network>;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct Hgclr;

impl Method for Hgclr {
    type Hyperparameters = Hyperparameters;
    type Model = HgclrModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "hgclr".to_owned(),
            title: "HGCLR".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Tunes a pretrained encoder, in training with a second view of each document that its labels choose. Shows which tokens speak for a label."
                .to_owned(),
            paper: Some(Paper {
                title: "Incorporating Hierarchy into Text Encoder: a Contrastive Learning Approach for Hierarchical Text Classification".to_owned(),
                venue: "ACL 2022".to_owned(),
                url: Some("https://aclanthology.org/2022.acl-long.491".to_owned()),
            }),
            hierarchy: HierarchyKind::Tree,
            paths: PathKind::Multi,
            encoder: AssetNeed::Required,
            word_vectors: AssetNeed::None,
            capabilities: vec![Capability::Evidence],
            memory: memory::formula(&Hyperparameters::default()),
            max_labels: Some(memory::MAX_LABELS),
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

    fn load(request: &LoadRequest) -> Result<HgclrModel, ModelError> {
        HgclrModel::load(request)
    }
}

export_method!(Hgclr, torch = TORCH_VERSION);
