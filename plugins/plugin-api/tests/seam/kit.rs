//! The conformance kit on methods that break one rule each: the case for that rule fails and says which it was.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use arborist_plugin_api::conformance::Kit;
use arborist_plugin_api::shared::corpus::SnapshotDocument;
use arborist_plugin_api::shared::manifest::Capability;
use arborist_plugin_api::shared::taxonomy::Taxonomy;
use arborist_plugin_api::{
    Embeddings, Evidence, Facts, Host, LabelIndex, LoadRequest, Method, MethodManifest, Model,
    ModelError, Predictions, Scores, TrainRequest, Unattended,
};
use serde_json::{Value, json};

use crate::toy::{Hyperparameters, Toy, ToyModel};

// The rules to break.
const NONE: u8 = 0;
/// Its manifest has a hyperparameter without a description.
const UNDESCRIBED: u8 = 1;
/// Its manifest has four presets.
const FOUR_PRESETS: u8 = 2;
/// The same score for everything.
const DULL: u8 = 3;
/// Scores that are no fractions.
const LOUD: u8 = 4;
/// A model that scores differently each time it is loaded.
const FORGETFUL: u8 = 5;
/// Sparse scores that are not declared.
const SPARSE: u8 = 6;
/// Declares to decide sets, and gives scores alone.
const UNDECIDED: u8 = 7;
/// Declares no evidence, and gives some.
const MODEST: u8 = 8;
/// A training that depends on more than its seed.
const MOODY: u8 = 9;
/// Reports nothing.
const SILENT: u8 = 10;
/// Does not stop.
const DEAF: u8 = 11;
/// Stops, and says that it is done.
const PROUD: u8 = 12;
/// Loads from an empty directory.
const CREDULOUS: u8 = 13;
/// Panics on a damaged checkpoint.
const TOUCHY: u8 = 14;
/// Refuses an empty text.
const PICKY: u8 = 15;
/// Needs a validation split.
const NEEDY: u8 = 16;
/// Trains only where every label has documents.
const CROWDED: u8 = 17;
/// Needs two labels.
const SOCIAL: u8 = 18;
/// Fails, without refusing it, where a label has several parents.
const NARROW: u8 = 19;
/// Its manifest has a number without bounds.
const BOUNDLESS: u8 = 20;

/// The toy with a fault.
struct With<const FAULT: u8>;

struct WithModel<const FAULT: u8> {
    model: Option<ToyModel>,
    shift: f32,
}

/// Counts what must not matter.
static COUNT: AtomicU32 = AtomicU32::new(0);

fn shift() -> f32 {
    (COUNT.fetch_add(1, Ordering::Relaxed) % 97) as f32 * 1e-3
}

impl<const FAULT: u8> Method for With<FAULT> {
    type Hyperparameters = Hyperparameters;
    type Model = WithModel<FAULT>;

    fn manifest() -> MethodManifest {
        let mut manifest = Toy::manifest();
        match FAULT {
            UNDESCRIBED => {
                manifest.hyperparameters["properties"]["epochs"]["description"] = json!("");
            }
            FOUR_PRESETS => {
                manifest.presets.remove("paper");
            }
            BOUNDLESS => {
                let smoothing = &mut manifest.hyperparameters["properties"]["smoothing"];
                smoothing.as_object_mut().unwrap().remove("maximum");
            }
            UNDECIDED => manifest.capabilities.push(Capability::DecidedSets),
            MODEST => manifest
                .capabilities
                .retain(|capability| *capability != Capability::Evidence),
            _ => {}
        }
        manifest
    }

    fn check(hyperparameters: &Hyperparameters, facts: &Facts) -> Result<(), ModelError> {
        Toy::check(hyperparameters, facts)
    }

    fn train(
        hyperparameters: Hyperparameters,
        request: &TrainRequest,
        host: &Host<'_>,
    ) -> Result<(), ModelError> {
        match FAULT {
            SILENT => {
                host.check_cancelled()?;
                Toy::train(hyperparameters, request, &Host::new(&Unattended))?;
            }
            DEAF => {
                host.info("begun");
                Toy::train(hyperparameters, request, &Host::new(&Unattended))?;
            }
            PROUD => match Toy::train(hyperparameters, request, host) {
                Ok(()) | Err(ModelError::Cancelled) => {}
                Err(error) => return Err(error),
            },
            CROWDED | SOCIAL | NARROW => {
                complain(FAULT, request)?;
                Toy::train(hyperparameters, request, host)?;
            }
            NEEDY if request.validation.is_none() => {
                return Err(ModelError::Failed("nothing to validate on".to_owned()));
            }
            _ => Toy::train(hyperparameters, request, host)?,
        }
        if FAULT == MOODY {
            let mood = request.checkpoint.join("mood.json");
            std::fs::write(mood, json!(shift()).to_string()).map_err(ModelError::io("mood"))?;
        }
        Ok(())
    }

