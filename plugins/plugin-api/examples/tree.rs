//! The toy as a method for trees, to which word vectors may be given: what the host says and hands over can be seen.

#[allow(unreachable_pub, reason = "the same file is a library of its own")]
#[path = "toy/method.rs"]
mod method;

use arborist_plugin_api::shared::manifest::{AssetNeed, HierarchyKind};
use arborist_plugin_api::{Host, LoadRequest, Method, MethodManifest, ModelError, TrainRequest};

use crate::method::{Hyperparameters, Toy, ToyModel};

/// The toy, declared to understand trees only. It looks at no parents, so it keeps its word.
struct TreeToy;

impl Method for TreeToy {
    type Hyperparameters = Hyperparameters;
    type Model = ToyModel;

    fn manifest() -> MethodManifest {
        MethodManifest {
            name: "tree_toy".to_owned(),
            title: "Tree toy".to_owned(),
            hierarchy: HierarchyKind::Tree,
            word_vectors: AssetNeed::Optional,
            ..Toy::manifest()
        }
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        Toy::train(hyperparameters, request, host)
    }

    fn load(request: &LoadRequest) -> Result<ToyModel, ModelError> {
        Toy::load(request)
    }
}

arborist_plugin_api::export_method!(TreeToy, name = "tree_toy");
