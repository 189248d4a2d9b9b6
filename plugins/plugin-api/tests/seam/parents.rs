//! The conformance kit on methods that declare one kind of taxonomy and work on this or another one.

use arborist_plugin_api::conformance::Kit;
use arborist_plugin_api::shared::manifest::HierarchyKind;
use arborist_plugin_api::{
    Host, LoadRequest, Method, MethodManifest, Model, ModelError, Predictions, Scores, TrainRequest,
};
use serde_json::json;

use crate::kit::outcome;
use crate::toy::{Hyperparameters, Toy, ToyModel};

// What is declared.
const TREE: u8 = 0;
const DAG: u8 = 1;

// What is done.
/// Every parent of a label changes its scores.
const ALL: u8 = 0;
/// The first one does.
const FIRST: u8 = 1;
/// The first one does, and the log says so.
const FIRST_AND_SAYS_SO: u8 = 2;
/// Labels with several parents are refused.
const REFUSES: u8 = 3;
/// They are refused, and nobody learns why.
const REFUSES_MUTELY: u8 = 4;

/// The toy, whose scores depend on labels' parents.
struct Kin<const DECLARED: u8, const DONE: u8>;

struct KinModel {
    model: ToyModel,
    /// What scores are multiplied with. `[labels]`
    factors: Vec<f32>,
}

impl<const DECLARED: u8, const DONE: u8> Method for Kin<DECLARED, DONE> {
    type Hyperparameters = Hyperparameters;
    type Model = KinModel;

    fn manifest() -> MethodManifest {
        let hierarchy = match DECLARED {
            TREE => HierarchyKind::Tree,
            _ => HierarchyKind::Dag,
        };
        MethodManifest {
            hierarchy,
            ..Toy::manifest()
        }
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        let several = request.taxonomy()?.n_multi_parent();
        let refusal = match DONE {
            REFUSES if several > 0 => format!("{several} labels have several parents"),
            REFUSES_MUTELY if several > 0 => "not with me".to_owned(),
            _ => {
                if DONE == FIRST_AND_SAYS_SO && several > 0 {
                    host.info(format!(
                        "{several} labels have several parents: the first one counts"
                    ));
                }
                return Toy::train(hyperparameters, request, host);
            }
        };
        Err(ModelError::Input(refusal))
    }

    fn load(request: &LoadRequest) -> Result<KinModel, ModelError> {
        let taxonomy = request.taxonomy()?;
        let factor = |label| {
            let parents = taxonomy.parents(label);
            let counted = match DONE {
                ALL => parents,
                _ => &parents[..parents.len().min(1)],
            };
            let sum: u32 = counted.iter().map(|parent| parent + 1).sum();
            1.0 - sum as f32 * 0.01
        };
        Ok(KinModel {
            model: Toy::load(request)?,
            factors: taxonomy.indexes().map(factor).collect(),
        })
    }
}

impl Model for KinModel {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        let mut predictions = self.model.predict(texts)?;
        if let Scores::Dense { values, .. } = &mut predictions.scores {
            for (value, factor) in values.iter_mut().zip(self.factors.iter().cycle()) {
                *value *= factor;
            }
        }
        Ok(predictions)
    }
}

fn said<const DECLARED: u8, const DONE: u8>() -> Result<(), String> {
    let case = Kit::<Kin<DECLARED, DONE>>::treats_three_parents_as_declared;
    outcome(&json!({}), case)
}

#[test]
fn methods_that_do_what_they_declare_pass() {
    for said in [
        said::<TREE, FIRST>(),
        said::<TREE, REFUSES>(),
        said::<DAG, ALL>(),
        said::<DAG, FIRST_AND_SAYS_SO>(),
    ] {
        assert_eq!(said, Ok(()));
    }
}

#[test]
fn methods_that_do_something_else_are_noticed() {
    for (said, words) in [
        (said::<TREE, ALL>(), "parents other than the first change"),
        (
            said::<TREE, REFUSES_MUTELY>(),
            "`several parents`: not with me",
        ),
        (said::<DAG, FIRST>(), "only the first changes the scores"),
        (said::<DAG, REFUSES>(), "1 labels have several parents"),
    ] {
        let said = said.unwrap_err();
        assert!(said.contains(words), "found {said:?}, expected {words:?}");
    }
}
