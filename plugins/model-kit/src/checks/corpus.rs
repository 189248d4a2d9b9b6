//! A tiny corpus on disk, and trainings on it.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use arborist_plugin_api::{
    Host, HostCallbacks, LoadRequest, Method, Model, ModelError, Predictions, Scores, TrainRequest,
};
use arborist_shared::LabelIndex;
use arborist_shared::run::RunEvent;
use arborist_shared::taxonomy::Taxonomy;
use tempfile::TempDir;

use crate::text_method::LabelSets;

/// A corpus with a checkpoint directory, gone when dropped.
pub struct Corpus {
    pub directory: TempDir,
    pub request: TrainRequest,
    texts: Vec<String>,
    /// As given, and closed upwards.
    gold: Vec<[Vec<LabelIndex>; 2]>,
}

impl Corpus {
    /// 60 documents to train on and 20 to validate: each says its leaf in every third word.
    ///
    /// # Panics
    /// When files cannot be written.
    #[must_use]
    pub fn new(taxonomy: &Taxonomy) -> Self {
        let leaves: Vec<LabelIndex> = taxonomy
            .indexes()
            .filter(|label| taxonomy.children(*label).is_empty())
            .collect();
        let document = |document: usize| {
            let leaf = leaves[document % leaves.len()];
            let word = |place: usize| match place % 3 {
                0 => format!("word{leaf}"),
                _ => format!("filler{}", (document * 7 + place * 5) % 11),
            };
            let text: Vec<String> = (0..5 + document % 9).map(word).collect();
            (text.join(" "), vec![leaf])
        };
        Self::of(taxonomy, (0..60).map(document), (60..80).map(document))
    }

    /// 200 documents of one or two leaves, which are also those to validate: what a network that can learn anything
    /// learns by heart. Each label has words of its own, and half of all words say nothing.
    ///
    /// # Panics
    /// When files cannot be written.
    #[must_use]
    pub fn to_overfit(taxonomy: &Taxonomy) -> Self {
        let leaves: Vec<LabelIndex> = taxonomy
            .indexes()
            .filter(|label| taxonomy.children(*label).is_empty())
            .collect();
        let document = |document: usize| {
            let mut chosen = vec![leaves[document % leaves.len()]];
            if document.is_multiple_of(3) {
                chosen.push(leaves[(document / 3 + 1) % leaves.len()]);
            }
            chosen.sort_unstable();
            chosen.dedup();
            let word = |place: usize| {
                let label = chosen[place / 2 % chosen.len()];
                match place % 2 {
                    0 => format!("word{label}x{}", (document + place) % 4),
                    _ => format!("filler{}", (document * 31 + place * 17) % 97),
                }
            };
            let text: Vec<String> = (0..8 + document % 13).map(word).collect();
            (text.join(" "), chosen.clone())
        };
        Self::of(taxonomy, (0..200).map(document), (0..200).map(document))
    }

    /// Documents as texts with the labels that they are given.
    ///
    /// # Panics
    /// When files cannot be written.
    #[must_use]
    pub fn of(
        taxonomy: &Taxonomy,
        train: impl Iterator<Item = (String, Vec<LabelIndex>)>,
        validation: impl Iterator<Item = (String, Vec<LabelIndex>)>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(
            root.join("taxonomy.json"),
            serde_json::to_vec(taxonomy).unwrap(),
        )
        .unwrap();
        let (mut texts, mut gold) = (Vec::new(), Vec::new());
        let mut lines = String::new();
        for (text, explicit) in train {
            lines += &line(&texts.len().to_string(), &text, &explicit, taxonomy);
            let closed = taxonomy.close(&explicit);
            gold.push([explicit, closed]);
            texts.push(text);
        }
        fs::write(root.join("train.jsonl"), lines).unwrap();
        let lines: String = validation
            .enumerate()
            .map(|(number, (text, explicit))| {
                line(&format!("v{number}"), &text, &explicit, taxonomy)
            })
            .collect();
        fs::write(root.join("validation.jsonl"), lines).unwrap();
        fs::create_dir(root.join("checkpoint")).unwrap();
        let request = TrainRequest {
            checkpoint: root.join("checkpoint"),
            train: root.join("train.jsonl"),
            validation: Some(root.join("validation.jsonl")),
            taxonomy: root.join("taxonomy.json"),
            seed: 1,
            device: "cpu".to_owned(),
            threads: 1,
            encoder: Some(super::tiny_encoder()),
            word_vectors: None,
        };
        Self {
            directory,
            request,
            texts,
            gold,
        }
    }