    fn load(request: &LoadRequest) -> Result<Self::Model, ModelError> {
        let model = match Toy::load(request) {
            Err(_) if FAULT == CREDULOUS => None,
            Err(error) if FAULT == TOUCHY => panic!("{error}"),
            model => Some(model?),
        };
        let shift = match FAULT {
            FORGETFUL => shift(),
            MOODY => mood(&request.checkpoint),
            _ => 0.0,
        };
        Ok(WithModel { model, shift })
    }
}

/// What these faults can't bear about a corpus.
fn complain(fault: u8, request: &TrainRequest) -> Result<(), ModelError> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(ModelError::io("corpus"));
    let taxonomy: Taxonomy = serde_json::from_str(&read(&request.taxonomy)?)
        .map_err(|error| ModelError::Failed(error.to_string()))?;
    let mut seen = vec![false; taxonomy.len()];
    for line in read(&request.train)?.lines() {
        let document: SnapshotDocument =
            serde_json::from_str(line).map_err(|error| ModelError::Failed(error.to_string()))?;
        for label in document.labels {
            seen[label as usize] = true;
        }
    }
    let complaint = match fault {
        CROWDED if seen.contains(&false) => "a label without documents",
        SOCIAL if taxonomy.len() < 2 => "one label is too few",
        NARROW if !taxonomy.is_tree() => "not a tree",
        _ => return Ok(()),
    };
    Err(ModelError::Failed(complaint.to_owned()))
}

fn mood(checkpoint: &Path) -> f32 {
    std::fs::read_to_string(checkpoint.join("mood.json"))
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

impl<const FAULT: u8> WithModel<FAULT> {
    fn toy(&mut self) -> Result<&mut ToyModel, ModelError> {
        let missing = || ModelError::Failed("there is no model".to_owned());
        self.model.as_mut().ok_or_else(missing)
    }
}

impl<const FAULT: u8> Model for WithModel<FAULT> {
    fn predict(&mut self, texts: &[&str]) -> Result<Predictions, ModelError> {
        if FAULT == PICKY && texts.contains(&"") {
            return Err(ModelError::Input("an empty text".to_owned()));
        }
        let shift = self.shift;
        let mut predictions = self.toy()?.predict(texts)?;
        let Scores::Dense { n_labels, values } = &mut predictions.scores else {
            return Ok(predictions);
        };
        for value in values.iter_mut() {
            *value = match FAULT {
                DULL => 0.25,
                LOUD => *value * 2.0,
                _ => *value * (1.0 - shift),
            };
        }
        if FAULT == SPARSE {
            let width = *n_labels;
            predictions.scores = Scores::Sparse {
                offsets: (0..=texts.len() as u64)
                    .map(|row| row * width as u64)
                    .collect(),
                labels: texts.iter().flat_map(|_| 0..width as u32).collect(),
                values: std::mem::take(values),
            };
        }
        Ok(predictions)
    }

    fn label_embeddings(&mut self) -> Result<Embeddings, ModelError> {
        self.toy()?.label_embeddings()
    }

    fn evidence(&mut self, text: &str, label: LabelIndex) -> Result<Vec<Evidence>, ModelError> {
        self.toy()?.evidence(text, label)
    }
}

/// A case of the kit on a method: what it says when it fails, if it does.
pub(crate) fn outcome<M: Method>(hyperparameters: &Value, case: fn(&Kit<M>)) -> Result<(), String> {
    let kit = Kit::<M>::new(hyperparameters.clone());
    catch_unwind(AssertUnwindSafe(|| case(&kit))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default()
    })
}

/// The case fails on the faulty method with these words, and passes on the same method without the fault.
#[track_caller]
fn check<const FAULT: u8>(case: fn(&Kit<With<FAULT>>), sound: fn(&Kit<With<NONE>>), words: &str) {
    let hyperparameters = json!({});
    let said = outcome(&hyperparameters, case).expect_err("the case passes with the fault");
    assert!(said.contains(words), "found {said:?}, expected {words:?}");
    assert_eq!(outcome(&hyperparameters, sound), Ok(()));
}

