//! A plugin that panics when it is asked to describe itself.

use arborist_plugin_api::{
    Host, LoadRequest, Method, MethodManifest, Model, ModelError, Predictions, TrainRequest,
};

/// Cannot say what it is.
#[derive(Debug)]
pub struct Speechless;

impl Method for Speechless {
    type Hyperparameters = ();
    type Model = Self;

    fn manifest() -> MethodManifest {
        panic!("no words")
    }

    fn train(_: (), _: &TrainRequest, _: &Host<'_>) -> Result<(), ModelError> {
        Err(ModelError::Unsupported)
    }

    fn load(_: &LoadRequest) -> Result<Self, ModelError> {
        Err(ModelError::Unsupported)
    }
}

impl Model for Speechless {
    fn predict(&mut self, _: &[&str]) -> Result<Predictions, ModelError> {
        Err(ModelError::Unsupported)
    }
}

arborist_plugin_api::export_method!(Speechless, name = "speechless");
