//! Flat baselines: text encoders with a linear layer on top that know nothing of the label tree (METHODS 2.3).
//!
//! They train and predict exactly as the other methods over words do (`text_method` of the kit), so that a difference
//! to them is the hierarchy's doing.
//!
//! What this crate deliberately does not do: use the taxonomy for anything but the order of its labels.

mod hyperparameters;
pub mod network;

use arborist_model_kit::TORCH_VERSION;
use arborist_model_kit::memory::{self, TRAINED};
use arborist_model_kit::text_method::{self, TextHyperparameters as _, TextModel};
use arborist_plugin_api::{
    Facts, Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest, export_method,
};
use arborist_shared::manifest::{AssetNeed, Chosen, HierarchyKind, MemoryFormula, PathKind};

pub use crate::hyperparameters::{Architecture, Hyperparameters};

/// A trained model: texts in, scores out.
pub type FlatModel = TextModel<network::Network>;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct Flat;

impl Method for Flat {
    type Hyperparameters = Hyperparameters;
    type Model = FlatModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "flat".to_owned(),
            title: "Flat".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Reads a text with a recurrent or convolutional encoder and scores every label by itself. Tells whether the hierarchy helps.".to_owned(),
            paper: None,
            hierarchy: HierarchyKind::Dag,
            paths: PathKind::Multi,
            encoder: AssetNeed::Optional,
            encoder_when: Some(Chosen {
                hyperparameter: "architecture".to_owned(),
                value: "bert".into(),
            }),
            word_vectors: AssetNeed::Optional,
            capabilities: Vec::new(),
            memory: memory(&Hyperparameters::default()),
            max_labels: None,
            presets: hyperparameters::presets(),
            hyperparameters: hyperparameters::schema(),
        }
    }

    fn check(hyperparameters: &Hyperparameters, _facts: &Facts) -> Result<(), ModelError> {
        hyperparameters.check()
    }

    fn memory(hyperparameters: &Hyperparameters, facts: &Facts) -> u64 {
        memory(hyperparameters).estimate(facts.documents, facts.tokens, facts.labels)
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        hyperparameters.check()?;
        text_method::train::<network::Network>(&hyperparameters, request, host)
    }

    fn load(request: &LoadRequest) -> Result<FlatModel, ModelError> {
        FlatModel::load(request)
    }
}

/// Peak of the resident memory.
fn memory(hyperparameters: &Hyperparameters) -> MemoryFormula {
    let (training, source) = (&hyperparameters.training, hyperparameters.source());
    let batch = memory::documents(training, source);
    let units = hyperparameters.rcnn.rnn_hidden as f64;
    let (per_label, per_label_squared) = match hyperparameters.architecture {
        Architecture::LabelAttention => {
            let width = hyperparameters.la_label_dim as f64;
            (batch * width * 16.0, width * TRAINED)
        }
        _ => (hyperparameters.features() as f64 * TRAINED, 0.0),
    };
    MemoryFormula {
        base: 3e8 + memory::reader(source) + memory::reading(training, source, units),
        per_document: 64.0,
        per_token: memory::per_token(source),
        per_label,
        per_label_squared,
    }
}

export_method!(Flat, torch = TORCH_VERSION);
