//! One training from snapshots to checkpoint.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use arborist_plugin_api::{Host, ModelError, TrainRequest};
use arborist_shared::LabelIndex;
use arborist_shared::metrics::Counts;
use arborist_shared::run::{ProgressStep, RunEvent};
use arborist_shared::taxonomy::Taxonomy;
use rayon::prelude::*;

use crate::calibration::{Calibration, Slopes};
use crate::checkpoint;
use crate::classifier::{Classifier, Found, Workspace};
use crate::fit::{Fit, Fitted};
use crate::hyperparameters::{Classifier as Kind, Hyperparameters, Mode, Select};
use crate::matrix::{Matrix, Piece, ROWS_PER_PIECE};
use crate::scale::Scale;
use crate::structure::{Grouping, LabelDocuments, ROOT, Structure};
use crate::tables::NONE;
use crate::vocabulary::{Limits, Scratch, TextReader, TooManyWords, Vocabulary};

/// Slopes without validation documents: a margin of 1, where the loss of the hinge ends, is about .95.
const SVM_SLOPE: f64 = 3.0;
/// A logistic margin is the logarithm of the odds already.
const LOGISTIC_SLOPE: f64 = 1.0;
/// What tuning tries: costs and balances.
const TUNED_C: [f64; 3] = [0.5, 1.0, 2.0];
const TUNED_BALANCE: [f64; 4] = [0.25, 0.5, 0.75, 1.0];

/// Documents whose margins are held at once while calibrating.
const DOCUMENTS_TOGETHER: usize = 1024;

/// A split as vectors with labels.
struct Split {
    matrix: Matrix,
    labels: Labels,
}

/// Label lists of documents; document `i` ends at `ends[i]`.
#[derive(Default)]
struct Labels {
    items: Vec<LabelIndex>,
    ends: Vec<usize>,
}

impl Labels {
    fn push(&mut self, labels: &[LabelIndex]) {
        self.items.extend_from_slice(labels);
        self.ends.push(self.items.len());
    }

    fn of(&self, document: usize) -> &[LabelIndex] {
        let start = if document == 0 {
            0
        } else {
            self.ends[document - 1]
        };
        &self.items[start..self.ends[document]]
    }

    fn iter(&self) -> impl Iterator<Item = &[LabelIndex]> + Clone {
        (0..self.ends.len()).map(|document| self.of(document))
    }
}

/// Trains on the current thread pool and writes the checkpoint.
pub(crate) fn train(
    hyperparameters: &Hyperparameters,
    request: &TrainRequest,
    host: Host<'_>,
    scale: Scale,
) -> Result<(), ModelError> {
    let started = Instant::now();
    checkpoint::clear(&request.checkpoint)?;
    let taxonomy = request.taxonomy()?;
    let (vocabulary, train) = read_train(hyperparameters, request, host)?;
    let validation = match &request.validation {
        Some(path) => Some(read_validation(&vocabulary, path, request, host)?)
            .filter(|split| split.matrix.n_rows() > 0),
        None => None,
    };
    let n_documents = train.matrix.n_rows();
    host.info(format!(
        "{n_documents} documents with {} features, {} in a document on average",
        vocabulary.n_features(),
        train.matrix.n_entries() / n_documents.max(1)
    ));
    let documents = LabelDocuments::new(taxonomy.len(), train.labels.iter());
    let n_without = taxonomy
        .indexes()
        .filter(|&label| documents.of(label).is_empty())
        .count();
    if n_without > 0 {
        host.warning(format!(
            "{n_without} labels have no training document: they score 0 always"
        ));
    }
    let trainer = Trainer {
        hyperparameters,
        request,
        host,
        taxonomy: &taxonomy,
        train: &train,
        validation: validation.as_ref(),
        documents: &documents,
        scale,
    };
    let classifier = trainer.best(vocabulary)?;
    trainer.report(&classifier, started);
    host.check_cancelled()?;
    checkpoint::save(&request.checkpoint, &classifier, hyperparameters.threshold)?;
    host.emit(RunEvent::Checkpoint {
        at_ms: 0,
        epoch: 1,
        step: 1,
        selected: true,
    });
    Ok(())
}

