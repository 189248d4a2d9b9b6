//! Networks that train in no time.

use arborist_htcinfomax::{Hyperparameters, TextFeatures};
use arborist_model_kit::settings::{EncoderSettings, TextSettings, TrainingSettings};

pub(crate) fn tiny() -> Hyperparameters {
    Hyperparameters {
        la_label_dim: 16,
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
        ..Hyperparameters::default()
    }
}

/// Labels that attend over features of convolutions.
pub(crate) fn of_convolutions() -> Hyperparameters {
    Hyperparameters {
        text_features: TextFeatures::Cnn,
        la_label_dim: 6,
        ..tiny()
    }
}

/// Without any dropout.
pub(crate) fn still(mut hyperparameters: Hyperparameters) -> Hyperparameters {
    hyperparameters.encoder.embedding_dropout = 0.0;
    hyperparameters.encoder.rnn_dropout = 0.0;
    hyperparameters.structure.graph.node_dropout = 0.0;
    hyperparameters.label_dropout = 0.0;
    hyperparameters.classifier.classifier_dropout = 0.0;
    hyperparameters
}
