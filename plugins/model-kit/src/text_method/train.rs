//! A training from request to checkpoint.

use arborist_plugin_api::{Host, LabelIndex, LoadRequest, ModelError, TrainRequest};
use arborist_shared::taxonomy::Taxonomy;
use tch::Device;

use super::checkpoint::Description;
use super::model::TextModel;
use super::plan::plan;
use super::{
    Inputs, LabelSets, Prepared, Purpose, Source, TextHyperparameters, TextNetwork, corpus,
};
use crate::batch::EncodedDocuments;
use crate::blocks::Precision;
use crate::error::KitError;
use crate::parameters::Parameters;
use crate::pretrained::{BertConfig, Pretrained};
use crate::process;
use crate::settings::CountedFrom;
use crate::structure::Hierarchy;
use crate::text::{Coverage, PieceOptions, PieceReader, Reader, WordVectors};
use crate::training::{self, Plan, Validation};

/// What texts are read with, and what the network starts from.
struct Start {
    reader: Reader,
    parameters: Parameters,
    vectors: Option<WordVectors>,
    encoder: Option<BertConfig>,
}

/// Trains a network as the hyperparameters say and writes a checkpoint.
///
/// # Errors
/// When the host cancels, the data cannot be used, or files cannot be written.
pub fn train<N: TextNetwork>(
    hyperparameters: &N::Hyperparameters,
    request: &TrainRequest,
    host: &Host<'_>,
) -> Result<(), ModelError> {
    host.check_cancelled()?;
    let device = process::prepare(&request.device, request.threads)?;
    let taxonomy = request.taxonomy()?;
    let on_tree = N::works_on_trees(hyperparameters);

    let fresh = Parameters::fresh(device, request.seed);
    let Start {
        reader,
        parameters,
        vectors,
        encoder,
    } = start(
        hyperparameters,
        fresh,
        levels(&taxonomy, on_tree),
        request,
        host,
    )?;
    let sets = hyperparameters.label_sets();
    let train = corpus::encode(&request.train, &reader, sets, request, host)?;
    let validation = request
        .validation
        .as_deref()
        .map(|split| corpus::encode(split, &reader, sets, request, host))
        .transpose()?;
    if validation.as_ref().is_none_or(EncodedDocuments::is_empty) {
        host.info("no validation documents: all epochs are trained and the last weights are kept");
    }

    let hierarchy = hierarchy(
        hyperparameters,
        &taxonomy,
        on_tree,
        &train,
        validation.as_ref(),
    );
    let inputs = inputs(
        hyperparameters,
        &hierarchy,
        &reader,
        vectors.as_ref(),
        encoder.as_ref(),
    );
    let mut network = N::build(parameters, hyperparameters, inputs)?;
    if let (Some(vectors), Some(pipeline), Some(table)) = (vectors, reader.words(), network.table())
    {
        let known = vectors.fill(table, pipeline.vocabulary(), host)?;
        host.info(Coverage::new(&known, pipeline.vocabulary(), &train).to_string());
        drop(vectors);
        process::forget_peak_memory();
    }

    let plan = plan(
        hyperparameters,
        &train,
        &taxonomy,
        encoder.as_ref(),
        request,
        device,
    );
    host.info(format!(
        "{} documents, {} {}, {} labels; up to {} epochs",
        train.texts().count(),
        inputs.words,
        if encoder.is_some() { "pieces" } else { "words" },
        taxonomy.len(),
        plan.epochs
    ));
    network.prepare(&Prepared {
        taxonomy: &taxonomy,
        hierarchy: &hierarchy,
        reader: &reader,
        train: &train,
        batches_per_epoch: Plan::updates_per_epoch(train.len(), plan.batch_size, 1),
        seed: request.seed,
        checkpoint: &request.checkpoint,
        host,
    })?;
    reader.save(&request.checkpoint)?;
    if let Some(config) = &encoder {
        config.save(&request.checkpoint)?;
    }
    Description::new(hyperparameters, inputs.words, inputs.word_size, &taxonomy)
        .save(N::NAME, &request.checkpoint)?;
    let summary = training::train(&mut network, &train, validation.as_ref(), &plan, host)?;
    network.finish(&request.checkpoint)?;
    drop(network);
    if let (Some(_), Some(best), Some(validation)) = (&encoder, summary.best, &validation)
        && device == Device::Cpu
    {
        report_int8::<N>(request, validation, best, plan.threshold, host)?;
    }
    Ok(())
}

/// Levels that the network works on: along first parents a label may lie deeper than along others.
fn levels(taxonomy: &Taxonomy, on_tree: bool) -> usize {
    let depth = if on_tree && !taxonomy.is_tree() {
        taxonomy.to_tree().depth()
    } else {
        taxonomy.depth()
    };
    depth as usize
}

