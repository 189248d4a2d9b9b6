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
use crate::classifier::{Classifier, Workspace};
use crate::fit::{Fit, Fitted};
use crate::hyperparameters::{Classifier as Kind, Hyperparameters, Mode, Select};
use crate::matrix::{Matrix, Piece, ROWS_PER_PIECE};
use crate::structure::{Grouping, LabelDocuments, MAX_VISITS, ROOT, Structure};
use crate::tables::NONE;
use crate::vocabulary::{Limits, Scratch, TextReader, TooManyWords, Vocabulary};

/// Weights of a flat model that are stored densely: 256 MB.
pub(crate) const MAX_DENSE_WEIGHTS: usize = 1 << 26;
/// Values of documents times labels, above which `auto` trains a tree.
const MAX_FLAT_WORK: usize = 20_000_000_000;
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
        let start = if document == 0 { 0 } else { self.ends[document - 1] };
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
) -> Result<(), ModelError> {
    let started = Instant::now();
    checkpoint::clear(&request.checkpoint)?;
    let taxonomy = request.taxonomy()?;
    let (vocabulary, train) = read_train(hyperparameters, request, host)?;
    let validation = match &request.validation {
        Some(path) => Some(read_validation(&vocabulary, path, request, host)?).filter(|split| split.matrix.n_rows() > 0),
        None => None,
    };
    let n_documents = train.matrix.n_rows();
    host.info(format!(
        "{n_documents} documents with {} features, {} in a document on average",
        vocabulary.n_features(),
        train.matrix.n_entries() / n_documents.max(1)
    ));
    let documents = LabelDocuments::new(taxonomy.len(), train.labels.iter());
    let structure = structure(hyperparameters, request.seed, &taxonomy, &train.matrix, &documents);
    host.info(if structure.is_flat() {
        "every label is trained against all documents".to_owned()
    } else {
        format!("every label is trained among the documents of its parent; {} nodes", structure.len())
    });
    let n_without = taxonomy.len() - structure.labels.iter().filter(|&&label| label != NONE).count();
    if n_without > 0 {
        host.warning(format!("{n_without} labels have no training document: they score 0 always"));
    }
    let trainer = Trainer { hyperparameters, request, host, train: &train, validation: validation.as_ref(), documents: &documents, n_labels: taxonomy.len() };
    let classifier = trainer.best(vocabulary, structure)?;
    trainer.report(&classifier, started);
    host.check_cancelled()?;
    checkpoint::save(&request.checkpoint, &classifier, hyperparameters.threshold)?;
    host.emit(RunEvent::Checkpoint { at_ms: 0, epoch: 1, step: 1, selected: true });
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
        return Err(ModelError::Input("the training split has no document, expected at least one".to_owned()));
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
    host.step("vectorize", labels.ends.len() as u64, labels.ends.len() as u64);
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
            let Some(document) = reader.next_document()? else { break };
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

/// Flat or tree, as asked or as affordable.
fn structure(
    hyperparameters: &Hyperparameters,
    seed: u64,
    taxonomy: &Taxonomy,
    matrix: &Matrix,
    documents: &LabelDocuments,
) -> Structure {
    let flat = match hyperparameters.mode {
        Mode::Flat => true,
        Mode::Tree => false,
        Mode::Auto => matrix.n_entries().saturating_mul(taxonomy.len()) <= MAX_FLAT_WORK,
    };
    if flat {
        Structure::flat(taxonomy.len(), documents)
    } else {
        Structure::tree(taxonomy, documents, Grouping { matrix, documents, seed, max_visits: MAX_VISITS })
    }
}

struct Trainer<'a> {
    hyperparameters: &'a Hyperparameters,
    request: &'a TrainRequest,
    host: Host<'a>,
    train: &'a Split,
    validation: Option<&'a Split>,
    documents: &'a LabelDocuments,
    n_labels: usize,
}

