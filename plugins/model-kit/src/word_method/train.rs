//! A training from request to checkpoint.

use std::time::Duration;

use arborist_plugin_api::{Host, LabelIndex, ModelError, TrainRequest};
use arborist_shared::taxonomy::Taxonomy;
use tch::Device;

use super::checkpoint::Description;
use super::{Inputs, Prepared, Purpose, WordHyperparameters, WordNetwork, budget, corpus};
use crate::batch::{Dealing, EncodedDocuments};
use crate::optimizer::AdamOptions;
use crate::parameters::Parameters;
use crate::process;
use crate::schedule::Schedule;
use crate::settings::{CountedFrom, TrainSchedule};
use crate::structure::Hierarchy;
use crate::text::{Coverage, WordVectors};
use crate::training::{self, Plan};

/// Time between two states to resume from.
const STATE_INTERVAL: Duration = Duration::from_secs(30);

/// Trains a network as the hyperparameters say and writes a checkpoint.
///
/// # Errors
/// When the host cancels, the data cannot be used, or files cannot be written.
pub fn train<N: WordNetwork>(
    hyperparameters: &N::Hyperparameters,
    request: &TrainRequest,
    host: &Host<'_>,
) -> Result<(), ModelError> {
    host.check_cancelled()?;
    let device = process::prepare(&request.device, request.threads)?;
    let taxonomy = request.taxonomy()?;
    let on_tree = N::works_on_trees(hyperparameters);
    if on_tree {
        note_reduction(&taxonomy, host);
    }

    let vectors = request
        .word_vectors
        .as_deref()
        .map(|path| WordVectors::open(path, host))
        .transpose()?;
    let pipeline = corpus::pipeline(hyperparameters.text(), vectors.as_ref(), request, host)?;
    let sets = hyperparameters.label_sets();
    let train = corpus::encode(&request.train, &pipeline, sets, request, host)?;
    let validation = request
        .validation
        .as_deref()
        .map(|split| corpus::encode(split, &pipeline, sets, request, host))
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
    let word_size = vectors
        .as_ref()
        .map_or(hyperparameters.text().word_size, |vectors| {
            vectors.width() as i64
        });
    let words = pipeline.vocabulary().len();
    let inputs = Inputs {
        hierarchy: &hierarchy,
        words,
        word_size,
        purpose: Purpose::Training,
    };
    let fresh = Parameters::fresh(device, request.seed);
    let mut network = N::build(fresh, hyperparameters, inputs)?;
    if let Some(vectors) = vectors {
        let known = vectors.fill(network.table(), pipeline.vocabulary(), host)?;
        host.info(Coverage::new(&known, pipeline.vocabulary(), &train).to_string());
        drop(vectors);
        process::forget_peak_memory();
    }

    let plan = plan(hyperparameters, &train, &taxonomy, request, device);
    host.info(format!(
        "{} documents, {} words, {} labels; up to {} epochs",
        train.len(),
        pipeline.vocabulary().words().len(),
        taxonomy.len(),
        plan.epochs
    ));
    network.prepare(&Prepared {
        taxonomy: &taxonomy,
        hierarchy: &hierarchy,
        pipeline: &pipeline,
        train: &train,
        updates_per_epoch: Plan::updates_per_epoch(train.len(), plan.batch_size, plan.accumulate),
    })?;
    pipeline.save(&request.checkpoint)?;
    Description::new(hyperparameters, words, word_size, &taxonomy)
        .save(N::NAME, &request.checkpoint)?;
    training::train(&mut network, &train, validation.as_ref(), &plan, host)?;
    Ok(())
}

fn note_reduction(taxonomy: &Taxonomy, host: &Host<'_>) {
    let several = taxonomy.n_multi_parent();
    if several > 0 {
        host.info(format!("{several} labels have several parents; this method works on trees and uses the first one of each"));
    }
}

fn hierarchy<H: WordHyperparameters>(
    hyperparameters: &H,
    taxonomy: &Taxonomy,
    on_tree: bool,
    train: &EncodedDocuments,
    validation: Option<&EncodedDocuments>,
) -> Hierarchy {
    let more = validation.filter(|_| hyperparameters.prior_from() == CountedFrom::TrainValidation);
    let sets: Vec<&[LabelIndex]> = train
        .label_sets()
        .chain(more.into_iter().flat_map(EncodedDocuments::label_sets))
        .collect();
    if on_tree {
        Hierarchy::new(taxonomy, sets)
    } else {
        Hierarchy::graph(taxonomy, sets)
    }
}

fn plan<H: WordHyperparameters>(
    hyperparameters: &H,
    train: &EncodedDocuments,
    taxonomy: &Taxonomy,
    request: &TrainRequest,
    device: Device,
) -> Plan {
    let settings = hyperparameters.training();
    let epochs = budget::epochs(settings, train.len());
    let total = u64::from(epochs) * Plan::updates_per_epoch(train.len(), settings.batch_size, 1);
    let warmup = settings.warmup_steps.min(total / 10);
    let schedule = match settings.schedule {
        TrainSchedule::Linear => Schedule::Linear { warmup, total },
        TrainSchedule::Constant if warmup > 0 => Schedule::WarmupConstant { warmup },
        TrainSchedule::Constant => Schedule::Constant,
    };
    Plan {
        stage: "training",
        stage_number: 0,
        seed: request.seed,
        epochs,
        batch_size: settings.batch_size,
        accumulate: 1,
        dealing: Dealing::on(device),
        optimizer: AdamOptions {
            learning_rate: settings.learning_rate,
            epsilon: settings.adam_eps,
            ..AdamOptions::default()
        },
        schedule,
        patience: settings.patience,
        bad_epoch: settings.stop_rule,
        select: settings.select,
        threshold: settings.threshold,
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