fn start<H: TextHyperparameters>(
    hyperparameters: &H,
    fresh: Parameters,
    levels: usize,
    request: &TrainRequest,
    host: &Host<'_>,
) -> Result<Start, KitError> {
    match hyperparameters.source() {
        Source::Words(settings) => {
            let vectors = request
                .word_vectors
                .as_deref()
                .map(|path| WordVectors::open(path, host))
                .transpose()?;
            let pipeline = corpus::pipeline(settings, vectors.as_ref(), request, host)?;
            Ok(Start {
                reader: Reader::Words(pipeline),
                parameters: fresh,
                vectors,
                encoder: None,
            })
        }
        Source::Pretrained {
            max_length,
            settings,
        } => {
            let directory = request.encoder.as_deref().ok_or_else(|| {
                KitError::Input(
                    "texts are to be read with a pretrained encoder and none is given".to_owned(),
                )
            })?;
            host.step("reading the encoder", 0, 0);
            let pretrained = Pretrained::open(directory)?;
            let positions = pretrained.config.max_position_embeddings as usize;
            let most = positions
                .saturating_sub(hyperparameters.reserved(levels))
                .max(2);
            if max_length > most {
                host.info(format!(
                    "max_length is {max_length}; the encoder has {positions} positions, so {most} pieces of a text are read"
                ));
            }
            let options = PieceOptions {
                max_length: max_length.min(most),
                long_text: settings.long_text,
            };
            let encoder = settings.applied_to(&pretrained.config);
            let pieces = pretrained.pieces.clone();
            Ok(Start {
                reader: Reader::Pieces(Box::new(PieceReader::new(pieces, options))),
                parameters: fresh.starting_from(pretrained.into_weights()),
                vectors: None,
                encoder: Some(encoder),
            })
        }
    }
}

fn inputs<'a, H: TextHyperparameters>(
    hyperparameters: &H,
    hierarchy: &'a Hierarchy,
    reader: &Reader,
    vectors: Option<&WordVectors>,
    encoder: Option<&'a BertConfig>,
) -> Inputs<'a> {
    let (words, word_size) = match (encoder, hyperparameters.source()) {
        (None, Source::Words(settings)) => (
            reader.words().map_or(0, |words| words.vocabulary().len()),
            vectors.map_or(settings.word_size, |vectors| vectors.width() as i64),
        ),
        (Some(config), _) => (config.vocab_size as usize, config.hidden_size),
        (None, Source::Pretrained { .. }) => (0, 0),
    };
    Inputs {
        hierarchy,
        words,
        word_size,
        encoder,
        max_length: reader.max_length(),
        purpose: Purpose::Training,
    }
}

/// Says what prediction in eight bits would cost on the validation split.
fn report_int8<N: TextNetwork>(
    request: &TrainRequest,
    validation: &EncodedDocuments,
    single: Validation,
    threshold: f32,
    host: &Host<'_>,
) -> Result<(), ModelError> {
    let load = LoadRequest {
        checkpoint: request.checkpoint.clone(),
        taxonomy: request.taxonomy.clone(),
        device: request.device.clone(),
        threads: request.threads,
        encoder: None,
    };
    let model = TextModel::<N>::load_with(&load, Some(Precision::Int8))?;
    let int8 = model.evaluate(validation, threshold, host)?;
    host.info(format!(
        "prediction with precision int8 would have validation micro-F1 {:.4} instead of {:.4}, macro-F1 {:.4} instead of {:.4}",
        int8.micro_f1, single.micro_f1, int8.macro_f1, single.macro_f1
    ));
    Ok(())
}

fn hierarchy<H: TextHyperparameters>(
    hyperparameters: &H,
    taxonomy: &Taxonomy,
    on_tree: bool,
    train: &EncodedDocuments,
    validation: Option<&EncodedDocuments>,
) -> Hierarchy {
    let more = validation.filter(|_| hyperparameters.prior_from() == CountedFrom::TrainValidation);
    // A text that is read in several parts counts once. Priors are shares of the documents of a parent, so where
    // ancestors are not gold, they are counted all the same.
    let explicit = hyperparameters.label_sets() == LabelSets::Explicit;
    let sets = |split: &EncodedDocuments| -> Vec<Vec<LabelIndex>> {
        split
            .texts()
            .map(|parts| {
                let labels = split.labels(parts.start);
                if explicit {
                    taxonomy.close(labels)
                } else {
                    labels.to_vec()
                }
            })
            .collect()
    };
    let sets: Vec<Vec<LabelIndex>> = sets(train)
        .into_iter()
        .chain(more.into_iter().flat_map(sets))
        .collect();
    let sets = sets.iter().map(Vec::as_slice);
    let hierarchy = if on_tree {
        Hierarchy::new(taxonomy, sets)
    } else {
        Hierarchy::graph(taxonomy, sets)
    };
    if explicit {
        hierarchy.with_shares_for_unseen()
    } else {
        hierarchy
    }
}

#[cfg(test)]
mod tests {
    use arborist_shared::taxonomy::NewLabel;

    use super::*;

    #[test]
    fn a_tree_of_first_parents_may_be_deeper_than_the_graph() {
        let label = |id: &str, parents: &[&str]| NewLabel {
            id: id.to_owned(),
            name: id.to_owned(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            details: None,
        };
        let labels = vec![label("A", &[]), label("B", &["A"]), label("C", &["B", "A"])];
        let taxonomy = Taxonomy::new(labels).unwrap();
        assert_eq!(levels(&taxonomy, false), 2);
        assert_eq!(levels(&taxonomy, true), 3);
    }
}