/// Reads the training split, chooses features and computes vectors.
fn read_train(
    hyperparameters: &Hyperparameters,
    request: &TrainRequest,
    host: Host<'_>,
) -> Result<(Vocabulary, Split), ModelError> {
    let mut reader = request.document_reader(&request.train)?;
    let mut text = TextReader::default();
    let mut labels = Labels::default();
    let too_many = |error: TooManyWords| ModelError::Input(error.to_string());
    while let Some(document) = reader.next_document()? {
        labels.push(document.labels);
        text.push(document.text).map_err(too_many)?;
        if labels.ends.len() % 1024 == 0 {
            host.check_cancelled()?;
            host.step("vectorize", labels.ends.len() as u64, 0);
        }
    }
    if labels.ends.is_empty() {
        return Err(ModelError::Input(
            "the training split has no document, expected at least one".to_owned(),
        ));
    }
    host.check_cancelled()?;
    let limits = Limits {
        ngram_max: hyperparameters.ngram_max as usize,
        min_df: hyperparameters.min_df,
        max_features: hyperparameters.max_features as usize,
    };
    let (vocabulary, text) = text.finish(limits).map_err(too_many)?;
    host.check_cancelled()?;
    let matrix = vocabulary.matrix(&text);
    host.step(
        "vectorize",
        labels.ends.len() as u64,
        labels.ends.len() as u64,
    );
    Ok((vocabulary, Split { matrix, labels }))
}

/// Reads the validation split and computes vectors.
fn read_validation(
    vocabulary: &Vocabulary,
    path: &Path,
    request: &TrainRequest,
    host: Host<'_>,
) -> Result<Split, ModelError> {
    let mut reader = request.document_reader(path)?;
    let mut matrix = Matrix::new(vocabulary.n_features());
    let mut labels = Labels::default();
    let mut texts: Vec<String> = Vec::new();
    let together = ROWS_PER_PIECE * rayon::current_num_threads();
    loop {
        host.check_cancelled()?;
        texts.clear();
        while texts.len() < together {
            let Some(document) = reader.next_document()? else {
                break;
            };
            labels.push(document.labels);
            texts.push(document.text.to_owned());
        }
        if texts.is_empty() {
            return Ok(Split { matrix, labels });
        }
        let pieces: Vec<Piece> = texts
            .par_chunks(ROWS_PER_PIECE)
            .map_init(Scratch::default, |scratch, texts| {
                let mut piece = Piece::default();
                for text in texts {
                    vocabulary.vector(text, scratch);
                    piece.push(&scratch.features, &scratch.values);
                }
                piece
            })
            .collect();
        for piece in pieces {
            matrix.push(piece);
        }
    }
}

struct Trainer<'a> {
    hyperparameters: &'a Hyperparameters,
    request: &'a TrainRequest,
    host: Host<'a>,
    taxonomy: &'a Taxonomy,
    train: &'a Split,
    validation: Option<&'a Split>,
    documents: &'a LabelDocuments,
    scale: Scale,
}

/// A trained model and what it scored on validation.
struct Candidate {
    classifier: Classifier,
    score: f64,
}