#[test]
fn faulty_descriptions_are_noticed() {
    check::<UNDESCRIBED>(
        Kit::keeps_the_rules_for_manifests,
        Kit::keeps_the_rules_for_manifests,
        "epochs",
    );
    check::<FOUR_PRESETS>(
        Kit::keeps_the_rules_for_manifests,
        Kit::keeps_the_rules_for_manifests,
        "paper",
    );
    check::<BOUNDLESS>(
        Kit::keeps_the_rules_for_manifests,
        Kit::keeps_the_rules_for_manifests,
        "`smoothing` has no `maximum`",
    );
}

#[test]
fn faulty_scores_are_noticed() {
    check::<DULL>(
        Kit::beats_the_majority_label,
        Kit::beats_the_majority_label,
        "predicting the same set for every text gives",
    );
    check::<LOUD>(
        Kit::beats_the_majority_label,
        Kit::beats_the_majority_label,
        "expected 0 to 1",
    );
}

#[test]
fn scores_that_change_are_noticed() {
    check::<FORGETFUL>(
        Kit::keeps_its_scores_when_saved_and_moved,
        Kit::keeps_its_scores_when_saved_and_moved,
        "loaded again, the model scores differently",
    );
    check::<MOODY>(
        Kit::repeats_itself_with_the_same_seed,
        Kit::repeats_itself_with_the_same_seed,
        "two trainings with the same seed score differently",
    );
    check::<MOODY>(
        Kit::goes_on_after_an_interruption,
        Kit::goes_on_after_an_interruption,
        "scores differently from an unbroken one",
    );
}

/// That `sparse_scores` is declared and scores are dense is no fault: a method may keep dense rows for small taxonomies.
#[test]
fn abilities_that_are_not_as_declared_are_noticed() {
    check::<SPARSE>(
        Kit::gives_the_abilities_it_declares,
        Kit::gives_the_abilities_it_declares,
        "does not declare `sparse_scores`",
    );
    check::<UNDECIDED>(
        Kit::gives_the_abilities_it_declares,
        Kit::gives_the_abilities_it_declares,
        "`decided_sets`",
    );
    check::<MODEST>(
        Kit::gives_the_abilities_it_declares,
        Kit::gives_the_abilities_it_declares,
        "Evidence works and is not declared",
    );
}

#[test]
fn methods_that_do_not_report_or_listen_are_noticed() {
    check::<SILENT>(
        Kit::reports_progress,
        Kit::reports_progress,
        "no event of kind progress, step or epoch",
    );
    for_stopping::<DEAF>();
    for_stopping::<PROUD>();
    check::<DEAF>(
        Kit::does_not_start_when_cancelled_before,
        Kit::does_not_start_when_cancelled_before,
        "the host wanted to stop from the beginning",
    );
}

#[track_caller]
fn for_stopping<const FAULT: u8>() {
    check::<FAULT>(
        Kit::stops_when_asked,
        Kit::stops_when_asked,
        "asked to stop after its first event",
    );
}

#[test]
fn checkpoints_that_are_not_checked_are_noticed() {
    check::<CREDULOUS>(
        Kit::refuses_a_missing_checkpoint,
        Kit::refuses_a_missing_checkpoint,
        "an empty checkpoint",
    );
    check::<TOUCHY>(
        Kit::survives_a_damaged_checkpoint,
        Kit::survives_a_damaged_checkpoint,
        "cut in half",
    );
}

#[test]
fn data_that_is_refused_is_noticed() {
    check::<PICKY>(
        Kit::survives_strange_texts,
        Kit::survives_strange_texts,
        "an empty text",
    );
    check::<NEEDY>(
        Kit::survives_a_missing_validation_split,
        Kit::survives_a_missing_validation_split,
        "nothing to validate on",
    );
    check::<CROWDED>(
        Kit::survives_a_label_without_documents,
        Kit::survives_a_label_without_documents,
        "a label without documents",
    );
    check::<SOCIAL>(
        Kit::survives_a_taxonomy_of_one_label,
        Kit::survives_a_taxonomy_of_one_label,
        "one label is too few",
    );
    check::<NARROW>(
        Kit::treats_three_parents_as_declared,
        Kit::treats_three_parents_as_declared,
        "not a tree",
    );
}