impl Trainer<'_> {
    /// Trains once, or with several hyperparameters where tuning is asked for and possible.
    fn best(&self, vocabulary: Vocabulary, structure: Structure) -> Result<Classifier, ModelError> {
        let asked = self.hyperparameters;
        if !asked.tune {
            return self.one(vocabulary, structure, asked, Vec::new());
        }
        let Some(validation) = self.validation.filter(|_| structure.is_flat()) else {
            self.host.warning("tuning needs a validation split and flat mode: trained with the given hyperparameters");
            return self.one(vocabulary, structure, asked, Vec::new());
        };
        let mut candidates = vec![(asked.c, asked.balance)];
        for factor in TUNED_C {
            for balance in TUNED_BALANCE {
                let candidate = (asked.c * factor, balance);
                if !candidates.contains(&candidate) {
                    candidates.push(candidate);
                }
            }
        }
        let total = candidates.len() as u64;
        let mut best: Option<(f64, Classifier)> = None;
        for (number, (c, balance)) in candidates.into_iter().enumerate() {
            let step = ProgressStep { name: "candidates".to_owned(), current: number as u64, total };
            let hyperparameters = Hyperparameters { c, balance, ..asked.clone() };
            let classifier = self.one(vocabulary.clone(), structure.clone(), &hyperparameters, vec![step])?;
            let counts = self.judge(&classifier, validation, 0.5);
            self.host.info(format!(
                "c {c}, balance {balance}: validation micro-F1 {:.4}, macro-F1 {:.4}",
                counts.micro_f1(),
                counts.macro_f1()
            ));
            let score = match asked.select {
                Select::MacroF1 => counts.macro_f1(),
                Select::MicroF1 => counts.micro_f1(),
            };
            if best.as_ref().is_none_or(|(best, _)| score > *best) {
                best = Some((score, classifier));
            }
        }
        best.map(|(_, classifier)| classifier)
            .ok_or_else(|| ModelError::Failed("no candidate was trained".to_owned()))
    }

    fn one(
        &self,
        vocabulary: Vocabulary,
        structure: Structure,
        hyperparameters: &Hyperparameters,
        steps: Vec<ProgressStep>,
    ) -> Result<Classifier, ModelError> {
        let dense = structure.is_flat()
            && vocabulary.n_features().saturating_mul(structure.len() - 1) <= MAX_DENSE_WEIGHTS;
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
        let Fitted { weights, intercepts, unfinished } = fit.run()?;
        if unfinished > 0 {
            self.host.warning(format!(
                "{unfinished} labels did not reach the tolerance in {} passes",
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
            n_labels: self.n_labels,
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
                let mut predicted: Vec<LabelIndex> = classifier
                    .score_vector(split.matrix.row(document), workspace)
                    .iter()
                    .filter(|&&(_, score)| score > threshold)
                    .map(|&(label, _)| label)
                    .collect();
                predicted.sort_unstable();
                predicted
            })
            .collect();
        let mut counts = Counts::new(self.n_labels);
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

/// Fits every classifier's slopes on the validation documents that its node has.
fn calibrate(classifier: &Classifier, validation: &Split, slope: f64) -> Vec<Slopes> {
    let structure = &classifier.structure;
    let documents = LabelDocuments::new(classifier.n_labels, validation.labels.iter());
    let mut calibration = Calibration::new(structure.len(), slope);
    let mut has = vec![false; validation.matrix.n_rows()];
    for node in (0..structure.len() as u32).filter(|&node| structure.n_children[node as usize] > 0) {
        let rows = match structure.labels[node as usize] {
            NONE if node == ROOT => (0..validation.matrix.n_rows() as u32).collect(),
            _ => structure.group_documents(node, &documents),
        };
        let children: Vec<Vec<u32>> =
            structure.children(node).map(|child| structure.group_documents(child, &documents)).collect();
        for rows in rows.chunks(DOCUMENTS_TOGETHER) {
            let margins: Vec<Vec<f32>> = rows
                .par_iter()
                .map(|&document| {
                    let mut margins = Vec::new();
                    classifier.margins(node, validation.matrix.row(document as usize), &mut margins);
                    margins
                })
                .collect();
            for ((place, child), with) in structure.children(node).enumerate().zip(&children) {
                with.iter().for_each(|&document| has[document as usize] = true);
                for (margins, &document) in margins.iter().zip(rows) {
                    calibration.add(child as usize, margins[place], has[document as usize]);
                }
                with.iter().for_each(|&document| has[document as usize] = false);
            }
        }
    }
    calibration.finish()
}