    /// Trains, and returns what was reported on the way.
    ///
    /// # Panics
    /// If the method did while it reported.
    pub fn train<M: Method>(
        &self,
        hyperparameters: M::Hyperparameters,
    ) -> (Result<(), ModelError>, Vec<RunEvent>) {
        let listener = Listener::default();
        let result = M::train(hyperparameters, &self.request, &Host::new(&listener));
        (result, listener.0.into_inner().unwrap())
    }

    /// Loads what was trained.
    ///
    /// # Errors
    /// Those of the method.
    pub fn load<M: Method>(&self) -> Result<M::Model, ModelError> {
        self.load_with::<M>(&self.request.taxonomy)
    }

    /// Loads what was trained, for another taxonomy.
    ///
    /// # Errors
    /// Those of the method.
    pub fn load_with<M: Method>(&self, taxonomy: &Path) -> Result<M::Model, ModelError> {
        M::load(&LoadRequest {
            checkpoint: self.request.checkpoint.clone(),
            taxonomy: taxonomy.to_owned(),
            device: "cpu".to_owned(),
            threads: 1,
            encoder: None,
        })
    }

    /// Micro-F1 of a trained model on the documents that it was trained on.
    ///
    /// # Panics
    /// When the model does not predict.
    pub fn micro_f1_on_train(&self, model: &mut impl Model, sets: LabelSets) -> f64 {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let rows = scores(&model.predict(&texts).unwrap());
        let (mut right, mut predicted, mut expected) = (0, 0, 0);
        for (row, [explicit, closed]) in rows.iter().zip(&self.gold) {
            let gold = match sets {
                LabelSets::Explicit => explicit,
                LabelSets::Closed => closed,
            };
            let found: Vec<LabelIndex> = (0..)
                .zip(row)
                .filter(|(_, score)| **score > model.threshold())
                .map(|(label, _)| label)
                .collect();
            right += found.iter().filter(|label| gold.contains(label)).count();
            predicted += found.len();
            expected += gold.len();
        }
        2.0 * right as f64 / (predicted + expected) as f64
    }
}

fn line(id: &str, text: &str, explicit: &[LabelIndex], taxonomy: &Taxonomy) -> String {
    let row = serde_json::json!({"id": id, "text": text, "labels": taxonomy.close(explicit), "explicit": explicit});
    format!("{row}\n")
}

/// Rows of scores, one per text.
///
/// # Panics
/// If they are sparse.
#[must_use]
pub fn scores(predictions: &Predictions) -> Vec<Vec<f32>> {
    match &predictions.scores {
        Scores::Dense { n_labels, values } => {
            values.chunks(*n_labels).map(<[f32]>::to_vec).collect()
        }
        Scores::Sparse { .. } => panic!("methods over words score every label"),
    }
}

/// Whether a message with this part was reported.
#[must_use]
pub fn logged(events: &[RunEvent], part: &str) -> bool {
    events
        .iter()
        .any(|event| matches!(event, RunEvent::Log { message, .. } if message.contains(part)))
}

#[derive(Default)]
pub(super) struct Listener(Mutex<Vec<RunEvent>>);

impl HostCallbacks for Listener {
    fn emit(&self, event: RunEvent) {
        self.0.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}
