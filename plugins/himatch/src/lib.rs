//! `HiMatch` (Chen et al., ACL 2021): classification by text propagation, and texts that are matched with labels.
//!
//! The classification is that of `HiAGM`'s text propagation. In training, texts and labels are mapped into a common
//! space besides, where a text is pulled to its labels and ranked: its fine label nearest, then the coarse one, then
//! wrong siblings, then other wrong labels. A document's way: words → `network` → scores. The matching is in
//! `matching` and prediction knows nothing of it, unless labels are scored by it: with `scoring` = `dot_product`
//! (`zero_shot`) labels that no training document carries get scores from their names and their place in the taxonomy.
//!
//! What this crate deliberately does not do: decide label sets, or report scores of its own.

mod classification;
mod hyperparameters;
mod label_texts;
pub mod matching;
mod memory;
pub mod network;
pub mod sampling;
mod zero_shot;

use arborist_model_kit::TORCH_VERSION;
use arborist_model_kit::text_method::{self, TextModel, TextNetwork as _};
use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Chosen, HierarchyKind, Paper, PathKind};

pub use crate::hyperparameters::{
    CoarseParents, CoarseTerm, Distance, Hyperparameters, JointLabels, LabelRepr, MatchingSettings,
    Scoring,
};
pub use crate::label_texts::{is_keyword, label_texts};

/// A trained model: texts in, scores out.
pub type HiMatchModel = TextModel<network::Network>;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct HiMatch;

impl Method for HiMatch {
    type Hyperparameters = Hyperparameters;
    type Model = HiMatchModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "himatch".to_owned(),
            title: "HiMatch".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Classifies like HiAGM and learns a space in which texts lie near their labels. Can score labels without any documents by their names."
                .to_owned(),
            paper: Some(Paper {
                title: "Hierarchy-aware Label Semantics Matching Network for Hierarchical Text Classification".to_owned(),
                venue: "ACL 2021".to_owned(),
                url: Some("https://aclanthology.org/2021.acl-long.337".to_owned()),
            }),
            // Scoring by dot products works on all parents; the classifier reduces them, and training says so.
            hierarchy: HierarchyKind::Dag,
            paths: PathKind::Multi,
            encoder: AssetNeed::Optional,
            encoder_when: Some(Chosen {
                hyperparameter: "encoder".to_owned(),
                value: "bert".into(),
            }),
            word_vectors: AssetNeed::Optional,
            capabilities: Vec::new(),
            memory: memory::formula(&Hyperparameters::default()),
            max_labels: Some(memory::MAX_LABELS_BY_DOT_PRODUCT),
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
        let taxonomy = request.taxonomy()?;
        memory::check(&hyperparameters, taxonomy.len() as u64)?;
        let several = taxonomy.n_multi_parent();
        if several > 0 && network::Network::works_on_trees(&hyperparameters) {
            host.info(format!(
                "{several} labels have several parents: scoring classifier uses the first one of each"
            ));
        }
        let without_effect = hyperparameters.without_effect();
        if !without_effect.is_empty() {
            host.info(format!(
                "scoring dot_product does without {}",
                without_effect.join(", ")
            ));
        }
        text_method::train::<network::Network>(&hyperparameters, request, host)
    }

    fn load(request: &LoadRequest) -> Result<HiMatchModel, ModelError> {
        HiMatchModel::load(request)
    }
}

export_method!(HiMatch, torch = TORCH_VERSION);
