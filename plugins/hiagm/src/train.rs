//! A training from request to checkpoint.

use std::time::Duration;

use arborist_model_kit::batch::{Dealing, EncodedDocuments};
use arborist_model_kit::error::KitError;
use arborist_model_kit::optimizer::AdamOptions;
use arborist_model_kit::parameters::Parameters;
use arborist_model_kit::process;
use arborist_model_kit::schedule::Schedule;
use arborist_model_kit::structure::Hierarchy;
use arborist_model_kit::text::{TextPipeline, WordVectors};
use arborist_model_kit::training::{self, Plan};
use arborist_plugin_api::{Host, LabelIndex, ModelError, TrainRequest};
use arborist_shared::taxonomy::Taxonomy;

use crate::checkpoint::Description;
use crate::hyperparameters::{From, Hyperparameters, TrainSchedule};
use crate::network::Network;
use crate::{budget, corpus, memory};

/// Time between two states to resume from.
const STATE_INTERVAL: Duration = Duration::from_secs(30);

pub(crate) fn train(
    hyperparameters: &Hyperparameters,
    request: &TrainRequest,
    host: &Host<'_>,
) -> Result<(), ModelError> {
    host.check_cancelled()?;
    hyperparameters.check()?;
    let device = process::prepare(&request.device, request.threads)?;
    let taxonomy = request.taxonomy()?;
    memory::check(hyperparameters, taxonomy.len() as u64)?;
    note_reduction(&taxonomy, host);

    let vectors = request
        .word_vectors
        .as_deref()
        .map(WordVectors::open)
        .transpose()?;
    let pipeline = corpus::pipeline(hyperparameters, vectors.as_ref(), request, host)?;
    let train = corpus::encode(&request.train, &pipeline, request, host)?;
    let validation = request
        .validation
        .as_deref()
        .map(|split| corpus::encode(split, &pipeline, request, host))
        .transpose()?;
    if validation.as_ref().is_none_or(EncodedDocuments::is_empty) {
        host.info("no validation documents: all epochs are trained and the last weights are kept");
    }

    let hierarchy = hierarchy(hyperparameters, &taxonomy, &train, validation.as_ref());
    let word_size = vectors
        .as_ref()
        .map_or(hyperparameters.word_size, |vectors| vectors.width() as i64);
    let words = pipeline.vocabulary().len();
    let mut network = Network::new(
        Parameters::fresh(device, request.seed),
        hyperparameters,
        &hierarchy,
        words,
        word_size,
    )?;
    if let Some(vectors) = &vectors {
        take_vectors(&network, vectors, &pipeline, host)?;
    }

    let plan = plan(hyperparameters, &train, &taxonomy, request);
    host.info(format!(
        "{} documents, {} words, {} labels; up to {} epochs",
        train.len(),
        pipeline.vocabulary().words().len(),
        taxonomy.len(),
        plan.epochs
    ));
    pipeline.save(&request.checkpoint)?;
    Description::new(hyperparameters, words, word_size, &taxonomy).save(&request.checkpoint)?;
    training::train(&mut network, &train, validation.as_ref(), &plan, host)?;
    Ok(())
}

fn note_reduction(taxonomy: &Taxonomy, host: &Host<'_>) {
    let several = taxonomy.n_multi_parent();
    if several > 0 {
        host.info(format!("{several} labels have several parents; HiAGM works on trees and uses the first one of each"));
    }
}

fn hierarchy(
    hyperparameters: &Hyperparameters,
    taxonomy: &Taxonomy,
    train: &EncodedDocuments,
    validation: Option<&EncodedDocuments>,
) -> Hierarchy {
    let more = validation.filter(|_| hyperparameters.prior_from == From::TrainValidation);
    let sets: Vec<&[LabelIndex]> = train
        .label_sets()
        .chain(more.into_iter().flat_map(EncodedDocuments::label_sets))
        .collect();
    Hierarchy::new(taxonomy, sets)
}

/// Puts the file's vectors in place of the random ones.
fn take_vectors(
    network: &Network,
    vectors: &WordVectors,
    pipeline: &TextPipeline,
    host: &Host<'_>,
) -> Result<(), KitError> {
    let mut found = 0_u64;
    vectors.for_each(|word, vector| {
        if let Some(id) = pipeline.vocabulary().known_id(word) {
            network.table().set_row(id, vector);
            found += 1;
        }
    })?;
    host.info(format!(
        "{found} of {} words have a vector in the file",
        pipeline.vocabulary().words().len()
    ));
    Ok(())
}

fn plan(
    hyperparameters: &Hyperparameters,
    train: &EncodedDocuments,
    taxonomy: &Taxonomy,
    request: &TrainRequest,
) -> Plan {
    let epochs = budget::epochs(hyperparameters, train.len());
    let total =
        u64::from(epochs) * Plan::updates_per_epoch(train.len(), hyperparameters.batch_size, 1);
    let warmup = hyperparameters.warmup_steps.min(total / 10);
    let schedule = match hyperparameters.schedule {
        TrainSchedule::Linear => Schedule::Linear { warmup, total },
        TrainSchedule::Constant if warmup > 0 => Schedule::WarmupConstant { warmup },
        TrainSchedule::Constant => Schedule::Constant,
    };
    Plan {
        stage: "training",
        stage_number: 0,
        seed: request.seed,
        epochs,
        batch_size: hyperparameters.batch_size,
        accumulate: 1,
        // Nothing is padded on a processor, so length does not matter to the dealing.
        dealing: Dealing::Shuffled,
        optimizer: AdamOptions {
            learning_rate: hyperparameters.learning_rate,
            epsilon: hyperparameters.adam_eps,
            ..AdamOptions::default()
        },
        schedule,
        patience: hyperparameters.patience,
        bad_epoch: hyperparameters.stop_rule,
        select: hyperparameters.select,
        threshold: hyperparameters.threshold,
        evaluate_every: None,
        checkpoint: request.checkpoint.clone(),
        fingerprint: format!(
            "{hyperparameters:?} seed={} device={} tokens={} taxonomy={} vectors={:?}",
            request.seed,
            request.device,
            train.n_tokens(),
            taxonomy.content_hash(),
            request.word_vectors
        ),
        state_interval: STATE_INTERVAL,
    }
}