impl Trainer<'_> {
    /// Trains what was asked for; where that leaves a choice, all that can be chosen, and keeps the best on validation.
    fn best(&self, vocabulary: Vocabulary) -> Result<Classifier, ModelError> {
        let asked = self.hyperparameters;
        let affordable = self
            .train
            .matrix
            .n_entries()
            .saturating_mul(self.taxonomy.len())
            <= self.scale.max_flat_work;
        let is_one_level = self.taxonomy.depth() <= 1;
        let modes: &[Mode] = match asked.mode {
            Mode::Auto if !affordable => &[Mode::Tree],
            Mode::Auto if is_one_level || self.validation.is_none() => &[Mode::Flat],
            Mode::Auto => &[Mode::Tree, Mode::Flat],
            Mode::Flat => &[Mode::Flat],
            Mode::Tree => &[Mode::Tree],
        };
        let several = self.taxonomy.n_multi_parent();
        if several > 0 && modes.contains(&Mode::Tree) {
            self.host.info(format!(
                "{several} labels have several parents: mode tree trains each among the documents of its first one"
            ));
        }
        let tuned = asked.tune && self.validation.is_some();
        if asked.tune && !tuned {
            self.host
                .warning("tuning needs a validation split: trained with the given hyperparameters");
        }
        let mut total = modes.len();
        if tuned {
            total += TUNED_C.len() * TUNED_BALANCE.len();
        }
        let mut best: Option<(Mode, Candidate)> = None;
        let mut number = 0;
        let mut try_one = |vocabulary: Vocabulary,
                           mode: Mode,
                           hyperparameters: &Hyperparameters,
                           best: &mut Option<(Mode, Candidate)>| {
            let step = ProgressStep {
                name: "candidates".to_owned(),
                current: number,
                total: total as u64,
            };
            number += 1;
            let steps = if total > 1 { vec![step] } else { Vec::new() };
            let candidate = self.candidate(vocabulary, mode, hyperparameters, steps)?;
            if best
                .as_ref()
                .is_none_or(|(_, best)| candidate.score > best.score)
            {
                *best = Some((mode, candidate));
            }
            Ok::<_, ModelError>(())
        };
        let (last, others) = modes
            .split_last()
            .ok_or_else(|| ModelError::Failed("no mode to train".to_owned()))?;
        for &mode in others {
            try_one(vocabulary.clone(), mode, asked, &mut best)?;
        }
        try_one(vocabulary, *last, asked, &mut best)?;
        let nothing = || ModelError::Failed("nothing was trained".to_owned());
        if tuned {
            let mode = best.as_ref().map(|&(mode, _)| mode).ok_or_else(nothing)?;
            for factor in TUNED_C {
                for balance in TUNED_BALANCE {
                    let Some((_, candidate)) = &best else {
                        continue;
                    };
                    let vocabulary = candidate.classifier.vocabulary.clone();
                    let hyperparameters = Hyperparameters {
                        c: asked.c * factor,
                        balance,
                        ..asked.clone()
                    };
                    if hyperparameters != *asked {
                        try_one(vocabulary, mode, &hyperparameters, &mut best)?;
                    }
                }
            }
        }
        best.map(|(_, candidate)| candidate.classifier)
            .ok_or_else(nothing)
    }

    /// Trains once and judges on validation.
    fn candidate(
        &self,
        vocabulary: Vocabulary,
        mode: Mode,
        hyperparameters: &Hyperparameters,
        steps: Vec<ProgressStep>,
    ) -> Result<Candidate, ModelError> {
        let structure = if mode == Mode::Tree {
            let grouping = Grouping {
                matrix: &self.train.matrix,
                documents: self.documents,
                seed: self.request.seed,
                scale: self.scale,
            };
            Structure::tree(self.taxonomy, self.documents, grouping)
        } else {
            Structure::flat(self.taxonomy.len(), self.documents)
        };
        let classifier = self.one(vocabulary, structure, hyperparameters, steps)?;
        let how = if mode == Mode::Tree {
            "among the documents of its parent"
        } else {
            "against all documents"
        };
        let Hyperparameters { c, balance, .. } = hyperparameters;
        let Some(validation) = self.validation else {
            self.host
                .info(format!("every label {how}, c {c}, balance {balance}"));
            return Ok(Candidate {
                classifier,
                score: 0.0,
            });
        };
        let counts = self.judge(&classifier, validation, 0.5);
        self.host.info(format!(
            "every label {how}, c {c}, balance {balance}: validation micro-F1 {:.4}, macro-F1 {:.4}",
            counts.micro_f1(),
            counts.macro_f1()
        ));
        let score = match self.hyperparameters.select {
            Select::MacroF1 => counts.macro_f1(),
            Select::MicroF1 => counts.micro_f1(),
        };
        Ok(Candidate { classifier, score })
    }

    fn one(
        &self,
        vocabulary: Vocabulary,
        structure: Structure,
        hyperparameters: &Hyperparameters,
        steps: Vec<ProgressStep>,
    ) -> Result<Classifier, ModelError> {
        let n_weights = vocabulary.n_features().saturating_mul(structure.len());
        let dense = n_weights <= self.scale.max_dense_weights;
        let fit = Fit {
            matrix: &self.train.matrix,
            documents: self.documents,
            structure: &structure,
            hyperparameters,
            dense,
            seed: self.request.seed,
            host: self.host,
            steps,
        };
        let Fitted {
            weights,
            intercepts,
            n_unfinished,
        } = fit.run()?;
        if n_unfinished > 0 {
            self.host.warning(format!(
                "{n_unfinished} labels did not reach the tolerance in {} passes",
                hyperparameters.epochs
            ));
        }
        let slope = match hyperparameters.classifier {
            Kind::Svm => SVM_SLOPE,
            Kind::Logistic => LOGISTIC_SLOPE,
        };
        let mut classifier = Classifier {
            vocabulary,
            slopes: vec![Slopes::uncalibrated(slope); structure.len()],
            structure,
            weights,
            intercepts,
            n_labels: self.taxonomy.len(),
            beam: hyperparameters.beam as usize,
        };
        if let Some(validation) = self.validation {
            let slopes = calibrate(&classifier, validation, slope);
            classifier.slopes = slopes;
        }
        Ok(classifier)
    }

    /// Counts of right and wrong labels on a split.
    fn judge(&self, classifier: &Classifier, split: &Split, threshold: f32) -> Counts {
        let predicted: Vec<Vec<LabelIndex>> = (0..split.matrix.n_rows())
            .into_par_iter()
            .map_init(Workspace::default, |workspace, document| {
                let found = classifier.find(split.matrix.row(document), workspace);
                let mut predicted: Vec<LabelIndex> = classifier
                    .label_scores(found)
                    .filter(|&(_, score)| score > threshold)
                    .map(|(label, _)| label)
                    .collect();
                predicted.sort_unstable();
                predicted
            })
            .collect();
        let mut counts = Counts::new(self.taxonomy.len());
        for (document, predicted) in predicted.iter().enumerate() {
            counts.add(split.labels.of(document), predicted);
        }
        counts
    }

    /// Tells the learning curves how it went.
    fn report(&self, classifier: &Classifier, started: Instant) {
        let mut validation = BTreeMap::new();
        if let Some(split) = self.validation {
            let counts = self.judge(classifier, split, self.hyperparameters.threshold);
            validation.insert("micro_f1".to_owned(), counts.micro_f1());
            validation.insert("macro_f1".to_owned(), counts.macro_f1());
        }
        let seconds = started.elapsed().as_secs_f64();
        self.host.emit(RunEvent::Epoch {
            at_ms: 0,
            epoch: 1,
            step: 1,
            losses: BTreeMap::new(),
            validation,
            learning_rate: 0.0,
            documents_per_second: self.train.matrix.n_rows() as f64 / seconds.max(1e-9),
            seconds,
            peak_memory_bytes: 0,
        });
    }
}

