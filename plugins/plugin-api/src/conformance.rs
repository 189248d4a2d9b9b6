//! The test kit that every method passes.
//!
//! One line in a test module of the plugin's crate makes a test of each case:
//!
//! ```text
//! #[cfg(test)]
//! arborist_plugin_api::conformance!(MyMethod);
//! // or, with hyperparameters that make it quick, and weights that it needs:
//! #[cfg(test)]
//! arborist_plugin_api::conformance!(MyMethod, {"epochs": 3}, encoder = tiny_encoder());
//! ```
//!
//! The method runs in this process, but through the same C functions and the same wrappers as a loaded library.
//! The corpus is generated: twelve labels on two levels, texts that are easy to tell apart, always the same ones.
//! The hyperparameters given override the preset `fast`. A case fails by panicking with a sentence for the author.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this is test code: panicking is how it reports"
)]

mod cases;
mod corpus;
mod workbench;

pub use self::corpus::words;

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use serde_json::json;
use serde_json::{Map, Value};

use crate::host::Plugin;
use crate::method::Method;

/// Makes a module `conformance` with a test for each case of the kit; see [`conformance`](mod@crate::conformance).
#[macro_export]
macro_rules! conformance {
    ($method:ty $(,)?) => {
        $crate::conformance!($method, {});
    };
    ($method:ty, { $($json:tt)* } $(, encoder = $encoder:expr)? $(, word_vectors = $word_vectors:expr)? $(,)?) => {
        mod conformance {
            #[allow(unused_imports)]
            use super::*;

            fn kit() -> $crate::conformance::Kit<$method> {
                $crate::conformance::Kit::new($crate::conformance::json!({ $($json)* }))
                    $(.with_encoder($encoder))?
                    $(.with_word_vectors($word_vectors))?
            }

            $crate::conformance! { @cases
                describes_itself,
                keeps_the_rules_for_manifests,
                accepts_its_presets,
                refuses_unknown_hyperparameters,
                beats_the_majority_label,
                keeps_its_scores_when_saved_and_moved,
                gives_the_abilities_it_declares,
                repeats_itself_with_the_same_seed,
                reports_progress,
                stops_when_asked,
                does_not_start_when_cancelled_before,
                goes_on_after_an_interruption,
                survives_strange_texts,
                survives_a_label_without_documents,
                survives_documents_without_labels,
                survives_a_taxonomy_of_one_label,
                treats_three_parents_as_declared,
                survives_a_missing_validation_split,
                refuses_a_missing_checkpoint,
                survives_a_damaged_checkpoint,
                survives_a_panic_in_training,
                survives_a_panic_in_prediction,
            }
        }
    };
    (@cases $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                kit().$case();
            }
        )*
    };
}

/// Runs every case for a method, one after the other; `hyperparameters` override its preset `fast`.
///
/// [`conformance!`](crate::conformance!) is the better way: it names the case that fails.
pub fn check<M: Method>(hyperparameters: Value) {
    let kit = Kit::<M>::new(hyperparameters);
    for case in Kit::<M>::CASES {
        case(&kit);
    }
}

/// A method under test. Each method is a case.
#[derive(Debug)]
pub struct Kit<M> {
    overrides: Map<String, Value>,
    encoder: Option<PathBuf>,
    word_vectors: Option<PathBuf>,
    method: PhantomData<fn() -> M>,
    /// One case at a time: random state of libraries and thread counts belong to the process.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl<M: Method> Kit<M> {
    /// A kit whose trainings use the preset `fast` with these hyperparameters on top.
    #[must_use]
    pub fn new(hyperparameters: Value) -> Self {
        let Value::Object(overrides) = hyperparameters else {
            panic!("the hyperparameters of the kit must be an object, found {hyperparameters}");
        };
        Self {
            overrides,
            encoder: None,
            word_vectors: None,
            method: PhantomData,
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Gives the method the weights of an encoder: a directory as from Hugging Face, tiny.
    #[must_use]
    pub fn with_encoder(mut self, directory: impl Into<PathBuf>) -> Self {
        self.encoder = Some(directory.into());
        self
    }

    /// Gives the method word vectors.
    #[must_use]
    pub fn with_word_vectors(mut self, file: impl Into<PathBuf>) -> Self {
        self.word_vectors = Some(file.into());
        self
    }

    fn plugin(&self) -> Plugin {
        Plugin::in_process::<M>("").expect("the method describes itself")
    }

    fn hyperparameters(&self) -> Value {
        let resolved = M::manifest().resolve(Some("fast"), std::slice::from_ref(&self.overrides));
        Value::Object(resolved.expect("the method has the preset `fast`"))
    }
}
