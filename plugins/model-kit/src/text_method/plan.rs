//! The plan of a training: what hyperparameters leave open is chosen here.

use std::time::Duration;

use arborist_plugin_api::TrainRequest;
use arborist_shared::taxonomy::Taxonomy;
use tch::Device;

use super::{Source, TextHyperparameters, budget};
use crate::batch::{Dealing, EncodedDocuments};
use crate::optimizer::AdamOptions;
use crate::pretrained::BertConfig;
use crate::schedule::Schedule;
use crate::settings::{TrainSchedule, TrainingSettings};
use crate::training::Plan;

/// Time between two states to resume from.
const STATE_INTERVAL: Duration = Duration::from_secs(30);

pub(super) fn plan<H: TextHyperparameters>(
    hyperparameters: &H,
    train: &EncodedDocuments,
    taxonomy: &Taxonomy,
    encoder: Option<&BertConfig>,
    request: &TrainRequest,
    device: Device,
) -> Plan {
    let settings = hyperparameters.training();
    let evaluation = hyperparameters.evaluation();
    let batch_size = settings.documents(encoder.is_some());
    let accumulate = settings.accumulate;
    let per_epoch = Plan::updates_per_epoch(train.len(), batch_size, accumulate).max(1);
    let epochs = match hyperparameters.updates() {
        0 => budget::epochs(settings, per_epoch),
        updates => u32::try_from(updates.div_ceil(per_epoch)).unwrap_or(u32::MAX),
    };
    let total = u64::from(epochs) * per_epoch;
    let (weight_decay, clip_norm) = match hyperparameters.source() {
        Source::Words(_) => (0.0, None),
        Source::Pretrained { settings, .. } => (
            settings.weight_decay,
            Some(settings.clip_norm).filter(|norm| *norm > 0.0),
        ),
    };
    Plan {
        stage: "training",
        stage_number: 0,
        seed: request.seed,
        epochs,
        batch_size,
        accumulate,
        dealing: Dealing::on(device),
        optimizer: AdamOptions {
            learning_rate: settings.rate(encoder),
            epsilon: settings.adam_eps,
            weight_decay,
            clip_norm,
            ..AdamOptions::default()
        },
        schedule: schedule(settings, encoder.map(|_| hyperparameters.schedule()), total),
        patience: settings.patience,
        bad_epoch: settings.stop_rule,
        select: settings.select,
        threshold: settings.threshold,
        evaluate_every: Some(evaluation.every).filter(|every| *every > 0),
        evaluate_from: evaluation.from_epoch,
        checkpoint: request.checkpoint.clone(),
        fingerprint: format!(
            "{hyperparameters:?} seed={} device={} tokens={} taxonomy={} vectors={:?} encoder={:?}",
            request.seed,
            request.device,
            train.n_tokens(),
            taxonomy.content_hash(),
            request.word_vectors,
            request.encoder
        ),
        state_interval: STATE_INTERVAL,
    }
}

/// `pretrained`: what `auto` stands for where an encoder is pretrained, `None` where there is none.
fn schedule(
    settings: &TrainingSettings,
    pretrained: Option<TrainSchedule>,
    total: u64,
) -> Schedule {
    let tenth = total / 10;
    let (kind, warmup) = match (settings.schedule, pretrained) {
        (TrainSchedule::Auto, Some(kind)) if settings.warmup_steps == 0 => (kind, tenth),
        (TrainSchedule::Auto, kind) => (kind.unwrap_or_default(), settings.warmup_steps.min(tenth)),
        (kind, _) => (kind, settings.warmup_steps.min(tenth)),
    };
    match kind {
        TrainSchedule::Linear => Schedule::Linear { warmup, total },
        _ if warmup > 0 => Schedule::WarmupConstant { warmup },
        _ => Schedule::Constant,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use arborist_shared::taxonomy::NewLabel;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::settings::TextSettings;

    fn of(schedule: TrainSchedule, warmup_steps: u64) -> TrainingSettings {
        TrainingSettings {
            schedule,
            warmup_steps,
            ..TrainingSettings::default()
        }
    }

    #[test]
    fn warm_up_never_takes_more_than_a_tenth() {
        let linear = |warmup| Schedule::Linear { warmup, total: 100 };
        let auto = TrainSchedule::Auto;
        let falls = Some(TrainSchedule::Linear);
        assert_eq!(schedule(&of(auto, 0), falls, 100), linear(10));
        assert_eq!(schedule(&of(auto, 3), falls, 100), linear(3));
        assert_eq!(schedule(&of(auto, 500), falls, 100), linear(10));
        let stays = Some(TrainSchedule::Constant);
        let risen = |warmup| Schedule::WarmupConstant { warmup };
        assert_eq!(schedule(&of(auto, 0), stays, 100), risen(10));
        assert_eq!(schedule(&of(auto, 3), stays, 100), risen(3));
        assert_eq!(schedule(&of(auto, 0), None, 100), Schedule::Constant);
        let constant = TrainSchedule::Constant;
        assert_eq!(schedule(&of(constant, 2_000), falls, 100), risen(10));
        assert_eq!(
            schedule(&of(TrainSchedule::Linear, 0), stays, 100),
            linear(0)
        );
    }

    /// Hyperparameters of no method.
    #[derive(Clone, Debug, Default, Serialize, Deserialize)]
    struct Chosen {
        training: TrainingSettings,
        text: TextSettings,
    }

    impl TextHyperparameters for Chosen {
        fn source(&self) -> Source<'_> {
            Source::Words(&self.text)
        }

        fn training(&self) -> &TrainingSettings {
            &self.training
        }

        fn label_width(&self) -> usize {
            1
        }
    }

    #[test]
    fn batches_of_an_update_reach_the_plan() {
        let request = TrainRequest {
            checkpoint: PathBuf::new(),
            train: PathBuf::new(),
            validation: None,
            taxonomy: PathBuf::new(),
            seed: 1,
            device: "cpu".to_owned(),
            threads: 1,
            encoder: None,
            word_vectors: None,
        };
        let label = NewLabel {
            id: "a".to_owned(),
            name: "a".to_owned(),
            parents: Vec::new(),
            details: None,
        };
        let taxonomy = Taxonomy::new(vec![label]).unwrap();
        let planned = |accumulate| {
            let mut chosen = Chosen::default();
            chosen.training.accumulate = accumulate;
            let none = EncodedDocuments::default();
            plan(&chosen, &none, &taxonomy, None, &request, Device::Cpu).accumulate
        };
        assert_eq!([planned(1), planned(4)], [1, 4]);
    }

    #[test]
    fn rates_and_batches_suit_the_network() {
        let open = TrainingSettings::default();
        let small = crate::pretrained::small();
        let large = BertConfig {
            hidden_size: 768,
            ..small.clone()
        };
        let rates = [None, Some(&small), Some(&large)].map(|encoder| open.rate(encoder));
        assert_eq!(rates, [1e-3, 1e-4, 3e-5]);
        assert_eq!((open.documents(false), open.documents(true)), (64, 12));
        let chosen = TrainingSettings {
            learning_rate: 0.5,
            batch_size: 7,
            ..open
        };
        assert_eq!(
            (chosen.rate(Some(&large)), chosen.documents(true)),
            (0.5, 7)
        );
    }
}