/// Fits the slopes of every node to its path margins on the validation documents.
fn calibrate(classifier: &Classifier, validation: &Split, slope: f64) -> Vec<Slopes> {
    let structure = &classifier.structure;
    let mut parents = vec![ROOT; structure.len()];
    for node in 0..structure.len() as u32 {
        structure
            .children(node)
            .for_each(|child| parents[child as usize] = node);
    }
    let mut nodes = vec![NONE; classifier.n_labels];
    for (node, &label) in structure.labels.iter().enumerate() {
        if label != NONE {
            nodes[label as usize] = node as u32;
        }
    }
    let mut calibration = Calibration::new(structure.len(), slope);
    let rows: Vec<u32> = (0..validation.matrix.n_rows() as u32).collect();
    for rows in rows.chunks(DOCUMENTS_TOGETHER) {
        let found: Vec<Vec<Found>> = rows
            .par_iter()
            .map_init(Workspace::default, |workspace, &document| {
                classifier
                    .find(validation.matrix.row(document as usize), workspace)
                    .to_vec()
            })
            .collect();
        let mut has = vec![false; structure.len()];
        for (found, &document) in found.iter().zip(rows) {
            let set = |has: &mut Vec<bool>, value: bool| {
                for &label in validation.labels.of(document as usize) {
                    let mut node = nodes[label as usize];
                    // Groups have the documents of their labels.
                    while node != NONE && node != ROOT {
                        has[node as usize] = value;
                        node = parents[node as usize];
                    }
                }
            };
            set(&mut has, true);
            for &Found {
                node, path_margin, ..
            } in found
            {
                calibration.add(node as usize, path_margin, has[node as usize]);
            }
            set(&mut has, false);
        }
    }
    calibration.finish()
}
