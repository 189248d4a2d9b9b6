//! A network that trains in no time.

use arborist_hiagm::Hyperparameters;
use arborist_model_kit::settings::{
    ClassifierSettings, EncoderSettings, TextSettings, TrainingSettings,
};

pub(crate) fn tiny() -> Hyperparameters {
    Hyperparameters {
        training: TrainingSettings {
            epochs: 10,
            patience: 0,
            learning_rate: 0.01,
            batch_size: 8,
            ..TrainingSettings::default()
        },
        text: TextSettings {
            min_freq: 1,
            word_size: 12,
            ..TextSettings::default()
        },
        encoder: EncoderSettings {
            rnn_hidden: 8,
            num_kernels: 10,
            ..EncoderSettings::default()
        },
        node_size: 6,
        projection_dropout: 0.1,
        classifier: ClassifierSettings {
            classifier_dropout: 0.0,
            ..ClassifierSettings::default()
        },
        ..Hyperparameters::default()
    }
}

/// Without any dropout.
pub(crate) fn still(mut hyperparameters: Hyperparameters) -> Hyperparameters {
    hyperparameters.encoder.embedding_dropout = 0.0;
    hyperparameters.encoder.rnn_dropout = 0.0;
    hyperparameters.structure.graph.node_dropout = 0.0;
    hyperparameters.projection_dropout = 0.0;
    hyperparameters.label_dropout = 0.0;
    hyperparameters.classifier.classifier_dropout = 0.0;
    hyperparameters
}
